//! Tests of the urgency: a table of grounds, and what no ground can do.

use proptest::prelude::{Just, Strategy, prop_oneof};
use proptest::{collection, proptest};

use super::UrgencyBasis::{Data, Exhaustion, Impact, Model, Redundancy, Sender, Usual};
use super::{Urgency, UrgencyBasis, UrgencyGround, of_alert, usual};
use crate::alert::AlertSeverity;
use crate::analysis::Severity::{self, P0, P1, P2, P3};
use crate::analysis::{Analysis, Risk, tests};

fn ground((basis, level): (UrgencyBasis, Severity)) -> UrgencyGround {
    UrgencyGround {
        basis,
        level,
        why: format!("{basis:?} says {level:?}").into(),
    }
}

fn level(grounds: &[(UrgencyBasis, Severity)]) -> Severity {
    Urgency::of(grounds.iter().copied().map(ground).collect()).level
}

#[test]
fn worst_ground_decides_and_a_measured_one_lowers_by_one() {
    let cases: [(&[(UrgencyBasis, Severity)], Severity); 13] = [
        (&[], P2),
        (&[(Sender, P1)], P1),
        (&[(Sender, P2), (Usual, P1)], P1),
        (&[(Sender, P2), (Usual, P2), (Impact, P0)], P0),
        (&[(Sender, P1), (Usual, P0), (Impact, P3)], P1),
        (&[(Sender, P1), (Impact, P3)], P2),
        (&[(Sender, P1), (Impact, P2), (Redundancy, P2)], P2),
        // One bad reading among good ones holds it.
        (&[(Sender, P1), (Impact, P3), (Exhaustion, P1)], P1),
        (&[(Sender, P2), (Redundancy, P2)], P2),
        // Data at stake is not measured away.
        (&[(Sender, P1), (Data, P1), (Impact, P3)], P1),
        (&[(Sender, P2), (Model, P0)], P0),
        // A model's mild word lowers nothing.
        (&[(Sender, P1), (Model, P3)], P1),
        (&[(Sender, P1), (Model, P3), (Impact, P1)], P1),
    ];
    for (grounds, expected) in cases {
        assert_eq!(level(grounds), expected, "{grounds:?}");
    }
}

#[test]
fn deciding_grounds_are_those_of_the_level_or_the_ones_that_lowered_it() {
    let bases = |grounds: &[(UrgencyBasis, Severity)]| -> Vec<UrgencyBasis> {
        let urgency = Urgency::of(grounds.iter().copied().map(ground).collect());
        urgency.deciding().map(|ground| ground.basis).collect()
    };
    assert_eq!(
        bases(&[(Sender, P2), (Usual, P1), (Impact, P1)]),
        [Usual, Impact]
    );
    assert_eq!(bases(&[(Sender, P1), (Impact, P3)]), [Impact]);
    assert_eq!(bases(&[(Sender, P2), (Usual, P2)]), [Sender, Usual]);
}

#[test]
fn severity_of_the_sender_moves_what_is_usual() {
    for (rule, severity, expected) in [
        (Risk::High, AlertSeverity::Warning, P1),
        (Risk::High, AlertSeverity::Critical, P0),
        (Risk::Critical, AlertSeverity::Critical, P0),
        (Risk::Low, AlertSeverity::Critical, P2),
        (Risk::Critical, AlertSeverity::Info, P3),
    ] {
        assert_eq!(usual(rule, severity), expected, "{rule:?} {severity:?}");
    }
    assert_eq!(of_alert(AlertSeverity::Critical), P1);
}

#[test]
fn word_of_an_older_finding_is_its_level() {
    let mut stored = serde_json::to_value(tests::analysis()).expect("JSON");
    let fields = stored.as_object_mut().expect("an object");
    fields.remove("urgency").expect("it is stored");
    fields.insert("risk".into(), "high".into());
    let read: Analysis = serde_json::from_value(stored).expect("an older finding");
    assert_eq!(read.urgency, Urgency::from(P1));
    let found = Urgency::of(vec![ground((Sender, P1)), ground((Impact, P3))]);
    let again = serde_json::from_value(serde_json::to_value(&found).expect("JSON"));
    assert_eq!(again.ok(), Some(found));
}

fn any_ground() -> impl Strategy<Value = UrgencyGround> {
    let basis = prop_oneof![
        Just(Sender),
        Just(Usual),
        Just(Impact),
        Just(Redundancy),
        Just(Exhaustion),
        Just(Data),
        Just(Model)
    ];
    let level = prop_oneof![Just(P0), Just(P1), Just(P2), Just(P3)];
    (basis, level).prop_map(ground)
}

proptest! {
    #[test]
    fn model_never_lowers_and_measurements_lower_by_one_at_most(
        grounds in collection::vec(any_ground(), 1..8),
        word in prop_oneof![Just(P0), Just(P1), Just(P2), Just(P3)],
    ) {
        let without = Urgency::of(grounds.clone());
        let with = without.clone().and([ground((Model, word))]);
        // The default of no ground at all is not a level that somebody gave.
        let said = grounds.iter().any(|ground| !ground.basis.is_measured());
        assert!(!said || with.level <= without.level, "{with:?}");
        let worst = grounds.iter().map(|ground| ground.level).min().expect("one");
        assert!(without.level >= worst && without.level <= worst.milder());
        for held in grounds.iter().filter(|ground| ground.basis.is_measured() || ground.basis == Data) {
            assert!(without.level <= held.level, "{without:?}");
        }
    }
}
