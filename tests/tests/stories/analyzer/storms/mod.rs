//! Tests of storms: many incidents within a minute get one card, and none is lost.

mod groups;
mod races;

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use domain::incident::Status;
use domain::incident::operation_log::{Entry, Event};
use domain::primitives::id::Fingerprint;
use jiff::Timestamp;
use serde_json::{Value, json};
use tests::alert::{TestAlert, group, unique};
use tests::stack::Stack;

/// How long a story waits for what has to come.
const PATIENCE: Duration = Duration::from_secs(60);

/// An alert and the answer that it got.
type Opened = (TestAlert, Value);

fn text(value: &Value) -> String {
    value.as_str().expect("text").to_owned()
}

fn count(log: &[Entry], event: Event) -> usize {
    log.iter().filter(|entry| entry.event == event).count()
}

/// Delivers alerts, which have to be counted; the answer to each. Few in a delivery: many of one rule would share a card whatever else opens.
async fn deliver(stack: &Stack, alerts: &[TestAlert]) -> Vec<Value> {
    let mut results = Vec::new();
    for alerts in alerts.chunks(12) {
        let response = stack.deliver(&group(alerts)).await;
        let status = response.status();
        let answer: Value = response.json().await.expect("JSON");
        assert_eq!(status, 200, "{answer}");
        results.extend(answer["results"].as_array().expect("a list").clone());
    }
    results
}

#[tokio::test]
async fn incidents_beyond_the_minute_limit_share_one_card() {
    const LIMIT: usize = 3;
    let stack = Stack::start_with(&["--param", "StormIncidentsPerMinute=3"]);
    let alerts: Vec<TestAlert> = (0..12)
        .map(|i| TestAlert::firing(unique(&format!("storm{i}"))))
        .collect();
    // One delivery is one moment: all of it opens in the same minute.
    let opened = deliver(&stack, &alerts).await;
    let (mut alone, mut members, mut storms) =
        (Vec::<Opened>::new(), Vec::<Opened>::new(), BTreeSet::new());
    for (alert, answer) in alerts.into_iter().zip(opened) {
        assert_eq!(answer["outcome"], "opened");
        let incident = stack
            .incident(&text(&answer["incident_id"]), |incident| {
                incident.status != Status::Open
            })
            .await;
        match incident.storm_id().cloned() {
            Some(storm) => {
                assert_eq!(
                    (incident.status, incident.analysis),
                    (Status::InStorm, None)
                );
                storms.insert(storm);
                members.push((alert, answer));
            }
            None => alone.push((alert, answer)),
        }
    }
    assert_eq!((alone.len(), members.len(), storms.len()), (LIMIT, 9, 1));
    let storm = storms.pop_first().expect("the storm");

    // Its card shows all that is open, and the list behind it is complete.
    let card = stack
        .card(storm.as_str(), "9 of 9 incidents still open")
        .await;
    let shown = text(&card["text"]);
    assert!(
        shown.contains("9 of 9 TargetDown")
            && members
                .iter()
                .all(|(alert, _)| shown.contains(&alert.component)),
        "{shown}"
    );
    let ids = |incidents: &[Opened]| -> BTreeSet<String> {
        incidents
            .iter()
            .map(|(_, answer)| text(&answer["incident_id"]))
            .collect()
    };
    let list = stack.store.storm_members(&storm).await.expect("the list");
    assert_eq!(
        list.iter()
            .map(|line| line.incident_id.to_string())
            .collect::<BTreeSet<_>>(),
        ids(&members)
    );
    assert!(list.iter().all(|line| line.open));
    assert_eq!(
        count(
            &stack
                .log_with(storm.as_str(), Event::AnalysisCompleted)
                .await,
            Event::AnalysisCompleted
        ),
        1
    );
    for (alert, answer) in &alone {
        let id = text(&answer["incident_id"]);
        stack.log_with(&id, Event::AnalysisCompleted).await;
        stack.card(&id, &alert.component).await;
    }

    // Each alert still counts, and its sender is shown where to look.
    for (_, answer) in &members {
        advised(&stack, &text(&answer["fingerprint"])).await;
    }
    let again: Vec<TestAlert> = members.iter().map(|(alert, _)| alert.clone()).collect();
    for answer in deliver(&stack, &again).await {
        assert_eq!(
            (answer["outcome"].as_str(), answer["hit_count"].as_u64()),
            (Some("joined"), Some(2)),
            "{answer}"
        );
        assert!(
            text(&answer["suggested_action"]).contains(storm.as_str()),
            "{answer}"
        );
    }

    // It is over with the last of its incidents.
    let ended: Vec<TestAlert> = again
        .iter()
        .map(|alert| TestAlert {
            ends_at: Some(Timestamp::now()),
            ..alert.clone()
        })
        .collect();
    assert!(
        deliver(&stack, &ended)
            .await
            .iter()
            .all(|answer| answer["outcome"] == "resolved")
    );
    let card = stack
        .card(storm.as_str(), "0 of 9 incidents still open")
        .await;
    assert!(text(&card["text"]).contains("Resolved"), "{card}");
    assert_eq!(
        count(
            &stack
                .log_with(storm.as_str(), Event::IncidentResolved)
                .await,
            Event::IncidentResolved
        ),
        1
    );
    assert_eq!(
        stack
            .status(storm.as_str(), Status::Resolved)
            .await
            .storm()
            .map(|storm| (storm.members, storm.open)),
        Some((9, 0))
    );

    // And back with one of them.
    let (alert, answer) = &members[0];
    let back = TestAlert {
        starts_at: Timestamp::now(),
        ..alert.clone()
    };
    let reopened = deliver(&stack, &[back]).await;
    assert_eq!(
        (&reopened[0]["outcome"], &reopened[0]["incident_id"]),
        (&json!("reopened"), &answer["incident_id"])
    );
    assert_eq!(
        stack
            .status(&text(&answer["incident_id"]), Status::InStorm)
            .await
            .storm_id(),
        Some(&storm)
    );
    stack
        .card(storm.as_str(), "1 of 9 incidents still open")
        .await;
    let log = stack
        .log_with(storm.as_str(), Event::IncidentReopened)
        .await;
    assert_eq!(
        (
            count(&log, Event::IncidentResolved),
            count(&log, Event::TelegramSent)
        ),
        (1, 1)
    );
    assert_eq!(
        stack
            .status(storm.as_str(), Status::NeedsHuman)
            .await
            .resolved_at,
        None
    );

    for (_, answer) in &members {
        let id = text(&answer["incident_id"]);
        let log = stack.log_with(&id, Event::JoinedStorm).await;
        assert_eq!(
            (
                count(&log, Event::JoinedStorm),
                count(&log, Event::AnalysisCompleted)
            ),
            (1, 0),
            "{log:#?}"
        );
        assert!(
            stack.cards(&id).await.is_empty(),
            "the storm's card is enough"
        );
    }
}

/// Waits until senders are told what to do about a fingerprint.
async fn advised(stack: &Stack, fingerprint: &str) {
    let (fingerprint, deadline) = (
        Fingerprint::try_from(fingerprint).expect("a fingerprint"),
        Instant::now() + PATIENCE,
    );
    while stack
        .store
        .episode(&fingerprint)
        .await
        .expect("the store answers")
        .is_none_or(|episode| episode.advice.is_none())
    {
        assert!(Instant::now() < deadline, "no advice for {fingerprint}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn critical_incidents_get_own_cards_or_lead_the_storm_card() {
    const LIMIT: usize = 2;
    let stack = Stack::start_with(&["--param", "StormIncidentsPerMinute=2"]);
    let alert = |i: usize| TestAlert {
        // The four critical ones are the last to come, when the milder ones have filled their places.
        severity: if i < 8 { "warning" } else { "critical" },
        ..TestAlert::firing(unique(&format!("worst{i}")))
    };
    let alerts: Vec<TestAlert> = (0..12).map(alert).collect();
    let (milder, critical) = alerts.split_at(8);
    let mut opened: Vec<Opened> = Vec::new();
    // Two deliveries of one minute: what comes first is placed before the second.
    while Timestamp::now().as_second() % 60 > 40 {
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    for group in [milder, critical] {
        for (alert, answer) in group.iter().zip(deliver(&stack, group).await) {
            stack
                .incident(&text(&answer["incident_id"]), |incident| {
                    incident.status != Status::Open
                })
                .await;
            opened.push((alert.clone(), answer));
        }
    }
    let (mut own, mut named, mut hidden, mut storms) =
        (Vec::new(), Vec::new(), Vec::new(), BTreeSet::new());
    for (alert, answer) in &opened {
        let incident = stack
            .incident(&text(&answer["incident_id"]), |incident| {
                incident.status != Status::Open
            })
            .await;
        storms.extend(incident.storm_id().cloned());
        match (incident.storm_id(), alert.severity) {
            (None, "critical") => own.push((alert, incident.id)),
            (Some(_), "critical") => named.push(alert),
            (Some(_), _) => hidden.push(alert),
            (None, _) => {}
        }
    }
    assert_eq!(
        (own.len(), named.len(), hidden.len(), storms.len()),
        (LIMIT, 2, 8 - LIMIT, 1)
    );
    for (alert, id) in own {
        stack.card(id.as_str(), &alert.component).await;
    }
    let storm = storms.pop_first().expect("the storm");
    let critical_lines = |card: &Value| -> Vec<String> {
        let card = text(&card["text"]);
        let lines: Vec<&str> = card.lines().filter(|line| !line.is_empty()).collect();
        let first = lines
            .iter()
            .position(|line| line.contains('🔴'))
            .expect("critical ones");
        assert!(first <= 2, "they stand first: {card}");
        lines[first..]
            .iter()
            .take_while(|line| line.contains('🔴'))
            .map(|line| (*line).to_owned())
            .collect()
    };
    let lines = critical_lines(&stack.card(storm.as_str(), "2 critical").await);
    assert!(
        named
            .iter()
            .all(|alert| lines.concat().contains(&alert.component)),
        "{lines:?}"
    );

    // One that was mild gets worse: it is named too.
    let worse = TestAlert {
        severity: "critical",
        ..hidden[0].clone()
    };
    assert_eq!(
        deliver(&stack, std::slice::from_ref(&worse)).await[0]["outcome"],
        "escalated"
    );
    let lines = critical_lines(&stack.card(storm.as_str(), "3 critical").await);
    assert!(lines.concat().contains(&worse.component), "{lines:?}");
    let log = stack
        .log_with(storm.as_str(), Event::SeverityEscalated)
        .await;
    assert!(count(&log, Event::SeverityEscalated) >= 1, "{log:#?}");
}

#[tokio::test]
async fn without_a_limit_every_incident_stands_alone() {
    let stack = Stack::start();
    let alerts: Vec<TestAlert> = (0..25).map(|_| TestAlert::firing(unique("calm"))).collect();
    for answer in deliver(&stack, &alerts).await {
        let incident = stack
            .status(&text(&answer["incident_id"]), Status::NeedsHuman)
            .await;
        assert!(incident.storm_id().is_none() && incident.analysis.is_some());
    }
}
