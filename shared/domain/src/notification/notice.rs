//! Notices of an incident: results, and everything that needs a human. An edited card makes no
//! sound, so that each notice is a message of its own. They are derived from the operation log
//! alone, which is the record of what happened.

use jiff::Timestamp;

use crate::alert::AlertSeverity;
use crate::incident::approval::ApprovalState;
use crate::incident::operation_log::{Entry, Event};
use crate::incident::parts::IncidentKind;
use crate::incident::repair::RepairOutcome;
use crate::incident::{Incident, Status};
use crate::primitives::id::IncidentId;
use crate::primitives::names::named;

/// Something that people have to hear.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// The log entry it is derived from. Notices that are sent together carry the last of their
    /// entries.
    pub sequence: u64,
    pub at: Timestamp,
    pub what: What,
    /// Who had decided on the plan by then, by name.
    pub deciders: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// A repair has ended.
    Ended {
        outcome: RepairOutcome,
        /// True if no human had decided on it.
        automatic: bool,
    },
    /// The alert of a verified repair has not resolved in time.
    StillFiring {
        /// True if no human had decided on the repair.
        automatic: bool,
    },
    /// The alert fires again.
    FiresAgain,
    /// A person opened the incident again that another had closed.
    Reopened,
    /// A worse alert joined.
    SeverityRaised,
    /// People are asked for a decision, after they have seen the card.
    DecisionNeeded,
    /// The time for a decision is nearly over.
    DecisionExpiring,
    /// The plan can no longer be decided on, and no other plan is proposed.
    PlanVoid { why: String },
    /// A person gave the incident to somebody.
    Assigned { to: String },
    /// The time for which a person had put it off is over, and nobody is on it.
    SnoozeEnded { person: String },
    /// Nobody is on it, and these people are called.
    Called { people: Vec<String> },
    /// The incident is over, and of the people who were asked to act no one did.
    EndedUnattended,
}

named! {
    /// The kinds of notices, by their names in templates, webhooks and the log.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    #[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(inline))]
    pub enum NoticeKind {
        Repaired = "repaired",
        RepairFailed = "repair_failed",
        /// The repair found nothing to do.
        NothingToDo = "nothing_to_do",
        /// The repair was verified, and the alert goes on.
        StillFiring = "still_firing",
        FiresAgain = "fires_again",
        /// A person opened it again.
        Reopened = "reopened",
        SeverityRaised = "severity_raised",
        DecisionNeeded = "decision_needed",
        /// The time for a decision is nearly over.
        DecisionExpiring = "decision_expiring",
        /// The plan does not run.
        PlanVoid = "plan_void",
        /// A person was given the incident.
        Assigned = "assigned",
        /// The time for which somebody had put it off is over.
        SnoozeEnded = "snooze_ended",
        /// Nobody is on it, and the next people are called.
        Called = "called",
        /// It is over, and of those who were asked no one acted.
        EndedUnattended = "ended_unattended",
    }
}

impl What {
    pub fn kind(&self) -> NoticeKind {
        match self {
            Self::Ended {
                outcome: RepairOutcome::Verified,
                ..
            } => NoticeKind::Repaired,
            Self::Ended {
                outcome: RepairOutcome::NothingToDo,
                ..
            } => NoticeKind::NothingToDo,
            Self::Ended { .. } => NoticeKind::RepairFailed,
            Self::StillFiring { .. } => NoticeKind::StillFiring,
            Self::FiresAgain => NoticeKind::FiresAgain,
            Self::Reopened => NoticeKind::Reopened,
            Self::SeverityRaised => NoticeKind::SeverityRaised,
            Self::DecisionNeeded => NoticeKind::DecisionNeeded,
            Self::DecisionExpiring => NoticeKind::DecisionExpiring,
            Self::PlanVoid { .. } => NoticeKind::PlanVoid,
            Self::Assigned { .. } => NoticeKind::Assigned,
            Self::SnoozeEnded { .. } => NoticeKind::SnoozeEnded,
            Self::Called { .. } => NoticeKind::Called,
            Self::EndedUnattended => NoticeKind::EndedUnattended,
        }
    }

    /// Its name in templates, webhooks and the log.
    pub fn as_str(&self) -> &'static str {
        self.kind().as_str()
    }

    /// True for the result of a repair: it is sent however late. Every other notice reports the
    /// current state, and is dropped once the state has changed.
    pub fn is_result(&self) -> bool {
        matches!(self, Self::Ended { .. } | Self::StillFiring { .. })
    }

    /// True if a repair went well that a person had approved: the one result that needs no one.
    pub fn is_approved_success(&self) -> bool {
        matches!(
            self,
            Self::Ended {
                outcome: RepairOutcome::Verified,
                automatic: false
            }
        )
    }

    /// Of several notices that report the current state, the one that is sent.
    fn weight(&self) -> u8 {
        match self {
            // Whoever it is for may not have heard of the incident at all.
            Self::Assigned { .. } | Self::Called { .. } => 4,
            Self::FiresAgain => 3,
            Self::SeverityRaised | Self::Reopened | Self::SnoozeEnded { .. } => 2,
            Self::DecisionNeeded | Self::DecisionExpiring => 1,
            _ => 0,
        }
    }
}

/// True if a log entry may be something that people have to hear.
pub fn may_be_heard(entry: &Entry) -> bool {
    matches!(
        entry.event,
        Event::ExecutionCompleted
            | Event::ResolutionOverdue
            | Event::IncidentReopened
            | Event::SeverityEscalated
            | Event::ApprovalRequested
            | Event::ApprovalReminded
            | Event::ApprovalVoided
            | Event::IncidentResolved
            | Event::IncidentExpired
            | Event::IncidentAssigned
            | Event::IncidentReopenedByPerson
            | Event::SnoozeEnded
            | Event::ResponderCalled
    )
}

/// All that people had to hear of an incident, from its whole log.
pub fn all(log: &[Entry]) -> Vec<Notice> {
    let (mut automatic, mut deciders) = (false, Vec::new());
    let mut notices = Vec::new();
    // Whether people were asked for a decision that no one has made.
    let mut asked = false;
    for entry in log {
        asked = match entry.event {
            Event::ApprovalRequested => true,
            Event::ApprovalGiven
            | Event::ApprovalDecided
            | Event::AutoRepairTriggered
            | Event::IncidentAcknowledged
            | Event::IncidentAssigned
            | Event::IncidentSnoozed
            | Event::IncidentClosed => false,
            // Of those who were asked nobody came.
            Event::ResponderCalled => true,
            _ => asked,
        };
        let what = match entry.event {
            Event::ApprovalGiven | Event::ApprovalDecided => {
                // The person's name; what was decided without one, such as by a name that channels.json has no more, is known by its id.
                let person = entry.context["person"]
                    .as_str()
                    .unwrap_or(&entry.actor)
                    .to_owned();
                if !deciders.contains(&person) {
                    deciders.push(person);
                }
                None
            }
            Event::AutoRepairTriggered | Event::ApprovalRequested => {
                automatic = entry.event == Event::AutoRepairTriggered;
                deciders.clear();
                (!automatic).then_some(What::DecisionNeeded)
            }
            Event::ExecutionCompleted => {
                let outcome = serde_json::from_value(entry.context["outcome"].clone()).ok();
                outcome.map(|outcome| What::Ended { outcome, automatic })
            }
            Event::ResolutionOverdue => Some(What::StillFiring { automatic }),
            Event::IncidentReopened => Some(What::FiresAgain),
            Event::IncidentReopenedByPerson => Some(What::Reopened),
            Event::IncidentAssigned => entry.context["to"]
                .as_str()
                .map(|to| What::Assigned { to: to.to_owned() }),
            Event::SnoozeEnded => {
                entry.context["person"]
                    .as_str()
                    .map(|person| What::SnoozeEnded {
                        person: person.to_owned(),
                    })
            }
            Event::ResponderCalled => {
                let people = serde_json::from_value(entry.context["people"].clone()).ok();
                people.map(|people| What::Called { people })
            }
            Event::SeverityEscalated => Some(What::SeverityRaised),
            Event::ApprovalReminded => Some(What::DecisionExpiring),
            Event::ApprovalVoided => Some(What::PlanVoid {
                why: entry.detail.clone(),
            }),
            Event::IncidentResolved | Event::IncidentExpired if asked => {
                // A later end is another one only if people were asked again.
                asked = false;
                Some(What::EndedUnattended)
            }
            _ => None,
        };
        let (sequence, at) = (entry.sequence, entry.at);
        notices.extend(what.map(|what| Notice {
            sequence,
            at,
            what,
            deciders: deciders.clone(),
        }));
    }
    notices
}

/// The notices of an incident for readers who have seen everything up to this entry, in order. At
/// most one of them reports the current state, and none is outdated.
pub fn due(log: &[Entry], heard: u64, incident: &Incident) -> Vec<Notice> {
    // What a pipeline reports is for information, unless it says that something failed.
    if incident.kind == IncidentKind::Pipeline && incident.alert.severity != AlertSeverity::Critical
    {
        return Vec::new();
    }
    let (results, states): (Vec<Notice>, Vec<Notice>) = all(log)
        .into_iter()
        .filter(|notice| notice.sequence > heard)
        .partition(|notice| notice.what.is_result());
    // A repair that was verified, and by now is known not to have held, is reported once.
    let overtaken = |notice: &Notice| {
        let next = results.iter().find(|next| next.sequence > notice.sequence);
        matches!(notice.what, What::Ended { .. })
            && next.is_some_and(|next| matches!(next.what, What::StillFiring { .. }))
    };
    let mut due: Vec<Notice> = results
        .iter()
        .filter(|notice| !overtaken(notice))
        .cloned()
        .collect();
    let last = states.last().map(|notice| notice.sequence);
    let called = all_called(&states);
    let told = states
        .into_iter()
        .filter(|notice| stands(notice, incident))
        .max_by_key(|notice| (notice.what.weight(), notice.sequence));
    due.extend(
        told.zip(last)
            .map(|(notice, sequence)| Notice { sequence, ..notice })
            .map(|notice| match notice.what {
                // Who was called before, and is not told yet, is meant as well.
                What::Called { .. } => Notice {
                    what: What::Called { people: called },
                    ..notice
                },
                _ => notice,
            }),
    );
    due.sort_by_key(|notice| notice.sequence);
    due
}

/// The people of all calls among these notices, each once.
fn all_called(notices: &[Notice]) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    for notice in notices {
        let What::Called { people } = &notice.what else {
            continue;
        };
        for person in people {
            if !all.contains(person) {
                all.push(person.clone());
            }
        }
    }
    all
}

/// True if the current state is the one that a notice reports.
fn stands(notice: &Notice, incident: &Incident) -> bool {
    let state = incident.approval.as_ref().map(|approval| &approval.state);
    let open = incident.is_open() && incident.resolved_at.is_none();
    if notice.what == What::EndedUnattended {
        return !open;
    }
    open && match &notice.what {
        What::Assigned { to } => incident.responder() == Some(to),
        What::SnoozeEnded { .. } | What::Called { .. } => incident.responder().is_none(),
        What::DecisionNeeded | What::DecisionExpiring => {
            incident.status == Status::AwaitingApproval && state == Some(&ApprovalState::Pending)
        }
        What::PlanVoid { .. } => {
            incident.status == Status::NeedsHuman
                && matches!(state, Some(ApprovalState::Void { .. }))
        }
        _ => true,
    }
}

/// Which of the failed stages of a run of a pipeline were not told yet.
pub fn unheard(failed: &[IncidentId], heard: &[IncidentId]) -> Vec<IncidentId> {
    failed
        .iter()
        .filter(|id| !heard.contains(id))
        .cloned()
        .collect()
}

#[cfg(test)]
#[path = "notice_tests.rs"]
mod tests;
