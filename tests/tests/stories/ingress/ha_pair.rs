//! Two real Alertmanagers that watch each other (an HA pair) deliver the same alerts: `durable-ack`, `one-incident`,
//! `exact-count` through an outage of the queue, through the death of one of them, and where they cannot see each other.

use std::collections::BTreeSet;
use std::io::Write as _;

use domain::incident::Status;
use domain::incident::operation_log::Event;
use jiff::Timestamp;
use serde_json::{Value, json};
use tests::alert::{TestAlert, unique};
use tests::alertmanager::{Alertmanager, Receiver};
use tests::http_door::{Delivery, HttpDoor};
use tests::stack::Stack;

const PEERS: [&str; 2] = ["one", "two"];
/// The members of the alert that has several: three pods of one component.
const PODS: [&str; 3] = ["a", "b", "c"];

/// An alert as a Prometheus gives it to each peer.
fn posted(alert: &TestAlert, pod: &str, ends_at: Option<Timestamp>) -> Value {
    let mut posted = json!({
        "labels": {
            "alertname": alert.name, "component": alert.component, "namespace": alert.namespace, "severity": alert.severity, "pod": pod,
            "cluster": "demo",
        },
        "annotations": { "summary": format!("{} does not answer", alert.component) },
        "startsAt": alert.starts_at,
    });
    if let Some(at) = ends_at {
        posted["endsAt"] = json!(at);
    }
    posted
}

/// What is wrong in these stories: a component with several pods, and another one alone.
struct Trouble {
    many: TestAlert,
    alone: TestAlert,
}

impl Trouble {
    fn new() -> Self {
        Self {
            many: TestAlert::firing(unique("pair-many")),
            alone: TestAlert::firing(unique("pair-alone")),
        }
    }

    fn alerts(&self) -> Value {
        let mut alerts: Vec<Value> = PODS
            .iter()
            .map(|pod| posted(&self.many, pod, None))
            .collect();
        alerts.push(posted(&self.alone, "a", None));
        json!(alerts)
    }

    fn both(&self) -> [&TestAlert; 2] {
        [&self.many, &self.alone]
    }
}

/// How many deliveries of a sender hold alerts of a component, in `firing` or `resolved`, and were answered with a status.
fn deliveries(all: &[Delivery], sender: &str, component: &str, alerts: &str, status: u16) -> usize {
    all.iter()
        .filter(|d| d.sender == sender && d.status == status && d.alerts(component, alerts) > 0)
        .count()
}

/// How many firing alerts of a component were answered with a status, over all deliveries.
fn firing(all: &[Delivery], component: &str, status: u16) -> u64 {
    all.iter()
        .filter(|delivery| delivery.status == status)
        .map(|delivery| delivery.alerts(component, "firing"))
        .sum()
}

/// Starts the peers, each with a path of its own on the door.
async fn pair(stack: &Stack, door: &HttpDoor, know_each_other: bool) -> [Alertmanager; 2] {
    let urls = PEERS.map(|peer| door.url(peer, "webhooks/alertmanager"));
    let token = &stack.facts.secrets["alertmanager"];
    let [one, two] = &urls;
    let receiver = |url| Receiver {
        url,
        token,
        group_by: &["alertname", "component"],
    };
    if know_each_other {
        return Alertmanager::pair([receiver(one), receiver(two)]).await;
    }
    [
        Alertmanager::alone(receiver(one)).await,
        Alertmanager::alone(receiver(two)).await,
    ]
}

/// The incident that a fingerprint has now.
async fn incident_of(stack: &Stack, alert: &TestAlert) -> String {
    let episode = stack
        .store
        .episode(&alert.fingerprint())
        .await
        .expect("the store answers");
    episode
        .expect("the alert is stored")
        .incident_id
        .to_string()
}

/// `durable-ack` while the queue is out: what was stored is on no queue, so that nobody has analysed or shown it.
async fn nothing_is_done_about(stack: &Stack, alert: &TestAlert) -> String {
    let id = incident_of(stack, alert).await;
    let log = stack.log_with(&id, Event::AlertReceived).await;
    assert!(
        log.iter().all(|entry| entry.event == Event::AlertReceived),
        "somebody was told: {log:#?}"
    );
    assert!(
        stack.cards(&alert.component).await.is_empty(),
        "a card is there"
    );
    id
}

/// `one-incident`: all that was ever acknowledged belongs to one incident, which was opened, analysed and shown once.
async fn one_incident(stack: &Stack, door: &HttpDoor, alert: &TestAlert, id: &str) {
    let mut ids = BTreeSet::new();
    for delivery in door
        .deliveries()
        .iter()
        .filter(|delivery| delivery.status == 200)
    {
        assert!(
            !delivery.answer["results"]
                .as_array()
                .expect("a result for each alert")
                .is_empty()
        );
        if delivery.alerts(&alert.component, "firing")
            + delivery.alerts(&alert.component, "resolved")
            > 0
        {
            for result in delivery.answer["results"].as_array().expect("a list") {
                ids.insert(
                    result["incident_id"]
                        .as_str()
                        .expect("an incident")
                        .to_owned(),
                );
            }
        }
    }
    assert_eq!(
        ids,
        BTreeSet::from([id.to_owned()]),
        "one incident for one fingerprint"
    );
    assert_eq!(incident_of(stack, alert).await, id);
    let log = stack.log_with(id, Event::AnalysisCompleted).await;
    for event in [Event::AlertReceived, Event::AnalysisCompleted] {
        assert_eq!(
            log.iter().filter(|entry| entry.event == event).count(),
            1,
            "{event:?}"
        );
    }
    assert_eq!(stack.cards(&alert.component).await.len(), 1, "one card");
}

/// `exact-count`: as many as were acknowledged, and more only by what was answered with a 503 and tried again.
async fn the_count_is_right(stack: &Stack, door: &HttpDoor, alert: &TestAlert) {
    let all = door.deliveries();
    let (acknowledged, refused) = (
        firing(&all, &alert.component, 200),
        firing(&all, &alert.component, 503),
    );
    let episode = stack
        .store
        .episode(&alert.fingerprint())
        .await
        .expect("the store answers")
        .expect("it is stored");
    let most = acknowledged + refused;
    let said = format!(
        "{}: {acknowledged} firing alerts acknowledged, {refused} refused, counted {}",
        alert.component, episode.hit_count
    );
    writeln!(std::io::stderr(), "{said}").expect("standard error");
    assert!((acknowledged..=most).contains(&episode.hit_count), "{said}");
    assert!(
        episode.unsent.is_empty(),
        "what was acknowledged was sent: {:?}",
        episode.unsent
    );
}

async fn resolved_once(stack: &Stack, id: &str) {
    stack.status(id, Status::Resolved).await;
    stack.card(id, "Resolved").await;
    let log = stack.log_with(id, Event::IncidentResolved).await;
    assert_eq!(
        log.iter()
            .filter(|entry| entry.event == Event::IncidentResolved)
            .count(),
        1
    );
}

#[tokio::test]
async fn an_outage_of_the_queue_loses_nothing_of_a_pair() {
    if !Alertmanager::is_installed("ha_pair") {
        return;
    }
    let stack = Stack::start();
    let door = HttpDoor::open(&stack).await;
    let pair = pair(&stack, &door, true).await;
    let trouble = Trouble::new();
    door.take_queue_away(true);
    for peer in &pair {
        peer.post(&trouble.alerts()).await;
    }
    // As long as none of them has succeeded, neither can tell the other that it need not deliver: both try again and again.
    let refused = |all: &[Delivery], peer, alert: &TestAlert| {
        deliveries(all, peer, &alert.component, "firing", 503)
    };
    door.until("two refused deliveries of each alert by each peer", |all| {
        PEERS.iter().all(|peer| {
            trouble
                .both()
                .iter()
                .all(|alert| refused(all, peer, alert) >= 2)
        })
    })
    .await;
    assert!(
        door.deliveries()
            .iter()
            .all(|delivery| delivery.status == 503),
        "nothing is acknowledged during the outage"
    );
    let many = nothing_is_done_about(&stack, &trouble.many).await;
    let alone = nothing_is_done_about(&stack, &trouble.alone).await;
    assert_ne!(many, alone);

    door.take_queue_away(false);
    for (alert, id) in [(&trouble.many, &many), (&trouble.alone, &alone)] {
        door.until("an acknowledged delivery", |all| {
            firing(all, &alert.component, 200) > 0
        })
        .await;
        stack.status(id, Status::NeedsHuman).await;
        stack.card(id, "Needs a human").await;
    }
    let episode = stack
        .store
        .episode(&trouble.many.fingerprint())
        .await
        .expect("the store answers")
        .expect("it is stored");
    assert_eq!(episode.members.len(), PODS.len(), "no pod is lost");

    // One alert ends, at both peers.
    let ended = json!([posted(&trouble.alone, "a", Some(Timestamp::now()))]);
    for peer in &pair {
        peer.post(&ended).await;
    }
    resolved_once(&stack, &alone).await;
    // The other one still fires and is still delivered, after the one that has ended.
    let before = firing(&door.deliveries(), &trouble.many.component, 200);
    door.until("one more delivery", |all| {
        firing(all, &trouble.many.component, 200) > before
    })
    .await;

    drop(pair);
    door.idle().await;
    assert!(
        door.deliveries()
            .iter()
            .all(|delivery| [200, 503].contains(&delivery.status))
    );
    for (alert, id) in [(&trouble.many, &many), (&trouble.alone, &alone)] {
        one_incident(&stack, &door, alert, id).await;
        the_count_is_right(&stack, &door, alert).await;
    }
    resolved_once(&stack, &alone).await;
    stack.status(&many, Status::NeedsHuman).await;
}

#[tokio::test]
async fn the_peer_that_is_left_goes_on_alone() {
    if !Alertmanager::is_installed("ha_pair") {
        return;
    }
    let stack = Stack::start();
    let door = HttpDoor::open(&stack).await;
    let [one, two] = pair(&stack, &door, true).await;
    let trouble = Trouble::new();
    door.take_queue_away(true);
    for peer in [&one, &two] {
        peer.post(&trouble.alerts()).await;
    }
    let refused =
        |all: &[Delivery], peer| deliveries(all, peer, &trouble.many.component, "firing", 503);
    door.until("a refused delivery of each peer", |all| {
        PEERS.iter().all(|peer| refused(all, peer) > 0)
    })
    .await;
    // The peer that delivers first is gone before it could deliver anything.
    drop(one);
    door.idle().await;
    let many = nothing_is_done_about(&stack, &trouble.many).await;

    door.take_queue_away(false);
    let acknowledged = |all: &[Delivery], peer, alert: &TestAlert| {
        deliveries(all, peer, &alert.component, "firing", 200)
    };
    door.until("a delivery by the peer that is left", |all| {
        trouble
            .both()
            .iter()
            .all(|alert| acknowledged(all, "two", alert) > 0)
    })
    .await;
    let alone = incident_of(&stack, &trouble.alone).await;
    for id in [&many, &alone] {
        stack.card(id, "Needs a human").await;
    }
    let now = Timestamp::now();
    let mut ended: Vec<Value> = PODS
        .iter()
        .map(|pod| posted(&trouble.many, pod, Some(now)))
        .collect();
    ended.push(posted(&trouble.alone, "a", Some(now)));
    two.post(&json!(ended)).await;
    for id in [&many, &alone] {
        resolved_once(&stack, id).await;
    }
    drop(two);
    door.idle().await;
    for (alert, id) in [(&trouble.many, &many), (&trouble.alone, &alone)] {
        one_incident(&stack, &door, alert, id).await;
        the_count_is_right(&stack, &door, alert).await;
        assert_eq!(
            acknowledged(&door.deliveries(), "one", alert),
            0,
            "the dead peer has delivered nothing"
        );
    }
}

#[tokio::test]
async fn separated_peers_deliver_twice_and_open_one_incident() {
    if !Alertmanager::is_installed("ha_pair") {
        return;
    }
    let stack = Stack::start();
    let door = HttpDoor::open(&stack).await;
    // The network between them is cut: each believes that it is the only one that is left.
    let pair = pair(&stack, &door, false).await;
    let trouble = Trouble::new();
    for peer in &pair {
        peer.post(&trouble.alerts()).await;
    }
    let by_both = |all: &[Delivery], alert: &TestAlert, status: &str| {
        PEERS
            .iter()
            .all(|peer| deliveries(all, peer, &alert.component, status, 200) > 0)
    };
    door.until("each alert from each peer", |all| {
        trouble
            .both()
            .iter()
            .all(|alert| by_both(all, alert, "firing"))
    })
    .await;
    let (many, alone) = (
        incident_of(&stack, &trouble.many).await,
        incident_of(&stack, &trouble.alone).await,
    );
    for id in [&many, &alone] {
        stack.card(id, "Needs a human").await;
    }
    let ended = json!([posted(&trouble.alone, "a", Some(Timestamp::now()))]);
    for peer in &pair {
        peer.post(&ended).await;
    }
    door.until("the end from each peer", |all| {
        by_both(all, &trouble.alone, "resolved")
    })
    .await;
    drop(pair);
    door.idle().await;
    resolved_once(&stack, &alone).await;
    for (alert, id) in [(&trouble.many, &many), (&trouble.alone, &alone)] {
        one_incident(&stack, &door, alert, id).await;
        the_count_is_right(&stack, &door, alert).await;
        assert_eq!(
            firing(&door.deliveries(), &alert.component, 503),
            0,
            "so that the count above is exact"
        );
    }
}
