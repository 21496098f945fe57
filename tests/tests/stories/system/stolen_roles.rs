//! Test of what somebody can do who has stolen the role of one function: exactly what the table in
//! docs/security.md says.

use std::collections::{BTreeMap, HashMap};

use aws::AwsEnvironment;
use aws::signed::{CallError, SSM, Service, SignedClient};
use aws_sdk_dynamodb::types::{AttributeValue, DeleteRequest, WriteRequest};
use aws_sdk_lambda::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_lambda::primitives::Blob;
use serde_json::{Value, json};
use tests::alert::unique;
use tests::bridging::DOCUMENT;
use tests::own_function::LOGS;
use tests::roles::ATTEMPT;
use tests::stack::{Stack, project};

const ROLES: [&str; 10] = [
    "Ingress", "Signals", "Analyzer", "Notifier", "Repair", "Bridge", "Witness", "Console",
    "Board", "Signin",
];
/// With these there is a function for signing in at an identity provider, which no test of this file asks.
const WITH_PROVIDER: [&str; 4] = [
    "--param",
    "OidcIssuer=https://id.example",
    "--param",
    "OidcClientId=quell",
];

/// What somebody tries. The texts are those of the table.
#[derive(Debug, Clone, Copy)]
enum Try {
    /// Reads the secret with this output.
    Reads(&'static str),
    /// Reads the secret of this name.
    ReadsNamed(&'static str),
    /// Gives the secret with this output another value.
    Replaces(&'static str),
    /// Writes an item with this partition key to the control table.
    Controls(&'static str),
    /// Reads such an item.
    Looks(&'static str),
    /// Writes to the table with this output.
    Writes(&'static str),
    /// Writes an item with this partition key to the table of incidents.
    WritesTo(&'static str),
    /// Deletes from the table with this output.
    Deletes(&'static str),
    /// The same by a batch.
    DeletesBatch(&'static str),
    /// Writes an item that DynamoDB deletes by its time.
    Expires(&'static str, &'static str),
    /// Gives an item such a time.
    ChangesToExpire(&'static str),
    SendsToRepairs,
    InvokesBridge,
    RunsShellScript,
    RunsOurDocument,
    /// Deletes a stream of the witness's log group.
    DeletesAnchors,
}

const TRIES: [(&str, Try); 33] = [
    (
        "write an incident, and an approval into it",
        Try::Writes("TableName"),
    ),
    ("write another board", Try::WritesTo("BOARD")),
    (
        "delete from the table of incidents and logs",
        Try::Deletes("TableName"),
    ),
    ("delete from it by a batch", Try::DeletesBatch("TableName")),
    (
        "have an item of it deleted by its time",
        Try::ChangesToExpire("TableName"),
    ),
    ("switch repairs off", Try::Controls("SWITCH#REPAIRS")),
    (
        "switch repairs on, by the time of the switch's item",
        Try::Expires("ControlTableName", "SWITCH#REPAIRS"),
    ),
    (
        "forget that a step ran, by the time of its item",
        Try::Expires("ControlTableName", "STEP#stolen"),
    ),
    ("claim a step", Try::Controls("STEP#stolen")),
    ("lock a host", Try::Controls("LOCK#stolen")),
    ("write another tree of the log", Try::Controls("WITNESS")),
    ("make a token for a person", Try::Controls("TOKENS")),
    (
        "begin a session in a person's name",
        Try::Controls("SESSIONS"),
    ),
    ("look at people's tokens", Try::Looks("TOKENS")),
    (
        "delete from the control table",
        Try::Deletes("ControlTableName"),
    ),
    (
        "delete from it by a batch too",
        Try::DeletesBatch("ControlTableName"),
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
        Try::ReadsNamed("quell/inbound/slack-signing-secret"),
    ),
    (
        "acknowledge and close in PagerDuty in anybody's name",
        Try::ReadsNamed("quell/inbound/pagerduty-webhook-secret"),
    ),
    (
        "be Quell to the identity provider",
        Try::ReadsNamed("quell/inbound/oidc-client-secret"),
    ),
    ("send signed alerts", Try::Reads("WebhookSecretArn")),
    ("log in to hosts", Try::Reads("SshPrivateKeyArn")),
    ("run a document of AWS on hosts", Try::RunsShellScript),
    ("run our document without a session", Try::RunsOurDocument),
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
        let item = |table: &str, partition: &str| {
            let key = [("pk", text(partition)), ("sk", text("ROLE"))];
            (
                output(table),
                key.map(|(name, value)| (name.to_owned(), value)).into(),
            )
        };
        let put = async |(table, item): (String, HashMap<String, AttributeValue>)| {
            let asked = dynamodb.put_item().table_name(table).set_item(Some(item));
            granted(asked.send().await)
        };
        match self {
            Self::Reads(secret) => granted(
                secrets
                    .get_secret_value()
                    .secret_id(output(secret))
                    .send()
                    .await,
            ),
            Self::ReadsNamed(id) => granted(secrets.get_secret_value().secret_id(id).send().await),
            Self::Replaces(secret) => granted(
                secrets
                    .put_secret_value()
                    .secret_id(output(secret))
                    .secret_string("stolen")
                    .send()
                    .await,
            ),
            Self::Writes(table) => put(item(table, &unique("STOLEN"))).await,
            Self::WritesTo(partition) => put(item("TableName", partition)).await,
            Self::Controls(partition) => put(item("ControlTableName", partition)).await,
            Self::Looks(partition) => granted(
                dynamodb
                    .get_item()
                    .table_name(output("ControlTableName"))
                    .key("pk", text(partition))
                    .key("sk", text("ROLE"))
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
            Self::DeletesBatch(table) => {
                let (table, key) = item(table, "STOLEN");
                let delete = DeleteRequest::builder().set_key(Some(key)).build();
                let delete = WriteRequest::builder()
                    .delete_request(delete.expect("a key"))
                    .build();
                granted(
                    dynamodb
                        .batch_write_item()
                        .request_items(table, vec![delete])
                        .send()
                        .await,
                )
            }
            Self::Expires(table, partition) => {
                let (table, mut item) = item(table, partition);
                item.insert("expires_at".to_owned(), AttributeValue::N("1".to_owned()));
                put((table, item)).await
            }
            Self::ChangesToExpire(table) => {
                let (table, key) = item(table, &unique("STOLEN"));
                granted(
                    dynamodb
                        .update_item()
                        .table_name(table)
                        .set_key(Some(key))
                        .update_expression("SET expires_at = :past")
                        .expression_attribute_values(":past", AttributeValue::N("1".to_owned()))
                        .send()
                        .await,
                )
            }
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
            Self::RunsShellScript | Self::RunsOurDocument => {
                let document = match self {
                    Self::RunsOurDocument => DOCUMENT,
                    _ => "AWS-RunShellScript",
                };
                let command = json!({
                    "DocumentName": document, "InstanceIds": ["i-0123456789abcdef0"],
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
    let stack = Stack::start_with(&WITH_PROVIDER);
    let mut roles = Vec::new();
    for function in ROLES {
        roles.push(stack.stolen(function).await);
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
