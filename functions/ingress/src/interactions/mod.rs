//! Handlers of decisions, stops, silences, new analyses and requests for details, shared by every channel and the API.

pub mod api;
pub(crate) mod commands;
pub(crate) mod link_page;
pub(crate) mod links;
pub(crate) mod pagerduty;
pub(crate) mod responses;
pub(crate) mod sessions;
pub(crate) mod slack;
pub mod telegram;

use domain::incident::Incident;
use domain::incident::approval::{Refusal, Taken, Verdict};
use domain::incident::change::IncidentChange;
use domain::incident::repair::Stopped;
use domain::notification::button_action::ButtonAction;
use domain::notification::button_action::More;
use domain::notification::button_reply::ButtonReply;
use domain::notification::channels::Identity;
use domain::primitives::id::{ApprovalId, IncidentId};
use domain::transition::decision::stop::countdown;
use domain::transition::decision::{self, Pressed};
use domain::transition::reanalysis;
use domain::transition::silence;
use jiff::Timestamp;
use store::StoreError;
use tracing::error;
use wire::message::Message;

use crate::app::App;
use crate::rejection::Rejection;

/// A press of a button.
#[derive(Debug, Clone)]
pub(crate) struct Press<'a> {
    /// What is asked for.
    pub(crate) ask: ButtonAction,
    pub(crate) by: Identity,
    /// The channel in which it was pressed, by its name in `channels.json`.
    pub(crate) channel: Option<&'a str>,
    /// Its id: the same when it is delivered again.
    pub(crate) id: String,
}

/// Does what a press asks for, and says what the person is told. Whatever it comes to is an answer; only a passing fault is an error,
/// so that the channel delivers the press again.
///
/// # Errors
/// If something could not be stored or sent.
pub(crate) async fn press(
    app: &App,
    press: Press<'_>,
    now: Timestamp,
) -> Result<ButtonReply, Rejection> {
    if let ButtonAction::Decide(verdict, id) = &press.ask {
        return Ok(
            match decide(app, id, &pressed(&press, *verdict), now).await {
                Ok((incident, taken)) => reply(&incident, taken, now),
                Err(Rejection::Refused(refusal)) => refusal.into(),
                Err(Rejection::NoApproval) => ButtonReply::NoApproval,
                Err(other) => return Err(other),
            },
        );
    }
    if app.channels()?.person(&press.by).is_none() {
        return refuse(app, &press, Refusal::NotListed, now).await;
    }
    let Some(incident) = app.intake.store.incident(&press.ask.incident()).await? else {
        return Ok(ButtonReply::NoIncident);
    };
    match press.ask {
        ButtonAction::Decide(..) => unreachable!("it was answered above"),
        ButtonAction::Stop(ref id) => match stop(app, id, &press.by, &press.id, now).await {
            Ok((_, stopped)) => Ok(stopped.into()),
            Err(Rejection::Refused(refusal)) => Ok(refusal.into()),
            Err(other) => Err(other),
        },
        ButtonAction::Details(_) => more(app, incident.id, More::Details, press).await,
        ButtonAction::History(_) => more(app, incident.id, More::History, press).await,
        ButtonAction::Silence(_) => ask_for_silence(app, incident, &press, now).await,
        ButtonAction::Reanalyse(_) => reanalyse(app, incident, &press, now).await,
        ButtonAction::Respond(quick, ref id) => {
            let action = quick.action();
            let by = (&press.by, press.id.as_str());
            let answer = responses::respond(app, id, &action, by, now).await;
            responses::reply(answer.map(|_| ButtonReply::Responded(action)))
        }
    }
}

/// Refuses a press from a place that is none of the channels. It is kept in the log of its incident.
///
/// # Errors
/// If the log could not be written.
pub(crate) async fn from_elsewhere(
    app: &App,
    press: &Press<'_>,
    now: Timestamp,
) -> Result<ButtonReply, Rejection> {
    if let ButtonAction::Decide(verdict, id) = &press.ask {
        let pressed = pressed(press, *verdict);
        let refuse = |incident| decision::refuse(incident, id, &pressed, Refusal::OtherChat, now);
        match app.intake.store.decide(&id.incident(), refuse).await {
            Ok(_) | Err(StoreError::Missing { .. }) => {}
            Err(error) => return Err(error.into()),
        }
        return Ok(ButtonReply::OtherChat);
    }
    refuse(app, press, Refusal::OtherChat, now).await
}

/// Keeps a stranger's press that decides nothing in the log of its incident, if there is one.
async fn refuse(
    app: &App,
    press: &Press<'_>,
    refusal: Refusal,
    now: Timestamp,
) -> Result<ButtonReply, Rejection> {
    let (by, why) = (press.by.to_string(), refusal.to_string());
    let keep = |change: &mut IncidentChange| {
        change.stranger_refused(&press.ask, &press.id, &by, &why, now)
    };
    match app.intake.store.change(&press.ask.incident(), keep).await {
        Ok(_) | Err(StoreError::Missing { .. }) => Ok(refusal.into()),
        Err(error) => Err(error.into()),
    }
}

/// Decides on a plan and sends what follows from it. The decision is stored, with its log entry, before anything is sent; a repetition
/// sends again what may not have been sent. What is refused is stored too, in the log, and nothing is sent: no card shows it.
///
/// # Errors
/// If there is no such approval, the press is refused, or something could not be stored and sent.
pub(crate) async fn decide(
    app: &App,
    id: &ApprovalId,
    pressed: &Pressed<'_>,
    now: Timestamp,
) -> Result<(Incident, Taken), Rejection> {
    let channels = app.channels()?;
    let keys = app.config.signing_keys.read(&app.secrets).await?;
    let decide = |incident| {
        let (decided, forged) = keys.decide(incident, id, pressed, channels, now);
        for vote in forged {
            error!(approval_id = %id, by = %vote.by, "a vote in the table was not signed here: it does not count");
        }
        decided
    };
    let changed = app.intake.store.decide(&id.incident(), decide).await;
    let (incident, taken) = changed.map_err(|error| match error {
        StoreError::Missing { .. } => Rejection::NoApproval,
        other => other.into(),
    })?;
    let taken = taken?;
    app.repairs.send_repair(&incident).await?;
    changed_card(app, &incident.id).await?;
    Ok((incident, taken))
}

/// What a person is told whose press counts.
pub(crate) fn reply(incident: &Incident, taken: Taken, now: Timestamp) -> ButtonReply {
    match countdown(incident, now) {
        Some(_) if taken == Taken::Approved => ButtonReply::ApprovedWithCountdown,
        _ => taken.into(),
    }
}

/// Stops the repair of a plan. What follows for its run is stored; the worker finds it there before the
/// next step. What is refused is kept in the log.
///
/// # Errors
/// If there is no such approval, if the person may not, or if something could not be stored and sent.
pub(crate) async fn stop(
    app: &App,
    id: &ApprovalId,
    by: &Identity,
    press: &str,
    now: Timestamp,
) -> Result<(Incident, Stopped), Rejection> {
    let channels = app.channels()?;
    let action = ButtonAction::Stop(id.clone());
    let ask = |change: &mut IncidentChange| {
        decision::stop::stop(change, id, by, channels, now).inspect_err(|refusal| {
            let (by, why) = (by.to_string(), refusal.to_string());
            change.press_refused(&action, press, &by, &why, now);
        })
    };
    let changed = app.intake.store.change(&id.incident(), ask).await;
    let (incident, stopped) = changed.map_err(|error| match error {
        StoreError::Missing { .. } => Rejection::NoApproval,
        other => other.into(),
    })?;
    let stopped = stopped?;
    changed_card(app, &incident.id).await?;
    Ok((incident, stopped))
}

fn pressed<'a>(press: &'a Press<'a>, verdict: Verdict) -> Pressed<'a> {
    Pressed {
        verdict,
        by: press.by.clone(),
        press: &press.id,
    }
}

async fn more(
    app: &App,
    incident_id: IncidentId,
    what: More,
    press: Press<'_>,
) -> Result<ButtonReply, Rejection> {
    let Some(channel) = press.channel else {
        return Ok(ButtonReply::InChannelOnly);
    };
    let by = press.by.to_string();
    let message = Message::MoreAsked {
        incident_id,
        what,
        channel: channel.to_owned(),
        press: press.id,
        by,
    };
    app.intake.notifications.send(&message).await?;
    Ok(match what {
        More::Details => ButtonReply::DetailsComing,
        More::History => ButtonReply::HistoryComing,
    })
}

async fn ask_for_silence(
    app: &App,
    incident: Incident,
    press: &Press<'_>,
    now: Timestamp,
) -> Result<ButtonReply, Rejection> {
    let by = press.by.to_string();
    let ask = |change: &mut IncidentChange| {
        silence::ask(change, &by, now).inspect_err(|refusal| {
            change.press_refused(&press.ask, &press.id, &by, &refusal.to_string(), now)
        })
    };
    let (incident, asked) = app.intake.store.change_loaded(incident, ask).await?;
    if let Err(refusal) = asked {
        return Ok(ButtonReply::SilenceRefused {
            why: refusal.phrase(),
        });
    }
    app.intake
        .notifications
        .send(&Message::SilenceAsked {
            incident_id: incident.id,
        })
        .await?;
    Ok(ButtonReply::SilenceComing)
}

async fn reanalyse(
    app: &App,
    incident: Incident,
    press: &Press<'_>,
    now: Timestamp,
) -> Result<ButtonReply, Rejection> {
    let by = press.by.to_string();
    let ask = |change: &mut IncidentChange| {
        let asked = reanalysis::ask(change, &by, now);
        match &asked {
            Ok(_) | Err(reanalysis::Refusal::UnderWay { .. }) => {}
            Err(refusal) => {
                change.press_refused(&press.ask, &press.id, &by, &refusal.to_string(), now)
            }
        }
        asked
    };
    let (incident, asked) = app.intake.store.change_loaded(incident, ask).await?;
    let round = match asked {
        Ok(round) => round,
        // Sent again: the worker that stored the question may have died before it sent it, and the
        // analyzer acts once.
        Err(reanalysis::Refusal::UnderWay { round, .. }) => round,
        Err(refusal) => {
            return Ok(ButtonReply::ReanalysisRefused {
                why: refusal.phrase(),
            });
        }
    };
    app.intake
        .incidents
        .send(&Message::AnalysisAsked {
            incident_id: incident.id.clone(),
            round,
        })
        .await?;
    changed_card(app, &incident.id).await?;
    Ok(ButtonReply::ReanalysisComing)
}

pub(crate) async fn changed_card(app: &App, incident_id: &IncidentId) -> Result<(), Rejection> {
    app.intake
        .notifications
        .send(&Message::IncidentChanged {
            incident_id: incident_id.clone(),
        })
        .await?;
    Ok(())
}
