//! Stories of episodes, one for each way in which they begin, go on and end.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};

use super::{
    Episode, Firing, FiringOutcome, LookOutcome, Member, Members, ResolvedOutcome, SETTLING,
    Unsent, Windows, on_firing, on_look, on_resolved,
};
use crate::alert::AlertSeverity;
use crate::primitives::id::{Fingerprint, IncidentId, MemberId};

pub(super) const WINDOWS: Windows = Windows {
    debounce: SignedDuration::from_secs(300),
    stale: SignedDuration::from_secs(18_000),
};

pub(super) fn at(second: i64) -> Timestamp {
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
        targets: BTreeSet::new(),
        members: members(pairs, severity),
        count: pairs.len() as u64,
        severity,
        left_out: 0,
        analysed: true,
        group: None,
        forbids_repair: false,
    }
}

pub(super) fn firing(pairs: &[(&str, i64)]) -> Firing {
    fires_as(AlertSeverity::Warning, pairs)
}

/// An episode as it goes on.
pub(super) struct Story {
    pub(super) episode: Option<Episode>,
    opened: u8,
}

impl Story {
    pub(super) fn new() -> Self {
        Self {
            episode: None,
            opened: 0,
        }
    }

    pub(super) fn fire(&mut self, second: i64, firing: &Firing) -> FiringOutcome {
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

    pub(super) fn resolve(&mut self, second: i64, names: &[&str]) -> ResolvedOutcome {
        let current = self.episode.as_ref().expect("an episode");
        let resolved = names.iter().copied().map(id).collect();
        let (outcome, episode) = on_resolved(current, &resolved, at(second), WINDOWS);
        self.episode = Some(episode);
        outcome
    }

    pub(super) fn look(&mut self, second: i64, active: Option<&[&str]>) -> LookOutcome {
        let active: Option<BTreeSet<MemberId>> =
            active.map(|active| active.iter().copied().map(id).collect());
        let (outcome, episode) = on_look(self.now(), active.as_ref(), true, at(second), WINDOWS);
        self.episode = Some(episode);
        outcome
    }

    pub(super) fn now(&self) -> &Episode {
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
fn a_late_firing_forbids_repairs_too() {
    let mut story = Story::new();
    story.fire(0, &firing(&[("a", 0)]));
    story.resolve(10, &["a"]);
    let forbids = Firing {
        forbids_repair: true,
        ..firing(&[("a", 0)])
    };
    assert_eq!(story.fire(11, &forbids), FiringOutcome::Late);
    assert_eq!(story.look(60, None), LookOutcome::Believed);
    assert!(story.now().open && story.now().forbids_repair);
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
