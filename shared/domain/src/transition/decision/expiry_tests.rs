//! Tests of escalation and expiry.

use serde_json::json;

use crate::incident::Status;
use crate::incident::approval::{ApprovalState, Refusal, Taken, Verdict};
use crate::incident::operation_log::Event;
use crate::primitives::identity::Identity;
use crate::transition::decision::expiry::look_again_at;
use crate::transition::decision::quorum::rule_of;
use crate::transition::decision::tests::{after, approval, decide_on, press, two, waiting};

#[test]
fn an_undecided_approval_escalates_and_then_expires() {
    let (mut change, id) = waiting(1);
    let file = two();
    let rule = rule_of(&file, &change.incident).expect("a rule").clone();
    let carol = |id| press(Identity::Telegram(9), Verdict::Approve, id);
    assert_eq!(
        look_again_at(approval(&change), Some(&rule)),
        Some(after(600))
    );
    assert_eq!(
        look_again_at(approval(&change), None),
        Some(after(3 * 3600)),
        "without a rule people are still reminded"
    );
    assert!(!change.escalate(&rule, after(599)));
    assert_eq!(
        decide_on(&mut change, &id, &carol("1"), &file, after(599)),
        Err(Refusal::NotAllowed)
    );
    assert!(
        change.escalate(&rule, after(600)) && !change.escalate(&rule, after(601)),
        "once"
    );
    assert_eq!(
        change
            .entries
            .last()
            .map(|entry| (entry.event, entry.context["people"].clone())),
        Some((Event::ApprovalEscalated, json!(["carol"])))
    );
    assert_eq!(
        look_again_at(approval(&change), Some(&rule)),
        Some(after(3 * 3600))
    );
    assert!(!change.remind(after(3 * 3600 - 1)));
    assert!(change.remind(after(3 * 3600)) && !change.remind(after(3 * 3600 + 1)));
    assert_eq!(
        look_again_at(approval(&change), Some(&rule)),
        Some(after(4 * 3600))
    );
    assert!(!change.clone().expire(after(4 * 3600 - 1)));
    let mut decided = change.clone();
    assert_eq!(
        decide_on(&mut decided, &id, &carol("2"), &file, after(602)),
        Ok(Taken::Approved)
    );
    assert!(!decided.expire(after(5 * 3600)) && !decided.escalate(&rule, after(700)));
    assert!(change.expire(after(4 * 3600)) && !change.expire(after(4 * 3600)));
    assert_eq!(
        (
            change.incident.status,
            look_again_at(approval(&change), Some(&rule))
        ),
        (Status::NeedsHuman, None)
    );
    assert!(
        matches!(&approval(&change).state, ApprovalState::Void { why, .. } if why == "nobody decided in time")
    );
    assert_eq!(
        change.entries.last().map(|entry| entry.event),
        Some(Event::ApprovalVoided)
    );
}
