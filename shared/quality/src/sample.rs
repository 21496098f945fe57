//! Extract of an incident: what it says of the alert rule that opened it.

use std::collections::BTreeMap;

use domain::alert::AlertSeverity;
use domain::alert::labels::Texts;
use domain::incident::approval::{Approval, ApprovalState};
use domain::incident::parts::IncidentKind;
use domain::incident::response::CloseReason;
use domain::incident::{Incident, Status};
use domain::primitives::id::IncidentId;
use domain::primitives::identity::DecidedBy;
use jiff::{SignedDuration, Timestamp};

/// The sender of alerts that Quell makes itself: no rule of the operator's is behind them.
const OWN: &str = "quell";

/// An alert rule, as far as its alerts name it: their name and their sender.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rule {
    pub name: String,
    pub source: String,
}

/// Where an incident was.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    pub cluster: Option<String>,
    pub namespace: String,
    /// The service in the registry where there is a plan for one, else what the alert is about.
    pub service: String,
}

/// How an incident ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    Open,
    Resolved(Timestamp),
    /// A person closed it, and its alert may fire still.
    Closed(Timestamp),
    /// Whether its alerts have ended is not known.
    Expired,
}

/// When people, or a repair, first had a hand in an incident.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Hands {
    /// A person took it, or judged its cause.
    pub acknowledged_at: Option<Timestamp>,
    /// A person decided, wrote a note or closed it, or a repair ran.
    pub acted_at: Option<Timestamp>,
}

/// What one incident says of its rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sample {
    pub rule: Rule,
    pub place: Place,
    /// The labels of the alert that opened it.
    pub labels: Texts,
    pub severity: AlertSeverity,
    pub opened_at: Timestamp,
    pub ending: Ending,
    pub alerts: u64,
    pub flaps: u64,
    pub hands: Hands,
    pub closed: Option<CloseReason>,
    /// True if a person said that the cause of its analysis is wrong.
    pub cause_is_wrong: bool,
}

/// The samples of many incidents, which may be handed in in any order.
#[derive(Debug, Default)]
pub struct Samples {
    samples: Vec<(Sample, Option<IncidentId>)>,
    storms: BTreeMap<IncidentId, Hands>,
}

impl Samples {
    /// Takes in an incident. Reports of pipelines and Quell's own alerts have no rule, and a storm stands for its members.
    pub fn take_in(&mut self, incident: &Incident) {
        match &incident.kind {
            IncidentKind::Storm(_) => {
                self.storms.insert(incident.id.clone(), Hands::of(incident));
            }
            IncidentKind::Pipeline => {}
            IncidentKind::Alert | IncidentKind::StormMember { .. } => {
                if incident.alert.source != OWN {
                    self.samples
                        .push((Sample::of(incident), incident.storm_id().cloned()));
                }
            }
        }
    }

    /// The samples. People act on a storm as a whole: what they did about it, they did about its members.
    pub fn into_samples(self) -> Vec<Sample> {
        let Self { samples, storms } = self;
        let with_storm = samples.into_iter().map(|(mut sample, storm)| {
            if let Some(hands) = storm.and_then(|storm| storms.get(&storm)) {
                sample.hands = sample.hands.or_earlier(*hands);
            }
            sample
        });
        with_storm.collect()
    }
}

impl Sample {
    /// What an incident says, as it is now. Its log is not read: a person who took it before it fired again is not known any more.
    pub fn of(incident: &Incident) -> Self {
        let alert = &incident.alert;
        let response = &incident.response;
        let service = incident.plan.as_ref().map(|plan| plan.target.as_str());
        Self {
            rule: Rule {
                name: alert.name.clone(),
                source: alert.source.clone(),
            },
            place: Place {
                cluster: alert.subject.cluster.clone(),
                namespace: alert.namespace.clone(),
                service: service.unwrap_or(&alert.normalised_target).to_owned(),
            },
            labels: alert.labels.clone(),
            severity: alert.severity,
            opened_at: incident.opened_at,
            ending: Ending::of(incident),
            alerts: incident.hit_count,
            flaps: incident.flaps,
            hands: Hands::of(incident),
            closed: response.closed.as_ref().map(|closed| closed.reason),
            cause_is_wrong: response.cause.as_ref().is_some_and(|cause| !cause.right),
        }
    }

    /// How long it was open, where its end is known.
    pub fn open_for(&self) -> Option<SignedDuration> {
        match self.ending {
            Ending::Resolved(at) | Ending::Closed(at) => Some(at.duration_since(self.opened_at)),
            Ending::Open | Ending::Expired => None,
        }
    }

    /// True if its alert resolved before a person or a repair had a hand in it.
    pub fn ended_by_itself(&self) -> bool {
        match self.ending {
            Ending::Resolved(at) => self.hands.first().is_none_or(|first| first >= at),
            Ending::Open | Ending::Closed(_) | Ending::Expired => false,
        }
    }
}

impl Ending {
    fn of(incident: &Incident) -> Self {
        let closed = incident.response.closed.as_ref();
        match (incident.status, incident.resolved_at, closed) {
            (Status::Expired, ..) => Self::Expired,
            (_, Some(at), _) if !incident.is_open() => Self::Resolved(at),
            (_, _, Some(closed)) => Self::Closed(closed.at),
            _ => Self::Open,
        }
    }
}

impl Hands {
    fn of(incident: &Incident) -> Self {
        let response = &incident.response;
        let taken = response.responder.iter().map(|responder| responder.since);
        let judged = response.cause.iter().map(|cause| cause.at);
        let notes = response.notes.iter().map(|note| note.at);
        let closed = response.closed.iter().map(|closed| closed.at);
        let decided = incident.approval.iter().flat_map(decisions);
        let earlier = incident.earlier_repairs.iter().map(|ran| &ran.repair);
        let ran = incident.repair.iter().chain(earlier);
        let ran = ran.map(|repair| repair.started_at);
        Self {
            acknowledged_at: taken.chain(judged).min(),
            acted_at: notes.chain(closed).chain(decided).chain(ran).min(),
        }
    }

    /// The first of all.
    pub fn first(self) -> Option<Timestamp> {
        earlier(self.acknowledged_at, self.acted_at)
    }

    fn or_earlier(self, other: Self) -> Self {
        Self {
            acknowledged_at: earlier(self.acknowledged_at, other.acknowledged_at),
            acted_at: earlier(self.acted_at, other.acted_at),
        }
    }
}

fn earlier(one: Option<Timestamp>, other: Option<Timestamp>) -> Option<Timestamp> {
    one.into_iter().chain(other).min()
}

/// When people decided on a plan. What the guardrails decide is no act of a person; the repair behind it counts.
fn decisions(approval: &Approval) -> impl Iterator<Item = Timestamp> {
    let decided = match approval.state {
        ApprovalState::Decided {
            by: DecidedBy::Person(_),
            at,
            ..
        } => Some(at),
        _ => None,
    };
    approval.votes.iter().map(|vote| vote.at).chain(decided)
}

#[cfg(test)]
#[path = "sample_tests.rs"]
mod tests;
