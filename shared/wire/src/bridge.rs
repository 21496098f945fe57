//! Requests of the repair function to the bridge: a step of a playbook by its place, never a
//! command.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use domain::incident::repair::StepResult;
use domain::playbook::plan::Phase;
use domain::primitives::id::{IncidentId, PlaybookId, ServiceName};

use crate::signed_decision::SignedDecision;

/// The version that this build writes and reads.
pub const BRIDGE_VERSION: u8 = 2;

/// One step, named by its place in the files that the bridge ships with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BridgeRequest {
    /// The version of this shape.
    pub v: u8,
    /// For which incident; it appears in the bridge's log line and nowhere else.
    pub incident_id: IncidentId,
    pub playbook: PlaybookId,
    /// Which part of it.
    pub phase: Phase,
    /// Which step of that part, from 0.
    pub step: usize,
    /// The parameters' values. The bridge looks them up in its own registry and refuses a request that has others.
    pub parameters: BTreeMap<String, String>,
    pub target: ServiceName,
    /// Counts the plans of the incident: a part of the plan's hash.
    #[serde(default)]
    pub round: u32,
    /// Which try of the step it is, from 1: each runs once.
    #[serde(default = "first")]
    pub number: u32,
    /// Who let the plan run. The deployed bridge runs nothing without it (`signed-decisions`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decision: Option<SignedDecision>,
}

const fn first() -> u32 {
    1
}

/// The bridge's reply. A refused request is answered too, with the outcome `refused`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BridgeReply {
    /// How the command ended and what it printed.
    #[serde(flatten)]
    pub result: StepResult,
    /// The argument vector that ran; empty if nothing did.
    pub argv: Vec<String>,
}
