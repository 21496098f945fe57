//! Test of what somebody can do who has stolen the role of one function: exactly what the table in
//! docs/security.md says.

use std::collections::BTreeMap;
use std::time::Duration;

use aws::AwsEnvironment;
use aws::signed::{CallError, SSM, Service, SignedClient};
use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_lambda::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_lambda::primitives::Blob;
use serde_json::{Value, json};
use settings::variables::Variables;
use tests::alert::unique;
use tests::stack::{Stack, project};

/// How long one request may take.
const ATTEMPT: Duration = Duration::from_secs(30);

const ROLES: [&str; 7] = [
    "Ingress", "Signals", "Analyzer", "Notifier", "Repair", "Bridge", "Witness",
];

/// CloudWatch Logs (<https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/>).
const LOGS: Service = Service::json_1_1("logs", "Logs_20140328");

/// What somebody tries. The texts are those of the table.
#[derive(Debug, Clone, Copy)]
enum Try {
    /// Reads the secret with this output.
    Reads(&'static str),
    ReadsSlackSecret,
    /// Gives the secret with this output another value.
    Replaces(&'static str),
    /// Writes to the table with this output.
    Writes(&'static str),
    /// Deletes from the table with this output.
    Deletes(&'static str),
    SendsToRepairs,
    InvokesBridge,
    RunsShellScript,
    /// Deletes a stream of the witness's log group.
    DeletesAnchors,
}

const TRIES: [(&str, Try); 19] = [
    (
        "write an incident, and an approval into it",
        Try::Writes("TableName"),
    ),
    (
        "delete from the table of incidents and logs",
        Try::Deletes("TableName"),
    ),
    (
        "switch repairs off, or claim a step",
        Try::Writes("ControlTableName"),
    ),
    (
        "switch repairs on, or forget that a step ran",
        Try::Deletes("ControlTableName"),
    ),
    (
        "sign a person's decision for repair",
        Try::Reads("PeopleRepairKeyArn"),
    ),
    (
        "sign a person's decision for the bridge",
        Try::Reads("PeopleBridgeKeyArn"),
    ),
    (
        "sign the guardrails' decision for repair",
        Try::Reads("GuardrailsRepairKeyArn"),
    ),
    (
        "sign the guardrails' decision for the bridge",
        Try::Reads("GuardrailsBridgeKeyArn"),
    ),
    (
        "replace a key of decisions",
        Try::Replaces("PeopleBridgeKeyArn"),
    ),
    (
        "press buttons in Telegram in anybody's name",
        Try::Reads("TelegramWebhookSecretArn"),
    ),
    (
        "press buttons in Slack in anybody's name",
        Try::ReadsSlackSecret,
    ),
    (
        "make links, which show plans and decide nothing",
        Try::Reads("ApprovalLinkSecretArn"),
    ),
    ("send signed alerts", Try::Reads("WebhookSecretArn")),
    ("log in to hosts", Try::Reads("SshPrivateKeyArn")),
    ("run a document of AWS on hosts", Try::RunsShellScript),
    ("invoke the bridge", Try::InvokesBridge),
    ("send to the queue of repairs", Try::SendsToRepairs),
    (
        "sign a checkpoint of the operation log",
        Try::Reads("EvidenceKeyArn"),
    ),
    ("delete an anchor", Try::DeletesAnchors),
];

impl Try {
    /// True if the role may do it.
    async fn is_granted(self, stack: &Stack, stolen: &AwsEnvironment) -> bool {
        let role = &stolen.sdk_config(ATTEMPT);
        let output = |name: &str| stack.facts.outputs[name].clone();
        let text = |value: &str| AttributeValue::S(value.to_owned());
        let secrets = aws_sdk_secretsmanager::Client::new(role);
        let dynamodb = aws_sdk_dynamodb::Client::new(role);
        match self {
            Self::Reads(secret) => granted(
                secrets
                    .get_secret_value()
                    .secret_id(output(secret))
                    .send()
                    .await,
            ),
            Self::ReadsSlackSecret => {
                let id = "quell/inbound/slack-signing-secret";
                granted(secrets.get_secret_value().secret_id(id).send().await)
            }
            Self::Replaces(secret) => granted(
                secrets
                    .put_secret_value()
                    .secret_id(output(secret))
                    .secret_string("stolen")
                    .send()
                    .await,
            ),
            Self::Writes(table) => granted(
                dynamodb
                    .put_item()
                    .table_name(output(table))
                    .item("pk", text(&unique("STOLEN")))
                    .item("sk", text("ROLE"))
                    .send()
                    .await,
            ),
            Self::Deletes(table) => granted(
                dynamodb
                    .delete_item()
                    .table_name(output(table))
                    .key("pk", text("STOLEN"))
                    .key("sk", text("ROLE"))
                    .send()
                    .await,
            ),
            Self::SendsToRepairs => granted(
                aws_sdk_sqs::Client::new(role)
                    .send_message()
                    .queue_url(output("RepairsQueueUrl"))
                    .message_group_id("stolen")
                    .message_deduplication_id(unique("stolen"))
                    .message_body("not a message")
                    .send()
                    .await,
            ),
            Self::InvokesBridge => granted(
                aws_sdk_lambda::Client::new(role)
                    .invoke()
                    .function_name(output("BridgeFunctionName"))
                    .payload(Blob::new("{}"))
                    .send()
                    .await,
            ),
            Self::RunsShellScript => {
                let command = json!({
                    "DocumentName": "AWS-RunShellScript", "InstanceIds": ["i-0123456789abcdef0"],
                    "Parameters": { "commands": ["id"] },
                });
                called(stolen, &SSM, "SendCommand", &command).await
            }
            Self::DeletesAnchors => {
                let stream =
                    json!({ "logGroupName": output("WitnessLogGroup"), "logStreamName": "stolen" });
                called(stolen, &LOGS, "DeleteLogStream", &stream).await
            }
        }
    }
}

/// True unless IAM refused the call.
async fn called(
    stolen: &AwsEnvironment,
    service: &'static Service,
    operation: &str,
    question: &Value,
) -> bool {
    let client = SignedClient::new(stolen, service, ATTEMPT);
    let asked = client.call(operation, &question.to_string()).await;
    !matches!(asked, Err(CallError::Refused { code, .. }) if code.contains("AccessDenied"))
}

/// True unless IAM refused it: what else may be wrong with a request is no matter of rights.
fn granted<T, E, R>(answer: Result<T, SdkError<E, R>>) -> bool
where
    E: ProvideErrorMetadata,
{
    let code = answer.as_ref().err().and_then(ProvideErrorMetadata::code);
    !code.is_some_and(|code| code.contains("AccessDenied"))
}

/// AWS as somebody sees it who has the role of a function.
async fn stolen(stack: &Stack, function: &str) -> AwsEnvironment {
    let root = stack.aws();
    let name = &stack.facts.outputs[&format!("{function}FunctionName")];
    let lambda = aws_sdk_lambda::Client::new(&root);
    let asked = lambda.get_function_configuration().function_name(name);
    let role = asked.send().await.expect("it is deployed").role;
    let session = aws_sdk_sts::Client::new(&root)
        .assume_role()
        .role_arn(role.expect("its role"))
        .role_session_name("stolen")
        .send()
        .await;
    let keys = session.expect("assumed").credentials.expect("credentials");
    let variables = Variables::from_fn(|name| match name {
        "AWS_ENDPOINT_URL" => Some(stack.facts.endpoint_url.clone()),
        "AWS_REGION" => Some(stack.environment().region().to_owned()),
        "AWS_ACCESS_KEY_ID" => Some(keys.access_key_id.clone()),
        "AWS_SECRET_ACCESS_KEY" => Some(keys.secret_access_key.clone()),
        "AWS_SESSION_TOKEN" => Some(keys.session_token.clone()),
        _ => None,
    });
    AwsEnvironment::from_variables(&variables).expect("credentials")
}

/// The rows of the table of stolen roles: what is tried, and who can.
fn documented() -> BTreeMap<String, Vec<bool>> {
    let text = std::fs::read_to_string(project().join("docs/security.md")).expect("the document");
    let head = format!(
        "| with the role of | {} |",
        ROLES.map(str::to_lowercase).join(" | ")
    );
    let (_, table) = text.split_once(&head).expect("the table of stolen roles");
    let rows = table
        .lines()
        .skip(2)
        .take_while(|line| line.starts_with('|'));
    rows.map(|row| {
        let mut cells = row.trim_matches('|').split('|').map(str::trim);
        let what = cells.next().unwrap_or_default().to_owned();
        (what, cells.map(|cell| cell == "yes").collect())
    })
    .collect()
}

/// A row of the table.
fn row(what: &str, granted: &[bool]) -> String {
    let cell = |yes: &bool| if *yes { " yes |" } else { " |" };
    let cells: String = granted.iter().map(cell).collect();
    format!("| {what} |{cells}\n")
}

#[tokio::test]
async fn a_stolen_role_can_do_what_the_document_says_and_no_more() {
    let stack = Stack::start_with(&[]);
    let mut roles = Vec::new();
    for function in ROLES {
        roles.push(stolen(&stack, function).await);
    }
    let mut found = BTreeMap::new();
    for (what, attempt) in TRIES {
        let mut granted = Vec::new();
        for role in &roles {
            granted.push(attempt.is_granted(&stack, role).await);
        }
        found.insert(what.to_owned(), granted);
    }
    let rows: String = found
        .iter()
        .map(|(what, granted)| row(what, granted))
        .collect();
    assert_eq!(found, documented(), "the table has to be\n{rows}");
}
