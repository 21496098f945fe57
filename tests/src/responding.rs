//! Table of a responder's actions: each way of acting leaves the same state and the same log in the person's name, and changes
//! nothing when it is delivered again.

use std::collections::BTreeMap;

use domain::incident::approval::ApprovalState;
use domain::incident::operation_log::{Entry, Event};
use domain::incident::response::{CloseReason, Response};
use domain::incident::{Incident, Status};
use domain::notification::button_action::{ButtonAction, QuickResponse};
use domain::primitives::id::IncidentId;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::alert::{TestAlert, group, unique};
use crate::stack::Stack;

/// Whom an incident is given to.
pub const ASSIGNED: &str = "bob";
/// What is noted: it is text, and nothing else.
pub const NOTE: &str = "the <b>disk</b> was full";
/// Why repairs are switched off.
pub const WHY: &str = "the disks move";
/// As many alerts of one rule in one delivery as share a card, whatever else opens (`MANY` of intake), and one more.
const TOGETHER: usize = 16;
/// What a responder's actions leave in a log.
const RESPONSES: [Event; 9] = [
    Event::IncidentAcknowledged,
    Event::IncidentAssigned,
    Event::NoteAdded,
    Event::IncidentSnoozed,
    Event::CauseConfirmed,
    Event::CauseDenied,
    Event::IncidentClosed,
    Event::IncidentReopenedByPerson,
    Event::ResponseRefused,
];

/// An action.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    Acknowledge,
    Assign,
    Note,
    /// For an hour.
    Snooze,
    CauseWrong,
    CauseRight,
    FixedByHand,
    FalseAlarm,
    Duplicate,
    Reopen,
}

impl Act {
    /// The data of its button; none where it needs words.
    #[must_use]
    pub fn button(self, about: &IncidentId) -> Option<String> {
        let quick = match self {
            Self::Acknowledge => QuickResponse::Acknowledge,
            Self::Snooze => QuickResponse::SnoozeHour,
            Self::CauseWrong => QuickResponse::CauseWrong,
            Self::CauseRight => QuickResponse::CauseRight,
            Self::FixedByHand => QuickResponse::Fixed,
            Self::FalseAlarm => QuickResponse::FalseAlarm,
            Self::Reopen => QuickResponse::Reopen,
            Self::Assign | Self::Note | Self::Duplicate => return None,
        };
        Some(ButtonAction::Respond(quick, about.clone()).to_string())
    }

    /// The word and what stands behind it in a chat.
    ///
    /// # Panics
    /// If there is none.
    #[must_use]
    pub fn written(self, other: &IncidentId) -> (&'static str, String) {
        match self {
            Self::Assign => ("assign", ASSIGNED.to_owned()),
            Self::Note => ("note", NOTE.to_owned()),
            Self::Duplicate => ("duplicate", other.to_string()),
            Self::Acknowledge => ("ack", String::new()),
            Self::FixedByHand => ("fixed", String::new()),
            Self::Reopen => ("reopen", String::new()),
            other => panic!("{other:?} is pressed"),
        }
    }

    /// The body of a request.
    #[must_use]
    pub fn body(self, other: &IncidentId) -> Value {
        match self {
            Self::Acknowledge => json!({ "action": "acknowledge" }),
            Self::Assign => json!({ "action": "assign", "to": ASSIGNED }),
            Self::Note => json!({ "action": "note", "text": NOTE }),
            Self::Snooze => json!({ "action": "snooze", "minutes": 60 }),
            Self::CauseWrong => json!({ "action": "cause", "right": false }),
            Self::CauseRight => json!({ "action": "cause", "right": true }),
            Self::FixedByHand => json!({ "action": "close", "reason": "fixed_by_hand" }),
            Self::FalseAlarm => json!({ "action": "close", "reason": "false_alarm" }),
            Self::Duplicate => {
                json!({ "action": "close", "reason": "duplicate", "duplicate_of": other })
            }
            Self::Reopen => json!({ "action": "reopen" }),
        }
    }
}

/// A row of the table: an action, its entry in the log, the state that it leaves, and the reply in a chat.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    pub act: Act,
    pub reply: &'static str,
    event: Event,
    leaves: Leaves,
}

type Leaves = fn(&Incident, &str, &IncidentId) -> bool;

const fn row(act: Act, event: Event, reply: &'static str, leaves: Leaves) -> Row {
    Row {
        act,
        reply,
        event,
        leaves,
    }
}

const ACKNOWLEDGE: Row = row(
    Act::Acknowledge,
    Event::IncidentAcknowledged,
    "You are on it: the card says so.",
    |one, person, _| is_on_it(one, person, None),
);
const NOTED: Row = row(
    Act::Note,
    Event::NoteAdded,
    "Noted: the card shows it.",
    |one, person, _| matches!(&one.response.notes[..], [note] if note.person == person && note.text == NOTE),
);
const FIXED: Row = row(
    Act::FixedByHand,
    Event::IncidentClosed,
    "Closed: fixed by hand.",
    |one, person, _| is_closed(one, person, CloseReason::FixedByHand, None),
);
const REOPEN: Row = row(
    Act::Reopen,
    Event::IncidentReopenedByPerson,
    "It is open again.",
    |one, _, _| one.is_open() && one.response.closed.is_none() && one.responder().is_none(),
);

/// Everything that is done about one incident, in an order in which its card has the buttons.
const ONE: [Row; 12] = [
    ACKNOWLEDGE,
    row(
        Act::Assign,
        Event::IncidentAssigned,
        "Assigned: they get a message.",
        |one, person, _| is_on_it(one, ASSIGNED, Some(person)),
    ),
    NOTED,
    row(
        Act::CauseWrong,
        Event::CauseDenied,
        "Noted: the cause is wrong.",
        |one, person, _| is_judged(one, person, false),
    ),
    row(
        Act::CauseRight,
        Event::CauseConfirmed,
        "Noted: the cause is right.",
        |one, person, _| is_judged(one, person, true),
    ),
    FIXED,
    REOPEN,
    row(
        Act::Snooze,
        Event::IncidentSnoozed,
        "Snoozed: you are the responder until then.",
        |one, person, _| is_on_it(one, person, None) && ends_in_an_hour(one),
    ),
    row(
        Act::FalseAlarm,
        Event::IncidentClosed,
        "Closed: false alarm.",
        |one, person, _| is_closed(one, person, CloseReason::FalseAlarm, None),
    ),
    REOPEN,
    row(
        Act::Duplicate,
        Event::IncidentClosed,
        "Closed: it repeats the other incident.",
        |one, person, other| is_closed(one, person, CloseReason::Duplicate, Some(other)),
    ),
    REOPEN,
];

/// What is done about a storm or a group, and so about each of its incidents; a note is about itself alone.
const MANY: [Row; 4] = [ACKNOWLEDGE, NOTED, FIXED, REOPEN];

fn is_on_it(one: &Incident, person: &str, assigned_by: Option<&str>) -> bool {
    let responder = one.response.responder.as_ref();
    responder.is_some_and(|responder| {
        responder.person == person && responder.assigned_by.as_deref() == assigned_by
    })
}

fn ends_in_an_hour(one: &Incident) -> bool {
    let responder = one.response.responder.as_ref();
    let end = responder.and_then(|responder| responder.snoozed_until);
    let left = end.map(|end| end.duration_since(Timestamp::now()));
    left.is_some_and(|left| {
        (SignedDuration::from_mins(58)..=SignedDuration::from_mins(60)).contains(&left)
    })
}

fn is_judged(one: &Incident, person: &str, right: bool) -> bool {
    let cause = one.response.cause.as_ref();
    cause.is_some_and(|cause| cause.person == person && cause.right == right)
}

/// It is closed, and what waited for a decision waits no more.
fn is_closed(
    one: &Incident,
    person: &str,
    reason: CloseReason,
    duplicate_of: Option<&IncidentId>,
) -> bool {
    let is_void = |state: &ApprovalState| matches!(state, ApprovalState::Void { .. });
    let approval = one.approval.as_ref();
    one.status == Status::Closed
        && approval.is_none_or(|approval| is_void(&approval.state))
        && one.response.closed.as_ref().is_some_and(|closed| {
            closed.person == person
                && closed.reason == reason
                && closed.duplicate_of.as_ref() == duplicate_of
        })
}

/// A way in which a person acts.
pub trait Way {
    /// The person, by their name in `channels.json`.
    fn person(&self) -> &str;

    /// Who it is in the log.
    fn actor(&self) -> String;

    /// Does it, and checks what the person is told.
    fn acts(
        &mut self,
        row: &Row,
        about: &IncidentId,
        other: &IncidentId,
    ) -> impl Future<Output = ()>;

    /// Does it for every incident of its alert group.
    fn acts_on_group(&mut self, act: Act, about: &IncidentId) -> impl Future<Output = ()>;

    /// Switches all repairs off, with [`WHY`]: by whom they are then. Nothing where this way has no such action, which it checks.
    fn stops_repairs(&mut self) -> impl Future<Output = Option<String>>;

    /// Delivers the last of these once more, and checks that the person is told the same, or that it was so already.
    fn again(&mut self) -> impl Future<Output = ()>;
}

/// Tries every row of the table in one way: on an incident, on a group of alerts, on a storm if the stack makes storms, and the kill
/// switch.
///
/// # Panics
/// If one of them is not as the table has it.
pub async fn try_everything(stack: &Stack, way: &mut impl Way, makes_storms: bool) {
    // First, while there is no storm yet that would take its incident in.
    try_kill_switch(stack, way).await;
    let (incident, other) = (waiting(stack).await, waiting(stack).await);
    for row in &ONE {
        try_row(stack, way, row, &incident, &[], &other).await;
    }
    let card = stack.card(incident.as_str(), "Needs a human").await;
    let text = card["text"].as_str().expect("a text");
    assert!(text.contains(NOTE), "{text}");
    assert!(!text.contains("is on it"), "it begins again: {text}");

    try_alert_group(stack, way).await;

    let mut all = vec![group_of_alerts(stack).await];
    if makes_storms {
        all.push(storm(stack).await);
    }
    for (storm, members) in all {
        for row in &MANY {
            if row.act == Act::Reopen {
                // As its card says: it is over with the last of its incidents.
                let is_over = |one: &Incident| one.resolved_at.is_some();
                stack.incident(storm.as_str(), is_over).await;
            }
            try_row(stack, way, row, &storm, &members, &other).await;
        }
        let of = members.len();
        let shown = format!("{of} of {of} incidents still open");
        stack.card(storm.as_str(), &shown).await;
    }
}

/// An incident whose plan waits for a decision.
async fn waiting(stack: &Stack) -> IncidentId {
    let alert = TestAlert::firing(&stack.facts.target.service);
    stack.awaiting_approval(&alert).await.id
}

async fn try_row(
    stack: &Stack,
    way: &mut impl Way,
    row: &Row,
    about: &IncidentId,
    members: &[IncidentId],
    other: &IncidentId,
) {
    let act = row.act;
    let before = responses(stack, about, members).await;
    way.acts(row, about, other).await;
    let after = responses(stack, about, members).await;
    for (id, (incident, log)) in &after {
        let earlier = &before[id].1;
        if act == Act::Note && id != about {
            assert_eq!(log, earlier, "{act:?}: {id}");
            continue;
        }
        let [entry] = &log[earlier.len()..] else {
            panic!("{act:?}: not one entry more: {log:#?}")
        };
        assert_eq!(
            (entry.event, entry.success, &entry.actor),
            (row.event, true, &way.actor()),
            "{act:?}: {entry:#?}"
        );
        assert_eq!(entry.context["person"], way.person(), "{act:?}");
        assert!(
            (row.leaves)(incident, way.person(), other),
            "{act:?}: {incident:#?}"
        );
    }
    way.again().await;
    let again = responses(stack, about, members).await;
    for (id, (incident, log)) in &again {
        let (earlier, told) = &after[id];
        assert_eq!(log, told, "{act:?} again");
        assert_eq!(state(incident), state(earlier), "{act:?} again");
    }
}

/// What an action can change: the rest of an incident is the other functions'.
fn state(incident: &Incident) -> (Status, &Response) {
    (incident.status, &incident.response)
}

/// The incidents, with what people have done about each by its log.
async fn responses(
    stack: &Stack,
    about: &IncidentId,
    members: &[IncidentId],
) -> BTreeMap<IncidentId, (Incident, Vec<Entry>)> {
    let mut all = BTreeMap::new();
    for id in members.iter().chain([about]) {
        let mut log = stack.store.log(id).await.expect("the log");
        log.retain(|entry| RESPONSES.contains(&entry.event));
        all.insert(id.clone(), (stack.read(id).await, log));
    }
    all
}

/// Acts on all incidents of an alert group at once, each of which has a card of its own; one of another group stays as it is.
async fn try_alert_group(stack: &Stack, way: &mut impl Way) {
    // Critical ones: they make no storm with the others of this minute.
    let alert = |namespace: &str| TestAlert {
        namespace: namespace.to_owned(),
        severity: "critical",
        ..TestAlert::firing(unique("in-group"))
    };
    let name = unique("alerts");
    let mut delivery = group(&[alert(&name), alert(&name)]);
    delivery["externalURL"] = json!("http://alertmanager.test");
    delivery["groupLabels"] = json!({ "namespace": name });
    let mut other = alert(&unique("alerts")).delivery();
    other["groupLabels"] = other["alerts"][0]["labels"].clone();
    other["groupLabels"] = json!({ "namespace": other["groupLabels"]["namespace"] });
    let mut opened = Vec::new();
    for delivery in [delivery, other] {
        let answer: Value = stack.deliver(&delivery).await.json().await.expect("JSON");
        for result in answer["results"].as_array().expect("each") {
            let id = result["incident_id"].as_str().expect("an id");
            opened.push(stack.status(id, Status::NeedsHuman).await.id);
        }
    }
    let [first, second, apart] = &opened[..] else {
        panic!("not one incident each: {opened:?}")
    };
    let untouched = responses(stack, apart, &[]).await;
    for row in [&ACKNOWLEDGE, &FIXED, &REOPEN] {
        way.acts_on_group(row.act, first).await;
        way.again().await;
        for (id, (incident, log)) in responses(stack, first, std::slice::from_ref(second)).await {
            let last = log.last().expect("an entry");
            assert_eq!((last.event, &last.actor), (row.event, &way.actor()), "{id}");
            let of_this = log.iter().filter(|entry| entry.event == row.event);
            assert_eq!(of_this.count(), 1, "{:?} once: {log:#?}", row.act);
            assert!(
                (row.leaves)(&incident, way.person(), first),
                "{incident:#?}"
            );
        }
    }
    let still = responses(stack, apart, &[]).await;
    assert_eq!(state(&still[apart].0), state(&untouched[apart].0));
    assert_eq!(still[apart].1, untouched[apart].1);
}

/// The incident of many alerts of one rule that came in one group, and those of the alerts.
async fn group_of_alerts(stack: &Stack) -> (IncidentId, Vec<IncidentId>) {
    let name = unique("group");
    let alert = |i: usize| TestAlert {
        name: "HighLatency",
        namespace: name.clone(),
        ..TestAlert::firing(format!("{name}-{i}"))
    };
    let alerts: Vec<TestAlert> = (0..TOGETHER).map(alert).collect();
    let mut delivery = group(&alerts);
    delivery["groupKey"] = json!(name);
    together(stack, &delivery).await
}

/// A storm of alerts that have nothing to do with each other, and the incidents in it: the first of its minute stay alone.
async fn storm(stack: &Stack) -> (IncidentId, Vec<IncidentId>) {
    let alerts: Vec<TestAlert> = (0..8)
        .map(|i| TestAlert::firing(unique(&format!("all{i}"))))
        .collect();
    together(stack, &group(&alerts)).await
}

async fn together(stack: &Stack, delivery: &Value) -> (IncidentId, Vec<IncidentId>) {
    let answer: Value = stack.deliver(delivery).await.json().await.expect("JSON");
    let mut members = Vec::new();
    let mut storms = Vec::new();
    for result in answer["results"].as_array().expect("each") {
        let id = result["incident_id"].as_str().expect("an id");
        let incident = stack.incident(id, |one| one.status != Status::Open).await;
        if let Some(storm) = incident.storm_id() {
            storms.push(storm.clone());
            members.push(incident.id);
        }
    }
    storms.dedup();
    let [storm] = &storms[..] else {
        panic!("not one storm: {storms:?}")
    };
    stack.status(storm.as_str(), Status::NeedsHuman).await;
    (storm.clone(), members)
}

async fn try_kill_switch(stack: &Stack, way: &mut impl Way) {
    let Some(by) = way.stops_repairs().await else {
        assert!(!stack.control.killed().await.expect("read"), "it has none");
        return;
    };
    for again in [false, true] {
        if again {
            way.again().await;
        }
        let switch = stack.control.kill_switch().await.expect("read");
        let switch = switch.expect("it is on");
        assert_eq!(switch.why.as_deref(), Some(WHY));
        let whom = switch.by.expect("who");
        assert!(whom.contains(&by), "{whom}");
    }
    // What would have run by itself is asked about, with the reason on the card.
    stack.card(waiting(stack).await.as_str(), WHY).await;
}
