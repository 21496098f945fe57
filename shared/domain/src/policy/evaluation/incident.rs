//! Guardrails on the incident: its label, severity, analysis, alert and decision.

use jiff::SignedDuration;

use crate::analysis::named_cause::{CauseSource, NamedCause};
use crate::analysis::{FoundCause, Severity};
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

    /// Passes if the cause that is named is the playbook's, and such causes were right often enough; or, where no cause is named, if the
    /// playbook is made for the alert.
    pub(super) fn confidence(&self) -> Answer {
        let Some(analysis) = &self.incident.analysis else {
            return Err(phrase!("nothing has been found yet"));
        };
        let Some(named) = &analysis.named_cause else {
            self.is_made_for_the_alert()?;
            return Ok(phrase!(
                "no cause is claimed: the playbook is for this very alert, and its facts on the host decide on every step"
            ));
        };
        let playbook = &self.plan.playbook;
        let speaks = named.speaks_for(playbook);
        // A recipe says which playbooks are for its cause, also where a model or memory says more about it, and memory which one helped.
        let of_recipe = analysis.cause.as_ref();
        let is_of_another = of_recipe.is_some_and(|cause| !cause.speaks_for.contains(playbook));
        if is_of_another || (!speaks && named.source == CauseSource::Memory) {
            return Err(phrase!(
                "the cause ({cause}) does not speak for {playbook}",
                cause => self.cause(named),
                playbook
            ));
        }
        // A model or a rule can be right about the cause and say nothing of this plan: then that is the operator's word, and the host's.
        if !speaks {
            self.is_made_for_the_alert()?;
        }
        let Some(confidence) = analysis.confidence else {
            return Err(phrase!("how often it was right could not be read"));
        };
        let least = self.limits.min_confidence.get();
        let (sure, counts) = (confidence.at_least, confidence.counts);
        let figure = |share: f64| format!("{share:.2}");
        // What is not a number has to stop it, too.
        let words = match (sure >= least, counts.known()) {
            (true, 0) => phrase!(
                "at least {sure}, with {least} needed; nothing is counted here yet",
                sure = figure(sure),
                least = figure(least)
            ),
            (false, 0) => phrase!(
                "only {sure} is sure, with {least} needed; nothing is counted here yet",
                sure = figure(sure),
                least = figure(least)
            ),
            (true, known) => phrase!(
                "at least {sure}, with {least} needed: right {right} of {known} times",
                sure = figure(sure),
                least = figure(least),
                right = counts.right,
                known
            ),
            (false, known) => phrase!(
                "only {sure} is sure, with {least} needed: right {right} of {known} times",
                sure = figure(sure),
                least = figure(least),
                right = counts.right,
                known
            ),
        };
        if sure >= least { Ok(words) } else { Err(words) }
    }

    /// The named cause, for people.
    fn cause(&self, named: &NamedCause) -> Phrase {
        let analysis = self.incident.analysis.as_ref();
        let cause = analysis.and_then(|analysis| analysis.cause.as_ref());
        cause.map_or_else(|| named.cause.as_str().into(), FoundCause::said)
    }

    /// Passes if the playbook names this very alert, and asks the host whether something is wrong before it changes anything there: that alert
    /// and playbook belong together is the operator's word, and that the symptom is there the host's.
    fn is_made_for_the_alert(&self) -> Result<(), Phrase> {
        let playbook = self.known_playbook()?;
        let name = &self.incident.alert.name;
        if !playbook.matches.alertnames.contains(name) {
            return Err(phrase!(
                "{playbook} is not for the alert {alert} by its name",
                playbook = playbook.id,
                alert = name
            ));
        }
        if !playbook.asks_the_host_first() {
            return Err(phrase!(
                "not every step of {playbook} depends on a fact on the host",
                playbook = playbook.id
            ));
        }
        Ok(())
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
