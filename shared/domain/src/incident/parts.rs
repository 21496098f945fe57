//! The kind of an incident, and the parts of one that other modules change: claim, reanalysis, silences, recurrence.

use crate::alert::AlertSeverity;
use crate::primitives::is_zero;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::primitives::id::{AlertGroupId, IncidentId, PlanHash, PlaybookId};
use crate::primitives::phrase::Phrase;

/// What opened an incident, and where people see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum IncidentKind {
    /// An alert with an analysis and a card of its own.
    Alert,
    /// A report of what a delivery pipeline does: shown, and never analysed.
    Pipeline,
    /// Many incidents of one minute. Its alert is Quell's own, so that routes, static rules and templates read
    /// it like any other.
    Storm(Storm),
    /// An alert that is a part of a storm, whose incident has the analysis and the card.
    StormMember { storm: IncidentId },
}

/// An alert that joined an incident and is worse than those before it, bounded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorseAlert {
    pub severity: AlertSeverity,
    pub name: String,
    pub target: String,
    /// One sentence for people.
    pub message: String,
}

/// What seldom changes of an incident, as its store holds it in an item of its own: written only where it differs from this.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredDetails {
    pub digest: String,
    /// True if the store deletes it when its time is over.
    pub ends: bool,
}

/// Who asks models about an incident.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// The message that the worker handles.
    pub holder: String,
    /// Counts the claims of the incident.
    pub attempt: u32,
    /// Until when it holds; then its worker has surely ended.
    pub until: Timestamp,
}

/// The last request for a new analysis.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reanalysis {
    /// Which of the incident's new analyses it is, from 1.
    pub round: u32,
    /// When it was asked for.
    pub asked_at: Timestamp,
    /// Who asked: `telegram:<numeric id>`, `slack:<member id>` or `api:<name>`.
    pub by: String,
    /// True once it is there, or came too late.
    pub done: bool,
    /// The highest round of a plan that a new analysis took away: what comes after it is another plan, which needs another decision.
    pub plans: u32,
}

/// The silence of one repair.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RepairSilence {
    /// The hash of the plan that runs meanwhile.
    pub plan_hash: PlanHash,
    /// Alertmanager's id of it; none if it was not made.
    pub id: Option<String>,
    /// When it ends by itself.
    pub until: Timestamp,
    /// When its removal was finished: it was removed, or could not be.
    pub ended_at: Option<Timestamp>,
    /// Why it was not created or not removed.
    pub error: Option<Phrase>,
}

/// A silence that Alertmanager has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Silence {
    /// Alertmanager's id of it.
    pub id: String,
    /// Until when it holds.
    pub until: Timestamp,
    /// Who asked for it.
    pub by: String,
}

/// What a storm is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StormScope {
    /// More incidents than people can look at, opened in one minute, counted since 1970.
    Minute(i64),
    /// The many alerts of one rule in one group of their sender.
    Group(AlertGroupId),
}

/// The members of a storm, as of the last look.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Storm {
    /// How many incidents are members of it.
    pub members: u64,
    /// How many of them are not resolved.
    pub open: u64,
    /// The first of those that are open: alert and target.
    pub shown: Vec<(String, String)>,
    /// How many members there are by the name of their alert, and how many of those are not resolved: those with most open ones first, 20 at most.
    /// [`Storm::others`] is the rest.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<(String, u64, u64)>,
    /// How many of those that are open are critical.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub critical_open: u64,
    /// Of these, 40 at most: alert and target. Each name of an alert is among them before any comes a second time.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub critical: Vec<(String, String)>,
}

/// One line of a storm's list: a member, written in the transaction that changes the incident.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StormMember {
    pub incident_id: IncidentId,
    pub name: String,
    pub target: String,
    /// False once it is resolved.
    pub open: bool,
    /// True if it is critical, from the beginning or because a worse alert joined it.
    pub critical: bool,
}

/// An alert that came back after a verified run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recurrence {
    /// The playbook of the run.
    pub playbook: PlaybookId,
    /// The incident that it had repaired.
    pub incident_id: IncidentId,
    /// The round of its plan.
    pub round: u32,
    pub ended_at: Timestamp,
    /// When the alert fired again.
    pub at: Timestamp,
}
