//! Stories of the checks that end what nobody says has ended.

use std::time::{Duration, Instant};

use domain::alert::classification::AlertTables;
use domain::alert::fingerprint::fingerprint;
use domain::incident::Status;
use domain::incident::operation_log::Event;
use domain::primitives::id::IncidentId;
use jiff::{SignedDuration, Timestamp};
use lambda_http::{Body, Request, http};
use serde_json::{Value, json};
use store::FollowUp;
use tests::alert::{TestAlert, unique};
use tests::in_process::{answer, signed};
use tests::isolated_ingress::{IsolatedIngress, deliver};
use tests::own_queue::OwnQueue;
use tests::stack::wait_for;
use wire::message::{Message, Queued as _};

#[tokio::test]
async fn an_incident_that_nobody_hears_of_expires_and_may_come_back() {
    let isolated = IsolatedIngress::open().await;
    let notifier = isolated.notifier();
    let start = Timestamp::now();
    let at = |second: i64| start + SignedDuration::from_secs(second);
    // As of a sender that knows no resolve, or of an Alertmanager that nobody named.
    let alert = TestAlert {
        starts_at: start,
        ..TestAlert::firing(unique("silent"))
    };
    let opened = deliver(&isolated.app, &isolated.stack, &alert, start).await;
    let id = opened["incident_id"]
        .as_str()
        .expect("an incident")
        .to_owned();
    let incident_id = IncidentId::try_from(id.clone()).expect("a ULID");
    let look = async |second: i64| {
        let now = move || at(second);
        notifier
            .episode_due(&incident_id, &now)
            .await
            .expect("looked");
        isolated.stack.read(&incident_id).await
    };
    assert!(look(17_999).await.is_open(), "it is not due yet");
    let expired = look(18_001).await;
    assert_eq!(
        (expired.status, expired.is_open(), expired.resolved_at),
        (Status::Expired, false, Some(at(18_001)))
    );
    isolated.stack.log_with(&id, Event::IncidentExpired).await;
    // The index of open incidents learns of it a moment later.
    let not_listed = async || {
        let open = isolated.stack.store.open_incidents().await;
        (!open.expect("a list").contains(&incident_id)).then_some(())
    };
    wait_for("the end of the incident in the index", not_listed).await;
    let message = Message::IncidentChanged {
        incident_id: incident_id.clone(),
    };
    let until = Instant::now() + Duration::from_secs(60);
    let shown = isolated.stack.notifier();
    shown
        .handle(&message, &unique("holder"), &Timestamp::now, until)
        .await
        .expect("handled");
    isolated.stack.card(&id, "Expired").await;

    // It has fired all along: the same incident is open again. What begins later is another one.
    assert_eq!(isolated.outcome(&alert, at(43_200)).await, "reopened");
    let again = isolated.stack.read(&incident_id).await;
    assert!(again.is_open() && again.flaps == 0 && again.resolved_at.is_none());
    assert_eq!(look(62_000).await.status, Status::Expired);
    let later = TestAlert {
        starts_at: at(62_100),
        ..alert
    };
    let other = deliver(&isolated.app, &isolated.stack, &later, at(62_100)).await;
    assert_eq!(other["outcome"], "opened");
    assert_ne!(other["incident_id"], opened["incident_id"]);
}

#[tokio::test]
async fn a_successor_does_not_stand_beside_a_forgotten_incident() {
    let isolated = IsolatedIngress::open().await;
    let notifier = isolated.notifier();
    let start = Timestamp::now();
    let at = |second: i64| start + SignedDuration::from_secs(second);
    let alert = |since: i64| TestAlert {
        starts_at: at(since),
        component: "forgotten".to_owned(),
        ..TestAlert::firing("forgotten")
    };
    let first = alert(0);
    let opened = deliver(&isolated.app, &isolated.stack, &first, at(0)).await;
    // Every timer of it was lost.
    let second = TestAlert {
        starts_at: at(20_000),
        ..first
    };
    let other = deliver(&isolated.app, &isolated.stack, &second, at(20_000)).await;
    assert_eq!(other["outcome"], "opened");
    let id = |answer: &Value| {
        let id = answer["incident_id"].as_str().expect("an incident");
        IncidentId::try_from(id).expect("a ULID")
    };
    let now = move || at(20_001);
    for incident in [&opened, &other] {
        notifier
            .episode_due(&id(incident), &now)
            .await
            .expect("looked");
    }
    assert_eq!(
        isolated.stack.read(&id(&opened)).await.status,
        Status::Expired
    );
    assert!(isolated.stack.read(&id(&other)).await.is_open());
}

#[tokio::test]
async fn the_first_change_of_an_incident_starts_its_checks_once() {
    let isolated = IsolatedIngress::open().await;
    let start = Timestamp::now();
    let alert = TestAlert::firing(unique("checks"));
    let opened = deliver(&isolated.app, &isolated.stack, &alert, start).await;
    let id = opened["incident_id"].as_str().expect("an incident");
    let id = IncidentId::try_from(id).expect("a ULID");
    let timers = async || {
        let bodies = isolated.notifications.take_all().await;
        let timers = bodies.iter().filter(|body| {
            Message::from_json(body).is_ok_and(|message| {
                message
                    == Message::EpisodeTimer {
                        incident_id: id.clone(),
                    }
            })
        });
        timers.count()
    };
    let due = async || {
        let look = FollowUp::Episode(&id);
        isolated
            .stack
            .store
            .next_look(look)
            .await
            .expect("an answer")
    };
    isolated.show(&id, start).await;
    let first = due().await.expect("a check is under way");
    assert!(first > start && first <= start + SignedDuration::from_mins(15));
    isolated
        .show(&id, start + SignedDuration::from_secs(5))
        .await;
    assert_eq!(due().await, Some(first), "no second chain");
    // Its message was lost: the next change starts anew.
    let lost = first + SignedDuration::from_mins(31);
    isolated.show(&id, lost).await;
    assert!(due().await.is_some_and(|due| due > lost));
    assert_eq!(timers().await, 0, "they are delayed");
}

#[tokio::test]
async fn senders_that_know_no_resolve_leave_nothing_open_for_ever() {
    let isolated = IsolatedIngress::open().await;
    let notifier = isolated.notifier();
    let stack = &isolated.stack;
    let start = Timestamp::now();
    let namespace = unique("no-resolve");
    let body = json!({
        "alert_type": "k8s_pod_crash", "severity": "warning", "source": "k8s-monitor", "namespace": namespace,
        "target_resource": "web-7d9c5b8f6d-x2x4z", "message": "crash loop",
    });
    let mut request: Request = http::Request::post("https://api.test/api/v1/webhooks/alerts")
        .body(Body::from(body.to_string()))
        .expect("a request");
    *request.headers_mut() = signed(
        &stack.facts.secrets["webhook"],
        "webhooks/alerts",
        body.to_string().as_bytes(),
    );
    let (status, opened) = answer(&isolated.app, request, start).await;
    assert_eq!((status, &opened["outcome"]), (200, &json!("opened")));

    let signal = json!({
        "source": "k8s-events", "alert_name": "KubePodNotReady", "severity": "critical",
        "namespace": unique("no-resolve"), "target": "api", "message": "not ready",
    });
    let read = ingress::alerts::signals::read;
    let tables = AlertTables::default();
    let taken = read(signal.to_string().as_bytes(), &tables, start).expect("a signal");
    let of_signal = fingerprint(&taken.alert, &[]);
    // Nobody acts on it here either.
    let queue = OwnQueue::create(stack).await;
    let signals = stack.signals(&[
        ("INCIDENTS_QUEUE_URL", &queue.url),
        ("NOTIFICATIONS_QUEUE_URL", &queue.url),
    ]);
    let until = Instant::now() + Duration::from_secs(60);
    let message = unique("message");
    let counted = signals.handle(taken, &message, start, until);
    counted.await.expect("counted");
    let episode = stack.store.episode(&of_signal).await.expect("an answer");

    let of_signed = opened["incident_id"].as_str().expect("an incident");
    let of_signed = IncidentId::try_from(of_signed).expect("a ULID");
    for id in [of_signed, episode.expect("an episode").incident_id] {
        for (second, status) in [(17_999, Status::Open), (18_001, Status::Expired)] {
            let now = move || start + SignedDuration::from_secs(second);
            notifier.episode_due(&id, &now).await.expect("looked");
            assert_eq!(stack.read(&id).await.status, status, "after {second} s");
        }
    }
}

#[tokio::test]
async fn checks_that_were_lost_begin_again_when_something_else_opens() {
    let isolated = IsolatedIngress::open().await;
    let stack = &isolated.stack;
    // Nobody was told of the one. The other is found by a notifier on the deployed queue, so that what
    // it starts for the incidents of other stories goes on there.
    let mut ids = Vec::new();
    for name in ["lost", "other"] {
        let alert = TestAlert::firing(unique(name));
        let opened = deliver(&isolated.app, stack, &alert, Timestamp::now()).await;
        let id = opened["incident_id"].as_str().expect("an incident");
        ids.push(IncidentId::try_from(id).expect("a ULID"));
    }
    let [lost, other] = [&ids[0], &ids[1]];
    let due = async || stack.store.next_look(FollowUp::Episode(lost)).await;
    assert_eq!(due().await.expect("an answer"), None);
    let notifier = stack.notifier_without_chat();
    let long_ago = Timestamp::UNIX_EPOCH;
    // A search takes fifty of all that are open, and starts somewhere among them.
    for _ in 0..200 {
        for look in [FollowUp::LostEpisodes, FollowUp::Episode(other)] {
            stack.store.look_is_due(look, long_ago).await.expect("kept");
        }
        let message = Message::IncidentChanged {
            incident_id: other.clone(),
        };
        let until = Instant::now() + Duration::from_secs(60);
        let holder = unique("holder");
        let handled = notifier.handle(&message, &holder, &Timestamp::now, until);
        handled.await.expect("handled");
        if due().await.expect("an answer").is_some() {
            return;
        }
    }
    panic!("nobody looks for {lost}");
}
