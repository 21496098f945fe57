//! Tests of the table of verdicts: each holds from its limit on, and says why.

use domain::alert::AlertSeverity;

use super::{Verdict, verdicts};
use crate::companion::Companion;
use crate::lengths::Lengths;
use crate::rule::RuleQuality;
use crate::sample::Rule;

fn rule(name: &str) -> Rule {
    Rule {
        name: name.to_owned(),
        source: "alertmanager".to_owned(),
    }
}

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

fn with(equal: &[&str]) -> Companion {
    Companion {
        rule: rule("NodeDown"),
        times: 9,
        of: 10,
        equal: equal.iter().map(|name| (*name).to_owned()).collect(),
    }
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
        (|of| of.companion = Some(with(&[])), &["always_with"]),
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
                (of.flaps, of.companion) = (10, Some(with(&[])));
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
fn a_verdict_says_on_what_it_rests_and_what_to_do() {
    let all = [
        Verdict::FalseAlarms { count: 3, of: 10 },
        Verdict::Flaps {
            flaps: 12,
            incidents: 4,
        },
        Verdict::EndsByItself {
            count: 9,
            of: 10,
            minutes: 4,
        },
        Verdict::AlwaysWith(with(&[])),
        Verdict::AlwaysWith(with(&["namespace", "node"])),
        Verdict::NeverActedOn { count: 8 },
    ];
    let said: Vec<String> = all
        .iter()
        .map(|verdict| format!("{} {}", verdict.why(), verdict.advice()))
        .collect();
    insta::assert_snapshot!(said.join("\n"), @r"
    False alarms: people closed 3 of 10 incidents as false alarms. Change its expression or its threshold, so that it fires only where people have to act. If nothing is left, delete it.
    Flaps: in 4 incidents it fired again 12 times shortly after it had resolved. Give the rule a longer `for`, and a `keep_firing_for` that is longer than its pauses.
    Ends by itself: 9 of 10 incidents were over before a person or a repair acted, half of them within 4 min. Give the rule a `for` of more than 4 min: what is over by then calls no one.
    Always with NodeDown: in 9 of 10 incidents that one opened in the same service within 10 min. Give both rules a label that says what they are about, such as `service`. Then let NodeDown inhibit it in Alertmanager.
    Always with NodeDown: in 9 of 10 incidents that one opened in the same service within 10 min. Let NodeDown inhibit it in Alertmanager, which then sends only the cause:
    Never acted on: in 8 incidents no person took one, decided, wrote a note or closed one, and no repair ran. Lower its severity, so that it calls no one, or delete it. If it should be acted on, say how in its runbook.
    ");
}

#[test]
fn an_inhibition_is_written_only_with_labels_to_compare() {
    let verdict = Verdict::AlwaysWith(with(&["namespace", "node"]));
    insta::assert_snapshot!(verdict.change(&rule("TargetDown")).expect("a change"), @r#"
    inhibit_rules:
      - source_matchers: ['alertname="NodeDown"']
        target_matchers: ['alertname="TargetDown"']
        equal: ['namespace', 'node']
    "#);
    assert_eq!(
        Verdict::AlwaysWith(with(&[])).change(&rule("TargetDown")),
        None
    );
    assert_eq!(
        Verdict::NeverActedOn { count: 8 }.change(&rule("TargetDown")),
        None
    );
}

#[test]
fn a_hostile_name_stays_within_its_quotes() {
    let change = Verdict::AlwaysWith(with(&["it's"])).change(&rule("it's \"x\\\"\n- y"));
    let change = change.expect("a change");
    assert!(
        change.contains(r#"['alertname="it''s \"x\\\"\n- y"']"#),
        "{change}"
    );
    assert!(change.contains("equal: ['it''s']"), "{change}");
    assert_eq!(change.lines().count(), 4);
}
