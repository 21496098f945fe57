//! View of an incident in a list.

use std::cmp::Ordering;

use domain::alert::Alert;
use domain::incident::approval::ApprovalState;
use domain::incident::parts::IncidentKind;
use domain::incident::{Incident, Status};
use domain::notification::channels::Channels;
use domain::primitives::id::IncidentId;
use domain::primitives::safe_text::line;
use jiff::Timestamp;
use serde::Serialize;

use crate::say::{Moment, Say};

/// How much of a name and of a message is shown in a list.
const NAME_CHARACTERS: usize = 256;
const MESSAGE_CHARACTERS: usize = 300;

/// An incident in a few words.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Summary {
    pub(crate) id: IncidentId,
    /// `alert`, `pipeline`, `storm` or `storm_member`.
    pub(crate) kind: &'static str,
    pub(crate) status: &'static str,
    pub(crate) open: bool,
    /// `P0` to `P3`.
    pub(crate) severity: String,
    /// The name of the worst of its alerts.
    pub(crate) name: String,
    /// What that is about.
    pub(crate) target: String,
    /// The service in the registry, where there is a plan for one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) service: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) namespace: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) cluster: Option<String>,
    /// The teams that the routes of channels.json give it to.
    pub(crate) teams: Vec<String>,
    pub(crate) message: String,
    pub(crate) opened_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) ended_at: Option<Timestamp>,
    pub(crate) hit_count: u64,
    pub(crate) flaps: u64,
    /// Who works on it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) responder: Option<String>,
    /// Until when a plan waits for a decision.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) decide_until: Option<Timestamp>,
    /// How many incidents a storm has, and how many of them are open.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) members: Option<Members>,
    /// The storm that shows it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) storm: Option<IncidentId>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) struct Members {
    pub(crate) all: u64,
    pub(crate) open: u64,
    pub(crate) critical_open: u64,
}

impl Summary {
    pub(crate) fn of(incident: &Incident, channels: &Channels) -> Self {
        let (name, target, message) = incident.worst_texts();
        let alert = &incident.alert;
        let short = |text: &str| line(text, NAME_CHARACTERS);
        let kind = match incident.kind {
            IncidentKind::Alert => "alert",
            IncidentKind::Pipeline => "pipeline",
            IncidentKind::Storm(_) => "storm",
            IncidentKind::StormMember { .. } => "storm_member",
        };
        let namespace = Some(&alert.namespace).filter(|name| *name != Alert::NO_NAMESPACE);
        let closed_at = incident.response.closed.as_ref().map(|closed| closed.at);
        Self {
            id: incident.id.clone(),
            kind,
            status: incident.status.as_str(),
            open: incident.is_open(),
            severity: format!("{:?}", incident.severity),
            name: short(name),
            target: short(target),
            service: incident.plan.as_ref().map(|plan| short(&plan.target)),
            namespace: namespace.map(|name| short(name)),
            cluster: alert.subject.cluster.as_deref().map(short),
            teams: channels.teams_of(incident).map(short).collect(),
            message: line(message, MESSAGE_CHARACTERS),
            opened_at: incident.opened_at,
            ended_at: incident.resolved_at.or(closed_at),
            hit_count: incident.hit_count,
            flaps: incident.flaps,
            responder: incident.responder().map(short),
            decide_until: decide_until(incident),
            members: incident.storm().map(|storm| Members {
                all: storm.members,
                open: storm.open,
                critical_open: storm.critical_open,
            }),
            storm: incident.storm_id().cloned(),
        }
    }

    pub(crate) fn opened(&self) -> Moment {
        Moment(self.opened_at)
    }

    pub(crate) fn ended(&self) -> Option<Moment> {
        self.ended_at.map(Moment)
    }

    /// The shape of its urgency: none is told by its colour alone.
    pub(crate) fn shape(&self) -> &'static str {
        shape(&self.severity)
    }

    pub(crate) fn urgency(&self, say: &Say) -> &str {
        say.word("urgency", &self.severity)
    }

    pub(crate) fn status_words(&self, say: &Say) -> &'static str {
        say.word("status", self.status)
    }

    pub(crate) fn status_icon(&self, say: &Say) -> &'static str {
        say.word("status_icon", self.status)
    }

    /// What people look for first: those that wait for them.
    pub(crate) fn waits_for_people(&self) -> bool {
        [
            Status::AwaitingApproval.as_str(),
            Status::NeedsHuman.as_str(),
            Status::RepairFailed.as_str(),
        ]
        .contains(&self.status)
            && self.responder.is_none()
    }
}

/// The shape of an urgency.
pub(crate) fn shape(severity: &str) -> &'static str {
    match severity {
        "P0" => "◆",
        "P1" => "▲",
        "P2" => "■",
        _ => "●",
    }
}

fn decide_until(incident: &Incident) -> Option<Timestamp> {
    let approval = incident.approval.as_ref()?;
    let waits = incident.status == Status::AwaitingApproval
        && matches!(approval.state, ApprovalState::Pending);
    waits.then_some(approval.expires_at)
}

/// The worst first, and the newest of them first.
pub(crate) fn urgency_first(one: &Incident, other: &Incident) -> Ordering {
    let by = |incident: &Incident| incident.severity;
    by(one).cmp(&by(other)).then_with(|| other.id.cmp(&one.id))
}
