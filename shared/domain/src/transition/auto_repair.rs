//! Automatic repairs: the guardrails let a plan run, or stop it and a human is asked.

use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use crate::incident::Status;
use crate::incident::approval::{Approval, ApprovalState, Verdict};
use crate::incident::change::IncidentChange;
use crate::incident::guardrail::{GuardrailOutcome, all_passed, blocking, names};
use crate::incident::operation_log::{Event, LogRecord};
use crate::phrase;
use crate::playbook::plan::Plan;
use crate::primitives::identity::DecidedBy;
use crate::primitives::phrase::Phrase;
use crate::transition::decision::revocation::revoke;

impl IncidentChange {
    /// Lets a plan run without a human if every guardrail passes, otherwise asks a human, and keeps
    /// the outcomes of the guardrails. The decision is in the log from here on, before anything can
    /// run (`human-or-guardrails`).
    pub fn propose_within(
        &mut self,
        outcomes: Vec<GuardrailOutcome>,
        plan: Plan,
        now: Timestamp,
        valid_for: SignedDuration,
    ) {
        if all_passed(&outcomes) {
            self.trigger(&outcomes, plan, now, valid_for);
        } else {
            let context = json!({ "plan_hash": plan.hash(), "guardrails": outcomes });
            self.record(
                now,
                LogRecord::new(Event::GuardrailBlocked, "analyzer", names(&outcomes)).with(context),
            );
            self.propose(plan, now, valid_for);
        }
        self.incident.guardrails = outcomes;
    }

    fn trigger(
        &mut self,
        outcomes: &[GuardrailOutcome],
        plan: Plan,
        now: Timestamp,
        valid_for: SignedDuration,
    ) {
        let (asked, mut context) = self.approval_of(&plan, now, valid_for, 1);
        context["guardrails"] = json!(outcomes);
        let news = LogRecord::new(Event::AutoRepairTriggered, "analyzer", &plan.playbook_name);
        self.record(now, news.with(context));
        let state = ApprovalState::Decided {
            verdict: Verdict::Approve,
            by: DecidedBy::Guardrails,
            at: now,
        };
        self.incident.approval = Some(Approval { state, ..asked });
        self.incident.plan = Some(plan);
        self.incident.status = Status::Approved;
    }

    /// Stops an approved plan before its first step: its approval becomes void, and a human is
    /// asked again.
    pub fn stopped_by(&mut self, outcomes: Vec<GuardrailOutcome>, actor: &str, now: Timestamp) {
        let context = json!({ "guardrails": outcomes });
        let stopped_by = blocking(&outcomes).map(|outcome| {
            let guardrail = outcome.guardrail.as_str();
            phrase!("{guardrail} ({why})", guardrail, why => outcome.why.clone())
        });
        let why = phrase!("stopped by {guardrails}", guardrails => Phrase::several(stopped_by));
        self.record(
            now,
            LogRecord::new(
                Event::GuardrailBlocked,
                actor,
                "stopped before the first step",
            )
            .with(context)
            .failed(names(&outcomes)),
        );
        self.incident.repair = None;
        revoke(self, actor, why, now);
        self.incident.guardrails = outcomes;
        self.propose_again(actor, now);
    }
}

#[cfg(test)]
mod tests {
    use jiff::{SignedDuration, Timestamp};

    use crate::incident::Status;
    use crate::incident::approval::{ApprovalState, Refusal, Verdict};
    use crate::incident::change::IncidentChange;
    use crate::incident::guardrail::tests::passing;
    use crate::incident::guardrail::{Guardrail, GuardrailOutcome, blocking};
    use crate::incident::operation_log::{Event, verify};
    use crate::playbook::plan::tests::plan;
    use crate::primitives::identity::DecidedBy;
    use crate::transition::decision::tests::{ada, decide_on, two};
    use crate::transition::lifecycle::tests::incident;

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    fn proposed(outcomes: Vec<GuardrailOutcome>) -> IncidentChange {
        let mut change = IncidentChange::new(incident());
        change.propose_within(outcomes, plan(), NOW, SignedDuration::from_hours(1));
        change
    }

    fn one_blocked() -> Vec<GuardrailOutcome> {
        let mut outcomes = passing();
        outcomes[2] =
            GuardrailOutcome::blocked(Guardrail::Severity, "P1 never runs by itself".to_owned());
        outcomes
    }

    fn events(change: &IncidentChange) -> Vec<Event> {
        change.entries.iter().map(|entry| entry.event).collect()
    }

    #[test]
    fn when_all_pass_the_log_has_every_guardrails_answer() {
        let mut change = proposed(passing());
        assert_eq!(
            (change.incident.status, events(&change)),
            (Status::Approved, vec![Event::AutoRepairTriggered])
        );
        let context = &change.entries[0].context;
        assert_eq!(context["guardrails"].as_array().map(Vec::len), Some(12));
        assert_eq!(context["plan_hash"], plan().hash().as_str());
        let approval = change.incident.approval.clone().expect("an approval");
        assert!(approval.by_guardrails());
        let refused = decide_on(
            &mut change,
            &approval.id,
            &ada(Verdict::Reject, "p"),
            &two(),
            NOW,
        );
        assert_eq!(
            refused,
            Err(Refusal::Decided {
                verdict: Verdict::Approve,
                by: DecidedBy::Guardrails
            })
        );
    }

    #[test]
    fn one_that_stops_it_asks_a_human() {
        let change = proposed(one_blocked());
        assert_eq!(change.incident.status, Status::AwaitingApproval);
        assert_eq!(
            change
                .incident
                .approval
                .as_ref()
                .map(|approval| &approval.state),
            Some(&ApprovalState::Pending)
        );
        assert_eq!(
            events(&change),
            [Event::GuardrailBlocked, Event::ApprovalRequested]
        );
        assert_eq!(change.entries[0].detail, "severity");
        assert_eq!(change.incident.guardrails, one_blocked());
    }

    #[test]
    fn a_plan_stopped_late_asks_for_a_decision_on_a_new_plan() {
        let mut change = proposed(passing());
        let first = change.incident.approval.clone().expect("decided");
        change.stopped_by(one_blocked(), "repair", NOW);
        let second = change.incident.approval.clone().expect("asked");
        // The queue drops a repetition of the first approval's message within five minutes: the new one has to have a new name.
        assert_ne!(
            (&first.id, &first.plan_hash),
            (&second.id, &second.plan_hash)
        );
        assert_eq!(
            (second.state, change.incident.status),
            (ApprovalState::Pending, Status::AwaitingApproval)
        );
        let after = [
            Event::GuardrailBlocked,
            Event::ApprovalVoided,
            Event::ApprovalRequested,
        ];
        assert_eq!(events(&change)[1..], after);
        assert!(
            change.entries[1..]
                .iter()
                .all(|entry| entry.actor == "repair")
        );
        assert_eq!(
            verify(
                &change.incident.id,
                &change.entries,
                &change.incident.log_head
            ),
            Ok(())
        );
    }

    #[test]
    fn a_resolve_revokes_the_guardrails_decision() {
        let mut change = proposed(passing());
        change.resolved(1, NOW);
        assert_eq!(change.incident.status, Status::Resolved);
        assert!(matches!(
            change.incident.approval.as_ref().expect("kept").state,
            ApprovalState::Void { .. }
        ));
        change.reopened(1, 2, NOW);
        assert_eq!(change.incident.status, Status::AwaitingApproval);
        assert!(
            !change
                .incident
                .approval
                .as_ref()
                .expect("asked")
                .by_guardrails()
        );
        assert_eq!(
            blocking(&change.incident.guardrails)
                .map(|found| found.guardrail)
                .collect::<Vec<_>>(),
            [Guardrail::EpisodeOpen]
        );
    }
}
