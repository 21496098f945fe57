//! Tests of the lines of health: a table of facts and what they say.

use std::collections::BTreeSet;

use domain::alert::heartbeat::Heartbeat;
use domain::notification::outbox::ChannelState;
use domain::notification::words::page_words;
use domain::policy::kill_switch::SwitchedOff;
use domain::primitives::id::IncidentId;
use domain::primitives::language::Language;
use jiff::{SignedDuration, Timestamp};
use store::Backlog;

use super::checks;
use crate::health::check::{Check, Kind, State};
use crate::health::facts::{Anchors, ChannelFacts, Facts, Unreadable, Work};

/// A moment, so many minutes before the look.
fn ago(minutes: i64) -> Timestamp {
    now() - SignedDuration::from_mins(minutes)
}

fn now() -> Timestamp {
    "2026-11-30T06:00:00Z".parse().expect("a time")
}

fn id() -> IncidentId {
    IncidentId::try_from("01ARZ3NDEKTSV4RRFFQ69G5FAV").expect("an id")
}

fn channel(oldest: Option<i64>, items: usize, state: ChannelState) -> ChannelFacts {
    let oldest = oldest.map(ago);
    ChannelFacts {
        state,
        backlog: Backlog { items, oldest },
    }
}

fn heartbeat(last_heard: i64, intervals: u32, reported: bool) -> Heartbeat {
    Heartbeat {
        name: "Watchdog".to_owned(),
        source: "alertmanager".to_owned(),
        cluster: Some("eu".to_owned()),
        prometheus: None,
        last_heard: ago(last_heard),
        longest_interval: 300,
        intervals,
        reported_at: reported.then(|| ago(1)),
        watched_at: None,
    }
}

/// All is well: one channel, one heartbeat, and a checkpoint behind the newest incident.
fn good() -> Facts {
    Facts {
        now: now(),
        stale: SignedDuration::from_hours(5),
        switched_off: None,
        freeze: None,
        channels: vec![(
            "ops".to_owned(),
            Ok(channel(None, 0, ChannelState::default())),
        )],
        work: Ok(Work::default()),
        budget: Ok(Some((1_000_000, 5_000_000))),
        heartbeats: Ok(vec![heartbeat(4, 9, false)]),
        anchors: Ok(Anchors {
            exist: true,
            checkpoint_at: Some(ago(30)),
            newest_incident: Some(ago(31)),
        }),
    }
}

/// `check about: state: why`, for the lines that are not good.
fn said(change: impl FnOnce(&mut Facts)) -> Vec<String> {
    let mut facts = good();
    change(&mut facts);
    let line = |check: Check| {
        let about = check.about.map(|about| format!(" {about}"));
        let (kind, state) = (check.kind.as_str(), check.state.as_str());
        format!(
            "{kind}{}: {state}: {}",
            about.unwrap_or_default(),
            check.why
        )
    };
    let checks = checks(&facts).into_iter();
    checks
        .filter(|check| check.state != State::Good)
        .map(line)
        .collect()
}

#[test]
fn all_is_well_where_nothing_is_wrong() {
    assert_eq!(said(|_| ()), Vec::<String>::new());
    let kinds: Vec<&str> = checks(&good())
        .iter()
        .map(|check| check.kind.as_str())
        .collect();
    assert_eq!(
        kinds,
        [
            "kill_switch",
            "change_freeze",
            "channel",
            "messages",
            "analyses",
            "decisions",
            "repairs",
            "budget",
            "heartbeat",
            "log_checkpoint",
            "version"
        ]
    );
}

#[test]
fn what_stops_repairs_is_worth_a_look() {
    let off = SwitchedOff::now("ada", Some("the storage moves"), ago(3));
    assert_eq!(
        said(|facts| facts.switched_off = Some(off)),
        [
            "kill_switch: look: No repair runs: it is on: the storage moves (by ada, since 2026-11-30T05:57:00Z)."
        ]
    );
    assert_eq!(
        said(|facts| facts.freeze = Some(("year's end".to_owned(), ago(-90)))),
        [
            "change_freeze: look: A change freeze holds until 2026-11-30 07:30 UTC, so that every repair asks a human: year's end"
        ]
    );
}

#[test]
fn a_channel_is_bad_once_what_is_due_was_tried_again() {
    let unreachable = ChannelState {
        unreachable_since: Some(ago(40)),
        failures: 9,
        ..ChannelState::default()
    };
    let failing = ChannelState {
        failures: 2,
        ..ChannelState::default()
    };
    let rows = [
        (channel(Some(4), 3, ChannelState::default()), None),
        (
            channel(Some(6), 3, ChannelState::default()),
            Some("channel ops: look: 3 messages wait, the oldest for more than 5 min."),
        ),
        (
            channel(Some(16), 3, ChannelState::default()),
            Some(
                "channel ops: bad: It does not deliver: 3 messages wait, the oldest for more than 15 min.",
            ),
        ),
        (
            channel(Some(1), 1, failing.clone()),
            Some("channel ops: look: It failed 2 times in a row; 1 messages wait."),
        ),
        (
            channel(Some(16), 1, failing),
            Some(
                "channel ops: bad: It does not deliver: 1 messages wait, the oldest for more than 15 min.",
            ),
        ),
        (
            channel(None, 0, unreachable),
            Some("channel ops: bad: It cannot be reached; 0 messages wait."),
        ),
    ];
    for (facts, expected) in rows {
        let found = said(|all| all.channels[0].1 = Ok(facts));
        assert_eq!(found, expected.into_iter().collect::<Vec<_>>());
    }
    assert_eq!(
        said(|facts| facts.channels.clear()),
        ["channel: look: channels.json names no channel: people hear of nothing."]
    );
}

#[test]
fn late_work_is_bad_and_named() {
    let late = || vec![(id(), ago(20))];
    let work = Work {
        open: 9,
        looked_at: 9,
        undecided: late(),
        unsent: late(),
        unanalysed: late(),
        repairing: 3,
        unheld: late(),
    };
    let mut facts = good();
    facts.work = Ok(work);
    let bad: Vec<Check> = checks(&facts)
        .into_iter()
        .filter(|check| check.state == State::Bad)
        .collect();
    let kinds: Vec<Kind> = bad.iter().map(|check| check.kind).collect();
    assert_eq!(
        kinds,
        [
            Kind::Messages,
            Kind::Analyses,
            Kind::Decisions,
            Kind::Repairs
        ]
    );
    for check in bad {
        assert_eq!((check.incidents, check.since), (vec![id()], Some(ago(20))));
    }
}

#[test]
fn a_budget_is_looked_at_before_it_is_used_up() {
    let with = |budget| said(|facts| facts.budget = Ok(budget));
    assert!(with(None).is_empty());
    assert!(with(Some((3_999_999, 5_000_000))).is_empty());
    assert_eq!(
        with(Some((4_000_000, 5_000_000))),
        ["budget: look: $4.00 of $5.00 are used or reserved today."]
    );
    assert_eq!(
        with(Some((5_000_000, 5_000_000))),
        [
            "budget: bad: The budget of the day is used up: $5.00 of $5.00. Static rules answer until midnight UTC."
        ]
    );
}

#[test]
fn a_heartbeat_is_bad_once_it_is_overdue_or_reported() {
    let of = |heartbeats| said(|facts| facts.heartbeats = Ok(heartbeats));
    let away = "heartbeat Watchdog alertmanager eu: bad: It stays away since 2026-11-30 05:20 UTC: alerts of this sender may not arrive.";
    assert!(of(vec![heartbeat(10, 9, false)]).is_empty());
    assert_eq!(
        of(vec![heartbeat(4, 9, false), heartbeat(40, 9, false)]),
        [away]
    );
    // Its interval is not known yet.
    assert!(of(vec![heartbeat(40, 2, false)]).is_empty());
    assert_eq!(of(vec![heartbeat(40, 2, true)]), [away]);
    assert_eq!(
        of(Vec::new()),
        ["heartbeat: look: No sender has a heartbeat: if monitoring stops, nothing says so."]
    );
}

#[test]
fn the_witness_is_behind_when_an_incident_is_in_no_checkpoint() {
    let of = |exist, checkpoint: Option<i64>, newest: Option<i64>| {
        let (checkpoint_at, newest_incident) = (checkpoint.map(ago), newest.map(ago));
        let anchors = Anchors {
            exist,
            checkpoint_at,
            newest_incident,
        };
        let found = said(|facts| facts.anchors = Ok(anchors));
        found
            .first()
            .map(|line| line.split(':').nth(1).unwrap_or_default().trim().to_owned())
    };
    for (exist, checkpoint, newest, expected) in [
        (true, Some(1), Some(5), None),
        (true, Some(600), None, None),
        (true, Some(600), Some(601), None),
        (true, Some(600), Some(9), None),
        (true, Some(600), Some(11), Some("bad")),
        (true, None, Some(11), Some("look")),
        (false, None, Some(11), Some("bad")),
        (false, None, None, None),
    ] {
        assert_eq!(
            of(exist, checkpoint, newest).as_deref(),
            expected,
            "{checkpoint:?} {newest:?}"
        );
    }
}

#[test]
fn a_fact_that_cannot_be_read_is_bad() {
    let found = said(|facts| {
        facts.channels[0].1 = Err(Unreadable);
        facts.work = Err(Unreadable);
        facts.budget = Err(Unreadable);
        facts.heartbeats = Err(Unreadable);
        facts.anchors = Err(Unreadable);
    });
    assert_eq!(found.len(), 5, "{found:?}");
    for line in found {
        assert!(
            line.contains(": bad: ") && line.contains("cannot be read"),
            "{line}"
        );
    }
}

const KINDS: [Kind; 11] = [
    Kind::KillSwitch,
    Kind::ChangeFreeze,
    Kind::Channel,
    Kind::Decisions,
    Kind::Messages,
    Kind::Analyses,
    Kind::Repairs,
    Kind::Budget,
    Kind::Heartbeat,
    Kind::Anchors,
    Kind::Version,
];

#[test]
fn each_line_has_a_section_and_words_in_both_languages() {
    let operations = include_str!("../../../../docs/operations.md");
    let headings: BTreeSet<String> = operations
        .lines()
        .filter(|line| line.starts_with("##"))
        .map(|line| {
            line.trim_start_matches('#')
                .trim()
                .to_lowercase()
                .replace(' ', "-")
        })
        .collect();
    let states = [State::Good, State::Look, State::Bad].map(State::word);
    for kind in KINDS {
        let section = kind.section();
        assert!(
            headings.contains(section),
            "docs/operations.md has no {section}"
        );
        for language in Language::ALL {
            let words = page_words(language);
            for key in states.into_iter().chain([kind.title()]) {
                assert_ne!(words.text("console", key), key, "{language:?}");
            }
        }
    }
}
