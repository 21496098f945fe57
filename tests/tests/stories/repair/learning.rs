//! Tests of playbook records: outcomes are kept with the run, counted once, and checked before a
//! plan runs without approval.

use std::time::{Duration, Instant};

use domain::incident::Status;
use domain::incident::autonomy_level::AutonomyLevel;
use domain::incident::guardrail::{Guardrail, blocking};
use domain::incident::operation_log::{Event, verify};
use domain::incident::parts::Recurrence;
use domain::policy::track_record::{RunCounts, TrackRecord};
use futures_util::future::join_all;
use jiff::{SignedDuration, Timestamp};
use playbook_files::operator_files::limits;
use repair::delivery::RepairDelivery;
use serde_json::{Value, json};
use tests::alert::{CLUSTER, unique};
use tests::opened::{alert, opened};
use tests::own_queue::OwnQueue;
use tests::repair_fixture::{InjectedFault, RepairFixture};
use tests::repairing::{deliver, delivery};
use tests::target_host::TargetHost;
use wire::message::{Message, Queued as _};

/// A playbook of this story's own, whose check finds what the file `well` says.
fn playbook(id: &str) -> Value {
    json!([{
        "id": id, "name": "Mend", "match": { "alertnames": ["TargetDown"] }, "risk": "low", "auto": { "max_severity": "P2", "earned": true },
        "parameters": { "dir": { "from": "service.facts.dir", "pattern": "[A-Za-z0-9/._-]+" } },
        "facts": [{ "id": "there", "run": ["test", "-d", "{dir}"], "timeout": "5s" }],
        "steps": [{ "run": ["true"], "timeout": "5s", "when": { "fact": "there", "exits": 0 } }],
        "verify": [{ "run": ["test", "-e", "{dir}/well"], "timeout": "5s" }],
    }])
}

#[tokio::test]
async fn runs_are_recorded_and_a_recurrence_counts_once() {
    let Some(host) = TargetHost::sshd("restrict") else {
        return;
    };
    let (service, id) = (unique("web"), unique("mend"));
    let facts = json!({ "dir": host.path("").display().to_string() });
    let services = json!([{ "name": service, "level": "auto", "match": { "cluster": CLUSTER }, "facts": facts, "target": host.target() }]);
    let shop = RepairFixture::open(&playbook(&id), &services, host.login_key(), || {
        InjectedFault::Answered
    })
    .await;
    let store = &shop.stack.store;

    // One run fails, three are verified. A message that comes twice is no second run.
    let mut repaired = Vec::new();
    for well in [false, true, true, true] {
        if well {
            std::fs::write(host.path("well"), "").expect("written");
        }
        let (incident, message) = shop.approved(&service, &id).await;
        for _ in 0..2 {
            shop.run(&message).await;
        }
        let ended = store
            .known_incident(&incident.id)
            .await
            .expect("an incident");
        assert_eq!(
            ended.status,
            if well {
                Status::Repaired
            } else {
                Status::RepairFailed
            }
        );
        repaired.push(ended);
    }
    let runs = store.runs(&id).await.expect("runs");
    assert_eq!(
        runs.iter().filter(|run| run.verified).count(),
        3,
        "{runs:?}"
    );
    assert_eq!((runs.len(), runs[0].target.as_str()), (4, service.as_str()));
    let record = store.playbook_record(&id).await.expect("a record");
    assert_eq!((record.verified, record.failed, record.recurred), (3, 1, 0));

    // Nobody knows yet whether they hold; once their windows are over, they count.
    let earning = limits(&shop.config()).expect("the file").autonomy;
    let now = Timestamp::now();
    let later = now + earning.recurrence_window.length() + SignedDuration::from_secs(1);
    let earned = TrackRecord::by(&runs, &earning, now);
    assert_eq!(
        (earned.level, earned.counts, earned.pending),
        (
            AutonomyLevel::Suggest,
            RunCounts {
                held: 0,
                counted: 1
            },
            3
        )
    );
    assert_eq!(
        RunCounts::of(&runs, &earning, later),
        RunCounts {
            held: 3,
            counted: 4
        }
    );

    // The alert of the last one comes back: told by twenty at once, it counts once, and the log of the new incident says it once.
    let last = repaired.last().expect("four");
    let again = store
        .save(opened(&alert(&service), 0))
        .await
        .expect("saved");
    let recurrence = Recurrence::after_repair(last, Timestamp::now()).expect("it was verified");
    let told =
        join_all((0..20).map(|_| store.count_recurrence(&again.id, &recurrence, "analyzer", now)))
            .await;
    told.into_iter()
        .for_each(|told| drop(told.expect("counted, or counted already")));
    let record = store.playbook_record(&id).await.expect("a record");
    assert_eq!((record.verified, record.failed, record.recurred), (3, 1, 1));
    let runs = store.runs(&id).await.expect("runs");
    assert_eq!(
        runs.iter()
            .filter(|run| run.recurred_at.is_some())
            .map(|run| &run.incident_id)
            .collect::<Vec<_>>(),
        [&last.id]
    );
    let (again, log) = (
        store.known_incident(&again.id).await.expect("an incident"),
        store.log(&again.id).await.expect("a log"),
    );
    assert_eq!(
        log.iter()
            .filter(|entry| entry.event == Event::RepairRecurred)
            .count(),
        1,
        "{log:#?}"
    );
    verify(&again.id, &log, &again.log_head).expect("the chain holds");
    assert_eq!(
        RunCounts::of(&runs, &earning, later),
        RunCounts {
            held: 2,
            counted: 4
        }
    );

    // A run that was not verified did not last any worse.
    assert_eq!(Recurrence::after_repair(&repaired[0], now), None);
}

/// Two days from now: what has held until now has held for its window.
fn later() -> Timestamp {
    Timestamp::now() + SignedDuration::from_hours(48)
}

#[tokio::test]
async fn a_playbook_with_a_record_runs_alone_until_its_alert_recurs() {
    let Some(host) = TargetHost::sshd("restrict") else {
        return;
    };
    std::fs::write(host.path("well"), "").expect("written");
    let (service, id) = (unique("web"), unique("mend"));
    let facts = json!({ "dir": host.path("").display().to_string() });
    let services = json!([{ "name": service, "level": "auto", "match": { "cluster": CLUSTER }, "facts": facts, "target": host.target() }]);
    let shop = RepairFixture::open(&playbook(&id), &services, host.login_key(), || {
        InjectedFault::Answered
    })
    .await;
    shop.stack.trust_the_rule_about_targets().await;
    let (store, repairs, directory) = (
        &shop.stack.store,
        OwnQueue::create_fifo(&shop.stack).await,
        shop.config().display().to_string(),
    );
    // Its cards come from the deployed notifier, its repairs stay with this story.
    let changed = [
        ("CONFIG_DIR", directory.as_str()),
        ("REPAIRS_QUEUE_URL", &repairs.url),
        ("STORM_INCIDENTS_PER_MINUTE", "0"),
    ];
    let analyzer = shop.stack.analyzer(&changed);
    let analysed = async |hours: i64| {
        let incident = store
            .save(opened(&alert(&service), -60 * hours))
            .await
            .expect("saved");
        let (message, now) = (
            Message::IncidentOpened {
                incident_id: incident.id.clone(),
            },
            later() + SignedDuration::from_hours(hours - 48),
        );
        Box::pin(analyzer.handle(
            &message,
            &unique("message"),
            now,
            Instant::now() + Duration::from_secs(60),
        ))
        .await
        .expect("analysed");
        store
            .known_incident(&incident.id)
            .await
            .expect("the incident")
    };

    // Eleven repairs that people approved, and that held.
    for _ in 0..11 {
        let (_, message) = shop.approved(&service, &id).await;
        deliver(&shop.app, &message, &delivery()).await;
    }
    let by_itself = analysed(48).await;
    assert_eq!(
        by_itself.status,
        Status::Approved,
        "{:#?}",
        by_itself.guardrails
    );
    let plan_hash = by_itself
        .approval
        .as_ref()
        .expect("decided")
        .plan_hash
        .clone();
    let message = Message::RepairApproved {
        incident_id: by_itself.id.clone(),
        plan_hash,
    };
    assert_eq!(repairs.take_all().await, [message.to_json()]);
    let delivery = RepairDelivery {
        ends: later() + SignedDuration::from_mins(15),
        ..delivery()
    };
    shop.app
        .handle(&message, &delivery, &later)
        .await
        .expect("it ran");
    assert_eq!(
        store
            .known_incident(&by_itself.id)
            .await
            .expect("the incident")
            .status,
        Status::Repaired
    );

    // Three hours later the alert is back: this run did not hold, and one recurrence is enough.
    let again = analysed(51).await;
    assert_eq!(
        again.status,
        Status::AwaitingApproval,
        "{:#?}",
        again.guardrails
    );
    let why: Vec<Guardrail> = blocking(&again.guardrails)
        .map(|outcome| outcome.guardrail)
        .collect();
    assert_eq!(why, [Guardrail::PlaybookRecord], "{:#?}", again.guardrails);
    assert!(
        repairs.take_all().await.is_empty(),
        "nothing runs without a human"
    );
    let log = shop
        .stack
        .log_with(again.id.as_str(), Event::ApprovalRequested)
        .await;
    let place = |event| log.iter().position(|entry| entry.event == event);
    assert!(
        place(Event::RepairRecurred).is_some()
            && place(Event::RepairRecurred) < place(Event::GuardrailBlocked),
        "{log:#?}"
    );
    shop.stack
        .card(again.id.as_str(), "(the playbook's record)")
        .await;
    let runs = store.runs(&id).await.expect("runs");
    assert_eq!(
        runs.iter()
            .filter(|run| run.recurred_at.is_some())
            .map(|run| &run.incident_id)
            .collect::<Vec<_>>(),
        [&by_itself.id]
    );
}
