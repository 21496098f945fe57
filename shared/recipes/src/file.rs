//! A recipe as its file has it.

use std::collections::BTreeMap;
use std::fmt;

use domain::alert::{AlertType, Texts};
use domain::analysis::{EvidenceKind, Responsibility};
use domain::primitives::language::Language;
use serde::de::{Error as _, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::expression::{Expression, Misread, parse};
use crate::facts::Facts;

/// What to ask about one kind of alert, and what the answers mean.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Recipe {
    /// The file's name without its ending.
    pub id: String,
    /// What the alerts are about, for people.
    pub name: String,
    /// The alerts that it is for.
    #[serde(rename = "for")]
    pub alerts: Alerts,
    /// The questions, at most 8.
    #[serde(default)]
    pub ask: Vec<Question>,
    /// 3 to 8 causes: the first whose condition is true is the cause.
    pub causes: Vec<Cause>,
    /// Answers, and the cause that they show: one for each cause, and one without a cause.
    pub tests: Vec<Trial>,
}

/// The alerts that a recipe is for.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Alerts {
    /// The alerts by name. No other recipe names them.
    #[serde(default)]
    pub alertnames: Vec<String>,
    /// Alerts of these types that no recipe names.
    #[serde(default)]
    pub alert_types: Vec<AlertType>,
}

/// A question to Prometheus.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Question {
    /// What conditions and texts call it: a-z, 0-9 and _, at most 32 characters.
    pub id: String,
    /// PromQL. `$matchers(a, b)` is replaced by the alert's labels of these names, `$name` by one label's plain value.
    pub query: String,
    /// The unit of its value, where it has one.
    #[serde(default)]
    pub unit: Option<Unit>,
}

/// The unit of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(inline))]
pub enum Unit {
    #[serde(rename = "%")]
    Percent,
    #[serde(rename = "B")]
    Bytes,
    #[serde(rename = "s")]
    Seconds,
    #[serde(rename = "1/s")]
    PerSecond,
}

impl Unit {
    /// Its sign.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Percent => "%",
            Self::Bytes => "B",
            Self::Seconds => "s",
            Self::PerSecond => "1/s",
        }
    }
}

/// A cause, and how it is known.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Cause {
    /// Its id in causes.yaml.
    pub id: String,
    /// The condition over the answers and the alert.
    pub when: Condition,
    /// What it rests on: stated (a component says so about this object), measured (the values show it) or inferred (they make it likely).
    pub evidence: EvidenceKind,
    /// One sentence with the values that show it, such as `{space_free}` or `{label.mountpoint}`.
    pub says: String,
    /// What to do first.
    pub action: String,
    /// A command for a human to consider. It is never run.
    #[serde(default)]
    pub command: Option<String>,
    /// Whose problem it most likely is.
    pub responsibility: Responsibility,
    /// Playbooks that are made for it.
    #[serde(default)]
    pub speaks_for: Vec<String>,
    /// Playbooks that would not help, or would hurt: they are not proposed.
    #[serde(default)]
    pub speaks_against: Vec<String>,
    /// The same texts in other languages.
    #[serde(default)]
    pub translations: BTreeMap<Language, CauseTexts>,
}

/// The texts of a cause in another language.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct CauseTexts {
    /// The sentence with the values.
    pub says: String,
    /// What to do first.
    pub action: String,
}

/// A condition with its text. One that cannot be read is a fault of the file, which [`crate::validation`] says together with all others.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(from = "String")]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(with = "String", inline)
)]
pub struct Condition {
    pub text: String,
    pub read: Result<Expression, Misread>,
}

impl From<String> for Condition {
    fn from(text: String) -> Self {
        let read = parse(&text);
        Self { text, read }
    }
}

impl Condition {
    /// True only where everything that decides it is known.
    pub(crate) fn is_true(&self, facts: &Facts) -> bool {
        let read = self.read.as_ref().ok();
        read.and_then(|expression| expression.holds(facts)) == Some(true)
    }
}

/// A test of a recipe.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Trial {
    /// What is the matter.
    pub name: String,
    /// The labels of the alert.
    #[serde(default)]
    pub labels: Texts,
    /// Its annotations.
    #[serde(default)]
    pub annotations: Texts,
    /// The values by the names that conditions use: a number, a list of points, `empty` for an answer without a series. What is not here
    /// was not answered.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(with = "BTreeMap<String, AnyValue>"))]
    pub answers: BTreeMap<String, Given>,
    /// The cause, or `none`.
    pub cause: String,
}

/// A value in a test.
#[derive(Debug, Clone, PartialEq)]
pub enum Given {
    Number(f64),
    Truth(bool),
    /// The points of a series, oldest first.
    Points(Vec<f64>),
    Text(String),
}

/// The forms of [`Given`].
const FORMS: &str = "a number, true or false, a list of numbers, or the word empty";

/// The schema of [`Given`]: it has several forms, and the reader says which.
#[cfg(feature = "schema")]
struct AnyValue;

#[cfg(feature = "schema")]
impl schemars::JsonSchema for AnyValue {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "AnyValue".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "description": "A number, true or false, a list of points, or the word empty." })
    }
}

impl<'de> Deserialize<'de> for Given {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AnyGiven;

        impl<'de> Visitor<'de> for AnyGiven {
            type Value = Given;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(FORMS)
            }

            fn visit_bool<E>(self, truth: bool) -> Result<Given, E> {
                Ok(Given::Truth(truth))
            }

            fn visit_f64<E>(self, number: f64) -> Result<Given, E> {
                Ok(Given::Number(number))
            }

            #[expect(
                clippy::cast_precision_loss,
                reason = "a value of a test, not a counter"
            )]
            fn visit_i64<E>(self, number: i64) -> Result<Given, E> {
                Ok(Given::Number(number as f64))
            }

            #[expect(
                clippy::cast_precision_loss,
                reason = "a value of a test, not a counter"
            )]
            fn visit_u64<E>(self, number: u64) -> Result<Given, E> {
                Ok(Given::Number(number as f64))
            }

            // A reader that does not know of types gives every scalar as a text.
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Given, E> {
                Ok(match text {
                    "true" => Given::Truth(true),
                    "false" => Given::Truth(false),
                    text => match text.parse::<f64>() {
                        Ok(number) => Given::Number(number),
                        Err(_) => Given::Text(text.to_owned()),
                    },
                })
            }

            fn visit_unit<E: serde::de::Error>(self) -> Result<Given, E> {
                Err(E::custom(format_args!("is empty: give {FORMS}")))
            }

            fn visit_map<A: MapAccess<'de>>(self, _: A) -> Result<Given, A::Error> {
                Err(A::Error::custom(format_args!(
                    "has fields of its own: give {FORMS}"
                )))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Given, A::Error> {
                let mut points = Vec::new();
                while let Some(item) = items.next_element::<Given>()? {
                    match item {
                        Given::Number(number) => points.push(number),
                        _ => return Err(A::Error::custom("a list has to hold numbers alone")),
                    }
                }
                Ok(Given::Points(points))
            }
        }

        deserializer.deserialize_any(AnyGiven)
    }
}
