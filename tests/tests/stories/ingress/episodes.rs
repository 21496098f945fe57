//! Tests of episodes in the real store: a flapping alert, and random deliveries against the rule in
//! the domain.
//!
//! The store knows the plain join as one conditional write. These tests are why it can be trusted to mean the same as
//! `domain::episode`.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use aws::requests_sent;
use domain::alert::AlertSeverity;
use domain::analysis::Severity;
use domain::episode::{Episode, Firing, FiringOutcome, Member, Windows, on_firing, on_resolved};
use domain::incident::Status;
use domain::incident::guardrail::{Guardrail, blocking};
use domain::incident::operation_log::Event;
use domain::primitives::id::{Fingerprint, IncidentId, MemberId};
use ingress::App;
use jiff::{SignedDuration, Timestamp};
use lambda_http::{Body, Request, http};
use proptest::prelude::{Strategy, any, prop, prop_oneof};
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};
use store::FollowUp;
use tests::alert::{TestAlert, unique};
use tests::in_process::answer;
use tests::own_queue::OwnQueue;
use tests::stack::Stack;
use wire::message::{Message, Queued as _};

const WINDOWS: Windows = Windows {
    debounce: SignedDuration::from_secs(300),
    stale: SignedDuration::from_secs(18_000),
};
/// How many random stories are told, and how many deliveries each has.
const STORIES: usize = 30;
const DELIVERIES: usize = 14;

async fn deliver(app: &App, stack: &Stack, alert: &TestAlert, now: Timestamp) -> Value {
    let request: Request = http::Request::post("https://api.test/api/v1/webhooks/alertmanager")
        .header(
            "authorization",
            format!("Bearer {}", stack.facts.secrets["alertmanager"]),
        )
        .body(Body::from(alert.delivery().to_string()))
        .expect("a request");
    let response = app.answer(request, now).await.expect("always an answer");
    let answer: Value = serde_json::from_slice(response.body()).expect("JSON");
    assert_eq!(response.status(), 200, "{answer}");
    answer
}

#[tokio::test]
async fn a_flapping_alert_keeps_its_incident() {
    let stack = Stack::start();
    let app = stack.ingress(&[]);
    let start = Timestamp::now();
    let at = |second: i64| start + SignedDuration::from_secs(second);
    let alert = TestAlert {
        starts_at: start,
        ..TestAlert::firing(unique("flap"))
    };
    let fire = |second: i64, since: i64, severity: &'static str| {
        let alert = TestAlert {
            starts_at: at(since),
            severity,
            ..alert.clone()
        };
        let (app, stack) = (&app, &stack);
        async move { deliver(app, stack, &alert, at(second)).await }
    };
    let opened = fire(0, 0, "warning").await;
    let id = opened["incident_id"]
        .as_str()
        .expect("an incident")
        .to_owned();
    stack.card(&id, "Needs a human").await;

    let worse = fire(10, 0, "critical").await;
    assert_eq!(
        (worse["outcome"].as_str(), worse["hit_count"].as_u64()),
        (Some("escalated"), Some(2))
    );
    stack.log_with(&id, Event::SeverityEscalated).await;
    stack.card(&id, "P1").await;
    assert_eq!(fire(11, 0, "critical").await["outcome"], "joined");

    let ended = TestAlert {
        ends_at: Some(at(60)),
        ..alert.clone()
    };
    assert_eq!(
        deliver(&app, &stack, &ended, at(60)).await["outcome"],
        "resolved"
    );
    stack.status(&id, Status::Resolved).await;
    let late = fire(61, 0, "warning").await;
    assert_eq!(
        (late["outcome"].as_str(), late["hit_count"].as_u64()),
        (Some("late"), Some(4))
    );
    stack.status(&id, Status::Resolved).await;

    let again = fire(200, 190, "warning").await;
    assert_eq!(
        (again["outcome"].as_str(), again["incident_id"].as_str()),
        (Some("reopened"), Some(id.as_str()))
    );
    let reopened = stack.incident(&id, |incident| incident.flaps == 1).await;
    assert_eq!(
        (reopened.status, reopened.resolved_at),
        (Status::NeedsHuman, None)
    );
    stack.card(&id, "It came back").await;

    let ended = TestAlert {
        starts_at: at(190),
        ends_at: Some(at(260)),
        ..alert.clone()
    };
    assert_eq!(
        deliver(&app, &stack, &ended, at(260)).await["outcome"],
        "resolved"
    );
    let anew = fire(561, 555, "warning").await;
    assert_eq!(
        (anew["outcome"].as_str(), anew["hit_count"].as_u64()),
        (Some("opened"), Some(1)),
        "the window is over"
    );
    assert_ne!(anew["incident_id"].as_str(), Some(id.as_str()));
    assert_eq!(stack.cards(&id).await.len(), 1);
}

#[tokio::test]
async fn a_future_or_unset_time_mutes_nothing_and_keeps_nothing_open() {
    let stack = Stack::start();
    let app = stack.ingress(&[]);
    let start = Timestamp::now();
    let at = |second: i64| start + SignedDuration::from_secs(second);
    let time = |text: &str| text.parse::<Timestamp>().expect("a time");
    let (far, farthest, zero) = (
        time("2099-01-01T00:00:00Z"),
        time("9999-12-30T00:00:00Z"),
        time("0001-01-01T00:00:00Z"),
    );
    let alert = TestAlert {
        starts_at: start,
        ..TestAlert::firing(unique("forged"))
    };
    let outcome = async |second: i64, since: Timestamp, ends_at: Option<Timestamp>| {
        let alert = TestAlert {
            starts_at: since,
            ends_at,
            ..alert.clone()
        };
        deliver(&app, &stack, &alert, at(second)).await["outcome"]
            .as_str()
            .expect("an outcome")
            .to_owned()
    };
    for (second, since, ends_at, expected, case) in [
        (0, at(0), None, "opened", "it fires"),
        (
            60,
            far,
            Some(far),
            "resolved",
            "a forged resolve ends what fires now, as any resolve would",
        ),
        (
            120,
            at(115),
            None,
            "reopened",
            "and nothing of what fires later",
        ),
        (180, farthest, Some(at(180)), "resolved", "another"),
        (
            240,
            farthest,
            Some(farthest),
            "ignored",
            "one after the end",
        ),
        (
            300,
            zero,
            None,
            "reopened",
            "a sender that sets no time fires now",
        ),
        (360, zero, Some(at(360)), "resolved", "and resolves now"),
        (420, far, None, "reopened", "a forged firing"),
        (
            480,
            at(470),
            Some(at(480)),
            "resolved",
            "ends with the next real resolve",
        ),
        (
            500,
            at(470),
            None,
            "late",
            "what comes right after a resolve is settled first",
        ),
        (9_000, far, Some(far), "ignored", "long after"),
        (9_060, at(9_050), None, "opened", "an incident of its own"),
    ] {
        assert_eq!(
            outcome(second, since, ends_at).await,
            expected,
            "{second} s: {case}"
        );
    }
    let episode = stack
        .store
        .episode(&alert.fingerprint())
        .await
        .expect("the store answers")
        .expect("an episode");
    let latest = at(9_060).as_millisecond();
    assert!(
        episode
            .members
            .values()
            .all(|member| member.starts_at <= latest),
        "{episode:?}"
    );
}

#[tokio::test]
async fn a_label_against_repairs_is_recorded_once_joins_stay_cheap() {
    let stack = Stack::start();
    let (incidents, notifications) = (
        OwnQueue::create(&stack).await,
        OwnQueue::create(&stack).await,
    );
    let queues = [
        ("INCIDENTS_QUEUE_URL", incidents.url.as_str()),
        ("NOTIFICATIONS_QUEUE_URL", notifications.url.as_str()),
    ];
    let app = stack.ingress(&queues);
    // The demo's service that is repaired without a human, unless something forbids it.
    let alert = TestAlert::firing(&stack.facts.target.auto_service);
    let send = async |member: &str, auto_repair: Option<&str>| {
        let mut body = alert.delivery();
        body["alerts"][0]["fingerprint"] = json!(member);
        if let Some(value) = auto_repair {
            body["alerts"][0]["labels"]["auto_repair"] = json!(value);
        }
        let before = requests_sent();
        let (status, answer) = answer(&app, stack.delivery(&body), Timestamp::now()).await;
        assert_eq!(status, 200, "{answer}");
        (
            answer["outcome"].as_str().unwrap_or_default().to_owned(),
            requests_sent() - before,
            answer,
        )
    };
    let (_, _, opened) = send("m0", None).await;
    let id =
        IncidentId::try_from(opened["incident_id"].as_str().expect("an incident")).expect("a ULID");
    assert_eq!(send("m1", Some("true")).await.0, "joined");
    assert!(
        stack.read(&id).await.allows_auto_repair(),
        "a label that allows it forbids nothing"
    );
    assert_eq!(send("m2", Some("false")).await.0, "joined");
    let forbidden = stack.read(&id).await;
    assert!(!forbidden.allows_auto_repair() && forbidden.alert.allows_auto_repair());

    // From now on it joins in one request, as every other does; the fourth sighting tells the notifier of the count.
    assert_eq!(send("m2", Some("false")).await.1, 2);
    for (member, label) in [("m2", Some("false")), ("m3", Some("false")), ("m0", None)] {
        let (outcome, requests, _) = send(member, label).await;
        assert_eq!((outcome.as_str(), requests), ("joined", 1), "{member}");
    }
    let blocked = stack
        .store
        .log(&id)
        .await
        .expect("a log")
        .into_iter()
        .filter(|entry| entry.event == Event::GuardrailBlocked)
        .count();
    assert_eq!(blocked, 1, "it is in the log once");

    // The analyzer decides on the incident: nothing runs by itself.
    let analyzer = stack.analyzer(&queues[1..]);
    let message = Message::IncidentOpened {
        incident_id: id.clone(),
    };
    let until = Instant::now() + Duration::from_secs(60);
    analyzer
        .handle(&message, &unique("holder"), Timestamp::now(), until)
        .await
        .expect("analysed");
    let asked = stack.read(&id).await;
    let stops =
        blocking(&asked.guardrails).find(|outcome| outcome.guardrail == Guardrail::AutoRepairLabel);
    assert_eq!(asked.status, Status::AwaitingApproval);
    assert_eq!(
        stops.map(|outcome| outcome.why.as_str()),
        Some("the label of another of its alerts forbids it")
    );
}

#[tokio::test]
async fn a_resolve_with_an_earlier_start_ends_its_alert() {
    let door = Door::open().await;
    let start = Timestamp::now();
    let at = |second: i64| start + SignedDuration::from_secs(second);
    let alert = TestAlert::firing(unique("replicas"));
    // One replica of Prometheus saw it 15 s after the other, and Alertmanager keeps the earliest time.
    let fire = TestAlert {
        starts_at: at(15),
        ..alert.clone()
    };
    let ends = TestAlert {
        starts_at: at(0),
        ends_at: Some(at(60)),
        ..alert
    };
    for (second, alert, outcome) in [(20, &fire, "opened"), (60, &ends, "resolved")] {
        assert_eq!(door.outcome(alert, at(second)).await, outcome);
    }
}

#[tokio::test]
async fn an_alert_that_goes_on_after_its_resolve_is_open_again_in_a_minute() {
    let stack = Stack::start();
    let [goes_on, over] = ["goes-on", "over"].map(|name| TestAlert::firing(unique(name)));
    let mut ids = Vec::new();
    for alert in [&goes_on, &over] {
        let opened = stack.deliver_one(alert).await;
        let id = opened["incident_id"]
            .as_str()
            .expect("an incident")
            .to_owned();
        stack.card(&id, "Needs a human").await;
        ids.push(id);
    }
    // Prometheus could not reach Alertmanager for four minutes, or a replica disagrees: it is resolved, and fires again as if nothing had
    // been. The other half of a pair may say the same of what is over.
    let ended = |alert: &TestAlert| TestAlert {
        ends_at: Some(Timestamp::now()),
        ..alert.clone()
    };
    let resolved = Instant::now();
    for alert in [&goes_on, &over] {
        assert_eq!(
            stack.deliver_one(&ended(alert)).await["outcome"],
            "resolved"
        );
        assert_eq!(stack.deliver_one(alert).await["outcome"], "late");
    }
    assert_eq!(stack.deliver_one(&ended(&over)).await["outcome"], "ignored");
    let reopened = stack
        .incident(&ids[0], |incident| incident.flaps == 1)
        .await;
    assert!(
        resolved.elapsed() < Duration::from_secs(60),
        "{:?}",
        resolved.elapsed()
    );
    assert_eq!(
        (reopened.status, reopened.resolved_at),
        (Status::NeedsHuman, None)
    );
    stack.card(&ids[0], "It came back").await;
    // Its timer has come too.
    let stays = stack.incident(&ids[1], |_| true).await;
    assert_eq!((stays.status, stays.flaps), (Status::Resolved, 0));
    assert_eq!(
        stack.deliver_one(&ended(&goes_on)).await["outcome"],
        "resolved"
    );
    stack.status(&ids[0], Status::Resolved).await;
}

#[tokio::test]
async fn an_episode_ends_with_its_last_member_however_many_there_are() {
    let door = Door::open().await;
    let start = Timestamp::now();
    // The first delivery reads the secret.
    door.outcome(&TestAlert::firing(unique("first")), start)
        .await;
    for count in [13, 20, 300] {
        let alert = TestAlert {
            starts_at: start,
            ..TestAlert::firing(unique("members"))
        };
        let group = |range: std::ops::Range<usize>, ended: bool| {
            let mut body = alert.delivery();
            let each = range.map(|i| member_of(&alert, i, ended.then(Timestamp::now)));
            body["alerts"] = each.collect();
            body
        };
        let deliver = async |second: i64, body: Value| {
            let now = start + SignedDuration::from_secs(second);
            let before = requests_sent();
            let (status, answer) = answer(&door.app, door.stack.delivery(&body), now).await;
            assert_eq!(status, 200, "{answer}");
            (answer, requests_sent() - before)
        };
        let (opened, requests) = deliver(0, group(0..count, false)).await;
        assert_eq!(opened["outcome"], "opened");
        assert!(requests <= 4, "opening takes {requests} requests");
        // A group of one that is known, within the bounds of an item, is one request still.
        let (joined, requests) = deliver(1, group(3..4, false)).await;
        assert_eq!((joined["outcome"].as_str(), requests), (Some("joined"), 1));
        // Pods that resolve and pods that fire in one delivery, and others in another group that resolves as a whole.
        let (first, rest) = (0..count / 2, count / 2..count);
        let mut mixed = group(first.clone(), true);
        let firing = group(rest.clone(), false);
        let all = mixed["alerts"].as_array_mut().expect("a list");
        all.extend(firing["alerts"].as_array().expect("a list").clone());
        let (said, _) = deliver(60, mixed).await;
        assert_eq!(said["outcome"], "member_left", "{count}");
        let (said, _) = deliver(120, group(rest.start..count - 1, true)).await;
        assert_eq!(said["outcome"], "member_left", "{count}");
        let (said, _) = deliver(180, group(0..1, false)).await;
        assert_eq!(said["outcome"], "joined", "{count}: it crashes again");
        let (said, _) = deliver(240, group(count - 1..count, true)).await;
        assert_eq!(said["outcome"], "member_left", "{count}");
        let (said, _) = deliver(300, group(0..1, true)).await;
        assert_eq!(said["outcome"], "resolved", "{count}");
        assert_eq!(said["incident_id"], opened["incident_id"]);
    }
}

#[tokio::test]
async fn an_alert_repeated_every_twelve_hours_is_one_incident() {
    let door = Door::open().await;
    let start = Timestamp::now();
    let at = |hour: i64| start + SignedDuration::from_hours(hour);
    let alert = TestAlert::firing(unique("twelve"));
    assert_eq!(door.outcome(&alert, at(0)).await, "opened");
    for hour in [12, 24, 36] {
        assert_eq!(door.outcome(&alert, at(hour)).await, "joined");
    }
    let ended = TestAlert {
        ends_at: Some(at(37)),
        ..alert
    };
    assert_eq!(door.outcome(&ended, at(37)).await, "resolved");
}

#[tokio::test]
async fn the_card_tells_what_is_worst_and_goes_back_when_that_ends() {
    let stack = Stack::start();
    let alert = TestAlert::firing(unique("worse"));
    let about = |volume: &str, severity: &str, ended: bool| {
        let ended = ended.then(Timestamp::now);
        let mut body = member_of(&alert, volume.len(), ended);
        body["labels"]["severity"] = json!(severity);
        body["annotations"]["summary"] = json!(format!("{volume} is full"));
        body
    };
    let send = async |alerts: &[Value]| {
        let mut body = alert.delivery();
        body["alerts"] = json!(alerts);
        let answer: Value = stack.deliver(&body).await.json().await.expect("JSON");
        answer
    };
    let opened = send(&[about("/boot", "warning", false)]).await;
    let id = opened["incident_id"]
        .as_str()
        .expect("an incident")
        .to_owned();
    stack.card(&id, "/boot is full").await;
    let severity = async |wanted: Severity| {
        stack
            .incident(&id, |incident| incident.severity == wanted)
            .await
    };
    let before = severity_of(&stack, &id).await;

    send(&[about("/srv/data", "critical", false)]).await;
    severity(Severity::P1).await;
    stack.card(&id, "/srv/data is full").await;
    let eased = send(&[
        about("/boot", "warning", false),
        about("/srv/data", "critical", true),
    ])
    .await;
    assert_eq!(eased["outcome"], "joined");
    severity(before).await;
    stack.card(&id, "/boot is full").await;
    stack.log_with(&id, Event::SeverityEased).await;
}

async fn severity_of(stack: &Stack, id: &str) -> Severity {
    let analysed = stack
        .incident(id, |incident| incident.analysis.is_some())
        .await;
    analysed.severity
}

#[tokio::test]
async fn an_incident_that_nobody_hears_of_expires_and_may_come_back() {
    let door = Door::open().await;
    let notifier = door.notifier();
    let start = Timestamp::now();
    let at = |second: i64| start + SignedDuration::from_secs(second);
    // As of a sender that knows no resolve, or of an Alertmanager that nobody named.
    let alert = TestAlert {
        starts_at: start,
        ..TestAlert::firing(unique("silent"))
    };
    let opened = deliver(&door.app, &door.stack, &alert, start).await;
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
        door.stack.read(&incident_id).await
    };
    assert!(look(17_999).await.is_open(), "it is not due yet");
    let expired = look(18_001).await;
    assert_eq!(
        (expired.status, expired.is_open(), expired.resolved_at),
        (Status::Expired, false, Some(at(18_001)))
    );
    door.stack.log_with(&id, Event::IncidentExpired).await;
    assert!(
        !door
            .stack
            .store
            .open_incidents()
            .await
            .expect("a list")
            .contains(&incident_id)
    );
    let message = Message::IncidentChanged {
        incident_id: incident_id.clone(),
    };
    let until = Instant::now() + Duration::from_secs(60);
    let shown = door.stack.notifier();
    shown
        .handle(&message, &unique("holder"), &Timestamp::now, until)
        .await
        .expect("handled");
    door.stack.card(&id, "Expired").await;

    // It has fired all along: the same incident is open again. What begins later is another one.
    assert_eq!(door.outcome(&alert, at(43_200)).await, "reopened");
    let again = door.stack.read(&incident_id).await;
    assert!(again.is_open() && again.flaps == 0 && again.resolved_at.is_none());
    assert_eq!(look(62_000).await.status, Status::Expired);
    let later = TestAlert {
        starts_at: at(62_100),
        ..alert
    };
    let other = deliver(&door.app, &door.stack, &later, at(62_100)).await;
    assert_eq!(other["outcome"], "opened");
    assert_ne!(other["incident_id"], opened["incident_id"]);
}

#[tokio::test]
async fn a_successor_does_not_stand_beside_a_forgotten_incident() {
    let door = Door::open().await;
    let notifier = door.notifier();
    let start = Timestamp::now();
    let at = |second: i64| start + SignedDuration::from_secs(second);
    let alert = |since: i64| TestAlert {
        starts_at: at(since),
        component: "forgotten".to_owned(),
        ..TestAlert::firing("forgotten")
    };
    let first = alert(0);
    let opened = deliver(&door.app, &door.stack, &first, at(0)).await;
    // Every timer of it was lost.
    let second = TestAlert {
        starts_at: at(20_000),
        ..first
    };
    let other = deliver(&door.app, &door.stack, &second, at(20_000)).await;
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
    assert_eq!(door.stack.read(&id(&opened)).await.status, Status::Expired);
    assert!(door.stack.read(&id(&other)).await.is_open());
}

#[tokio::test]
async fn the_first_change_of_an_incident_starts_its_checks_once() {
    let door = Door::open().await;
    let start = Timestamp::now();
    let alert = TestAlert::firing(unique("checks"));
    let opened = deliver(&door.app, &door.stack, &alert, start).await;
    let id = opened["incident_id"].as_str().expect("an incident");
    let id = IncidentId::try_from(id).expect("a ULID");
    let timers = async || {
        let bodies = door.notifications.take_all().await;
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
        door.stack.store.next_look(look).await.expect("an answer")
    };
    door.show(&id, start).await;
    let first = due().await.expect("a check is under way");
    assert!(first > start && first <= start + SignedDuration::from_mins(15));
    door.show(&id, start + SignedDuration::from_secs(5)).await;
    assert_eq!(due().await, Some(first), "no second chain");
    // Its message was lost: the next change starts anew.
    let lost = first + SignedDuration::from_mins(31);
    door.show(&id, lost).await;
    assert!(due().await.is_some_and(|due| due > lost));
    assert_eq!(timers().await, 0, "they are delayed");
}

/// A door with queues of its own: time passes there as a story wants, and nobody acts on it.
struct Door {
    stack: Stack,
    app: App,
    notifications: OwnQueue,
}

impl Door {
    async fn open() -> Self {
        let stack = Stack::start();
        let incidents = OwnQueue::create(&stack).await;
        let notifications = OwnQueue::create(&stack).await;
        let app = stack.ingress(&[
            ("INCIDENTS_QUEUE_URL", &incidents.url),
            ("NOTIFICATIONS_QUEUE_URL", &notifications.url),
        ]);
        Self {
            stack,
            app,
            notifications,
        }
    }

    /// The notifier of these queues. It knows of no chat: one that was told of a time to come would keep the others waiting for it.
    fn notifier(&self) -> notifier::App {
        let nowhere = std::env::temp_dir();
        self.stack.notifier_with(&[
            ("NOTIFICATIONS_QUEUE_URL", &self.notifications.url),
            ("CONFIG_DIR", nowhere.to_str().expect("a path")),
        ])
    }

    /// Lets the notifier know that an incident changed.
    async fn show(&self, id: &IncidentId, now: Timestamp) {
        let message = Message::IncidentChanged {
            incident_id: id.clone(),
        };
        let until = Instant::now() + Duration::from_secs(60);
        let clock = move || now;
        self.notifier()
            .handle(&message, &unique("holder"), &clock, until)
            .await
            .expect("handled");
    }

    async fn outcome(&self, alert: &TestAlert, now: Timestamp) -> String {
        let answer = deliver(&self.app, &self.stack, alert, now).await;
        answer["outcome"].as_str().expect("an outcome").to_owned()
    }
}

/// One of the alerts of a fingerprint, as Alertmanager delivers it.
fn member_of(alert: &TestAlert, number: usize, ended: Option<Timestamp>) -> Value {
    let alert = TestAlert {
        ends_at: ended,
        ..alert.clone()
    };
    let mut body = alert.delivery()["alerts"][0].clone();
    body["fingerprint"] = json!(format!("{number:016x}"));
    body
}

/// One delivery: does it fire, which members, since when, how bad, and how long after the one before.
type Delivery = (bool, (usize, usize), Option<i64>, bool, u16);

fn delivery() -> impl Strategy<Value = Delivery> {
    let wait = prop_oneof![0u16..10, 30u16..60, 290u16..310, 17_990u16..18_010];
    (
        any::<bool>(),
        (0..100usize, 1..100usize),
        prop::option::of(1i64..5),
        any::<bool>(),
        wait,
    )
}

/// The rule alone: what the store has to come to.
struct Model {
    episode: Option<Episode>,
    outcomes: BTreeMap<&'static str, u32>,
}

impl Model {
    fn step(
        &mut self,
        fingerprint: &Fingerprint,
        names: &[MemberId],
        fires: Option<Member>,
        now: Timestamp,
    ) -> &'static str {
        let outcome = if let Some(fires) = fires {
            let firing = Firing {
                members: names.iter().map(|name| (name.clone(), fires)).collect(),
                count: names.len() as u64,
                severity: fires.severity,
                left_out: 0,
                analysed: true,
                group: None,
                forbids_repair: false,
            };
            let id = IncidentId::try_from(ulid::Ulid::generate().to_string()).expect("a ULID");
            let (outcome, episode) = on_firing(
                self.episode.as_ref(),
                fingerprint,
                &firing,
                &id,
                now,
                WINDOWS,
            );
            self.episode = Some(episode);
            match outcome {
                FiringOutcome::Opened => "opened",
                FiringOutcome::Joined => "joined",
                FiringOutcome::Escalated => "escalated",
                FiringOutcome::Reopened => "reopened",
                FiringOutcome::Late => "late",
            }
        } else if let Some(current) = &self.episode {
            let names = names.iter().cloned().collect();
            let (outcome, episode) = on_resolved(current, &names, now, WINDOWS);
            self.episode = Some(episode);
            match outcome {
                domain::episode::ResolvedOutcome::Resolved => "resolved",
                domain::episode::ResolvedOutcome::MemberLeft => "member_left",
                domain::episode::ResolvedOutcome::Ignored => "ignored",
            }
        } else {
            "ignored"
        };
        *self.outcomes.entry(outcome).or_default() += 1;
        outcome
    }
}

/// What of an episode has to be the same; ids and the bookkeeping of writes are the store's own.
fn essence(episode: &Episode) -> impl PartialEq + std::fmt::Debug {
    // A plain join leaves departures for the next other write to forget.
    let disputed: BTreeMap<MemberId, Option<Member>> = episode
        .departed
        .iter()
        .filter(|(_, departed)| departed.disputed.is_some())
        .map(|(member, departed)| (member.clone(), departed.disputed))
        .collect();
    (
        (episode.open, episode.expired, episode.overflowed),
        episode.members.clone(),
        disputed,
        episode.latest_start,
        (episode.hit_count, episode.flaps),
        episode.severity,
    )
}

#[tokio::test]
async fn random_deliveries_come_to_what_the_rule_says() {
    let door = Door::open().await;
    let mut runner = TestRunner::deterministic();
    let mut outcomes: BTreeMap<&'static str, u32> = BTreeMap::new();
    for story in 0..STORIES {
        // Few members, about as many as an item holds, and more.
        let count = [3, 11, 40][story % 3];
        let story = prop::collection::vec(delivery(), DELIVERIES)
            .new_tree(&mut runner)
            .expect("a story")
            .current();
        let origin =
            Timestamp::from_millisecond(Timestamp::now().as_millisecond()).expect("a time");
        let base = TestAlert::firing(unique("random"));
        let fingerprint = base.fingerprint();
        let mut model = Model {
            episode: None,
            outcomes: std::mem::take(&mut outcomes),
        };
        let mut now = origin;
        for (fires, (from, length), since, critical, wait) in &story {
            now += SignedDuration::from_secs(i64::from(*wait));
            let starts_at = since.map_or(now, |nth| origin + SignedDuration::from_secs(nth));
            let alert = TestAlert {
                severity: if *critical { "critical" } else { "warning" },
                starts_at,
                ..base.clone()
            };
            let numbers = (from * count / 100)..((from + length).min(100) * count).div_ceil(100);
            let ended = (!fires).then_some(now);
            let mut body = alert.delivery();
            body["alerts"] = numbers
                .clone()
                .map(|number| member_of(&alert, number, ended))
                .collect();
            let (status, answer) = answer(&door.app, door.stack.delivery(&body), now).await;
            assert_eq!(status, 200, "{answer}");
            let names: Vec<MemberId> = numbers
                .map(|number| MemberId::try_from(format!("{number:016x}")).expect("a member id"))
                .collect();
            let member = Member {
                severity: AlertSeverity::of_label(alert.severity),
                starts_at: starts_at
                    .min(now + SignedDuration::from_mins(5))
                    .as_millisecond(),
            };
            let expected = model.step(&fingerprint, &names, fires.then_some(member), now);
            assert_eq!(answer["outcome"], expected, "{story:?}");
            let stored = door
                .stack
                .store
                .episode(&fingerprint)
                .await
                .expect("the store answers");
            assert!(
                stored.as_ref().map(essence) == model.episode.as_ref().map(essence),
                "{story:?}\n{stored:#?}\n{:#?}",
                model.episode
            );
            assert!(
                stored.is_none_or(|stored| stored.unsent.is_empty()),
                "what was acknowledged was sent"
            );
        }
        outcomes = model.outcomes;
    }
    // The stories are worth telling only if all of it happens in them.
    for outcome in [
        "opened",
        "joined",
        "escalated",
        "reopened",
        "late",
        "resolved",
        "member_left",
        "ignored",
    ] {
        assert!(
            outcomes.contains_key(outcome),
            "{outcome} never happened: {outcomes:?}"
        );
    }
}
