//! Tests of the spans of model calls.

use opentelemetry_proto::tonic::trace::v1::span::SpanKind as SentKind;
use reqwest::Url;

use crate::trace::receiver::{Manner, Server};
use crate::trace::tests::{noon, shown, tracer};
use crate::trace::{ModelAnswer, ModelCall};

#[tokio::test]
async fn a_model_call_speaks_the_conventions() {
    let server = Server::start(Manner::AcceptInJson);
    let tracer = tracer(server.url());
    let root = tracer.begin("analyse", noon());
    let address = Url::parse("https://api.example.com/v1?key=secret-in-the-url").expect("a URL");
    let call = ModelCall {
        provider: "openai",
        model: "gpt-test",
        max_tokens: 800,
        server: Some(&address),
    };
    let mut span = root.model_call(&call);
    let reasons = ["stop"];
    let answer = ModelAnswer {
        model: "gpt-test-0613",
        input_tokens: 1_200,
        output_tokens: 345,
        finish_reasons: &reasons,
        price: 0.00125,
    };
    span.answered(&answer);
    span.end();
    root.model_call(&ModelCall {
        provider: "aws.bedrock",
        model: "nova",
        max_tokens: u64::MAX,
        server: None,
    })
    .end();
    drop(root);
    tracer.flush().await;

    let delivery = server.only_delivery();
    let span = delivery.span("chat gpt-test");
    assert_eq!(span.kind(), SentKind::Client);
    insta::assert_snapshot!(shown(&span.attributes), @r#"
    gen_ai.operation.name = "chat"
    gen_ai.provider.name = "openai"
    gen_ai.request.model = "gpt-test"
    gen_ai.request.max_tokens = 800
    server.address = "api.example.com"
    server.port = 443
    gen_ai.response.model = "gpt-test-0613"
    gen_ai.response.finish_reasons = ["stop"]
    gen_ai.usage.input_tokens = 1200
    gen_ai.usage.output_tokens = 345
    gen_ai.usage.cost = 0.00125
    "#);
    insta::assert_snapshot!(shown(&delivery.span("chat nova").attributes), @r#"
    gen_ai.operation.name = "chat"
    gen_ai.provider.name = "aws.bedrock"
    gen_ai.request.model = "nova"
    gen_ai.request.max_tokens = 9223372036854775807
    "#);
}
