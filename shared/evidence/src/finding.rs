//! Findings of an audit: what is not as it was written, with its place.

use domain::primitives::id::IncidentId;
use thiserror::Error;

/// Something that is not as it was written, with its place.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Error)]
pub enum Finding {
    #[error("{incident}: entry {sequence} was anchored, and the export does not have it")]
    Missing { incident: IncidentId, sequence: u64 },
    #[error("{incident}: entry {sequence} is not the one that was anchored")]
    Rewritten { incident: IncidentId, sequence: u64 },
    #[error("{incident}: entry {sequence} was {what} in the table, which no function does")]
    Tampered {
        incident: IncidentId,
        sequence: u64,
        what: &'static str,
    },
    #[error("{incident}: entry {sequence} expired {when}")]
    Expired {
        incident: IncidentId,
        sequence: u64,
        when: &'static str,
    },
    #[error(
        "{incident}: something was taken out of entry {sequence}, and no entry says by whom and what is left"
    )]
    Erased { incident: IncidentId, sequence: u64 },
    #[error("{incident}: something was taken out of entry {sequence}, and no anchor says so")]
    ErasureNotAnchored { incident: IncidentId, sequence: u64 },
    #[error("{incident}: of entry {sequence} something else is left than when it was erased")]
    Left { incident: IncidentId, sequence: u64 },
    #[error("{incident}: {why}")]
    Chain { incident: IncidentId, why: String },
    #[error("an item of the table cannot be read: {0}")]
    Unreadable(String),
    #[error("{incident}: the export has two different entries {sequence}")]
    ExportedTwice { incident: IncidentId, sequence: u64 },
    #[error("{incident}: entry {sequence} has no anchor, although others of later have")]
    NotAnchored { incident: IncidentId, sequence: u64 },
    #[error("anchor {index} is missing: the anchors are not complete")]
    AnchorMissing { index: u64 },
    #[error("there are two different anchors {index}: one of them was put there by somebody")]
    AnchorTwice { index: u64 },
    #[error("the checkpoint over {size} anchors is not theirs")]
    Root { size: u64 },
    #[error("a checkpoint is not accepted: {0}")]
    Note(InvalidCheckpoint),
    #[error("no checkpoint covers the anchors from {index} on")]
    Unsigned { index: u64 },
}

/// Why a checkpoint is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Error)]
pub enum InvalidCheckpoint {
    #[error("it is not signed with this key")]
    Unsigned,
    #[error("it was changed, or another key has signed it")]
    Forged,
}
