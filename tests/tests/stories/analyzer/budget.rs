//! Tests of model budgets (`capped-spend`) and of finding earlier incidents: the store against the
//! deployed table.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use domain::alert::Alert;
use domain::alert::fingerprint::fingerprint;
use domain::analysis::budget::{Budget, Paid, Spent, day};
use domain::analysis::price::{MicroUsd, Usage};
use domain::incident::Incident;
use domain::policy::precedent::Near;
use domain::primitives::id::IncidentId;
use futures_util::{StreamExt as _, stream};
use jiff::{SignedDuration, Timestamp};
use loopback::Request;
use store::{Reservation, Reserved, Store, StoreError, fresh_incident_id};
use tests::alert::unique;
use tests::faulty_aws::{faulty, refusal};
use tests::in_process::deadline;
use tests::opened::{alert, own_day};
use tests::stack::Stack;
use wire::message::Message;

const PROVIDER: &str = "one";
const USAGE: Usage = Usage {
    input: 100,
    output: 20,
};
const NO_LIMIT: MicroUsd = 1_000_000_000;

fn an_incident() -> IncidentId {
    fresh_incident_id(Timestamp::now())
}

async fn reserve(
    store: &Store,
    incident: &IncidentId,
    most: MicroUsd,
    limits: Budget,
    now: Timestamp,
) -> Reserved {
    store
        .reserve(incident, PROVIDER, most, limits, now)
        .await
        .expect("the store answers")
}

async fn granted(
    store: &Store,
    incident: &IncidentId,
    most: MicroUsd,
    limits: Budget,
    now: Timestamp,
) -> Reservation {
    match reserve(store, incident, most, limits, now).await {
        Reserved::Granted(reservation) => reservation,
        refused => panic!("{refused:?}"),
    }
}

/// The table, by way of a client of its own.
fn another_client(stack: &Stack) -> Store {
    store_at(stack, &stack.aws())
}

fn store_at(stack: &Stack, aws: &aws_types::SdkConfig) -> Store {
    Store::new(
        aws_sdk_dynamodb::Client::new(aws),
        stack.facts.outputs["TableName"].clone(),
    )
}

#[tokio::test]
async fn of_200_racing_calls_the_day_budget_grants_what_it_holds() {
    const FITTING: usize = 50;
    const MOST: MicroUsd = 100;
    let stack = Stack::start();
    let clients: Vec<Store> = (0..4).map(|_| another_client(&stack)).collect();
    let incidents: Vec<IncidentId> = (0..10).map(|_| an_incident()).collect();
    // Almost enough for one more.
    let limits = Budget {
        day: FITTING as MicroUsd * MOST + MOST - 1,
        incident: NO_LIMIT,
    };
    let now = own_day();
    let racing = (0..200).map(|i| {
        reserve(
            &clients[i % clients.len()],
            &incidents[i % incidents.len()],
            MOST,
            limits,
            now,
        )
    });
    let answers: Vec<Reserved> = stream::iter(racing).buffer_unordered(40).collect().await;
    let reservations: Vec<&Reservation> = answers
        .iter()
        .filter_map(|answer| match answer {
            Reserved::Granted(reservation) => Some(reservation),
            Reserved::DayUsedUp => None,
            Reserved::IncidentUsedUp => panic!("no incident has a limit"),
        })
        .collect();
    assert_eq!(reservations.len(), FITTING);
    assert_eq!(
        stack
            .store
            .spending(day(now))
            .await
            .expect("the figures")
            .committed,
        FITTING as MicroUsd * MOST
    );

    // Each is settled twice at once, and all of them race: five are not billed, five are unknown, forty cost less.
    let spent = |i: usize| match i % 10 {
        0 => Spent::Nothing,
        1 => Spent::Unknown,
        _ => Spent::Exactly(30, USAGE),
    };
    let twice = reservations
        .iter()
        .enumerate()
        .chain(reservations.iter().enumerate());
    let settling =
        twice.map(|(i, reservation)| clients[i % clients.len()].settle(reservation, spent(i)));
    let settled: Vec<Result<(), StoreError>> =
        stream::iter(settling).buffer_unordered(40).collect().await;
    assert!(settled.iter().all(Result::is_ok), "{settled:#?}");
    let spending = stack.store.spending(day(now)).await.expect("the figures");
    assert_eq!(
        (spending.committed, spending.open(), spending.unsettled),
        (40 * 30 + 5 * MOST, 0, 5 * MOST)
    );
    let usage = Usage {
        input: 40 * USAGE.input,
        output: 40 * USAGE.output,
    };
    assert_eq!(
        spending.providers[PROVIDER],
        Paid {
            calls: 45,
            usage,
            price: 40 * 30 + 5 * MOST
        }
    );
    // What was given back can be had again.
    granted(
        &stack.store,
        &incidents[0],
        limits.day - spending.committed,
        limits,
        now,
    )
    .await;
    assert_eq!(
        reserve(&stack.store, &incidents[0], 100, limits, now).await,
        Reserved::DayUsedUp
    );
}

#[tokio::test]
async fn an_incident_has_a_budget_of_its_own() {
    let stack = Stack::start();
    let (store, now) = (&stack.store, own_day());
    let (one, other) = (an_incident(), an_incident());
    let limits = Budget {
        day: 1_000,
        incident: 100,
    };
    let first = granted(store, &one, 60, limits, now).await;
    assert_eq!(
        reserve(store, &one, 60, limits, now).await,
        Reserved::IncidentUsedUp
    );
    assert_eq!(
        reserve(store, &other, 101, limits, now).await,
        Reserved::IncidentUsedUp,
        "it never fits"
    );
    granted(store, &other, 100, limits, now).await;
    assert_eq!(
        store
            .spending(day(now))
            .await
            .expect("the figures")
            .committed,
        160,
        "what is refused is not reserved for the day either"
    );
    // It lasts longer than the day.
    let tomorrow = now + SignedDuration::from_hours(24);
    assert_eq!(
        reserve(store, &one, 60, limits, tomorrow).await,
        Reserved::IncidentUsedUp
    );
    store
        .settle(&first, Spent::Exactly(40, USAGE))
        .await
        .expect("settled");
    granted(store, &one, 60, limits, tomorrow).await;
    let spending = store.spending(day(now)).await.expect("the figures");
    assert_eq!(
        (spending.committed, spending.open()),
        (140, 100),
        "a call is settled with the day on which it was made"
    );
}

#[tokio::test]
async fn a_price_above_its_reservation_is_booked_whole() {
    let stack = Stack::start();
    let (store, now, incident) = (&stack.store, own_day(), an_incident());
    let limits = Budget {
        day: 100,
        incident: NO_LIMIT,
    };
    let reservation = granted(store, &incident, 60, limits, now).await;
    store
        .settle(&reservation, Spent::Exactly(170, USAGE))
        .await
        .expect("settled");
    assert_eq!(
        store
            .spending(day(now))
            .await
            .expect("the figures")
            .committed,
        170
    );
    assert_eq!(
        reserve(store, &incident, 1, limits, now).await,
        Reserved::DayUsedUp
    );
    let free = granted(store, &incident, 0, limits, now).await;
    store
        .settle(&free, Spent::Exactly(0, USAGE))
        .await
        .expect("settled");
    let paid = store
        .spending(day(now))
        .await
        .expect("the figures")
        .providers[PROVIDER];
    assert_eq!((paid.calls, paid.price), (2, 170));
}

fn is_transaction(request: &Request) -> bool {
    request
        .header("x-amz-target")
        .ends_with(".TransactWriteItems")
}

#[tokio::test]
async fn a_reservation_is_retried_on_conflict_or_throttling() {
    let stack = Stack::start();
    let refusals = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&refusals);
    let aws = faulty(&stack, move |request| {
        let nth = is_transaction(request).then(|| counted.fetch_add(1, Ordering::Relaxed))?;
        match nth {
            0 | 1 => Some(refusal(
                "TransactionCanceledException",
                &["TransactionConflict", "None"],
            )),
            2 => Some(refusal(
                "TransactionCanceledException",
                &["None", "ThrottlingError"],
            )),
            _ => None,
        }
    })
    .await;
    let store = store_at(&stack, &aws.sdk_config(Duration::from_secs(5)));
    let (now, incident) = (own_day(), an_incident());
    granted(
        &store,
        &incident,
        60,
        Budget {
            day: 100,
            incident: 100,
        },
        now,
    )
    .await;
    assert_eq!(refusals.load(Ordering::Relaxed), 4);
    assert_eq!(
        stack
            .store
            .spending(day(now))
            .await
            .expect("the figures")
            .committed,
        60,
        "it is reserved once"
    );
}

#[tokio::test]
async fn people_are_told_once_a_day() {
    let stack = Stack::start();
    let (store, now, incident) = (&stack.store, own_day(), an_incident());
    let today = day(now);
    let limits = Budget {
        day: 1_000_000,
        incident: NO_LIMIT,
    };
    let reservation = granted(store, &incident, 990_000, limits, now).await;
    store
        .settle(&reservation, Spent::Exactly(987_654, USAGE))
        .await
        .expect("settled");
    assert_eq!(
        reserve(store, &incident, 990_000, limits, now).await,
        Reserved::DayUsedUp
    );

    // Whoever crashes between sending and marking leaves it unmarked, and the next one sends again.
    assert!(!store.notice_is_sent(today).await.expect("an answer"));
    let (notifiers, message) = (
        [stack.notifier(), stack.notifier()],
        Message::BudgetUsedUp { day: today },
    );
    let holders: Vec<String> = (0..8).map(|_| unique("holder")).collect();
    let racing = holders
        .iter()
        .enumerate()
        .map(|(i, holder)| notifiers[i % 2].handle(&message, holder, &Timestamp::now, deadline()));
    for told in stream::iter(racing)
        .buffer_unordered(8)
        .collect::<Vec<_>>()
        .await
    {
        told.expect("told, or somebody else has the turn");
    }
    notifiers[0]
        .handle(&message, &unique("holder"), &Timestamp::now, deadline())
        .await
        .expect("handled");
    let notice = stack
        .card(&today.to_string(), "$0.987654 (calls: 1, tokens: 120)")
        .await;
    let title = format!("💸 The budget for models of {today} is used up\n");
    assert!(
        notice["text"]
            .as_str()
            .is_some_and(|text| text.starts_with(&title)),
        "{notice}"
    );

    store.mark_notice_sent(today, now).await.expect("marked");
    store
        .mark_notice_sent(today, now)
        .await
        .expect("marked again");
    assert!(store.notice_is_sent(today).await.expect("an answer"));
    assert!(
        !store
            .notice_is_sent(today.tomorrow().expect("a day"))
            .await
            .expect("an answer")
    );
    assert_eq!(
        store.spending(today).await.expect("the figures").committed,
        987_654,
        "a mark is no money"
    );
}

/// An incident that was opened so many minutes ago.
async fn opened(store: &Store, alert: &Alert, minutes_ago: i64) -> Incident {
    store
        .save(tests::opened::opened(alert, minutes_ago))
        .await
        .expect("saved")
}

fn ids(incidents: &[Incident]) -> Vec<&str> {
    incidents
        .iter()
        .map(|incident| incident.id.as_str())
        .collect()
}

#[tokio::test]
async fn the_past_of_a_fingerprint_is_found_newest_first() {
    let stack = Stack::start();
    let store = &stack.store;
    // The longest names that an alert can have, in the widest characters.
    let wide = |name: &str| format!("{name}{}", "\u{10ffff}".repeat(256));
    let alert = alert(&wide(&unique("past"))).about(&wide(&unique("past")), &wide("ns"));
    let near = Near::of(&alert, None);
    let mut past = Vec::new();
    for minutes_ago in [40, 30, 20, 10, 0] {
        let incident = opened(store, &alert, minutes_ago).await;
        for _seen_twice in 0..2 {
            store.remember(&incident, &near).await.expect("remembered");
        }
        past.push(incident);
    }
    store
        .change(&past[2].id, |change| change.resolved(1, Timestamp::now()))
        .await
        .expect("resolved");
    let now = &past[4];
    let found = store
        .past(&now.fingerprint, &now.id, 3)
        .await
        .expect("the past");
    assert_eq!(
        ids(&found.incidents),
        [
            past[3].id.as_str(),
            past[2].id.as_str(),
            past[1].id.as_str()
        ]
    );
    assert!(
        found.unreadable.is_empty() && !found.incidents[1].is_open(),
        "{found:#?}"
    );
    assert_eq!(
        ids(&store
            .past(&now.fingerprint, &now.id, 10)
            .await
            .expect("the past")
            .incidents)
        .len(),
        4
    );
    assert!(
        store
            .past(&now.fingerprint, &past[0].id, 10)
            .await
            .expect("the past")
            .incidents
            .is_empty()
    );
    let none = fingerprint(&tests::opened::alert(&unique("never")), &[]);
    assert!(
        store
            .past(&none, &now.id, 10)
            .await
            .expect("the past")
            .incidents
            .is_empty()
    );

    // What cannot be read is named, and hides nothing else.
    let client = aws_sdk_dynamodb::Client::new(&stack.aws());
    let key = |value: String| aws_sdk_dynamodb::types::AttributeValue::S(value);
    let broken = client
        .put_item()
        .table_name(&stack.facts.outputs["TableName"])
        .item("pk", key(format!("INC#{}", past[3].id)));
    broken
        .item("sk", key("INCIDENT".to_owned()))
        .item("doc", key("{}".to_owned()))
        .send()
        .await
        .expect("written");
    let found = store
        .past(&now.fingerprint, &now.id, 3)
        .await
        .expect("the past");
    assert_eq!(
        ids(&found.incidents),
        [past[2].id.as_str(), past[1].id.as_str()]
    );
    assert!(
        matches!(found.unreadable.as_slice(), [StoreError::Unreadable { key, .. }] if key.contains(past[3].id.as_str()))
    );
}

#[tokio::test]
async fn what_is_open_on_the_target_or_in_its_group_is_found_once() {
    let stack = Stack::start();
    let store = &stack.store;
    let (web, db, group) = (unique("web"), unique("db"), unique("group"));
    let of = |service: &str, grouped: bool| Near {
        target: service.into(),
        group: grouped.then(|| group.clone()),
    };
    let mut found = Vec::new();
    for (service, grouped) in [
        (&web, true),
        (&web, false),
        (&db, true),
        (&db, false),
        (&web, true),
        (&web, true),
    ] {
        let incident = opened(
            store,
            &alert(&unique("near")),
            10 - i64::try_from(found.len()).expect("few"),
        )
        .await;
        store
            .remember(&incident, &of(service, grouped))
            .await
            .expect("remembered");
        found.push(incident);
    }
    store
        .change(&found[4].id, |change| change.resolved(1, Timestamp::now()))
        .await
        .expect("resolved");
    let near = store
        .open_near(&of(&web, true), &found[5].id, 10)
        .await
        .expect("what is near");
    // On the target: 0, 1, 4, 5; in the group: 0, 2, 4, 5; resolved: 4.
    assert_eq!(
        ids(&near.incidents),
        [
            found[2].id.as_str(),
            found[1].id.as_str(),
            found[0].id.as_str()
        ]
    );
    assert_eq!(
        ids(&store
            .open_near(&of(&web, false), &found[5].id, 1)
            .await
            .expect("what is near")
            .incidents),
        [found[1].id.as_str()]
    );
    assert!(
        store
            .open_near(&of(&unique("nobody"), false), &found[5].id, 10)
            .await
            .expect("what is near")
            .incidents
            .is_empty()
    );
}

#[tokio::test]
async fn what_a_batch_leaves_out_is_asked_for_again() {
    let stack = Stack::start();
    let alert = alert(&unique("batch"));
    let near = Near::of(&alert, None);
    let (writes, reads) = (AtomicU32::new(0), AtomicU32::new(0));
    // The first answers to a batch leave all of it: DynamoDB is short of capacity, and says so in a success.
    let aws = faulty(&stack, move |request| {
        let (count, left) = match request.header("x-amz-target").rsplit('.').next()? {
            "BatchWriteItem" => (&writes, "UnprocessedItems"),
            "BatchGetItem" => (&reads, "UnprocessedKeys"),
            _ => return None,
        };
        let asked: serde_json::Value = serde_json::from_slice(&request.body).expect("JSON");
        let answer = serde_json::json!({ "Responses": {}, left: asked["RequestItems"] });
        let headers = vec![(
            "content-type".to_owned(),
            "application/x-amz-json-1.0".to_owned(),
        )];
        let first = count.fetch_add(1, Ordering::Relaxed) < 2;
        first.then(|| loopback::Answer {
            status: 200,
            headers,
            body: answer.to_string().into_bytes(),
        })
    })
    .await;
    let store = store_at(&stack, &aws.sdk_config(Duration::from_secs(5)));
    let mut all = BTreeSet::new();
    for minutes_ago in [2, 1] {
        let incident = opened(&store, &alert, minutes_ago).await;
        store.remember(&incident, &near).await.expect("remembered");
        all.insert(incident.id);
    }
    let found = store
        .open_near(&near, &an_incident(), 10)
        .await
        .expect("what is near");
    assert_eq!(
        found
            .incidents
            .into_iter()
            .map(|incident| incident.id)
            .collect::<BTreeSet<_>>(),
        all
    );
}
