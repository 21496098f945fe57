//! Tests of the guardrails on the incident: the cases that pass and the cases that each stops.

use crate::analysis::named_cause::{CauseSource, NamedCause, OutcomeCounts};
use crate::analysis::{Analysis, EvidenceKind, FoundCause, Severity, tests};
use crate::incident::Status;
use crate::incident::approval::{Approval, ApprovalState, Verdict};
use crate::incident::guardrail::Guardrail;
use crate::incident::parts::{IncidentKind, Storm};
use crate::policy::evaluation::tests::{Change, Facts, after, ago, analysis, now, other, table};
use crate::primitives::id::PlaybookId;

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
    fn counted(facts: &mut Facts, right: u32, wrong: u32) {
        let finding = facts.incident.analysis.as_mut().expect("a finding");
        finding.confidence.as_mut().expect("counted").counts = OutcomeCounts { right, wrong };
    }
    table(
        Guardrail::Confidence,
        &[
            (
                |facts| facts.incident.analysis = Some(analysis(0.59)),
                "only 0.59 is sure, with 0.60 needed: right 14 of 16 times",
            ),
            (
                |facts| {
                    facts.incident.analysis = Some(analysis(0.59));
                    counted(facts, 0, 0);
                },
                "only 0.59 is sure, with 0.60 needed; nothing is counted here yet",
            ),
            (
                |facts| facts.incident.analysis = Some(analysis(f64::NAN)),
                "only NaN is sure, with 0.60 needed: right 14 of 16 times",
            ),
            (
                |facts| facts.incident.analysis = Some(analysis(-1.0)),
                "only -1.00 is sure, with 0.60 needed: right 14 of 16 times",
            ),
            (
                |facts| {
                    facts.incident.analysis = Some(Analysis {
                        confidence: None,
                        ..analysis(1.0)
                    })
                },
                "how often it was right could not be read",
            ),
            // An incident of before causes were counted: nothing stands behind what it was sure of.
            (
                |facts| facts.incident.analysis = Some(tests::analysis()),
                "restart is not for the alert TargetDown by its name",
            ),
            (
                |facts| facts.incident.analysis = None,
                "nothing has been found yet",
            ),
        ],
        &[
            |facts| facts.incident.analysis = Some(analysis(1.0)),
            |facts| counted(facts, 0, 0),
        ],
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

/// The alert SentryDown without a named cause, and a playbook that names it and asks the host before its step.
fn of_sentry(facts: &mut Facts) {
    facts.incident.analysis = Some(tests::analysis());
    facts.incident.alert.name = "SentryDown".to_owned();
    let playbook = "{id: restart, name: Restart, match: {alertnames: [SentryDown], alert_types: [custom]}, risk: low, \
                    auto: {max_severity: P2}, facts: [{id: up, run: [a]}], verify: [{run: [a]}], \
                    steps: [{run: [restart], when: {fact: up, exits: 0, not: true}}]}";
    facts.playbook = Some(serde_saphyr::from_str(playbook).expect("a playbook"));
}

#[test]
fn without_a_claimed_cause_the_alerts_own_playbook_counts() {
    let confidence = |change: Change| {
        after(Guardrail::Confidence, |facts| {
            of_sentry(facts);
            change(facts);
        })
    };
    assert!(confidence(|_| {}).is_ok());
    let stops: [(Change, &str); 4] = [
        (
            |facts| facts.incident.alert.name = "Other".into(),
            "restart is not for the alert Other by its name",
        ),
        (
            |facts| facts.playbook().steps[0].when = None,
            "not every step of restart depends on a fact on the host",
        ),
        (
            |facts| facts.playbook().verify.clear(),
            "not every step of restart depends on a fact on the host",
        ),
        (
            |facts| facts.playbook = None,
            "there is no playbook restart any more",
        ),
    ];
    for (change, why) in stops {
        assert_eq!(confidence(change), Err(why.to_owned()));
    }
}

#[test]
fn claim_that_names_no_playbook_needs_one_made_for_the_alert_as_well() {
    // A model has named a cause in its own words.
    let model = |at_least: f64, change: Change| {
        after(Guardrail::Confidence, move |facts| {
            of_sentry(facts);
            let mut finding = analysis(at_least);
            let named = finding.named_cause.as_mut().expect("a cause");
            (named.source, named.speaks_for) = (CauseSource::Model("m".into()), vec![]);
            facts.incident.analysis = Some(finding);
            change(facts);
        })
    };
    assert!(model(0.6, |_| {}).is_ok());
    assert!(model(0.59, |_| {}).is_err());
    assert_eq!(
        model(0.9, |facts| facts.incident.alert.name = "Other".into()),
        Err("restart is not for the alert Other by its name".to_owned())
    );
    assert!(model(0.9, |facts| facts.playbook().steps[0].when = None).is_err());
}

#[test]
fn cause_of_a_recipe_has_to_speak_for_the_playbook() {
    let recipe = |speaks_for: &'static [&'static str]| {
        after(Guardrail::Confidence, move |facts| {
            of_sentry(facts);
            let speaks_for: Vec<PlaybookId> = speaks_for.iter().map(|id| (*id).into()).collect();
            let mut finding = analysis(0.95);
            finding.named_cause = Some(NamedCause {
                source: CauseSource::Recipe,
                cause: "c".into(),
                speaks_for: speaks_for.clone(),
            });
            finding.cause = Some(FoundCause {
                recipe: "r".into(),
                id: "c".into(),
                title: "It is stuck".into(),
                titles: [].into(),
                evidence: EvidenceKind::Stated,
                cites: vec![],
                speaks_for,
                speaks_against: vec![],
            });
            facts.incident.analysis = Some(finding);
        })
    };
    assert!(recipe(&["restart"]).is_ok());
    for other in [&["other"][..], &[]] {
        assert_eq!(
            recipe(other),
            Err("the cause (It is stuck) does not speak for restart".to_owned())
        );
    }
}
