//! Strict parser of a model's answer into a finding. The answer is text from outside: shown, never
//! run (`no-words-executed`).

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use domain::analysis::urgency::{UrgencyBasis, UrgencyGround};
use domain::analysis::{Analysis, BlastRadius, DataImpact, FindingTexts, Responsibility, Risk};
use domain::phrase;
use domain::primitives::language::Language;
use domain::primitives::phrase::Phrase;
use domain::primitives::safe_text::sanitize;
use serde::de::value::{MapAccessDeserializer, StrDeserializer};
use serde::de::{DeserializeOwned, Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value, json};
use thiserror::Error;

/// How long a title may be, and a length of time in words. What is longer is cut, as with every bound here.
const TITLE_CHARACTERS: usize = 120;
/// How long every other text may be.
const TEXT_CHARACTERS: usize = 2000;
/// How long a translated one may be: cards and Details show about half of it.
const TRANSLATION_CHARACTERS: usize = 600;
/// How many entries a list may have.
const LIST_ENTRIES: usize = 10;
/// How long each of them may be.
const ENTRY_CHARACTERS: usize = 200;
/// The most pods that can be affected.
const MOST_PODS: u32 = 100_000;
/// How much of an answer an error may show.
const SHOWN_CHARACTERS: usize = 100;

/// The answer of a model (DESIGN §8). A title is never empty, and no text holds an invisible
/// character.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Finding {
    /// The action in a few words.
    #[serde(deserialize_with = "title")]
    pub action_title: String,
    /// What is going on.
    #[serde(deserialize_with = "text")]
    pub description: String,
    #[serde(deserialize_with = "text")]
    pub root_cause: String,
    #[serde(deserialize_with = "text")]
    pub suggested_action: String,
    /// A command for a human to consider.
    #[serde(deserialize_with = "nullable")]
    pub suggested_command: Option<String>,
    /// How dangerous it is.
    #[serde(deserialize_with = "word")]
    pub risk: Risk,
    /// How sure the model is, 0 to 1.
    #[serde(deserialize_with = "confidence")]
    pub confidence: f64,
    #[serde(deserialize_with = "blast_radius")]
    pub blast_radius: BlastRadius,
    /// Which services are affected.
    #[serde(deserialize_with = "list")]
    pub affected_services: Vec<String>,
    /// Whose problem it most likely is.
    #[serde(deserialize_with = "word")]
    pub primary_responsibility: Responsibility,
    /// How to keep it from coming back.
    #[serde(deserialize_with = "list")]
    pub optimisation_suggestions: Vec<String>,
    /// How far it is from normal, if anything was measured.
    #[serde(deserialize_with = "nullable")]
    pub deviation: Option<String>,
    /// Its texts in other languages.
    #[serde(default, deserialize_with = "translations")]
    pub translations: BTreeMap<Language, Translation>,
}

/// The texts of a finding in another language.
#[derive(Debug, Clone, PartialEq)]
pub struct Translation {
    pub texts: FindingTexts,
    pub description: String,
}

/// The same as a model answers it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TranslationAnswer {
    description: String,
    root_cause: String,
    suggested_action: String,
    optimisation_suggestions: Vec<String>,
}

/// Why an answer is no finding: which field, and what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{}", self.phrase())]
pub struct Unfit(String);

impl Unfit {
    /// The same for people. What is wrong is in the words of the reader of JSON.
    pub fn phrase(&self) -> Phrase {
        phrase!("the answer does not fit: {why}", why = self.0)
    }
}

impl Finding {
    /// Reads an answer: one JSON object, in a Markdown fence or not, and nothing else around it.
    ///
    /// # Errors
    /// If a field is missing, unknown, there twice, of another type or out of its range.
    pub fn parse(answer: &str) -> Result<Self, Unfit> {
        let unfit = |words: String| Unfit(sanitize(&words, SHOWN_CHARACTERS));
        let mut json = serde_json::Deserializer::from_str(without_fence(answer));
        let mut track = serde_path_to_error::Track::new();
        let finding = object(serde_path_to_error::Deserializer::new(
            &mut json, &mut track,
        ));
        let finding = finding.map_err(|error| unfit(format!("{}: {error}", track.path())))?;
        json.end().map_err(|error| unfit(error.to_string()))?;
        Ok(finding)
    }

    /// The JSON schema of an answer. It keeps to what OpenAI's strict mode takes
    /// (<https://platform.openai.com/docs/guides/structured-outputs>): every field is required, none is added. That a title is not
    /// blank cannot be said in it. The texts are asked for in these languages too.
    pub fn schema(languages: &[Language]) -> Value {
        let closed = |properties: Value| {
            let required: Vec<_> = properties
                .as_object()
                .into_iter()
                .flat_map(|fields| fields.keys().cloned())
                .collect();
            json!({ "type": "object", "properties": properties, "required": required, "additionalProperties": false })
        };
        let text = |description: &str| json!({ "type": "string", "description": description });
        let nullable = |description: &str| json!({ "anyOf": [{ "type": "string" }, { "type": "null" }], "description": description });
        let list = |description: &str| json!({ "type": "array", "items": { "type": "string" }, "description": description });
        let pods = json!({
            "type": "integer", "minimum": 0, "maximum": MOST_PODS, "description": "How many pods, processes or hosts are affected.",
        });
        let confidence = json!({
            "type": "number", "minimum": 0, "maximum": 1, "description": "How sure you are, from 0 (a guess) to 1 (proven by the evidence).",
        });
        let mut fields = json!({
            "action_title": text("The suggested action in a few words."),
            "description": text("What is going on, in two or three sentences."),
            "root_cause": text("The most likely cause, and which evidence speaks for it."),
            "suggested_action": text("What a human should do next."),
            "suggested_command": nullable("One command that a human may consider, or null. It is shown and never run."),
            "risk": { "type": "string", "enum": ["low", "medium", "high", "critical"], "description": "How dangerous the situation is." },
            "confidence": confidence,
            "blast_radius": closed(json!({
                "affected_pods": pods,
                "estimated_downtime": text("How long users are affected, in words: ~30s, none, unknown."),
                "related_services": list("Other services that suffer from it."),
                "data_impact": {
                    "type": "string", "enum": ["NONE", "READ_ONLY", "WRITE", "DESTRUCTIVE"],
                    "description": "What the suggested action does to data.",
                },
            })),
            "affected_services": list("The services that are affected."),
            "primary_responsibility": {
                "type": "string", "enum": ["APP", "INFRA", "DATABASE", "COLLAB", "HUMAN"],
                "description": "Whose problem it is: COLLAB is several together, HUMAN is for a human to find out.",
            },
            "optimisation_suggestions": list("How to keep it from coming back."),
            "deviation": nullable("How far the measured values are from normal, or null if nothing was measured."),
        });
        if !languages.is_empty() {
            let translation = closed(json!({
                "description": text("The description in this language."),
                "root_cause": text("The root cause in this language."),
                "suggested_action": text("The suggested action in this language."),
                "optimisation_suggestions": list("The suggestions in this language."),
            }));
            let translations: Map<String, Value> = languages
                .iter()
                .map(|language| (language.tag().to_owned(), translation.clone()))
                .collect();
            fields["translations"] = closed(translations.into());
        }
        closed(fields)
    }

    /// The same with the translations into these languages alone.
    #[must_use]
    pub fn only_in(mut self, languages: &[Language]) -> Self {
        self.translations
            .retain(|language, _| languages.contains(language));
        self
    }

    /// An analysis with this finding laid over it. A model raises the urgency and the impact on data, and never lowers them; what depends
    /// on the service and what was measured of it stays. How sure the model says that it is counts for nothing: how often it was right is
    /// counted. Who found it and at what price is left to the caller.
    pub fn over(self, base: Analysis) -> Analysis {
        let data_impact = self
            .blast_radius
            .data_impact
            .max(base.blast_radius.data_impact);
        let mut related_services = base.blast_radius.related_services;
        for named in self.blast_radius.related_services {
            if related_services.len() < LIST_ENTRIES && !related_services.contains(&named) {
                related_services.push(named);
            }
        }
        let risk = self.risk.as_str();
        let urgency = base.urgency.and([UrgencyGround {
            basis: UrgencyBasis::Model,
            level: self.risk.into(),
            why: phrase!("a model calls the situation {risk}", risk),
        }]);
        Analysis {
            action_title: self.action_title,
            description: self.description,
            root_cause: self.root_cause,
            suggested_action: self.suggested_action,
            suggested_command: self.suggested_command,
            urgency,
            blast_radius: BlastRadius {
                affected_pods: base.blast_radius.affected_pods,
                peers: base.blast_radius.peers,
                related_services,
                data_impact,
                estimated_downtime: self.blast_radius.estimated_downtime,
            },
            // Not the rule's: a model has replaced what they say.
            translations: self
                .translations
                .iter()
                .map(|(language, said)| (*language, said.texts.clone()))
                .collect(),
            descriptions: self
                .translations
                .into_iter()
                .map(|(language, said)| (language, said.description))
                .filter(|(_, description)| !description.is_empty())
                .collect(),
            affected_services: self.affected_services,
            primary_responsibility: self.primary_responsibility,
            optimisation_suggestions: self.optimisation_suggestions,
            deviation: self.deviation.map(Phrase::from).or(base.deviation),
            ..base
        }
    }
}

/// The content of a Markdown fence, if the fence holds the whole answer.
fn without_fence(answer: &str) -> &str {
    let answer = answer.trim();
    let inner = answer
        .strip_prefix("```")
        .and_then(|rest| rest.strip_suffix("```"));
    let inner = inner
        .and_then(|inner| inner.split_once('\n'))
        .filter(|(language, _)| ["", "json"].contains(&language.trim()));
    inner.map_or(answer, |(_, inner)| inner)
}

/// Reads an object. Derived code alone would also take an array of the fields' values.
fn object<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<T, D::Error> {
    struct Object<T>(PhantomData<T>);

    impl<'de, T: Deserialize<'de>> Visitor<'de> for Object<T> {
        type Value = T;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
            T::deserialize(MapAccessDeserializer::new(map))
        }
    }

    deserializer.deserialize_map(Object(PhantomData))
}

/// Reads translations. One that is missing, or is not what it should be, is left out: its readers get the English texts, and the
/// finding was paid for.
fn translations<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<BTreeMap<Language, Translation>, D::Error> {
    let answered = Value::deserialize(deserializer)?;
    let read = |language: Language| {
        let answer = answered.get(language.tag())?;
        let answer = TranslationAnswer::deserialize(answer).ok()?;
        let text = |text: &str| sanitize(text, TRANSLATION_CHARACTERS);
        let texts = FindingTexts {
            root_cause: text(&answer.root_cause),
            action: text(&answer.suggested_action),
            suggestions: entries(&answer.optimisation_suggestions),
        };
        let is_whole = !texts.root_cause.is_empty() && !texts.action.is_empty();
        let description = text(&answer.description);
        is_whole.then_some((language, Translation { texts, description }))
    };
    Ok(Language::ALL.into_iter().filter_map(read).collect())
}

/// Reads one of the names of an enumeration. Derived code alone would also take `{"low": null}`.
fn word<'de, D: Deserializer<'de>, T: DeserializeOwned>(deserializer: D) -> Result<T, D::Error> {
    let word = String::deserialize(deserializer)?;
    T::deserialize(StrDeserializer::new(&word))
}

fn title<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let title = sanitize(&String::deserialize(deserializer)?, TITLE_CHARACTERS);
    if title.is_empty() {
        Err(D::Error::custom("it is empty"))
    } else {
        Ok(title)
    }
}

fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    Ok(sanitize(
        &String::deserialize(deserializer)?,
        TEXT_CHARACTERS,
    ))
}

/// Reads a text or `null`; a field that is read by a function of its own has to be there. An empty text says as much as `null`.
fn nullable<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    Ok(text
        .map(|text| sanitize(&text, TEXT_CHARACTERS))
        .filter(|text| !text.is_empty()))
}

fn list<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    Ok(entries(&Vec::<String>::deserialize(deserializer)?))
}

fn entries(entries: &[String]) -> Vec<String> {
    let shown = entries
        .iter()
        .map(|entry| sanitize(entry, ENTRY_CHARACTERS))
        .filter(|entry| !entry.is_empty());
    shown.take(LIST_ENTRIES).collect()
}

fn confidence<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    let confidence = f64::deserialize(deserializer)?;
    if (0.0..=1.0).contains(&confidence) {
        Ok(confidence)
    } else {
        Err(D::Error::custom("it has to be between 0 and 1"))
    }
}

/// Reads a number of pods. `3.0` is an integer in JSON Schema, and so it is one here.
fn pods<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    let pods = f64::deserialize(deserializer)?;
    if pods.fract() == 0.0 && (0.0..=f64::from(MOST_PODS)).contains(&pods) {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "it is a whole number between 0 and 100,000"
        )]
        Ok(pods as u32)
    } else {
        Err(D::Error::custom(format_args!(
            "it has to be a whole number between 0 and {MOST_PODS}"
        )))
    }
}

fn blast_radius<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BlastRadius, D::Error> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Answered {
        #[serde(deserialize_with = "pods")]
        affected_pods: u32,
        #[serde(deserialize_with = "text")]
        estimated_downtime: String,
        #[serde(deserialize_with = "list")]
        related_services: Vec<String>,
        #[serde(deserialize_with = "word")]
        data_impact: DataImpact,
    }

    let Answered {
        affected_pods,
        estimated_downtime,
        related_services,
        data_impact,
    } = object(deserializer)?;
    Ok(BlastRadius {
        affected_pods,
        estimated_downtime: sanitize(&estimated_downtime, TITLE_CHARACTERS),
        related_services,
        peers: None,
        data_impact,
    })
}

#[cfg(test)]
#[path = "finding_tests.rs"]
mod tests;
