//! Faults of AWS that a story can switch on: invocations that are late or refused, connections that
//! are cut, keys that are hot.

use std::io::{self, BufRead as _, BufReader, ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::types::{Put, TransactWriteItem};
use aws_sdk_lambda::primitives::Blob;
use serde_json::{Value, json};
use tests::aws_rules::{self, AwsRules};
use tests::own_function::{OwnFunction, Settings};
use tests::own_table::{INDEX, OwnTable, text};
use tests::stack::Stack;
use tokio::time::sleep;

use super::refusal;

#[tokio::test]
async fn what_is_no_rule_is_refused() {
    let stack = Stack::start();
    for rules in [
        json!({ "hot_key": {} }),
        json!({ "invoke": [{ "error": "ServiceException" }] }),
        json!({ "invoke": [{ "function": "quell-bridge", "error": "NoSuchException" }] }),
        json!([]),
    ] {
        let (status, answer) = aws_rules::post(&stack, &rules).await;
        assert_eq!(status, 400, "{rules}: {answer}");
    }
}

#[tokio::test]
async fn lambda_refuses_with_its_documented_errors() {
    let stack = Stack::start();
    let function = OwnFunction::deploy(&stack, &Settings::default());
    let invoke = || {
        let request = function.client.invoke().function_name(&function.name);
        request.payload(Blob::new("{}")).send()
    };
    for (error, status) in [
        ("TooManyRequestsException", 429),
        ("ResourceConflictException", 409),
        ("CodeArtifactUserPendingException", 409),
        ("ResourceNotReadyException", 502),
        ("EC2ThrottledException", 502),
        ("ServiceException", 500),
    ] {
        let fault = json!({ "function": function.name, "error": error, "times": 1 });
        let rules = AwsRules::switch_on(&stack, &json!({ "invoke": [fault] })).await;
        let refused = refusal(invoke().await);
        assert_eq!((refused.status, refused.code.as_str()), (status, error));
        assert!(!refused.message.is_empty(), "{error} has a text");
        invoke().await.expect("only once");
        assert_eq!(rules.seen("invoke").await, 1, "{error}");
    }
}

#[tokio::test]
async fn lambda_answers_late() {
    let stack = Stack::start();
    let function = OwnFunction::deploy(&stack, &Settings::default());
    function.invoke(&Value::Null).await;
    for late_seconds in [6, 60] {
        let fault = json!({ "function": function.name, "late_seconds": late_seconds });
        let rules = json!({ "scale": 0.02, "invoke": [fault] });
        let _rules = AwsRules::switch_on(&stack, &rules).await;
        let begun = Instant::now();
        let (error, _) = function.invoke(&json!({})).await;
        assert_eq!(error, None, "it is late and right");
        let least = Duration::from_millis(20 * late_seconds);
        assert!(begun.elapsed() >= least, "{:?}", begun.elapsed());
    }
    assert_eq!(function.invocations().await.len(), 3, "each ran once");
}

#[tokio::test]
async fn a_connection_that_was_silent_is_reset() {
    let stack = Stack::start();
    let address = stack.facts.endpoint_url.trim_start_matches("http://");
    // 350 seconds are 1.75 of these.
    let rules = json!({ "scale": 0.005, "idle_seconds": 350 });
    let rules = AwsRules::switch_on(&stack, &rules).await;
    let connection = TcpStream::connect(address).expect("a connection");
    let mut connection = BufReader::new(connection);
    ask(&mut connection).expect("an answer");
    sleep(Duration::from_millis(500)).await;
    ask(&mut connection).expect("it was not silent for long");
    sleep(Duration::from_millis(2_500)).await;
    let cut = ask(&mut connection).expect_err("a reset");
    assert_eq!(cut.kind(), ErrorKind::ConnectionReset);
    assert!(rules.seen("idle").await >= 1);
}

/// Asks the emulator how it is and reads the whole answer: what was left of it would be read for the next one, that of a
/// connection that was cut too.
fn ask(connection: &mut BufReader<TcpStream>) -> io::Result<()> {
    let head = b"GET /_ministack/health HTTP/1.1\r\nhost: localhost\r\n\r\n";
    connection.get_mut().write_all(head)?;
    let mut length = 0;
    let mut line = String::new();
    while line != "\r\n" {
        line.clear();
        if connection.read_line(&mut line)? == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        if let Some(value) = line.strip_prefix("content-length: ") {
            length = value.trim_end().parse().expect("a length");
        }
    }
    assert!(length > 0, "a body of a known length");
    connection.read_exact(&mut vec![0; length])
}

/// The code and the body of the refusal of a request that is made until it is throttled.
async fn until_throttled<T, E: ProvideErrorMetadata>(
    mut request: impl AsyncFnMut() -> Result<T, SdkError<E>>,
) -> (String, String) {
    for _ in 0..100 {
        if let Err(error) = request().await {
            let code = error.code().unwrap_or_default().to_owned();
            let body = error.raw_response().and_then(|raw| raw.body().bytes());
            let body = String::from_utf8_lossy(body.unwrap_or_default());
            return (code, body.into_owned());
        }
    }
    panic!("it is never throttled")
}

#[tokio::test]
async fn a_hot_key_is_throttled() {
    let stack = Stack::start();
    let table = OwnTable::create(&stack).await;
    // A thousand units a second are more than the emulator writes.
    let rules = json!({ "hot_keys": { "write_units": 5, "read_units": 5 } });
    let rules = AwsRules::switch_on(&stack, &rules).await;
    let put = |pk: &str| {
        let request = table.client.put_item().table_name(&table.name);
        request.item("pk", text(pk)).item("sk", text("0")).send()
    };
    let (code, body) = until_throttled(async || put("hot").await).await;
    assert_eq!(code, "ThrottlingException");
    for says in [
        "TableWriteKeyRangeThroughputExceeded",
        "if you have a hot key",
    ] {
        assert!(body.contains(says), "{body}");
    }
    put("cold").await.expect("another key has units of its own");

    let (code, body) = until_throttled(async || {
        let item = Put::builder().table_name(&table.name);
        let item = item.item("pk", text("both")).item("sk", text("1"));
        let item = item.build().expect("complete");
        let action = TransactWriteItem::builder().put(item).build();
        let request = table.client.transact_write_items();
        request.transact_items(action).send().await
    })
    .await;
    assert_eq!(code, "TransactionCanceledException");
    assert!(body.contains("ThrottlingError"), "{body}");

    let (code, body) = until_throttled(async || {
        let request = table.client.query().table_name(&table.name);
        let request = request.index_name(INDEX);
        let request = request.key_condition_expression("#group = :group");
        let request = request.expression_attribute_names("#group", "group");
        let request = request.expression_attribute_values(":group", text("open"));
        request.send().await
    })
    .await;
    assert_eq!(code, "ThrottlingException");
    assert!(
        body.contains("IndexReadKeyRangeThroughputExceeded"),
        "{body}"
    );
    assert!(rules.seen("hot_key").await >= 3);
}
