//! Tests of storms: many incidents within a minute get one card, and none is lost.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use domain::alert::AlertSeverity;
use domain::incident::operation_log::{Entry, Event};
use domain::incident::parts::StormMember;
use domain::incident::{Incident, Status};
use domain::primitives::id::{Fingerprint, IncidentId};
use domain::transition::storm::minute;
use futures_util::{StreamExt as _, stream};
use jiff::Timestamp;
use serde_json::{Value, json};
use tests::alert::{TestAlert, group, unique};
use tests::faulty_aws::{faulty, refusal};
use tests::in_process::{answer, deadline};
use tests::own_queue::OwnQueue;
use tests::stack::Stack;
use wire::message::{Message, Queued as _};

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

/// Delivers alerts as one group, which has to be counted; the answer to each.
async fn deliver(stack: &Stack, alerts: &[TestAlert]) -> Vec<Value> {
    let response = stack.deliver(&group(alerts)).await;
    let status = response.status();
    let answer: Value = response.json().await.expect("JSON");
    assert_eq!(status, 200, "{answer}");
    answer["results"]
        .as_array()
        .expect("an answer to each")
        .clone()
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
        match incident.tied_to().cloned() {
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
            .tied_to(),
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
        let log = stack.log_with(&id, Event::TiedToStorm).await;
        assert_eq!(
            (
                count(&log, Event::TiedToStorm),
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
        storms.extend(incident.tied_to().cloned());
        match (incident.tied_to(), alert.severity) {
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
        assert!(incident.tied_to().is_none() && incident.analysis.is_some());
    }
}

/// A minute that no other story knows, many years ahead.
fn own_minute() -> Timestamp {
    let far = u64::try_from(ulid::Ulid::generate().random() % 400_000_000).expect("a small number");
    // An hour between two: a storm may go on in the minutes after its own.
    Timestamp::from_second(i64::try_from(4_000_000_000 + far / 60 * 3_600).expect("a time"))
        .expect("a time")
}

/// What opens incidents in a minute of its own, and keeps the deployed functions out of it.
struct Minutes {
    stack: Stack,
    door: ingress::App,
    opened: OwnQueue,
    changed: OwnQueue,
}

impl Minutes {
    async fn begin() -> Self {
        let stack = Stack::start();
        let (opened, changed) = (
            OwnQueue::create(&stack).await,
            OwnQueue::create(&stack).await,
        );
        let door = stack.ingress(&[
            ("INCIDENTS_QUEUE_URL", &opened.url),
            ("NOTIFICATIONS_QUEUE_URL", &changed.url),
        ]);
        Self {
            stack,
            door,
            opened,
            changed,
        }
    }

    /// An analyzer with this limit.
    fn analyzer(&self, limit: &str) -> analyzer::App {
        self.stack.analyzer(&[
            ("STORM_INCIDENTS_PER_MINUTE", limit),
            ("NOTIFICATIONS_QUEUE_URL", &self.changed.url),
        ])
    }

    /// Opens incidents at a moment, and gives the messages that say so.
    async fn open(&self, alerts: usize, at: Timestamp) -> Vec<Message> {
        let alerts: Vec<TestAlert> = (0..alerts)
            .map(|_| TestAlert::firing(unique("minute")))
            .collect();
        self.open_alerts(&alerts, at).await
    }

    async fn open_alerts(&self, alerts: &[TestAlert], at: Timestamp) -> Vec<Message> {
        let (status, answer) = answer(&self.door, self.stack.delivery(&group(alerts)), at).await;
        assert_eq!(status, 200, "{answer}");
        let messages: Vec<Message> = self
            .opened
            .take_all()
            .await
            .iter()
            .map(|body| Message::from_json(body).expect("ours"))
            .collect();
        assert_eq!(messages.len(), alerts.len());
        messages
    }

    async fn incident(&self, id: &IncidentId) -> Incident {
        self.stack
            .store
            .incident(id)
            .await
            .expect("the store answers")
            .expect("it is there")
    }

    /// How many of these incidents stand alone, and to which storm each of the others belongs.
    async fn places(&self, messages: &[Message]) -> (usize, Vec<IncidentId>) {
        let (mut alone, mut members) = (0, Vec::new());
        for message in messages {
            let incident = self
                .incident(message.incident_id().expect("it is about an incident"))
                .await;
            match incident.tied_to().cloned() {
                Some(storm) => {
                    assert_eq!(
                        (incident.status, incident.analysis),
                        (Status::InStorm, None)
                    );
                    members.push(storm);
                }
                None => {
                    assert!(incident.analysis.is_some(), "{incident:#?}");
                    alone += 1;
                }
            }
        }
        (alone, members)
    }

    async fn list(&self, storm: &IncidentId) -> Vec<StormMember> {
        self.stack
            .store
            .storm_members(storm)
            .await
            .expect("the list")
    }
}

#[tokio::test]
async fn forty_racing_incidents_make_one_storm_beyond_the_limit() {
    const LIMIT: usize = 7;
    let minutes = Minutes::begin().await;
    let messages = minutes.open(40, own_minute()).await;
    let apps: Vec<analyzer::App> = (0..4).map(|_| minutes.analyzer("7")).collect();
    // Each message comes twice, as a queue may deliver it.
    let twice: Vec<&Message> = messages.iter().chain(&messages).collect();
    let racing = twice.iter().enumerate().map(|(i, message)| {
        apps[i % apps.len()].handle(message, "m", Timestamp::now(), deadline())
    });
    let handled: Vec<_> = stream::iter(racing).buffer_unordered(40).collect().await;
    assert!(handled.iter().all(Result::is_ok), "{handled:#?}");

    let (alone, members) = minutes.places(&messages).await;
    let storms: BTreeSet<IncidentId> = members.iter().cloned().collect();
    assert_eq!((alone, members.len(), storms.len()), (LIMIT, 40 - LIMIT, 1));
    let storm = &members[0];
    assert_eq!(minutes.list(storm).await.len(), 40 - LIMIT);
    let log = minutes
        .stack
        .log_with(storm.as_str(), Event::AnalysisCompleted)
        .await;
    assert_eq!(
        (
            count(&log, Event::AlertReceived),
            count(&log, Event::AnalysisCompleted)
        ),
        (1, 1)
    );
    for message in &messages {
        let log = minutes
            .stack
            .store
            .log(message.incident_id().expect("it is about an incident"))
            .await
            .expect("the log");
        assert_eq!(
            count(&log, Event::TiedToStorm) + count(&log, Event::AnalysisCompleted),
            1,
            "{log:#?}"
        );
    }
}

#[tokio::test]
async fn racing_incidents_leave_each_kind_its_places() {
    const LIMIT: usize = 4;
    let minutes = Minutes::begin().await;
    let at = own_minute();
    let alerts: Vec<TestAlert> = (0..36)
        .map(|i| TestAlert {
            severity: if i % 3 == 0 { "critical" } else { "warning" },
            ..TestAlert::firing(unique("minute"))
        })
        .collect();
    let messages = minutes.open_alerts(&alerts, at).await;
    let app = minutes.analyzer("4");
    let racing = messages
        .iter()
        .chain(&messages)
        .map(|message| app.handle(message, "m", Timestamp::now(), deadline()));
    let handled: Vec<_> = stream::iter(racing).buffer_unordered(24).collect().await;
    assert!(handled.iter().all(Result::is_ok), "{handled:#?}");
    let (mut alone, mut storms) = ([0, 0], BTreeSet::new());
    for message in &messages {
        let incident = minutes
            .incident(message.incident_id().expect("it is about an incident"))
            .await;
        let critical = incident.alert.severity == AlertSeverity::Critical;
        match incident.tied_to().cloned() {
            Some(storm) => drop(storms.insert(storm)),
            None => alone[usize::from(critical)] += 1,
        }
    }
    assert_eq!(
        (alone, storms.len()),
        ([LIMIT, LIMIT], 1),
        "each kind has its own places, however they race"
    );
    let list = minutes.list(&storms.pop_first().expect("the storm")).await;
    assert_eq!(
        (list.len(), list.iter().filter(|line| line.critical).count()),
        (28, 8)
    );
}

#[tokio::test]
async fn a_storm_continues_in_the_next_minute_only_while_it_lasts() {
    let minutes = Minutes::begin().await;
    let (app, notifier) = (minutes.analyzer("2"), minutes.stack.notifier_without_chat());
    let start = own_minute();
    let mut storms = Vec::new();
    for nth in 0..3 {
        let at = start + jiff::SignedDuration::from_mins(nth);
        assert_eq!(minute(at), minute(start) + nth);
        let messages = minutes.open(5, at).await;
        for message in &messages {
            app.handle(message, "m", at, deadline())
                .await
                .expect("handled");
        }
        let (alone, members) = minutes.places(&messages).await;
        assert_eq!(
            (alone, members.len()),
            (2, 3),
            "each minute has its own first ones"
        );
        assert!(members.iter().all(|storm| *storm == members[0]));
        storms.push(members[0].clone());
        if nth == 1 {
            // It ends before the third minute: every incident of it resolves.
            let list = minutes.list(&members[0]).await;
            assert_eq!(list.len(), 6, "what both minutes members is one list");
            for line in &list {
                minutes
                    .stack
                    .store
                    .change(&line.incident_id, |change| change.resolved(1, at))
                    .await
                    .expect("resolved");
            }
            let look = Message::IncidentChanged {
                incident_id: members[0].clone(),
            };
            notifier
                .handle(&look, &unique("holder"), &Timestamp::now, deadline())
                .await
                .expect("handled");
            assert_eq!(minutes.incident(&members[0]).await.status, Status::Resolved);
        }
    }
    assert_eq!(storms[0], storms[1], "it goes on");
    assert_ne!(
        storms[1], storms[2],
        "what is over does not come back for others"
    );
}

#[tokio::test]
async fn a_write_that_meets_the_beginning_of_a_storm_is_tried_again() {
    let minutes = Minutes::begin().await;
    let at = own_minute();
    let messages = minutes.open(3, at).await;
    // The first writes to the item of the minute meet the transaction that gives it its storm.
    let (left, key) = (
        std::sync::atomic::AtomicU32::new(2),
        format!("STORM#{}", minute(at)),
    );
    let aws = faulty(&minutes.stack, move |request| {
        use std::sync::atomic::Ordering::Relaxed;
        let writes = request.header("x-amz-target").ends_with(".UpdateItem")
            && String::from_utf8_lossy(&request.body).contains(&key);
        let meets = writes
            && left
                .fetch_update(Relaxed, Relaxed, |left| left.checked_sub(1))
                .is_ok();
        meets.then(|| refusal("TransactionConflictException", &[]))
    })
    .await;
    let app = minutes.stack.analyzer_at(
        &aws,
        &[
            ("STORM_INCIDENTS_PER_MINUTE", "1"),
            ("NOTIFICATIONS_QUEUE_URL", &minutes.changed.url),
        ],
    );
    for message in &messages {
        // On the deployed queue, what fails comes back after six minutes.
        app.handle(message, "m", at, deadline())
            .await
            .expect("handled at once");
    }
    assert_eq!(minutes.places(&messages).await.0, 1);
}
