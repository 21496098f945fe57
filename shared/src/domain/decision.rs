//! Deciding on a plan, and taking back what can no longer be decided on.

use jiff::Timestamp;

use super::approval::{Refusal, Standing, Verdict};
use super::draft::Draft;
use super::id::ApprovalId;
use super::incident::Status;
use super::operation_log::{Event, News};

/// Records a decision in `draft`. Saying the same thing twice as the same person is accepted and changes nothing, so that a
/// repeated delivery of one press is answered like the first.
///
/// # Errors
/// Why the decision does not count; the draft is then as it was.
pub fn decide(draft: &mut Draft, id: &ApprovalId, verdict: Verdict, by: &str, now: Timestamp) -> Result<(), Refusal> {
    let plan_hash = draft.incident.plan.as_ref().map(super::plan::Plan::hash);
    let approval = draft.incident.approval.as_mut().filter(|approval| approval.id == *id).ok_or(Refusal::NotThisPlan)?;
    if plan_hash.as_deref() != Some(approval.plan_hash.as_str()) {
        return Err(Refusal::NotThisPlan);
    }
    match &approval.standing {
        Standing::Decided { verdict: before, by: who, .. } if *before == verdict && who == by => return Ok(()),
        Standing::Decided { verdict, by, .. } => return Err(Refusal::Decided { verdict: *verdict, by: by.clone() }),
        Standing::Void { why, .. } => return Err(Refusal::Void { why: why.clone() }),
        Standing::Pending if now > approval.expires_at => return Err(Refusal::Expired { at: approval.expires_at }),
        Standing::Pending => {}
    }
    approval.standing = Standing::Decided { verdict, by: by.to_owned(), at: now };
    let context = serde_json::json!({ "approval_id": id, "plan_hash": approval.plan_hash, "verdict": verdict });
    draft.incident.status = match verdict {
        Verdict::Approve => Status::Approved,
        Verdict::Reject => Status::Rejected,
    };
    let word = match verdict {
        Verdict::Approve => "approved",
        Verdict::Reject => "rejected",
    };
    draft.record(now, News::new(Event::ApprovalDecided, by, format!("the plan was {word}")).with(context));
    Ok(())
}

/// Makes a pending approval void, or an approved one whose repair has not started. Others stay as they are.
pub fn void(draft: &mut Draft, actor: &str, why: &str, now: Timestamp) {
    let undone = draft.incident.repair.is_none();
    let Some(approval) = draft.incident.approval.as_mut() else { return };
    let stoppable = match approval.standing {
        Standing::Pending => true,
        Standing::Decided { verdict, .. } => verdict == Verdict::Approve && undone,
        Standing::Void { .. } => false,
    };
    if !stoppable {
        return;
    }
    approval.standing = Standing::Void { why: why.to_owned(), at: now };
    let context = serde_json::json!({ "approval_id": approval.id, "plan_hash": approval.plan_hash });
    draft.record(now, News::new(Event::ApprovalVoided, actor, why).with(context));
}

#[cfg(test)]
mod tests {
    use jiff::{SignedDuration, Timestamp};

    use super::{decide, void};
    use crate::domain::approval::{Refusal, Standing, Verdict};
    use crate::domain::draft::Draft;
    use crate::domain::id::ApprovalId;
    use crate::domain::incident::Status;
    use crate::domain::plan::tests::plan;
    use crate::domain::transition::tests::incident;

    fn now() -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_hours(1)
    }

    fn waiting() -> (Draft, ApprovalId) {
        let mut draft = Draft::of(incident());
        draft.propose(plan(), now(), SignedDuration::from_hours(4));
        let id = draft.incident.approval.as_ref().expect("an approval").id.clone();
        draft.entries.clear();
        (draft, id)
    }

    #[test]
    fn a_decision_is_recorded_once_and_names_the_person() {
        let (mut draft, id) = waiting();
        assert_eq!(decide(&mut draft, &id, Verdict::Approve, "telegram:7", now()), Ok(()));
        assert_eq!(decide(&mut draft, &id, Verdict::Approve, "telegram:7", now()), Ok(()));
        assert_eq!((draft.incident.status, draft.entries.len()), (Status::Approved, 1));
        let refused = Err(Refusal::Decided { verdict: Verdict::Approve, by: "telegram:7".into() });
        assert_eq!(decide(&mut draft, &id, Verdict::Approve, "telegram:8", now()), refused);
        assert_eq!(decide(&mut draft, &id, Verdict::Reject, "telegram:7", now()), refused);
        assert_eq!(draft.entries.len(), 1);
    }

    #[test]
    fn only_the_plan_that_was_shown_can_be_decided_on() {
        let (mut draft, id) = waiting();
        let other = ApprovalId::of(&draft.incident.id, &"0".repeat(64));
        assert_eq!(decide(&mut draft, &other, Verdict::Approve, "a", now()), Err(Refusal::NotThisPlan));
        draft.incident.plan.as_mut().expect("a plan").steps[0].argv.push("--force".into());
        assert_eq!(decide(&mut draft, &id, Verdict::Approve, "a", now()), Err(Refusal::NotThisPlan));
        assert!(draft.entries.is_empty());
    }

    #[test]
    fn nobody_decides_after_the_time_or_after_a_void() {
        let (mut draft, id) = waiting();
        let late = now() + SignedDuration::from_hours(5);
        assert!(matches!(decide(&mut draft, &id, Verdict::Approve, "a", late), Err(Refusal::Expired { .. })));
        void(&mut draft, "ingress", "the alert resolved", now());
        assert!(matches!(decide(&mut draft, &id, Verdict::Approve, "a", now()), Err(Refusal::Void { .. })));
    }

    #[test]
    fn a_void_stops_an_approved_plan_only_before_its_repair() {
        let (mut draft, id) = waiting();
        decide(&mut draft, &id, Verdict::Approve, "a", now()).expect("pending");
        void(&mut draft, "ingress", "the alert resolved", now());
        assert!(matches!(draft.incident.approval.expect("an approval").standing, Standing::Void { .. }));
    }
}
