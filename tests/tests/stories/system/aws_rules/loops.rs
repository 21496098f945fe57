//! Recursive loop detection: the lineage of a chain of requests, and its seventeenth link.

use aws_sdk_lambda::primitives::Blob;
use aws_sdk_lambda::types::RecursiveLoop;
use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::{Message, MessageSystemAttributeName};
use serde_json::Value;
use tests::alert::{TestAlert, unique};
use tests::own_function::{OwnFunction, Settings, log_lines};
use tests::stack::{Stack, wait_for};

use super::refusal;

/// How often the last function of a chain had been invoked in it before, and how many functions it has.
fn lineage(header: &str) -> (u32, usize) {
    let (_, lineage) = header.split_once("Lineage=").expect("a lineage");
    let (_, last) = lineage.rsplit_once(':').expect("a count");
    let last = last.parse().expect("a number");
    (last, lineage.split('|').count())
}

/// A function each of whose messages makes it send another to itself.
fn looping(stack: &Stack) -> OwnFunction<'_> {
    let settings = Settings {
        queue: true,
        feeds_itself: true,
        visibility: 1,
        ..Settings::default()
    };
    OwnFunction::deploy(stack, &settings)
}

/// The longest lineage with which it was invoked.
async fn longest(function: &OwnFunction<'_>) -> u32 {
    let invocations = function.invocations().await;
    let traces = invocations
        .iter()
        .filter_map(|invocation| invocation["trace"].as_str());
    traces
        .map(|trace| lineage(trace).0)
        .max()
        .unwrap_or_default()
}

async fn begin(stack: &Stack, function: &OwnFunction<'_>) {
    let client = Client::new(&stack.aws());
    let request = client.send_message().queue_url(&function.queue_url);
    let sent = request.message_body("first").send().await;
    sent.expect("sent");
}

/// Whether the sixteenth invocation of a chain has sent the message.
fn is_seventeenth(message: &Message) -> bool {
    let attributes = message.attributes.as_ref().expect("attributes");
    // The first message of a chain has none.
    let header = attributes.get(&MessageSystemAttributeName::AwsTraceHeader);
    header.is_some_and(|header| lineage(header).0 == 15)
}

#[tokio::test]
async fn the_seventeenth_link_of_a_loop_is_dead_lettered() {
    let stack = Stack::start();
    let function = looping(&stack);
    begin(&stack, &function).await;
    let client = Client::new(&stack.aws());
    // A link whose function was slower than the visibility timeout may lie there too.
    wait_for("the dead letter", async || {
        let request = client
            .receive_message()
            .queue_url(&function.dead_letters_url);
        let request = request.message_system_attribute_names(MessageSystemAttributeName::All);
        let request = request.visibility_timeout(0).max_number_of_messages(10);
        let received = request.send().await.expect("an answer");
        let mut dead = received.messages.unwrap_or_default().into_iter();
        dead.find(is_seventeenth)
    })
    .await;
    assert_eq!(longest(&function).await, 15, "and there was no other");
    function.stop().await;
}

#[tokio::test]
async fn a_function_that_may_loop_goes_on() {
    let stack = Stack::start();
    let function = looping(&stack);
    let of_function = function.client.get_function_recursion_config();
    let setting = of_function.function_name(&function.name).send().await;
    let setting = setting.expect("an answer").recursive_loop;
    assert_eq!(setting, Some(RecursiveLoop::Terminate));
    let request = function.client.put_function_recursion_config();
    let request = request.function_name(&function.name);
    let allowed = request.recursive_loop(RecursiveLoop::Allow).send().await;
    allowed.expect("allowed");
    begin(&stack, &function).await;
    wait_for("more than sixteen links", async || {
        (longest(&function).await > 20).then_some(())
    })
    .await;
    function.stop().await;
}

#[tokio::test]
async fn an_invocation_in_a_loop_is_refused() {
    let stack = Stack::start();
    let function = OwnFunction::deploy(&stack, &Settings::default());
    function.invoke(&Value::Null).await;
    let first = function.invocations().await.pop().expect("one");
    let header = first["trace"].as_str().expect("a trace").to_owned();
    let after = |times: u32| {
        let header = header.trim_end_matches('0').to_owned() + &times.to_string();
        let request = function.client.invoke().function_name(&function.name);
        let request = request.payload(Blob::new("{}")).customize();
        request
            .mutate_request(move |request| {
                let headers = request.headers_mut();
                headers.insert("x-amzn-trace-id", header.clone());
            })
            .send()
    };
    after(14).await.expect("the sixteenth is invoked");
    let refused = refusal(after(15).await);
    assert_eq!(
        (refused.status, refused.code.as_str()),
        (400, "RecursiveInvocationException"),
        "{refused:?}"
    );
}

#[tokio::test]
async fn the_template_says_which_function_may_loop() {
    let stack = Stack::start();
    let client = aws_sdk_lambda::Client::new(&stack.aws());
    for (function, expected) in [
        ("Notifier", RecursiveLoop::Allow),
        ("Analyzer", RecursiveLoop::Terminate),
    ] {
        let name = &stack.facts.outputs[&format!("{function}FunctionName")];
        let asked = client.get_function_recursion_config().function_name(name);
        let setting = asked.send().await.expect("an answer").recursive_loop;
        assert_eq!(setting, Some(expected), "{function}");
    }
}

/// The Rust SDK and `lambda_runtime` pass the header on from the door to the card.
#[tokio::test]
async fn deployed_functions_pass_the_lineage_on() {
    let stack = Stack::start();
    let answer = stack
        .deliver_one(&TestAlert::firing(unique("lineage")))
        .await;
    let id = answer["incident_id"].as_str().expect("an incident");
    stack.card(id, "Needs a human").await;
    let group = "/aws/lambda/quell-notifier";
    let trace = wait_for("the notifier's line about it", async || {
        let lines = log_lines(&stack, group).await.into_iter();
        let mut lines = lines.filter(|line| line.contains(id));
        let line: Value = serde_json::from_str(&lines.next()?).ok()?;
        line["span"]["xrayTraceId"].as_str().map(str::to_owned)
    })
    .await;
    assert_eq!(
        lineage(&trace),
        (0, 3),
        "ingress, analyzer, notifier: {trace}"
    );
}
