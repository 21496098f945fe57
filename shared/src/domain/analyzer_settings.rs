//! How the analyzer looks for evidence, whom it asks, and what that may cost: the operator's `analyzer.yaml`.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::alert::AlertType;
use super::budget::Budget;
use super::playbook::Span;
use super::price::{Price, usd};

/// The longest that one question to a model may take: with a second try and the evidence it has to fit into the function's time.
const LONGEST_ANSWER_SECONDS: u64 = 120;
/// The longest that one piece of evidence may take.
const LONGEST_EVIDENCE_SECONDS: u64 = 10;

/// The whole file. Everything is optional: an empty file asks nobody and costs nothing.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AnalyzerSettings {
    /// Where evidence comes from.
    pub evidence: EvidenceSettings,
    /// Which models are asked, in this order, until one answers.
    pub providers: Vec<ProviderSettings>,
    /// What they may cost.
    pub budget: Budget,
    /// Whether an alert that was repaired before is answered from memory.
    pub memory: Memory,
    /// Where traces go.
    pub tracing: Option<TracingSettings>,
}

/// Where evidence comes from.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EvidenceSettings {
    /// A Prometheus, or whatever has its HTTP API.
    pub prometheus: Option<PrometheusSettings>,
    /// A SigNoz.
    pub signoz: Option<SignozSettings>,
    /// How many earlier incidents of the fingerprint are looked at.
    pub past_incidents: u32,
    /// How many other open incidents on the same target and in the same group are looked at.
    pub open_incidents: u32,
}

impl Default for EvidenceSettings {
    fn default() -> Self {
        Self { prometheus: None, signoz: None, past_incidents: 5, open_incidents: 5 }
    }
}

/// A Prometheus.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PrometheusSettings {
    /// Its base URL, as in its `--web.external-url`. An alert's own expression is asked for only where the alert's `generatorURL` is a page
    /// of it.
    pub url: String,
    /// The secret with a bearer token, if it wants one.
    pub token_secret: Option<String>,
    /// How long all its answers together may take.
    #[serde(default = "evidence_timeout")]
    pub timeout: Span,
    /// More questions, by type of alert.
    #[serde(default)]
    pub queries: BTreeMap<AlertType, Vec<NamedQuery>>,
}

/// A question to Prometheus.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NamedQuery {
    /// What the value is called.
    pub name: String,
    /// PromQL, in which `$name` stands for the alert's label of that name, and `$target`, `$namespace`, `$service` for what they say.
    pub query: String,
    /// The value's unit.
    #[serde(default)]
    pub unit: String,
}

/// A SigNoz.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignozSettings {
    /// Its base URL.
    pub url: String,
    /// The secret with its API key.
    pub key_secret: String,
    /// How long its answer may take.
    #[serde(default = "evidence_timeout")]
    pub timeout: Span,
}

/// Which interface a provider speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Api {
    /// OpenAI's Chat Completions, which Ollama, llama.cpp, vLLM and most vendors speak too.
    Openai,
    /// Anthropic's Messages.
    Anthropic,
    /// Amazon Bedrock's Converse.
    Bedrock,
}

/// How a provider is told what an answer looks like.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AnswerFormat {
    /// By a JSON schema that it keeps to.
    #[default]
    JsonSchema,
    /// In words, and by a switch that makes it answer JSON.
    JsonObject,
    /// In words alone.
    Text,
}

/// One model to ask.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProviderSettings {
    /// Its name on the card, in the log and in the budget.
    pub name: String,
    /// The interface that it speaks.
    pub api: Api,
    /// Its base URL, if it is not the vendor's: what stands before `/chat/completions` or `/v1/messages`.
    pub base_url: Option<String>,
    /// The model.
    pub model: String,
    /// The secret with its key. Bedrock needs none; a model of one's own may need none.
    pub key_secret: Option<String>,
    /// How long one answer may take.
    #[serde(default = "answer_timeout")]
    pub timeout: Span,
    /// The most tokens of an answer.
    #[serde(default = "answer_tokens")]
    pub max_output_tokens: u32,
    /// How it is told what an answer looks like.
    #[serde(default)]
    pub answer_format: AnswerFormat,
}

/// What an incident is worth whose fingerprint was repaired before.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MemoryMode {
    /// Nothing but evidence.
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
pub struct Memory {
    /// What is done with it.
    pub mode: MemoryMode,
    /// How many of the last incidents have to have had the same verified outcome.
    pub incidents: u32,
}

impl Default for Memory {
    fn default() -> Self {
        Self { mode: MemoryMode::Suggest, incidents: 3 }
    }
}

/// Where traces go.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TracingSettings {
    /// Where OTLP over HTTP is taken, with its whole path (`…/v1/traces`).
    pub otlp_url: String,
    /// The secret with the headers that this needs, `Name: value` on each line.
    pub headers_secret: Option<String>,
}

/// A model's price as an operator writes it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelPrice {
    /// The model, as in `analyzer.yaml`.
    pub model: String,
    /// Dollars for a million tokens that are sent.
    #[serde(deserialize_with = "usd")]
    input_usd_per_million: u64,
    /// Dollars for a million tokens that are answered.
    #[serde(deserialize_with = "usd")]
    output_usd_per_million: u64,
    /// Where the vendor says so.
    pub source: Option<String>,
    /// When that was looked up.
    pub as_of: Option<String>,
}

impl ModelPrice {
    /// The price of a token.
    #[must_use]
    pub fn price(&self) -> Price {
        // A dollar for a million tokens is 10⁶ here, and 1000 there.
        Price { input: self.input_usd_per_million.div_ceil(1000), output: self.output_usd_per_million.div_ceil(1000) }
    }
}

fn evidence_timeout() -> Span {
    Span::of_seconds(3)
}

fn answer_timeout() -> Span {
    Span::of_seconds(25)
}

fn answer_tokens() -> u32 {
    1200
}

impl AnalyzerSettings {
    /// What is wrong with the settings: each a field and a sentence.
    #[must_use]
    pub fn faults(&self, prices: &[ModelPrice]) -> Vec<(String, String)> {
        let mut faults = Vec::new();
        let mut fault = |field: String, sentence: &str| faults.push((field, sentence.to_owned()));
        let evidence = &self.evidence;
        let servers = [
            ("prometheus", evidence.prometheus.as_ref().map(|server| (&server.url, server.timeout))),
            ("signoz", evidence.signoz.as_ref().map(|server| (&server.url, server.timeout))),
        ];
        for (name, (url, timeout)) in servers.into_iter().filter_map(|(name, server)| Some((name, server?))) {
            if !is_url(url) {
                fault(format!("evidence.{name}.url"), WANTS_URL);
            }
            if !(1..=LONGEST_EVIDENCE_SECONDS).contains(&timeout.seconds()) {
                fault(format!("evidence.{name}.timeout"), "has to be between 1s and 10s");
            }
        }
        if let Some(tracing) = &self.tracing
            && !is_url(&tracing.otlp_url)
        {
            fault("tracing.otlp_url".to_owned(), WANTS_URL);
        }
        let mut names = BTreeSet::new();
        for (i, provider) in self.providers.iter().enumerate() {
            let mut fault = |field: &str, sentence: &str| fault(format!("providers[{i}].{field}"), sentence);
            let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_';
            if provider.name.is_empty() || provider.name.len() > 32 || !provider.name.chars().all(plain) {
                fault("name", "has to be 1 to 32 of a-z 0-9 _ - (it becomes a name in the budget)");
            }
            if ["static", "memory"].contains(&provider.name.as_str()) || !names.insert(&provider.name) {
                fault("name", "is taken");
            }
            if provider.base_url.as_ref().is_some_and(|url| !is_url(url)) {
                fault("base_url", WANTS_URL);
            }
            if provider.api == Api::Bedrock && (provider.base_url.is_some() || provider.key_secret.is_some()) {
                fault("api", "bedrock takes neither base_url nor key_secret: the function's role is allowed to call it");
            }
            if !(1..=LONGEST_ANSWER_SECONDS).contains(&provider.timeout.seconds()) {
                fault("timeout", "has to be between 1s and 120s");
            }
            if !(64..=32_000).contains(&provider.max_output_tokens) {
                fault("max_output_tokens", "has to be between 64 and 32000");
            }
            if !prices.iter().any(|price| price.model == provider.model) {
                fault("model", "has no price in model-prices.yaml; a model of one's own that costs nothing has the price 0");
            }
        }
        if !(1..=20).contains(&self.memory.incidents) {
            fault("memory.incidents".to_owned(), "has to be between 1 and 20");
        }
        faults
    }
}

const WANTS_URL: &str = "has to begin with http:// or https://, name a host, and end without a slash";

fn is_url(text: &str) -> bool {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    rest.is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/') && !rest.ends_with('/') && !rest.contains(char::is_whitespace))
}
