//! A function that a test deploys for itself, with a queue that it takes from: for what AWS does
//! around a function, whatever the function does.

use std::io::Write as _;
use std::process::{Command, Stdio};

use aws::signed::{Service, SignedClient};
use aws::unhurried;
use aws_sdk_lambda::Client;
use aws_sdk_lambda::primitives::Blob;
use serde_json::{Value, json};

use crate::alert::unique;
use crate::roles::ATTEMPT;
use crate::stack::{Stack, project};

/// CloudWatch Logs (<https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/>).
pub const LOGS: Service = Service::json_1_1("logs", "Logs_20140328");

/// A custom runtime (<https://docs.aws.amazon.com/lambda/latest/dg/runtimes-custom.html>), in Python.
///
/// It prints what it was invoked with. An event's `answer` is the length of its answer, `fail` makes it fail. Where it has a queue, a batch
/// makes it send a message there.
const BOOTSTRAP: &str = r#"
import json, os, urllib.error, urllib.request
import boto3

RUNTIME = f"http://{os.environ['AWS_LAMBDA_RUNTIME_API']}/2018-06-01/runtime/invocation"
queue = os.environ.get("QUEUE_URL")
sqs = boto3.client("sqs", endpoint_url=os.environ["AWS_ENDPOINT_URL"])
while True:
    with urllib.request.urlopen(f"{RUNTIME}/next") as given:
        request, trace, event = given.headers["Lambda-Runtime-Aws-Request-Id"], given.headers["Lambda-Runtime-Trace-Id"], json.load(given)
    # As every runtime of Lambda does: the SDK sends it with its requests.
    os.environ["_X_AMZN_TRACE_ID"] = trace
    event = event if isinstance(event, dict) else {}
    messages = [record["messageId"] for record in event.get("Records", [])]
    print(json.dumps({"trace": trace, "messages": messages}), flush=True)
    if queue and messages:
        sqs.send_message(QueueUrl=queue, MessageBody="again")
    kind, answer = ("error", {"errorType": "Asked", "errorMessage": "fail"}) if event.get("fail") else ("response", "x" * event.get("answer", 0))
    try:
        urllib.request.urlopen(f"{RUNTIME}/{request}/{kind}", json.dumps(answer).encode())
    except urllib.error.HTTPError as refused:
        print(json.dumps({"refused": refused.code}), flush=True)
"#;

/// Deploys the function that is described on standard input, and prints where its queues are.
const DEPLOY: &str = r#"
import boto3, io, json, sys, zipfile

given = json.load(sys.stdin)
facts, name = given["facts"], given["name"]
session = boto3.Session(facts["access_key_id"], facts["secret_access_key"], region_name=facts["region"])
client = lambda service: session.client(service, endpoint_url=facts["endpoint_url"])
iam, sqs, functions = client("iam"), client("sqs"), client("lambda")
trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "lambda.amazonaws.com"}}
rights = {"Effect": "Allow", "Action": ["sqs:*", "logs:*"], "Resource": "*"}
policy = lambda statement: json.dumps({"Version": "2012-10-17", "Statement": [statement]})
role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=policy(trust))["Role"]["Arn"]
iam.put_role_policy(RoleName=name, PolicyName="own", PolicyDocument=policy(rights))
made, variables = {"queue_url": "", "dead_letters_url": ""}, {}
arn = lambda url: sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
if given["queue"]:
    made["dead_letters_url"] = sqs.create_queue(QueueName=name + "-dead")["QueueUrl"]
    redrive = {"deadLetterTargetArn": arn(made["dead_letters_url"]), "maxReceiveCount": 2}
    attributes = {"VisibilityTimeout": str(given["visibility"]), "RedrivePolicy": json.dumps(redrive)}
    made["queue_url"] = sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
    variables = {"QUEUE_URL": made["queue_url"]} if given["feeds_itself"] else {}
package, entry = io.BytesIO(), zipfile.ZipInfo("bootstrap")
entry.external_attr = 0o755 << 16
with zipfile.ZipFile(package, "w") as archive:
    archive.writestr(entry, f'#!{sys.executable}\n{given["bootstrap"]}')
functions.create_function(
    FunctionName=name, Runtime="provided.al2023", Handler="bootstrap", Role=role, Timeout=30, Code={"ZipFile": package.getvalue()},
    Environment={"Variables": variables}, LoggingConfig=given["logging"],
)
if given["queue"]:
    functions.create_event_source_mapping(FunctionName=name, EventSourceArn=arn(made["queue_url"]), BatchSize=given["batch"])
print(json.dumps(made))
"#;

/// What kind of function it is.
#[derive(Debug)]
pub struct Settings {
    /// Its logging configuration.
    pub logging: Value,
    /// Whether it has a queue.
    pub queue: bool,
    /// Whether each batch makes it send a message to that queue.
    pub feeds_itself: bool,
    /// The queue's visibility timeout in seconds. Its messages are received twice at most.
    pub visibility: u32,
    pub batch: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            logging: json!({ "LogFormat": "Text" }),
            queue: false,
            feeds_itself: false,
            visibility: 30,
            batch: 1,
        }
    }
}

#[derive(Debug)]
pub struct OwnFunction<'a> {
    stack: &'a Stack,
    /// It retries nothing.
    pub client: Client,
    pub name: String,
    pub queue_url: String,
    pub dead_letters_url: String,
}

impl<'a> OwnFunction<'a> {
    /// Deploys it.
    ///
    /// # Panics
    /// If it is not deployed.
    #[must_use]
    pub fn deploy(stack: &'a Stack, settings: &Settings) -> Self {
        let name = unique("own");
        let given = json!({
            "facts": stack.facts, "name": name, "bootstrap": BOOTSTRAP, "logging": settings.logging, "queue": settings.queue,
            "feeds_itself": settings.feeds_itself, "visibility": settings.visibility, "batch": settings.batch,
        });
        let made = deploy(&given);
        let url = |field: &str| made[field].as_str().expect("a URL").to_owned();
        Self {
            stack,
            client: Client::new(&unhurried(&stack.aws())),
            queue_url: url("queue_url"),
            dead_letters_url: url("dead_letters_url"),
            name,
        }
    }

    /// Invokes it, and waits for its answer: the error that it ended with, and what it answered.
    ///
    /// # Panics
    /// If Lambda refuses.
    pub async fn invoke(&self, event: &Value) -> (Option<String>, Value) {
        let request = self.client.invoke().function_name(&self.name);
        let answer = request
            .payload(Blob::new(event.to_string()))
            .send()
            .await
            .expect("an answer");
        let payload = answer.payload.map(Blob::into_inner).unwrap_or_default();
        let payload = serde_json::from_slice(&payload).expect("JSON");
        (answer.function_error, payload)
    }

    /// Every line in its log group.
    pub async fn log(&self) -> Vec<String> {
        log_lines(self.stack, &format!("/aws/lambda/{}", self.name)).await
    }

    /// What it printed: an object for each invocation.
    pub async fn invocations(&self) -> Vec<Value> {
        let lines = self.log().await.into_iter();
        let printed = lines.filter(|line| line.starts_with("{\"trace\""));
        printed
            .map(|line| serde_json::from_str(&line).expect("JSON"))
            .collect()
    }

    /// Takes its queue from it, so that it stops.
    ///
    /// # Panics
    /// If Lambda refuses.
    pub async fn stop(&self) {
        let asked = self
            .client
            .list_event_source_mappings()
            .function_name(&self.name);
        let mappings = asked.send().await.expect("an answer").event_source_mappings;
        for mapping in mappings.unwrap_or_default() {
            let request = self.client.delete_event_source_mapping();
            let deleted = request.set_uuid(mapping.uuid).send().await;
            deleted.expect("deleted");
        }
    }
}

/// Every line of a log group; none if there is no such group.
///
/// # Panics
/// If the answer is none of CloudWatch Logs'.
pub async fn log_lines(stack: &Stack, group: &str) -> Vec<String> {
    let client = SignedClient::new(&stack.environment(), &LOGS, ATTEMPT);
    let mut lines = Vec::new();
    let mut question = json!({ "logGroupName": group });
    while let Ok(answer) = client.call("FilterLogEvents", &question.to_string()).await {
        let answer: Value = serde_json::from_slice(&answer).expect("JSON");
        for event in answer["events"].as_array().into_iter().flatten() {
            lines.push(event["message"].as_str().expect("a text").to_owned());
        }
        if answer["nextToken"].is_null() {
            break;
        }
        question["nextToken"] = answer["nextToken"].clone();
    }
    lines
}

fn deploy(given: &Value) -> Value {
    let mut child = Command::new(project().join(".venv/bin/python"))
        .args(["-c", DEPLOY])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("Python");
    let mut stdin = child.stdin.take().expect("a pipe");
    let written = stdin.write_all(given.to_string().as_bytes());
    written.expect("written");
    drop(stdin);
    let output = child.wait_with_output().expect("it ends");
    assert!(output.status.success(), "it says why above");
    serde_json::from_slice(&output.stdout).expect("JSON")
}
