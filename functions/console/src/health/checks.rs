//! Checks of Quell's health: from facts to lines, each with a state, a reason and a section of docs/operations.md.

use domain::alert::heartbeat::Heartbeat;
use domain::analysis::price::{MicroUsd, dollars};
use domain::phrase;
use domain::primitives::time::expired;
use jiff::{SignedDuration, Timestamp};

use super::check::{Check, Kind, State};
use super::facts::{Anchors, ChannelFacts, Facts, Known, Late, Work};

/// How long a message may wait in a channel's outbox. A chat takes twenty messages a minute, and edits wait behind what is new.
const DELIVERED_WITHIN: SignedDuration = SignedDuration::from_mins(5);
/// Within this time what is due is tried again, whatever a channel had refused (docs/operations.md, "A channel refuses").
const TRIED_WITHIN: SignedDuration = SignedDuration::from_mins(15);
/// How far the witness may be behind; its alarm has the same limit.
const ANCHORED_WITHIN: SignedDuration = SignedDuration::from_mins(10);
/// From so many per cent on, the budget of the day is worth a look.
const MUCH_OF_THE_BUDGET: MicroUsd = 80;

/// All lines, in the order in which they are shown.
pub(crate) fn checks(facts: &Facts) -> Vec<Check> {
    let mut checks = vec![kill_switch(facts), change_freeze(facts)];
    checks.extend(channels(facts));
    match &facts.work {
        Ok(work) => checks.extend(of_work(work)),
        Err(_) => checks.push(Check::unreadable(Kind::Analyses)),
    }
    checks.push(budget(&facts.budget));
    checks.extend(heartbeats(facts));
    checks.push(anchors(facts));
    checks.push(Check::new(
        Kind::Version,
        State::Good,
        phrase!(
            "The console is of version {version}.",
            version = env!("CARGO_PKG_VERSION")
        ),
    ));
    checks
}

fn kill_switch(facts: &Facts) -> Check {
    match &facts.switched_off {
        None => Check::new(
            Kind::KillSwitch,
            State::Good,
            phrase!("The kill switch is off: repairs may run."),
        ),
        Some(off) => {
            let why = phrase!("No repair runs: {what}.", what => off.phrase());
            Check::new(Kind::KillSwitch, State::Look, why).since(off.at)
        }
    }
}

fn change_freeze(facts: &Facts) -> Check {
    match &facts.freeze {
        None => Check::new(
            Kind::ChangeFreeze,
            State::Good,
            phrase!("No change freeze holds."),
        ),
        Some((why, until)) => Check::new(
            Kind::ChangeFreeze,
            State::Look,
            phrase!(
                "A change freeze holds until {until}, so that every repair asks a human: {why}",
                until = moment(*until),
                why
            ),
        ),
    }
}

fn channels(facts: &Facts) -> Vec<Check> {
    if facts.channels.is_empty() {
        let why = phrase!("channels.json names no channel: people hear of nothing.");
        return vec![Check::new(Kind::Channel, State::Look, why)];
    }
    let checks = facts.channels.iter().map(|(name, channel)| {
        let check = match channel {
            Ok(channel) => delivery(channel, facts.now),
            Err(_) => Check::unreadable(Kind::Channel),
        };
        check.about(name)
    });
    checks.collect()
}

/// Whether a channel delivers.
fn delivery(channel: &ChannelFacts, now: Timestamp) -> Check {
    let ChannelFacts { state, backlog } = channel;
    let items = backlog.items;
    let waits = |longer: SignedDuration| backlog.oldest.filter(|oldest| *oldest + longer < now);
    let check = |state, why| Check::new(Kind::Channel, state, why);
    if let Some(since) = state.unreachable_since {
        let why = phrase!("It cannot be reached; {items} messages wait.", items);
        return check(State::Bad, why).since(Some(since));
    }
    if let Some(oldest) = waits(TRIED_WITHIN) {
        let why = phrase!(
            "It does not deliver: {items} messages wait, the oldest for more than {minutes} min.",
            items,
            minutes = TRIED_WITHIN.as_mins()
        );
        return check(State::Bad, why).since(Some(oldest));
    }
    if state.failures > 0 {
        let failures = state.failures;
        let why = phrase!(
            "It failed {failures} times in a row; {items} messages wait.",
            failures,
            items
        );
        return check(State::Look, why).since(backlog.oldest);
    }
    if let Some(oldest) = waits(DELIVERED_WITHIN) {
        let why = phrase!(
            "{items} messages wait, the oldest for more than {minutes} min.",
            items,
            minutes = DELIVERED_WITHIN.as_mins()
        );
        return check(State::Look, why).since(Some(oldest));
    }
    match items {
        0 => check(State::Good, phrase!("Everything is delivered.")),
        _ => check(
            State::Good,
            phrase!("{items} messages are on their way.", items),
        ),
    }
}

/// What is late about open incidents.
fn of_work(work: &Work) -> [Check; 4] {
    let count = |late: &[Late]| late.len();
    let (runs, unheld) = (work.repairing, count(&work.unheld));
    [
        Check::of_late(
            Kind::Messages,
            &work.unsent,
            phrase!(
                "{count} incidents were counted, and their message was not sent. The next alert of the same sends it.",
                count = count(&work.unsent)
            ),
            phrase!("No incident waits for its message to be sent."),
        ),
        Check::of_late(
            Kind::Analyses,
            &work.unanalysed,
            phrase!(
                "{count} incidents wait for their analysis.",
                count = count(&work.unanalysed)
            ),
            phrase!("No incident waits for its analysis."),
        ),
        Check::of_late(
            Kind::Decisions,
            &work.undecided,
            phrase!(
                "{count} decisions are past their time, and were not revoked.",
                count = count(&work.undecided)
            ),
            phrase!("No decision is past its time."),
        ),
        Check::of_late(
            Kind::Repairs,
            &work.unheld,
            phrase!(
                "{count} repairs are under way, and no worker holds their lock. The next one goes on when their message comes back.",
                count = unheld
            ),
            match runs {
                0 => phrase!("No repair runs."),
                _ => phrase!(
                    "{runs} repairs run, each with a worker that holds its lock.",
                    runs
                ),
            },
        ),
    ]
}

fn budget(budget: &Known<Option<(MicroUsd, MicroUsd)>>) -> Check {
    let check = |state, why| Check::new(Kind::Budget, state, why);
    let (spent, limit) = match budget {
        Err(_) => return Check::unreadable(Kind::Budget),
        Ok(None) => {
            let why = phrase!("No model is configured: analyses cost nothing.");
            return check(State::Good, why);
        }
        Ok(Some(budget)) => *budget,
    };
    if spent >= limit {
        let why = phrase!(
            "The budget of the day is used up: {spent} of {limit}. Static rules answer until midnight UTC.",
            spent = dollars(spent),
            limit = dollars(limit)
        );
        return check(State::Bad, why);
    }
    let much = spent.saturating_mul(100) >= limit.saturating_mul(MUCH_OF_THE_BUDGET);
    let state = if much { State::Look } else { State::Good };
    let why = phrase!(
        "{spent} of {limit} are used or reserved today.",
        spent = dollars(spent),
        limit = dollars(limit)
    );
    check(state, why)
}

fn heartbeats(facts: &Facts) -> Vec<Check> {
    let Ok(heartbeats) = &facts.heartbeats else {
        return vec![Check::unreadable(Kind::Heartbeat)];
    };
    if heartbeats.is_empty() {
        let why = phrase!("No sender has a heartbeat: if monitoring stops, nothing says so.");
        return vec![Check::new(Kind::Heartbeat, State::Look, why)];
    }
    let mut checks: Vec<Check> = heartbeats
        .iter()
        .map(|heartbeat| heard(heartbeat, facts))
        .collect();
    checks.sort_by(|one, other| {
        let worse = other.state.cmp(&one.state);
        worse.then_with(|| one.about.cmp(&other.about))
    });
    checks
}

fn heard(heartbeat: &Heartbeat, facts: &Facts) -> Check {
    let of = [&heartbeat.cluster, &heartbeat.prometheus];
    let named = [heartbeat.name.as_str(), &heartbeat.source];
    let sender: Vec<&str> = named
        .into_iter()
        .chain(of.into_iter().flatten().map(String::as_str))
        .collect();
    let away =
        heartbeat.reported_at.is_some() || expired(heartbeat.overdue_at(facts.stale), facts.now);
    let at = moment(heartbeat.last_heard);
    let (state, why) = if away {
        let why = phrase!(
            "It stays away since {at}: alerts of this sender may not arrive.",
            at
        );
        (State::Bad, why)
    } else {
        (State::Good, phrase!("It was last heard at {at}.", at))
    };
    Check::new(Kind::Heartbeat, state, why)
        .about(&sender.join(" "))
        .since(Some(heartbeat.last_heard))
}

fn anchors(facts: &Facts) -> Check {
    let Ok(Anchors {
        exist,
        checkpoint_at,
        newest_incident,
    }) = &facts.anchors
    else {
        return Check::unreadable(Kind::Anchors);
    };
    let check = |state, why| Check::new(Kind::Anchors, state, why).since(*checkpoint_at);
    // An incident begins with an entry in its log.
    let behind = newest_incident.filter(|opened| {
        *opened + ANCHORED_WITHIN < facts.now && checkpoint_at.is_none_or(|at| at < *opened)
    });
    match (behind, checkpoint_at) {
        (Some(_), None) if *exist => check(
            State::Look,
            phrase!(
                "Entries are anchored; when the newest checkpoint was made is known from the next entry on."
            ),
        ),
        (Some(opened), _) => check(
            State::Bad,
            phrase!(
                "The witness is behind: the incident that was opened at {opened} is in no checkpoint.",
                opened = moment(opened)
            ),
        ),
        (None, Some(at)) => check(
            State::Good,
            phrase!("The newest checkpoint is of {at}.", at = moment(*at)),
        ),
        (None, None) => check(State::Good, phrase!("No checkpoint was due yet.")),
    }
}

/// A time in a sentence.
fn moment(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

#[cfg(test)]
#[path = "checks_tests.rs"]
mod tests;
