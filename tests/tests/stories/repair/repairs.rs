//! Tests of repairs that go wrong: a busy target, a host that cannot be fixed, a message that comes
//! twice.

use std::net::TcpListener;

use domain::incident::operation_log::Event;
use domain::incident::repair::RepairOutcome;
use domain::incident::{Incident, Status};
use domain::policy::attempt_ledger::CLOCKS_APART;
use domain::primitives::id::IncidentId;
use futures_util::future::join_all;
use jiff::{SignedDuration, Timestamp};
use repair::Failure;
use store::{Held, Holder};
use tests::alert::{TestAlert, unique};
use tests::repairing::{deliver, delivery};
use tests::stack::Stack;
use wire::message::Message;

fn an_id() -> IncidentId {
    IncidentId::try_from(ulid::Ulid::generate().to_string()).expect("a ULID")
}

/// An incident of the demo's service whose plan waits for a decision.
async fn waiting(stack: &Stack) -> Incident {
    stack
        .awaiting_approval(&TestAlert::firing(&stack.facts.target.service))
        .await
}

/// A worker of an incident's repair.
fn worker<'a>(incident: &'a IncidentId, worker: &'a str) -> Holder<'a> {
    Holder { incident, worker }
}

#[tokio::test]
async fn one_of_many_takes_the_lock_of_a_target() {
    let stack = Stack::start();
    let target = unique("target");
    let now = Timestamp::now();
    let minute = now + SignedDuration::from_mins(1);
    let ids: Vec<IncidentId> = (0..50).map(|_| an_id()).collect();
    let taken = join_all(
        ids.iter()
            .map(|id| stack.control.lock(&target, worker(id, "w"), now, minute)),
    )
    .await;
    let taken: Vec<Held> = taken
        .into_iter()
        .map(|held| held.expect("the store answers"))
        .collect();
    let holders: Vec<&IncidentId> = ids
        .iter()
        .zip(&taken)
        .filter(|(_, held)| **held == Held::Mine)
        .map(|(id, _)| id)
        .collect();
    let [holder] = holders.as_slice() else {
        panic!("{} hold it", holders.len())
    };
    for held in taken.iter().filter(|held| **held != Held::Mine) {
        assert!(
            matches!(held, Held::By { incident_id, .. } if incident_id == holder.as_str()),
            "{held:?}"
        );
    }
    let (stranger, me) = (an_id(), worker(holder, "w"));
    stack
        .control
        .unlock(&target, worker(&stranger, "w"))
        .await
        .expect("nothing happens");
    stack
        .control
        .unlock(&target, worker(holder, "another worker"))
        .await
        .expect("nothing happens");
    let lock = async |holder, now, until| {
        stack
            .control
            .lock(&target, holder, now, until)
            .await
            .expect("the store answers")
    };
    let held = |held: Held| matches!(held, Held::By { .. });
    assert!(
        held(lock(worker(&stranger, "w"), now, minute).await),
        "it is not the stranger's to give back"
    );
    assert!(
        held(lock(worker(holder, "another worker"), now, minute).await),
        "the same message twice is two workers"
    );
    assert_eq!(
        lock(me, now, minute).await,
        Held::Mine,
        "the holder may take it again"
    );

    // Left for the next worker of the same repair, it is free for that one alone.
    stack
        .control
        .leave_lock(&target, worker(holder, "another worker"), minute)
        .await
        .expect("nothing happens");
    assert!(
        held(lock(worker(holder, "another worker"), now, minute).await),
        "it was not this one's to leave"
    );
    stack
        .control
        .leave_lock(&target, me, minute)
        .await
        .expect("left");
    assert!(
        held(lock(worker(&stranger, "w"), now, minute).await),
        "another repair waits"
    );
    let me = worker(holder, "the next worker");
    assert_eq!(lock(me, now, minute).await, Held::Mine);

    // Workers whose clocks are minutes ahead or behind: by none of them it is free while its holder may still work.
    for off in [-5, 5, 10].map(SignedDuration::from_mins) {
        assert!(
            held(lock(worker(&stranger, "w"), now + off, minute + off).await),
            "by a clock that is {off} off"
        );
    }
    let later = now + SignedDuration::from_secs(61) + CLOCKS_APART;
    let much_later = later + SignedDuration::from_mins(8);
    assert_eq!(
        lock(worker(&stranger, "w"), later, much_later).await,
        Held::Mine,
        "an expired lock is free"
    );
    stack
        .control
        .unlock(&target, me)
        .await
        .expect("nothing happens");
    assert!(
        held(lock(me, later, much_later).await),
        "it is somebody else's by now"
    );
    stack
        .control
        .unlock(&target, worker(&stranger, "w"))
        .await
        .expect("given back");
    assert_eq!(lock(me, later, much_later).await, Held::Mine);
}

#[tokio::test]
async fn a_repair_waits_while_another_holds_its_target() {
    let stack = Stack::start();
    let incident = waiting(&stack).await;
    let other = an_id();
    // Somebody else's repair, of another service, is at work on the host when this one is approved.
    let target = stack.lock_of(&stack.facts.target.auto_service);
    let now = Timestamp::now();
    let held = stack
        .control
        .lock(
            &target,
            worker(&other, "w"),
            now,
            now + SignedDuration::from_mins(5),
        )
        .await;
    assert!(matches!(held, Ok(Held::Mine)), "{held:?}");
    let app = stack.repair();
    let plan_hash = incident.approval.as_ref().expect("asked").plan_hash.clone();
    let message = Message::RepairApproved {
        incident_id: incident.id.clone(),
        plan_hash,
    };
    let failure = app
        .handle(&message, &delivery(), &Timestamp::now)
        .await
        .expect_err("the target is held");
    assert!(
        matches!(&failure, Failure::Held { by, .. } if by == other.as_str()),
        "{failure}"
    );
    assert!(
        stack
            .store
            .log(&incident.id)
            .await
            .expect("the log")
            .iter()
            .all(|entry| entry.event != Event::StepStarted)
    );

    // Given back, the same message finds nothing that was approved: nothing runs without a decision.
    stack
        .control
        .unlock(&target, worker(&other, "w"))
        .await
        .expect("given back");
    app.handle(&message, &delivery(), &Timestamp::now)
        .await
        .expect("handled");
    stack
        .incident(incident.id.as_str(), |incident| {
            incident.status == Status::AwaitingApproval && incident.repair.is_none()
        })
        .await;

    // Approved, it runs; the message coming again runs nothing again.
    stack.approve(&incident).await;
    stack.status(incident.id.as_str(), Status::Repaired).await;
    deliver(&app, &message, &delivery()).await;
    let log = stack
        .log_with(incident.id.as_str(), Event::VerificationFinished)
        .await;
    assert_eq!(
        log.iter()
            .filter(|entry| entry.event == Event::ExecutionCompleted)
            .count(),
        1
    );

    // Another incident with the very same plan is repaired too: the queue must not take its message for a repetition.
    let next = waiting(&stack).await;
    stack.approve(&next).await;
    stack.status(next.id.as_str(), Status::Repaired).await;
}

#[tokio::test]
async fn a_repair_that_fails_says_so() {
    let stack = Stack::start();
    let port = stack
        .facts
        .target
        .health_url
        .trim_end_matches('/')
        .rsplit(':')
        .next()
        .and_then(|port| port.parse::<u16>().ok());
    stack.supervisorctl(&["stop", "web"]);
    // The service cannot start: something else sits on its port, and does not answer.
    let squatter =
        TcpListener::bind(("127.0.0.1", port.expect("a port"))).expect("the port of the service");
    let incident = waiting(&stack).await;
    stack.approve(&incident).await;
    let id = incident.id.as_str();
    let failed = stack.status(id, Status::RepairFailed).await;
    assert_eq!(
        failed.repair.and_then(|repair| repair.outcome),
        Some(RepairOutcome::StepFailed)
    );
    stack
        .card(id, "The repair failed: a human has to look")
        .await;
    let log = stack.log_with(id, Event::ExecutionCompleted).await;
    let step = log
        .iter()
        .find(|entry| entry.event == Event::StepFinished)
        .expect("a step");
    assert!(
        !step.success && step.context["result"]["exit_status"] != 0,
        "{step:?}"
    );
    assert!(
        step.context["result"]["stdout"]
            .as_str()
            .is_some_and(|out| out.contains("web")),
        "its output is kept: {step:?}"
    );
    assert!(
        log.iter()
            .any(|entry| entry.event == Event::ExecutionCompleted && !entry.success)
    );
    drop(squatter);
    stack.supervisorctl(&["start", "web"]);
}
