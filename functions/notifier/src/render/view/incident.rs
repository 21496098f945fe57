//! Views of the cards of an incident, of a storm, and of a report of a delivery pipeline.

use domain::alert::AlertSeverity;
use domain::incident::parts::Storm;
use domain::incident::{Incident, Status};
use domain::transition::decision::quorum::NoApprover;
use jiff::Timestamp;
use serde::Serialize;

use super::about::{self, About};
use super::finding::Finding;
use super::plan::Planned;
use super::response::ResponseView;
use super::status::StatusView;
use super::{NAME_CHARACTERS, Names, TEXT_CHARACTERS, short};

/// How many targets of a storm's groups are named together, and of each of them at least.
const TARGETS_SHOWN: usize = 10;
const TARGETS_OF_A_GROUP: usize = 3;
/// How much of each is shown.
const TARGET_CHARACTERS: usize = 40;
/// How many targets of the critical ones of one alert's name.
const CRITICAL_TARGETS: usize = 20;

/// What `incident.html` and `storm.html` are given.
#[derive(Debug, Clone, Serialize)]
pub struct Card {
    /// One character for its state.
    pub icon: &'static str,
    /// `P0` to `P3`.
    pub severity: String,
    pub name: String,
    /// How many alerts it counts.
    pub count: u64,
    pub resource: String,
    /// Empty where the sender names none.
    pub namespace: String,
    /// The alert's own words.
    pub message: String,
    /// How many alerts the sender has left out.
    pub left_out: u64,
    /// How often it came back.
    pub flaps: u64,
    /// When it was opened.
    pub opened_at: String,
    /// Until when Alertmanager is silent about it, or nothing.
    pub silenced_until: String,
    /// The reason why a requested silence is missing in Alertmanager, or nothing.
    pub silence_why: String,
    pub id: String,
    /// What the alert itself says.
    #[serde(flatten)]
    pub about: About,
    /// What was found out.
    #[serde(flatten)]
    pub finding: Finding,
    #[serde(flatten)]
    pub plan: Planned,
    /// Whether the plan can be approved at all.
    #[serde(flatten)]
    pub approvals_possible: ApprovalsPossible,
    /// The state of the work.
    #[serde(flatten)]
    pub stand: StatusView,
    /// What people do about it.
    #[serde(flatten)]
    pub response: ResponseView,
    /// The members of a storm.
    #[serde(flatten)]
    pub storm: StormView,
}

/// Why a plan that waits can never be approved; empty where it can.
#[derive(Debug, Clone, Default, Serialize)]
pub struct ApprovalsPossible {
    /// `no_rule` or `too_few`, or nothing.
    pub cannot_be_approved: &'static str,
    /// How many people can approve it, where they are too few.
    pub approvers: usize,
}

impl ApprovalsPossible {
    pub fn of(no_approver: Option<NoApprover>) -> Self {
        Self {
            cannot_be_approved: no_approver.map(NoApprover::as_str).unwrap_or_default(),
            approvers: match no_approver {
                Some(NoApprover::TooFew { able }) => able,
                Some(NoApprover::NoRule) | None => 0,
            },
        }
    }
}

/// The members of a storm; empty for other incidents.
#[derive(Debug, Clone, Default, Serialize)]
pub struct StormView {
    pub members: u64,
    /// How many of them are not resolved.
    pub members_open: u64,
    /// How many of those are critical.
    pub critical_open: u64,
    /// The critical ones that are open, by the names of their alerts.
    pub critical: Vec<Critical>,
    /// How many critical ones that are open are not among these.
    pub critical_others: u64,
    /// The names of their alerts, with counts. Together with the others they add up.
    pub groups: Vec<Group>,
    /// How many have other names.
    pub others: u64,
    /// How many of those are not resolved.
    pub others_open: u64,
}

/// The open critical incidents of a storm whose alerts have one name.
#[derive(Debug, Clone, Serialize)]
pub struct Critical {
    pub name: String,
    pub targets: String,
}

/// The incidents of a storm whose alerts have one name.
#[derive(Debug, Clone, Serialize)]
pub struct Group {
    pub name: String,
    pub members: u64,
    /// How many of them are not resolved.
    pub open: u64,
    /// Some targets of those.
    pub targets: String,
}

impl Card {
    /// What is shown of an incident.
    pub fn of(incident: &Incident, silenced_until: Option<Timestamp>, names: Names<'_>) -> Self {
        let (name, target, message) = incident.worst_texts();
        Self {
            icon: icon(incident.status),
            severity: format!("{:?}", incident.severity),
            name: short(name, NAME_CHARACTERS),
            count: incident.hit_count,
            resource: short(target, NAME_CHARACTERS),
            namespace: about::namespace(&incident.alert),
            message: short(message, TEXT_CHARACTERS),
            left_out: incident.left_out,
            flaps: incident.flaps,
            opened_at: names.moment(incident.opened_at),
            silenced_until: silenced_until
                .map(|at| names.moment(at))
                .unwrap_or_default(),
            silence_why: why_not_silenced(incident, names),
            id: incident.id.to_string(),
            about: About::of(incident, names),
            finding: Finding::of(incident, names),
            plan: Planned::of(incident, names),
            approvals_possible: ApprovalsPossible::default(),
            stand: StatusView::of(incident, names),
            response: ResponseView::of(&incident.response, names),
            storm: incident.storm().map(StormView::of).unwrap_or_default(),
        }
    }
}

impl StormView {
    fn of(storm: &Storm) -> Self {
        let most = (TARGETS_SHOWN / storm.groups.len().max(1)).max(TARGETS_OF_A_GROUP);
        let group = |(name, members, open): &(String, u64, u64)| {
            let targets = storm.shown.iter().filter(|(of, _)| of == name).take(most);
            let targets: Vec<String> = targets
                .map(|(_, target)| short(target, TARGET_CHARACTERS))
                .collect();
            Group {
                name: short(name, NAME_CHARACTERS),
                members: *members,
                open: *open,
                targets: targets.join(", "),
            }
        };
        let (others, others_open) = storm.others();
        let (critical, named) = Critical::of(&storm.critical);
        Self {
            members: storm.members,
            members_open: storm.open,
            critical_open: storm.critical_open,
            critical,
            critical_others: storm.critical_open.saturating_sub(named),
            groups: storm.groups.iter().map(group).collect(),
            others,
            others_open,
        }
    }
}

impl Critical {
    /// Those of a storm, by name, and how many of them are named with their target.
    fn of(critical: &[(String, String)]) -> (Vec<Self>, u64) {
        let mut groups: Vec<(&str, Vec<String>)> = Vec::new();
        for (name, target) in critical {
            let at = groups
                .iter()
                .position(|(known, _)| known == name)
                .unwrap_or_else(|| {
                    groups.push((name, Vec::new()));
                    groups.len() - 1
                });
            if groups[at].1.len() < CRITICAL_TARGETS {
                groups[at].1.push(short(target, TARGET_CHARACTERS));
            }
        }
        let named = groups.iter().map(|(_, targets)| targets.len() as u64).sum();
        (
            groups
                .into_iter()
                .map(|(name, targets)| Self {
                    name: short(name, NAME_CHARACTERS),
                    targets: targets.join(", "),
                })
                .collect(),
            named,
        )
    }
}

/// What the last request for a silence met, as long as another one can be made.
fn why_not_silenced(incident: &Incident, names: Names<'_>) -> String {
    let error = incident
        .silence_error
        .as_ref()
        .filter(|_| incident.can_be_silenced());
    error
        .map(|why| names.say(why, TEXT_CHARACTERS))
        .unwrap_or_default()
}

fn icon(status: Status) -> &'static str {
    match status {
        Status::Announced => "ℹ️",
        Status::InStorm => "🔗",
        Status::Open => "🔎",
        Status::AwaitingApproval | Status::NeedsHuman => "🚨",
        Status::Approved | Status::Repairing => "🔧",
        Status::Rejected => "✋",
        Status::Repaired | Status::Resolved => "✅",
        Status::Expired => "⌛",
        Status::Closed => "☑️",
        Status::RepairFailed => "❌",
    }
}

/// What `pipeline.html` is given: no analysis, no plan, no buttons.
#[derive(Debug, Clone, Serialize)]
pub struct Pipeline {
    /// One character that says how it goes.
    pub icon: &'static str,
    pub message: String,
    /// How many reports it counts.
    pub count: u64,
    /// The label `stage`.
    pub stage: String,
    /// The label `commit`.
    pub commit: String,
    /// The label `triggered_by`.
    pub triggered_by: String,
    /// The annotation `workflow_url`. It comes from outside: it is a text, and no link.
    pub url: String,
    pub id: String,
}

impl Pipeline {
    /// What is shown of a report.
    pub fn of(incident: &Incident) -> Self {
        let alert = &incident.alert;
        let label = |name: &str| {
            alert
                .labels
                .get(name)
                .map(|value| short(value, NAME_CHARACTERS))
                .unwrap_or_default()
        };
        let icon = match (alert.severity, incident.status) {
            (AlertSeverity::Info, _) => "✅",
            (_, Status::Resolved | Status::Expired | Status::Closed) => "☑️",
            (AlertSeverity::Critical, _) => "❌",
            (AlertSeverity::Warning, _) => "⏳",
        };
        Self {
            icon,
            message: short(&alert.message, TEXT_CHARACTERS),
            count: incident.hit_count,
            stage: label("stage"),
            commit: label("commit"),
            triggered_by: label("triggered_by"),
            url: alert
                .annotations
                .get("workflow_url")
                .map(|url| short(url, TEXT_CHARACTERS))
                .unwrap_or_default(),
            id: incident.id.to_string(),
        }
    }
}
