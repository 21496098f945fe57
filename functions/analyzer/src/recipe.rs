//! The recipe of an alert: what is known about it, and the cause that this shows, laid over the static rule's finding.

use std::collections::BTreeMap;

use domain::alert::Alert;
use domain::analysis::evidence::{Evidence, Found, Source};
use domain::analysis::named_cause::{CauseSource, NamedCause};
use domain::analysis::{Analysis, CLEAR_CAUSE, FindingTexts, FoundCause};
use domain::incident::Incident;
use domain::phrase;
use domain::primitives::id::PlaybookId;
use domain::primitives::language::Language;
use domain::primitives::phrase::Phrase;
use jiff::Timestamp;
use recipes::facts::{Answer, Fact, Facts};
use recipes::{Conclusion, KnownCause, Recipe};
use redaction::redact;

/// What the analysis calls itself where a recipe found the cause.
pub(crate) const PROVIDER: &str = "recipe";

/// A recipe with what is known of its alert.
#[derive(Debug)]
pub(crate) struct Consultation<'a> {
    pub(crate) recipe: &'a Recipe,
    pub(crate) facts: Facts,
    /// The ids of the questions, in the order of their evidence, which is the first of the incident's.
    pub(crate) questions: Vec<String>,
}

/// What else is known, beside the answers.
pub(crate) struct Known<'a> {
    pub(crate) incident: &'a Incident,
    pub(crate) service_known: bool,
    /// How many earlier incidents there are, and how many others are open nearby, where that could be read.
    pub(crate) past: Option<usize>,
    pub(crate) open: Option<usize>,
    pub(crate) now: Timestamp,
}

/// Everything that a recipe's conditions can name.
pub(crate) fn facts(known: &Known<'_>, answers: BTreeMap<String, Answer>) -> Facts {
    let alert = &known.incident.alert;
    // A start that is ahead of our clock is the sender's clock.
    let firing_for = known.now.duration_since(alert.starts_at).as_secs_f64();
    Facts {
        answers,
        labels: alert.labels.clone(),
        annotations: alert.annotations.clone(),
        value: only_value(alert),
        severity: Some(alert.severity),
        firing_for: Some(firing_for.max(0.0)),
        past: known.past,
        open: known.open,
        service_known: Some(known.service_known),
    }
}

/// The number that the sender measured. Of several it is unknown which is meant.
fn only_value(alert: &Alert) -> Option<f64> {
    let mut values = alert.measurements.values();
    let only = values.next().filter(|_| alert.measurements.len() == 1)?;
    only.trim().parse().ok()
}

/// How many earlier incidents there are. Of those that could not all be read nothing is known.
pub(crate) fn past_count(past: &[Incident], evidence: Option<&Evidence>) -> Option<usize> {
    match evidence.map(|evidence| &evidence.found) {
        Some(Found::Nothing) => Some(0),
        Some(Found::Known { .. }) | None if !past.is_empty() => Some(past.len()),
        _ => None,
    }
}

/// How many other incidents are open nearby: each is a fact.
pub(crate) fn open_count(evidence: Option<&Evidence>) -> Option<usize> {
    match &evidence?.found {
        Found::Nothing => Some(0),
        Found::Known { facts } => Some(facts.len()),
        Found::Measured { .. } | Found::Failed { .. } => None,
    }
}

impl Consultation<'_> {
    /// The static rule's finding with the recipe's cause over it, or with the reason why there is none. Urgency and impact stay as they are:
    /// what is at stake is the operator's word and what was measured, whatever the cause.
    pub(crate) fn over(
        &self,
        base: Analysis,
        evidence: &[Evidence],
        causes: &[KnownCause],
    ) -> Analysis {
        match self.recipe.conclude(&self.facts, causes) {
            Some(found) => self.with_cause(base, evidence, found),
            None => Analysis {
                no_cause_because: Some(self.no_cause()),
                ..base
            },
        }
    }

    fn with_cause(&self, base: Analysis, evidence: &[Evidence], found: Conclusion<'_>) -> Analysis {
        let clean = |text: &str| redact(text).into_owned();
        let translations = found.translations.iter().map(|(language, (says, action))| {
            let title = found.titles.get(language).unwrap_or(&found.title);
            let suggestions = base.translations.get(language);
            let texts = FindingTexts {
                root_cause: clean(&titled(*language, title, says)),
                action: clean(action),
                suggestions: suggestions
                    .map(|texts| texts.suggestions.clone())
                    .unwrap_or_default(),
            };
            (*language, texts)
        });
        let cause = FoundCause {
            recipe: self.recipe.id.clone(),
            id: found.cause.id.clone(),
            title: found.title.clone(),
            titles: found.titles.clone(),
            evidence: found.evidence(),
            cites: self.cites(&found.reads, evidence),
            speaks_for: ids(&found.cause.speaks_for),
            speaks_against: ids(&found.cause.speaks_against),
        };
        Analysis {
            action_title: found.title.clone(),
            root_cause: clean(&titled(Language::English, &found.title, &found.says)),
            suggested_action: clean(&found.action),
            suggested_command: found.command.as_deref().map(clean),
            named_cause: Some(NamedCause {
                source: CauseSource::Recipe,
                cause: cause.id.clone(),
                speaks_for: cause.speaks_for.clone(),
            }),
            confidence: None,
            primary_responsibility: found.responsibility(),
            translations: translations.collect(),
            provider: PROVIDER.to_owned(),
            cause: Some(cause),
            ..base
        }
    }

    /// The numbers of the evidence behind facts, from 1. What the alert itself says is no evidence of its own.
    fn cites(&self, reads: &[Fact], evidence: &[Evidence]) -> Vec<usize> {
        let of = |source: Source| evidence.iter().position(|piece| piece.source == source);
        let place = |fact: &Fact| match fact {
            Fact::Answer(id, _) => self.questions.iter().position(|question| question == id),
            Fact::AlertValue => of(Source::Sender),
            Fact::Past => of(Source::PastIncidents),
            Fact::Open => of(Source::OpenIncidents),
            Fact::ServiceKnown => of(Source::Registry),
            Fact::Label(_) | Fact::Annotation(_) | Fact::Severity | Fact::FiringFor => None,
        };
        let mut cites: Vec<usize> = reads.iter().filter_map(place).map(|at| at + 1).collect();
        cites.sort_unstable();
        cites.dedup();
        cites
    }

    fn no_cause(&self) -> Phrase {
        let recipe = &self.recipe.name;
        if self.facts.answers.is_empty() && !self.recipe.ask.is_empty() {
            return phrase!(
                "no question about the known causes was answered ({recipe})",
                recipe
            );
        }
        phrase!(
            "none of the {count} known causes holds ({recipe})",
            count = self.recipe.causes.len(),
            recipe
        )
    }
}

/// True if a recipe found a cause, and such causes were right so often that no model is asked.
pub(crate) fn is_clear(analysis: &Analysis) -> bool {
    let is_sure = analysis
        .confidence
        .is_some_and(|confidence| confidence.mean >= CLEAR_CAUSE);
    analysis.cause.is_some() && is_sure
}

/// A title and a sentence as one text.
fn titled(language: Language, title: &str, says: &str) -> String {
    match language {
        Language::English => format!("{title}. {says}"),
        Language::TraditionalChinese => format!("{title}。{says}"),
    }
}

fn ids(names: &[String]) -> Vec<PlaybookId> {
    names.iter().map(|name| name.as_str().into()).collect()
}

#[cfg(test)]
#[path = "recipe_tests.rs"]
mod tests;
