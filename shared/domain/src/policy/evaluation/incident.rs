//! Guardrails on the incident: its label, severity, analysis, alert and decision.

use jiff::SignedDuration;

use crate::analysis::Severity;
use crate::incident::guardrail::GuardrailOutcome;
use crate::phrase;
use crate::policy::evaluation::{Answer, GuardrailContext, start_by};
use crate::primitives::phrase::Phrase;

impl GuardrailContext<'_> {
    pub(super) fn auto_repair_label(&self) -> Answer {
        if !self.incident.alert.allows_auto_repair() {
            return Err(phrase!("the alert's own label forbids it"));
        }
        if !self.incident.allows_auto_repair() {
            return Err(phrase!("the label of another of its alerts forbids it"));
        }
        Ok(phrase!("no label forbids it"))
    }

    pub(super) fn severity(&self) -> Answer {
        let severity = self.incident.severity;
        // An incident that shows only a part of the alerts may be worse than its severity says.
        if self.incident.storm().is_some() || self.incident.storm_id().is_some() {
            return Err(phrase!("it is a part of a storm"));
        }
        if self.incident.left_out > 0 {
            return Err(phrase!(
                "its sender left out {count} alerts: it may be worse than {severity}",
                count = self.incident.left_out,
                severity = format!("{severity:?}")
            ));
        }
        if severity < Severity::P2 {
            return Err(GuardrailOutcome::never_by_itself(severity).why);
        }
        match self.known_playbook()?.auto {
            Some(auto) if severity < auto.max_severity => Err(phrase!(
                "{severity} is worse than the playbook's {worst}",
                severity = format!("{severity:?}"),
                worst = format!("{:?}", auto.max_severity)
            )),
            _ => Ok(format!("{severity:?}").into()),
        }
    }

    pub(super) fn confidence(&self) -> Answer {
        let Some(analysis) = &self.incident.analysis else {
            return Err(phrase!("nothing has been found yet"));
        };
        let (sure, of_rule, least) = (
            analysis.confidence,
            analysis.rule_confidence,
            self.limits.min_confidence.get(),
        );
        // Both: a model can be talked into being sure, the operator's rule cannot. What is not a number has to stop it, too.
        let enough = |sure: f64| sure >= least;
        let figure = |sure: f64| format!("{sure:.2}");
        let too_little = |sure: f64| {
            Err(phrase!(
                "{confidence} is less than {least}",
                confidence = figure(sure),
                least = figure(least)
            ))
        };
        if analysis.rule_claims_no_cause && !enough(of_rule) {
            self.is_made_for_the_alert()?;
            self.is_made_for_the_cause()?;
            // Where a recipe or a model has named a cause, it has to be sure of it.
            let claimed = analysis.model.is_some() || sure.to_bits() != of_rule.to_bits();
            return match claimed {
                true if !enough(sure) => too_little(sure),
                _ => Ok(phrase!(
                    "no rule claims a cause: the playbook is for this very alert, and its facts on the host decide on every step"
                )),
            };
        }
        match [sure, of_rule].into_iter().find(|sure| !enough(*sure)) {
            None => Ok(phrase!(
                "{confidence} and {rule} of {least}",
                confidence = figure(sure),
                rule = figure(of_rule),
                least = figure(least)
            )),
            Some(sure) => too_little(sure),
        }
    }

    /// Passes if the playbook names this very alert, and asks the host whether something is wrong before it changes anything there. Where
    /// nobody claims a cause, this takes the place of being sure of one: that alert and playbook belong together is the operator's word, and
    /// that the symptom is there the host's.
    fn is_made_for_the_alert(&self) -> Result<(), Phrase> {
        let playbook = self.known_playbook()?;
        let name = &self.incident.alert.name;
        if !playbook.matches.alertnames.contains(name) {
            return Err(phrase!(
                "no rule claims a cause, and {playbook} is not for the alert {alert} by its name",
                playbook = playbook.id,
                alert = name
            ));
        }
        if !playbook.asks_the_host_first() {
            return Err(phrase!(
                "no rule claims a cause, and not every step of {playbook} depends on a fact on the host",
                playbook = playbook.id
            ));
        }
        Ok(())
    }

    /// Passes if no recipe found a cause, or the one that it found speaks for the playbook. A cause of something else is a better word about
    /// the incident than the alert's name.
    fn is_made_for_the_cause(&self) -> Result<(), Phrase> {
        let analysis = self.incident.analysis.as_ref();
        let playbook = &self.plan.playbook;
        match analysis.and_then(|analysis| analysis.cause.as_ref()) {
            Some(cause) if !cause.speaks_for.contains(playbook) => Err(phrase!(
                "the cause ({cause}) does not speak for {playbook}",
                cause => cause.said(),
                playbook
            )),
            _ => Ok(()),
        }
    }

    pub(super) fn episode_open(&self) -> Answer {
        if self.incident.resolved_at.is_none() && self.incident.is_open() {
            Ok(phrase!("the alert still fires"))
        } else {
            Err(phrase!("the alert has resolved"))
        }
    }

    pub(super) fn starts_in_time(&self) -> Answer {
        let within = format!("{:#}", self.starts_within);
        let start_by = start_by(self.incident, self.starts_within)
            .ok_or_else(|| phrase!("there is no decision"))?;
        // Clocks differ: a decision of the future was made just now.
        if self.now <= start_by {
            return Ok(phrase!("it was decided within {within}", within));
        }
        let decided = SignedDuration::from_secs(self.now.duration_since(start_by).as_secs())
            + self.starts_within;
        Err(phrase!(
            "it was decided {ago} ago, and has to start within {within}",
            ago = format!("{decided:#}"),
            within
        ))
    }
}

#[cfg(test)]
#[path = "incident_tests.rs"]
mod tests;
