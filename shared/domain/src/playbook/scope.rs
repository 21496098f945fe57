//! The scope of a service: where it lives, so that an alert from another place is never taken for
//! one about it.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{self, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::alert::Alert;
use crate::alert::labels::said;
use crate::phrase;
use crate::primitives::phrase::Phrase;
use crate::primitives::safe_text::line;

/// How much of a name is shown.
const SHOWN: usize = 60;

/// Where a service lives. An alert fits if each part that is given equals what the alert says.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(extend("minProperties" = 1)))]
pub struct Scope {
    /// The cluster or environment that the alert names, one or a list.
    pub cluster: Option<AnyOf>,
    /// The namespace of what the alert is about, one or a list. Machines have none.
    pub namespace: Option<AnyOf>,
    /// Labels that the alert has to have, each with its value.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(extend("minProperties" = 1, "additionalProperties" = { "type": "string", "minLength": 1 })))]
    pub labels: BTreeMap<String, String>,
}

/// One text, or a list of texts of which any will do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnyOf(pub Vec<String>);

/// One part of a scope: what it is called, what the service says, and what an alert has to say.
struct Part<'a> {
    called: Called<'a>,
    wanted: &'a [String],
}

#[derive(Clone, Copy, PartialEq)]
enum Called<'a> {
    Cluster,
    Namespace,
    Label(&'a str),
}

impl Scope {
    /// Why an alert does not fit, in words for people: where the service lives, and where the alert comes from.
    pub fn mismatch(&self, service: &str, alert: &Alert) -> Option<Phrase> {
        let fits = |part: &Part<'_>| {
            part.said(alert)
                .is_some_and(|said| part.wanted.iter().any(|one| one == said))
        };
        if self.parts().all(|part| fits(&part)) {
            return None;
        }
        let (mut lives, mut comes) = (Vec::new(), Vec::new());
        for part in self.parts() {
            lives.push(part.called.with(&part.wanted.join("/")));
            comes.push(match part.said(alert) {
                Some(said) => part.called.with(&line(said, SHOWN)),
                None => part.called.without(),
            });
        }
        Some(phrase!(
            "{service} lives in {home}; this alert comes from {origin}",
            service,
            home => Phrase::joined(", ", lives),
            origin => Phrase::joined(", ", comes)
        ))
    }

    /// True if no alert fits both: a part that both give has no value in common.
    pub fn excludes(&self, other: &Self) -> bool {
        let one = |part: &Part<'_>| {
            other
                .parts()
                .filter(|theirs| theirs.called == part.called)
                .any(|theirs| {
                    !theirs
                        .wanted
                        .iter()
                        .any(|value| part.wanted.contains(value))
                })
        };
        self.parts().any(|part| one(&part))
    }

    /// What is wrong with it: each a field below `match` and a sentence.
    pub fn errors(&self) -> Vec<(String, String)> {
        let mut errors = Vec::new();
        let mut error = |field: &str, text: &str| errors.push((field.to_owned(), text.to_owned()));
        if self.parts().next().is_none() {
            error(
                "match",
                "says nothing: give cluster, namespace or labels, or leave it out",
            );
        }
        for (field, any) in [
            ("match.cluster", &self.cluster),
            ("match.namespace", &self.namespace),
        ] {
            let empty = |any: &AnyOf| any.0.is_empty() || any.0.iter().any(String::is_empty);
            if any.as_ref().is_some_and(empty) {
                error(
                    field,
                    "has to be a name, or a list of names, none of them empty",
                );
            }
        }
        for (name, _) in self
            .labels
            .iter()
            .filter(|(name, value)| name.is_empty() || value.is_empty())
        {
            error(
                &format!("match.labels.{name}"),
                "has to have a name and a value: a label without a value is none",
            );
        }
        errors
    }

    fn parts(&self) -> impl Iterator<Item = Part<'_>> {
        let named = [
            (Called::Cluster, &self.cluster),
            (Called::Namespace, &self.namespace),
        ];
        let labels = self.labels.iter().map(|(name, value)| Part {
            called: Called::Label(name),
            wanted: std::slice::from_ref(value),
        });
        named
            .into_iter()
            .filter_map(|(called, any)| {
                let wanted = any.as_ref()?.0.as_slice();
                Some(Part { called, wanted })
            })
            .chain(labels)
    }
}

impl Part<'_> {
    /// What an alert says of it; nothing if it says nothing.
    fn said<'a>(&self, alert: &'a Alert) -> Option<&'a str> {
        match self.called {
            Called::Cluster => alert.subject.cluster.as_deref(),
            Called::Namespace => alert.namespace_of_subject(),
            Called::Label(name) => said(&alert.labels, name),
        }
    }
}

impl Called<'_> {
    /// What an alert says of it, or a service.
    fn with(self, value: &str) -> Phrase {
        match self {
            Self::Cluster => phrase!("cluster {value}", value),
            Self::Namespace => phrase!("namespace {value}", value),
            Self::Label(name) => phrase!("label {name} {value}", name, value),
        }
    }

    /// That an alert says nothing of it.
    fn without(self) -> Phrase {
        match self {
            Self::Cluster => phrase!("no cluster"),
            Self::Namespace => phrase!("no namespace"),
            Self::Label(name) => phrase!("no label {name}", name),
        }
    }
}

impl<'de> Deserialize<'de> for AnyOf {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextOrList;

        impl<'de> Visitor<'de> for TextOrList {
            type Value = AnyOf;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text or a list of texts")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<AnyOf, E> {
                Ok(AnyOf(vec![text.to_owned()]))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<AnyOf, A::Error> {
                let mut texts = Vec::new();
                while let Some(text) = list.next_element()? {
                    texts.push(text);
                }
                Ok(AnyOf(texts))
            }
        }

        deserializer.deserialize_any(TextOrList)
    }
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for AnyOf {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "AnyOf".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "anyOf": [
                { "type": "string", "minLength": 1 },
                { "type": "array", "minItems": 1, "items": { "type": "string", "minLength": 1 } }
            ]
        })
    }
}

#[cfg(test)]
#[path = "scope_tests.rs"]
mod tests;
