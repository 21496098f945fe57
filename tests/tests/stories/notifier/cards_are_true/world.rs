//! Ingress and two notifiers whose queues and clock are the story's, and what the other functions do.

use domain::analysis::Risk;
use domain::incident::Status;
use domain::incident::change::IncidentChange;
use domain::incident::operation_log::{Event, LogRecord};
use domain::incident::repair::{OutputEnd, Repair, RepairOutcome, StepRun};
use domain::playbook::plan::Phase;
use domain::primitives::id::IncidentId;
use domain::transition::reanalysis;
use jiff::{SignedDuration, Timestamp};
use lambda_http::{Body, http};
use notifier::App;
use serde_json::json;
use tests::chats::Story;
use tests::in_process::answer;
use tests::samples;
use tests::simulated::{Queues, Sent, StandingClock};
use wire::message::Message;

use super::{PEOPLE, SOON, VALID_FOR};

/// Ingress and two notifiers, whose queues and clock are the story's.
pub(super) struct World {
    pub(super) story: Story,
    pub(super) door: ingress::App,
    pub(super) workers: [App; 2],
    pub(super) queues: Queues,
    pub(super) clock: StandingClock,
}

impl World {
    pub(super) async fn begin() -> Self {
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
    pub(super) async fn hand(&self, worker: usize, sent: Sent) {
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
    pub(super) async fn analyse(&self, id: &IncidentId) {
        let sample = samples::waiting().incident;
        let (analysis, mut plan) = (
            sample.analysis.expect("analysed"),
            sample.plan.expect("planned"),
        );
        if id.as_str().bytes().last().is_some_and(|last| last % 2 == 0) {
            plan.risk = Risk::Critical;
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
    pub(super) async fn repair(&self, id: &IncidentId, plan_hash: &str) {
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
    pub(super) async fn analyse_anew(&self, id: &IncidentId) {
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
                    Err("no playbook fits".to_owned().into())
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

    pub(super) fn changed(&self, id: &IncidentId) {
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
    pub(super) async fn quiet(&self) {
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
    pub(super) fn next_for_a_worker(&self) -> Option<Sent> {
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

    pub(super) async fn press(&self, from: i64, query: &str, data: &str) {
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
