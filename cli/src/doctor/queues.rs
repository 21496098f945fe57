//! Queues, their dead letters, and the event sources that feed the functions.

use std::collections::BTreeMap;

use aws_sdk_sqs::types::QueueAttributeName;
use serde_json::Value;

use crate::doctor::finding::{Finding, counted, or_ok};
use crate::doctor::functions::Function;
use crate::doctor::stack::Deployed;

const SOURCES: &str = "event-sources";
const DEAD_LETTERS: &str = "dead-letters";
const BACKLOG: &str = "backlog";
/// The queues by their names in the outputs, and the function that takes from each.
const QUEUES: [(&str, &str); 4] = [
    ("Incidents", "Analyzer"),
    ("Notifications", "Notifier"),
    ("Repairs", "Repair"),
    ("Signals", "Signals"),
];
/// The functions that read the table's stream, and what is so without each.
const OF_THE_STREAM: [(&str, &str); 2] = [
    ("Witness", "the operation log is not anchored"),
    ("Board", "each look at the console's board reads the index"),
];
/// How many messages may wait before it is worth a word.
const MANY: u64 = 1_000;

/// A queue with its dead-letter queue.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct QueueFacts {
    pub(crate) name: &'static str,
    pub(crate) arn: String,
    pub(crate) waiting: u64,
    /// Where messages go that fail too often.
    pub(crate) redrives_to: Option<String>,
    pub(crate) dead_letter_arn: String,
    pub(crate) dead_letter_url: String,
    pub(crate) dead_letters: u64,
}

/// What feeds a function.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Source {
    /// The function's name in the template, without `Function`.
    pub(crate) role: &'static str,
    pub(crate) uuid: String,
    pub(crate) arn: String,
    pub(crate) state: String,
    pub(crate) last_result: String,
    pub(crate) reports_items: bool,
}

/// The queues of a stack, and what could not be found out about them.
pub(crate) async fn read(
    sqs: &aws_sdk_sqs::Client,
    stack: &Deployed,
) -> (Vec<QueueFacts>, Vec<Finding>) {
    let (mut queues, mut findings) = (Vec::new(), Vec::new());
    for (name, _) in QUEUES {
        let url = stack.output(&format!("{name}QueueUrl"));
        let dead = stack.output(&format!("{name}DeadLetterQueueUrl"));
        match (attributes(sqs, url).await, attributes(sqs, dead).await) {
            (Ok(queue), Ok(dead_letters)) => queues.push(facts(name, &queue, dead, &dead_letters)),
            (Err(error), _) | (_, Err(error)) => findings.push(Finding::fault(
                DEAD_LETTERS,
                format!("the queue {name} or its dead-letter queue cannot be looked at: {error}"),
                "see whether both exist, and whether your role has sqs:GetQueueAttributes",
            )),
        }
    }
    (queues, findings)
}

fn facts(
    name: &'static str,
    queue: &BTreeMap<String, String>,
    dead_letter_url: &str,
    dead_letters: &BTreeMap<String, String>,
) -> QueueFacts {
    let text = |of: &BTreeMap<String, String>, name| of.get(name).cloned().unwrap_or_default();
    let count = |of, name| text(of, name).parse().unwrap_or_default();
    let policy: Value = serde_json::from_str(&text(queue, "RedrivePolicy")).unwrap_or(Value::Null);
    QueueFacts {
        name,
        arn: text(queue, "QueueArn"),
        waiting: count(queue, "ApproximateNumberOfMessages"),
        redrives_to: policy["deadLetterTargetArn"].as_str().map(str::to_owned),
        dead_letter_arn: text(dead_letters, "QueueArn"),
        dead_letter_url: dead_letter_url.to_owned(),
        dead_letters: count(dead_letters, "ApproximateNumberOfMessages"),
    }
}

async fn attributes(
    sqs: &aws_sdk_sqs::Client,
    url: &str,
) -> Result<BTreeMap<String, String>, String> {
    if url.is_empty() {
        return Err("the stack's outputs do not name it".to_owned());
    }
    let asked = sqs.get_queue_attributes().queue_url(url);
    let told = asked
        .attribute_names(QueueAttributeName::All)
        .send()
        .await
        .map_err(|error| aws_sdk_sqs::error::DisplayErrorContext(&error).to_string())?;
    let attributes = told.attributes.unwrap_or_default().into_iter();
    Ok(attributes
        .map(|(name, value)| (name.as_str().to_owned(), value))
        .collect())
}

/// The event sources of the functions that have one.
pub(crate) async fn sources(
    lambda: &aws_sdk_lambda::Client,
    functions: &[Function],
) -> Result<Vec<Source>, Finding> {
    let mut sources = Vec::new();
    for function in functions {
        let asked = lambda
            .list_event_source_mappings()
            .function_name(&function.name);
        let told = asked.send().await.map_err(|error| {
            let error = aws_sdk_lambda::error::DisplayErrorContext(&error).to_string();
            Finding::unanswered(SOURCES, "lambda:ListEventSourceMappings", &error)
        })?;
        for source in told.event_source_mappings() {
            let word = |text: Option<&str>| text.unwrap_or_default().to_owned();
            let types = source.function_response_types();
            sources.push(Source {
                role: function.role,
                uuid: word(source.uuid()),
                arn: word(source.event_source_arn()),
                state: word(source.state()),
                last_result: word(source.last_processing_result()),
                reports_items: types
                    .iter()
                    .any(|one| one.as_str() == "ReportBatchItemFailures"),
            });
        }
    }
    Ok(sources)
}

/// Whether every queue, and the table's stream, reaches its function.
pub(crate) fn judge_sources(queues: &[QueueFacts], sources: &[Source]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for queue in queues {
        let Some((_, role)) = QUEUES.iter().find(|(name, _)| *name == queue.name) else {
            continue;
        };
        let of_queue = |source: &&Source| source.role == *role && source.arn == queue.arn;
        match sources.iter().find(of_queue) {
            None => findings.push(Finding::fault(
                SOURCES,
                format!(
                    "{role}Function takes nothing from the queue {}: it has no event source",
                    queue.name
                ),
                "it was deleted by hand: deploy the stack again",
            )),
            Some(source) => {
                findings.extend(judge_source(source, &format!("the queue {}", queue.name)))
            }
        }
    }
    for (role, without) in OF_THE_STREAM {
        let reads = |source: &&Source| source.role == role && source.arn.contains("/stream/");
        match sources.iter().find(reads) {
            None => findings.push(Finding::fault(
                SOURCES,
                format!("{role}Function reads no stream: {without}"),
                "its event source was deleted by hand, or the table has no stream: deploy the stack again",
            )),
            Some(source) => findings.extend(judge_source(source, "the table's stream")),
        }
    }
    or_ok(
        findings,
        SOURCES,
        format!(
            "{} queues and the table's stream reach their functions",
            queues.len()
        ),
    )
}

/// States: <https://docs.aws.amazon.com/lambda/latest/api/API_EventSourceMappingConfiguration.html>.
fn judge_source(source: &Source, from: &str) -> Vec<Finding> {
    let Source {
        role,
        uuid,
        state,
        last_result,
        reports_items,
        ..
    } = source;
    let mut findings = Vec::new();
    if !["Enabled", "Enabling", "Updating", "Creating"].contains(&state.as_str()) {
        findings.push(Finding::fault(
            SOURCES,
            format!("{role}Function takes nothing from {from}: its event source is {state}"),
            format!("aws lambda update-event-source-mapping --uuid {uuid} --enabled"),
        ));
    }
    if last_result.contains("PROBLEM") {
        findings.push(Finding::fault(
            SOURCES,
            format!("{role}Function cannot read {from}: {last_result}"),
            "most often its role may not: deploy the stack again, so that the role is the template's",
        ));
    }
    // A batch of the stream is taken whole, or comes again whole.
    if !reports_items && OF_THE_STREAM.iter().all(|(of_stream, _)| of_stream != role) {
        findings.push(Finding::fault(
            SOURCES,
            format!("a message that {role}Function cannot handle comes back with its whole batch"),
            format!("aws lambda update-event-source-mapping --uuid {uuid} --function-response-types ReportBatchItemFailures"),
        ));
    }
    findings
}

/// Whether messages were given up, or would be lost if they were.
pub(crate) fn judge_dead_letters(queues: &[QueueFacts]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for queue in queues {
        let name = queue.name;
        if queue.dead_letters > 0 {
            findings.push(Finding::fault(
                DEAD_LETTERS,
                format!(
                    "{} of the queue {name} failed too often: see its dead-letter queue",
                    counted(queue.dead_letters, "message")
                ),
                format!(
                    "find out why in the function's log, then look at them and move them back: quell redrive {}",
                    name.to_lowercase()
                ),
            ));
        }
        if queue.redrives_to.as_ref() != Some(&queue.dead_letter_arn) {
            findings.push(Finding::fault(
                DEAD_LETTERS,
                format!("a message of the queue {name} that fails comes again for two weeks and is lost then: it has no dead-letter queue"),
                "deploy the stack again, so that its RedrivePolicy is the template's",
            ));
        }
    }
    or_ok(findings, DEAD_LETTERS, "no message was given up")
}

/// Whether messages wait.
pub(crate) fn judge_backlog(queues: &[QueueFacts]) -> Vec<Finding> {
    let long = queues.iter().filter(|queue| queue.waiting > MANY);
    let findings = long.map(|queue| {
        Finding::warning(
            BACKLOG,
            format!("{} messages wait in the queue {}", queue.waiting, queue.name),
            "see in the function's log whether it fails, or whether a channel or a host holds it up",
        )
    });
    or_ok(findings.collect(), BACKLOG, "no queue is long")
}
