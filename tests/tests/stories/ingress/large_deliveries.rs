//! Tests of deliveries that are large, that come while the table is busy, or from which the sender
//! left alerts out: each alert is counted, or the sender is asked to retry.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use aws::requests_sent;
use domain::primitives::id::{Fingerprint, IncidentId};
use jiff::Timestamp;
use loopback::{Answer, Request};
use serde_json::{Value, json};
use tests::alert::{TestAlert, unique};
use tests::faulty_aws::{faulty, refusal};
use tests::in_process::{RESERVE, answer, ending_in};
use tests::own_queue::OwnQueue;
use tests::stack::Stack;
use wire::message::{Message, Queued as _};

/// How often a sender comes again before a story gives up.
const TRIES: u64 = 30;

/// A group of `fingerprints` × `members` alerts.
fn group(fingerprints: usize, members: usize) -> Value {
    let namespace = unique("large");
    let starts_at = Timestamp::now();
    let alert = |i: usize| {
        let (fingerprint, member) = (i % fingerprints, i / fingerprints);
        json!({
            "status": "firing", "startsAt": starts_at, "fingerprint": format!("{member:016x}"),
            "labels": { "alertname": "TargetDown", "component": format!("large-{fingerprint}"), "namespace": namespace },
            "annotations": { "summary": format!("instance {member} does not answer") },
        })
    };
    json!({ "status": "firing", "alerts": (0..fingerprints * members).map(alert).collect::<Value>() })
}

fn kind(problem: &Value) -> &str {
    problem["type"]
        .as_str()
        .and_then(|kind| kind.strip_prefix("urn:quell:problem:"))
        .unwrap_or("none")
}

/// A door whose incidents only the story sees: a thousand of them would keep the deployed functions busy for long.
struct Door {
    stack: Stack,
    app: ingress::App,
    incidents: OwnQueue,
}

impl Door {
    async fn open() -> Self {
        let stack = Stack::start();
        let (incidents, notifications) = (
            OwnQueue::create(&stack).await,
            OwnQueue::create(&stack).await,
        );
        let app = stack.ingress(&[
            ("INCIDENTS_QUEUE_URL", &incidents.url),
            ("NOTIFICATIONS_QUEUE_URL", &notifications.url),
        ]);
        Self {
            stack,
            app,
            incidents,
        }
    }

    async fn queued(&self) -> BTreeSet<IncidentId> {
        let bodies = self.incidents.take_all().await;
        bodies
            .iter()
            .map(|body| Message::from_json(body).expect("ours"))
            .filter_map(|message: Message| message.incident_id().cloned())
            .collect()
    }
}

#[tokio::test]
async fn ten_thousand_alerts_of_one_delivery_are_all_counted() {
    const FINGERPRINTS: usize = 1_000;
    const MEMBERS: usize = 10;
    let door = Door::open().await;
    let body = group(FINGERPRINTS, MEMBERS);
    let bytes = body.to_string().len();
    assert!(bytes < 5_500_000, "{bytes}");

    // As Lambda would end it: 503 with a reason, and the next try gets further.
    let mut tries = 1;
    let mut counted = 0;
    let whole = loop {
        let (status, answer) = answer(
            &door.app,
            ending_in(door.stack.delivery(&body), 25_000),
            Timestamp::now(),
        )
        .await;
        if status == 200 {
            break answer;
        }
        assert_eq!((status, kind(&answer)), (503, "out-of-time"), "{answer}");
        let said = counted_of(&answer);
        assert!(
            said.0 > counted && said.1 == FINGERPRINTS as u64,
            "no further than {counted}: {answer}"
        );
        counted = said.0;
        assert!(tries < TRIES);
        tries += 1;
    };
    let results = whole["results"].as_array().expect("an answer to each");
    assert_eq!(
        (results.len(), &whole["results_left_out"]),
        (FINGERPRINTS * MEMBERS, &json!(0))
    );
    let mut incidents: BTreeMap<Fingerprint, BTreeSet<String>> = BTreeMap::new();
    for result in results {
        let text = |field: &str| result[field].as_str().expect("text").to_owned();
        incidents
            .entry(Fingerprint::try_from(text("fingerprint")).expect("a fingerprint"))
            .or_default()
            .insert(text("incident_id"));
    }
    assert_eq!(incidents.len(), FINGERPRINTS);
    let queued = door.queued().await;
    let mut seen = BTreeSet::new();
    for (fingerprint, ids) in incidents {
        let episode = door
            .stack
            .store
            .episode(&fingerprint)
            .await
            .expect("the store answers")
            .expect("an episode");
        assert!(
            episode.open && episode.members.len() == MEMBERS && episode.unsent.is_empty(),
            "{episode:#?}"
        );
        assert_eq!(
            ids,
            BTreeSet::from([episode.incident_id.to_string()]),
            "one incident each"
        );
        // A try counts all members of a fingerprint or none of them; the last one counted every fingerprint.
        let members = MEMBERS as u64;
        assert!(
            episode.hit_count % members == 0
                && (members..=members * tries).contains(&episode.hit_count),
            "{episode:#?}"
        );
        assert!(
            queued.contains(&episode.incident_id),
            "it was queued for the analysis"
        );
        seen.insert(episode.incident_id);
    }
    assert_eq!((seen.len(), queued.len()), (FINGERPRINTS, FINGERPRINTS));
}

#[tokio::test]
async fn an_answer_is_never_larger_than_lambda_can_hand_back() {
    let door = Door::open().await;
    let starts_at = Timestamp::now();
    let namespace = unique("many");
    // As many alerts as a body can hold, of few words each.
    let alert = json!({ "status": "firing", "startsAt": starts_at, "labels": { "alertname": "TargetDown", "namespace": namespace } });
    let alerts: Value = std::iter::repeat_n(alert, 35_000).collect();
    let body = json!({ "status": "firing", "alerts": alerts });
    assert!(
        (4_000_000..5_500_000).contains(&body.to_string().len()),
        "{}",
        body.to_string().len()
    );
    let (status, told) = answer(&door.app, door.stack.delivery(&body), Timestamp::now()).await;
    assert_eq!(
        (status, told["hit_count"].as_u64()),
        (200, Some(35_000)),
        "all are counted"
    );
    let in_lambdas_answer = json!({ "statusCode": 200, "body": told.to_string() })
        .to_string()
        .len();
    assert!(in_lambdas_answer < 6_000_000, "{in_lambdas_answer}");
    let results = told["results"].as_array().map(Vec::len).expect("a list");
    assert_eq!(
        (results as u64) + told["results_left_out"].as_u64().expect("a number"),
        35_000,
        "what is not told is named"
    );
    assert!(results > 5_000, "{results}");
}

/// What a problem says of how far it came: "the time ran out after 12 of 300 fingerprints …".
fn counted_of(problem: &Value) -> (u64, u64) {
    let detail = problem["detail"].as_str().expect("a detail");
    let numbers: Vec<u64> = detail
        .split(' ')
        .filter_map(|word| word.parse().ok())
        .collect();
    assert_eq!(numbers.len(), 2, "{detail}");
    (numbers[0], numbers[1])
}

#[tokio::test]
async fn a_delivery_out_of_time_says_how_far_and_the_retry_ends_it() {
    const FINGERPRINTS: usize = 300;
    let door = Door::open().await;
    let body = group(FINGERPRINTS, 1);
    // Not one may be begun.
    let (status, problem) = answer(
        &door.app,
        ending_in(door.stack.delivery(&body), 500),
        Timestamp::now(),
    )
    .await;
    assert_eq!(
        (status, kind(&problem), counted_of(&problem)),
        (503, "out-of-time", (0, FINGERPRINTS as u64)),
        "{problem}"
    );
    assert_eq!(door.queued().await.len(), 0);
    // Some are.
    let response = door
        .app
        .answer(
            ending_in(door.stack.delivery(&body), RESERVE + 300),
            Timestamp::now(),
        )
        .await
        .expect("an answer");
    assert_eq!(
        (
            response.status().as_u16(),
            response.headers()["retry-after"].to_str().ok()
        ),
        (503, Some("2"))
    );
    let problem: Value = serde_json::from_slice(response.body()).expect("JSON");
    let (counted, of) = counted_of(&problem);
    assert!(
        counted > 0 && counted < of && of == FINGERPRINTS as u64,
        "{problem}"
    );
    let queued = door.queued().await;
    assert_eq!(
        queued.len() as u64,
        counted,
        "what is counted is queued, and it is what the answer says"
    );

    let (status, whole) = answer(
        &door.app,
        ending_in(door.stack.delivery(&body), 60_000),
        Timestamp::now(),
    )
    .await;
    assert_eq!(status, 200, "{whole}");
    let outcomes = |name: &str| {
        whole["results"]
            .as_array()
            .expect("a list")
            .iter()
            .filter(|result| result["outcome"] == name)
            .count()
    };
    assert_eq!(
        (outcomes("joined") as u64, outcomes("opened") as u64),
        (counted, of - counted)
    );
    assert_eq!(queued.len() + door.queued().await.len(), FINGERPRINTS);
}

#[tokio::test]
async fn alerts_left_out_are_on_the_card_and_joins_stay_cheap() {
    let stack = Stack::start();
    let app = stack.ingress(&[]);
    let alert = TestAlert::firing(unique("truncated"));
    let send = async |left_out: u64| {
        let mut body = alert.delivery();
        body["truncatedAlerts"] = json!(left_out);
        let before = requests_sent();
        let (status, answer) = answer(&app, stack.delivery(&body), Timestamp::now()).await;
        assert_eq!(
            (status, answer["truncated_alerts"].as_u64()),
            (200, Some(left_out)),
            "{answer}"
        );
        (answer, requests_sent() - before)
    };
    let (opened, _) = send(7).await;
    let id = opened["incident_id"]
        .as_str()
        .expect("an incident")
        .to_owned();
    assert_eq!(stack.incident(&id, |_| true).await.left_out, 7);
    stack.card(&id, "its sender left out 7 alerts").await;

    // Known already, or fewer: a plain join, in one request.
    // The second sighting tells the notifier of the count: one request more, as every power of two.
    assert_eq!(send(7).await.1, 2);
    for left_out in [3] {
        let (joined, requests) = send(left_out).await;
        assert_eq!(
            (joined["outcome"].as_str(), requests),
            (Some("joined"), 1),
            "{joined}"
        );
    }
    assert_eq!(send(0).await.1, 2, "the fourth sighting");
    let (joined, requests) = send(0).await;
    assert_eq!(
        (joined["outcome"].as_str(), requests),
        (Some("joined"), 1),
        "{joined}"
    );
    assert_eq!(stack.incident(&id, |_| true).await.left_out, 7);

    let (more, _) = send(9).await;
    assert_eq!(
        (more["outcome"].as_str(), more["incident_id"].as_str()),
        (Some("joined"), Some(id.as_str()))
    );
    stack.card(&id, "its sender left out 9 alerts").await;
    assert_eq!(send(9).await.1, 1);
    let incident = stack.incident(&id, |_| true).await;
    assert_eq!(incident.left_out, 9);
    let fingerprint = opened["fingerprint"].as_str().expect("a fingerprint");
    let episode = stack
        .store
        .episode(&Fingerprint::try_from(fingerprint).expect("a fingerprint"))
        .await
        .expect("the store answers");
    assert_eq!(
        episode.map(|episode| (episode.hit_count, episode.left_out)),
        Some((7, 9))
    );
}

/// How DynamoDB says that a request is too much right now, in the way of the request's operation.
fn too_much(request: &Request) -> Option<Answer> {
    match request
        .header("x-amz-target")
        .strip_prefix("DynamoDB_20120810.")?
    {
        "TransactWriteItems" => Some(refusal(
            "TransactionCanceledException",
            &["None", "ThrottlingError"],
        )),
        _ => Some(refusal("ProvisionedThroughputExceededException", &[])),
    }
}

#[tokio::test]
async fn a_table_that_is_busy_for_a_while_loses_nothing() {
    let stack = Stack::start();
    // More than the SDK's own tries, for the join and for the transaction that follows.
    let left = BTreeMap::from([
        ("UpdateItem", AtomicU32::new(7)),
        ("TransactWriteItems", AtomicU32::new(5)),
    ]);
    let aws = faulty(&stack, move |request| {
        let left = left
            .iter()
            .find(|(operation, _)| request.header("x-amz-target").ends_with(*operation))?
            .1;
        left.fetch_update(Relaxed, Relaxed, |left| left.checked_sub(1))
            .ok()
            .and_then(|_| too_much(request))
    })
    .await;
    let app = stack.ingress_at(&aws, &[]);
    let alert = TestAlert::firing(unique("busy"));
    for (outcome, hit_count) in [("opened", 1), ("joined", 2)] {
        let (status, counted) =
            answer(&app, stack.delivery(&alert.delivery()), Timestamp::now()).await;
        assert_eq!(status, 200, "{counted}");
        assert_eq!(
            (counted["outcome"].as_str(), counted["hit_count"].as_u64()),
            (Some(outcome), Some(hit_count)),
            "refusals count nothing"
        );
    }
}

#[tokio::test]
async fn a_busy_table_is_answered_in_time_and_the_retry_counts() {
    let stack = Stack::start();
    let aws = faulty(&stack, too_much).await;
    let app = stack.ingress_at(&aws, &[]);
    let alert = TestAlert::firing(unique("busy"));
    let began = Instant::now();
    let request = ending_in(stack.delivery(&alert.delivery()), RESERVE + 3_000);
    let answered = tokio::time::timeout(
        Duration::from_secs(10),
        answer(&app, request, Timestamp::now()),
    )
    .await;
    let (status, problem) = answered.expect("an answer, however busy the table is");
    let took = began.elapsed();
    assert_eq!((status, kind(&problem)), (503, "unavailable"), "{problem}");
    assert!(
        took < Duration::from_secs(5),
        "Lambda would have ended it before it answered: {took:?}"
    );
    assert!(
        took > Duration::from_secs(1),
        "it gave up with time left: {took:?}"
    );
    assert!(
        !problem.to_string().contains("Throughput"),
        "inner errors are not shown: {problem}"
    );
    let counted = stack.deliver_one(&alert).await;
    assert_eq!(
        (counted["outcome"].as_str(), counted["hit_count"].as_u64()),
        (Some("opened"), Some(1))
    );
}
