//! A responder's action on an incident; on a storm, or for an alert group, it is one on each of its incidents as well, by the same rule.

use std::time::Duration;

use domain::incident::Incident;
use domain::incident::change::IncidentChange;
use domain::incident::parts::StormMember;
use domain::incident::response::ResponderAction;
use domain::notification::button_reply::ButtonReply;
use domain::notification::channels::{Channels, Identity};
use domain::phrase;
use domain::primitives::id::IncidentId;
use domain::transition::response::{self, ResponseRefusal};
use futures_util::future::try_join_all;
use futures_util::{StreamExt as _, stream};
use jiff::Timestamp;
use store::StoreError;
use tokio::time::{Instant, timeout_at};

use crate::app::App;
use crate::interactions::changed_card;
use crate::rejection::Rejection;

/// How many incidents are changed at once.
const AT_ONCE: usize = 16;
/// How long it may take: the caller is told in time to try again.
const PATIENCE: Duration = Duration::from_secs(18);

/// What came of an action on many incidents.
#[derive(Debug, Default)]
pub(crate) struct Many {
    /// Those that it changed.
    pub(crate) changed: Vec<IncidentId>,
    /// Those in which it was so already.
    pub(crate) same: Vec<IncidentId>,
    /// How many it is not possible for right now.
    pub(crate) refused: usize,
}

/// Does what a responder asks for about each of these incidents. What is done is done: whoever tries again gets further.
///
/// # Errors
/// If the time runs out, or something could not be stored; what was done before is given all the same.
async fn of_each(
    app: &App,
    ids: Vec<IncidentId>,
    action: &ResponderAction,
    who: (&Identity, &str),
    now: Timestamp,
) -> (Many, Result<(), Rejection>) {
    let until = Instant::now() + PATIENCE;
    let of = ids.len();
    let one = |id: IncidentId| async move {
        one(app, &id, action, who, now)
            .await
            .map(|came_to| (id, came_to))
    };
    let mut answers = stream::iter(ids).map(one).buffer_unordered(AT_ONCE);
    let mut many = Many::default();
    let mut done = 0;
    let ended = loop {
        match timeout_at(until, answers.next()).await {
            Err(_) => break Err(Rejection::Unfinished { done, of }),
            Ok(None) => break Ok(()),
            Ok(Some(Err(rejection))) => break Err(rejection),
            Ok(Some(Ok((id, One::Changed)))) => many.changed.push(id),
            Ok(Some(Ok((id, One::Same)))) => many.same.push(id),
            Ok(Some(Ok((_, One::Over)))) => {}
            Ok(Some(Ok((_, One::Refused)))) => many.refused += 1,
        }
        done += 1;
    };
    (many, ended)
}

/// The incident that an action says the others repeat: it stays as it is.
fn repeated(action: &ResponderAction) -> Option<&IncidentId> {
    match action {
        ResponderAction::Close { duplicate_of, .. } => duplicate_of.as_ref(),
        _ => None,
    }
}

/// Does what a responder asks for about every incident of a storm that it is meant for.
///
/// # Errors
/// If the time runs out, or something could not be stored and sent.
async fn of_members(
    app: &App,
    storm: &Incident,
    action: &ResponderAction,
    who: (&Identity, &str),
    now: Timestamp,
) -> Result<Many, Rejection> {
    let reopens = matches!(action, ResponderAction::Reopen {});
    let members = app.intake.store.storm_members(&storm.id).await?;
    let is_meant = |member: &StormMember| {
        member.open != reopens && Some(&member.incident_id) != repeated(action)
    };
    let ids = members.into_iter().filter(is_meant);
    let ids = ids.map(|member| member.incident_id).collect();
    let (many, ended) = of_each(app, ids, action, who, now).await;
    // The storm's card is made anew from all of its incidents when one of them has changed, also where others were not reached.
    if let Some(id) = many.changed.first() {
        changed_card(app, id).await?;
    }
    ended.map(|()| many)
}

/// Does what a responder asks for about an incident and every other one of its alert group: those that Alertmanager sends together. Where
/// the incident itself does not allow it, none of the others is changed.
///
/// # Errors
/// As [`respond`], and if the time runs out.
pub(crate) async fn respond_to_group(
    app: &App,
    id: &IncidentId,
    action: &ResponderAction,
    who: (&Identity, &str),
    now: Timestamp,
) -> Result<(Incident, Many), Rejection> {
    let (incident, changed) = respond(app, id, action, who, now).await?;
    let mut others = app.intake.store.alert_group(&incident.alert).await?;
    others.retain(|other| other != id && Some(other) != repeated(action));
    let (mut many, ended) = of_each(app, others.into_iter().collect(), action, who, now).await;
    // Also where it was so already: the worker that changed it may have died before it sent this.
    let cards = many.changed.iter().chain(&many.same);
    try_join_all(cards.map(|other| changed_card(app, other))).await?;
    if changed {
        many.changed.push(id.clone());
    }
    ended.map(|()| (incident, many))
}

/// What came of an action on one of many incidents.
enum One {
    Changed,
    /// It was so already.
    Same,
    /// It has ended, or is gone.
    Over,
    /// It is not possible right now.
    Refused,
}

async fn one(
    app: &App,
    id: &IncidentId,
    action: &ResponderAction,
    (by, press): (&Identity, &str),
    now: Timestamp,
) -> Result<One, Rejection> {
    let channels = app.channels()?;
    let ask =
        |change: &mut IncidentChange| response::respond(change, action, (by, press), channels, now);
    match app.intake.store.change(id, ask).await {
        Ok((_, Ok(true))) => Ok(One::Changed),
        Ok((_, Ok(false))) => Ok(One::Same),
        Ok((incident, Err(_))) if !incident.is_open() => Ok(One::Over),
        Ok((_, Err(_))) => Ok(One::Refused),
        Err(StoreError::Missing { .. }) => Ok(One::Over),
        Err(error) => Err(error.into()),
    }
}

/// Does what a responder asks for, and brings the cards up to date; of a storm, also for each of its incidents. What is refused is
/// kept in the log. Gives whether it changed something.
///
/// # Errors
/// If there is no such incident, if the person may not, if its state does not allow it, or if something
/// could not be stored and sent.
pub(crate) async fn respond(
    app: &App,
    id: &IncidentId,
    action: &ResponderAction,
    (by, press): (&Identity, &str),
    now: Timestamp,
) -> Result<(Incident, bool), Rejection> {
    let (store, channels) = (&app.intake.store, app.channels()?);
    let refused = |change: &mut IncidentChange, refusal: &ResponseRefusal| {
        let (by, why) = (by.to_string(), refusal.to_string());
        change.response_refused(action, press, &by, &why, now);
    };
    let incident = store.incident(id).await?;
    let incident = incident.ok_or(Rejection::NoIncident)?;
    let mut of_them = false;
    if reaches_members(&incident, action, (by, press), channels, now) {
        let members = of_members(app, &incident, action, (by, press), now).await?;
        of_them = !members.changed.is_empty();
        let closes = matches!(action, ResponderAction::Close { .. });
        if closes && members.refused > 0 {
            let refusal = ResponseRefusal::NotPossible(phrase!(
                "{count} of its incidents cannot be closed yet: try again in a minute",
                count = members.refused
            ));
            let keep = |change: &mut IncidentChange| refused(change, &refusal);
            store.change_loaded(incident, keep).await?;
            return Err(Rejection::NotPossible(refusal));
        }
    }
    let ask = |change: &mut IncidentChange| {
        let answer = response::respond(change, action, (by, press), channels, now);
        answer.inspect_err(|refusal| refused(change, refusal))
    };
    let (incident, answer) = store.change_loaded(incident, ask).await?;
    let changed = answer.map_err(Rejection::NotPossible)?;
    // Also if it was so already: the worker that changed it may have died before it sent this.
    changed_card(app, id).await?;
    Ok((incident, changed || of_them))
}

/// True if the incidents of a storm are meant as well: not where the storm itself would refuse it, or has taken it before.
fn reaches_members(
    incident: &Incident,
    action: &ResponderAction,
    by: (&Identity, &str),
    channels: &Channels,
    now: Timestamp,
) -> bool {
    if incident.storm().is_none() || !action.reaches_members() || incident.response.has_taken(by.1)
    {
        return false;
    }
    let mut tried = IncidentChange::new(incident.clone());
    response::respond(&mut tried, action, by, channels, now).is_ok()
}

/// What a responder's action came to, for the person: a refusal is an answer as well.
///
/// # Errors
/// If something could not be stored or sent.
pub(crate) fn reply(answer: Result<ButtonReply, Rejection>) -> Result<ButtonReply, Rejection> {
    match answer {
        Err(Rejection::NotPossible(ResponseRefusal::NotListed)) => Ok(ButtonReply::NotListed),
        Err(Rejection::NotPossible(refusal)) => Ok(ButtonReply::ResponseRefused {
            why: refusal.phrase(),
        }),
        Err(Rejection::NoIncident) => Ok(ButtonReply::NoIncident),
        said => said,
    }
}
