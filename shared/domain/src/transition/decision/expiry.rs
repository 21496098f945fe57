//! Expiry of an undecided approval; before that, a reminder, and the escalation to the second list of people and level by level of a team.

use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use crate::analysis::Severity;
use crate::incident::approval::{Approval, ApprovalState, AskedLevel};
use crate::incident::change::IncidentChange;
use crate::incident::operation_log::{Event, LogRecord};
use crate::incident::{Incident, Status};
use crate::notification::channels::{ApprovalRule, Channels};
use crate::phrase;
use crate::primitives::time::expired;
use crate::transition::decision::quorum::rule_of;
use crate::transition::decision::revocation::{particulars, revoke};

/// What is left of an approval's time when people are reminded of it: a quarter.
const REMINDED_WITH: i32 = 4;

impl IncidentChange {
    /// Revokes an approval that expired undecided. True if it did.
    pub fn expire(&mut self, now: Timestamp) -> bool {
        let over = |approval: &Approval| {
            approval.state == ApprovalState::Pending && expired(approval.expires_at, now)
        };
        if !self.incident.approval.as_ref().is_some_and(over) {
            return false;
        }
        revoke(
            self,
            "notifier",
            phrase!("there was no decision in time"),
            now,
        );
        // `revoke` leaves the status to its callers.
        self.incident.status = Status::NeedsHuman;
        true
    }

    /// Reminds people that the time for a decision is nearly over, once. True if it did.
    pub fn remind(&mut self, now: Timestamp) -> bool {
        let Some(approval) = &mut self.incident.approval else {
            return false;
        };
        if approval.state != ApprovalState::Pending
            || reminds_at(approval).is_none_or(|at| now < at)
        {
            return false;
        }
        approval.reminded_at = Some(now);
        let mut context = particulars(approval);
        context["expires_at"] = json!(approval.expires_at);
        let detail = format!("undecided until {}", approval.expires_at);
        self.record(
            now,
            LogRecord::new(Event::ApprovalReminded, "notifier", detail).with(context),
        );
        true
    }

    /// Lets the next people decide too, if the approval is still undecided when it is their time: the rule's second list, or
    /// the next level of its team. True if it did; more may be due then.
    pub fn escalate(&mut self, channels: &Channels, now: Timestamp) -> bool {
        let Some((_, next)) = next(&self.incident, channels).filter(|(at, _)| *at <= now) else {
            return false;
        };
        let (mut context, people, level) = match (&mut self.incident.approval, &next) {
            (Some(approval), Next::SecondList(people)) => {
                approval.escalated_at = Some(now);
                (particulars(approval), people.clone(), None)
            }
            (Some(approval), Next::Level { team, level }) => {
                approval.level = Some(AskedLevel {
                    level: *level,
                    at: now,
                });
                let people = level_of(channels, team, *level, now);
                (particulars(approval), people, Some((team, *level)))
            }
            (None, _) => return false,
        };
        context["people"] = json!(people);
        if let Some((team, level)) = level {
            // Counted from 1, as `quell on-duty` does.
            (context["team"], context["level"]) = (json!(team), json!(level + 1));
        }
        let detail = format!("{} may decide as well", people.join(", "));
        let record = LogRecord::new(Event::ApprovalEscalated, "notifier", detail);
        self.record(now, record.with(context));
        true
    }
}

/// Time of the next follow-up check of an undecided approval: its next escalation, its reminder, or its expiry.
pub fn look_again_at(incident: &Incident, channels: &Channels) -> Option<Timestamp> {
    let approval = incident.approval.as_ref()?;
    if approval.state != ApprovalState::Pending {
        return None;
    }
    let escalates = next(incident, channels).map(|(at, _)| at);
    [escalates, reminds_at(approval)]
        .into_iter()
        .flatten()
        .chain([approval.expires_at])
        .min()
}

fn reminds_at(approval: &Approval) -> Option<Timestamp> {
    if approval.reminded_at.is_some() {
        return None;
    }
    let valid_for = approval.expires_at.duration_since(approval.requested_at);
    Some(approval.expires_at - valid_for / REMINDED_WITH)
}

/// The people of one level of a team at a moment.
pub fn level_of(channels: &Channels, team: &str, level: u8, at: Timestamp) -> Vec<String> {
    let levels = channels.duty.levels(team);
    let level = levels.get(usize::from(level));
    let names = level.map(|level| level.on_duty(at)).unwrap_or_default();
    names.into_iter().map(str::to_owned).collect()
}

/// Who is asked next.
enum Next {
    SecondList(Vec<String>),
    Level { team: String, level: u8 },
}

/// The next escalation of an undecided approval, and when it is due. None if nobody is left to ask.
fn next(incident: &Incident, channels: &Channels) -> Option<(Timestamp, Next)> {
    let approval = incident.approval.as_ref()?;
    let rule = rule_of(channels, incident)?;
    // Others are asked while no one is on it who may decide.
    let on_it = incident.response.responder.as_ref().is_some_and(|one| {
        let reach = approval.reach();
        rule.may(
            &one.person,
            reach,
            approval.needed,
            &channels.duty,
            one.since,
        )
    });
    if approval.state != ApprovalState::Pending || on_it {
        return None;
    }
    let list = second_list_at(approval, rule);
    let list = list.map(|at| (at, Next::SecondList(rule.then.clone())));
    let level = next_level(incident, approval, rule, channels);
    [list, level]
        .into_iter()
        .flatten()
        .min_by_key(|(at, _)| *at)
}

fn second_list_at(approval: &Approval, rule: &ApprovalRule) -> Option<Timestamp> {
    let after = rule
        .escalate_after_seconds
        // It is asked once.
        .filter(|_| approval.escalated_at.is_none() && !rule.then.is_empty())?;
    Some(approval.requested_at + SignedDuration::from_secs(i64::from(after)))
}

/// The next level of the rule's team.
fn next_level(
    incident: &Incident,
    approval: &Approval,
    rule: &ApprovalRule,
    channels: &Channels,
) -> Option<(Timestamp, Next)> {
    // People are woken level by level for what cannot wait until the morning.
    if !matches!(incident.severity, Severity::P0 | Severity::P1) {
        return None;
    }
    let team = rule.team.as_ref()?;
    let since = approval
        .level
        .map_or(approval.requested_at, |asked| asked.at);
    let asked = approval.reach().level;
    let (at, level) = channels.duty.next_level(team, asked, since)?;
    let team = team.clone();
    Some((at, Next::Level { team, level }))
}

#[cfg(test)]
#[path = "expiry_tests.rs"]
mod tests;
