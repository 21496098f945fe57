//! Tests of each guardrail: the cases that pass and the cases that it stops.

use jiff::{SignedDuration, Timestamp};

use super::GuardrailContext;
use crate::analysis::{Analysis, DataImpact, Risk, Severity, tests};
use crate::incident::approval::{Approval, ApprovalState, Verdict};
use crate::incident::autonomy_level::AutonomyLevel;
use crate::incident::guardrail::{Guardrail, all_passed};
use crate::incident::parts::{IncidentKind, Storm};
use crate::incident::{Incident, Status};
use crate::playbook::Playbook;
use crate::playbook::plan::Plan;
use crate::playbook::plan::tests::plan;
use crate::playbook::service::Service;
use crate::policy::attempt_ledger::{Attempt, GroupLedger, GuardrailInputs, TargetLedger};
use crate::policy::freeze::When;
use crate::policy::limits::Limits;
use crate::policy::playbook_run::{PlaybookRecord, PlaybookRun};
use crate::primitives::id::{ApprovalId, IncidentId};
use crate::transition::lifecycle::tests::incident;

/// The facts of a context, owned, so that a test can change one of them.
struct Facts {
    incident: Incident,
    plan: Plan,
    playbook: Option<Playbook>,
    service: Option<Service>,
    limits: Limits,
    readings: GuardrailInputs,
}

fn now() -> Timestamp {
    "2026-06-01T12:00:00Z".parse().expect("a time")
}

fn ago(minutes: i64) -> Timestamp {
    now() - SignedDuration::from_mins(minutes)
}

fn analysis(confidence: f64) -> Analysis {
    Analysis {
        confidence,
        ..tests::analysis()
    }
}

/// A context in which every guardrail passes.
fn fine() -> Facts {
    let playbook = "{id: restart, name: Restart, match: {alertnames: [A]}, risk: low, auto: {max_severity: P2, min_verified: 2}, \
                    cooldown: 10m, steps: [{run: [restart]}]}";
    let service = "{name: web, level: auto, redundancy_group: front, target: {ssm: {tag: 'a=b'}}}";
    let limits = "{min_confidence: 0.6, attempts_per_hour: 2, max_in_group: 1, \
                  freezes: [{from: 2026-12-20T00:00:00Z, to: 2027-01-02T00:00:00Z, why: holidays}]}";
    Facts {
        incident: Incident {
            severity: Severity::P2,
            analysis: Some(analysis(0.6)),
            status: Status::NeedsHuman,
            ..incident()
        },
        plan: plan(),
        playbook: Some(serde_saphyr::from_str(playbook).expect("a playbook")),
        service: Some(serde_saphyr::from_str(service).expect("a service")),
        limits: serde_saphyr::from_str(limits).expect("limits"),
        readings: GuardrailInputs {
            killed: Some(false),
            target: Some(TargetLedger::default()),
            group: Some(GroupLedger::default()),
            record: Some(PlaybookRecord {
                verified: 2,
                failed: 2,
                ..PlaybookRecord::default()
            }),
            runs: Some(vec![]),
            ..GuardrailInputs::default()
        },
    }
}

impl Facts {
    fn context(&self) -> GuardrailContext<'_> {
        GuardrailContext {
            incident: &self.incident,
            plan: &self.plan,
            playbook: self.playbook.as_ref(),
            service: self.service.as_ref(),
            at_once: self.limits.at_once("front", 4),
            limits: &self.limits,
            readings: &self.readings,
            starts_within: SignedDuration::from_mins(15),
            now: now(),
        }
    }

    fn playbook(&mut self) -> &mut Playbook {
        self.playbook.as_mut().expect("a playbook")
    }

    /// Lets another incident's attempt, or the incident's own, stand in the target's ledger.
    fn attempted(&mut self, number: u32, playbook: &str, at: Timestamp) {
        let attempt = Attempt {
            approval_id: other(number),
            playbook: playbook.into(),
            at,
        };
        self.readings
            .target
            .as_mut()
            .expect("a ledger")
            .record(attempt);
    }
}

fn other(number: u32) -> ApprovalId {
    let incident =
        IncidentId::try_from(format!("01ARZ3NDEKTSV4RRFFQ69G{number:04}")).expect("a ULID");
    ApprovalId::for_plan(&incident, &plan().hash())
}

/// What a guardrail answers after a change: `Ok` or `Err` with its words. No other guardrail may change its answer from passing.
fn after(guardrail: Guardrail, change: impl FnOnce(&mut Facts)) -> Result<String, String> {
    let mut facts = fine();
    change(&mut facts);
    let outcome = facts.context().ask(guardrail);
    if outcome.passed {
        Ok(outcome.why)
    } else {
        Err(outcome.why)
    }
}

type Change = fn(&mut Facts);

/// Checks that a guardrail stops each of these, with these words, and lets the rest through.
fn table(guardrail: Guardrail, stops: &[(Change, &str)], passes: &[Change]) {
    for (change, why) in stops {
        assert_eq!(
            after(guardrail, change),
            Err((*why).to_owned()),
            "{guardrail:?}"
        );
    }
    for (i, change) in passes.iter().enumerate() {
        let answer = after(guardrail, change);
        assert!(
            answer.is_ok(),
            "{guardrail:?} stops what it should let through (number {i}): {answer:?}"
        );
    }
}

#[test]
fn a_situation_in_which_nothing_is_wrong_passes_all() {
    let outcomes = fine().context().check();
    assert!(all_passed(&outcomes), "{outcomes:#?}");
    assert_eq!(
        outcomes
            .iter()
            .map(|outcome| outcome.guardrail)
            .collect::<Vec<_>>(),
        Guardrail::ALL
    );
}

#[test]
fn unknown_facts_stop_every_guardrail_that_needs_them() {
    let mut facts = fine();
    facts.readings = GuardrailInputs::default();
    facts.playbook = None;
    facts.service = None;
    facts.incident.analysis = None;
    let passed: Vec<Guardrail> = facts
        .context()
        .check()
        .into_iter()
        .filter(|outcome| outcome.passed)
        .map(|outcome| outcome.guardrail)
        .collect();
    assert_eq!(
        passed,
        [
            Guardrail::AutoRepairLabel,
            Guardrail::ChangeFreeze,
            Guardrail::EpisodeOpen
        ]
    );
}

#[test]
fn kill_switch() {
    table(
        Guardrail::KillSwitch,
        &[
            (
                |facts| facts.readings.killed = Some(true),
                "it is on: nothing is repaired",
            ),
            (|facts| facts.readings.killed = None, "it could not be read"),
        ],
        &[],
    );
}

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
fn service_level() {
    fn level(facts: &mut Facts, level: &str) {
        facts.service.as_mut().expect("a service").level =
            serde_saphyr::from_str(level).expect("a level");
    }
    table(
        Guardrail::ServiceLevel,
        &[
            (|facts| level(facts, "approval"), "web asks for approval"),
            (
                |facts| level(facts, "manual"),
                "web is repaired by hand only",
            ),
            (
                |facts| facts.service = None,
                "the registry has no service web any more",
            ),
        ],
        &[|facts| level(facts, "auto")],
    );
}

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
        ],
        &[|facts| facts.playbook().data_impact = DataImpact::ReadOnly],
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

#[test]
fn cooldown() {
    table(
        Guardrail::Cooldown,
        &[
            (
                |facts| facts.attempted(1, "restart", ago(9)),
                "its last run here was 9m ago, its rest is 10m",
            ),
            (
                |facts| facts.attempted(1, "restart", now()),
                "its last run here was 0s ago, its rest is 10m",
            ),
            (
                |facts| facts.attempted(1, "restart", ago(-1)),
                "its last run here was 0s ago, its rest is 10m",
            ),
            (
                |facts| facts.readings.target = None,
                "the target's ledger could not be read",
            ),
        ],
        &[
            |facts| facts.attempted(1, "restart", ago(10)),
            |facts| facts.attempted(1, "reload", ago(1)),
            |facts| {
                facts.attempted(1, "restart", ago(1));
                facts.playbook().cooldown = None;
            },
            // Its own attempt, when the message comes again after a crash.
            |facts| {
                let own = ApprovalId::for_plan(&facts.incident.id, &facts.plan.hash());
                let attempt = Attempt {
                    approval_id: own,
                    playbook: "restart".into(),
                    at: ago(1),
                };
                facts
                    .readings
                    .target
                    .as_mut()
                    .expect("a ledger")
                    .record(attempt);
            },
        ],
    );
}

#[test]
fn attempts_per_hour() {
    table(
        Guardrail::AttemptsPerHour,
        &[
            (
                |facts| {
                    facts.attempted(1, "reload", ago(59));
                    facts.attempted(2, "restart", ago(1));
                },
                "2 on web within the hour, of 2",
            ),
            (
                |facts| facts.readings.target = None,
                "the target's ledger could not be read",
            ),
        ],
        &[
            |facts| facts.attempted(1, "reload", ago(1)),
            |facts| {
                facts.attempted(1, "reload", ago(60));
                facts.attempted(2, "restart", ago(1));
            },
        ],
    );
}

#[test]
fn redundancy_group() {
    fn running(facts: &mut Facts, target: &str, until: Timestamp) {
        assert!(facts.readings.group.as_mut().expect("a ledger").admit(
            target,
            &other(1),
            until,
            until,
            9
        ));
    }
    // The registry has four of the group.
    fn at_once(facts: &mut Facts, yaml: &str) {
        facts.limits.groups.insert(
            "front".into(),
            serde_saphyr::from_str(yaml).expect("a limit"),
        );
    }
    table(
        Guardrail::RedundancyGroup,
        &[
            (
                |facts| running(facts, "web-2", now()),
                "1 others of front are being repaired, of 1 at once",
            ),
            (
                |facts| {
                    at_once(facts, "{share: 0.5}");
                    running(facts, "web-2", now());
                    running(facts, "web-3", now());
                },
                "2 others of front are being repaired, of 2 at once",
            ),
            (
                |facts| facts.readings.group = None,
                "the group's ledger could not be read",
            ),
            (
                |facts| facts.service = None,
                "the registry has no service web any more",
            ),
        ],
        &[
            |facts| running(facts, "web-2", ago(11)),
            |facts| {
                at_once(facts, "{at_most: 2}");
                running(facts, "web-2", now());
            },
            |facts| running(facts, "web", now()),
            |facts| {
                facts.readings.group = None;
                facts.service.as_mut().expect("a service").redundancy_group = None;
            },
        ],
    );
}

#[test]
fn change_freeze() {
    fn freeze(facts: &mut Facts, from: i64, to: i64) {
        facts.limits.freezes[0].when = When::Once {
            from: ago(from),
            to: ago(to),
        };
    }
    // It is a Monday.
    fn weekly(facts: &mut Facts, from: &str, to: &str) {
        let yaml = format!("{{weekly: {{from: '{from}', to: '{to}', zone: UTC}}, why: weekend}}");
        facts
            .limits
            .freezes
            .push(serde_saphyr::from_str(&yaml).expect("a freeze"));
    }
    table(
        Guardrail::ChangeFreeze,
        &[
            (
                |facts| freeze(facts, 0, -10),
                "until 2026-06-01T12:10:00Z: holidays",
            ),
            (
                |facts| freeze(facts, 10, -1),
                "until 2026-06-01T12:01:00Z: holidays",
            ),
            (
                |facts| weekly(facts, "Fri 16:00", "Mon 12:01"),
                "until 2026-06-01T12:01:00Z: weekend",
            ),
        ],
        &[
            |facts| freeze(facts, 10, 0),
            |facts| freeze(facts, -1, -10),
            |facts| facts.limits.freezes.clear(),
            |facts| weekly(facts, "Mon 12:01", "Sat 00:00"),
            |facts| weekly(facts, "Fri 16:00", "Mon 12:00"),
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
        Err("nobody has decided".to_owned())
    );
    assert_eq!(
        after(Guardrail::StartsInTime, |_| {}),
        Err("nobody has decided".to_owned())
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
