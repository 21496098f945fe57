//! Types of the read API's answers (docs/openapi-console.yaml), with the fields that the command shows.

use std::collections::BTreeMap;

use domain::analysis::Analysis;
use domain::analysis::evidence::Evidence;
use domain::incident::operation_log::Event;
use domain::incident::response::{Closing, Note};
use domain::primitives::id::{ApprovalId, IncidentId};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

/// A page of incidents, newest first.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Page {
    pub(crate) incidents: Vec<Summary>,
    pub(crate) next: Option<IncidentId>,
}

/// An incident in a list.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Summary {
    pub(crate) id: IncidentId,
    pub(crate) kind: String,
    pub(crate) status: String,
    /// `P0` to `P3`.
    pub(crate) severity: String,
    pub(crate) name: String,
    pub(crate) target: String,
    pub(crate) service: Option<String>,
    pub(crate) namespace: Option<String>,
    pub(crate) cluster: Option<String>,
    pub(crate) teams: Vec<String>,
    pub(crate) message: String,
    pub(crate) opened_at: Timestamp,
    pub(crate) ended_at: Option<Timestamp>,
    pub(crate) hit_count: u64,
    pub(crate) flaps: u64,
    pub(crate) responder: Option<String>,
    pub(crate) decide_until: Option<Timestamp>,
    pub(crate) members: Option<Members>,
    pub(crate) storm: Option<IncidentId>,
}

/// The incidents of a storm.
#[derive(Debug, Clone, Copy, Deserialize)]
pub(crate) struct Members {
    pub(crate) all: u64,
    pub(crate) open: u64,
}

/// An incident with all that is known about it.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Incident {
    #[serde(flatten)]
    pub(crate) summary: Summary,
    pub(crate) fingerprint: String,
    pub(crate) alert: Alert,
    pub(crate) evidence: Vec<Evidence>,
    pub(crate) analysis: Option<Analysis>,
    pub(crate) plan: Option<Plan>,
    pub(crate) no_plan_because: Option<String>,
    pub(crate) guardrails: Vec<Guardrail>,
    pub(crate) approval: Option<Approval>,
    pub(crate) repair: Option<Repair>,
    pub(crate) earlier_repairs: Vec<Repair>,
    pub(crate) response: Response,
    pub(crate) log: LogEnd,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Alert {
    pub(crate) name: String,
    pub(crate) severity: String,
    pub(crate) source: String,
    pub(crate) starts_at: Timestamp,
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) annotations: BTreeMap<String, String>,
    pub(crate) targets: Vec<String>,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Plan {
    pub(crate) playbook: String,
    pub(crate) playbook_name: String,
    pub(crate) target: String,
    pub(crate) address: String,
    pub(crate) risk: String,
    /// Absent where the console is older than the command.
    #[serde(default)]
    pub(crate) risk_because: Vec<String>,
    pub(crate) unscoped: bool,
    pub(crate) parameters: BTreeMap<String, String>,
    pub(crate) parts: Vec<Part>,
    pub(crate) reasons: Vec<String>,
    pub(crate) hash: String,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Part {
    /// `facts`, `steps`, `verify` or `rollback`.
    pub(crate) part: String,
    pub(crate) steps: Vec<Step>,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Step {
    /// As every place shows it to people who decide on it.
    pub(crate) command: String,
    pub(crate) timeout_seconds: u32,
    pub(crate) retries: u32,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Guardrail {
    pub(crate) guardrail: String,
    pub(crate) passed: bool,
    pub(crate) why: String,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Approval {
    pub(crate) id: ApprovalId,
    /// `pending`, `approved`, `rejected` or `void`.
    pub(crate) state: String,
    pub(crate) requested_at: Timestamp,
    pub(crate) expires_at: Timestamp,
    pub(crate) decided_at: Option<Timestamp>,
    pub(crate) decided_by: Option<String>,
    pub(crate) void_because: Option<String>,
    pub(crate) needed: u8,
    pub(crate) given: usize,
    pub(crate) approved_by: Vec<String>,
    pub(crate) takes_api: bool,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Repair {
    /// Of an earlier plan.
    pub(crate) playbook: Option<String>,
    pub(crate) started_at: Timestamp,
    pub(crate) finished_at: Option<Timestamp>,
    /// None while it runs.
    pub(crate) outcome: Option<String>,
    pub(crate) stop_asked_by: Option<String>,
    pub(crate) steps: Vec<Ran>,
}

/// A step that has run, or runs.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Ran {
    pub(crate) part: String,
    pub(crate) number: usize,
    /// `running`, `succeeded`, `failed` or `skipped`.
    pub(crate) state: String,
    pub(crate) tries: u32,
    pub(crate) detail: String,
    #[serde(default)]
    pub(crate) stdout: String,
    #[serde(default)]
    pub(crate) stderr: String,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Response {
    pub(crate) responder: Option<String>,
    pub(crate) since: Option<Timestamp>,
    pub(crate) snoozed_until: Option<Timestamp>,
    pub(crate) notes: Vec<Note>,
    pub(crate) closed: Option<Closing>,
    pub(crate) cause_is_right: Option<bool>,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct LogEnd {
    pub(crate) entries: u64,
    pub(crate) hash: String,
}

/// A part of an operation log.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct LogPart {
    pub(crate) entries: Vec<Entry>,
    pub(crate) next: Option<u64>,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Entry {
    pub(crate) sequence: u64,
    pub(crate) at: Timestamp,
    /// Its type: one that this version does not know is a text too.
    pub(crate) event: String,
    pub(crate) actor: String,
    pub(crate) detail: String,
    pub(crate) success: bool,
    pub(crate) error: Option<String>,
    pub(crate) context: Value,
    pub(crate) hash: String,
    #[serde(default)]
    pub(crate) erased: bool,
}

impl Entry {
    /// Its type, if this version knows it.
    pub(crate) fn kind(&self) -> Option<Event> {
        let mut known = Event::VARIANTS.into_iter();
        known.find(|event| event.as_str() == self.event)
    }

    /// True for a turn of the incident's story. What this version does not know may be one.
    pub(crate) fn is_turn(&self) -> bool {
        self.kind().is_none_or(Event::is_turn)
    }

    /// What a command printed, of an entry that has it: the name of the stream and the text.
    pub(crate) fn printed(&self) -> Vec<(&'static str, &str)> {
        let result = self.context.get("result").unwrap_or(&self.context);
        let of = |name: &'static str| Some((name, result.get(name)?.as_str()?));
        let printed = ["stdout", "stderr"].into_iter().filter_map(of);
        printed
            .filter(|(_, text)| !text.trim().is_empty())
            .collect()
    }
}

impl Summary {
    /// True while Quell is at work on it, or waits for people who may answer any moment.
    pub(crate) fn moves(&self) -> bool {
        matches!(
            self.status.as_str(),
            "open" | "awaiting_approval" | "approved" | "repairing" | "repaired"
        )
    }
}
