//! Tests of episodes: stories, and random interleavings against a model that only counts.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::{Strategy, any, prop, prop_assert, prop_assert_eq, prop_oneof, proptest};

use super::{
    Episode, Firing, FiringOutcome, Members, ResolvedOutcome, Unsent, Windows, on_firing,
    on_resolved,
};
use crate::alert::AlertSeverity;
use crate::primitives::id::{Fingerprint, IncidentId, MemberId};

const WINDOWS: Windows = Windows {
    debounce: SignedDuration::from_secs(300),
    stale: SignedDuration::from_secs(18_000),
};

fn at(second: i64) -> Timestamp {
    Timestamp::UNIX_EPOCH + SignedDuration::from_secs(1_000_000 + second)
}

fn members(pairs: &[(&str, i64)]) -> Members {
    pairs
        .iter()
        .filter_map(|(id, starts)| Some((MemberId::try_from(*id).ok()?, *starts)))
        .collect()
}

fn firing(pairs: &[(&str, i64)]) -> Firing {
    Firing {
        members: members(pairs),
        count: pairs.len() as u64,
        severity: AlertSeverity::Warning,
        left_out: 0,
        analysed: true,
        forbids_repair: false,
    }
}

struct Story {
    episode: Option<Episode>,
    opened: u8,
}

impl Story {
    fn new() -> Self {
        Self {
            episode: None,
            opened: 0,
        }
    }

    fn fire(&mut self, second: i64, firing: &Firing) -> FiringOutcome {
        let fingerprint = Fingerprint::try_from("ab".repeat(32)).expect("hex");
        let id = IncidentId::try_from(format!("01ARZ3NDEKTSV4RRFFQ69G5F{:02}", self.opened))
            .expect("a ULID");
        let (outcome, episode) = on_firing(
            self.episode.as_ref(),
            &fingerprint,
            firing,
            &id,
            at(second),
            WINDOWS,
        );
        self.opened += u8::from(outcome == FiringOutcome::Opened);
        self.episode = Some(episode);
        outcome
    }

    fn resolve(
        &mut self,
        second: i64,
        pairs: &[(&str, i64)],
        whole_group: bool,
    ) -> ResolvedOutcome {
        let current = self.episode.as_ref().expect("an episode");
        let (outcome, episode) =
            on_resolved(current, &members(pairs), whole_group, at(second), WINDOWS);
        self.episode = Some(episode);
        outcome
    }

    fn now(&self) -> &Episode {
        self.episode.as_ref().expect("an episode")
    }
}

#[test]
fn an_alert_repeated_every_four_hours_is_one_incident() {
    let mut story = Story::new();
    assert_eq!(story.fire(0, &firing(&[("a", 1)])), FiringOutcome::Opened);
    for hour in [4, 8, 12] {
        assert_eq!(
            story.fire(hour * 3_600, &firing(&[("a", 1)])),
            FiringOutcome::Joined
        );
    }
    assert_eq!((story.now().hit_count, story.opened), (4, 1));
}

#[test]
fn an_open_episode_goes_stale_and_the_next_alert_opens_anew() {
    let mut story = Story::new();
    story.fire(0, &firing(&[("a", 1)]));
    assert_eq!(
        story.fire(18_001, &firing(&[("a", 1)])),
        FiringOutcome::Opened
    );
    assert_eq!((story.now().hit_count, story.now().version), (1, 2));
}

#[test]
fn the_episode_ends_with_its_last_member() {
    let mut story = Story::new();
    story.fire(0, &firing(&[("a", 1), ("b", 2)]));
    assert_eq!(
        story.resolve(10, &[("a", 1)], false),
        ResolvedOutcome::MemberLeft
    );
    assert!(story.now().open);
    assert_eq!(
        story.resolve(20, &[("a", 1), ("b", 2)], true),
        ResolvedOutcome::Resolved
    );
    assert_eq!(
        story.resolve(20, &[("a", 1), ("b", 2)], true),
        ResolvedOutcome::Ignored
    );
    assert!(story.now().unsent.contains(&Unsent::Changed));
}

#[test]
fn a_late_firing_delivery_is_counted_and_never_reopens() {
    let mut story = Story::new();
    story.fire(0, &firing(&[("a", 1)]));
    story.resolve(10, &[("a", 1)], true);
    assert_eq!(story.fire(11, &firing(&[("a", 1)])), FiringOutcome::Late);
    assert_eq!(story.fire(4_000, &firing(&[("a", 1)])), FiringOutcome::Late);
    assert_eq!((story.now().open, story.now().hit_count), (false, 3));
}

#[test]
fn firing_again_inside_the_window_reopens_and_counts_a_flap() {
    let mut story = Story::new();
    story.fire(0, &firing(&[("a", 1)]));
    story.resolve(10, &[("a", 1)], true);
    assert_eq!(
        story.fire(200, &firing(&[("a", 2)])),
        FiringOutcome::Reopened
    );
    assert_eq!((story.now().flaps, story.opened), (1, 1));
    story.resolve(210, &[("a", 2)], true);
    assert_eq!(story.fire(511, &firing(&[("a", 3)])), FiringOutcome::Opened);
}

#[test]
fn reopened_alert_is_requeued_for_analysis() {
    for analysed in [true, false] {
        let mut story = Story::new();
        story.fire(0, &firing(&[("a", 1)]));
        story.resolve(10, &[("a", 1)], true);
        story.episode.as_mut().expect("an episode").unsent = [].into();
        story.fire(
            20,
            &Firing {
                analysed,
                ..firing(&[("a", 2)])
            },
        );
        assert_eq!(story.now().unsent.contains(&Unsent::Opened), analysed);
        assert!(
            story.now().unsent.contains(&Unsent::Changed),
            "its card waits for nobody"
        );
    }
}

#[test]
fn a_resolve_overtaken_by_a_newer_firing_changes_nothing() {
    let mut story = Story::new();
    story.fire(0, &firing(&[("a", 1)]));
    story.fire(5, &firing(&[("a", 2)]));
    assert_eq!(
        story.resolve(6, &[("a", 1)], true),
        ResolvedOutcome::MemberLeft
    );
    assert!(story.now().open && story.now().members.len() == 1);
}

#[test]
fn worse_is_an_escalation_once() {
    let mut story = Story::new();
    story.fire(0, &firing(&[("a", 1)]));
    let critical = Firing {
        severity: AlertSeverity::Critical,
        ..firing(&[("a", 1)])
    };
    assert_eq!(story.fire(1, &critical), FiringOutcome::Escalated);
    assert_eq!(story.fire(2, &critical), FiringOutcome::Joined);
    assert_eq!(story.fire(3, &firing(&[("a", 1)])), FiringOutcome::Joined);
    assert_eq!(story.now().severity, AlertSeverity::Critical);
}

#[test]
fn a_label_that_forbids_repairs_holds_for_the_episode() {
    let mut story = Story::new();
    story.fire(0, &firing(&[("a", 1)]));
    assert!(!story.now().forbids_repair);
    let forbids = Firing {
        forbids_repair: true,
        ..firing(&[("b", 1)])
    };
    assert_eq!(story.fire(1, &forbids), FiringOutcome::Joined);
    // Its alert is over and others go on; then all are over, and one fires again within the window.
    assert_eq!(
        story.resolve(2, &[("b", 1)], false),
        ResolvedOutcome::MemberLeft
    );
    assert_eq!(story.fire(3, &firing(&[("a", 1)])), FiringOutcome::Joined);
    assert!(story.now().forbids_repair);
    story.resolve(4, &[("a", 1)], true);
    assert_eq!(story.fire(5, &firing(&[("a", 5)])), FiringOutcome::Reopened);
    assert!(story.now().forbids_repair);
    assert_eq!(
        story.fire(18_006, &firing(&[("a", 5)])),
        FiringOutcome::Opened
    );
    assert!(!story.now().forbids_repair, "another episode");
    let mut story = Story::new();
    story.fire(0, &forbids);
    assert!(story.now().forbids_repair);
}

#[test]
fn episode_of_senders_without_resolves_may_never_resolve() {
    let mut story = Story::new();
    story.fire(0, &firing(&[("sender", 1)]));
    assert!(story.now().may_never_resolve());
    story.fire(1, &firing(&[("a", 1)]));
    assert!(
        !story.now().may_never_resolve(),
        "Alertmanager says when this one ends"
    );
    story.resolve(2, &[("a", 1)], true);
    assert!(story.now().open && story.now().may_never_resolve());
    story.resolve(3, &[("sender", 1)], true);
    assert!(!story.now().may_never_resolve(), "it has said so after all");
}

#[test]
fn past_the_bound_only_the_whole_group_ends_it() {
    let mut story = Story::new();
    let names: Vec<String> = (0..40).map(|i| format!("m{i:02}")).collect();
    let all: Vec<(&str, i64)> = names.iter().map(|name| (name.as_str(), 1)).collect();
    story.fire(0, &firing(&all));
    assert!(story.now().overflowed && story.now().hit_count == 40);
    assert_eq!(
        story.resolve(10, &all[..39], false),
        ResolvedOutcome::MemberLeft
    );
    assert_eq!(story.resolve(20, &all, true), ResolvedOutcome::Resolved);
    assert!(story.now().departed.len() <= super::DEPARTED_MEMBERS_KEPT);
}

/// One delivery of a random sender: which member, which of its firings, and how long after the one before.
#[derive(Debug, Clone)]
enum Delivery {
    Fire { member: u8, firing: i64, wait: u16 },
    Resolve { member: u8, firing: i64, wait: u16 },
}

fn delivery() -> impl Strategy<Value = Delivery> {
    // Few members and few firings, so that repetitions, late and reordered deliveries are frequent; waits around the windows.
    let wait = prop_oneof![0u16..10, 290u16..310, 17_990u16..18_010];
    (any::<bool>(), 0u8..4, 1i64..5, wait).prop_map(|(fires, member, firing, wait)| match fires {
        true => Delivery::Fire {
            member,
            firing,
            wait,
        },
        false => Delivery::Resolve {
            member,
            firing,
            wait,
        },
    })
}

proptest! {
    #[test]
    fn whatever_the_order_counts_are_exact_and_ends_are_ends(deliveries in prop::collection::vec(delivery(), 1..60)) {
        let mut story = Story::new();
        let mut now = 0;
        // The model: how many firing deliveries since the last opening, and the latest firing of each member that ended.
        let mut count = 0;
        let mut ended: BTreeMap<u8, i64> = BTreeMap::new();
        for delivery in deliveries {
            match delivery {
                Delivery::Fire { member, firing: nth, wait } => {
                    now += i64::from(wait);
                    let before = story.episode.clone();
                    let name = format!("m{member}");
                    let outcome = story.fire(now, &firing(&[(&name, nth)]));
                    count = if outcome == FiringOutcome::Opened { 1 } else { count + 1 };
                    let late = ended.get(&member).is_some_and(|last| nth <= *last);
                    prop_assert_eq!(outcome == FiringOutcome::Late, late && before.is_some());
                    if outcome == FiringOutcome::Opened {
                        prop_assert!(before.is_none_or(|before| !before.accepts(at(now), WINDOWS)), "it could have joined");
                    } else if late {
                        prop_assert_eq!(story.now().open, before.is_some_and(|before| before.open), "late deliveries change nothing");
                    }
                    if !late {
                        prop_assert!(story.now().open);
                        let key = MemberId::try_from(name.as_str()).expect("a member id");
                        prop_assert!(story.now().members.contains_key(&key));
                    }
                }
                Delivery::Resolve { member, firing: nth, wait } => {
                    now += i64::from(wait);
                    let Some(before) = story.episode.clone() else { continue };
                    let name = format!("m{member}");
                    let outcome = story.resolve(now, &[(&name, nth)], false);
                    let last = ended.entry(member).or_insert(nth);
                    *last = (*last).max(nth);
                    prop_assert_eq!(outcome == ResolvedOutcome::Resolved, before.open && !story.now().open);
                    prop_assert_eq!(story.now().open, before.open && !story.now().members.is_empty());
                }
            }
            prop_assert_eq!(story.now().hit_count, count, "the count is exact");
            prop_assert!(story.now().members.len() <= super::FIRING_MEMBERS_KEPT);
        }
    }
}
