//! A responder's action on an incident; on a storm it is one on each of its incidents as well, by the same rule.

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

/// What came of an action on the incidents of a storm.
#[derive(Debug, Default)]
struct Members {
    /// How many it changed.
    changed: u64,
    /// How many it is not possible for right now.
    refused: u64,
}

/// Does what a responder asks for about every incident of a storm that it is meant for. What is done is done: whoever tries again
/// gets further.
///
/// # Errors
/// If the time runs out, or something could not be stored and sent.
async fn of_members(
    app: &App,
    storm: &Incident,
    action: &ResponderAction,
    (by, press): (&Identity, &str),
    now: Timestamp,
) -> Result<Members, Rejection> {
    let until = Instant::now() + PATIENCE;
    let reopens = matches!(action, ResponderAction::Reopen {});
    let mut members = app.intake.store.storm_members(&storm.id).await?;
    let repeated = match action {
        ResponderAction::Close { duplicate_of, .. } => duplicate_of.as_ref(),
        _ => None,
    };
    // One that the others repeat stays as it is.
    members.retain(|member| member.open != reopens && Some(&member.incident_id) != repeated);
    let of = members.len();
    let one = |member: StormMember| async move {
        let id = member.incident_id;
        one(app, &id, action, (by, press), now)
            .await
            .map(|changed| (id, changed))
    };
    let mut answers = stream::iter(members).map(one).buffer_unordered(AT_ONCE);
    let (mut came_to, mut one_of_them) = (Members::default(), None);
    let mut done = 0;
    let ended = loop {
        match timeout_at(until, answers.next()).await {
            Err(_) => break Err(Rejection::Unfinished { done, of }),
            Ok(None) => break Ok(()),
            Ok(Some(Err(rejection))) => break Err(rejection),
            Ok(Some(Ok((id, Some(true))))) => {
                came_to.changed += 1;
                one_of_them = Some(id);
            }
            Ok(Some(Ok((_, Some(false))))) => {}
            Ok(Some(Ok((_, None)))) => came_to.refused += 1,
        }
        done += 1;
    };
    // The storm's card is made anew from all of its incidents when one of them has changed, also where others were not reached.
    if let Some(id) = one_of_them {
        changed_card(app, &id).await?;
    }
    ended.map(|()| came_to)
}

/// True if it changed the incident; nothing if it is not possible there.
async fn one(
    app: &App,
    id: &IncidentId,
    action: &ResponderAction,
    (by, press): (&Identity, &str),
    now: Timestamp,
) -> Result<Option<bool>, Rejection> {
    let channels = app.channels()?;
    let ask =
        |change: &mut IncidentChange| response::respond(change, action, (by, press), channels, now);
    match app.intake.store.change(id, ask).await {
        Ok((_, Ok(changed))) => Ok(Some(changed)),
        // It has ended since it was listed.
        Ok((member, Err(_))) if !member.is_open() => Ok(Some(false)),
        Ok((_, Err(_))) => Ok(None),
        Err(StoreError::Missing { .. }) => Ok(Some(false)),
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
        of_them = members.changed > 0;
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
pub(crate) fn reply(
    answer: Result<(Incident, bool), Rejection>,
    action: &ResponderAction,
) -> Result<ButtonReply, Rejection> {
    match answer {
        Ok(_) => Ok(ButtonReply::Responded(action.clone())),
        Err(Rejection::NotPossible(ResponseRefusal::NotListed)) => Ok(ButtonReply::NotListed),
        Err(Rejection::NotPossible(refusal)) => Ok(ButtonReply::ResponseRefused {
            why: refusal.phrase(),
        }),
        Err(Rejection::NoIncident) => Ok(ButtonReply::NoIncident),
        Err(other) => Err(other),
    }
}
