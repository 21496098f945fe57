//! Conditions of decisions and of admission, each of which can be taken away.

use crate::check::Mutation;

use super::{
    ApprovalModel, ENOUGH_PEOPLE, FIRES_STILL, IN_TIME, NO_PLAN_FOREVER, NO_RESOLVED_PLAN,
    ONE_VERDICT, RECENT, RUNS_ONCE, SIGNED, STANDS, STARTS,
};

/// What the code does, by where it stands. A condition that lies within a decision of the domain is
/// taken away by what the decision is given: a button that names the plan of now, a time at which
/// nothing is over, an account that proves its person.
#[derive(Debug, Clone, Copy)]
pub struct Rules {
    /// `store::request::put_over_version`: `#version = :before`.
    pub over_version: bool,
    /// `decision::eligibility`: the button's approval is the one that waits.
    pub button_names_its_plan: bool,
    /// `decision::eligibility`: the time of the approval is not over.
    pub in_time: bool,
    /// `decision::eligibility`: a rule names the person.
    pub rule_names_the_person: bool,
    /// `Approval::takes`: where two have to approve, only ways that prove who approves.
    pub proves_its_person: bool,
    /// `ingress::interactions`: a repeated press sends again what may not have been sent.
    pub repetition_sends: bool,
    /// `lifecycle::ended`: a resolve revokes the approval.
    pub resolve_revokes: bool,
    /// `lifecycle::ask`: a plan that is proposed again has another round.
    pub new_round: bool,
    /// `notifier::follow_up::approval`: a timer revokes what nobody has decided.
    pub timer: bool,
    /// `repair::admission`: the approval is decided and not void.
    pub admits_what_is_approved: bool,
    /// `repair::admission`: the message is about the plan that is approved.
    pub admits_this_plan: bool,
    /// `repair::admission`: a run that has ended does not begin again.
    pub admits_no_ended_run: bool,
    /// `repair::admission`: without a run the status is `approved`.
    pub admits_by_status: bool,
    /// `repair::admission`: the alert has not resolved.
    pub admits_what_fires: bool,
    /// `repair::admission`: as many people have approved as have to.
    pub counts_people: bool,
    /// `repair::admission`: the decision was signed where decisions are made.
    pub checks_signatures: bool,
    /// `Guardrail::StartsInTime`.
    pub starts_in_time: bool,
}

impl Rules {
    pub(super) const fn of_the_code() -> Self {
        Self {
            over_version: true,
            button_names_its_plan: true,
            in_time: true,
            rule_names_the_person: true,
            proves_its_person: true,
            repetition_sends: true,
            resolve_revokes: true,
            new_round: true,
            timer: true,
            admits_what_is_approved: true,
            admits_this_plan: true,
            admits_no_ended_run: true,
            admits_by_status: true,
            admits_what_fires: true,
            counts_people: true,
            checks_signatures: true,
            starts_in_time: true,
        }
    }
}

pub(super) fn mutations() -> Vec<Mutation<ApprovalModel>> {
    vec![
        Mutation::breaks(
            "an incident is saved over the version that was loaded",
            ONE_VERDICT,
            |m: &mut ApprovalModel| m.rules.over_version = false,
        ),
        Mutation::breaks("a button names its plan", ENOUGH_PEOPLE, |m| {
            m.rules.button_names_its_plan = false;
        }),
        Mutation::breaks("a press is in time", IN_TIME, |m| m.rules.in_time = false),
        Mutation::breaks("a rule names the person", ENOUGH_PEOPLE, |m| {
            m.rules.rule_names_the_person = false;
        }),
        Mutation::breaks(
            "of two people each proves who they are",
            ENOUGH_PEOPLE,
            |m| {
                m.rules.proves_its_person = false;
            },
        ),
        Mutation::breaks("a repeated press sends again", STARTS, |m| {
            m.rules.repetition_sends = false;
        }),
        Mutation::breaks("a resolve revokes the approval", NO_RESOLVED_PLAN, |m| {
            m.rules.resolve_revokes = false;
        }),
        Mutation::breaks(
            "a plan that is proposed again is another plan",
            ENOUGH_PEOPLE,
            |m| {
                m.rules.new_round = false;
            },
        ),
        Mutation::breaks(
            "a timer revokes what nobody decides",
            NO_PLAN_FOREVER,
            |m| {
                m.rules.timer = false;
            },
        ),
        Mutation::covered("admission: the approval counts", |m| {
            m.rules.admits_what_is_approved = false;
        }),
        Mutation::breaks("admission: one of the two", STANDS, |m| {
            m.rules.admits_what_is_approved = false;
            m.rules.admits_by_status = false;
        }),
        Mutation::covered("admission: the message names this plan", |m| {
            m.rules.admits_this_plan = false;
        }),
        Mutation::breaks("admission: the run has not ended", RUNS_ONCE, |m| {
            m.rules.admits_no_ended_run = false;
        }),
        Mutation::covered("admission: the status is approved", |m| {
            m.rules.admits_by_status = false;
        }),
        Mutation::breaks("admission: the alert fires", FIRES_STILL, |m| {
            m.rules.admits_what_fires = false;
        }),
        Mutation::covered("admission: enough people", |m| {
            m.rules.counts_people = false
        }),
        Mutation::breaks("admission: the decision is signed", SIGNED, |m| {
            m.rules.checks_signatures = false;
        }),
        Mutation::breaks("admission: the decision is recent", RECENT, |m| {
            m.rules.starts_in_time = false;
        }),
    ]
}
