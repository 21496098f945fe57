//! Evaluation of the guardrails from facts that the caller passes in. A fact that is missing stops
//! the repair (fail closed).

mod incident;
mod playbook;
mod rate;

pub(crate) use playbook::may_ever_run;

use jiff::{SignedDuration, Timestamp};

use crate::incident::Incident;
use crate::incident::approval::{ApprovalState, Verdict};
use crate::incident::guardrail::{Guardrail, GuardrailOutcome};
use crate::playbook::Playbook;
use crate::playbook::plan::Plan;
use crate::playbook::service::{Level, Service};
use crate::policy::attempt_ledger::GuardrailInputs;
use crate::policy::limits::Limits;
use crate::primitives::id::ApprovalId;

/// Everything that decides whether a plan may run without a human.
#[derive(Debug, Clone, Copy)]
pub struct GuardrailContext<'a> {
    pub incident: &'a Incident,
    pub plan: &'a Plan,
    /// The plan's playbook, as the file has it now.
    pub playbook: Option<&'a Playbook>,
    /// The plan's target, as the registry has it now.
    pub service: Option<&'a Service>,
    /// The most members of the target's redundancy group that are repaired at once; 0 if it is in none.
    pub at_once: u32,
    pub limits: &'a Limits,
    /// What the store knows.
    pub readings: &'a GuardrailInputs,
    /// How long after its decision a plan may begin to run.
    pub starts_within: SignedDuration,
    pub now: Timestamp,
}

/// By when the first step of an incident's approved plan has to start; nothing where no plan is approved. Past that moment what people
/// looked at when they decided is too long ago.
pub fn start_by(incident: &Incident, starts_within: SignedDuration) -> Option<Timestamp> {
    match &incident.approval.as_ref()?.state {
        ApprovalState::Decided {
            verdict: Verdict::Approve,
            at,
            ..
        } => Some(at.saturating_add(starts_within).unwrap_or(Timestamp::MAX)),
        _ => None,
    }
}

/// Why a guardrail passes, or why it does not.
type Answer = Result<String, String>;

impl GuardrailContext<'_> {
    /// Asks every guardrail, in order.
    pub fn check(&self) -> Vec<GuardrailOutcome> {
        Guardrail::ALL.map(|guardrail| self.ask(guardrail)).to_vec()
    }

    pub fn ask(&self, guardrail: Guardrail) -> GuardrailOutcome {
        let answer = match guardrail {
            Guardrail::KillSwitch => self.kill_switch(),
            Guardrail::AutoRepairLabel => self.auto_repair_label(),
            Guardrail::Severity => self.severity(),
            Guardrail::ServiceLevel => self.service_level(),
            Guardrail::PlaybookRisk => self.playbook_risk(),
            Guardrail::Confidence => self.confidence(),
            Guardrail::PlaybookRecord => self.playbook_record(),
            Guardrail::Cooldown => self.cooldown(),
            Guardrail::AttemptsPerHour => self.attempts_per_hour(),
            Guardrail::RedundancyGroup => self.redundancy_group(),
            Guardrail::ChangeFreeze => self.change_freeze(),
            Guardrail::EpisodeOpen => self.episode_open(),
            Guardrail::StartsInTime => self.starts_in_time(),
            // Known only where the keys are, which adds its outcome there.
            Guardrail::SignedDecision => Err("nothing is signed here".to_owned()),
        };
        let passed = answer.is_ok();
        let (Ok(why) | Err(why)) = answer;
        GuardrailOutcome {
            guardrail,
            passed,
            why,
        }
    }

    /// The approval of the plan: attempts under it are one's own.
    fn own(&self) -> ApprovalId {
        ApprovalId::for_plan(&self.incident.id, &self.plan.hash())
    }

    fn known_playbook(&self) -> Result<&Playbook, String> {
        self.playbook
            .ok_or_else(|| format!("there is no playbook {} any more", self.plan.playbook))
    }

    fn known_service(&self) -> Result<&Service, String> {
        self.service
            .ok_or_else(|| format!("the registry has no service {} any more", self.plan.target))
    }

    fn kill_switch(&self) -> Answer {
        match self.readings.killed {
            Some(false) => Ok("it is off".into()),
            Some(true) => Err(self.readings.switched_off.to_string()),
            None => Err("it could not be read".into()),
        }
    }

    fn service_level(&self) -> Answer {
        let service = self.known_service()?;
        match service.level {
            Level::Auto => Ok(format!("{} is auto", service.name)),
            Level::Approval => Err(format!("{} asks for approval", service.name)),
            Level::Manual => Err(format!("{} is repaired by hand only", service.name)),
        }
    }

    fn change_freeze(&self) -> Answer {
        match self.limits.freeze_at(self.now) {
            None => Ok("none holds".into()),
            Some((freeze, until)) => Err(format!("until {until}: {}", freeze.why)),
        }
    }
}

#[cfg(test)]
#[path = "evaluation_tests.rs"]
mod tests;
