//! Tests of the guardrails on the incident: the cases that pass and the cases that each stops.

use crate::analysis::{Analysis, EvidenceKind, FoundCause, Severity};
use crate::incident::Status;
use crate::incident::approval::{Approval, ApprovalState, Verdict};
use crate::incident::guardrail::Guardrail;
use crate::incident::parts::{IncidentKind, Storm};
use crate::policy::evaluation::tests::{Change, Facts, after, ago, analysis, now, other, table};

#[test]
fn auto_repair_label() {
    table(
        Guardrail::AutoRepairLabel,
        &[
            (
                |facts| {
                    drop(
                        facts
                            .incident
                            .alert
                            .labels
                            .insert("auto_repair".into(), "false".into()),
                    )
                },
                "the alert's own label forbids it",
            ),
            (
                |facts| {
                    drop(
                        facts
                            .incident
                            .alert
                            .labels
                            .insert("auto_repair".into(), "perhaps".into()),
                    )
                },
                "the alert's own label forbids it",
            ),
            (
                |facts| facts.incident.auto_repair_forbidden = true,
                "the label of another of its alerts forbids it",
            ),
        ],
        &[|facts| {
            drop(
                facts
                    .incident
                    .alert
                    .labels
                    .insert("auto_repair".into(), "true".into()),
            )
        }],
    );
}

#[test]
fn severity() {
    table(
        Guardrail::Severity,
        &[
            (
                |facts| facts.incident.severity = Severity::P0,
                "P0 never runs by itself",
            ),
            (
                |facts| facts.incident.severity = Severity::P1,
                "P1 never runs by itself",
            ),
            (
                |facts| {
                    facts.incident.severity = Severity::P1;
                    facts.playbook().auto.as_mut().expect("auto").max_severity = Severity::P0;
                },
                "P1 never runs by itself",
            ),
            (
                |facts| facts.playbook().auto.as_mut().expect("auto").max_severity = Severity::P3,
                "P2 is worse than the playbook's P3",
            ),
            (
                |facts| facts.incident.left_out = 7,
                "its sender left out 7 alerts: it may be worse than P2",
            ),
            (
                |facts| facts.incident.kind = IncidentKind::Storm(Storm::default()),
                "it is a part of a storm",
            ),
            (
                |facts| {
                    facts.incident.kind = IncidentKind::StormMember {
                        storm: facts.incident.id.clone(),
                    }
                },
                "it is a part of a storm",
            ),
            (
                |facts| facts.playbook = None,
                "there is no playbook restart any more",
            ),
        ],
        &[|facts| facts.incident.severity = Severity::P3],
    );
}

#[test]
fn confidence() {
    table(
        Guardrail::Confidence,
        &[
            (
                |facts| facts.incident.analysis = Some(analysis(0.59)),
                "0.59 is less than 0.60",
            ),
            (
                |facts| facts.incident.analysis = Some(analysis(f64::NAN)),
                "NaN is less than 0.60",
            ),
            (
                |facts| facts.incident.analysis = Some(analysis(-1.0)),
                "-1.00 is less than 0.60",
            ),
            (
                |facts| {
                    facts.incident.analysis = Some(Analysis {
                        rule_confidence: 0.3,
                        ..analysis(1.0)
                    })
                },
                "0.30 is less than 0.60",
            ),
            (
                |facts| facts.incident.analysis = None,
                "nothing has been found yet",
            ),
        ],
        &[|facts| facts.incident.analysis = Some(analysis(1.0))],
    );
}

#[test]
fn episode_open() {
    table(
        Guardrail::EpisodeOpen,
        &[
            (
                |facts| facts.incident.resolved_at = Some(now()),
                "the alert has resolved",
            ),
            (
                |facts| facts.incident.status = Status::Resolved,
                "the alert has resolved",
            ),
        ],
        &[|facts| facts.incident.status = Status::Repairing],
    );
}

#[test]
fn a_decision_that_is_too_old_starts_nothing() {
    let decided = |minutes: i64, verdict| {
        move |facts: &mut Facts| {
            let state = ApprovalState::Decided {
                verdict,
                by: "api:ada".parse().expect("a person"),
                at: ago(minutes),
            };
            let asked = Approval::asked(other(1), facts.plan.hash(), ago(minutes + 60), ago(0), 1);
            facts.incident.approval = Some(Approval { state, ..asked });
        }
    };
    // Clocks differ: a decision of the future is a recent one.
    for minutes in [-5, 0, 14, 15] {
        assert!(
            after(Guardrail::StartsInTime, decided(minutes, Verdict::Approve)).is_ok(),
            "{minutes}"
        );
    }
    let late = after(Guardrail::StartsInTime, decided(16, Verdict::Approve));
    assert_eq!(
        late,
        Err("it was decided 16m ago, and has to start within 15m".to_owned())
    );
    assert_eq!(
        after(Guardrail::StartsInTime, decided(1, Verdict::Reject)),
        Err("there is no decision".to_owned())
    );
    assert_eq!(
        after(Guardrail::StartsInTime, |_| {}),
        Err("there is no decision".to_owned())
    );
}

#[test]
fn without_a_claimed_cause_the_alerts_own_playbook_counts() {
    // A rule for alerts of which nothing is known, and a playbook that names the alert and asks the host before its step.
    let unknown = |facts: &mut Facts| {
        facts.incident.analysis = Some(Analysis {
            rule_confidence: 0.3,
            rule_claims_no_cause: true,
            ..analysis(0.3)
        });
        facts.incident.alert.name = "SentryDown".to_owned();
        let playbook = "{id: restart, name: Restart, match: {alertnames: [SentryDown], alert_types: [custom]}, risk: low, \
                        auto: {max_severity: P2}, facts: [{id: up, run: [a]}], verify: [{run: [a]}], \
                        steps: [{run: [restart], when: {fact: up, exits: 0, not: true}}]}";
        facts.playbook = Some(serde_saphyr::from_str(playbook).expect("a playbook"));
    };
    let confidence = |change: Change| {
        after(Guardrail::Confidence, |facts| {
            unknown(facts);
            change(facts);
        })
    };
    assert!(confidence(|_| {}).is_ok());
    // A model has named a cause, and is sure or not.
    let model = |sure| {
        move |facts: &mut Facts| {
            let finding = facts.incident.analysis.as_mut().expect("a finding");
            (finding.model, finding.confidence) = (Some("m".into()), sure);
        }
    };
    let with = |change: &dyn Fn(&mut Facts)| {
        after(Guardrail::Confidence, |facts| {
            unknown(facts);
            change(facts);
        })
    };
    assert!(with(&model(0.9)).is_ok());
    assert_eq!(with(&model(0.5)), Err("0.50 is less than 0.60".to_owned()));
    assert_eq!(with(&model(0.3)), Err("0.30 is less than 0.60".to_owned()));
    assert!(with(&model(f64::NAN)).is_err());
    // A recipe has found a cause that the playbook is for, or one of something else.
    let recipe = |speaks_for: &'static [&'static str]| {
        move |facts: &mut Facts| {
            let finding = facts.incident.analysis.as_mut().expect("a finding");
            finding.confidence = 0.95;
            finding.cause = Some(FoundCause {
                recipe: "r".into(),
                id: "c".into(),
                title: "It is stuck".into(),
                titles: [].into(),
                evidence: EvidenceKind::Stated,
                cites: vec![],
                speaks_for: speaks_for.iter().map(|id| (*id).into()).collect(),
                speaks_against: vec![],
            });
        }
    };
    assert!(with(&recipe(&["restart"])).is_ok());
    assert_eq!(
        with(&recipe(&["other"])),
        Err("the cause (It is stuck) does not speak for restart".to_owned())
    );
    let stops: [(Change, &str); 5] = [
        (
            |facts| facts.incident.alert.name = "Other".into(),
            "no rule claims a cause, and restart is not for the alert Other by its name",
        ),
        (
            |facts| facts.playbook().steps[0].when = None,
            "no rule claims a cause, and not every step of restart depends on a fact on the host",
        ),
        (
            |facts| facts.playbook().verify.clear(),
            "no rule claims a cause, and not every step of restart depends on a fact on the host",
        ),
        (
            |facts| facts.playbook = None,
            "there is no playbook restart any more",
        ),
        // A rule that claims a cause has to be sure of it, whatever the playbook asks.
        (
            |facts| {
                facts
                    .incident
                    .analysis
                    .as_mut()
                    .expect("a finding")
                    .rule_claims_no_cause = false
            },
            "0.30 is less than 0.60",
        ),
    ];
    for (change, why) in stops {
        assert_eq!(confidence(change), Err(why.to_owned()));
    }
}
