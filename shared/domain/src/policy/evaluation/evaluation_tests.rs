//! Tests of the evaluation: all guardrails at once, and those on what the operator says.

use jiff::{SignedDuration, Timestamp};

use super::GuardrailContext;
use crate::analysis::named_cause::{CauseSource, Confidence, NamedCause, OutcomeCounts};
use crate::analysis::{Analysis, Severity, tests};
use crate::incident::guardrail::{Guardrail, all_passed};
use crate::incident::{Incident, Status};
use crate::playbook::Playbook;
use crate::playbook::plan::Plan;
use crate::playbook::plan::tests::plan;
use crate::playbook::service::Service;
use crate::policy::attempt_ledger::{Attempt, GroupLedger, GuardrailInputs, TargetLedger};
use crate::policy::freeze::When;
use crate::policy::limits::Limits;
use crate::policy::playbook_run::PlaybookRecord;
use crate::primitives::id::{ApprovalId, IncidentId};
use crate::transition::lifecycle::tests::incident;

/// The facts of a context, owned, so that a test can change one of them.
pub(super) struct Facts {
    pub(super) incident: Incident,
    pub(super) plan: Plan,
    pub(super) playbook: Option<Playbook>,
    pub(super) service: Option<Service>,
    pub(super) limits: Limits,
    pub(super) readings: GuardrailInputs,
}

pub(super) fn now() -> Timestamp {
    "2026-06-01T12:00:00Z".parse().expect("a time")
}

pub(super) fn ago(minutes: i64) -> Timestamp {
    now() - SignedDuration::from_mins(minutes)
}

/// A finding that claims the cause which the playbook `restart` is for, and is so sure of it at least.
pub(super) fn analysis(at_least: f64) -> Analysis {
    Analysis {
        named_cause: Some(NamedCause {
            source: CauseSource::Static,
            cause: "service_404".into(),
            speaks_for: vec!["restart".into()],
        }),
        confidence: Some(Confidence {
            mean: 0.9,
            at_least,
            counts: OutcomeCounts {
                right: 14,
                wrong: 2,
            },
        }),
        ..tests::analysis()
    }
}

/// A context in which every guardrail passes.
pub(super) fn fine() -> Facts {
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
    pub(super) fn context(&self) -> GuardrailContext<'_> {
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

    pub(super) fn playbook(&mut self) -> &mut Playbook {
        self.playbook.as_mut().expect("a playbook")
    }

    /// Lets another incident's attempt, or the incident's own, stand in the target's ledger.
    pub(super) fn attempted(&mut self, number: u32, playbook: &str, at: Timestamp) {
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

pub(super) fn other(number: u32) -> ApprovalId {
    let incident =
        IncidentId::try_from(format!("01ARZ3NDEKTSV4RRFFQ69G{number:04}")).expect("a ULID");
    ApprovalId::for_plan(&incident, &plan().hash())
}

/// What a guardrail answers after a change: `Ok` or `Err` with its words. No other guardrail may change its answer from passing.
pub(super) fn after(
    guardrail: Guardrail,
    change: impl FnOnce(&mut Facts),
) -> Result<String, String> {
    let mut facts = fine();
    change(&mut facts);
    let outcome = facts.context().ask(guardrail);
    if outcome.passed {
        Ok(outcome.why.to_string())
    } else {
        Err(outcome.why.to_string())
    }
}

pub(super) type Change = fn(&mut Facts);

/// Checks that a guardrail stops each of these, with these words, and lets the rest through.
pub(super) fn table(guardrail: Guardrail, stops: &[(Change, &str)], passes: &[Change]) {
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
