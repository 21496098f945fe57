//! The people who are responsible for an incident, and those of them who are mentioned in a message.

use domain::analysis::Severity;
use domain::incident::Incident;
use domain::incident::approval::{Approval, ApprovalState};
use domain::notification::channels::Channels;
use domain::notification::notice::{Notice, What};
use domain::transition::attention::rule_about;
use domain::transition::decision::quorum::rule_of;
use jiff::Timestamp;

/// The people responsible for an incident: whoever works on it; else those who have decided on the plan; and if a decision is
/// needed, or there is none, those who may decide, and whom its routes name.
pub(crate) fn responsible(
    channels: &Channels,
    incident: &Incident,
    notice: &Notice,
    now: Timestamp,
) -> Vec<String> {
    let mut people = on_it_or_asked(channels, incident, notice, now);
    // Whoever had put it off, before those who are called as if nobody had ever been on it.
    if let What::SnoozeEnded { person } = &notice.what
        && channels.people.contains_key(person)
    {
        people.retain(|name| name != person);
        people.insert(0, person.clone());
    }
    people
}

fn on_it_or_asked(
    channels: &Channels,
    incident: &Incident,
    notice: &Notice,
    now: Timestamp,
) -> Vec<String> {
    if let What::Called { people } = &notice.what {
        let known = people
            .iter()
            .filter(|name| channels.people.contains_key(*name));
        return known.cloned().collect();
    }
    let working = match &notice.what {
        What::Assigned { to } => Some(to.as_str()),
        _ => incident.responder(),
    };
    if let Some(person) = working.filter(|name| channels.people.contains_key(*name)) {
        let mut people = vec![person.to_owned()];
        people.extend(deciders_beside(channels, incident, notice, person, now));
        return people;
    }
    let decided: Vec<String> = notice
        .deciders
        .iter()
        .filter(|name| channels.people.contains_key(*name))
        .cloned()
        .collect();
    let waits = incident
        .approval
        .as_ref()
        .filter(|approval| approval.state == ApprovalState::Pending);
    if waits.is_none() && !decided.is_empty() {
        return decided;
    }
    let reach = waits.map(Approval::reach).unwrap_or_default();
    let needed = waits.map_or(1, |approval| approval.needed);
    let may =
        rule_about(channels, incident).map(|rule| rule.who(reach, needed, &channels.duty, now));
    let of_routes = channels.people_of(incident, now);
    let mut people = if may.is_none() { decided } else { Vec::new() };
    for name in may.into_iter().flatten().chain(of_routes) {
        if !people.iter().any(|before| before == name) {
            people.push(name.to_owned());
        }
    }
    people
}

/// Those who may decide, where a decision is wanted and the person who is on it may not make it.
fn deciders_beside(
    channels: &Channels,
    incident: &Incident,
    notice: &Notice,
    person: &str,
    now: Timestamp,
) -> Vec<String> {
    let asks = matches!(notice.what, What::DecisionNeeded | What::DecisionExpiring);
    let rule = rule_of(channels, incident).filter(|_| asks);
    let (Some(rule), Some(approval)) = (rule, &incident.approval) else {
        return Vec::new();
    };
    let who = rule.who(approval.reach(), approval.needed, &channels.duty, now);
    if who.contains(&person) {
        Vec::new()
    } else {
        who.into_iter().map(str::to_owned).collect()
    }
}

/// Those of the people who want to be mentioned for this now. What is urgent mentions all of them rather than none.
pub(crate) fn mentioned(
    channels: &Channels,
    people: Vec<String>,
    incident: &Incident,
    notice: &Notice,
    now: Timestamp,
) -> Vec<String> {
    let (kind, severity) = (notice.what.kind(), incident.severity);
    let wants = |name: &&String| {
        let person = channels.people.get(*name);
        person.is_none_or(|person| person.is_mentioned(kind, severity, now))
    };
    let awake: Vec<String> = people.iter().filter(wants).cloned().collect();
    if awake.is_empty() && severity <= Severity::P1 {
        people
    } else {
        awake
    }
}
