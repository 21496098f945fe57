//! Tests of requests to Chat Completions and of parsing its responses.

use domain::analysis::price::Usage;
use domain::analysis::settings::ProviderSettings;
use domain::phrase;
use serde_json::{Value, json};

use super::{body, is_vendor, read};
use crate::providers::{Billed, Question, Trouble};

fn question() -> Question {
    let schema = json!({ "type": "object", "properties": {}, "required": [], "additionalProperties": false });
    Question {
        instructions: "Find the cause.".into(),
        material: "an alert".into(),
        schema,
        max_output_tokens: 64,
    }
}

fn settings(more: Value) -> ProviderSettings {
    let mut settings = json!({ "name": "p", "api": "openai", "model": "m" });
    settings
        .as_object_mut()
        .expect("an object")
        .extend(more.as_object().expect("an object").clone());
    serde_json::from_value(settings).expect("settings")
}

#[test]
fn the_vendor_is_asked_in_its_way_and_others_in_theirs() {
    let schema = json!({ "type": "json_schema", "json_schema": { "name": "answer", "strict": true, "schema": question().schema } });
    let vendor = body(&settings(json!({})), &question());
    let system = json!({ "role": "system", "content": "Find the cause." });
    let messages = json!([system, { "role": "user", "content": "an alert" }]);
    assert_eq!(
        vendor,
        json!({ "model": "m", "messages": messages, "max_completion_tokens": 64, "response_format": schema })
    );

    let own = body(
        &settings(json!({ "base_url": "http://llm.example:11434/v1" })),
        &question(),
    );
    assert_eq!(
        (
            &own["max_tokens"],
            &own["temperature"],
            &own["response_format"]
        ),
        (&json!(64), &json!(0), &schema)
    );
    assert!(own.get("max_completion_tokens").is_none());
    assert!(
        own["messages"][0]["content"]
            .as_str()
            .is_some_and(|text| text.contains(&question().schema.to_string())),
        "{own}"
    );
}

#[test]
fn without_schemas_the_schema_stands_in_words() {
    for (format, response_format) in [
        ("json_object", json!({ "type": "json_object" })),
        ("text", Value::Null),
    ] {
        let body = body(&settings(json!({ "answer_format": format })), &question());
        assert_eq!(body["response_format"], response_format);
        let instructions = body["messages"][0]["content"].as_str().unwrap_or_default();
        assert!(
            instructions.starts_with("Find the cause.")
                && instructions.contains(&question().schema.to_string()),
            "{instructions}"
        );
    }
}

#[test]
fn a_name_alone_makes_no_vendor() {
    let cases = [
        ("https://api.openai.com/v1", true),
        ("https://eu.api.openai.com/v1", true),
        ("https://mine.openai.azure.com/openai/v1", true),
        ("https://api.openai.com.evil.example/v1", false),
        ("https://notopenai.com/v1", false),
        ("https://user:openai.com@llm.example/v1", false),
        ("http://127.0.0.1:8080/v1", false),
    ];
    for (url, expected) in cases {
        assert_eq!(is_vendor(url), expected, "{url}");
    }
}

#[test]
fn answers_are_read_with_what_they_cost() {
    let usage = json!({ "prompt_tokens": 90, "completion_tokens": 12, "total_tokens": 102, "completion_tokens_details": {} });
    let used = Billed::Used(Usage {
        input: 90,
        output: 12,
    });
    let answer = |finish: Value, message: Value| json!({ "id": "c", "model": "m-2026", "choices": [{ "index": 0, "finish_reason": finish, "message": message }], "usage": usage });
    let without_usage = |mut answer: Value| {
        answer.as_object_mut().expect("an object").remove("usage");
        answer
    };
    let text = json!({ "role": "assistant", "content": "{}", "refusal": null });
    let unreadable = |why: &str| Trouble::Unreadable(why.into());

    for finish in [json!("stop"), json!(null), json!("eos")] {
        let reply = read(&answer(finish, text.clone()), &question()).expect("an answer");
        assert_eq!(
            (reply.text.as_str(), reply.model.as_str(), reply.usage),
            (
                "{}",
                "m-2026",
                Usage {
                    input: 90,
                    output: 12
                }
            )
        );
    }
    let cases = [
        (
            answer(json!("length"), text.clone()),
            Trouble::Truncated(64),
            used,
        ),
        (
            answer(json!("content_filter"), text.clone()),
            Trouble::Filtered("content_filter".into()),
            used,
        ),
        (
            answer(
                json!("stop"),
                json!({ "content": null, "refusal": "I cannot." }),
            ),
            Trouble::Filtered("I cannot.".into()),
            used,
        ),
        (
            answer(json!("tool_calls"), json!({ "content": null })),
            unreadable("it calls a tool, and has none"),
            used,
        ),
        // All tokens went into hidden reasoning.
        (
            answer(
                json!("stop"),
                json!({ "content": "", "reasoning_content": "hm" }),
            ),
            unreadable("it has no text"),
            used,
        ),
        (
            without_usage(answer(json!("stop"), text)),
            unreadable("it does not say how many tokens it used"),
            Billed::Unknown,
        ),
        (
            json!({ "choices": [], "usage": usage }),
            unreadable("it has no choices"),
            used,
        ),
        (
            json!({ "usage": usage }),
            unreadable("missing field `choices`"),
            used,
        ),
        (
            json!({ "error": { "code": 502 } }),
            Trouble::Unreadable(phrase!(
                "it answers an error: {error}",
                error = r#"{"code":502}"#
            )),
            Billed::Unknown,
        ),
        (
            json!([1]),
            unreadable("invalid type: integer `1`, expected a string"),
            Billed::Unknown,
        ),
    ];
    for (answer, trouble, billed) in cases {
        let failed = read(&answer, &question()).expect_err("no answer");
        assert_eq!(
            (
                failed.failed.trouble,
                failed.failed.billed,
                failed.again_after
            ),
            (trouble, billed, None),
            "{answer}"
        );
    }
}
