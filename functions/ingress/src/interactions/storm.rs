//! A responder's action on a storm: it is one on each of its incidents as well, by the same rule.

use std::time::Duration;

use domain::incident::Incident;
use domain::incident::change::IncidentChange;
use domain::incident::parts::StormMember;
use domain::incident::response::ResponderAction;
use domain::notification::channels::Identity;
use domain::primitives::id::IncidentId;
use domain::transition::response;
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
pub(crate) struct Members {
    /// How many it changed.
    pub(crate) changed: u64,
    /// How many it is not possible for right now.
    pub(crate) refused: u64,
}

/// Does what a responder asks for about every incident of a storm that it is meant for. What is done is done: whoever tries again
/// gets further.
///
/// # Errors
/// If the time runs out, or something could not be stored and sent.
pub(crate) async fn respond(
    app: &App,
    storm: &Incident,
    action: &ResponderAction,
    (by, press): (&Identity, &str),
    now: Timestamp,
) -> Result<Members, Rejection> {
    let until = Instant::now() + PATIENCE;
    let reopens = matches!(action, ResponderAction::Reopen {});
    let mut members = app.intake.store.storm_members(&storm.id).await?;
    members.retain(|member| member.open != reopens);
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
    loop {
        let answer = timeout_at(until, answers.next());
        let answer = answer
            .await
            .map_err(|_| Rejection::Unfinished { done, of })?;
        let Some(answer) = answer else { break };
        match answer? {
            (id, Some(true)) => {
                came_to.changed += 1;
                one_of_them = Some(id);
            }
            (_, Some(false)) => {}
            (_, None) => came_to.refused += 1,
        }
        done += 1;
    }
    // The storm's card is made anew from all of its incidents when one of them has changed.
    if let Some(id) = one_of_them {
        changed_card(app, &id).await?;
    }
    Ok(came_to)
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
        Ok((_, answer)) => Ok(answer.ok()),
        Err(StoreError::Missing { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}
