//! Buttons of a card, by the state of its incident.

use crate::render::view::Names;
use domain::incident::approval::{ApprovalState, Verdict};
use domain::incident::parts::IncidentKind;
use domain::incident::{Incident, Status};
use domain::notification::button_action::{ButtonAction, QuickResponse};
use domain::notification::channels::Language;
use domain::notification::words::words;
use domain::transition::decision::quorum::NoApprover;
use jiff::Timestamp;

use crate::render::content::Button;

/// The buttons of an incident's card, by rows. A report of a delivery pipeline has none.
pub(crate) fn of(
    language: Language,
    incident: &Incident,
    context: &CardContext<'_>,
) -> Vec<Vec<Button>> {
    if incident.kind == IncidentKind::Pipeline {
        return Vec::new();
    }
    let button = |name: &str, ask| Button {
        label: words(language).text("buttons", name).to_owned(),
        ask,
    };
    let id = || incident.id.clone();
    let mut more = Vec::new();
    if incident.can_be_reanalysed() {
        more.push(button("reanalyse", ButtonAction::Reanalyse(id())));
    }
    if context.silence_possible && context.silenced_until.is_none() && incident.can_be_silenced() {
        more.push(button("silence", ButtonAction::Silence(id())));
    }
    let look = vec![
        button("details", ButtonAction::Details(id())),
        button("history", ButtonAction::History(id())),
    ];
    decision(language, incident)
        .into_iter()
        .chain(stop(language, incident))
        .chain([respond(language, incident), look, more])
        .filter(|row| !row.is_empty())
        .collect()
}

/// The buttons of a decision, while one can be made.
pub(crate) fn decision(language: Language, incident: &Incident) -> Option<Vec<Button>> {
    let approval = incident
        .approval
        .as_ref()
        .filter(|approval| approval.state == ApprovalState::Pending)?;
    let button = |name: &str, verdict| Button {
        label: words(language).text("buttons", name).to_owned(),
        ask: ButtonAction::Decide(verdict, approval.id.clone()),
    };
    (incident.status == Status::AwaitingApproval).then(|| {
        vec![
            button("approve", Verdict::Approve),
            button("reject", Verdict::Reject),
        ]
    })
}

/// The button that stops the repair, from its approval to its end.
fn stop(language: Language, incident: &Incident) -> Option<Vec<Button>> {
    let running = incident.repair.as_ref();
    let stoppable = match incident.status {
        Status::Approved => true,
        Status::Repairing => running.is_some_and(|repair| repair.stop_asked.is_none()),
        _ => false,
    };
    let approval = incident.approval.as_ref().filter(|_| stoppable)?;
    Some(vec![Button {
        label: words(language).text("buttons", "stop").to_owned(),
        ask: ButtonAction::Stop(approval.id.clone()),
    }])
}

/// The buttons of a responder: whoever works on it can close it.
fn respond(language: Language, incident: &Incident) -> Vec<Button> {
    // A storm that was closed is over as soon as its incidents are.
    let can_fire_on = incident.resolved_at.is_none() || incident.storm().is_some();
    let closed = incident.status == Status::Closed && can_fire_on;
    let offered: &[QuickResponse] = if closed {
        &[QuickResponse::Reopen]
    } else if !incident.is_open() {
        &[]
    } else if incident.responder().is_none() {
        &[QuickResponse::Acknowledge, QuickResponse::SnoozeHour]
    } else if !incident.can_be_closed() {
        &[]
    } else {
        &[QuickResponse::Fixed, QuickResponse::FalseAlarm]
    };
    quick(language, incident, offered)
}

/// The buttons below the details: whether the cause is the right one.
pub(crate) fn cause(language: Language, incident: &Incident) -> Vec<Vec<Button>> {
    let offered: &[QuickResponse] = match incident.analysis {
        Some(_) => &[QuickResponse::CauseRight, QuickResponse::CauseWrong],
        None => return Vec::new(),
    };
    vec![quick(language, incident, offered)]
}

fn quick(language: Language, incident: &Incident, offered: &[QuickResponse]) -> Vec<Button> {
    let button = |quick: &QuickResponse| Button {
        label: words(language).text("buttons", quick.as_str()).to_owned(),
        ask: ButtonAction::Respond(*quick, incident.id.clone()),
    };
    offered.iter().map(button).collect()
}

/// What a card shows beside the incident.
#[derive(Debug, Clone, Copy, Default)]
pub struct CardContext<'a> {
    /// Whether Quell can ask Alertmanager for a silence.
    pub silence_possible: bool,
    /// Until when it is silent.
    pub silenced_until: Option<Timestamp>,
    /// Why its plan can never be approved, if so.
    pub no_approver: Option<NoApprover>,
    /// The names of the people.
    pub names: Names<'a>,
}
