//! Attention for incidents on which nobody is, while no decision is asked for: the end of a snooze, and the call of the next level
//! of a team.

use jiff::Timestamp;
use serde_json::json;

use crate::analysis::Severity;
use crate::incident::approval::{ApprovalState, AskedLevel};
use crate::incident::change::IncidentChange;
use crate::incident::operation_log::{Event, LogRecord};
use crate::incident::response::Responder;
use crate::incident::{Incident, Status};
use crate::notification::channels::{ApprovalRule, Channels};
use crate::transition::decision::expiry::level_of;
use crate::transition::decision::quorum::rule_of;

impl IncidentChange {
    /// Ends a snooze whose time is over: nobody is on the incident any more. True if it did.
    pub fn end_snooze(&mut self, now: Timestamp) -> bool {
        self.end_snoozes_until(now, now)
    }

    /// Ends a snooze whatever its time: it was put off for what it was then, and is worse now.
    pub(crate) fn end_snooze_of_worse(&mut self, now: Timestamp) {
        self.end_snoozes_until(Timestamp::MAX, now);
    }

    fn end_snoozes_until(&mut self, latest: Timestamp, now: Timestamp) -> bool {
        if !self.incident.is_open() {
            return false;
        }
        let response = &mut self.incident.response;
        let is_over = |one: &mut Responder| one.snoozed_until.is_some_and(|until| until <= latest);
        let Some(responder) = response.responder.take_if(is_over) else {
            return false;
        };
        // Whoever is called begins with the first level again.
        response.called = None;
        let detail = format!("{} had put it off", responder.person);
        let context = json!({ "person": responder.person });
        let news = LogRecord::new(Event::SnoozeEnded, "notifier", detail);
        self.record(now, news.with(context));
        true
    }

    /// Calls the next level of the team if nobody is on the incident when it is their time. True if something changed: the first
    /// level has heard of the incident with its card, and only from when its wait counts is noted.
    pub fn call_next_level(&mut self, channels: &Channels, now: Timestamp) -> bool {
        let Some(next) = next_call(&self.incident, channels).filter(|next| next.at <= now) else {
            return false;
        };
        self.incident.response.called = Some(AskedLevel {
            level: next.level,
            at: now,
        });
        if next.level > 0 {
            let people = level_of(channels, &next.team, next.level, now);
            let detail = format!("nobody is on it: {} is called", people.join(", "));
            // Counted from 1, as `quell on-duty` does.
            let context = json!({ "people": people, "team": next.team, "level": next.level + 1 });
            let news = LogRecord::new(Event::ResponderCalled, "notifier", detail);
            self.record(now, news.with(context));
        }
        true
    }
}

/// When to look whether somebody has to be called: at the end of a snooze, or when the next level of a team is due.
pub fn attention_at(incident: &Incident, channels: &Channels) -> Option<Timestamp> {
    let responder = incident.response.responder.as_ref();
    let snooze = responder
        .and_then(|responder| responder.snoozed_until)
        .filter(|_| incident.is_open());
    let call = next_call(incident, channels).map(|next| next.at);
    [snooze, call].into_iter().flatten().min()
}

/// The rule about who may decide: on the plan, or, without one, on what the alert is about.
pub fn rule_about<'a>(channels: &'a Channels, incident: &Incident) -> Option<&'a ApprovalRule> {
    let without_plan = || {
        // Nobody has rated a plan: the more urgent it is, the more of a say it takes.
        let analysis = incident.analysis.as_ref();
        let urgency = analysis.map_or(Severity::P1, |analysis| analysis.urgency.level);
        channels.rule(&incident.alert.target, urgency.as_risk())
    };
    rule_of(channels, incident).or_else(without_plan)
}

/// A level that is called.
struct Call {
    at: Timestamp,
    team: String,
    level: u8,
}

/// The next level that is called, and when. None while somebody is on it, a decision is asked for, which has levels of its own,
/// or nobody is left to call.
fn next_call(incident: &Incident, channels: &Channels) -> Option<Call> {
    let needs_people = matches!(incident.status, Status::NeedsHuman | Status::RepairFailed);
    let urgent = matches!(incident.severity, Severity::P0 | Severity::P1);
    if !needs_people
        || !urgent
        || incident.resolved_at.is_some()
        || incident.response.responder.is_some()
    {
        return None;
    }
    let of_rule = rule_about(channels, incident).and_then(|rule| rule.team.as_deref());
    let team = of_rule.or_else(|| channels.teams_of(incident).next())?;
    let since = needs_people_since(incident);
    // A call of before the last plan or repair was about something else.
    let called = incident.response.called.filter(|called| called.at >= since);
    let (at, level) = match called {
        None => {
            // Without a second level nobody is called, and nothing has to be noted.
            channels.duty.next_level(team, 0, since)?;
            (since, 0)
        }
        Some(called) => channels.duty.next_level(team, called.level, called.at)?,
    };
    let team = team.to_owned();
    Some(Call { at, team, level })
}

/// Since when an incident without a decision to make waits for people.
fn needs_people_since(incident: &Incident) -> Timestamp {
    let approval = incident.approval.as_ref().map(|approval| &approval.state);
    let void = match approval {
        Some(ApprovalState::Void { at, .. }) => Some(*at),
        _ => None,
    };
    let repair = incident
        .repair
        .as_ref()
        .and_then(|repair| repair.finished_at);
    [void, repair]
        .into_iter()
        .flatten()
        .fold(incident.opened_at, Ord::max)
}

#[cfg(test)]
#[path = "attention_tests.rs"]
mod tests;
