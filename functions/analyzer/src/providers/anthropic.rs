//! Client of Anthropic's Messages API (<https://docs.anthropic.com/en/api/messages>).

use domain::analysis::price::Usage;
use domain::analysis::settings::{AnswerFormat, ProviderSettings};
use domain::phrase;
use domain::primitives::phrase::Phrase;
use reqwest::header::HeaderValue;
use reqwest::{Client, RequestBuilder};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde_json::{Value, json};

use super::attempt::{FailedTry, reply};
use super::wording::{bounds_in_words, in_words, words};
use super::{Question, Reply, Trouble};

/// The vendor's base URL.
const VENDOR: &str = "https://api.anthropic.com";
/// The version of the interface (<https://docs.anthropic.com/en/api/versioning>).
const VERSION: &str = "2023-06-01";

/// The call that asks a question. A key that cannot stand in a header is left out, and the vendor says so.
pub(super) fn request(
    http: &Client,
    settings: &ProviderSettings,
    key: Option<&SecretString>,
) -> RequestBuilder {
    let request = http.post(format!(
        "{}/v1/messages",
        settings.base_url.as_deref().unwrap_or(VENDOR)
    ));
    let request = request.header("anthropic-version", VERSION);
    match key.and_then(|key| HeaderValue::from_str(key.expose_secret()).ok()) {
        Some(mut key) => {
            key.set_sensitive(true);
            request.header("x-api-key", key)
        }
        None => request,
    }
}

/// The body of the call. The newest models take no `temperature`
/// (<https://docs.anthropic.com/en/docs/about-claude/models/migrating-to-claude-4>).
pub(super) fn body(settings: &ProviderSettings, question: &Question) -> Value {
    let by_schema = settings.answer_format == AnswerFormat::JsonSchema;
    let mut body = json!({
        "model": settings.model,
        "max_tokens": question.max_output_tokens,
        "system": if by_schema { question.instructions.clone() } else { in_words(question) },
        "messages": [{ "role": "user", "content": question.material }],
    });
    if by_schema {
        // https://docs.anthropic.com/en/docs/build-with-claude/structured-outputs
        body["output_config"] = json!({ "format": { "type": "json_schema", "schema": bounds_in_words(&question.schema) } });
    }
    body
}

#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    model: String,
    content: Vec<Block>,
    stop_reason: Option<String>,
}

#[derive(Deserialize)]
struct Block {
    #[serde(rename = "type")]
    kind: String,
    text: Option<String>,
}

/// Tokens as the interface counts them: those that went into a cache or came out of it are not among the first.
#[derive(Deserialize)]
struct Tokens {
    input_tokens: u64,
    output_tokens: u64,
    cache_creation_input_tokens: Option<u64>,
    cache_read_input_tokens: Option<u64>,
}

impl From<Tokens> for Usage {
    fn from(tokens: Tokens) -> Self {
        let cached = [
            tokens.cache_creation_input_tokens,
            tokens.cache_read_input_tokens,
        ]
        .into_iter()
        .flatten();
        Self {
            input: cached.fold(tokens.input_tokens, u64::saturating_add),
            output: tokens.output_tokens,
        }
    }
}

/// Reads the answer to a call.
pub(super) fn read(answer: &Value, question: &Question) -> Result<Reply, FailedTry> {
    let usage = Tokens::deserialize(&answer["usage"]).ok().map(Usage::from);
    let failed = |trouble| Err(FailedTry::answered(trouble, usage));
    let unreadable = |why: Phrase| failed(Trouble::Unreadable(why));

    let Answer {
        model,
        content,
        stop_reason,
    } = match Answer::deserialize(answer) {
        Ok(answer) => answer,
        Err(error) => return unreadable(words(&error.to_string(), None).into()),
    };
    let text: String = content
        .into_iter()
        .filter(|block| block.kind == "text")
        .filter_map(|block| block.text)
        .collect();
    let finish = stop_reason.unwrap_or_default();
    match finish.as_str() {
        "end_turn" | "stop_sequence" => {}
        "max_tokens" | "model_context_window_exceeded" => {
            return failed(Trouble::Truncated(question.max_output_tokens));
        }
        "refusal" => {
            return failed(Trouble::Filtered(if text.is_empty() {
                finish
            } else {
                words(&text, None)
            }));
        }
        other => {
            return unreadable(phrase!(
                "it stopped for another reason than its end: {reason}",
                reason = words(other, None)
            ));
        }
    }
    reply(text, usage, model, finish)
}

#[cfg(test)]
#[path = "anthropic_tests.rs"]
mod tests;
