//! A row of the board: an incident in a few words, each of them bounded.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::alert::Alert;
use crate::analysis::Severity;
use crate::incident::approval::ApprovalState;
use crate::incident::parts::IncidentKind;
use crate::incident::{Incident, Status};
use crate::notification::channels::Channels;
use crate::primitives::id::IncidentId;
use crate::primitives::names::named;
use crate::primitives::safe_text::line;

/// The most bytes that the rows of a board have as JSON. An item of DynamoDB has at most 400 KB
/// (<https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html>).
pub const ROWS_BYTES: usize = 300_000;
/// How much of a name and of a message a row has.
const NAME_CHARACTERS: usize = 256;
const MESSAGE_CHARACTERS: usize = 300;

named! {
    /// What opened an incident, without what belongs to it.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum RowKind {
        Alert = "alert",
        Pipeline = "pipeline",
        Storm = "storm",
        StormMember = "storm_member",
    }
}

/// How many incidents a storm has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Members {
    pub all: u64,
    pub open: u64,
    pub critical_open: u64,
}

/// An incident in a few words, each of them bounded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    pub id: IncidentId,
    pub kind: RowKind,
    pub status: Status,
    pub severity: Severity,
    /// The name of the worst of its alerts, what that is about, and what it says.
    pub name: String,
    pub target: String,
    pub message: String,
    /// The service in the registry, where there is a plan for one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster: Option<String>,
    /// The teams that the routes of channels.json give it to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub teams: Vec<String>,
    pub opened_at: Timestamp,
    /// The sightings as of the incident's last change.
    pub hit_count: u64,
    pub flaps: u64,
    /// Who works on it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub responder: Option<String>,
    /// Until when a plan waits for a decision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decide_until: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub members: Option<Members>,
}

impl Row {
    pub fn of(incident: &Incident, channels: &Channels) -> Self {
        let (name, target, message) = incident.worst_texts();
        let alert = &incident.alert;
        let short = |text: &str| line(text, NAME_CHARACTERS);
        let namespace = Some(&alert.namespace).filter(|name| *name != Alert::NO_NAMESPACE);
        Self {
            id: incident.id.clone(),
            kind: match incident.kind {
                IncidentKind::Alert => RowKind::Alert,
                IncidentKind::Pipeline => RowKind::Pipeline,
                IncidentKind::Storm(_) => RowKind::Storm,
                IncidentKind::StormMember { .. } => RowKind::StormMember,
            },
            status: incident.status,
            severity: incident.severity,
            name: short(name),
            target: short(target),
            message: line(message, MESSAGE_CHARACTERS),
            service: incident.plan.as_ref().map(|plan| short(&plan.target)),
            namespace: namespace.map(|name| short(name)),
            cluster: alert.subject.cluster.as_deref().map(short),
            teams: channels.teams_of(incident).map(short).collect(),
            opened_at: incident.opened_at,
            hit_count: incident.hit_count,
            flaps: incident.flaps,
            responder: incident.responder().map(short),
            decide_until: decide_until(incident),
            members: incident.storm().map(|storm| Members {
                all: storm.members,
                open: storm.open,
                critical_open: storm.critical_open,
            }),
        }
    }

    /// True for what people look for first.
    pub fn waits_for_people(&self) -> bool {
        waits(self.status, self.responder.is_some())
    }

    pub(super) fn bytes(&self) -> usize {
        serde_json::to_string(self).map_or(ROWS_BYTES, |json| json.len())
    }
}

fn decide_until(incident: &Incident) -> Option<Timestamp> {
    let approval = incident.approval.as_ref()?;
    let waits = incident.status == Status::AwaitingApproval
        && matches!(approval.state, ApprovalState::Pending);
    waits.then_some(approval.expires_at)
}

/// True for what waits for people, and nobody is on.
pub(super) fn waits(status: Status, taken: bool) -> bool {
    let waits = matches!(
        status,
        Status::AwaitingApproval | Status::NeedsHuman | Status::RepairFailed
    );
    waits && !taken
}

/// What was read of an incident that has changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    Open(Box<Row>),
    /// Its item is there and cannot be read.
    Unreadable,
    /// It has ended, or is deleted.
    Gone,
}

impl Found {
    pub fn of(incident: &Incident, channels: &Channels) -> Self {
        if incident.is_open() {
            Self::Open(Box::new(Row::of(incident, channels)))
        } else {
            Self::Gone
        }
    }
}
