//! View of people's part in an incident: the decision on its plan, and what they did about it.

use std::collections::BTreeSet;

use domain::incident::Incident;
use domain::incident::approval::{Approval, ApprovalState, Verdict};
use domain::incident::response::{Closing, Note};
use domain::primitives::identity::{DecidedBy, Identity};
use jiff::Timestamp;
use serde::Serialize;

use crate::say::{Moment, Say};

#[derive(Debug, Clone, Serialize)]
pub(crate) struct ApprovalView {
    pub(crate) id: String,
    /// `pending`, `approved`, `rejected` or `void`.
    pub(crate) state: &'static str,
    pub(crate) requested_at: Timestamp,
    pub(crate) expires_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) decided_at: Option<Timestamp>,
    /// Who decided: `guardrails`, or a person.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) decided_by: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) void_because: Option<String>,
    pub(crate) needed: u8,
    pub(crate) given: usize,
    pub(crate) approved_by: Vec<String>,
    /// True if an approval through the API or the page counts: not where two people have to prove who they are.
    pub(crate) takes_api: bool,
}

#[derive(Debug, Clone, Serialize)]
pub(crate) struct ResponseView {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) responder: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) since: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) snoozed_until: Option<Timestamp>,
    /// The newest; the log has all.
    pub(crate) notes: Vec<Note>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) closed: Option<Closing>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) cause_is_right: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) silenced_until: Option<Timestamp>,
}

impl ApprovalView {
    pub(super) fn of(approval: &Approval, say: Say) -> Self {
        let (state, by, void_because) = match &approval.state {
            ApprovalState::Pending => ("pending", None, None),
            ApprovalState::Void { why, .. } => ("void", None, Some(say.sentence(why))),
            ApprovalState::Decided { verdict, by, .. } => {
                let state = match verdict {
                    Verdict::Approve => "approved",
                    Verdict::Reject => "rejected",
                };
                (state, Some(decided_by(approval, by)), None)
            }
        };
        Self {
            id: approval.id.to_string(),
            state,
            requested_at: approval.requested_at,
            expires_at: approval.expires_at,
            decided_at: approval.decided_at(),
            decided_by: by,
            void_because,
            needed: approval.needed,
            given: approval.given(),
            approved_by: approval
                .votes
                .iter()
                .map(|vote| vote.person.clone())
                .collect(),
            takes_api: approval.takes(&Identity::Api(String::new())),
        }
    }

    pub(crate) fn expires(&self) -> Moment {
        Moment(self.expires_at)
    }

    pub(crate) fn decided(&self) -> Option<Moment> {
        self.decided_at.map(Moment)
    }
}

/// People by the names of channels.json, where the votes say them.
fn decided_by(approval: &Approval, by: &DecidedBy) -> String {
    let people: BTreeSet<&str> = approval
        .votes
        .iter()
        .map(|vote| vote.person.as_str())
        .collect();
    let approved = matches!(
        approval.state,
        ApprovalState::Decided {
            verdict: Verdict::Approve,
            ..
        }
    );
    if approved && !people.is_empty() {
        return Vec::from_iter(people).join(", ");
    }
    by.to_string()
}

impl ResponseView {
    pub(super) fn of(incident: &Incident) -> Self {
        let response = &incident.response;
        let responder = response.responder.as_ref();
        Self {
            responder: responder.map(|responder| responder.person.clone()),
            since: responder.map(|responder| responder.since),
            snoozed_until: responder.and_then(|responder| responder.snoozed_until),
            notes: response.notes.clone(),
            closed: response.closed.clone(),
            cause_is_right: response.cause.as_ref().map(|cause| cause.right),
            silenced_until: incident.silence.as_ref().map(|silence| silence.until),
        }
    }
}
