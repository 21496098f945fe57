//! Tests of repairs that are stopped: by the kill switch, and by a person between two steps or before the first.

use std::time::Duration;

use domain::incident::Status;
use domain::incident::operation_log::{Event, verify};
use domain::incident::repair::RepairOutcome;
use domain::policy::kill_switch::SwitchedOff;
use domain::primitives::id::ApprovalId;
use jiff::{SignedDuration, Timestamp};
use repair::Failure;
use serde_json::{Value, json};
use tests::repairing::delivery;
use tests::stack::Stack;
use tokio::time::sleep;

use super::{did, fixture_of, playbook, repair_fixture, times};

#[tokio::test]
async fn the_kill_switch_stops_a_repair_between_two_steps() {
    let Some((shop, host, service)) = repair_fixture("echo one >> $0/did; sleep 2").await else {
        return;
    };
    let (incident, message) = shop.approved(&service, "mend").await;
    let (running, worker) = (delivery(), std::sync::Arc::clone(&shop.app));
    let repair =
        tokio::spawn(async move { worker.handle(&message, &running, &Timestamp::now).await });
    while did(&host).is_empty() {
        sleep(Duration::from_millis(20)).await;
    }
    let store = &shop.stack.store;
    let off = SwitchedOff::now("ada", Some("a drill"), Timestamp::now());
    let control = &shop.stack.control;
    control
        .switch_repairs(Some(&off))
        .await
        .expect("switched off");
    let ended = repair.await.expect("it does not panic");
    control
        .switch_repairs(None)
        .await
        .expect("switched on again");
    ended.expect("it ends truthfully");
    let stopped = store
        .known_incident(&incident.id)
        .await
        .expect("an incident");
    assert_eq!(
        stopped.repair.and_then(|repair| repair.outcome),
        Some(RepairOutcome::Stopped)
    );
    assert_eq!(
        (stopped.status, did(&host).as_str()),
        (Status::RepairFailed, "one\n"),
        "nothing runs any more, no rollback either"
    );
    let log = store.log(&incident.id).await.expect("a log");
    assert_eq!(
        (
            times(&log, Event::StepStarted),
            times(&log, Event::StepFinished)
        ),
        (2, 2),
        "the step that ran was seen to its end"
    );
    verify(&incident.id, &log, &stopped.log_head).expect("the chain holds");
}

/// What the API answers to Ada, who stops the repair of a plan.
async fn stopped_by_ada(stack: &Stack, approval: &ApprovalId) -> Value {
    stopped_by(stack, approval, "ada").await
}

async fn stopped_by(stack: &Stack, approval: &ApprovalId, person: &str) -> Value {
    let request = stack
        .http
        .post(stack.url(&format!("approvals/{approval}/stop")))
        .bearer_auth(&stack.facts.tokens[person]);
    let answer = request.send().await.expect("an answer");
    answer.json().await.expect("JSON")
}

#[tokio::test]
async fn a_person_stops_a_repair_between_two_steps() {
    let Some((shop, host, service)) = repair_fixture("echo one >> $0/did; sleep 2").await else {
        return;
    };
    let (incident, message) = shop.approved(&service, "mend").await;
    let approval = incident.approval.as_ref().expect("approved").id.clone();
    let (running, worker) = (delivery(), std::sync::Arc::clone(&shop.app));
    let repair =
        tokio::spawn(async move { worker.handle(&message, &running, &Timestamp::now).await });
    while did(&host).is_empty() {
        sleep(Duration::from_millis(20)).await;
    }
    let answer = stopped_by_ada(&shop.stack, &approval).await;
    assert_eq!(answer["stopped"], "behind_the_step", "{answer}");
    repair
        .await
        .expect("it does not panic")
        .expect("it ends truthfully");
    let stopped = shop.stack.read(&incident.id).await;
    assert_eq!(
        (
            stopped.repair.and_then(|repair| repair.outcome),
            stopped.status,
            did(&host).as_str()
        ),
        (Some(RepairOutcome::Stopped), Status::RepairFailed, "one\n"),
        "nothing runs any more, no rollback either"
    );
    let log = shop
        .stack
        .log_with(incident.id.as_str(), Event::ExecutionCompleted)
        .await;
    let ended = log
        .iter()
        .find(|entry| entry.event == Event::ExecutionCompleted);
    assert_eq!(
        ended.and_then(|entry| entry.error.as_deref()),
        Some("ada stopped it")
    );
    assert_eq!(times(&log, Event::RepairStopRequested), 1);
    let again = stopped_by_ada(&shop.stack, &approval).await;
    assert_eq!(again["stopped"], "nothing", "{again}");
}

#[tokio::test]
async fn a_plan_above_low_risk_waits_for_its_countdown() {
    let mut playbooks = playbook("echo one >> $0/did");
    playbooks[0]["risk"] = json!("medium");
    let Some((shop, host, service)) = fixture_of(playbooks).await else {
        return;
    };
    let (incident, message) = shop.approved(&service, "mend").await;
    let early = shop
        .app
        .handle(&message, &delivery(), &Timestamp::now)
        .await;
    assert!(matches!(early, Err(Failure::Countdown { .. })), "{early:?}");
    assert_eq!(did(&host), "");
    let later = || Timestamp::now() + SignedDuration::from_secs(11);
    let ended = shop.app.handle(&message, &delivery(), &later).await;
    ended.expect("it runs");
    let repaired = shop.stack.read(&incident.id).await;
    assert_eq!(repaired.status, Status::Repaired, "{repaired:#?}");
}

#[tokio::test]
async fn a_plan_that_was_stopped_before_its_first_step_never_runs() {
    let Some((shop, host, service)) = repair_fixture("echo one >> $0/did").await else {
        return;
    };
    let (incident, message) = shop.approved(&service, "mend").await;
    let approval = incident.approval.as_ref().expect("approved").id.clone();
    // Eve has a token, and is not on the list: it is in the log.
    let refused = stopped_by(&shop.stack, &approval, "eve").await;
    assert_eq!(
        refused["type"], "urn:quell:problem:not-allowed",
        "{refused}"
    );
    let id = incident.id.as_str();
    let log = shop.stack.log_with(id, Event::PressRefused).await;
    let entry = log.iter().find(|entry| entry.event == Event::PressRefused);
    assert_eq!(entry.map(|entry| entry.actor.as_str()), Some("api:eve"));
    let answer = stopped_by_ada(&shop.stack, &approval).await;
    assert_eq!(answer["stopped"], "before_it_began", "{answer}");
    let handled = shop
        .app
        .handle(&message, &delivery(), &Timestamp::now)
        .await;
    handled.expect("there is nothing to run");
    let stopped = shop.stack.read(&incident.id).await;
    assert_eq!(
        (stopped.status, stopped.repair, did(&host).as_str()),
        (Status::NeedsHuman, None, "")
    );
}
