//! Guardrails on the playbook: its risk, and how its earlier runs ended.

use crate::analysis::{DataImpact, Risk};
use crate::incident::autonomy_level::AutonomyLevel;
use crate::phrase;
use crate::playbook::Playbook;
use crate::policy::evaluation::{Answer, GuardrailContext};
use crate::policy::track_record::TrackRecord;
use crate::primitives::phrase::Phrase;

impl GuardrailContext<'_> {
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

    pub(super) fn playbook_risk(&self) -> Answer {
        let may = may_ever_run(self.known_playbook()?)?;
        let risk = self.plan.risk.as_str();
        // What raised the playbook's own word stands on the card, next to the risk.
        match self.plan.risk {
            Risk::Low => Ok(may),
            _ => Err(
                phrase!("the plan's risk is {risk}: {why}", risk, why => Phrase::several(self.plan.risk_because.clone())),
            ),
        }
    }

    pub(super) fn playbook_record(&self) -> Answer {
        let record = self
            .readings
            .record
            .ok_or_else(|| phrase!("it could not be read"))?;
        let needed = self
            .known_playbook()?
            .auto
            .map_or(0, |auto| u64::from(auto.min_verified));
        if record.verified < needed {
            return Err(phrase!(
                "verified {verified} times, and it needs {needed}",
                verified = record.verified,
                needed
            ));
        }
        if self.playbook.is_some_and(Playbook::is_earned) {
            // What failed and what came back counts here by itself, the older the less.
            let earned = self
                .earned()
                .ok_or_else(|| phrase!("its runs could not be read"))?;
            return if earned.level == AutonomyLevel::Auto {
                Ok(earned.phrase())
            } else {
                Err(earned.phrase())
            };
        }
        if record.failed > record.verified {
            return Err(phrase!(
                "failed {failed} times, and verified only {verified}",
                failed = record.failed,
                verified = record.verified
            ));
        }
        Ok(phrase!(
            "verified {verified} times, failed {failed}",
            verified = record.verified,
            failed = record.failed
        ))
    }
}

/// Whether a playbook may run without a human at all, whatever the incident.
pub(crate) fn may_ever_run(playbook: &Playbook) -> Answer {
    if playbook.auto.is_none() {
        return Err(phrase!("this playbook is never automatic"));
    }
    match (playbook.risk, playbook.data_impact) {
        (Risk::Low, DataImpact::None | DataImpact::ReadOnly) => {
            Ok(phrase!("low, and it changes no data"))
        }
        (Risk::Low, DataImpact::Write | DataImpact::Destructive) => Err(phrase!("it changes data")),
        (Risk::Medium, _) => Err(phrase!("medium is more than low")),
        (Risk::High, _) => Err(phrase!("high is more than low")),
        (Risk::Critical, _) => Err(phrase!("critical is more than low")),
    }
}

#[cfg(test)]
#[path = "playbook_tests.rs"]
mod tests;
