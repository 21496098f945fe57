//! Test with a real, small model: its answer fits the schema of a finding. `make test-llm` starts
//! the model and names it in `QUELL_LLM_URL`.

use std::time::Duration;

use analyzer::finding::Finding;
use analyzer::providers::{Provider, Question, prompt_tokens_at_most};
use aws_types::SdkConfig;
use serde_json::{Value, json};
use tokio::time::Instant;

/// A busy machine needs most of it.
const TIMEOUT: Duration = Duration::from_secs(120);

/// The schema for a model that finds no end by itself and on a server that forces no bounds of numbers on it (llama.cpp's grammars know
/// those of integers alone).
fn narrowed(mut schema: Value) -> Value {
    match &mut schema {
        Value::Object(fields) => {
            for value in fields.values_mut() {
                *value = narrowed(value.take());
            }
            let narrower = match fields.get("type").and_then(Value::as_str) {
                Some("string") if !fields.contains_key("enum") => Some(("maxLength", json!(24))),
                Some("array") => Some(("maxItems", json!(1))),
                Some("number") => Some(("enum", json!([0.2, 0.5, 0.8]))),
                _ => None,
            };
            fields.extend(narrower.map(|(name, value)| (name.to_owned(), value)));
        }
        Value::Array(values) => values
            .iter_mut()
            .for_each(|value| *value = narrowed(value.take())),
        _ => {}
    }
    schema
}

#[tokio::test]
#[expect(
    clippy::disallowed_methods,
    reason = "nothing but the test is configured by this variable"
)]
async fn a_real_model_answers_a_finding() {
    let url = std::env::var("QUELL_LLM_URL").expect("QUELL_LLM_URL, as make test-llm sets it");
    let settings = json!({ "name": "own", "api": "openai", "base_url": url, "model": "smollm2-135m-instruct", "timeout": "120s" });
    let settings = serde_json::from_value(settings).expect("settings");
    let provider = Provider::new(
        &settings,
        outbound::client().expect("a client"),
        &SdkConfig::builder().build(),
    );
    let question = Question {
        instructions: "You are an SRE. Find the most likely cause of the alert.".to_owned(),
        material: "Alert HighErrorRate on service checkout: 12 % of requests fail since the deployment 10 minutes ago.".to_owned(),
        schema: narrowed(Finding::schema(&[])),
        max_output_tokens: 700,
    };

    let reply = provider
        .ask(None, &question, Instant::now() + TIMEOUT)
        .await
        .expect("an answer");

    let finding = Finding::parse(&reply.text).expect("a finding");
    assert!([0.2, 0.5, 0.8].contains(&finding.confidence), "{finding:?}");
    assert_eq!(
        (reply.finish.as_str(), reply.model.as_str()),
        ("stop", "smollm2-135m-instruct")
    );
    let most = prompt_tokens_at_most(&settings, &question);
    assert!(
        reply.usage.input > 0 && reply.usage.input <= most,
        "{} of {most}",
        reply.usage.input
    );
    assert!(reply.usage.output > 0 && reply.usage.output <= u64::from(question.max_output_tokens));
}
