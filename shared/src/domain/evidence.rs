//! Evidence: what was asked before an analysis, what came back, and how long it took. It is kept with the incident.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::alert::cut;

/// How many measurements or facts one piece of evidence keeps.
pub const LINES_KEPT: usize = 8;
/// How long each of its texts may be, in characters. They come from outside: names of series, earlier root causes.
pub const LINE_CHARACTERS: usize = 300;

/// Who was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// Prometheus.
    Prometheus,
    /// SigNoz.
    Signoz,
    /// The earlier incidents of the fingerprint.
    PastIncidents,
    /// The other incidents that are open on the target or in its redundancy group.
    OpenIncidents,
    /// The service registry.
    Registry,
}

impl Source {
    /// The source's name as it stands in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Prometheus => "prometheus",
            Self::Signoz => "signoz",
            Self::PastIncidents => "past_incidents",
            Self::OpenIncidents => "open_incidents",
            Self::Registry => "registry",
        }
    }
}

/// Where a value is going.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Trend {
    /// Clearly higher at the end than at the beginning.
    Rising,
    /// Clearly lower.
    Falling,
    /// Neither.
    Stable,
}

/// One value over a window of time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Measurement {
    /// What it is: `request_rate`, `error_rate`, `p99`, the alert's expression, or the name of a configured query.
    pub name: String,
    /// The newest value. Always finite.
    pub value: f64,
    /// Its unit (`1/s`, `%`, `ms`), or nothing where it has none that is known.
    pub unit: String,
    /// The least value of the window.
    pub least: f64,
    /// The greatest.
    pub most: f64,
    /// Where it is going.
    pub trend: Trend,
}

/// What came back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Found {
    /// Values.
    Measured {
        /// The values.
        measurements: Vec<Measurement>,
        /// Where a person can look further, an `http` or `https` URL of the configured server.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        link: Option<String>,
    },
    /// Sentences.
    Known {
        /// The sentences.
        facts: Vec<String>,
    },
    /// An answer without anything in it.
    Nothing,
    /// No answer that could be used. The analysis goes on without it.
    Failed {
        /// Why, without any secret.
        why: String,
    },
}

/// One question and its answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// Who was asked.
    pub source: Source,
    /// What was asked: the query, or in a few words.
    pub asked: String,
    /// When.
    pub at: Timestamp,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
    /// What came back.
    #[serde(flatten)]
    pub found: Found,
}

impl Evidence {
    /// The evidence as it is kept: an incident has to fit into an item, whatever a server answers.
    #[must_use]
    pub fn bounded(mut self) -> Self {
        let short = |text: &mut String| *text = cut(text, LINE_CHARACTERS);
        short(&mut self.asked);
        match &mut self.found {
            Found::Measured { measurements, link } => {
                measurements.truncate(LINES_KEPT);
                measurements.iter_mut().for_each(|measurement| {
                    short(&mut measurement.name);
                    short(&mut measurement.unit);
                });
                // A cut URL leads nowhere.
                *link = link.take().filter(|url| url.chars().count() <= 2 * LINE_CHARACTERS);
            }
            Found::Known { facts } => {
                facts.truncate(LINES_KEPT);
                facts.iter_mut().for_each(short);
            }
            Found::Failed { why } => short(why),
            Found::Nothing => {}
        }
        self
    }
}
