//! Guardrails on the playbook: its risk, and how its earlier runs ended.

use crate::analysis::{DataImpact, Risk};
use crate::incident::autonomy_level::AutonomyLevel;
use crate::playbook::Playbook;
use crate::policy::evaluation::{Answer, GuardrailContext};
use crate::policy::track_record::TrackRecord;

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
        may_ever_run(self.known_playbook()?)
    }

    pub(super) fn playbook_record(&self) -> Answer {
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
}

/// Whether a playbook may run without a human at all, whatever the incident.
pub(crate) fn may_ever_run(playbook: &Playbook) -> Answer {
    if playbook.auto.is_none() {
        return Err("this playbook is never automatic".into());
    }
    match (playbook.risk, playbook.data_impact) {
        (Risk::Low, DataImpact::None | DataImpact::ReadOnly) => {
            Ok("low, and it changes no data".into())
        }
        (Risk::Low, DataImpact::Write | DataImpact::Destructive) => Err("it changes data".into()),
        (risk, _) => Err(format!("{} is more than low", risk.as_str())),
    }
}

#[cfg(test)]
#[path = "playbook_tests.rs"]
mod tests;
