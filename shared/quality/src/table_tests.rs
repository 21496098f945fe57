//! Tests of the table of verdicts: each holds from its limit on.

use domain::alert::AlertSeverity;

use super::{
    BY_ITSELF_OF_TEN, ENDED, FALSE_ALARMS, FALSE_ALARMS_IN, FLAPS, SHORT_SECONDS, verdicts,
};
use crate::companion::WITHIN;
use crate::lengths::Lengths;
use crate::rule::RuleQuality;
use crate::test_samples::{companion, rule};
use crate::verdict::Verdict;

/// A rule of ten incidents that people handle, each an hour long.
fn good() -> RuleQuality {
    RuleQuality {
        rule: rule("Good"),
        severity: AlertSeverity::Warning,
        incidents: 10,
        open: 0,
        alerts: 30,
        flaps: 0,
        acknowledged: 10,
        acted_on: 9,
        untouched: 0,
        false_alarms: 0,
        wrong_causes: 0,
        by_itself: 1,
        open_for: lengths(10, 3_600),
        companion: None,
        verdicts: Vec::new(),
    }
}

fn lengths(of: usize, median_seconds: i64) -> Option<Lengths> {
    Some(Lengths {
        of,
        median_seconds,
        p90_seconds: median_seconds,
    })
}

#[test]
fn each_verdict_holds_from_its_limit_on() {
    type Change = fn(&mut RuleQuality);
    let rows: [(Change, &[&str]); 19] = [
        (|_| {}, &[]),
        (|of| of.false_alarms = 3, &["false_alarm"]),
        (|of| of.false_alarms = 2, &[]),
        (
            |of| (of.false_alarms, of.incidents) = (2, 8),
            &["false_alarm"],
        ),
        (|of| (of.false_alarms, of.incidents) = (1, 1), &[]),
        (|of| of.flaps = 10, &["flaps"]),
        (|of| of.flaps = 9, &[]),
        (|of| (of.flaps, of.incidents) = (3, 1), &["flaps"]),
        (|of| (of.flaps, of.incidents) = (2, 1), &[]),
        (
            |of| (of.by_itself, of.open_for) = (9, lengths(10, 900)),
            &["ends_by_itself"],
        ),
        (
            |of| (of.by_itself, of.open_for) = (9, lengths(10, 901)),
            &[],
        ),
        (|of| (of.by_itself, of.open_for) = (8, lengths(10, 60)), &[]),
        (|of| (of.by_itself, of.open_for) = (4, lengths(4, 60)), &[]),
        (|of| of.companion = Some(companion(&[])), &["always_with"]),
        (
            |of| (of.untouched, of.acknowledged, of.acted_on) = (10, 0, 0),
            &["never_acted_on"],
        ),
        (
            |of| (of.untouched, of.acknowledged, of.acted_on) = (9, 1, 0),
            &[],
        ),
        (
            |of| (of.untouched, of.open_for) = (10, lengths(4, 3_600)),
            &[],
        ),
        (|of| (of.untouched, of.open_for) = (10, None), &[]),
        (
            |of| {
                (of.untouched, of.by_itself, of.open_for) = (10, 10, lengths(10, 1));
                (of.flaps, of.companion) = (10, Some(companion(&[])));
            },
            &["flaps", "always_with", "ends_by_itself", "never_acted_on"],
        ),
    ];
    for (row, (change, expected)) in rows.into_iter().enumerate() {
        let mut of = good();
        change(&mut of);
        let found = verdicts(&of);
        let names: Vec<&str> = found.iter().map(Verdict::as_str).collect();
        assert_eq!(names, expected, "row {row}");
    }
}

#[test]
fn a_rule_with_few_incidents_is_not_called_good() {
    let mut of = good();
    for (incidents, too_new) in [(1, true), (2, true), (3, false)] {
        of.incidents = incidents;
        assert_eq!(of.is_too_new(), too_new, "{incidents}");
    }
    of.incidents = 1;
    of.verdicts = vec![Verdict::Flaps {
        flaps: 3,
        incidents: 1,
    }];
    assert!(!of.is_too_new());
}

#[test]
fn the_document_has_the_limits_of_the_table() {
    let page = include_str!("../../../docs/console.md");
    let minutes = SHORT_SECONDS / 60;
    for said in [
        format!("people closed at least {FALSE_ALARMS} incidents, and one in four"),
        format!("at least {FLAPS} times and on average once in each incident"),
        format!("of at least {ENDED} incidents nine in ten resolved"),
        format!("half of them within {minutes} minutes"),
        format!("of at least {ENDED} incidents that ended"),
        format!(
            "opened one in the same service within {} minutes",
            WITHIN.as_mins()
        ),
    ] {
        assert!(page.contains(&said), "docs/console.md does not say: {said}");
    }
    assert_eq!((FALSE_ALARMS_IN, BY_ITSELF_OF_TEN), (4, 9));
}
