//! Quorum of a plan: the rule that says who may approve, how many people it takes, and how many are
//! still missing.

use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::analysis::Risk;
use crate::incident::approval::{Approval, ApprovalState, Reach, Vote};
use crate::incident::autonomy_level::AutonomyLevel;
use crate::incident::{Incident, Status};
use crate::notification::channels::{ApprovalRule, Channels};
use crate::playbook::plan::Plan;
use crate::primitives::identity::Identity;

/// How many different people have to approve a plan: two if users may be cut off or data lost, or
/// if its playbook has not earned more autonomy yet.
pub fn people_needed(plan: &Plan, earned: Option<AutonomyLevel>) -> u8 {
    let at_stake = if plan.risk == Risk::Critical { 2 } else { 1 };
    earned.map_or(at_stake, |earned| earned.people().max(at_stake))
}

/// The rule that says who may decide on an incident's plan. Without a rule the plan cannot be
/// decided.
pub fn rule_of<'a>(channels: &'a Channels, incident: &Incident) -> Option<&'a ApprovalRule> {
    let plan = incident.plan.as_ref()?;
    channels.rule(&plan.target, plan.risk)
}

/// True if a vote still counts: it was given in a way that counts, and `channels.json` still maps
/// its account to the same person. Otherwise a person who is renamed between two presses would
/// count as two.
pub(super) fn holds(vote: &Vote, approval: &Approval, channels: &Channels) -> bool {
    approval.takes(&vote.by) && channels.person(&vote.by) == Some(vote.person.as_str())
}

/// Who has approved, as far as it counts. A person whom the rule no longer names does not. Whoever was on duty when they voted does, also
/// after they have handed over.
fn approvers<'a>(
    approval: &'a Approval,
    channels: &Channels,
    incident: &Incident,
) -> BTreeSet<&'a str> {
    let rule = rule_of(channels, incident);
    let counts = |vote: &&Vote| {
        holds(vote, approval, channels)
            && rule.is_some_and(|rule| {
                rule.may(
                    &vote.person,
                    approval.reach(),
                    approval.needed,
                    &channels.duty,
                    vote.at,
                )
            })
    };
    let votes = approval.votes.iter().filter(counts);
    votes.map(|vote| vote.person.as_str()).collect()
}

/// How many more people have to approve.
pub(super) fn missing(approval: &Approval, channels: &Channels, incident: &Incident) -> u8 {
    let given = approvers(approval, channels, incident).len();
    approval
        .needed
        .saturating_sub(u8::try_from(given).unwrap_or(u8::MAX))
}

/// Why a plan can never be approved, whoever is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoApprover {
    /// No approval rule fits the plan.
    NoRule,
    /// Fewer people can approve it than have to.
    TooFew { able: usize },
}

impl NoApprover {
    /// Its word on a card.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NoRule => "no_rule",
            Self::TooFew { .. } => "too_few",
        }
    }
}

/// Why the plan that waits for people can never be approved, if so. All whom its escalations reach count, and those who have
/// approved already.
pub fn without_approver(
    channels: &Channels,
    incident: &Incident,
    now: Timestamp,
) -> Option<NoApprover> {
    let waits = |approval: &&Approval| {
        incident.status == Status::AwaitingApproval && approval.state == ApprovalState::Pending
    };
    let approval = incident.approval.as_ref().filter(waits)?;
    let Some(rule) = rule_of(channels, incident) else {
        return Some(NoApprover::NoRule);
    };
    let everyone = Reach {
        second_list: true,
        level: u8::MAX,
    };
    let may = rule.who(everyone, approval.needed, &channels.duty, now);
    let missing = usize::from(missing(approval, channels, incident));
    // Whoever's vote does not count any more, because they have another account by now, can vote again.
    let given = approvers(approval, channels, incident);
    let others = may
        .into_iter()
        .filter(|name| !given.contains(name) && can_approve(name, approval, channels))
        .count();
    (others < missing).then(|| NoApprover::TooFew {
        able: usize::from(approval.needed) - missing + others,
    })
}

/// True if a person has an account whose approval counts.
fn can_approve(name: &str, approval: &Approval, channels: &Channels) -> bool {
    let Some(person) = channels.people.get(name) else {
        return false;
    };
    let accounts = [
        person.telegram.map(Identity::Telegram),
        person.slack.clone().map(Identity::Slack),
        // A token can be made for each of the people.
        Some(Identity::Link(name.to_owned())),
    ];
    accounts.iter().flatten().any(|by| approval.takes(by))
}

#[cfg(test)]
#[path = "quorum_tests.rs"]
mod tests;
