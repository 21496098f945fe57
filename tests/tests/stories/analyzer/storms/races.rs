//! Tests of storms that race: incidents of one minute, and minutes of one storm.

use std::collections::BTreeSet;

use domain::alert::AlertSeverity;
use domain::incident::operation_log::Event;
use domain::incident::parts::StormMember;
use domain::incident::{Incident, Status};
use domain::primitives::id::IncidentId;
use domain::transition::storm::minute;
use futures_util::{StreamExt as _, stream};
use jiff::Timestamp;
use tests::alert::{TestAlert, group, unique};
use tests::faulty_aws::{faulty, refusal};
use tests::in_process::{answer, deadline};
use tests::own_queue::OwnQueue;
use tests::stack::Stack;
use wire::message::{Message, Queued as _};

use super::count;

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
        for alerts in alerts.chunks(12) {
            let delivery = self.stack.delivery(&group(alerts));
            let (status, answer) = answer(&self.door, delivery, at).await;
            assert_eq!(status, 200, "{answer}");
        }
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
            match incident.storm_id().cloned() {
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
            count(&log, Event::JoinedStorm) + count(&log, Event::AnalysisCompleted),
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
        match incident.storm_id().cloned() {
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
