//! Reanalysis: a new analysis that a person requests because they doubt the first. It is limited in
//! number and frequency, and only possible while nothing is decided.

use crate::phrase;
use crate::primitives::phrase::Phrase;
use crate::primitives::time::expired;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use thiserror::Error;

use crate::analysis::Analysis;
use crate::analysis::evidence::Evidence;
use crate::incident::approval::ApprovalState;
use crate::incident::change::IncidentChange;
use crate::incident::guardrail::{Guardrail, GuardrailOutcome};
use crate::incident::operation_log::{Event, LogRecord};
use crate::incident::parts::Reanalysis;
use crate::incident::{Incident, Status};
use crate::playbook::plan::Plan;
use crate::transition::decision::revocation::revoke;

/// How far apart two requests are at least: models are billed for each.
pub const APART: SignedDuration = SignedDuration::from_mins(5);
/// How many new analyses an incident can have.
pub const MOST_ROUNDS: u32 = 3;

/// Who writes the log here.
const ACTOR: &str = "analyzer";

/// Why there is no new analysis.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{}", self.phrase())]
pub enum Refusal {
    /// There is nothing to doubt yet.
    NotAnalysed,
    /// It would change nothing any more, or pull the plan away from under its repair.
    Status(Status),
    /// A storm's rule answers the same each time: no model is asked about it.
    Storm,
    /// The last one has not ended. The message for it may never have been sent: sending it again
    /// changes nothing.
    UnderWay {
        round: u32,
        /// Who asked for it.
        by: String,
    },
    /// It is too early.
    TooSoon {
        /// When the last one was asked for.
        asked_at: Timestamp,
        /// When the next one can be.
        from: Timestamp,
    },
    /// There were as many as there may be.
    UsedUp,
}

impl Refusal {
    /// The reason, for the person who asked.
    pub fn phrase(&self) -> Phrase {
        match self {
            Self::NotAnalysed => words(Status::Open),
            Self::Status(status) => words(*status),
            Self::Storm => {
                phrase!(
                    "a storm is not analysed by models: ask for a part of it when the storm is over"
                )
            }
            Self::UnderWay { by, .. } => {
                phrase!("a new analysis is under way, which {by} asked for", by)
            }
            Self::TooSoon { asked_at, from } => phrase!(
                "the last new analysis was asked for at {asked_at}: another one can be from {from} on",
                asked_at = format!("{asked_at:.0}"),
                from = format!("{from:.0}")
            ),
            Self::UsedUp => phrase!(
                "it was analysed anew {rounds} times already",
                rounds = MOST_ROUNDS
            ),
        }
    }
}

fn words(status: Status) -> Phrase {
    match status {
        Status::Open => phrase!("it has not been analysed yet"),
        Status::Approved => phrase!("its plan is approved: the repair starts any moment"),
        Status::Repairing => phrase!("its repair runs"),
        Status::Repaired => phrase!("its repair was verified"),
        Status::Resolved => phrase!("every alert of it has resolved"),
        Status::Expired => phrase!("it has expired"),
        Status::Closed => phrase!("it was closed"),
        Status::Announced => phrase!("it reports what a pipeline does, which is not analysed"),
        Status::InStorm => phrase!("it is a part of a storm"),
        Status::AwaitingApproval | Status::NeedsHuman | Status::Rejected | Status::RepairFailed => {
            phrase!("nothing is decided on it")
        }
    }
}

/// Asks for a new analysis, in the name of `by`: its round, which its message carries.
///
/// # Errors
/// Why there is none; the change is then as it was.
pub fn ask(change: &mut IncidentChange, by: &str, now: Timestamp) -> Result<u32, Refusal> {
    let incident = &change.incident;
    possible(incident)?;
    let before = incident.reanalysis.as_ref();
    if let Some(Reanalysis {
        round,
        asked_at,
        by,
        ..
    }) = before.filter(|before| !before.done)
        && (now < *asked_at + APART
            || incident
                .claim
                .as_ref()
                .is_some_and(|claim| !expired(claim.until, now)))
    {
        return Err(Refusal::UnderWay {
            round: *round,
            by: by.clone(),
        });
    }
    let round = before.map_or(0, |before| before.round) + 1;
    if round > MOST_ROUNDS {
        return Err(Refusal::UsedUp);
    }
    if let Some(Reanalysis { asked_at, .. }) = before
        && now < *asked_at + APART
    {
        return Err(Refusal::TooSoon {
            asked_at: *asked_at,
            from: *asked_at + APART,
        });
    }
    let plans = before.map_or(0, |before| before.plans);
    // The workers of a round before it are no attempts of this one.
    change.incident.claim = None;
    change.incident.reanalysis = Some(Reanalysis {
        round,
        asked_at: now,
        by: by.to_owned(),
        done: false,
        plans,
    });
    let detail = format!("a new analysis was asked for ({round} of {MOST_ROUNDS})");
    change.record(
        now,
        LogRecord::new(Event::ReanalysisRequested, by, detail).with(json!({ "round": round })),
    );
    Ok(round)
}

fn possible(incident: &Incident) -> Result<(), Refusal> {
    match incident.status {
        _ if incident.storm().is_some() => Err(Refusal::Storm),
        Status::AwaitingApproval | Status::NeedsHuman | Status::Rejected | Status::RepairFailed => {
            incident
                .analysis
                .is_some()
                .then_some(())
                .ok_or(Refusal::NotAnalysed)
        }
        status => Err(Refusal::Status(status)),
    }
}

impl Incident {
    /// True while a person can ask for a new analysis, if the last one is long enough ago.
    pub fn can_be_reanalysed(&self) -> bool {
        possible(self).is_ok()
    }

    /// True while this new analysis is requested and can still change something.
    pub fn awaits_reanalysis(&self, round: u32) -> bool {
        self.is_asked_for(round) && possible(self).is_ok()
    }

    /// True while a new analysis is on its way. One that has not come in time is not waited for any longer.
    pub fn is_reanalysed(&self, now: Timestamp) -> bool {
        self.reanalysis.as_ref().is_some_and(|asked| {
            self.awaits_reanalysis(asked.round) && now < asked.asked_at + APART
        })
    }

    fn is_asked_for(&self, round: u32) -> bool {
        self.reanalysis
            .as_ref()
            .is_some_and(|asked| asked.round == round && !asked.done)
    }
}

impl IncidentChange {
    /// Records a new finding, and asks a human about the plan that the current files give, or
    /// records why they give none. If the incident was decided or has resolved meanwhile, that
    /// result stays, no plan is made, and the log keeps the cost of the finding. A finding of an
    /// obsolete round changes nothing.
    pub fn reanalysed(
        &mut self,
        round: u32,
        finding: (Analysis, Vec<Evidence>),
        plan: impl FnOnce(&mut Self) -> Result<Plan, Phrase>,
        now: Timestamp,
        valid_for: SignedDuration,
    ) {
        let Some(asked) = self
            .incident
            .reanalysis
            .as_mut()
            .filter(|asked| asked.round == round && !asked.done)
        else {
            return;
        };
        asked.done = true;
        let (analysis, evidence) = finding;
        if let Err(refusal) = possible(&self.incident) {
            self.incident.claim = None;
            let context = json!({
                "round": round, "provider": analysis.provider, "model": analysis.model, "tokens": analysis.tokens,
                "price_micro_usd": analysis.price_micro_usd,
            });
            let news = LogRecord::new(
                Event::AnalysisCompleted,
                ACTOR,
                "a new analysis came too late",
            )
            .with(context);
            return self.record(now, news.failed(refusal.to_string()));
        }
        self.analysed(analysis, evidence, now);
        match plan(self) {
            Ok(plan) => self.propose_anew(plan, now, valid_for),
            Err(why) => self.without_plan(why, now),
        }
    }

    /// Asks a human about a plan, and never only the guardrails, because a person has doubted the
    /// analysis. The same plan is not proposed twice.
    fn propose_anew(&mut self, plan: Plan, now: Timestamp, valid_for: SignedDuration) {
        let last = self.last_plan();
        let same = self.incident.approval.as_ref().is_some_and(|asked| {
            asked.plan_hash
                == Plan {
                    round: last,
                    ..plan.clone()
                }
                .hash()
        });
        let plan = Plan {
            round: last + 1,
            ..plan
        };
        let waits = self
            .incident
            .approval
            .as_ref()
            .filter(|asked| asked.state == ApprovalState::Pending);
        let why = match waits {
            Some(asked) if expired(asked.expires_at, now) => {
                phrase!("there was no decision in time")
            }
            Some(asked) if same && self.people_for(&plan, now, valid_for) == Some(asked.needed) => {
                // What it runs on may have been measured otherwise.
                if let Some(asked_about) = &mut self.incident.plan {
                    (asked_about.risk, asked_about.risk_because) = (plan.risk, plan.risk_because);
                }
                return;
            }
            _ if same => phrase!("a new analysis changed how many people have to approve"),
            _ => phrase!("a new analysis came to another plan"),
        };
        revoke(self, ACTOR, why, now);
        self.put_repair_aside();
        self.incident.no_plan_because = None;
        self.propose(plan, now, valid_for);
        let doubt = phrase!("a person doubted the first finding and asked for a new one");
        self.incident.guardrails = vec![GuardrailOutcome::blocked(Guardrail::Confidence, doubt)];
    }

    fn without_plan(&mut self, why: Phrase, now: Timestamp) {
        // What was tried and failed stays to be seen: there is nothing to be done in its place.
        if self.incident.status == Status::RepairFailed {
            return;
        }
        revoke(self, ACTOR, phrase!("a new analysis came to no plan"), now);
        let plans = self.last_plan();
        if let Some(asked) = &mut self.incident.reanalysis {
            asked.plans = plans;
        }
        self.incident.plan = None;
        self.incident.guardrails = Vec::new();
        self.incident.no_plan_because = Some(why);
        self.incident.status = Status::NeedsHuman;
    }

    /// The round of the last plan that people were asked about: 0 if there was none.
    fn last_plan(&self) -> u32 {
        let taken_away = self
            .incident
            .reanalysis
            .as_ref()
            .map_or(0, |asked| asked.plans);
        self.incident
            .plan
            .as_ref()
            .map_or(taken_away, |plan| plan.round)
    }

    /// How many people would have to approve a plan that was proposed now.
    fn people_for(&self, plan: &Plan, now: Timestamp, valid_for: SignedDuration) -> Option<u8> {
        let mut asking = self.clone();
        asking.propose(plan.clone(), now, valid_for);
        asking.incident.approval.map(|asked| asked.needed)
    }
}

#[cfg(test)]
#[path = "reanalysis_tests.rs"]
mod tests;
