//! Tests that each card shows the store's state in the end, whatever the order of events and
//! messages.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::time::Duration;

use domain::analysis::Risk;
use domain::incident::Status;
use domain::incident::approval::Verdict;
use domain::incident::change::IncidentChange;
use domain::incident::operation_log::{Entry, Event, LogRecord, verify};
use domain::incident::repair::{OutputEnd, Repair, RepairOutcome, StepRun};
use domain::notification::button_action::ButtonAction;
use domain::playbook::plan::Phase;
use domain::primitives::id::{ApprovalId, IncidentId};
use domain::transition::reanalysis;
use jiff::{SignedDuration, Timestamp};
use lambda_http::{Body, Request, http};
use notifier::App;
use serde_json::{Value, json};
use tests::alert::{TestAlert, unique};
use tests::chats::{Story, text};
use tests::in_process::answer;
use tests::samples;
use tests::simulated::{Queues, Sent, StandingClock};
use wire::message::Message;

/// How many sequences are tried.
const SEQUENCES: usize = 25;
/// How many things happen in each.
const STEPS: usize = 10;
/// The seed of a sequence that failed, to see it again; a new one for each without.
const SEED: Option<u64> = None;
/// The people who may decide, by their ids at Telegram, and the one who may late.
const PEOPLE: [i64; 3] = [71, 72, 73];
/// For how long a plan can be decided on.
const VALID_FOR: SignedDuration = SignedDuration::from_hours(2);
/// What a queue holds back for longer is a look at a decision: nothing waits for it that a card has to show now.
const SOON: SignedDuration = SignedDuration::from_mins(10);

/// Random numbers that come again with their seed (<https://prng.di.unimi.it/splitmix64.c>). Says the seed when the story fails.
struct Random {
    seed: u64,
    state: u64,
    steps: String,
}

impl Random {
    fn of(seed: u64) -> Self {
        Self {
            seed,
            state: seed,
            steps: String::new(),
        }
    }

    fn below(&mut self, end: usize) -> usize {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        usize::try_from(mixed % end as u64).expect("below a usize")
    }

    fn one_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    fn shuffle<T>(&mut self, all: &mut [T]) {
        for place in (1..all.len()).rev() {
            all.swap(place, self.below(place + 1));
        }
    }
}

impl Drop for Random {
    #[expect(
        clippy::print_stderr,
        reason = "whoever runs the story has to learn the seed"
    )]
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("SEED = Some({}); what happened:{}", self.seed, self.steps);
        }
    }
}

/// Ingress and two notifiers, whose queues and clock are the story's.
struct World {
    story: Story,
    door: ingress::App,
    workers: [App; 2],
    queues: Queues,
    clock: StandingClock,
}

/// One alert, with what has come of it.
struct Sequence<'a> {
    world: &'a World,
    random: Random,
    alert: TestAlert,
    incidents: BTreeSet<IncidentId>,
    asked: BTreeSet<ApprovalId>,
    presses: Vec<(i64, String, String)>,
}

impl World {
    async fn begin() -> Self {
        let [ada, bob, late] = PEOPLE;
        let more = json!({
            "people": { "ada": { "telegram": ada }, "bob": { "telegram": bob }, "late": { "telegram": late } },
            "approvals": [{ "people": ["ada", "bob"], "then": ["late"], "escalate_after_seconds": 3600 }],
        });
        let story = Story::of(1, 1, None, &more).await;
        let clock = StandingClock::at(Timestamp::now());
        let (queues, aws) = Queues::begin(&story.stack, &clock).await;
        let (door, workers) = (
            story.door_at(&aws),
            [story.worker_at(&aws), story.worker_at(&aws)],
        );
        Self {
            story,
            door,
            workers,
            queues,
            clock,
        }
    }

    /// Hands one of the workers a message, which comes again if it fails. The analyzer's are answered as it would.
    async fn hand(&self, worker: usize, sent: Sent) {
        self.clock.go_to(sent.at);
        let handled = match &sent.message {
            Message::IncidentOpened { incident_id } => {
                return Box::pin(self.analyse(incident_id)).await;
            }
            message if sent.queue == self.story.queue.url => {
                self.story
                    .hand(&self.workers[worker], message, &self.clock)
                    .await
            }
            Message::RepairApproved {
                incident_id,
                plan_hash,
            } => return Box::pin(self.repair(incident_id, plan_hash)).await,
            _ => return,
        };
        if handled.is_err() {
            self.queues.put(Sent {
                at: self.clock.now() + SignedDuration::from_secs(1),
                ..sent
            });
        }
    }

    /// What the analyzer does: a finding, and a plan on which one person decides, or two.
    async fn analyse(&self, id: &IncidentId) {
        let sample = samples::waiting().incident;
        let (mut analysis, plan) = (
            sample.analysis.expect("analysed"),
            sample.plan.expect("planned"),
        );
        if id.as_str().bytes().last().is_some_and(|last| last % 2 == 0) {
            analysis.risk = Risk::Critical;
        }
        let decide = |change: &mut IncidentChange| {
            let undecided =
                change.incident.status == Status::Open && change.incident.analysis.is_none();
            if undecided {
                change.analysed(analysis.clone(), Vec::new(), self.clock.now());
                change.propose(plan.clone(), self.clock.now(), VALID_FOR);
            }
            undecided
        };
        let (_, decided) = self
            .story
            .stack
            .store
            .change(id, decide)
            .await
            .expect("saved");
        if !decided {
            // One message more would make a card true that was left behind.
            return;
        }
        self.changed(id);
    }

    /// What the repair function does with an approved plan, in one go: what it records is all that a card can know.
    async fn repair(&self, id: &IncidentId, plan_hash: &str) {
        let fault = ulid::Ulid::generate().random() % 4;
        let now = self.clock.now();
        let decide = |change: &mut IncidentChange| {
            let incident = &mut change.incident;
            let approved = incident
                .approval
                .as_ref()
                .is_some_and(|approval| approval.plan_hash == plan_hash);
            if !approved || incident.status != Status::Approved || incident.repair.is_some() {
                return false;
            }
            let outcome = if fault == 0 {
                RepairOutcome::Verified
            } else {
                RepairOutcome::StepFailed
            };
            let output = OutputEnd {
                stdout: String::new(),
                stderr: format!("why {fault}"),
            };
            let step = StepRun {
                detail: "it ended".into(),
                output,
                ..StepRun::ended(Phase::Steps, 0, fault == 0)
            };
            let run = Repair {
                outcome: Some(outcome),
                finished_at: Some(now),
                steps: vec![step],
                ..Repair::start(plan_hash.into(), now)
            };
            incident.repair = Some(run);
            incident.status = if fault == 0 {
                Status::Repaired
            } else {
                Status::RepairFailed
            };
            change.record(now, LogRecord::new(Event::StepStarted, "repair", "step 1"));
            let context = json!({ "outcome": outcome });
            change.record(
                now,
                LogRecord::new(Event::ExecutionCompleted, "repair", "playbook p").with(context),
            );
            true
        };
        let (_, ran) = self
            .story
            .stack
            .store
            .change(id, decide)
            .await
            .expect("saved");
        if ran {
            self.changed(id);
        }
    }

    /// What a new analysis does, where a person may ask for one.
    async fn analyse_anew(&self, id: &IncidentId) {
        let sample = samples::waiting().incident;
        let (analysis, plan, now) = (
            sample.analysis.expect("analysed"),
            sample.plan.expect("planned"),
            self.clock.now(),
        );
        let none = ulid::Ulid::generate().random().is_multiple_of(3);
        let decide = |change: &mut IncidentChange| {
            let Ok(round) = reanalysis::ask(change, "telegram:71", now) else {
                return false;
            };
            let plan = |_: &mut IncidentChange| {
                if none {
                    Err("no playbook fits".to_owned())
                } else {
                    Ok(plan.clone())
                }
            };
            change.reanalysed(round, (analysis.clone(), Vec::new()), plan, now, VALID_FOR);
            true
        };
        let (_, asked) = self
            .story
            .stack
            .store
            .change(id, decide)
            .await
            .expect("saved");
        if asked {
            self.changed(id);
        }
    }

    fn changed(&self, id: &IncidentId) {
        let message = Message::IncidentChanged {
            incident_id: id.clone(),
        };
        self.queues.put(Sent {
            at: self.clock.now(),
            queue: self.story.queue.url.clone(),
            message,
        });
    }

    /// Everything that is sent is delivered, and what follows from it, until nothing comes any more.
    async fn quiet(&self) {
        for _ in 0..500 {
            match self.queues.take_first() {
                Some(sent) if sent.at <= self.clock.now() + SOON => {
                    Box::pin(self.hand(0, sent)).await
                }
                // The others are looks at decisions, which lie further ahead.
                Some(look) => return self.queues.put(look),
                None => return,
            }
        }
        panic!("it does not end");
    }

    /// What a worker can receive now. An incident that fires again is told to the analyzer too, which has nothing to do then.
    fn next_for_a_worker(&self) -> Option<Sent> {
        let mut others = Vec::new();
        let found = loop {
            match self.queues.take_first() {
                Some(sent) if sent.at <= self.clock.now() && sent.queue == self.story.queue.url => {
                    break Some(sent);
                }
                Some(other) => others.push(other),
                None => break None,
            }
        };
        others.into_iter().for_each(|other| self.queues.put(other));
        found
    }

    async fn press(&self, from: i64, query: &str, data: &str) {
        let message = json!({ "message_id": 1, "date": 0, "chat": { "id": self.story.chats[0].1, "type": "private" } });
        let query = json!({ "id": query, "from": { "id": from, "is_bot": false, "first_name": "P" }, "message": message, "data": data });
        let request = http::Request::post("https://api.test/api/v1/webhooks/telegram")
            .header(
                "x-telegram-bot-api-secret-token",
                &self.story.stack.facts.secrets["telegram_webhook"],
            )
            .body(Body::from(
                json!({ "update_id": 1, "callback_query": query }).to_string(),
            ));
        let (status, answer) = Box::pin(answer(
            &self.door,
            request.expect("a request"),
            self.clock.now(),
        ))
        .await;
        assert_eq!(status, 200, "{answer}");
    }
}

impl Sequence<'_> {
    /// The alert is delivered as it is now, which may open another incident where much time has passed.
    async fn deliver(&mut self) {
        let request: Request = self.world.story.stack.delivery(&self.alert.delivery());
        let (status, answer) =
            Box::pin(answer(&self.world.door, request, self.world.clock.now())).await;
        assert_eq!(status, 200, "{answer}");
        if let Some(id) = answer["incident_id"].as_str() {
            self.incidents
                .insert(IncidentId::try_from(id).expect("an id"));
        }
    }

    /// Some of what is sent is delivered: in any order, twice, to both workers at once.
    async fn some_messages(&mut self) {
        let (mut sent, now) = (Vec::new(), self.world.clock.now());
        while let Some(message) = self.world.queues.take_first() {
            sent.push(message);
        }
        self.random.shuffle(&mut sent);
        let now_or_soon = sent.iter().filter(|sent| sent.at <= now + SOON).count();
        let mut left = self.random.below(now_or_soon + 1);
        while let Some(one) = sent.pop() {
            if left == 0 || one.at > now + SOON {
                self.world.queues.put(one);
                continue;
            }
            left -= 1;
            match self.random.below(4) {
                0 => {
                    tokio::join!(
                        Box::pin(self.world.hand(0, one.clone())),
                        Box::pin(self.world.hand(1, one))
                    );
                }
                1 => match sent.pop_if(|other| other.at <= now + SOON) {
                    Some(other) => {
                        tokio::join!(
                            Box::pin(self.world.hand(0, one)),
                            Box::pin(self.world.hand(1, other))
                        );
                    }
                    None => Box::pin(self.world.hand(1, one)).await,
                },
                2 => {
                    // Once more, much later.
                    self.world.queues.put(Sent {
                        at: now + SignedDuration::from_mins(5),
                        ..one.clone()
                    });
                    Box::pin(self.world.hand(0, one)).await;
                }
                _ => Box::pin(self.world.hand(1, one)).await,
            }
        }
    }

    /// One or two people press what a card shows, or has shown; or a press is delivered again.
    async fn presses(&mut self) {
        for id in &self.incidents {
            let incident = self.world.story.stack.read(id).await;
            self.asked
                .extend(incident.approval.map(|approval| approval.id));
        }
        let asked: Vec<ApprovalId> = self.asked.iter().cloned().collect();
        if asked.is_empty() {
            return;
        }
        let mut two = Vec::new();
        for _ in 0..2 {
            let known = self.presses.len();
            if known > 0 && self.random.one_in(4) {
                two.push(self.presses[self.random.below(known)].clone());
                continue;
            }
            let verdict = if self.random.one_in(3) {
                Verdict::Reject
            } else {
                Verdict::Approve
            };
            let approval = asked[self.random.below(asked.len())].clone();
            let press = (
                PEOPLE[self.random.below(PEOPLE.len())],
                unique("q"),
                ButtonAction::Decide(verdict, approval).to_string(),
            );
            self.presses.push(press.clone());
            two.push(press);
        }
        let press =
            |place: usize| Box::pin(self.world.press(two[place].0, &two[place].1, &two[place].2));
        if self.random.one_in(2) {
            tokio::join!(press(0), press(1));
        } else {
            press(0).await;
        }
    }

    /// What waits is approved and run; whatever comes of it, somebody doubts it a while later, or the alert comes back.
    async fn tries(&mut self) {
        Box::pin(self.world.quiet()).await;
        for id in self.incidents.clone() {
            let incident = self.world.story.stack.read(&id).await;
            let Some(approval) = incident
                .approval
                .filter(|_| incident.status == Status::AwaitingApproval)
            else {
                continue;
            };
            for person in &PEOPLE[..2] {
                Box::pin(self.world.press(
                    *person,
                    &unique("q"),
                    &ButtonAction::Decide(Verdict::Approve, approval.id.clone()).to_string(),
                ))
                .await;
            }
            Box::pin(self.world.quiet()).await;
            self.world
                .clock
                .go_to(self.world.clock.now() + SignedDuration::from_mins(6));
            if self.random.one_in(2) {
                Box::pin(self.world.analyse_anew(&id)).await;
            }
        }
    }

    /// It fires again if it has resolved, and resolves if it fires.
    async fn turns(&mut self) {
        let now = self.world.clock.now();
        self.alert.ends_at = match self.alert.ends_at {
            Some(_) => None,
            None => Some(now),
        };
        if self.alert.ends_at.is_none() {
            self.alert.starts_at = now;
        }
        Box::pin(self.deliver()).await;
    }

    /// While one worker makes the card true, the incident changes again, and the other worker is told of it. No later message helps.
    async fn race(&mut self) {
        let world = self.world;
        Box::pin(world.quiet()).await;
        Box::pin(self.turns()).await;
        let Some(first) = world.next_for_a_worker() else {
            return;
        };
        world
            .clock
            .go_to(world.clock.now() + SignedDuration::from_secs(2));
        // The chat is slow: what the worker has read grows old before it is shown.
        world
            .story
            .fail(
                0,
                json!({ "error_code": 200, "apply": true, "delay_seconds": 0.3 }),
            )
            .await;
        let pause = Duration::from_millis(self.random.below(150) as u64);
        let meanwhile = async {
            tokio::time::sleep(pause).await;
            Box::pin(self.turns()).await;
            if let Some(second) = world.next_for_a_worker() {
                Box::pin(world.hand(1, second)).await;
            }
        };
        tokio::join!(Box::pin(world.hand(0, first)), meanwhile);
        // At once: whatever happens next would make a card true that was left behind.
        Box::pin(world.quiet()).await;
        Box::pin(self.check()).await;
    }

    async fn step(&mut self) {
        let (what, now) = (self.random.below(18), self.world.clock.now());
        let name = match what {
            0 | 1 => "converges",
            2 | 3 => "turns",
            4 | 5 => "presses",
            6 => "time passes",
            7 | 8 => "races",
            9 | 10 => "doubts",
            11 => "worsens",
            12..=14 => "tries",
            _ => "messages",
        };
        let _ = write!(self.random.steps, " {name}");
        match name {
            "converges" => {
                for _ in 0..=self.random.below(3) {
                    Box::pin(self.deliver()).await;
                }
            }
            "turns" => Box::pin(self.turns()).await,
            "races" => Box::pin(self.race()).await,
            "presses" => Box::pin(self.presses()).await,
            "doubts" => {
                for id in self.incidents.clone() {
                    Box::pin(self.world.analyse_anew(&id)).await;
                }
            }
            "tries" => Box::pin(self.tries()).await,
            "worsens" => {
                self.alert.severity = "critical";
                Box::pin(self.deliver()).await;
            }
            "time passes" => self
                .world
                .clock
                .go_to(now + SignedDuration::from_mins([1, 20, 61, 130][self.random.below(4)])),
            _ => Box::pin(self.some_messages()).await,
        }
        // No two things happen at the same moment, except where they are meant to.
        self.world
            .clock
            .go_to(self.world.clock.now() + SignedDuration::from_secs(2));
    }

    /// Each card shows what the store has, each log is whole, and on each plan it was decided once.
    async fn check(&self) {
        let Story { stack, .. } = &self.world.story;
        let messages = self.world.story.messages(0).await;
        for id in &self.incidents {
            let incident = stack.read(id).await;
            // An escalation is told below the card.
            let is_card = |message: &&Value| {
                message["reply_to_message_id"].is_null() && text(message).contains(id.as_str())
            };
            let cards: Vec<&Value> = messages.iter().filter(is_card).collect();
            assert_eq!(cards.len(), 1, "{cards:#?}");
            let content = self
                .world
                .story
                .presented(&incident, self.world.clock.now())
                .content;
            assert_eq!(
                cards[0]["html"],
                json!(content.text.telegram()),
                "the card of {incident:#?}"
            );
            let rows = cards[0]["reply_markup"]["inline_keyboard"]
                .as_array()
                .cloned()
                .unwrap_or_default();
            let shown: Vec<&Value> = rows
                .iter()
                .flat_map(|row| row.as_array().expect("a row"))
                .map(|button| &button["callback_data"])
                .collect();
            let wanted: Vec<String> = content
                .buttons
                .iter()
                .flatten()
                .map(|button| button.ask.to_string())
                .collect();
            assert_eq!(json!(shown), json!(wanted), "the buttons of {incident:#?}");

            let log = stack.store.log(id).await.expect("the log");
            verify(id, &log, &incident.log_head).expect("the chain is whole");
            let mut decided: BTreeMap<String, usize> = BTreeMap::new();
            for entry in log
                .iter()
                .filter(|entry| entry.event == Event::ApprovalDecided)
            {
                *decided
                    .entry(
                        entry.context["approval_id"]
                            .as_str()
                            .expect("which")
                            .to_owned(),
                    )
                    .or_default() += 1;
            }
            assert!(decided.values().all(|times| *times == 1), "{log:#?}");
            assert_eq!(
                log.iter()
                    .filter(|entry| entry.event == Event::TelegramSent)
                    .count(),
                1,
                "{log:#?}"
            );
            let replies: Vec<&Value> = messages
                .iter()
                .filter(|message| {
                    !message["reply_to_message_id"].is_null() && text(message).contains(id.as_str())
                })
                .collect();
            let details = self
                .world
                .story
                .details(&incident, &log)
                .content
                .text
                .plain();
            card_agrees_with_the_log(text(cards[0]), &details, &log);
            each_result_was_heard_once(&replies, &log);
        }
    }
}

/// What a card says of what happened is what the log says that happened.
fn card_agrees_with_the_log(card: &str, details: &str, log: &[Entry]) {
    fn outcome(entry: &Entry) -> Option<&str> {
        (entry.event == Event::ExecutionCompleted)
            .then(|| entry.context["outcome"].as_str().expect("a word"))
    }
    let failed = log
        .iter()
        .filter_map(outcome)
        .filter(|outcome| *outcome == "step_failed")
        .count();
    // The last four runs are shown, and how many there were before.
    let (runs, shown) = (
        log.iter().filter_map(outcome).count(),
        card.matches("a step failed").count(),
    );
    assert!(
        runs > 4 || shown == failed,
        "{failed} runs failed, and the card shows {shown}: {card}"
    );
    let ran = log.iter().any(|entry| entry.event == Event::StepStarted);
    assert!(!(ran && card.contains("nothing was run")), "{card}");
    for person in PEOPLE {
        assert!(
            !card.contains(&format!("telegram:{person}")),
            "their name is known: {card}"
        );
    }
    let severity = |text: &str| {
        text.split_whitespace()
            .find(|word| matches!(*word, "P0" | "P1" | "P2" | "P3"))
            .map(str::to_owned)
    };
    assert!(
        severity(card).is_some() && severity(card) == severity(details),
        "{card}\n{details}"
    );
    let never = " never runs by itself (severity)";
    assert!(
        !card.contains(never) || card.contains(&format!("{}{never}", severity(card).expect("one"))),
        "{card}"
    );
    // Of a run that is the last thing that happened to a plan, the card says why it failed.
    let decided = log
        .iter()
        .rposition(|entry| entry.event == Event::ApprovalRequested);
    let ended = log
        .iter()
        .rposition(|entry| outcome(entry) == Some("step_failed"));
    assert!(
        ended < decided || ended.is_none() || card.contains("\nwhy "),
        "{card}"
    );
}

/// Each run that ended made a sound: a reply, or the card itself when it was new, and none twice.
fn each_result_was_heard_once(replies: &[&Value], log: &[Entry]) {
    let told = |event: Event| log.iter().filter(move |entry| entry.event == event);
    let titles = [
        "✅ Repaired and verified",
        "❌ The repair failed",
        "❌ The repair was verified, but",
    ];
    let results = replies
        .iter()
        .filter(|reply| titles.iter().any(|title| text(reply).starts_with(title)))
        .count();
    let receipts: BTreeSet<u64> = told(Event::TelegramResultSent)
        .map(|entry| entry.context["of"].as_u64().expect("which"))
        .collect();
    assert_eq!(
        receipts.len(),
        told(Event::TelegramResultSent).count(),
        "none is told twice: {log:#?}"
    );
    let by_card = told(Event::TelegramResultSent)
        .filter(|entry| entry.context["update"].is_null())
        .count();
    assert_eq!(results + by_card, receipts.len(), "{replies:#?}");
    for ended in log.iter().filter(|entry| {
        matches!(
            entry.event,
            Event::ExecutionCompleted | Event::ResolutionOverdue
        )
    }) {
        assert!(
            receipts.iter().any(|of| *of >= ended.sequence),
            "nobody heard of entry {}: {log:#?}",
            ended.sequence
        );
    }
}

#[tokio::test]
async fn in_the_end_each_card_shows_what_the_store_has() {
    let world = World::begin().await;
    for _ in 0..SEQUENCES {
        let seed = SEED.unwrap_or_else(|| {
            u64::try_from(ulid::Ulid::generate().random() >> 16).expect("64 bits")
        });
        let alert = TestAlert {
            starts_at: world.clock.now(),
            ..TestAlert::firing(unique("true"))
        };
        let (incidents, asked, presses) = (BTreeSet::new(), BTreeSet::new(), Vec::new());
        let mut sequence = Sequence {
            world: &world,
            random: Random::of(seed),
            alert,
            incidents,
            asked,
            presses,
        };
        // There is a card to begin with.
        Box::pin(sequence.deliver()).await;
        Box::pin(world.quiet()).await;
        for _ in 0..STEPS {
            Box::pin(sequence.step()).await;
        }
        Box::pin(world.quiet()).await;
        Box::pin(sequence.check()).await;
        // What is left are looks at its decisions.
        while world.queues.take_first().is_some() {}
    }
}
