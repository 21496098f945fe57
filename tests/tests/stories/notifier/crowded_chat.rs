//! Test of a thousand incidents at once: every one is shown, the most severe first, as fast as the
//! chat accepts messages.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use domain::alert::AlertSeverity;
use domain::analysis::Severity;
use domain::incident::change::IncidentChange;
use domain::incident::{Incident, Status};
use domain::primitives::id::IncidentId;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use jiff::{SignedDuration, Timestamp};
use notifier::App;
use serde_json::{Value, json};
use store::ChannelLease;
use tests::alert::{TestAlert, group, unique};
use tests::chats::{Story, known, text};
use tests::simulated::{Queues, StandingClock};
use tests::stack::Stack;
use wire::message::Message;

/// How many incidents are opened.
const INCIDENTS: usize = 1_000;
/// One in so many is critical.
const ONE_CRITICAL_IN: usize = 8;
/// How many requests are under way at once where the order does not matter.
const AT_ONCE: usize = 16;
/// After how many messages the others come that nobody has expected.
const HALF_WAY: usize = 300;

/// How many alerts come through the door. Fewer than above: each goes through the deployed functions, in real time, on one small emulator.
const ALERTS: usize = 300;
/// How long the deployed functions may take for them: a group takes twenty messages a minute.
const PATIENCE: Duration = Duration::from_secs(240);

/// A group with the limits of Telegram, and time that stands still until the story puts it forward.
struct Group {
    story: Story,
    app: App,
    clock: StandingClock,
    queues: Queues,
}

impl Group {
    async fn begin() -> Self {
        let story = Story::in_groups(1, None).await;
        let clock = StandingClock::at(Timestamp::now());
        let (queues, aws) = Queues::begin(&story.stack, &clock).await;
        let app = story.worker_at(&aws);
        let group = Self {
            story,
            app,
            clock,
            queues,
        };
        group.control("rates", json!({ "on": true })).await;
        group.pass(SignedDuration::ZERO).await;
        group
    }

    async fn control(&self, action: &str, parameters: Value) -> Value {
        let mut parameters = parameters;
        parameters["chat_id"] = json!(self.story.chats[0].1);
        self.story.stack.control(action, &parameters).await
    }

    /// Time passes, at the chat as well.
    async fn pass(&self, time: SignedDuration) {
        self.clock.go_to(self.clock.now() + time);
        self.control(
            "clock",
            json!({ "now": self.clock.now().as_duration().as_secs_f64() }),
        )
        .await;
    }

    async fn handle(&self, message: &Message) {
        self.story
            .hand(&self.app, message, &self.clock)
            .await
            .expect("handled");
    }

    /// Hands the worker the next message, when its time has come; false if there is none.
    async fn next(&self) -> bool {
        // The checks of episodes are not about the chat.
        let sent = loop {
            match self.queues.take_first() {
                Some(sent) if matches!(sent.message, Message::EpisodeTimer { .. }) => {}
                Some(sent) => break sent,
                None => return false,
            }
        };
        self.pass(
            sent.at
                .duration_since(self.clock.now())
                .max(SignedDuration::ZERO),
        )
        .await;
        self.handle(&sent.message).await;
        true
    }

    async fn changed(&self, id: &IncidentId) {
        self.handle(&Message::IncidentChanged {
            incident_id: id.clone(),
        })
        .await;
    }

    async fn save(&self, change: IncidentChange) -> IncidentId {
        self.story.stack.store.save(change).await.expect("saved").id
    }

    async fn resolve(&self, id: &IncidentId) {
        self.story
            .stack
            .store
            .change(id, |change| change.resolved(1, self.clock.now()))
            .await
            .expect("resolved");
        self.changed(id).await;
    }
}

fn critical(nth: usize) -> bool {
    nth % ONE_CRITICAL_IN == 5
}

/// Criticals and others, mixed.
fn nth(nth: usize) -> IncidentChange {
    let mut change = known(if critical(nth) {
        AlertSeverity::Critical
    } else {
        AlertSeverity::Warning
    });
    change.incident.severity = match (critical(nth), nth % 2) {
        (true, _) if nth.is_multiple_of(3) => Severity::P0,
        (true, _) => Severity::P1,
        (false, 0) => Severity::P2,
        (false, _) => Severity::P3,
    };
    change
}

#[tokio::test]
async fn a_thousand_incidents_fill_a_group_the_worst_first() {
    let group = Group::begin().await;
    let (name, store) = (&group.story.chats[0].0, &group.story.stack.store);
    let ids: Vec<IncidentId> = stream::iter((0..INCIDENTS).map(|i| group.save(nth(i))))
        .buffered(AT_ONCE)
        .collect()
        .await;

    // Somebody else is at work in the channel while all of them come in: nobody sends before all are due.
    let lease = store
        .take_channel(
            name,
            "another",
            group.clock.now(),
            SignedDuration::from_mins(10),
        )
        .await
        .expect("the lease");
    assert!(matches!(lease, ChannelLease::Mine(_)));
    stream::iter(&ids)
        .for_each_concurrent(AT_ONCE, |id| group.changed(id))
        .await;
    assert!(
        store
            .give_channel_back(name, "another", None, true)
            .await
            .expect("given back")
    );
    group
        .handle(&Message::ChannelTimer {
            channel: name.clone(),
        })
        .await;

    let mut looks = 0;
    while looks < HALF_WAY && group.next().await {
        looks += 1;
    }
    let told = group.story.messages(0).await;
    let before = told.len();
    assert!(
        (INCIDENTS / 5..INCIDENTS / 2).contains(&before),
        "{before} were told after {looks} looks"
    );
    // A critical one comes in between, and of those that are told and of those that wait some are over.
    let late = group.save(nth(5)).await;
    group.changed(&late).await;
    let shown: BTreeSet<&str> = ids
        .iter()
        .map(IncidentId::as_str)
        .filter(|id| told.iter().any(|m| text(m).contains(id)))
        .collect();
    let (told, waiting): (Vec<&IncidentId>, Vec<&IncidentId>) =
        ids.iter().partition(|id| shown.contains(id.as_str()));
    for id in told.iter().step_by(50).chain(waiting.iter().step_by(100)) {
        group.resolve(id).await;
    }
    while group.next().await {}

    assert_eq!(
        group.control("refused", json!({})).await["refused"],
        0,
        "no message was one too many"
    );
    let messages = group.story.messages(0).await;
    assert_eq!(messages.len(), INCIDENTS + 1);
    let place: BTreeMap<&str, usize> = messages
        .iter()
        .enumerate()
        .map(|(place, message)| (of(message, &ids, &late), place))
        .collect();
    assert_eq!(place.len(), INCIDENTS + 1, "each has one card");
    let (first, others): (Vec<usize>, Vec<usize>) = (0..INCIDENTS).partition(|i| critical(*i));
    let last_critical = first.iter().map(|i| place[ids[*i].as_str()]).max();
    assert!(
        last_critical < others.iter().map(|i| place[ids[*i].as_str()]).min(),
        "the critical ones come first"
    );
    assert_eq!(
        place[late.as_str()],
        before,
        "and the late one as soon as it is there"
    );
    let incidents = stream::iter(ids.iter().chain([&late]))
        .map(|id| store.known_incident(id))
        .buffer_unordered(AT_ONCE);
    let incidents: Vec<_> = incidents.try_collect().await.expect("the incidents");
    for incident in &incidents {
        let card = group
            .story
            .presented(incident, group.clock.now())
            .content
            .text
            .telegram();
        assert_eq!(
            messages[place[incident.id.as_str()]]["html"],
            json!(card),
            "the newest state is shown"
        );
    }
    assert_eq!(
        incidents
            .iter()
            .filter(|incident| incident.resolved_at.is_some())
            .count(),
        told.iter().step_by(50).count() + waiting.iter().step_by(100).count()
    );
}

/// The incident that a message is about.
fn of<'a>(message: &Value, ids: &'a [IncidentId], late: &'a IncidentId) -> &'a str {
    let about = |id: &&IncidentId| text(message).contains(id.as_str());
    ids.iter()
        .chain([late])
        .find(about)
        .expect("it is about one of them")
        .as_str()
}

/// An alert through the real doors: its name is one of a few, as a group's are.
fn alert(nth: usize) -> TestAlert {
    const NAMES: [&str; 4] = ["TargetDown", "HighLatency", "DiskFull", "ManyErrors"];
    TestAlert {
        name: NAMES[nth % NAMES.len()],
        ..TestAlert::firing(unique("crowd"))
    }
}

/// Delivers alerts as one group until all are counted; their incidents.
async fn delivered(stack: &Stack, alerts: &[TestAlert]) -> Vec<IncidentId> {
    loop {
        let response = stack.deliver(&group(alerts)).await;
        let status = response.status();
        let answer: Value = response.json().await.expect("JSON");
        if status == 200 {
            let results = answer["results"].as_array().expect("an answer to each");
            return results
                .iter()
                .map(|result| {
                    result["incident_id"]
                        .as_str()
                        .expect("an id")
                        .try_into()
                        .expect("an id")
                })
                .collect();
        }
        // As a sender does that is told to come again.
        assert_eq!(status, 503, "{answer}");
    }
}

#[tokio::test]
async fn each_of_300_alerts_is_on_a_card_or_counted_on_one() {
    const LIMIT: usize = 20;
    let stack = Stack::start_with(&["--param", "StormIncidentsPerMinute=20", "--chat-limits"]);
    let alerts: Vec<TestAlert> = (0..ALERTS).map(alert).collect();
    let mut ids = Vec::new();
    // Ten of each name at once: many of one rule would share a card whatever else opens.
    for alerts in alerts.chunks(40) {
        ids.extend(delivered(&stack, alerts).await);
    }
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ALERTS);

    let deadline = Instant::now() + PATIENCE;
    let (mut alone, mut storms, mut waiting) =
        (Vec::new(), BTreeMap::<IncidentId, u64>::new(), ids);
    while !waiting.is_empty() {
        assert!(
            Instant::now() < deadline,
            "{} are not looked at",
            waiting.len()
        );
        tokio::time::sleep(Duration::from_secs(1)).await;
        let incidents = stream::iter(&waiting)
            .map(|id| stack.store.known_incident(id))
            .buffer_unordered(AT_ONCE);
        let incidents: Vec<Incident> = incidents.try_collect().await.expect("the incidents");
        waiting.clear();
        for incident in incidents {
            match (incident.status, incident.storm_id().cloned()) {
                (Status::Open, _) => waiting.push(incident.id),
                (_, Some(storm)) => *storms.entry(storm).or_default() += 1,
                (_, None) => alone.push(incident.id),
            }
        }
    }
    // A storm goes on in the next minute, in which as many stand alone again.
    assert!(
        (LIMIT..=3 * LIMIT).contains(&alone.len()) && !storms.is_empty(),
        "{alone:?} {storms:?}"
    );
    assert_eq!(
        alone.len() as u64 + storms.values().sum::<u64>(),
        ALERTS as u64
    );

    for (storm, members) in &storms {
        let shown = cards(
            &stack,
            storm,
            &format!("{members} of {members} incidents still open"),
            deadline,
        )
        .await;
        assert_eq!(shown.len(), 1, "{shown:#?}");
        let storm = stack.read(storm).await.storm().cloned().expect("a storm");
        let counted = storm
            .groups
            .iter()
            .map(|(_, members, _)| members)
            .sum::<u64>()
            + storm.others().0;
        assert_eq!(
            (storm.members, counted),
            (*members, *members),
            "the names add up: {storm:#?}"
        );
    }
    for id in &alone {
        let shown = cards(&stack, id, "", deadline).await;
        assert_eq!(shown.len(), 1, "{shown:#?}");
    }
    assert_eq!(
        stack.control("refused", &json!({})).await["refused"],
        0,
        "no message was one too many"
    );
}

/// The cards of an incident, once one of them shows a text.
async fn cards(stack: &Stack, id: &IncidentId, shows: &str, deadline: Instant) -> Vec<Value> {
    loop {
        let cards = stack.cards(id.as_str()).await;
        if cards.iter().any(|card| text(card).contains(shows)) {
            return cards;
        }
        assert!(
            Instant::now() < deadline,
            "no card of {id} shows {shows:?}: {cards:#?}"
        );
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}
