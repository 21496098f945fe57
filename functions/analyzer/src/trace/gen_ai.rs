//! Attributes of model-call spans, by OpenTelemetry's semantic conventions for generative AI.

use opentelemetry::{Array, StringValue, Value};
use reqwest::Url;

use super::{Span, SpanKind};

/// A model call as it is made.
#[derive(Debug, Clone, Copy)]
pub struct ModelCall<'a> {
    /// Who is asked: `openai`, `anthropic`, `aws.bedrock`, or the operator's own name for a server that speaks one of their languages.
    pub provider: &'a str,
    /// The model asked for.
    pub model: &'a str,
    /// How many tokens the answer may have.
    pub max_tokens: u64,
    /// Where the provider is, if that is known. Host and port are recorded, not the rest.
    pub server: Option<&'a Url>,
}

/// What the answer says of itself.
#[derive(Debug, Clone, Copy)]
pub struct ModelAnswer<'a> {
    /// The model that answered; it can be a version of the one asked for.
    pub model: &'a str,
    pub input_tokens: u64,
    pub output_tokens: u64,
    /// Why the model stopped, in the provider's words: `stop`, `length`, `end_turn`.
    pub finish_reasons: &'a [&'a str],
    /// The price in USD.
    pub price: f64,
}

impl Span {
    /// Begins the span of a model call. One span covers the call with its retries.
    /// <https://github.com/open-telemetry/semantic-conventions-genai/blob/main/docs/gen-ai/client-inference.md>
    pub fn model_call(&self, call: &ModelCall<'_>) -> Self {
        let mut span = self.child(format!("chat {}", call.model), SpanKind::Client);
        span.set("gen_ai.operation.name", "chat");
        span.set("gen_ai.provider.name", call.provider.to_owned());
        span.set("gen_ai.request.model", call.model.to_owned());
        span.set("gen_ai.request.max_tokens", whole(call.max_tokens));
        if let Some(host) = call.server.and_then(Url::host_str) {
            span.set("server.address", host.to_owned());
        }
        if let Some(port) = call.server.and_then(Url::port_or_known_default) {
            span.set("server.port", i64::from(port));
        }
        span
    }

    /// Records what an answer cost, whether or not it can be used: it is billed either way.
    ///
    /// The conventions know no price. `gen_ai.usage.cost` is what Langfuse takes for a call's cost, in USD.
    /// <https://langfuse.com/integrations/native/opentelemetry#property-mapping>
    pub fn answered(&mut self, answer: &ModelAnswer<'_>) {
        let reasons = answer
            .finish_reasons
            .iter()
            .map(|reason| StringValue::from((*reason).to_owned()))
            .collect();
        self.set("gen_ai.response.model", answer.model.to_owned());
        self.set(
            "gen_ai.response.finish_reasons",
            Value::Array(Array::String(reasons)),
        );
        self.set("gen_ai.usage.input_tokens", whole(answer.input_tokens));
        self.set("gen_ai.usage.output_tokens", whole(answer.output_tokens));
        self.set("gen_ai.usage.cost", answer.price);
    }
}

/// A number as OTLP has it: signed.
fn whole(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

#[cfg(test)]
#[path = "gen_ai_tests.rs"]
mod tests;
