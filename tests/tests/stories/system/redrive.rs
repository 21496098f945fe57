//! Tests of `quell redrive` against the deployed stack: dead letters are shown, moved back and deleted, one by one or all, and what is only
//! looked at stays for the next one.

use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::QueueAttributeName;
use domain::alert::classification::AlertTables;
use domain::alert::fingerprint::fingerprint;
use ingress::alerts::signals;
use jiff::Timestamp;
use serde_json::{Value, json};
use tests::alert::{TestAlert, unique};
use tests::quell::quell;
use tests::stack::{Stack, wait_for};
use tokio::process::Command;
use wire::message::{Message, Queued as _, Signal};

/// A message of which nothing can be made.
const UNREADABLE: &str = "{}";

struct Operator<'a> {
    stack: &'a Stack,
    sqs: Client,
}

impl<'a> Operator<'a> {
    fn of(stack: &'a Stack) -> Self {
        let sqs = Client::new(&stack.aws());
        Self { stack, sqs }
    }

    /// Gives a message up; its id.
    async fn give_up(&self, queue: &str, body: &str, group: Option<&str>) -> String {
        let url = &self.stack.facts.outputs[&format!("{queue}DeadLetterQueueUrl")];
        let mut sent = self.sqs.send_message().queue_url(url).message_body(body);
        if let Some(group) = group {
            sent = sent
                .message_group_id(group)
                .message_deduplication_id(unique("given-up"));
        }
        let sent = sent.send().await.expect("sent");
        sent.message_id.expect("an id")
    }

    /// Runs the command without a terminal: its exit status and what it says.
    async fn redrive(&self, arguments: &[&str]) -> (Option<i32>, String) {
        let output = Command::from(quell(Some(self.stack)))
            .arg("redrive")
            .args(arguments)
            .output()
            .await
            .expect("it runs");
        let text = [output.stdout, output.stderr].concat();
        (
            output.status.code(),
            String::from_utf8(text).expect("UTF-8"),
        )
    }

    /// The ids of a queue's dead letters.
    async fn dead_letters(&self, queue: &str) -> Vec<String> {
        let (status, text) = self.redrive(&[queue, "--output", "json"]).await;
        let listed: Vec<Value> = serde_json::from_str(&text).unwrap_or_else(|_| panic!("{text}"));
        assert_eq!(status, Some(i32::from(!listed.is_empty())), "{text}");
        let ids = listed.iter().filter_map(|one| one["id"].as_str());
        ids.map(str::to_owned).collect()
    }
}

impl Operator<'_> {
    /// Waits until no message of a queue waits or is under way.
    async fn is_worked_off(&self, queue: &str) {
        let url = &self.stack.facts.outputs[&format!("{queue}QueueUrl")];
        wait_for("the end of the queue", async || {
            let asked = self.sqs.get_queue_attributes().queue_url(url);
            let told = asked.attribute_names(QueueAttributeName::All).send().await;
            let attributes = told.expect("an answer").attributes.expect("some");
            let none = |name| attributes.get(&name).is_some_and(|count| count == "0");
            let empty = none(QueueAttributeName::ApproximateNumberOfMessages)
                && none(QueueAttributeName::ApproximateNumberOfMessagesNotVisible);
            empty.then_some(())
        })
        .await;
    }
}

fn signal(target: &str) -> Signal {
    let body = json!({
        "source": "k8s-events", "alert_name": "HighCPUUsage", "target": target, "message": "the CPU is busy",
    });
    signals::read(
        body.to_string().as_bytes(),
        &AlertTables::default(),
        Timestamp::now(),
    )
    .expect("a signal")
}

#[tokio::test]
async fn an_alert_that_was_given_up_is_counted_once_moved_back() {
    let stack = Stack::start();
    let operator = Operator::of(&stack);
    let signal = signal(&unique("given-up"));
    let moved = operator.give_up("Signals", &signal.to_json(), None).await;
    let strange = operator.give_up("Signals", UNREADABLE, None).await;

    let (status, text) = operator.redrive(&["signals"]).await;
    assert_eq!(status, Some(1), "{text}");
    for says in [
        &moved,
        "HighCPUUsage on",
        "the CPU is busy",
        &strange,
        "cannot be read",
    ] {
        assert!(text.contains(says), "{says}: {text}");
    }
    // A look takes nothing away, and without a terminal there is nobody to ask.
    assert_eq!(operator.dead_letters("signals").await.len(), 2);
    let (status, text) = operator.redrive(&["signals", "--move"]).await;
    assert_eq!(status, Some(2), "{text}");
    assert!(text.contains("give --yes"), "{text}");

    let only = ["signals", "--yes", "--only"];
    let (status, text) = operator
        .redrive(&[&only[..], &[&moved, "--move"]].concat())
        .await;
    assert_eq!(status, Some(0), "{text}");
    assert!(text.ends_with("1 moved back\n"), "{text}");
    let fingerprint = fingerprint(&signal.alert, &[]);
    let counted = wait_for("the alert", async || {
        let episode = stack.store.episode(&fingerprint).await;
        episode.expect("the store answers")
    });
    assert_eq!(counted.await.hit_count, 1);
    assert_eq!(
        operator.dead_letters("signals").await,
        std::slice::from_ref(&strange)
    );

    let (status, text) = operator
        .redrive(&[&only[..], &[&strange[..8], "--delete"]].concat())
        .await;
    assert_eq!(status, Some(0), "{text}");
    assert!(text.ends_with("1 deleted\n"), "{text}");
    assert_eq!(operator.dead_letters("signals").await, Vec::<String>::new());
}

#[tokio::test]
async fn a_repair_that_was_given_up_runs_no_more_than_was_decided() {
    let stack = Stack::start();
    let operator = Operator::of(&stack);
    let alert = TestAlert::firing(&stack.facts.target.service);
    let incident = stack.awaiting_approval(&alert).await;
    let plan_hash = incident.plan.as_ref().expect("a plan").hash();
    let message = Message::RepairApproved {
        incident_id: incident.id.clone(),
        plan_hash,
    };
    let target = Some(stack.facts.target.service.as_str());
    let id = operator
        .give_up("Repairs", &message.to_json(), target)
        .await;

    let (status, text) = operator.redrive(&["repairs", "--move", "--yes"]).await;
    assert_eq!(status, Some(2), "{text}");
    assert!(text.contains("name each that is to run"), "{text}");
    let (status, text) = operator
        .redrive(&["repairs", "--move", "--yes", "--only", &id])
        .await;
    assert_eq!(status, Some(0), "{text}");
    assert!(text.ends_with("1 moved back\n"), "{text}");
    assert_eq!(operator.dead_letters("repairs").await, Vec::<String>::new());
    // Nobody has approved it: the message is worked off, and the plan still waits.
    operator.is_worked_off("Repairs").await;
    let since = stack.read(&incident.id).await;
    assert_eq!(since.status, incident.status);
    assert!(since.repair.is_none(), "{since:?}");
}
