//! The operation log of an incident: append-only, in one order, each entry carrying the hash of the one before it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use thiserror::Error;

use crate::primitives::digest::Digest;
use crate::primitives::id::IncidentId;
use crate::primitives::names::named;

named! {
    /// Type of an entry. The names are stored and used in people's queries: they never change, and new
    /// ones are only added.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum Event {
        /// The alert that opened the incident.
        AlertReceived = "ALERT_RECEIVED",
        /// More alerts joined (the first and every power of two).
        AlertConverged = "ALERT_CONVERGED",
        /// An alert joined that is worse than those before.
        SeverityEscalated = "SEVERITY_ESCALATED",
        /// The worst alert has ended, and milder ones go on.
        SeverityEased = "SEVERITY_EASED",
        /// Models are about to be asked.
        AnalysisStarted = "ANALYSIS_STARTED",
        /// The static analyzer answers in place of the models that are configured.
        AnalysisFellBack = "ANALYSIS_FELL_BACK",
        /// The analysis is there.
        AnalysisCompleted = "ANALYSIS_COMPLETED",
        /// The alert names a service that lives elsewhere: there is no plan for it.
        OutOfScope = "OUT_OF_SCOPE",
        /// Every guardrail passed: the plan runs by itself.
        AutoRepairTriggered = "AUTO_REPAIR_TRIGGERED",
        /// A plan waits for a human.
        ApprovalRequested = "APPROVAL_REQUESTED",
        /// One of the two people approved whom the plan needs.
        ApprovalGiven = "APPROVAL_GIVEN",
        /// A decision was refused: the person may not decide, or the plan can no longer be decided on.
        ApprovalRefused = "APPROVAL_REFUSED",
        /// The approval was undecided for too long: it is escalated to the second list of people.
        ApprovalEscalated = "APPROVAL_ESCALATED",
        /// The time for a decision is nearly over.
        ApprovalReminded = "APPROVAL_REMINDED",
        /// A human decided on the plan.
        ApprovalDecided = "APPROVAL_DECIDED",
        /// The plan can no longer be decided on.
        ApprovalVoided = "APPROVAL_VOIDED",
        /// A guardrail stopped the repair, or kept it from running by itself.
        GuardrailBlocked = "GUARDRAIL_BLOCKED",
        /// A step is about to run.
        StepStarted = "STEP_STARTED",
        /// A step has run, or its result will never be known.
        StepFinished = "STEP_FINISHED",
        /// A step does not run, because its condition does not hold.
        StepSkipped = "STEP_SKIPPED",
        /// A person asked for the repair to be stopped.
        RepairStopRequested = "REPAIR_STOP_REQUESTED",
        /// All steps have run, or one of them stopped the repair.
        ExecutionCompleted = "EXECUTION_COMPLETED",
        /// The symptom was looked for again.
        VerificationFinished = "VERIFICATION_FINISHED",
        /// The steps that take a repair back have run.
        RollbackFinished = "ROLLBACK_FINISHED",
        /// A card was sent to a chat of Telegram.
        TelegramSent = "TELEGRAM_SENT",
        /// A new message there, which makes a sound, told the result of a repair.
        TelegramResultSent = "TELEGRAM_RESULT_SENT",
        /// A new message there told something else that people have to hear.
        TelegramNoticeSent = "TELEGRAM_NOTICE_SENT",
        /// A chart of the alert's value was sent below the card there, or its caption where it was refused.
        TelegramChartSent = "TELEGRAM_CHART_SENT",
        /// A card was sent to a channel of Slack.
        SlackSent = "SLACK_SENT",
        /// A new message there, which makes a sound, told the result of a repair.
        SlackResultSent = "SLACK_RESULT_SENT",
        /// A new message there told something else that people have to hear.
        SlackNoticeSent = "SLACK_NOTICE_SENT",
        /// A chart of the alert's value was sent below the card there, or its caption where it was refused.
        SlackChartSent = "SLACK_CHART_SENT",
        /// A webhook was sent.
        WebhookSent = "WEBHOOK_SENT",
        /// A webhook of its own told the result of a repair.
        WebhookResultSent = "WEBHOOK_RESULT_SENT",
        /// A webhook of its own told something else that people have to hear.
        WebhookNoticeSent = "WEBHOOK_NOTICE_SENT",
        /// PagerDuty was told of the incident, and pages whoever is on call.
        PagerDutySent = "PAGERDUTY_SENT",
        /// PagerDuty was told that it is in hand, waits again, or is over.
        PagerDutyUpdated = "PAGERDUTY_UPDATED",
        /// A card was sent to Microsoft Teams.
        TeamsSent = "TEAMS_SENT",
        /// A new message there, which makes a sound, told the result of a repair.
        TeamsResultSent = "TEAMS_RESULT_SENT",
        /// A new message there told something else that people have to hear.
        TeamsNoticeSent = "TEAMS_NOTICE_SENT",
        /// A card was sent by e-mail.
        EmailSent = "EMAIL_SENT",
        /// An e-mail of its own told the result of a repair.
        EmailResultSent = "EMAIL_RESULT_SENT",
        /// An e-mail of its own told something else that people have to hear.
        EmailNoticeSent = "EMAIL_NOTICE_SENT",
        /// A person requested a new analysis.
        ReanalysisRequested = "REANALYSIS_REQUESTED",
        /// A person requested an hour without further alerts of it.
        SilenceRequested = "SILENCE_REQUESTED",
        /// A person requested the details or the earlier incidents in a channel.
        MoreAsked = "MORE_ASKED",
        /// A press of a button that decides nothing was refused: the person may not, or the request is
        /// impossible.
        PressRefused = "PRESS_REFUSED",
        /// Alertmanager silences it: for an hour at a person's request, or while a repair runs.
        SilenceCreated = "SILENCE_CREATED",
        /// The silence of a repair was removed.
        SilenceRemoved = "SILENCE_REMOVED",
        /// The alert of a verified repair has not resolved in time: the repair counts as failed.
        ResolutionOverdue = "RESOLUTION_OVERDUE",
        /// Every alert of the episode has resolved.
        IncidentResolved = "INCIDENT_RESOLVED",
        /// Nobody has heard of the incident's alerts for too long.
        IncidentExpired = "INCIDENT_EXPIRED",
        /// An alert fired again inside the window.
        IncidentReopened = "INCIDENT_REOPENED",
        /// An alert came back after a verified repair, too early for the repair to have held.
        RepairRecurred = "REPAIR_RECURRED",
        /// A person says that they work on it.
        IncidentAcknowledged = "INCIDENT_ACKNOWLEDGED",
        /// A person gave it to somebody.
        IncidentAssigned = "INCIDENT_ASSIGNED",
        /// A person put it off for a time.
        IncidentSnoozed = "INCIDENT_SNOOZED",
        /// The time for which a person had put it off is over.
        SnoozeEnded = "SNOOZE_ENDED",
        /// Nobody was on it, and the next level of the team was called.
        ResponderCalled = "RESPONDER_CALLED",
        /// A person's note.
        NoteAdded = "NOTE_ADDED",
        /// A person closed it, with a reason.
        IncidentClosed = "INCIDENT_CLOSED",
        /// A person opened it again that was closed.
        IncidentReopenedByPerson = "INCIDENT_REOPENED_BY_PERSON",
        /// A person says that the analysis found the right cause.
        CauseConfirmed = "CAUSE_CONFIRMED",
        /// A person says that it did not.
        CauseDenied = "CAUSE_DENIED",
        /// A responder's action was refused.
        ResponseRefused = "RESPONSE_REFUSED",
        /// The incident became a part of a storm.
        JoinedStorm = "JOINED_STORM",
        /// A person's data, or what commands printed, was erased from entries of this log.
        ContentErased = "CONTENT_ERASED",
    }
}

impl Event {
    /// True for what an incident's story turns on, from the alert to the verified repair. Messages to channels and refused presses
    /// are in the log alone.
    pub const fn is_turn(self) -> bool {
        matches!(
            self,
            Self::AlertReceived
                | Self::SeverityEscalated
                | Self::SeverityEased
                | Self::AnalysisCompleted
                | Self::AnalysisFellBack
                | Self::OutOfScope
                | Self::AutoRepairTriggered
                | Self::ApprovalRequested
                | Self::ApprovalGiven
                | Self::ApprovalEscalated
                | Self::ApprovalDecided
                | Self::ApprovalVoided
                | Self::GuardrailBlocked
                | Self::StepFinished
                | Self::RepairStopRequested
                | Self::ExecutionCompleted
                | Self::VerificationFinished
                | Self::RollbackFinished
                | Self::ReanalysisRequested
                | Self::ResolutionOverdue
                | Self::IncidentResolved
                | Self::IncidentExpired
                | Self::IncidentReopened
                | Self::RepairRecurred
                | Self::IncidentAcknowledged
                | Self::IncidentAssigned
                | Self::IncidentSnoozed
                | Self::NoteAdded
                | Self::IncidentClosed
                | Self::IncidentReopenedByPerson
                | Self::CauseConfirmed
                | Self::CauseDenied
                | Self::JoinedStorm
                | Self::ContentErased
        )
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// Its place in the order, from 1.
    pub sequence: u64,
    /// When it was written.
    pub at: Timestamp,
    pub event: Event,
    /// Who did it: a function's name, `telegram:<numeric id>`, `api:<name>`.
    pub actor: String,
    /// One line for people.
    pub detail: String,
    /// Whether it went well.
    pub success: bool,
    /// Why not, where it did not.
    pub error: Option<String>,
    /// The particulars, such as a step's argument vector and its output.
    pub context: Value,
    /// The hash of the entry before; of the first entry, [`Head::start`].
    pub previous: String,
    /// The hash of this entry ([`super::entry_hash`]).
    pub hash: String,
    /// True if something was taken out of it since ([`super::erasure`]).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub erased: bool,
    /// The digests of the texts that were taken out, in the order in which their places stand in it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub taken: Vec<String>,
}

/// The end of a log: the next entry goes behind it. It is kept on the incident, so that appending needs no read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// The sequence number of the last entry; 0 if there is none.
    pub sequence: u64,
    /// The hash of the last entry.
    pub hash: String,
}

impl Head {
    /// The head of an empty log: the hash of the incident's id, so that no two logs begin alike.
    pub fn start(incident: &IncidentId) -> Self {
        Self {
            sequence: 0,
            hash: Digest::new().field(incident.as_str()).hex(),
        }
    }

    /// Makes the next entry and moves the head behind it.
    pub fn append(&mut self, incident: &IncidentId, at: Timestamp, news: LogRecord) -> Entry {
        let mut entry = Entry {
            sequence: self.sequence + 1,
            // The store keeps microseconds; what is hashed must be what is read back.
            at: Timestamp::from_microsecond(at.as_microsecond()).unwrap_or(at),
            event: news.event,
            actor: news.actor,
            detail: news.detail,
            success: news.error.is_none(),
            error: news.error,
            context: news.context,
            previous: self.hash.clone(),
            hash: String::new(),
            erased: false,
            taken: Vec::new(),
        };
        entry.hash = entry.computed_hash(incident);
        self.sequence = entry.sequence;
        self.hash.clone_from(&entry.hash);
        entry
    }
}

/// What an entry says, before it has its place in the chain.
#[derive(Debug, Clone, PartialEq)]
pub struct LogRecord {
    event: Event,
    actor: String,
    detail: String,
    error: Option<String>,
    context: Value,
}

impl LogRecord {
    /// Something that went well, with nothing more to say.
    pub fn new(event: Event, actor: impl Into<String>, detail: impl Into<String>) -> Self {
        Self {
            event,
            actor: actor.into(),
            detail: detail.into(),
            error: None,
            context: Value::Object(serde_json::Map::new()),
        }
    }

    /// Who did it.
    pub fn actor(&self) -> &str {
        &self.actor
    }

    /// The same, with particulars.
    #[must_use]
    pub fn with(mut self, context: Value) -> Self {
        self.context = context;
        self
    }

    /// The same, but it failed, for this reason.
    #[must_use]
    pub fn failed(mut self, why: impl Into<String>) -> Self {
        self.error = Some(why.into());
        self
    }
}

/// Where a log is not what was written.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum BrokenChain {
    /// A number is missing or occurs twice.
    #[error("entry {expected} is missing: entry {found} stands in its place")]
    Gap {
        /// The number that should follow.
        expected: u64,
        /// The number that follows.
        found: u64,
    },
    /// The entry does not follow the one before it.
    #[error("entry {0} does not carry the hash of the entry before it")]
    Unlinked(u64),
    /// The entry was changed after it was written.
    #[error("entry {0} is not what was hashed when it was written")]
    Altered(u64),
    /// Entries are missing at the end.
    #[error("the log ends with entry {found}, but the incident says that it has {expected}")]
    CutShort {
        /// How many there should be.
        expected: u64,
        /// How many there are.
        found: u64,
    },
}

/// Checks that `entries` are the whole log of an incident, in order and unchanged but for texts that were taken out, up to `head`. Of an
/// erased entry with an older hash only the place is checked.
///
/// # Errors
/// The first place at which it is not.
pub fn verify(incident: &IncidentId, entries: &[Entry], head: &Head) -> Result<(), BrokenChain> {
    let mut expected = Head::start(incident);
    for entry in entries {
        if entry.sequence != expected.sequence + 1 {
            return Err(BrokenChain::Gap {
                expected: expected.sequence + 1,
                found: entry.sequence,
            });
        }
        if entry.previous != expected.hash {
            return Err(BrokenChain::Unlinked(entry.sequence));
        }
        if !entry.is_as_written(incident) {
            return Err(BrokenChain::Altered(entry.sequence));
        }
        expected = Head {
            sequence: entry.sequence,
            hash: entry.hash.clone(),
        };
    }
    if expected != *head {
        return Err(BrokenChain::CutShort {
            expected: head.sequence,
            found: expected.sequence,
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use serde_json::json;

    use super::{BrokenChain, Entry, Event, Head, LogRecord, verify};
    use crate::primitives::id::{IncidentId, InvalidId};

    fn log() -> Result<(IncidentId, Vec<Entry>, Head), InvalidId> {
        let incident = IncidentId::try_from("01ARZ3NDEKTSV4RRFFQ69G5FAV")?;
        let mut head = Head::start(&incident);
        let entries = (0..4)
            .map(|i| {
                let news = LogRecord::new(Event::StepStarted, "repair", format!("step {i}"))
                    .with(json!({ "argv": ["true", i] }));
                head.append(&incident, Timestamp::UNIX_EPOCH, news)
            })
            .collect();
        Ok((incident, entries, head))
    }

    #[test]
    fn event_names_match_their_json() -> Result<(), serde_json::Error> {
        for event in [
            Event::AlertReceived,
            Event::TelegramResultSent,
            Event::TelegramNoticeSent,
            Event::IncidentReopened,
        ] {
            assert_eq!(serde_json::to_value(event)?, event.as_str());
        }
        Ok(())
    }

    #[test]
    fn what_was_written_verifies() -> Result<(), InvalidId> {
        let (incident, entries, head) = log()?;
        assert_eq!(verify(&incident, &entries, &head), Ok(()));
        Ok(())
    }

    #[test]
    fn every_way_to_tamper_is_found() -> Result<(), InvalidId> {
        let (incident, entries, head) = log()?;
        let tampered = |change: fn(&mut Vec<Entry>)| {
            let mut entries = entries.clone();
            change(&mut entries);
            verify(&incident, &entries, &head)
        };
        assert_eq!(
            tampered(|log| log[1].detail = "step 7".into()),
            Err(BrokenChain::Altered(2))
        );
        assert_eq!(
            tampered(|log| log[2].success = false),
            Err(BrokenChain::Altered(3))
        );
        assert_eq!(
            tampered(|log| log[1].context = json!({})),
            Err(BrokenChain::Altered(2))
        );
        assert_eq!(
            tampered(|log| drop(log.remove(1))),
            Err(BrokenChain::Gap {
                expected: 2,
                found: 3
            })
        );
        assert_eq!(
            tampered(|log| log.swap(0, 1)),
            Err(BrokenChain::Gap {
                expected: 1,
                found: 2
            })
        );
        assert_eq!(
            tampered(|log| log[3].previous = "0".repeat(64)),
            Err(BrokenChain::Unlinked(4))
        );
        assert_eq!(
            tampered(|log| drop(log.pop())),
            Err(BrokenChain::CutShort {
                expected: 4,
                found: 3
            })
        );
        let other = IncidentId::try_from("01ARZ3NDEKTSV4RRFFQ69G5FAW")?;
        assert_eq!(
            verify(&other, &entries, &head),
            Err(BrokenChain::Unlinked(1))
        );
        Ok(())
    }
}
