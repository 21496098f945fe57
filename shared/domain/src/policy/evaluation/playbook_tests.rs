//! Tests of the guardrails on the playbook: the cases that pass and the cases that each stops.

use jiff::SignedDuration;

use crate::analysis::{DataImpact, Risk};
use crate::incident::autonomy_level::AutonomyLevel;
use crate::incident::guardrail::Guardrail;
use crate::policy::evaluation::tests::{Facts, ago, fine, table};
use crate::policy::playbook_run::{PlaybookRecord, PlaybookRun};
use crate::primitives::id::IncidentId;

#[test]
fn playbook_risk() {
    table(
        Guardrail::PlaybookRisk,
        &[
            (
                |facts| facts.playbook().auto = None,
                "this playbook is never automatic",
            ),
            (
                |facts| facts.playbook().risk = Risk::Medium,
                "medium is more than low",
            ),
            (
                |facts| facts.playbook().risk = Risk::High,
                "high is more than low",
            ),
            (
                |facts| facts.playbook().risk = Risk::Critical,
                "critical is more than low",
            ),
            (
                |facts| facts.playbook().data_impact = DataImpact::Write,
                "it changes data",
            ),
            (
                |facts| facts.playbook().data_impact = DataImpact::Destructive,
                "it changes data",
            ),
            (
                |facts| {
                    facts.plan.risk = Risk::Medium;
                    facts.plan.risk_because = vec!["two depend on it".into()];
                },
                "the plan's risk is medium: two depend on it",
            ),
        ],
        &[|facts| facts.playbook().data_impact = DataImpact::ReadOnly],
    );
}

#[test]
fn playbook_record() {
    fn record(facts: &mut Facts, verified: u64, failed: u64) {
        facts.readings.record = Some(PlaybookRecord {
            verified,
            failed,
            ..PlaybookRecord::default()
        });
    }
    table(
        Guardrail::PlaybookRecord,
        &[
            (
                |facts| record(facts, 1, 0),
                "verified 1 times, and it needs 2",
            ),
            (
                |facts| record(facts, 3, 4),
                "failed 4 times, and verified only 3",
            ),
            (
                |facts| {
                    record(facts, 0, 1);
                    facts.playbook().auto.as_mut().expect("auto").min_verified = 0;
                },
                "failed 1 times, and verified only 0",
            ),
            (|facts| facts.readings.record = None, "it could not be read"),
        ],
        &[
            |facts| record(facts, 4, 4),
            |facts| {
                record(facts, 0, 0);
                facts.playbook().auto.as_mut().expect("auto").min_verified = 0;
            },
        ],
    );
}

#[test]
fn playbook_record_that_is_earned() {
    /// Runs that ended two days ago and held, then such as failed, then such after which the alert came back an hour later.
    fn earned(facts: &mut Facts, held: u32, failed: u32, recurred: u32) {
        facts.playbook().auto.as_mut().expect("auto").earned = true;
        let run = |number: u32| PlaybookRun {
            playbook: "restart".into(),
            incident_id: IncidentId::try_from(format!("01ARZ3NDEKTSV4RRFFQ69G{number:04}"))
                .expect("a ULID"),
            round: 1,
            target: "web".into(),
            at: ago(48 * 60) + SignedDuration::from_secs(number.into()),
            verified: !(held..held + failed).contains(&number),
            recurred_at: (number >= held + failed).then(|| ago(47 * 60)),
        };
        facts.readings.runs = Some((0..held + failed + recurred).map(run).collect());
    }
    table(
        Guardrail::PlaybookRecord,
        &[
            (
                |facts| earned(facts, 0, 0, 0),
                "earned suggest: no run counts yet",
            ),
            (
                |facts| earned(facts, 10, 0, 0),
                "earned approve: 10 of 10 held, at least 0.79 of them",
            ),
            (
                |facts| earned(facts, 7, 1, 0),
                "earned approve: 7 of 8 held, at least 0.59 of them",
            ),
            (
                |facts| earned(facts, 11, 0, 1),
                "earned suggest: no run counts yet",
            ),
            (
                |facts| {
                    earned(facts, 11, 0, 0);
                    facts.readings.runs = None;
                },
                "its runs could not be read",
            ),
            (
                |facts| {
                    earned(facts, 11, 0, 0);
                    facts.readings.record = None;
                },
                "it could not be read",
            ),
            (
                |facts| {
                    earned(facts, 11, 0, 0);
                    facts.playbook().auto.as_mut().expect("auto").min_verified = 20;
                },
                "verified 2 times, and it needs 20",
            ),
        ],
        &[
            |facts| earned(facts, 11, 0, 0),
            // What failed long ago, and more often than it was verified since, is in the runs.
            |facts| {
                earned(facts, 11, 0, 0);
                facts.readings.record = Some(PlaybookRecord {
                    verified: 11,
                    failed: 12,
                    ..PlaybookRecord::default()
                });
            },
        ],
    );
    let mut facts = fine();
    assert_eq!(facts.context().level(), None, "it is declared");
    earned(&mut facts, 3, 0, 0);
    assert_eq!(facts.context().level(), Some(AutonomyLevel::Approve));
    facts.readings.runs = None;
    assert_eq!(
        facts.context().level(),
        Some(AutonomyLevel::Suggest),
        "what cannot be read is the least"
    );
}
