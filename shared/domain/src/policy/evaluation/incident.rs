//! Guardrails on the incident: its label, severity, analysis, alert and decision.

use jiff::SignedDuration;

use crate::analysis::Severity;
use crate::incident::guardrail::GuardrailOutcome;
use crate::policy::evaluation::{Answer, GuardrailContext, start_by};

impl GuardrailContext<'_> {
    pub(super) fn auto_repair_label(&self) -> Answer {
        if !self.incident.alert.allows_auto_repair() {
            return Err("the alert's own label forbids it".into());
        }
        if !self.incident.allows_auto_repair() {
            return Err("the label of another of its alerts forbids it".into());
        }
        Ok("no label forbids it".into())
    }

    pub(super) fn severity(&self) -> Answer {
        let severity = self.incident.severity;
        // An incident that shows only a part of the alerts may be worse than its severity says.
        if self.incident.storm().is_some() || self.incident.storm_id().is_some() {
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

    pub(super) fn confidence(&self) -> Answer {
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

    pub(super) fn episode_open(&self) -> Answer {
        if self.incident.resolved_at.is_none() && self.incident.is_open() {
            Ok("the alert still fires".into())
        } else {
            Err("the alert has resolved".into())
        }
    }

    pub(super) fn starts_in_time(&self) -> Answer {
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
#[path = "incident_tests.rs"]
mod tests;
