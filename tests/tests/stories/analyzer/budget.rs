//! Tests of the budgets for models (`capped-spend`): what racing calls reserve and settle, and that people are told once.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use domain::analysis::budget::{Budget, Paid, Spent};
use domain::analysis::price::{MicroUsd, Usage};
use domain::primitives::id::IncidentId;
use domain::primitives::time::utc_day;
use futures_util::{StreamExt as _, stream};
use jiff::{SignedDuration, Timestamp};
use loopback::Request;
use store::{Reservation, Reserved, Store, StoreError, fresh_incident_id};
use tests::alert::unique;
use tests::faulty_aws::{faulty, refusal};
use tests::in_process::deadline;
use tests::opened::own_day;
use tests::stack::Stack;
use wire::message::Message;

const PROVIDER: &str = "one";

const USAGE: Usage = Usage {
    input: 100,
    output: 20,
};

const NO_LIMIT: MicroUsd = 1_000_000_000;

pub(super) fn an_incident() -> IncidentId {
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

pub(super) fn store_at(stack: &Stack, aws: &aws_types::SdkConfig) -> Store {
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
            .spending(utc_day(now))
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
    let spending = stack
        .store
        .spending(utc_day(now))
        .await
        .expect("the figures");
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
            .spending(utc_day(now))
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
    let spending = store.spending(utc_day(now)).await.expect("the figures");
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
            .spending(utc_day(now))
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
        .spending(utc_day(now))
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
            .spending(utc_day(now))
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
    let today = utc_day(now);
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
