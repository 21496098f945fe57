//! Events of a history, in the order of time: deliveries as they were received, and what incidents and their operation logs say of theirs.
//!
//! A log has no line for each alert that joined: it has the first, every power of two, and whatever changed the incident. So an incident's
//! history is heard again with the counts and at the times that its log has.

use std::cmp::Ordering;
use std::collections::{BinaryHeap, VecDeque};
use std::rc::Rc;

use domain::alert::{Alert, AlertSeverity, AlertStatus};
use domain::incident::Incident;
use domain::incident::operation_log::{Entry, Event as Logged};
use domain::policy::playbook_run::PlaybookRun;
use domain::primitives::id::{AlertGroupId, MemberId};
use jiff::Timestamp;

use crate::backtest::replay::Heard;
use crate::exit::Failure;
use crate::history::{HistoryLine, Received};

/// Something that happened.
#[derive(Debug)]
pub(crate) struct Event {
    pub(crate) at: Timestamp,
    pub(crate) what: What,
}

#[derive(Debug)]
pub(crate) enum What {
    /// A request, to be read anew.
    Delivery(Received),
    /// An alert that fired.
    Fired(Sighting),
    /// Alerts that ended.
    Ended {
        alert: Rc<Alert>,
        members: Vec<MemberId>,
    },
    /// Nobody had heard of an incident's alerts for too long.
    Expired(Rc<Alert>),
    /// A repair ended.
    Ran(PlaybookRun),
}

/// An alert that fired, as an incident knows it.
#[derive(Debug, Clone)]
pub(crate) struct Sighting {
    pub(crate) alert: Rc<Alert>,
    pub(crate) member: MemberId,
    /// When it began to fire, by its sender.
    pub(crate) starts_at: Timestamp,
    /// Its severity where that is not what its labels say.
    pub(crate) severity: Option<AlertSeverity>,
    /// The many alerts with which it came.
    pub(crate) group: Option<AlertGroupId>,
    pub(crate) heard: Heard,
}

/// Events that wait until no earlier one can come.
#[derive(Debug, Default)]
pub(crate) struct Events {
    waiting: BinaryHeap<Numbered>,
    ready: VecDeque<Event>,
    numbers: u64,
    /// No event of a later line is earlier.
    known_to: Option<Timestamp>,
}

/// An event with its number: of two at one moment the first to come is the first.
#[derive(Debug)]
struct Numbered(Event, u64);

impl Ord for Numbered {
    fn cmp(&self, other: &Self) -> Ordering {
        // The heap gives the greatest.
        (other.0.at, other.1).cmp(&(self.0.at, self.1))
    }
}

impl PartialOrd for Numbered {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Numbered {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Numbered {}

impl Events {
    /// Adds a line; `number` is its place in the history, from 1.
    ///
    /// # Errors
    /// If it is from before a line that was there already.
    pub(crate) fn add(&mut self, line: HistoryLine, number: u64) -> Result<(), Failure> {
        let (at, events) = match line {
            HistoryLine::Delivery(received) => {
                let at = received.at;
                let what = What::Delivery(received);
                (at, vec![Event { at, what }])
            }
            HistoryLine::Incident { incident, log } => {
                (incident.opened_at, of_incident(&incident, &log))
            }
        };
        // Incidents are in the order of their ids, which have milliseconds.
        let earlier = |known: Timestamp| at.as_millisecond() < known.as_millisecond();
        if self.known_to.is_some_and(earlier) {
            return Err(Failure::wrong(format!(
                "line {number} of the history is of {at}, which is before the line above it: sort the lines by time"
            )));
        }
        self.known_to = Some(at);
        for event in events {
            self.numbers += 1;
            self.waiting.push(Numbered(event, self.numbers));
        }
        while self.waiting.peek().is_some_and(|next| next.0.at < at) {
            self.ready.extend(self.waiting.pop().map(|next| next.0));
        }
        Ok(())
    }

    /// The next event of which it is known that none comes before it.
    pub(crate) fn next(&mut self) -> Option<Event> {
        self.ready.pop_front()
    }

    /// All that is left, when no line follows.
    pub(crate) fn finish(&mut self) {
        while let Some(Numbered(event, _)) = self.waiting.pop() {
            self.ready.push_back(event);
        }
    }

    /// The sightings that came with this one in one delivery: those right behind it of the same moment and group.
    pub(crate) fn together(&mut self, first: Sighting, at: Timestamp) -> Vec<Sighting> {
        let mut all = vec![first];
        while let Some(Event {
            at: next_at,
            what: What::Fired(next),
        }) = self.ready.front()
            && *next_at == at
            && next.group.is_some()
            && next.group == all[0].group
        {
            all.push(next.clone());
            self.ready.pop_front();
        }
        all
    }
}

/// What an incident and its log say of its alerts. Storms are Quell's own: they are made anew.
fn of_incident(incident: &Incident, log: &[Entry]) -> Vec<Event> {
    if incident.storm().is_some() {
        return Vec::new();
    }
    let mut told = Told::new(incident);
    for entry in log {
        told.hear(entry);
    }
    told.rest(log.last().map_or(incident.opened_at, |entry| entry.at));
    let run = run_of(incident);
    let ran = run.map(|run| Event {
        at: run.at,
        what: What::Ran(run),
    });
    told.events.into_iter().chain(ran).collect()
}

/// The last run of its plan, if that counts for its playbook.
fn run_of(incident: &Incident) -> Option<PlaybookRun> {
    let (plan, repair) = (incident.plan.as_ref()?, incident.repair.as_ref()?);
    let outcome = repair.outcome.filter(|outcome| outcome.counts())?;
    Some(PlaybookRun {
        playbook: plan.playbook.clone(),
        incident_id: incident.id.clone(),
        round: plan.round,
        target: plan.target.clone(),
        at: repair.finished_at?,
        verified: outcome == domain::incident::repair::RepairOutcome::Verified,
        recurred_at: None,
    })
}

/// An incident whose log is being read.
struct Told<'a> {
    incident: &'a Incident,
    alert: Rc<Alert>,
    /// The members that were made up for worse alerts that joined.
    worse: Vec<MemberId>,
    /// How many sightings were told so far.
    counted: u64,
    events: Vec<Event>,
}

impl<'a> Told<'a> {
    fn new(incident: &'a Incident) -> Self {
        let alert = Alert {
            status: AlertStatus::Firing,
            severity: incident.opened_as.unwrap_or(incident.alert.severity),
            ..incident.alert.clone()
        };
        Self {
            incident,
            alert: Rc::new(alert),
            worse: Vec::new(),
            counted: 0,
            events: Vec::new(),
        }
    }

    fn hear(&mut self, entry: &Entry) {
        let context = &entry.context;
        let hits = context["hit_count"].as_u64();
        let from_ingress = entry.actor == "ingress";
        match entry.event {
            Logged::AlertReceived => self.fire(entry.at, hits.unwrap_or(1), None),
            Logged::AlertConverged => {
                let more = hits.unwrap_or_default().saturating_sub(self.counted);
                self.fire(entry.at, more, None);
            }
            Logged::SeverityEscalated if from_ingress => {
                let severity = serde_json::from_value(context["to"].clone()).ok();
                self.fire(entry.at, 1, severity);
            }
            Logged::SeverityEased if from_ingress => {
                let members = std::mem::take(&mut self.worse);
                self.end(entry.at, members);
            }
            Logged::IncidentReopened => self.fire(entry.at, 1, None),
            Logged::IncidentResolved => {
                self.rest(entry.at);
                let mut members = std::mem::take(&mut self.worse);
                members.push(self.alert.member.clone());
                self.end(entry.at, members);
            }
            Logged::IncidentExpired => {
                let what = What::Expired(Rc::clone(&self.alert));
                self.events.push(Event { at: entry.at, what });
            }
            _ => {}
        }
    }

    /// The sightings that no entry tells of.
    fn rest(&mut self, at: Timestamp) {
        let more = self.incident.hit_count.saturating_sub(self.counted);
        let is_last = self
            .incident
            .resolved_at
            .is_none_or(|resolved| at >= resolved);
        if is_last {
            self.fire(at, more, None);
        }
    }

    fn fire(&mut self, at: Timestamp, count: u64, severity: Option<AlertSeverity>) {
        if count == 0 {
            return;
        }
        let opens = self.events.is_empty();
        // Until it has resolved, it fires since it began.
        let ended = self
            .events
            .iter()
            .any(|event| matches!(event.what, What::Ended { .. }));
        let starts_at = if ended { at } else { self.alert.starts_at };
        let member = match severity {
            None => self.alert.member.clone(),
            Some(_) => {
                let name = format!("worse-{}", self.worse.len());
                let member = MemberId::try_from(name).unwrap_or_else(|_| MemberId::of_nobody());
                self.worse.push(member.clone());
                member
            }
        };
        self.counted += count;
        let what = What::Fired(Sighting {
            alert: Rc::clone(&self.alert),
            member,
            starts_at,
            severity,
            group: self.incident.group.clone().filter(|_| opens),
            heard: Heard {
                count,
                has_run: self.incident.repair.is_some(),
            },
        });
        self.events.push(Event { at, what });
    }

    fn end(&mut self, at: Timestamp, members: Vec<MemberId>) {
        let alert = Rc::clone(&self.alert);
        let what = What::Ended { alert, members };
        self.events.push(Event { at, what });
    }
}
