//! Tests of groups: the many alerts of one rule that come in one delivery share one card.

use std::collections::BTreeSet;

use domain::alert::AlertSeverity;
use domain::analysis::Severity;
use domain::incident::Status;
use domain::primitives::id::IncidentId;
use serde_json::json;
use tests::alert::{TestAlert, group, unique};
use tests::stack::Stack;

use super::text;

/// Delivers alerts as a group of their own, and returns the incident of each.
async fn deliver(stack: &Stack, key: &str, alerts: &[TestAlert]) -> Vec<String> {
    let mut body = group(alerts);
    body["groupKey"] = json!(key);
    let answer: serde_json::Value = stack.deliver(&body).await.json().await.expect("JSON");
    let results = answer["results"].as_array().expect("an answer to each");
    assert_eq!(results.len(), alerts.len(), "{answer}");
    results
        .iter()
        .map(|result| text(&result["incident_id"]))
        .collect()
}

/// The storms that incidents are members of, once they are.
async fn storms(stack: &Stack, incidents: &[String]) -> BTreeSet<IncidentId> {
    let mut storms = BTreeSet::new();
    for id in incidents {
        let member = stack.status(id, Status::InStorm).await;
        storms.extend(member.storm_id().cloned());
    }
    storms
}

#[tokio::test]
async fn many_alerts_of_one_rule_share_one_card_that_lists_them() {
    // Storms are switched off here: what comes together stays together all the same.
    let stack = Stack::start();
    let (name, key) = (unique("group"), unique("{}/rule"));
    let alert = |i: usize| TestAlert {
        name: "HighLatency",
        severity: "warning",
        namespace: name.clone(),
        ..TestAlert::firing(format!("{name}-{i}"))
    };
    let alerts: Vec<TestAlert> = (0..60).map(alert).collect();
    let incidents = deliver(&stack, &key, &alerts).await;
    let found = storms(&stack, &incidents).await;
    assert_eq!(found.len(), 1, "{found:?}");
    let storm = found.first().expect("one");
    let card = stack
        .card(storm.as_str(), "60 of 60 incidents still open")
        .await;
    let shown = text(&card["text"]);
    assert!(
        shown.contains("HighLatency") && shown.contains(&name),
        "{shown}"
    );
    // It is analysed as what it is, an alert of this rule, and is as bad as its alerts are.
    let of_group = stack
        .incident(storm.as_str(), |of| of.analysis.is_some())
        .await;
    assert_eq!(of_group.alert.severity, AlertSeverity::Warning);
    assert!(of_group.severity >= Severity::P2, "{:?}", of_group.severity);
    for id in &incidents {
        assert!(
            stack.cards(id).await.is_empty(),
            "{id} has a card of its own"
        );
    }

    // The group comes again with one more: it belongs to them.
    let more: Vec<TestAlert> = (0..61).map(alert).collect();
    let again = deliver(&stack, &key, &more).await;
    assert_eq!(again[..60], incidents[..]);
    assert_eq!(storms(&stack, &again).await, found);

    // Few alerts of a rule are few incidents, each with its own card.
    let few: Vec<TestAlert> = (100..103).map(alert).collect();
    for id in deliver(&stack, &unique("{}/few"), &few).await {
        let incident = stack
            .incident(&id, |incident| incident.status != Status::Open)
            .await;
        assert_eq!(incident.storm_id(), None);
    }

    let ended = jiff::Timestamp::now();
    let over: Vec<TestAlert> = more
        .into_iter()
        .map(|alert| TestAlert {
            ends_at: Some(ended),
            ..alert
        })
        .collect();
    deliver(&stack, &key, &over).await;
    stack.status(storm.as_str(), Status::Resolved).await;
}
