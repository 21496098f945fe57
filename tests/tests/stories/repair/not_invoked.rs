//! Tests of a bridge that Lambda does not invoke: no step ran, so it is retried for a while, and in
//! the end no playbook's record counts it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use domain::incident::operation_log::{Event, verify};
use domain::incident::repair::{Effect, Repair, RepairOutcome, StepRun};
use domain::incident::{Incident, Status};
use domain::playbook::plan::Phase;
use domain::policy::attempt_ledger::Asked;
use domain::policy::playbook_run::PlaybookRecord;
use domain::primitives::id::{IncidentId, PlanHash};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use store::{Held, Holder, fresh_incident_id};
use tests::alert::unique;
use tests::repair_fixture::{InjectedFault, RepairFixture};
use tests::repairing::{assert_ended, delivery};
use tests::stack::Stack;
use tests::target_host::TargetHost;
use tokio::time::sleep;
use wire::message::Message;

const BUSY: InjectedFault = InjectedFault::Refused(429, "TooManyRequestsException");

/// A repair fixture whose bridge is refused so many times at first, its service, and its playbook, which nobody else has.
async fn repair_fixture(
    host: &TargetHost,
    refused: usize,
) -> (RepairFixture, String, String, Arc<AtomicUsize>) {
    let (service, playbook) = (unique("web"), unique("mend"));
    let playbooks = json!([{
        "id": playbook, "name": "Mend", "match": { "alertnames": ["TargetDown"] }, "risk": "low",
        "parameters": { "dir": { "from": "service.facts.dir", "pattern": "[A-Za-z0-9/._-]+" } },
        "steps": [{ "run": ["sh", "-c", "echo one >> $0/did", "{dir}"], "timeout": "20s" }],
        "verify": [{ "run": ["grep", "-c", "one", "{dir}/did"] }],
    }]);
    let facts = json!({ "dir": host.path("").display().to_string() });
    let services: Value =
        json!([{ "name": service, "level": "approval", "facts": facts, "target": host.target() }]);
    let asked = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&asked);
    let fault = move || {
        if counter.fetch_add(1, Ordering::SeqCst) < refused {
            BUSY
        } else {
            InjectedFault::Answered
        }
    };
    let shop = RepairFixture::open(&playbooks, &services, host.login_key(), fault).await;
    (shop, service, playbook, asked)
}

async fn record(shop: &RepairFixture, target: &str, playbook: &str) -> PlaybookRecord {
    let asked = Asked {
        target: &target.into(),
        group: None,
        playbook: &playbook.into(),
        runs: false,
    };
    let Stack { store, control, .. } = &shop.stack;
    let readings = store.readings(asked, control).await;
    readings.record.expect("it can be read")
}

/// Whether somebody else's repair could begin on the target.
async fn is_free(shop: &RepairFixture, target: &str, stranger: &IncidentId) -> bool {
    let now = Timestamp::now();
    let held = shop
        .stack
        .control
        .lock(
            &shop.lock_of(target),
            Holder {
                incident: stranger,
                worker: "w",
            },
            now,
            now,
        )
        .await
        .expect("the store answers");
    held == Held::Mine
}

#[tokio::test]
async fn a_busy_bridge_is_invoked_again_under_the_lease() {
    let Some(host) = TargetHost::sshd("restrict") else {
        return;
    };
    let (shop, service, playbook, asked) = repair_fixture(&host, 3).await;
    let (incident, message) = shop.approved(&service, &playbook).await;
    let stranger = fresh_incident_id(Timestamp::now());
    let watch = async {
        for _ in 0..1_000 {
            if asked.load(Ordering::SeqCst) == 3 {
                break;
            }
            sleep(Duration::from_millis(20)).await;
        }
        // The third refusal is answered: it waits four seconds now.
        sleep(Duration::from_millis(500)).await;
        is_free(&shop, &service, &stranger).await
    };
    let delivery = delivery();
    let (ran, free) = tokio::join!(shop.app.handle(&message, &delivery, &Timestamp::now), watch);
    ran.expect("it runs to its end");
    assert!(
        !free,
        "the target is nobody else's while the repair waits for the bridge"
    );
    let ended = shop.stack.read(&incident.id).await;
    assert_ended(&ended, Status::Repaired, RepairOutcome::Verified);
    assert_eq!(
        asked.load(Ordering::SeqCst),
        5,
        "the step four times, the check once"
    );
    assert_eq!(
        std::fs::read_to_string(host.path("did")).expect("written"),
        "one\n"
    );
    let log = shop.stack.store.log(&incident.id).await.expect("a log");
    assert!(log.iter().all(|entry| entry.success), "{log:#?}");
    assert_eq!(
        log.iter()
            .filter(|entry| entry.event == Event::StepStarted)
            .count(),
        2,
        "tries that ran nothing are no steps"
    );
    verify(&incident.id, &log, &ended.log_head).expect("the chain holds");
    assert_eq!(record(&shop, &service, &playbook).await.verified, 1);
}

/// A repair whose first step was refused as often as it is in about two minutes, but for the last time.
async fn nearly_given_up(
    shop: &RepairFixture,
    service: &str,
    playbook: &str,
) -> (Incident, Message) {
    let (incident, message) = shop.approved(service, playbook).await;
    let now = Timestamp::now();
    let refused = StepRun {
        tries: 0,
        tried_at: Some(now - SignedDuration::from_secs(30)),
        finished: false,
        effect: Effect::Nothing,
        refused: 11,
        unreached: true,
        ..StepRun::ended(Phase::Steps, 0, false)
    };
    let wait = |change: &mut domain::incident::change::IncidentChange| {
        let mut repair = Repair::start(message_hash(&message), now - SignedDuration::from_mins(2));
        repair.steps.push(refused.clone());
        change.incident.repair = Some(repair);
        change.incident.status = Status::Repairing;
    };
    let (incident, ()) = shop
        .stack
        .store
        .change(&incident.id, wait)
        .await
        .expect("saved");
    (incident, message)
}

fn message_hash(message: &Message) -> PlanHash {
    let Message::RepairApproved { plan_hash, .. } = message else {
        panic!("{message:?}")
    };
    plan_hash.clone()
}

#[tokio::test]
async fn an_absent_bridge_ends_the_repair_as_unreachable_unrecorded() {
    let Some(host) = TargetHost::sshd("restrict") else {
        return;
    };
    let (shop, service, playbook, asked) = repair_fixture(&host, usize::MAX).await;
    let (incident, message) = nearly_given_up(&shop, &service, &playbook).await;
    // Another worker goes on: what the one before has waited counts.
    shop.run(&message).await;
    assert_eq!(asked.load(Ordering::SeqCst), 1);
    let ended = shop.stack.read(&incident.id).await;
    assert_ended(&ended, Status::RepairFailed, RepairOutcome::Unreachable);
    let detail = &ended.repair.as_ref().expect("ran").steps[0].detail;
    assert_eq!(
        detail.to_string(),
        "Nothing ran: the bridge function could not be invoked (TooManyRequestsException)."
    );
    assert!(!host.path("did").exists());
    assert_eq!(
        record(&shop, &service, &playbook).await,
        PlaybookRecord::default(),
        "it counts in no record"
    );
    let stranger = fresh_incident_id(Timestamp::now());
    assert!(
        is_free(&shop, &service, &stranger).await,
        "the target is free at once"
    );
    let log = shop.stack.store.log(&incident.id).await.expect("a log");
    let executed = log
        .iter()
        .find(|entry| entry.event == Event::ExecutionCompleted)
        .expect("it says how it ended");
    assert_eq!(
        executed.error.as_deref(),
        Some("the host or the bridge could not be reached: no step ran")
    );
}

#[tokio::test]
async fn an_unreachable_host_ends_the_repair_the_same_way_at_once() {
    let Some(mut host) = TargetHost::sshd("restrict") else {
        return;
    };
    let (shop, service, playbook, asked) = repair_fixture(&host, 0).await;
    host.stop();
    let (incident, message) = shop.approved(&service, &playbook).await;
    shop.run(&message).await;
    assert_eq!(asked.load(Ordering::SeqCst), 1);
    let ended = shop.stack.read(&incident.id).await;
    assert_ended(&ended, Status::RepairFailed, RepairOutcome::Unreachable);
    assert_eq!(
        record(&shop, &service, &playbook).await,
        PlaybookRecord::default()
    );
    let stranger = fresh_incident_id(Timestamp::now());
    assert!(is_free(&shop, &service, &stranger).await);
}
