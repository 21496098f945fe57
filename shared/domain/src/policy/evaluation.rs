//! Evaluation of the guardrails from facts that the caller passes in. A fact that is missing stops
//! the repair (fail closed).

use jiff::{SignedDuration, Timestamp};

use crate::analysis::{DataImpact, Risk, Severity};
use crate::incident::Incident;
use crate::incident::approval::{ApprovalState, Verdict};
use crate::incident::autonomy_level::AutonomyLevel;
use crate::incident::guardrail::{Guardrail, GuardrailOutcome};
use crate::playbook::Playbook;
use crate::playbook::plan::Plan;
use crate::playbook::service::{Level, Service};
use crate::policy::attempt_ledger::GuardrailInputs;
use crate::policy::limits::Limits;
use crate::policy::track_record::TrackRecord;
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

    /// What the playbook has earned by its runs. Nothing where its autonomy is declared, or its runs could not be read.
    pub fn earned(&self) -> Option<TrackRecord> {
        self.playbook.filter(|playbook| playbook.is_earned())?;
        Some(TrackRecord::by(
            self.readings.runs.as_ref()?,
            &self.limits.autonomy,
            self.now,
        ))
    }

    /// How many people have to approve follows from this. Where it cannot be known, it is the least.
    pub fn level(&self) -> Option<AutonomyLevel> {
        self.playbook.filter(|playbook| playbook.is_earned())?;
        Some(
            self.earned()
                .map_or(AutonomyLevel::Suggest, |earned| earned.level),
        )
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

    fn auto_repair_label(&self) -> Answer {
        if !self.incident.alert.allows_auto_repair() {
            return Err("the alert's own label forbids it".into());
        }
        if !self.incident.allows_auto_repair() {
            return Err("the label of another of its alerts forbids it".into());
        }
        Ok("no label forbids it".into())
    }

    fn severity(&self) -> Answer {
        let severity = self.incident.severity;
        // An incident that shows only a part of the alerts may be worse than its severity says.
        if self.incident.storm().is_some() || self.incident.tied_to().is_some() {
            return Err("it is a part of a storm".into());
        }
        if self.incident.left_out > 0 {
            return Err(format!(
                "its sender left out {} alerts: it may be worse than {severity:?}",
                self.incident.left_out
            ));
        }
        if severity < Severity::P2 {
            return Err(GuardrailOutcome::never_by_itself(severity).why);
        }
        match self.known_playbook()?.auto {
            Some(auto) if severity < auto.max_severity => Err(format!(
                "{severity:?} is worse than the playbook's {:?}",
                auto.max_severity
            )),
            _ => Ok(format!("{severity:?}")),
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

    fn playbook_risk(&self) -> Answer {
        let playbook = self.known_playbook()?;
        if playbook.auto.is_none() {
            return Err("this playbook is never automatic".into());
        }
        match (playbook.risk, playbook.data_impact) {
            (Risk::Low, DataImpact::None | DataImpact::ReadOnly) => {
                Ok("low, and it changes no data".into())
            }
            (Risk::Low, DataImpact::Write | DataImpact::Destructive) => {
                Err("it changes data".into())
            }
            (risk, _) => Err(format!("{} is more than low", risk.as_str())),
        }
    }

    fn confidence(&self) -> Answer {
        let Some(analysis) = &self.incident.analysis else {
            return Err("nothing has been found yet".into());
        };
        let (sure, of_rule, least) = (
            analysis.confidence,
            analysis.rule_confidence,
            self.limits.min_confidence.get(),
        );
        // Both: a model can be talked into being sure, the operator's rule cannot. What is not a number has to stop it, too.
        let enough = |sure: f64| sure >= least;
        let too_little = |sure: f64| Err(format!("{sure:.2} is less than {least:.2}"));
        if analysis.rule_claims_no_cause && !enough(of_rule) {
            self.is_made_for_the_alert()?;
            // Where a model has named a cause, it has to be sure of it.
            let claimed = analysis.model.is_some() || sure.to_bits() != of_rule.to_bits();
            return match claimed {
                true if !enough(sure) => too_little(sure),
                _ => {
                    Ok("no rule claims a cause: the playbook is for this very alert, and its facts on the host decide on every step".into())
                }
            };
        }
        match [sure, of_rule].into_iter().find(|sure| !enough(*sure)) {
            None => Ok(format!("{sure:.2} and {of_rule:.2} of {least:.2}")),
            Some(sure) => too_little(sure),
        }
    }

    /// Passes if the playbook names this very alert, and asks the host whether something is wrong before it changes anything there. Where
    /// nobody claims a cause, this takes the place of being sure of one: that alert and playbook belong together is the operator's word, and
    /// that the symptom is there the host's.
    fn is_made_for_the_alert(&self) -> Result<(), String> {
        let playbook = self.known_playbook()?;
        let name = &self.incident.alert.name;
        if !playbook.matches.alertnames.contains(name) {
            return Err(format!(
                "no rule claims a cause, and {} is not for the alert {name} by its name",
                playbook.id
            ));
        }
        if !playbook.asks_the_host_first() {
            return Err(format!(
                "no rule claims a cause, and not every step of {} depends on a fact on the host",
                playbook.id
            ));
        }
        Ok(())
    }

    fn playbook_record(&self) -> Answer {
        let record = self.readings.record.ok_or("it could not be read")?;
        let needed = self
            .known_playbook()?
            .auto
            .map_or(0, |auto| u64::from(auto.min_verified));
        if record.verified < needed {
            return Err(format!(
                "verified {} times, and it needs {needed}",
                record.verified
            ));
        }
        if self.playbook.is_some_and(Playbook::is_earned) {
            // What failed and what came back counts here by itself, the older the less.
            let earned = self.earned().ok_or("its runs could not be read")?;
            return if earned.level == AutonomyLevel::Auto {
                Ok(earned.to_string())
            } else {
                Err(earned.to_string())
            };
        }
        if record.failed > record.verified {
            return Err(format!(
                "failed {} times, and verified only {}",
                record.failed, record.verified
            ));
        }
        Ok(format!(
            "verified {} times, failed {}",
            record.verified, record.failed
        ))
    }

    fn cooldown(&self) -> Answer {
        let ledger = self
            .readings
            .target
            .as_ref()
            .ok_or("the target's ledger could not be read")?;
        let Some(rest) = self.known_playbook()?.cooldown else {
            return Ok("the playbook asks for no rest".into());
        };
        let Some(last) = ledger.last_run(&self.plan.playbook, &self.own()) else {
            return Ok("its first run here".into());
        };
        // Clocks differ: a run of the future was just now.
        let since = SignedDuration::from_secs(self.now.duration_since(last).as_secs().max(0));
        let words = format!(
            "its last run here was {since:#} ago, its rest is {:#}",
            rest.length()
        );
        if since >= rest.length() {
            Ok(words)
        } else {
            Err(words)
        }
    }

    fn attempts_per_hour(&self) -> Answer {
        let ledger = self
            .readings
            .target
            .as_ref()
            .ok_or("the target's ledger could not be read")?;
        let (made, most) = (
            ledger.within_hour(self.now, &self.own()),
            self.limits.attempts_per_hour,
        );
        let words = format!("{made} on {} within the hour, of {most}", self.plan.target);
        if u32::try_from(made).is_ok_and(|made| made < most.get()) {
            Ok(words)
        } else {
            Err(words)
        }
    }

    fn redundancy_group(&self) -> Answer {
        let Some(group) = &self.known_service()?.redundancy_group else {
            return Ok("the service is in none".into());
        };
        let ledger = self
            .readings
            .group
            .as_ref()
            .ok_or("the group's ledger could not be read")?;
        let (others, most) = (
            ledger.others(&self.plan.target, self.now).count(),
            self.at_once,
        );
        let words = format!("{others} others of {group} are being repaired, of {most} at once");
        if u32::try_from(others).is_ok_and(|others| others < most) {
            Ok(words)
        } else {
            Err(words)
        }
    }

    fn change_freeze(&self) -> Answer {
        match self.limits.freeze_at(self.now) {
            None => Ok("none holds".into()),
            Some((freeze, until)) => Err(format!("until {until}: {}", freeze.why)),
        }
    }

    fn episode_open(&self) -> Answer {
        if self.incident.resolved_at.is_none() && self.incident.is_open() {
            Ok("the alert still fires".into())
        } else {
            Err("the alert has resolved".into())
        }
    }

    fn starts_in_time(&self) -> Answer {
        let start_by = start_by(self.incident, self.starts_within).ok_or("nobody has decided")?;
        // Clocks differ: a decision of the future was made just now.
        if self.now <= start_by {
            return Ok(format!("it was decided within {:#}", self.starts_within));
        }
        let decided = SignedDuration::from_secs(self.now.duration_since(start_by).as_secs())
            + self.starts_within;
        Err(format!(
            "it was decided {decided:#} ago, and has to start within {:#}",
            self.starts_within
        ))
    }
}

#[cfg(test)]
#[path = "evaluation_tests.rs"]
mod tests;
