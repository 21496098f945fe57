//! Tests of the history in the table: earlier incidents of a fingerprint, and open ones nearby.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use domain::alert::Alert;
use domain::alert::fingerprint::fingerprint;
use domain::incident::Incident;
use domain::policy::precedent::Near;
use jiff::Timestamp;
use store::{Store, StoreError};
use tests::alert::unique;
use tests::faulty_aws::faulty;
use tests::opened::alert;
use tests::stack::Stack;

use crate::analyzer::budget::{an_incident, store_at};

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
    let reads = AtomicU32::new(0);
    // The first answers to a batch leave all of it: DynamoDB is short of capacity, and says so in a success.
    let aws = faulty(&stack, move |request| {
        if !request.header("x-amz-target").ends_with(".BatchGetItem") {
            return None;
        }
        let asked: serde_json::Value = serde_json::from_slice(&request.body).expect("JSON");
        let answer =
            serde_json::json!({ "Responses": {}, "UnprocessedKeys": asked["RequestItems"] });
        let headers = vec![(
            "content-type".to_owned(),
            "application/x-amz-json-1.0".to_owned(),
        )];
        let first = reads.fetch_add(1, Ordering::Relaxed) < 2;
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
