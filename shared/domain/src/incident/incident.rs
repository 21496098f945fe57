//! The incident: the unit that people work on, one per episode.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::alert::{Alert, AlertSeverity};
use crate::analysis::evidence::Evidence;
use crate::analysis::{Analysis, Severity};
use crate::incident::approval::Approval;
use crate::incident::autonomy_level::AutonomyLevel;
use crate::incident::guardrail::GuardrailOutcome;
use crate::incident::operation_log::Head;
use crate::incident::parts::{
    Claim, IncidentKind, Reanalysis, Recurrence, RepairSilence, Silence, StoredDetails, Storm,
    WorseAlert,
};
use crate::incident::repair::{EarlierRepair, Repair};
use crate::incident::response::Response;
use crate::playbook::plan::Plan;
use crate::primitives::id::{AlertGroupId, Fingerprint, IncidentId};
use crate::primitives::is_zero;
use crate::primitives::names::named;
use crate::primitives::phrase::Phrase;

named! {
    /// The status of an incident.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
    pub enum Status {
        Open = "open",
        /// A plan waits for a decision.
        AwaitingApproval = "awaiting_approval",
        /// Analysed, and no playbook fits or its repair had nothing to do: a human has to work on it.
        NeedsHuman = "needs_human",
        /// The plan was approved; its repair has not started.
        Approved = "approved",
        /// The plan was rejected.
        Rejected = "rejected",
        Repairing = "repairing",
        /// The repair ran and was verified; the alert has not resolved yet.
        Repaired = "repaired",
        /// The repair failed, or its effect is unknown (`unknown-is-failure`).
        RepairFailed = "repair_failed",
        /// Every alert of the episode has resolved.
        Resolved = "resolved",
        /// Nobody has heard of its alerts for too long: whether they have ended is not known.
        Expired = "expired",
        /// A person closed it, with a reason. Its alert may fire still.
        Closed = "closed",
        /// It reports what a delivery pipeline does: shown, and nothing else is done about it.
        Announced = "announced",
        /// It is a part of a storm, whose incident has the analysis and the card.
        InStorm = "in_storm",
    }
}

impl Status {
    /// True while people or Quell still have something to do about it.
    pub const fn is_open(self) -> bool {
        !matches!(
            self,
            Self::Resolved | Self::Expired | Self::Closed | Self::Announced
        )
    }
}

/// An incident and all that is known about it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Incident {
    pub id: IncidentId,
    pub kind: IncidentKind,
    /// Whose episode opened it.
    pub fingerprint: Fingerprint,
    /// The status of the work.
    pub status: Status,
    /// How soon somebody has to act.
    pub severity: Severity,
    /// The alert that opened it, bounded (see [`Alert::bounded`]). Its severity is that of the worst
    /// alert that fires.
    pub alert: Alert,
    /// What the alerts of the delivery that opened it are about, by name, where they are several: pods of one deployment, for example.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub targets: Vec<String>,
    /// The severity that it was opened with, once that of its alerts has changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opened_as: Option<AlertSeverity>,
    /// The worse alerts that joined, from mild to bad, one of each severity; those that still count.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub worse: Vec<WorseAlert>,
    /// The sightings as of the last change; the episode has the exact count.
    pub hit_count: u64,
    /// The most alerts that one delivery left out (`truncatedAlerts`): more may be wrong than the incident shows.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub left_out: u64,
    /// True once an alert that is not the one above had a label that forbids a repair without a human. See [`Incident::allows_auto_repair`].
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub auto_repair_forbidden: bool,
    /// How often it fired again after a resolve.
    pub flaps: u64,
    /// When it was opened.
    pub opened_at: Timestamp,
    /// When every alert of the episode had resolved, or the incident expired.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resolved_at: Option<Timestamp>,
    /// Who asks models about it right now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claim: Option<Claim>,
    /// What was asked for the analysis, and what came back.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<Evidence>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub analysis: Option<Analysis>,
    /// How the cause that its analysis names was counted: true as right, false as wrong, and not yet where it is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause_counted: Option<bool>,
    /// What would repair it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plan: Option<Plan>,
    /// Why there is no plan, where the analyzer found none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub no_plan_because: Option<Phrase>,
    /// The request for a decision on the plan.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub approval: Option<Approval>,
    /// What the guardrails answered, when they were asked last about the plan.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub guardrails: Vec<GuardrailOutcome>,
    /// The level of the plan's playbook when the plan was made. Absent where autonomy is declared,
    /// not earned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub earned: Option<AutonomyLevel>,
    /// Its alert came back after a verified run of its own, which the analyzer has not counted yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recurrence: Option<Recurrence>,
    /// The run of the plan.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repair: Option<Repair>,
    /// The last runs of plans before this one, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub earlier_repairs: Vec<EarlierRepair>,
    /// How many runs there were before those.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub earlier_repairs_left_out: u32,
    /// The last request for a new analysis.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reanalysis: Option<Reanalysis>,
    /// The last silence of its alert.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub silence: Option<Silence>,
    /// When a silence was last requested.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub silence_asked_at: Option<Timestamp>,
    /// Why the last requested silence was not created.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub silence_error: Option<Phrase>,
    /// The silence of its last repair.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repair_silence: Option<RepairSilence>,
    /// The ids of the presses that decide nothing, as far as the log has them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub logged_presses: Vec<String>,
    /// The same of presses of strangers, who have a limit of their own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub logged_stranger_presses: Vec<String>,
    /// What people do about it beside decisions.
    #[serde(default, skip_serializing_if = "Response::is_empty")]
    pub response: Response,
    /// The many alerts of one rule with which it was opened, which share one card.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<AlertGroupId>,
    /// The end of its operation log.
    pub log_head: Head,
    /// Counts the saves, for optimistic locking.
    pub version: u64,
    /// What is stored apart from it, as of the save that it was read from.
    #[serde(skip)]
    pub stored_details: Option<StoredDetails>,
}

impl Incident {
    /// False where the label of any alert of the episode forbids a repair without a human (`auto_repair=false`).
    pub fn allows_auto_repair(&self) -> bool {
        self.alert.allows_auto_repair() && !self.auto_repair_forbidden
    }

    /// The name, the target and the message of the worst of its alerts.
    pub fn worst_texts(&self) -> (&str, &str, &str) {
        match self.worse.last() {
            Some(worse) => (&worse.name, &worse.target, &worse.message),
            None => (&self.alert.name, &self.alert.target, &self.alert.message),
        }
    }

    /// True until the analyzer has looked at it.
    pub fn awaits_first_analysis(&self) -> bool {
        self.status == Status::Open && self.analysis.is_none()
    }

    /// The members of it, if it is a storm.
    pub fn storm(&self) -> Option<&Storm> {
        match &self.kind {
            IncidentKind::Storm(storm) => Some(storm),
            _ => None,
        }
    }

    /// The storm that it is a part of.
    pub fn storm_id(&self) -> Option<&IncidentId> {
        match &self.kind {
            IncidentKind::StormMember { storm } => Some(storm),
            _ => None,
        }
    }

    /// True while people or Quell still have something to do about it.
    pub fn is_open(&self) -> bool {
        self.status.is_open()
    }
}
