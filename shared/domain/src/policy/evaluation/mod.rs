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
use crate::phrase;
use crate::playbook::Playbook;
use crate::playbook::plan::Plan;
use crate::playbook::service::{Level, Service};
use crate::policy::attempt_ledger::GuardrailInputs;
use crate::policy::limits::Limits;
use crate::primitives::id::ApprovalId;
use crate::primitives::phrase::Phrase;

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
type Answer = Result<Phrase, Phrase>;

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
            Guardrail::SignedDecision => Err(phrase!("nothing is signed here")),
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

    fn known_playbook(&self) -> Result<&Playbook, Phrase> {
        let playbook = &self.plan.playbook;
        self.playbook
            .ok_or_else(|| phrase!("there is no playbook {playbook} any more", playbook))
    }

    fn known_service(&self) -> Result<&Service, Phrase> {
        let service = &self.plan.target;
        self.service
            .ok_or_else(|| phrase!("the registry has no service {service} any more", service))
    }

    fn kill_switch(&self) -> Answer {
        match self.readings.killed {
            Some(false) => Ok(phrase!("it is off")),
            Some(true) => Err(self.readings.switched_off.phrase()),
            None => Err(phrase!("it could not be read")),
        }
    }

    fn service_level(&self) -> Answer {
        let service = self.known_service()?;
        let name = &service.name;
        match service.level {
            Level::Auto => Ok(phrase!("{name} is auto", name)),
            Level::Approval => Err(phrase!("{name} asks for approval", name)),
            Level::Manual => Err(phrase!("{name} is repaired by hand only", name)),
        }
    }

    fn change_freeze(&self) -> Answer {
        match self.limits.freeze_at(self.now) {
            None => Ok(phrase!("none holds")),
            Some((freeze, until)) => Err(phrase!("until {until}: {why}", until, why = freeze.why)),
        }
    }
}

#[cfg(test)]
#[path = "evaluation_tests.rs"]
mod tests;
