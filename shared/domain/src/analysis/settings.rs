//! Settings of the analyzer, from the operator's `analyzer.yaml`: evidence sources, providers, and
//! spending limits.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use crate::alert::AlertType;
use crate::analysis::budget::Budget;
use crate::analysis::price::{Price, usd};
use crate::primitives::duration::Length;
use crate::primitives::server_url;

/// The longest that one question to a model may take. The function ends earlier; `make eval` with a model of one's own may need all of it.
const LONGEST_ANSWER_SECONDS: u64 = 120;
/// The longest that one piece of evidence may take.
const LONGEST_EVIDENCE_SECONDS: u64 = 10;
/// The most queries for one type of alert: each is a request to Prometheus, all at once, and each answer is kept with the incident.
const MOST_QUERIES: usize = 8;

/// The whole file. Everything is optional: with an empty file no model is asked, and nothing is
/// spent.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AnalyzerSettings {
    /// Where evidence comes from.
    pub evidence: EvidenceSettings,
    /// Which models are asked, in this order, until one answers.
    pub providers: Vec<ProviderSettings>,
    /// What they may cost.
    pub budget: Budget,
    /// Whether an alert that was repaired before is answered from memory.
    pub memory: Memory,
    pub tracing: Option<TracingSettings>,
}

/// Where evidence comes from.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct EvidenceSettings {
    /// A Prometheus, or whatever has its HTTP API.
    pub prometheus: Option<PrometheusSettings>,
    pub signoz: Option<SignozSettings>,
    /// How many earlier incidents of the fingerprint are looked at.
    pub past_incidents: u32,
    /// How many other open incidents on the same target and in the same group are looked at.
    pub open_incidents: u32,
}

impl Default for EvidenceSettings {
    fn default() -> Self {
        Self {
            prometheus: None,
            signoz: None,
            past_incidents: 5,
            open_incidents: 5,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PrometheusSettings {
    /// Its base URL, as in its `--web.external-url`. An alert's own expression is asked for only where the alert's `generatorURL` is a page
    /// of it.
    pub url: String,
    /// The secret with a bearer token, if it wants one.
    pub token_secret: Option<String>,
    /// How long all its answers together may take.
    #[serde(default = "evidence_timeout")]
    pub timeout: Length,
    /// More questions, by type of alert: 8 at most for each.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(extend("propertyNames" = { "enum": AlertType::ALL.map(AlertType::as_str) })))]
    pub queries: BTreeMap<AlertType, Vec<NamedQuery>>,
}

/// A question to Prometheus.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct NamedQuery {
    /// What the value is called.
    pub name: String,
    /// PromQL, in which `$name` is replaced by the alert's label of that name, and `$target`,
    /// `$namespace`, `$service` by the alert's own.
    pub query: String,
    #[serde(default)]
    pub unit: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SignozSettings {
    pub url: String,
    /// The secret with its API key.
    pub key_secret: String,
    /// How long its answer may take.
    #[serde(default = "evidence_timeout")]
    pub timeout: Length,
}

/// Which interface a provider speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(inline))]
pub enum Api {
    /// OpenAI's Chat Completions, which Ollama, llama.cpp, vLLM and most vendors speak too.
    Openai,
    Anthropic,
    Bedrock,
}

/// How the format of an answer is given to a provider.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(inline))]
pub enum AnswerFormat {
    /// By a JSON schema that it keeps to.
    #[default]
    JsonSchema,
    /// In words, and by a switch that makes it answer JSON.
    JsonObject,
    Text,
}

/// One model to ask.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ProviderSettings {
    /// Its name on the card, in the log and in the budget.
    pub name: String,
    /// The interface that it speaks.
    pub api: Api,
    /// Its base URL, if it is not the vendor's: the part before `/chat/completions` or
    /// `/v1/messages`.
    pub base_url: Option<String>,
    pub model: String,
    /// The secret with its key. Bedrock needs none; a model of one's own may need none.
    pub key_secret: Option<String>,
    /// How long one answer may take.
    #[serde(default = "answer_timeout")]
    pub timeout: Length,
    /// The most tokens of an answer.
    #[serde(default = "answer_tokens")]
    #[cfg_attr(feature = "schema", schemars(range(min = 64, max = 32000)))]
    pub max_output_tokens: u32,
    /// How the format of an answer is given to it.
    #[serde(default)]
    pub answer_format: AnswerFormat,
}

/// What an incident is worth whose fingerprint was repaired before.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(inline))]
pub enum MemoryMode {
    Off,
    /// The analysis says what helped before; a model is asked all the same.
    #[default]
    Suggest,
    /// What helped before is the analysis, and no model is asked.
    Use,
}

/// Whether an alert that was repaired before is answered from memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Memory {
    /// What is done with it.
    pub mode: MemoryMode,
    /// How many of the last incidents have to have had the same verified outcome.
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = 20)))]
    pub incidents: u32,
}

impl Default for Memory {
    fn default() -> Self {
        Self {
            mode: MemoryMode::Suggest,
            incidents: 3,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct TracingSettings {
    /// Where OTLP over HTTP is taken, with its whole path (`…/v1/traces`).
    pub otlp_url: String,
    /// The secret with the headers that this needs, `Name: value` on each line.
    pub headers_secret: Option<String>,
}

/// A model's price as an operator writes it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ModelPrice {
    /// The model, as in `analyzer.yaml`.
    pub model: String,
    /// Dollars for a million tokens that are sent.
    #[serde(deserialize_with = "usd")]
    #[cfg_attr(feature = "schema", schemars(with = "f64", extend("minimum" = 0, "maximum" = 1_000_000)))]
    input_usd_per_million: u64,
    /// Dollars for a million tokens that are answered.
    #[serde(deserialize_with = "usd")]
    #[cfg_attr(feature = "schema", schemars(with = "f64", extend("minimum" = 0, "maximum" = 1_000_000)))]
    output_usd_per_million: u64,
    /// Where the vendor says so.
    pub source: Option<String>,
    /// When that was looked up.
    pub as_of: Option<String>,
}

impl ModelPrice {
    /// The price of a token.
    pub fn price(&self) -> Price {
        // A dollar for a million tokens is 10⁶ here, and 1000 there.
        Price {
            input: self.input_usd_per_million.div_ceil(1000),
            output: self.output_usd_per_million.div_ceil(1000),
        }
    }
}

fn evidence_timeout() -> Length {
    Length::of_seconds(3)
}

fn answer_timeout() -> Length {
    Length::of_seconds(25)
}

fn answer_tokens() -> u32 {
    1200
}

impl AnalyzerSettings {
    /// What is wrong with the settings: each a field and a sentence.
    pub fn errors(&self, prices: &[ModelPrice]) -> Vec<(String, String)> {
        let mut errors = self.evidence.errors();
        errors.extend(
            self.tracing
                .as_ref()
                .and_then(|tracing| of_url("tracing.otlp_url", &tracing.otlp_url)),
        );
        let mut names = BTreeSet::new();
        for (i, provider) in self.providers.iter().enumerate() {
            let of_provider = provider.errors(prices, !names.insert(&provider.name));
            errors.extend(
                of_provider
                    .into_iter()
                    .map(|(field, sentence)| (format!("providers[{i}].{field}"), sentence)),
            );
        }
        if !(1..=20).contains(&self.memory.incidents) {
            errors.push((
                "memory.incidents".to_owned(),
                "has to be between 1 and 20".to_owned(),
            ));
        }
        errors
    }
}

impl EvidenceSettings {
    fn errors(&self) -> Vec<(String, String)> {
        let mut errors = Vec::new();
        let servers = [
            (
                "prometheus",
                self.prometheus
                    .as_ref()
                    .map(|server| (&server.url, server.timeout)),
            ),
            (
                "signoz",
                self.signoz
                    .as_ref()
                    .map(|server| (&server.url, server.timeout)),
            ),
        ];
        for (name, (url, timeout)) in servers
            .into_iter()
            .filter_map(|(name, server)| Some((name, server?)))
        {
            errors.extend(of_url(&format!("evidence.{name}.url"), url));
            if !(1..=LONGEST_EVIDENCE_SECONDS).contains(&timeout.seconds()) {
                errors.push((
                    format!("evidence.{name}.timeout"),
                    format!("has to be between 1s and {LONGEST_EVIDENCE_SECONDS}s"),
                ));
            }
        }
        let queries = self
            .prometheus
            .iter()
            .flat_map(|prometheus| &prometheus.queries);
        for (alert_type, queries) in queries.filter(|(_, queries)| queries.len() > MOST_QUERIES) {
            let field = format!("evidence.prometheus.queries.{}", alert_type.as_str());
            errors.push((
                field,
                format!(
                    "has {} queries; {MOST_QUERIES} is the most that one alert may ask at once",
                    queries.len()
                ),
            ));
        }
        errors
    }
}

impl ProviderSettings {
    fn errors(&self, prices: &[ModelPrice], name_is_taken: bool) -> Vec<(&'static str, String)> {
        let mut errors = Vec::new();
        let mut error = |field, sentence: &str| errors.push((field, sentence.to_owned()));
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_';
        if self.name.is_empty() || self.name.len() > 32 || !self.name.chars().all(plain) {
            error(
                "name",
                "has to be 1 to 32 of a-z 0-9 _ - (it becomes a name in the budget)",
            );
        }
        if name_is_taken || ["static", "memory"].contains(&self.name.as_str()) {
            error("name", "is taken");
        }
        if let Some(sentence) = self.base_url.as_deref().and_then(server_url::problem) {
            error("base_url", sentence);
        }
        if self.api == Api::Bedrock && (self.base_url.is_some() || self.key_secret.is_some()) {
            error(
                "api",
                "bedrock takes neither base_url nor key_secret: the function's role is allowed to call it",
            );
        }
        if !(1..=LONGEST_ANSWER_SECONDS).contains(&self.timeout.seconds()) {
            error(
                "timeout",
                &format!("has to be between 1s and {LONGEST_ANSWER_SECONDS}s"),
            );
        }
        if !(64..=32_000).contains(&self.max_output_tokens) {
            error("max_output_tokens", "has to be between 64 and 32000");
        }
        match prices
            .iter()
            .filter(|price| price.model == self.model)
            .count()
        {
            0 => error(
                "model",
                "has no price in model-prices.yaml; a model of one's own that costs nothing has the price 0",
            ),
            1 => {}
            // Calls would be reserved and settled at one of them, and billed at the other.
            _ => error("model", "has more than one price in model-prices.yaml"),
        }
        errors
    }
}

fn of_url(field: &str, url: &str) -> Option<(String, String)> {
    server_url::problem(url).map(|sentence| (field.to_owned(), sentence.to_owned()))
}
