//! Requests for a decision: a plan becomes the one that people are asked about, once more after it was revoked.

use jiff::{SignedDuration, Timestamp};

use crate::incident::Status;
use crate::incident::approval::Approval;
use crate::incident::change::IncidentChange;
use crate::incident::operation_log::{Event, LogRecord};
use crate::playbook::plan::Plan;
use crate::primitives::id::ApprovalId;
use crate::transition::decision::quorum::people_needed;

impl IncidentChange {
    /// Asks a human for a decision on `plan`.
    pub fn propose(&mut self, plan: Plan, now: Timestamp, valid_for: SignedDuration) {
        self.ask("analyzer", plan, now, valid_for);
    }

    /// Asks a human again for a decision on a void plan, as a new plan. False if there is none.
    pub(crate) fn propose_again(&mut self, actor: &str, now: Timestamp) -> bool {
        let (Some(plan), Some(asked)) = (self.incident.plan.take(), self.incident.approval.take())
        else {
            return false;
        };
        // The new request stays open for as long as the first.
        let valid_for = asked.expires_at.duration_since(asked.requested_at);
        self.ask(
            actor,
            Plan {
                // The round is part of the plan's hash, so that an old button cannot approve the
                // new plan.
                round: plan.round + 1,
                ..plan
            },
            now,
            valid_for,
        );
        true
    }

    fn ask(&mut self, actor: &str, plan: Plan, now: Timestamp, valid_for: SignedDuration) {
        let needed = people_needed(&plan, self.incident.earned);
        let (asked, context) = self.approval_of(&plan, now, valid_for, needed);
        let news = LogRecord::new(Event::ApprovalRequested, actor, &plan.playbook_name);
        self.record(now, news.with(context));
        self.incident.approval = Some(asked);
        self.incident.plan = Some(plan);
        self.incident.status = Status::AwaitingApproval;
    }

    /// A pending approval of a plan, and what the log says of both.
    pub(crate) fn approval_of(
        &self,
        plan: &Plan,
        now: Timestamp,
        valid_for: SignedDuration,
        needed: u8,
    ) -> (Approval, serde_json::Value) {
        let plan_hash = plan.hash();
        let id = ApprovalId::for_plan(&self.incident.id, &plan_hash);
        let reasons: Vec<String> = plan.reasons.iter().map(ToString::to_string).collect();
        let context = serde_json::json!({
            "approval_id": id, "plan_hash": plan_hash, "playbook_id": plan.playbook, "target": plan.target, "score": plan.score, "reasons": reasons,
        });
        (
            Approval::asked(id, plan_hash, now, now + valid_for, needed),
            context,
        )
    }
}
