//! Test of Amazon Bedrock's Converse on the emulator, signed and sent by AWS's SDK as on AWS.

use std::time::Duration;

use analyzer::finding::Finding;
use analyzer::providers::{Billed, Provider, Question, Trouble};
use serde_json::json;
use tests::stack::Stack;
use tokio::time::Instant;

const PATIENCE: Duration = Duration::from_secs(60);

fn provider(stack: &Stack, model: &str, answer_format: &str) -> Provider {
    let settings = json!({ "name": "bedrock", "api": "bedrock", "model": model, "answer_format": answer_format, "timeout": "60s" });
    let settings = serde_json::from_value(settings).expect("settings");
    Provider::new(
        &settings,
        outbound::client().expect("a client"),
        &stack.aws(),
    )
}

#[tokio::test]
async fn bedrock_answers_and_says_what_it_used() {
    let stack = Stack::start();
    let question = Question {
        instructions: "Find the cause.".to_owned(),
        material: "checkout is slow".to_owned(),
        schema: Finding::schema(&[]),
        max_output_tokens: 200,
    };
    for answer_format in ["json_schema", "text"] {
        let model = "amazon.nova-lite-v1:0";
        let reply = provider(&stack, model, answer_format)
            .ask(None, &question, Instant::now() + PATIENCE)
            .await
            .expect("an answer");
        assert_eq!(
            (reply.model.as_str(), reply.finish.as_str()),
            (model, "end_turn")
        );
        assert!(reply.usage.input > 0 && reply.usage.output > 0, "{reply:?}");
        // What the emulator says is no finding, and that is noticed.
        assert!(Finding::parse(&reply.text).is_err(), "{reply:?}");
    }

    let nobodys = "arn:aws:bedrock:us-east-1:123456789012:foundation-model/x";
    let failed = provider(&stack, nobodys, "text")
        .ask(None, &question, Instant::now() + PATIENCE)
        .await
        .expect_err("no such model");
    assert!(
        matches!(&failed.trouble, Trouble::Refused { status: 400, words } if words.to_string().contains("modelId")),
        "{failed:?}"
    );
    assert_eq!(failed.billed, Billed::Nothing);
}
