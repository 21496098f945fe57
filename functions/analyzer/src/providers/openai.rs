//! Client of OpenAI's Chat Completions API (<https://platform.openai.com/docs/api-reference/chat>),
//! which Ollama, llama.cpp, vLLM and most vendors implement too.

use domain::analysis::price::Usage;
use domain::analysis::settings::{AnswerFormat, ProviderSettings};
use domain::phrase;
use domain::primitives::phrase::Phrase;
use reqwest::{Client, RequestBuilder, Url};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde_json::{Value, json};

use super::attempt::{FailedTry, reply};
use super::wording::{in_words, words};
use super::{Question, Reply, Trouble};

/// The vendor's base URL.
const VENDOR: &str = "https://api.openai.com/v1";

/// The call that asks a question.
pub(super) fn request(
    http: &Client,
    settings: &ProviderSettings,
    key: Option<&SecretString>,
) -> RequestBuilder {
    let request = http.post(format!(
        "{}/chat/completions",
        settings.base_url.as_deref().unwrap_or(VENDOR)
    ));
    match key {
        Some(key) => request.bearer_auth(key.expose_secret()),
        None => request,
    }
}

/// The body of the call.
///
/// The vendor's reasoning models know only `max_completion_tokens` and no `temperature`; Ollama and others pass over
/// `max_completion_tokens` without a word, so that an answer would have no bound (<https://github.com/ollama/ollama/issues/7125>). Who
/// serves a model of one's own forces the schema's shape on it without showing it the schema: it stands in the instructions as well
/// (<https://ollama.com/blog/structured-outputs>).
pub(super) fn body(settings: &ProviderSettings, question: &Question) -> Value {
    let vendor = is_vendor(settings.base_url.as_deref().unwrap_or(VENDOR));
    let shown = settings.answer_format == AnswerFormat::JsonSchema && vendor;
    let instructions = if shown {
        question.instructions.clone()
    } else {
        in_words(question)
    };
    let mut body = json!({
        "model": settings.model,
        "messages": [{ "role": "system", "content": instructions }, { "role": "user", "content": question.material }],
    });
    if vendor {
        body["max_completion_tokens"] = json!(question.max_output_tokens);
    } else {
        body["max_tokens"] = json!(question.max_output_tokens);
        body["temperature"] = json!(0);
    }
    match settings.answer_format {
        AnswerFormat::JsonSchema => {
            let schema = json!({ "name": "answer", "strict": true, "schema": question.schema });
            body["response_format"] = json!({ "type": "json_schema", "json_schema": schema });
        }
        AnswerFormat::JsonObject => body["response_format"] = json!({ "type": "json_object" }),
        AnswerFormat::Text => {}
    }
    body
}

/// Whether OpenAI itself answers there, or Azure's edition of it.
fn is_vendor(base_url: &str) -> bool {
    let host = Url::parse(base_url)
        .ok()
        .and_then(|url| url.host_str().map(str::to_owned))
        .unwrap_or_default();
    ["openai.com", "openai.azure.com", "services.ai.azure.com"]
        .iter()
        .any(|vendor| {
            host.strip_suffix(vendor)
                .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
        })
}

#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    model: String,
    choices: Vec<AnswerChoice>,
}

#[derive(Deserialize)]
struct AnswerChoice {
    finish_reason: Option<String>,
    message: Message,
}

#[derive(Deserialize)]
struct Message {
    content: Option<String>,
    refusal: Option<String>,
}

/// Tokens as the interface counts them: those from a cache are among the first, those of reasoning among the second.
#[derive(Deserialize)]
struct Tokens {
    prompt_tokens: u64,
    completion_tokens: u64,
}

/// Reads the answer to a call.
pub(super) fn read(answer: &Value, question: &Question) -> Result<Reply, FailedTry> {
    let usage = Tokens::deserialize(&answer["usage"]).ok();
    let usage = usage.map(|tokens| Usage {
        input: tokens.prompt_tokens,
        output: tokens.completion_tokens,
    });
    let failed = |trouble| Err(FailedTry::answered(trouble, usage));
    let unreadable = |why: Phrase| failed(Trouble::Unreadable(why));

    if let Some(error) = answer.get("error").filter(|error| !error.is_null()) {
        return unreadable(phrase!(
            "it answers an error: {error}",
            error = words(&error.to_string(), None)
        ));
    }
    let (choice, model) = match Answer::deserialize(answer) {
        Ok(mut read) if !read.choices.is_empty() => (read.choices.swap_remove(0), read.model),
        Ok(_) => return unreadable(phrase!("it has no choices")),
        Err(error) => return unreadable(words(&error.to_string(), None).into()),
    };
    let finish = choice.finish_reason.unwrap_or_default();
    if let Some(refusal) = choice.message.refusal.filter(|refusal| !refusal.is_empty()) {
        return failed(Trouble::Filtered(words(&refusal, None)));
    }
    match finish.as_str() {
        "length" => return failed(Trouble::Truncated(question.max_output_tokens)),
        "content_filter" => return failed(Trouble::Filtered(finish)),
        "tool_calls" | "function_call" => {
            return unreadable(phrase!("it calls a tool, and has none"));
        }
        _ => {}
    }
    reply(
        choice.message.content.unwrap_or_default(),
        usage,
        model,
        finish,
    )
}

#[cfg(test)]
#[path = "openai_tests.rs"]
mod tests;
