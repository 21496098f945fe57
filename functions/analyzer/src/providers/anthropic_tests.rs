//! Tests of requests to Anthropic's Messages API and of parsing its responses.

use domain::analysis::price::Usage;
use domain::analysis::settings::ProviderSettings;
use domain::phrase;
use serde_json::{Value, json};

use super::{body, read};
use crate::finding::Finding;
use crate::providers::{Billed, Question, Trouble};

fn question() -> Question {
    Question {
        instructions: "Find the cause.".into(),
        material: "an alert".into(),
        schema: Finding::schema(&[]),
        max_output_tokens: 64,
    }
}

fn settings(answer_format: &str) -> ProviderSettings {
    let settings =
        json!({ "name": "p", "api": "anthropic", "model": "m", "answer_format": answer_format });
    serde_json::from_value(settings).expect("settings")
}

#[test]
fn the_schema_is_sent_without_what_is_refused_in_one() {
    let body = body(&settings("json_schema"), &question());
    assert_eq!(
        (&body["system"], &body["max_tokens"]),
        (&json!("Find the cause."), &json!(64))
    );
    assert_eq!(
        body["messages"],
        json!([{ "role": "user", "content": "an alert" }])
    );
    let format = &body["output_config"]["format"];
    assert_eq!(format["type"], "json_schema");
    let confidence = &format["schema"]["properties"]["confidence"];
    let description =
        "How sure you are, from 0 (a guess) to 1 (proven by the evidence). (minimum 0) (maximum 1)";
    assert_eq!(
        confidence,
        &json!({ "type": "number", "description": description })
    );
    assert!(!format.to_string().contains(r#""maximum":"#), "{format}");
}

#[test]
fn without_schemas_the_schema_stands_in_words() {
    let body = body(&settings("text"), &question());
    assert!(body.get("output_config").is_none());
    assert!(
        body["system"]
            .as_str()
            .is_some_and(|text| text.contains(r#""maximum":100000"#)),
        "{body}"
    );
}

#[test]
fn answers_are_read_with_what_they_cost() {
    let usage = json!({ "input_tokens": 90, "cache_creation_input_tokens": 5, "cache_read_input_tokens": 4, "output_tokens": 12 });
    let used = Usage {
        input: 99,
        output: 12,
    };
    let answer = |stop: Value, content: Value| json!({ "type": "message", "model": "m-2026", "content": content, "stop_reason": stop, "usage": usage });
    let text = json!([{ "type": "thinking", "thinking": "hm" }, { "type": "text", "text": "{" }, { "type": "text", "text": "}" }]);
    let unreadable = |why: &str| Trouble::Unreadable(why.into());
    let stopped = |reason: &str| {
        Trouble::Unreadable(phrase!(
            "it stopped for another reason than its end: {reason}",
            reason
        ))
    };

    let reply = read(&answer(json!("end_turn"), text.clone()), &question()).expect("an answer");
    assert_eq!(
        (
            reply.text.as_str(),
            reply.model.as_str(),
            reply.usage,
            reply.finish.as_str()
        ),
        ("{}", "m-2026", used, "end_turn")
    );

    let mut without_usage = answer(json!("end_turn"), text.clone());
    without_usage["usage"] = json!({ "input_tokens": -1, "output_tokens": 12 });
    let cases = [
        (
            answer(json!("max_tokens"), text.clone()),
            Trouble::Truncated(64),
            Billed::Used(used),
        ),
        (
            answer(json!("refusal"), json!([])),
            Trouble::Filtered("refusal".into()),
            Billed::Used(used),
        ),
        (
            answer(
                json!("refusal"),
                json!([{ "type": "text", "text": "I cannot." }]),
            ),
            Trouble::Filtered("I cannot.".into()),
            Billed::Used(used),
        ),
        (
            answer(json!("tool_use"), text.clone()),
            stopped("tool_use"),
            Billed::Used(used),
        ),
        (answer(json!(null), text), stopped(""), Billed::Used(used)),
        (
            answer(json!("end_turn"), json!([])),
            unreadable("it has no text"),
            Billed::Used(used),
        ),
        (
            without_usage,
            unreadable("it does not say how many tokens it used"),
            Billed::Unknown,
        ),
        (
            json!({ "type": "message", "usage": usage }),
            unreadable("missing field `content`"),
            Billed::Used(used),
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
