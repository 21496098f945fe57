//! Tests of the words of verdicts.

use super::Verdict;
use crate::test_samples::{companion, rule};

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
        Verdict::AlwaysWith(companion(&[])),
        Verdict::AlwaysWith(companion(&["namespace", "node"])),
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
    let verdict = Verdict::AlwaysWith(companion(&["namespace", "node"]));
    insta::assert_snapshot!(verdict.change(&rule("TargetDown")).expect("a change"), @r#"
    inhibit_rules:
      - source_matchers: ['alertname="NodeDown"']
        target_matchers: ['alertname="TargetDown"']
        equal: ['namespace', 'node']
    "#);
    assert_eq!(
        Verdict::AlwaysWith(companion(&[])).change(&rule("TargetDown")),
        None
    );
    assert_eq!(
        Verdict::NeverActedOn { count: 8 }.change(&rule("TargetDown")),
        None
    );
}

#[test]
fn a_hostile_name_stays_within_its_quotes() {
    let change = Verdict::AlwaysWith(companion(&["it's"])).change(&rule("it's \"x\\\"\n- y"));
    let change = change.expect("a change");
    assert!(
        change.contains(r#"['alertname="it''s \"x\\\"\n- y"']"#),
        "{change}"
    );
    assert!(change.contains("equal: ['it''s']"), "{change}");
    assert_eq!(change.lines().count(), 4);
}
