//! Tests of verified repairs whose alert goes on firing: they count as failed in the end. A resolve
//! that a silence has suppressed is found.

use std::time::{Duration, Instant};

use domain::incident::change::IncidentChange;
use domain::incident::operation_log::{Event, LogRecord};
use domain::incident::repair::{Repair, RepairOutcome};
use domain::incident::{Incident, Status};
use domain::primitives::id::ApprovalId;
use domain::primitives::time::Clock;
use jiff::{SignedDuration, Timestamp};
use notifier::App;
use serde_json::json;
use tests::alert::{TestAlert, unique};
use tests::alertmanager::{Alertmanager, Receiver};
use tests::own_queue::OwnQueue;
use tests::repairing::outcome;
use tests::stack::Stack;
use wire::message::{Message, Queued as _};

/// An incident of the demo's service, with a playbook that is nobody else's.
async fn waiting(stack: &Stack, alert: &TestAlert) -> Incident {
    let incident = stack.awaiting_approval(alert).await;
    // The deployed notifier has told of it: what follows is for the one of the story.
    let id = incident.id.as_str();
    stack.card(id, "Waiting for a decision").await;
    let own = |change: &mut IncidentChange| {
        change.incident.plan.as_mut().expect("a plan").playbook = unique("playbook").into()
    };
    stack
        .store
        .change(&incident.id, own)
        .await
        .expect("saved")
        .0
}

/// As the repair function leaves an incident whose repair was verified.
fn verified(change: &mut IncidentChange, at: Timestamp) {
    let hash = change
        .incident
        .approval
        .as_ref()
        .expect("asked")
        .plan_hash
        .clone();
    let repair = Repair {
        finished_at: Some(at),
        outcome: Some(RepairOutcome::Verified),
        ..Repair::start(hash, at)
    };
    (change.incident.repair, change.incident.status) = (Some(repair), Status::Repaired);
    change.record(
        at,
        LogRecord::new(Event::ExecutionCompleted, "repair", "playbook"),
    );
}

fn approval(incident: &Incident) -> ApprovalId {
    incident.approval.as_ref().expect("asked").id.clone()
}

/// How often a playbook was verified and failed.
async fn record(stack: &Stack, incident: &Incident) -> (u64, u64) {
    let playbook = &incident.plan.as_ref().expect("a plan").playbook;
    let record = stack
        .store
        .playbook_record(playbook)
        .await
        .expect("a record");
    (record.verified, record.failed)
}

async fn handle(notifier: &App, message: &Message, clock: Clock<'_>) {
    let until = Instant::now() + Duration::from_secs(60);
    Box::pin(notifier.handle(message, &unique("holder"), clock, until))
        .await
        .expect("handled");
}

#[tokio::test]
async fn a_verified_repair_whose_alert_goes_on_counts_as_failed_once() {
    let stack = Stack::start();
    let queue = OwnQueue::create(&stack).await;
    let notifier = stack.notifier_with(&[
        ("RESOLVE_WITHIN_SECONDS", "1"),
        ("NOTIFICATIONS_QUEUE_URL", &queue.url),
    ]);
    let alert = TestAlert::firing(&stack.facts.target.service);
    let incident = waiting(&stack, &alert).await;
    let (incident, ()) = stack
        .store
        .change(&incident.id, |change| verified(change, Timestamp::now()))
        .await
        .expect("saved");
    assert_eq!(record(&stack, &incident).await, (1, 0));

    // The change of its card arranges the look, and the look comes when it is due.
    let (changed, due) = (
        Message::IncidentChanged {
            incident_id: incident.id.clone(),
        },
        Message::ResolutionTimer {
            approval_id: approval(&incident),
        },
    );
    handle(&notifier, &changed, &Timestamp::now).await;
    let deadline = Instant::now() + Duration::from_secs(30);
    while !queue.take_all().await.contains(&due.to_json()) {
        assert!(Instant::now() < deadline, "nobody looks");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    for _ in 0..3 {
        handle(&notifier, &due, &Timestamp::now).await;
    }
    let failed = stack.read(&incident.id).await;
    assert_eq!(
        (failed.status, outcome(&failed)),
        (Status::RepairFailed, Some(RepairOutcome::StillFiring))
    );
    let log = stack
        .log_with(incident.id.as_str(), Event::ResolutionOverdue)
        .await;
    assert_eq!(
        log.iter()
            .filter(|entry| entry.event == Event::ResolutionOverdue)
            .count(),
        1
    );
    assert_eq!(record(&stack, &incident).await, (0, 1));
    let runs = stack
        .store
        .runs(&incident.plan.as_ref().expect("a plan").playbook)
        .await
        .expect("the runs");
    assert!(
        matches!(runs.as_slice(), [run] if !run.verified),
        "the run is there once: {runs:?}"
    );
    handle(&notifier, &changed, &Timestamp::now).await;
    stack
        .card(incident.id.as_str(), "Ran and checked in ")
        .await;

    // It resolves late: the incident is over, and the repair stays failed.
    stack
        .deliver_one(&TestAlert {
            ends_at: Some(Timestamp::now()),
            ..alert
        })
        .await;
    let over = stack.status(incident.id.as_str(), Status::Resolved).await;
    assert_eq!(
        (outcome(&over), record(&stack, &incident).await),
        (Some(RepairOutcome::StillFiring), (0, 1))
    );
    handle(&notifier, &due, &Timestamp::now).await;
    assert_eq!(stack.read(&incident.id).await, over);
}

#[tokio::test]
async fn a_resolve_races_the_last_check_and_the_record_has_the_winner() {
    let stack = Stack::start();
    let queue = OwnQueue::create(&stack).await;
    let notifier = stack.notifier_with(&[
        ("RESOLVE_WITHIN_SECONDS", "1"),
        ("NOTIFICATIONS_QUEUE_URL", &queue.url),
    ]);
    for look_first in [false, true, false, true] {
        let alert = TestAlert::firing(&stack.facts.target.service);
        let incident = waiting(&stack, &alert).await;
        let long_ago = Timestamp::now() - SignedDuration::from_secs(60);
        let (incident, ()) = stack
            .store
            .change(&incident.id, |change| verified(change, long_ago))
            .await
            .expect("saved");
        let due = Message::ResolutionTimer {
            approval_id: approval(&incident),
        };
        let ended = TestAlert {
            ends_at: Some(Timestamp::now()),
            ..alert
        };
        let (look, resolve) = (
            async || handle(&notifier, &due, &Timestamp::now).await,
            async || drop(stack.deliver_one(&ended).await),
        );
        if look_first {
            tokio::join!(look(), resolve());
        } else {
            resolve().await;
            tokio::join!(look(), look());
        }
        let over = stack.status(incident.id.as_str(), Status::Resolved).await;
        let log = stack
            .log_with(incident.id.as_str(), Event::IncidentResolved)
            .await;
        let failed = log
            .iter()
            .any(|entry| entry.event == Event::ResolutionOverdue);
        assert!(
            look_first || !failed,
            "a resolve that came before wins: {log:#?}"
        );
        let expected = if failed {
            (Some(RepairOutcome::StillFiring), (0, 1))
        } else {
            (Some(RepairOutcome::Verified), (1, 0))
        };
        assert_eq!((outcome(&over), record(&stack, &over).await), expected);
    }
}

#[tokio::test]
async fn a_sender_without_resolves_fails_no_verified_repair() {
    let stack = Stack::start();
    let queue = OwnQueue::create(&stack).await;
    let notifier = stack.notifier_with(&[
        ("RESOLVE_WITHIN_SECONDS", "1"),
        ("NOTIFICATIONS_QUEUE_URL", &queue.url),
    ]);
    let long_ago = Timestamp::now() - SignedDuration::from_mins(60);
    let signed = json!({
        "alert_type": "service_404", "severity": "warning", "source": "cron", "target_resource": stack.facts.target.service,
        "namespace": unique("test"), "message": "it does not answer", "labels": { "alertname": "TargetDown", "cluster": "demo" },
    });
    let (status, opened) = stack.send_signed("webhooks/alerts", &signed).await;
    assert_eq!(status, 200, "{opened}");
    let by_signature = stack
        .status(
            opened["incident_id"].as_str().expect("an incident"),
            Status::AwaitingApproval,
        )
        .await;

    // Alertmanager opens the other, and a signed sender joins it; then Alertmanager's alert ends.
    let alert = TestAlert::firing(&stack.facts.target.service);
    let by_both = stack.awaiting_approval(&alert).await;
    let mut joins = signed.clone();
    joins["namespace"] = json!(alert.namespace);
    assert_eq!(
        stack.send_signed("webhooks/alerts", &joins).await.1["outcome"],
        "joined"
    );
    stack
        .deliver_one(&TestAlert {
            ends_at: Some(Timestamp::now()),
            ..alert
        })
        .await;

    for incident in [by_signature, by_both] {
        let own = |change: &mut IncidentChange| {
            change.incident.plan.as_mut().expect("a plan").playbook = unique("playbook").into();
            verified(change, long_ago);
        };
        let (incident, ()) = stack.store.change(&incident.id, own).await.expect("saved");
        handle(
            &notifier,
            &Message::IncidentChanged {
                incident_id: incident.id.clone(),
            },
            &Timestamp::now,
        )
        .await;
        handle(
            &notifier,
            &Message::ResolutionTimer {
                approval_id: approval(&incident),
            },
            &Timestamp::now,
        )
        .await;
        let stays = stack.read(&incident.id).await;
        assert_eq!(
            (stays.status, outcome(&stays)),
            (Status::Repaired, Some(RepairOutcome::Verified)),
            "its checks have decided"
        );
        assert_eq!(record(&stack, &incident).await, (1, 0));
    }
}

#[tokio::test]
async fn a_resolve_that_a_silence_kept_back_is_asked_for() {
    if !Alertmanager::is_installed("still_firing") {
        return;
    }
    let stack = Stack::start();
    let (url, token) = (
        stack.url("webhooks/alertmanager"),
        stack.facts.secrets["alertmanager"].clone(),
    );
    let alertmanager = Alertmanager::alone(Receiver {
        url: &url,
        token: &token,
        group_by: &["alertname", "namespace"],
    })
    .await;
    let files = tempfile::tempdir().expect("a directory");
    let file = json!({ "alertmanager": { "url": alertmanager.url(), "private": true, "silence_repairs": true } });
    std::fs::write(files.path().join("channels.json"), file.to_string()).expect("written");
    let queue = OwnQueue::create(&stack).await;
    let notifier = stack.notifier_with(&[
        ("CONFIG_DIR", files.path().to_str().expect("text")),
        ("NOTIFICATIONS_QUEUE_URL", &queue.url),
    ]);

    let told = TestAlert::firing(&stack.facts.target.service);
    let labels = told.delivery()["alerts"][0]["labels"].clone();
    alertmanager
        .post(&json!([{ "labels": labels, "startsAt": told.starts_at }]))
        .await;
    let deadline = Instant::now() + Duration::from_secs(60);
    let id = loop {
        if let Some(episode) = stack
            .store
            .episode(&told.fingerprint())
            .await
            .expect("the store answers")
        {
            break episode.incident_id;
        }
        assert!(Instant::now() < deadline, "Alertmanager has told nobody");
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    let incident = stack.status(id.as_str(), Status::AwaitingApproval).await;

    // The repair is verified while Alertmanager is silent, and the alert ends.
    let now = Timestamp::now();
    let silence = alertmanager
        .silence(&labels, now + SignedDuration::from_mins(5))
        .await;
    let silenced = |change: &mut IncidentChange| {
        verified(change, now);
        let hash = change
            .incident
            .approval
            .as_ref()
            .expect("asked")
            .plan_hash
            .clone();
        change.repair_silenced(
            &hash,
            Ok((&silence, now + SignedDuration::from_mins(5))),
            now,
        );
    };
    stack
        .store
        .change(&incident.id, silenced)
        .await
        .expect("saved");
    alertmanager
        .post(
            &json!([{ "labels": labels, "startsAt": told.starts_at, "endsAt": Timestamp::now() }]),
        )
        .await;
    // Two of its intervals: it has looked, and kept it to itself.
    tokio::time::sleep(Duration::from_secs(5)).await;
    alertmanager.expire(&silence).await;
    stack
        .store
        .change(&incident.id, |change| {
            change.repair_silence_ended(Ok(()), Timestamp::now())
        })
        .await
        .expect("saved");
    tokio::time::sleep(Duration::from_secs(5)).await;
    let waiting = stack.read(&incident.id).await;
    assert_eq!(
        (waiting.status, waiting.resolved_at),
        (Status::Repaired, None),
        "no resolve came through the silence"
    );

    // Alertmanager was started a moment ago: what it does not know may be what it does not know yet.
    let due = Message::ResolutionTimer {
        approval_id: approval(&incident),
    };
    let soon = || Timestamp::now() + SignedDuration::from_mins(3);
    let until = Instant::now() + Duration::from_secs(60);
    let early = Box::pin(notifier.handle(&due, &unique("holder"), &soon, until))
        .await
        .expect_err("it comes back");
    assert!(early.to_string().contains("just been started"), "{early}");
    handle(&notifier, &due, &|| {
        Timestamp::now() + SignedDuration::from_mins(6)
    })
    .await;
    let over = stack.status(id.as_str(), Status::Resolved).await;
    assert_eq!(outcome(&over), Some(RepairOutcome::Verified));
}
