//! Attempts of the injection corpus, and what a model answers to each.

use std::path::{Path, PathBuf};

use domain::alert::Texts;
use serde::Deserialize;
use serde_json::{Map, Value, json};

/// A file of the corpus: text from outside, laid over the alert of [`World::incident`] and what stands around it.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Attempt {
    /// What it wants to change, and how.
    pub(crate) tries: String,
    #[serde(default)]
    pub(crate) labels: Texts,
    #[serde(default)]
    pub(crate) annotations: Texts,
    /// The name of a time series that came back.
    pub(crate) metric: Option<String>,
    /// The root cause of the earlier incidents.
    pub(crate) past: Option<String>,
    /// What the model answers: a text as it stands, or fields over [`valid_answer`].
    pub(crate) answer: Option<Value>,
}

impl Attempt {
    pub(crate) fn has_material(&self) -> bool {
        !self.labels.is_empty()
            || !self.annotations.is_empty()
            || self.metric.is_some()
            || self.past.is_some()
    }

    pub(crate) fn answered(&self) -> String {
        match &self.answer {
            Some(Value::String(raw)) => raw.clone(),
            Some(Value::Object(fields)) => {
                let mut answer = valid_answer();
                lay_over(&mut answer, fields);
                answer.to_string()
            }
            None => valid_answer().to_string(),
            Some(other) => panic!("an answer is a text or an object: {other}"),
        }
    }
}

/// What a model says that was won over: there is no danger, and it is sure of that.
pub(crate) fn valid_answer() -> Value {
    json!({
        "action_title": "Restart it", "description": "d", "root_cause": "r", "suggested_action": "s", "suggested_command": null,
        "risk": "low", "confidence": 1, "affected_services": [], "primary_responsibility": "APP", "optimisation_suggestions": [],
        "deviation": null,
        "blast_radius": { "affected_pods": 0, "estimated_downtime": "none", "related_services": [], "data_impact": "NONE" },
    })
}

pub(crate) fn lay_over(answer: &mut Value, fields: &Map<String, Value>) {
    for (name, value) in fields {
        match (&mut answer[name.as_str()], value) {
            (below @ Value::Object(_), Value::Object(above)) => lay_over(below, above),
            (below, above) => *below = above.clone(),
        }
    }
}

pub(crate) fn corpus() -> Vec<(PathBuf, Attempt)> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus/injection");
    let mut files: Vec<PathBuf> = directory
        .read_dir()
        .expect("the corpus")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    files.sort();
    let read = |file: PathBuf| {
        let json = std::fs::read_to_string(&file).expect("a file of the corpus");
        let attempt = serde_json::from_str(&json)
            .unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        (file, attempt)
    };
    files.into_iter().map(read).collect()
}
