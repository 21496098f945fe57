//! Random sequences for one alert: deliveries, presses, repairs and messages.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::time::Duration;

use domain::incident::Status;
use domain::incident::approval::Verdict;
use domain::notification::button_action::ButtonAction;
use domain::primitives::id::{ApprovalId, IncidentId};
use jiff::SignedDuration;
use lambda_http::Request;
use serde_json::json;
use tests::alert::{TestAlert, unique};
use tests::in_process::answer;
use tests::simulated::Sent;

use super::random::Random;
use super::world::World;
use super::{PEOPLE, SOON};

/// One alert, with what has come of it.
pub(super) struct Sequence<'a> {
    pub(super) world: &'a World,
    pub(super) random: Random,
    pub(super) alert: TestAlert,
    pub(super) incidents: BTreeSet<IncidentId>,
    pub(super) asked: BTreeSet<ApprovalId>,
    pub(super) presses: Vec<(i64, String, String)>,
}

impl Sequence<'_> {
    /// The alert is delivered as it is now, which may open another incident where much time has passed.
    pub(super) async fn deliver(&mut self) {
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
    pub(super) async fn some_messages(&mut self) {
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
    pub(super) async fn presses(&mut self) {
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
    pub(super) async fn tries(&mut self) {
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
    pub(super) async fn turns(&mut self) {
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
    pub(super) async fn race(&mut self) {
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

    pub(super) async fn step(&mut self) {
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
                // Of the same type, and so of the same episode: what it is called differs.
                self.alert.name = "InstanceDown";
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
}
