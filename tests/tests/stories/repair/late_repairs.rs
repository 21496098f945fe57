//! Tests of repairs whose message is late or cannot be handled yet: no plan starts whose decision
//! is too old, and an early failure is retried within seconds.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use domain::incident::approval::ApprovalState;
use domain::incident::guardrail::Guardrail;
use domain::incident::operation_log::Event;
use domain::incident::{Incident, Status};
use domain::primitives::id::IncidentId;
use jiff::{SignedDuration, Timestamp};
use loopback::Answer;
use repair::config::Config;
use repair::delivery::RepairDelivery;
use repair::{App, Failure};
use serde_json::{Value, json};
use settings::variables::Variables;
use store::{Holder, fresh_incident_id};
use tests::alert::unique;
use tests::faulty_aws::{faulty, refusal};
use tests::repair_fixture::{InjectedFault, RepairFixture};
use tests::repairing::delivery;
use tests::stack::Stack;
use tests::target_host::TargetHost;
use wire::message::Message;

/// A host with one service, whose playbook leaves a line in `did`.
async fn repair_fixture() -> Option<(RepairFixture, TargetHost, String)> {
    let host = TargetHost::sshd("restrict")?;
    let service = unique("web");
    let did = host.path("did").display().to_string();
    let playbooks = json!([{
        "id": "mend", "name": "Mend", "match": { "alertnames": ["TargetDown"] }, "risk": "low",
        "steps": [{ "run": ["sh", "-c", "echo mended >> $0", did] }],
        "verify": [{ "run": ["test", "-e", did] }],
    }]);
    let services = json!([{ "name": service, "level": "approval", "target": host.target() }]);
    Some((
        RepairFixture::open(&playbooks, &services, host.login_key(), || {
            InjectedFault::Answered
        })
        .await,
        host,
        service,
    ))
}

/// An incident whose plan was approved so long ago.
async fn approved_ago(
    shop: &RepairFixture,
    service: &str,
    ago: SignedDuration,
) -> (Incident, Message) {
    let at = Timestamp::now() - ago;
    shop.approved_at(service, "mend", at).await
}

/// People are asked again, about a plan of another round, and the log says why.
async fn assert_asked_again(shop: &RepairFixture, before: &Incident) -> Incident {
    let asked = shop.stack.read(&before.id).await;
    assert_eq!(
        (asked.status, asked.repair.as_ref()),
        (Status::AwaitingApproval, None)
    );
    let approval = asked.approval.as_ref().expect("asked");
    assert_eq!(approval.state, ApprovalState::Pending);
    assert_ne!(approval.id, before.approval.as_ref().expect("decided").id);
    let blocked = asked
        .guardrails
        .iter()
        .find(|outcome| !outcome.passed)
        .expect("it says why");
    assert_eq!(blocked.guardrail, Guardrail::StartsInTime, "{blocked:?}");
    let log = shop.stack.store.log(&before.id).await.expect("a log");
    for event in [
        Event::GuardrailBlocked,
        Event::ApprovalVoided,
        Event::ApprovalRequested,
    ] {
        assert!(
            log.iter()
                .any(|entry| entry.event == event && entry.actor == "repair"),
            "{event:?}: {log:#?}"
        );
    }
    assert!(
        !log.iter().any(|entry| entry.event == Event::StepStarted),
        "{log:#?}"
    );
    asked
}

#[tokio::test]
async fn a_delayed_message_starts_nothing_until_decided_again() {
    let Some((shop, host, service)) = repair_fixture().await else {
        return;
    };
    let (incident, late) = approved_ago(&shop, &service, SignedDuration::from_mins(20)).await;
    shop.run(&late).await;
    let asked = assert_asked_again(&shop, &incident).await;
    assert!(!host.path("did").exists(), "nothing ran");

    // Decided anew, the new message runs it; the old one, moved back from the dead-letter queue, starts nothing.
    let message = shop.stack.approve_quietly(&asked).await;
    shop.run(&late).await;
    assert!(!host.path("did").exists(), "nothing ran");
    shop.run(&message).await;
    let mended = shop.stack.read(&incident.id).await;
    assert_eq!(
        (mended.status, host.path("did").exists()),
        (Status::Repaired, true)
    );
}

#[tokio::test]
async fn a_plan_whose_target_is_held_for_too_long_asks_people_again() {
    let Some((shop, host, service)) = repair_fixture().await else {
        return;
    };
    let (incident, message) = approved_ago(&shop, &service, SignedDuration::from_mins(14)).await;
    let now = Timestamp::now();
    let other: IncidentId = fresh_incident_id(now);
    let holder = Holder {
        incident: &other,
        worker: "w",
    };
    shop.stack
        .control
        .lock(
            &shop.lock_of(&service),
            holder,
            now,
            now + SignedDuration::from_mins(30),
        )
        .await
        .expect("held");
    let waits = shop
        .app
        .handle(&message, &delivery(), &Timestamp::now)
        .await
        .expect_err("it is in time, and waits");
    assert!(matches!(waits, Failure::Held { .. }), "{waits}");
    let later = || Timestamp::now() + SignedDuration::from_mins(2);
    shop.app
        .handle(&message, &delivery(), &later)
        .await
        .expect("it is too late, and nothing waits any more");
    assert_asked_again(&shop, &incident).await;
    assert!(!host.path("did").exists());
}

#[tokio::test]
async fn a_store_failure_before_the_first_step_retries_in_seconds() {
    let stack = Stack::start();
    let times: Arc<Mutex<Vec<i64>>> = Arc::default();
    let noted = Arc::clone(&times);
    let aws = faulty(&stack, move |request| {
        let target = request.header("x-amz-target");
        if target.starts_with("DynamoDB") {
            return Some(refusal("InternalServerError", &[]));
        }
        if target.ends_with("ChangeMessageVisibility") {
            let body: Value = serde_json::from_slice(&request.body).expect("JSON");
            noted
                .lock()
                .expect("not poisoned")
                .push(body["VisibilityTimeout"].as_i64().expect("seconds"));
            return Some(Answer {
                status: 200,
                headers: vec![],
                body: b"{}".to_vec(),
            });
        }
        None
    })
    .await;
    let variables = Variables::from_fn(|name| match name {
        "BRIDGE_FUNCTION_NAME" => Some("bridge".to_owned()),
        other => stack.variable(other),
    });
    let app = App::new(
        Config::from_variables(&variables).expect("the variables"),
        &aws.sdk_config(Duration::from_secs(5)),
    )
    .expect("files");
    let message = Message::RepairApproved {
        incident_id: fresh_incident_id(Timestamp::now()),
        plan_hash: "0".repeat(64).into(),
    };
    for came in [1, 2, 3, 9] {
        let delivery = RepairDelivery {
            receipt: "receipt".to_owned(),
            receive_count: came,
            ..delivery()
        };
        let failure = app
            .handle(&message, &delivery, &Timestamp::now)
            .await
            .expect_err("the table does not answer");
        assert!(matches!(failure, Failure::Store(_)), "{failure}");
    }
    assert_eq!(*times.lock().expect("not poisoned"), [15, 30, 60, 900]);
}
