//! Tests of episodes: stories, and random deliveries against a model of what was said of each member.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::{Strategy, prop, prop_assert, prop_assert_eq, prop_oneof, proptest};

use super::{
    Episode, Firing, FiringOutcome, LookOutcome, Member, Members, ResolvedOutcome, SETTLING,
    Unsent, Windows, on_firing, on_look, on_resolved,
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

fn id(name: &str) -> MemberId {
    MemberId::try_from(name).expect("a member id")
}

/// Members with the second in which each began.
fn members(pairs: &[(&str, i64)], severity: AlertSeverity) -> Members {
    let member = |(name, second): &(&str, i64)| {
        let starts_at = at(*second).as_millisecond();
        (
            id(name),
            Member {
                severity,
                starts_at,
            },
        )
    };
    pairs.iter().map(member).collect()
}

fn fires_as(severity: AlertSeverity, pairs: &[(&str, i64)]) -> Firing {
    Firing {
        members: members(pairs, severity),
        count: pairs.len() as u64,
        severity,
        left_out: 0,
        analysed: true,
        group: None,
        forbids_repair: false,
    }
}

fn firing(pairs: &[(&str, i64)]) -> Firing {
    fires_as(AlertSeverity::Warning, pairs)
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

    fn resolve(&mut self, second: i64, names: &[&str]) -> ResolvedOutcome {
        let current = self.episode.as_ref().expect("an episode");
        let resolved = names.iter().copied().map(id).collect();
        let (outcome, episode) = on_resolved(current, &resolved, at(second), WINDOWS);
        self.episode = Some(episode);
        outcome
    }

    fn look(&mut self, second: i64, active: Option<&[&str]>) -> LookOutcome {
        let active: Option<BTreeSet<MemberId>> =
            active.map(|active| active.iter().copied().map(id).collect());
        let (outcome, episode) = on_look(self.now(), active.as_ref(), true, at(second), WINDOWS);
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
    assert_eq!(story.fire(0, &firing(&[("a", 0)])), FiringOutcome::Opened);
    for hour in [4, 8, 12] {
        assert_eq!(
            story.fire(hour * 3_600, &firing(&[("a", 0)])),
            FiringOutcome::Joined
        );
    }
    assert_eq!((story.now().hit_count, story.opened), (4, 1));
}

#[test]
fn an_alert_repeated_every_twelve_hours_is_one_incident() {
    // Whether nobody has looked meanwhile, or somebody who could ask nobody.
    for looked in [false, true] {
        let mut story = Story::new();
        story.fire(0, &firing(&[("a", 0)]));
        for half_day in 1..4 {
            let now = half_day * 43_200;
            let again = if looked {
                assert_eq!(story.look(now - 25_000, None), LookOutcome::Expired);
                FiringOutcome::Reopened
            } else {
                FiringOutcome::Joined
            };
            assert_eq!(story.fire(now, &firing(&[("a", 0)])), again);
        }
        assert_eq!(
            (story.opened, story.now().flaps),
            (1, 0),
            "it never resolved"
        );
        assert_eq!(story.resolve(130_000, &["a"]), ResolvedOutcome::Resolved);
    }
}

#[test]
fn a_senders_clock_that_is_ahead_makes_no_second_incident() {
    let mut story = Story::new();
    story.fire(0, &firing(&[("a", 60)]));
    assert_eq!(
        story.fire(43_200, &firing(&[("a", 60)])),
        FiringOutcome::Joined
    );
}

#[test]
fn what_begins_after_an_episode_went_stale_opens_anew() {
    let mut story = Story::new();
    story.fire(0, &firing(&[("a", 0)]));
    assert_eq!(
        story.fire(18_001, &firing(&[("a", 18_000)])),
        FiringOutcome::Opened
    );
    assert_eq!((story.now().hit_count, story.now().version), (1, 2));
}

#[test]
fn the_episode_ends_with_its_last_member() {
    let mut story = Story::new();
    story.fire(0, &firing(&[("a", 0), ("b", 0)]));
    assert_eq!(story.resolve(10, &["a"]), ResolvedOutcome::MemberLeft);
    assert!(story.now().open);
    assert_eq!(story.resolve(20, &["a", "b"]), ResolvedOutcome::Resolved);
    assert_eq!(story.resolve(20, &["a", "b"]), ResolvedOutcome::Ignored);
    assert!(story.now().unsent.contains(&Unsent::Changed));
}

#[test]
fn a_resolve_ends_its_member_whenever_that_began() {
    let mut story = Story::new();
    // One replica saw it 15 s later than the other, and Alertmanager keeps the earliest time.
    story.fire(20, &firing(&[("a", 15)]));
    story.fire(21, &firing(&[("a", 0)]));
    assert_eq!(story.resolve(60, &["a"]), ResolvedOutcome::Resolved);
}

#[test]
fn a_late_firing_is_noted_and_a_resolve_behind_it_ends_it() {
    let mut story = Story::new();
    story.fire(0, &firing(&[("a", 0)]));
    story.resolve(10, &["a"]);
    for second in [11, 12] {
        assert_eq!(
            story.fire(second, &firing(&[("a", 0)])),
            FiringOutcome::Late
        );
        assert!(!story.now().open && story.now().unsent.contains(&Unsent::Disputed));
    }
    assert_eq!(story.resolve(20, &["a"]), ResolvedOutcome::Ignored);
    assert_eq!(story.look(100, None), LookOutcome::Unchanged);
    assert_eq!(
        (story.now().open, story.now().flaps, story.now().hit_count),
        (false, 0, 3)
    );
}

#[test]
fn a_firing_after_its_resolve_is_believed_once_settled() {
    let mut story = Story::new();
    story.fire(0, &firing(&[("a", 0)]));
    story.resolve(300, &["a"]);
    assert_eq!(story.fire(301, &firing(&[("a", 0)])), FiringOutcome::Late);
    assert_eq!(story.look(320, None), LookOutcome::Unchanged, "too early");
    let settles_at = story.now().settles_at().expect("it is disputed");
    assert_eq!(settles_at, at(300) + SETTLING);
    assert!(SETTLING < SignedDuration::from_mins(1));
    assert_eq!(story.look(345, None), LookOutcome::Believed);
    assert_eq!(
        (story.now().open, story.now().flaps, story.opened),
        (true, 1, 1)
    );
    // Later than that nothing has to be noted first.
    story.resolve(600, &["a"]);
    assert_eq!(
        story.fire(645, &firing(&[("a", 0)])),
        FiringOutcome::Reopened
    );
    assert_eq!(story.now().flaps, 2);
    // Also after the window: it has the time of what was there.
    story.resolve(700, &["a"]);
    assert_eq!(
        story.fire(9_000, &firing(&[("a", 0)])),
        FiringOutcome::Reopened
    );
    assert_eq!(story.opened, 1);
}

#[test]
fn alertmanager_decides_where_it_can_be_asked() {
    for (active, outcome) in [
        (&["a"][..], LookOutcome::Believed),
        (&["b"], LookOutcome::Unchanged),
    ] {
        let mut story = Story::new();
        story.fire(0, &firing(&[("a", 0)]));
        story.resolve(10, &["a"]);
        story.fire(11, &firing(&[("a", 0)]));
        assert_eq!(story.look(60, Some(active)), outcome);
        assert_eq!(story.now().open, outcome == LookOutcome::Believed);
        assert_eq!(story.now().settles_at(), None, "it is settled");
    }
}

#[test]
fn a_disputed_member_does_not_keep_the_others_open() {
    let mut story = Story::new();
    story.fire(0, &firing(&[("a", 0), ("b", 0)]));
    story.resolve(10, &["a"]);
    assert_eq!(
        story.fire(11, &firing(&[("a", 0), ("b", 0)])),
        FiringOutcome::Joined
    );
    assert_eq!(story.resolve(20, &["b"]), ResolvedOutcome::Resolved);
    assert_eq!(story.look(55, None), LookOutcome::Believed);
    assert!(story.now().open);
}

#[test]
fn firing_again_inside_the_window_reopens_and_counts_a_flap() {
    let mut story = Story::new();
    story.fire(0, &firing(&[("a", 0)]));
    story.resolve(10, &["a"]);
    assert_eq!(
        story.fire(20, &firing(&[("a", 15)])),
        FiringOutcome::Reopened,
        "it began after the resolve"
    );
    assert_eq!((story.now().flaps, story.opened), (1, 1));
    story.resolve(30, &["a"]);
    assert_eq!(
        story.fire(331, &firing(&[("a", 330)])),
        FiringOutcome::Opened
    );
}

#[test]
fn reopened_alert_is_requeued_for_analysis() {
    for analysed in [true, false] {
        let mut story = Story::new();
        story.fire(0, &firing(&[("a", 0)]));
        story.resolve(10, &["a"]);
        story.episode.as_mut().expect("an episode").unsent = [].into();
        story.fire(
            20,
            &Firing {
                analysed,
                ..firing(&[("a", 15)])
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
fn the_severity_is_that_of_the_worst_member_that_fires() {
    let (critical, info) = (AlertSeverity::Critical, AlertSeverity::Info);
    let mut story = Story::new();
    story.fire(0, &fires_as(info, &[("a", 0)]));
    assert_eq!(
        story.fire(1, &firing(&[("b", 1)])),
        FiringOutcome::Escalated
    );
    let worse = fires_as(critical, &[("c", 1)]);
    assert_eq!(story.fire(2, &worse), FiringOutcome::Escalated);
    assert_eq!(story.fire(3, &worse), FiringOutcome::Joined);
    assert_eq!(
        story.fire(3, &firing(&[("c", 1)])),
        FiringOutcome::Joined,
        "the same member is as bad as it was"
    );
    assert_eq!(story.now().severity, critical);
    assert_eq!(story.resolve(4, &["c"]), ResolvedOutcome::MemberLeft);
    assert_eq!(story.now().severity, AlertSeverity::Warning);
    story.resolve(5, &["b"]);
    assert_eq!(story.now().severity, info);
    story.resolve(6, &["a"]);
    assert_eq!(story.now().severity, info, "that of the last one");
}

#[test]
fn a_label_that_forbids_repairs_holds_for_the_episode() {
    let mut story = Story::new();
    story.fire(0, &firing(&[("a", 0)]));
    assert!(!story.now().forbids_repair);
    let forbids = Firing {
        forbids_repair: true,
        ..firing(&[("b", 0)])
    };
    assert_eq!(story.fire(1, &forbids), FiringOutcome::Joined);
    // Its alert is over and others go on; then all are over, and one fires again within the window.
    assert_eq!(story.resolve(2, &["b"]), ResolvedOutcome::MemberLeft);
    assert_eq!(story.fire(3, &firing(&[("a", 0)])), FiringOutcome::Joined);
    assert!(story.now().forbids_repair);
    story.resolve(4, &["a"]);
    assert_eq!(story.fire(6, &firing(&[("a", 5)])), FiringOutcome::Reopened);
    assert!(story.now().forbids_repair);
    assert_eq!(
        story.fire(18_007, &firing(&[("a", 18_000)])),
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
    story.fire(0, &firing(&[("sender", 0)]));
    assert!(story.now().may_never_resolve());
    story.fire(1, &firing(&[("a", 1)]));
    assert!(
        !story.now().may_never_resolve(),
        "Alertmanager says when this one ends"
    );
    story.resolve(2, &["a"]);
    assert!(story.now().open && story.now().may_never_resolve());
    story.resolve(3, &["sender"]);
    assert!(!story.now().may_never_resolve(), "it has said so after all");
}

#[test]
fn an_episode_that_nobody_has_heard_of_is_looked_at() {
    let open = || {
        let mut story = Story::new();
        story.fire(0, &firing(&[("a", 0), ("b", 0)]));
        assert_eq!(story.look(18_000, None), LookOutcome::Unchanged);
        story
    };
    let mut story = open();
    assert_eq!(story.look(18_001, None), LookOutcome::Expired);
    assert!(!story.now().open && story.now().expired);
    assert_eq!(story.look(18_002, None), LookOutcome::Unchanged);

    let mut story = open();
    assert_eq!(story.look(18_001, Some(&["b"])), LookOutcome::Heard);
    assert!(story.now().open && story.now().members.len() == 1);
    assert_eq!(story.look(36_002, Some(&[])), LookOutcome::Ended);
    assert!(!story.now().open && !story.now().expired);
}

/// What a random delivery says, of the members of a range.
#[derive(Debug, Clone)]
enum Says {
    Fires(Starts),
    Ends,
}

/// The time that the firing of a member carries.
#[derive(Debug, Clone, Copy)]
enum Starts {
    /// The same for ever.
    Constant,
    /// What the other replica of Prometheus says.
    Replica,
    /// It has just begun.
    Now,
}

#[derive(Debug, Clone)]
struct Delivery {
    says: Says,
    wait: i64,
    /// A part of all members, in hundredths.
    from: usize,
    upto: usize,
}

fn deliveries() -> impl Strategy<Value = (usize, Vec<Delivery>)> {
    // Waits around the settling time, the window and staleness.
    let wait = prop_oneof![
        4 => 0i64..12, 3 => 30i64..60, 2 => 290i64..310, 1 => 17_990i64..18_010, 1 => 43_200i64..43_210
    ];
    let starts = prop_oneof![
        prop::strategy::Just(Starts::Constant),
        prop::strategy::Just(Starts::Replica),
        prop::strategy::Just(Starts::Now)
    ];
    let says = prop_oneof![
        starts.prop_map(Says::Fires),
        prop::strategy::Just(Says::Ends)
    ];
    let part = (0usize..100, 1usize..101);
    let delivery = (says, wait, part).prop_map(|(says, wait, (from, length))| Delivery {
        says,
        wait,
        from,
        upto: (from + length).min(100),
    });
    let count = prop_oneof![1usize..4, 12usize..22, 300usize..301, 499usize..501];
    (count, prop::collection::vec(delivery, 1..30))
}

/// What was said of a member since it last was over for good.
#[derive(Debug, Clone, Default)]
struct Heard {
    /// When it was last said to have ended.
    ended: Option<i64>,
    /// What was said since: when, and since when it fires.
    firing: Vec<(i64, i64)>,
}

impl Heard {
    /// From when on it is known to fire: what is received later is believed, and what may be the
    /// other half of a pair when that would have spoken.
    fn fires_from(&self) -> Option<i64> {
        let believed = |(received, starts): &(i64, i64)| match self.ended {
            Some(ended) if *starts <= ended => (*received).max(ended + SETTLING.as_secs()),
            _ => *received,
        };
        self.firing.iter().map(believed).min()
    }
}

/// The table of the issue, in seconds: who fires, and whether anybody was heard.
#[derive(Debug, Default)]
struct Model {
    members: BTreeMap<usize, Heard>,
    last_heard: i64,
    open: bool,
    flaps: u64,
    expired: bool,
}

impl Model {
    fn fires(&self, now: i64) -> bool {
        let mut from = self.members.values().filter_map(Heard::fires_from);
        from.any(|from| from <= now)
    }

    /// Lets the time pass: what was disputed is believed, and what is stale expires.
    fn pass(&mut self, now: i64) {
        loop {
            let settles = self.members.values().filter_map(Heard::fires_from);
            let settles = settles.filter(|from| *from > self.last_heard).min();
            let stale = self.last_heard + WINDOWS.stale.as_secs() + 1;
            match settles {
                Some(settles) if settles <= now && (!self.open || settles <= stale) => {
                    self.last_heard = settles;
                    self.turn(settles);
                }
                _ if self.open && stale <= now => {
                    self.members
                        .retain(|_, heard| heard.fires_from().is_none_or(|from| from > stale));
                    self.open = false;
                    self.expired = true;
                    return self.pass_closed(now);
                }
                _ => return,
            }
        }
    }

    fn pass_closed(&mut self, now: i64) {
        let settles = self.members.values().filter_map(Heard::fires_from).min();
        if let Some(settles) = settles.filter(|settles| *settles <= now) {
            self.last_heard = settles;
            self.turn(settles);
            self.pass(now);
        }
    }

    /// Opens or closes it.
    fn turn(&mut self, now: i64) {
        let fires = self.fires(now);
        if fires && !self.open {
            self.flaps += u64::from(!self.expired);
            self.expired = false;
        }
        self.open = fires;
    }
}

proptest! {
    #[test]
    fn an_episode_is_open_exactly_while_a_member_fires((count, deliveries) in deliveries()) {
        let names: Vec<String> = (0..count).map(|i| format!("m{i:03}")).collect();
        let (mut story, mut model) = (Story::new(), Model::default());
        let (mut now, mut hits) = (100, 0);
        for delivery in deliveries {
            // The timers that are due meanwhile; each comes in its second.
            let until = now + delivery.wait;
            while let Some(episode) = &story.episode {
                let stale = episode.last_seen + WINDOWS.stale + SignedDuration::from_secs(1);
                let due = [episode.settles_at(), episode.open.then_some(stale)];
                let Some(due) = due.into_iter().flatten().min().filter(|due| *due <= at(until)) else {
                    break;
                };
                story.look(due.duration_since(at(0)).as_secs(), None);
            }
            model.pass(until);
            now = until;
            if let Some(episode) = &story.episode {
                prop_assert_eq!(episode.open, model.open, "after its timers");
                prop_assert_eq!(episode.flaps, model.flaps);
            }
            let range = (delivery.from * count / 100)..(delivery.upto * count).div_ceil(100);
            let known = story.episode.clone();
            match delivery.says {
                Says::Fires(starts) => {
                    let starts = match starts {
                        Starts::Constant => 0,
                        Starts::Replica => 15,
                        Starts::Now => now,
                    };
                    let pairs: Vec<(&str, i64)> = range.clone().map(|i| (names[i].as_str(), starts)).collect();
                    let outcome = story.fire(now, &firing(&pairs));
                    for i in range.clone() {
                        model.members.entry(i).or_default().firing.push((now, starts));
                    }
                    let late = range.clone().all(|i| model.members[&i].fires_from().is_some_and(|from| from > now));
                    prop_assert_eq!(outcome == FiringOutcome::Late, late);
                    if outcome == FiringOutcome::Opened {
                        // What was there must be over, or unheard of for too long, and this one new.
                        prop_assert!(!model.open, "a second incident beside an open one");
                        prop_assert!(known.is_none_or(|known| at(starts).as_millisecond() > known.latest_start));
                        (model.flaps, model.open, model.expired, hits) = (0, true, false, 0);
                    }
                    hits += pairs.len() as u64;
                    if !late {
                        model.last_heard = now;
                        model.turn(now);
                        prop_assert!(story.now().open);
                    }
                }
                Says::Ends if known.is_none() => continue,
                Says::Ends => {
                    let gone: Vec<&str> = range.clone().map(|i| names[i].as_str()).collect();
                    let outcome = story.resolve(now, &gone);
                    for i in range {
                        model.members.insert(i, Heard { ended: Some(now), firing: Vec::new() });
                    }
                    let was_open = model.open;
                    if was_open {
                        model.turn(now);
                    }
                    prop_assert_eq!(outcome == ResolvedOutcome::Resolved, was_open && !model.open);
                }
            }
            prop_assert_eq!(story.now().open, model.open);
            prop_assert_eq!(story.now().flaps, model.flaps);
            prop_assert_eq!(story.now().hit_count, hits, "the count is exact");
        }
    }
}
