//! The last check before a host is reached: the decision, the kill switch, and that the step runs once.
//!
//! The bridge asks all of it itself: whoever may invoke it, or writes the table of incidents, runs
//! nothing that was not decided on (`signed-decisions`).

use std::time::Duration;

use aws::Chain;
use aws::decision_keys::CheckingKeyIds;
use aws::secrets::{SecretError, Secrets};
use domain::incident::repair::StepOutcome;
use domain::incident::repair_state_machine::most_tries;
use domain::phrase;
use domain::playbook::plan::Phase;
use domain::playbook::service::Level;
use domain::primitives::phrase::Phrase;
use domain::transition::decision::quorum::people_needed;
use jiff::{SignedDuration, Timestamp};
use store::{ControlTable, StepTry};
use thiserror::Error;
use tokio::time::timeout;
use tracing::{error, warn};
use wire::bridge::BridgeRequest;
use wire::signed_decision::InvalidDecision;

use crate::resolve::Resolved;

/// How long the check may take: with it a step still ends before the repair function gives up on its
/// answer (`PlannedStep::longest`).
const WITHIN: Duration = Duration::from_secs(10);

/// What the deployed bridge checks decisions with.
#[derive(Debug)]
pub struct Gate {
    pub secrets: Secrets,
    pub keys: CheckingKeyIds,
    pub control: ControlTable,
    /// How long after its decision a plan may begin to run.
    pub starts_within: SignedDuration,
}

/// Why a step does not run.
#[derive(Debug, Error)]
#[error("{}", self.phrase())]
pub(crate) enum Closed {
    NoDecision,
    OtherIncident,
    Invalid(#[from] InvalidDecision),
    SwitchedOff,
    TooOften {
        number: u32,
        most: u32,
    },
    RanBefore,
    NoKey,
    /// It could not be checked right now.
    Unchecked,
}

impl Closed {
    /// The same for people.
    pub(crate) fn phrase(&self) -> Phrase {
        match self {
            Self::NoDecision => phrase!("the request carries no decision"),
            Self::OtherIncident => phrase!("the decision is about another incident"),
            Self::Invalid(invalid) => invalid.phrase(),
            Self::SwitchedOff => phrase!("repairs are switched off"),
            Self::TooOften { number, most } => phrase!(
                "this is try {number} of a step that is tried {most} times at most",
                number,
                most
            ),
            Self::RanBefore => phrase!("this try of the step was run before"),
            Self::NoKey => phrase!("the secret with the key of decisions has no value"),
            Self::Unchecked => phrase!(
                "the decision cannot be checked right now; the log of the bridge function says why"
            ),
        }
    }

    /// What people are told: that nothing ran, which is certain.
    pub(crate) fn outcome(&self) -> StepOutcome {
        match self {
            // Nothing is wrong with the request: it may come again.
            Self::Unchecked => StepOutcome::NotInvoked,
            _ => StepOutcome::Refused,
        }
    }
}

impl Gate {
    /// Lets a step through, once.
    ///
    /// # Errors
    /// Why it must not run.
    pub(crate) async fn pass(
        &self,
        request: &BridgeRequest,
        resolved: &Resolved<'_>,
        now: Timestamp,
    ) -> Result<(), Closed> {
        let checked = timeout(WITHIN, self.check(request, resolved, now)).await;
        // What is not checked in time does not run, also if its try was recorded.
        let passed = checked.unwrap_or(Err(Closed::Unchecked));
        if let Err(closed) = &passed {
            error!(incident_id = %request.incident_id, why = %closed, "a step without a valid decision was not run");
        }
        passed
    }

    async fn check(
        &self,
        request: &BridgeRequest,
        resolved: &Resolved<'_>,
        now: Timestamp,
    ) -> Result<(), Closed> {
        let Some(decision) = &request.decision else {
            // `quell run --dry-run` looks and checks, and nothing was decided yet.
            return match request.phase {
                Phase::Facts | Phase::Verify => Ok(()),
                Phase::Steps | Phase::Rollback => Err(Closed::NoDecision),
            };
        };
        if decision.approval_id.incident() != request.incident_id {
            return Err(Closed::OtherIncident);
        }
        match self.keys.check(&self.secrets, decision, now).await {
            Ok(checked) => checked?,
            Err(SecretError::NoValue { .. }) => return Err(Closed::NoKey),
            Err(error) => return Err(unchecked(&error)),
        }
        decision.covers(&resolved.plan, self.starts_within, now)?;
        if decision.by_guardrails() {
            if resolved.step.service.level != Level::Auto || !resolved.may_run_by_itself {
                return Err(InvalidDecision::NeedsPeople.into());
            }
        } else {
            // The redundancy that was measured, and what the playbook has earned, which the bridge does not know, can only make it more.
            let needed = people_needed(&resolved.plan, None);
            if decision.needed < needed {
                let given = decision.by.len();
                return Err(InvalidDecision::TooFew { given, needed }.into());
            }
        }
        let (number, most) = (request.number, most_tries(request.phase, &resolved.planned));
        if number == 0 || number > most {
            return Err(Closed::TooOften { number, most });
        }
        if self.control.killed().await.map_err(|e| unchecked(&e))? {
            return Err(Closed::SwitchedOff);
        }
        // Last: what is recorded here runs, or certainly never does.
        let of = StepTry {
            approval: &decision.approval_id,
            phase: request.phase,
            step: request.step,
            number,
        };
        match self.control.claim(of, now).await {
            Ok(true) => Ok(()),
            Ok(false) => Err(Closed::RanBefore),
            Err(error) => Err(unchecked(&error)),
        }
    }
}

fn unchecked(error: &(dyn std::error::Error + 'static)) -> Closed {
    warn!(error = %Chain(error), "a decision could not be checked");
    Closed::Unchecked
}
