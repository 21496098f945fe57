//! PagerDuty's webhooks (V3, <https://developer.pagerduty.com/docs/webhooks-overview>): who acknowledges an incident there is on it
//! here, and who resolves it there closes it here. Everything else is accepted and ignored, also what Quell's own events came
//! to: PagerDuty names an integration as their agent, and no user.
//!
//! PagerDuty sends a webhook again after a 5xx, for up to 48 hours, and drops it after a 4xx; three dropped ones in a row switch the
//! subscription off (<https://developer.pagerduty.com/docs/webhook-behavior>). So only what PagerDuty did not sign, or
//! cannot have written, is answered with a 4xx.

use domain::incident::Incident;
use domain::notification::button_action::{ButtonAction, QuickResponse};
use domain::notification::button_reply::ButtonReply;
use domain::notification::channels::{Identity, Language};
use domain::notification::people::is_pagerduty_id;
use domain::primitives::id::IncidentId;
use jiff::{SignedDuration, Timestamp};
use lambda_http::http::HeaderMap;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Value, json};

use crate::app::App;
use crate::authentication;
use crate::body::{self, Object};
use crate::interactions::{self, Press};
use crate::rejection::Rejection;

/// How old an event may be: PagerDuty tries for 48 hours to deliver it. The signature covers no other time.
const OLDEST: SignedDuration = SignedDuration::from_hours(49);
/// How far ahead PagerDuty's clock may be.
const AHEAD: SignedDuration = SignedDuration::from_mins(5);
/// The longest id of an event, in bytes: those of PagerDuty have 26, or 36 with dashes.
const EVENT_ID_BYTES: usize = 64;

#[derive(Deserialize)]
struct Payload<T> {
    event: Object<T>,
}

#[derive(Deserialize)]
struct Kind {
    event_type: String,
}

/// What is read of an event about an incident.
#[derive(Deserialize)]
struct IncidentEvent {
    id: String,
    occurred_at: Timestamp,
    /// Who or what has done it; none where that was PagerDuty itself, such as by a timeout.
    agent: Option<Object<AgentKind>>,
    data: Object<Subject>,
}

#[derive(Deserialize)]
struct AgentKind {
    #[serde(rename = "type")]
    kind: String,
}

/// The incident at PagerDuty.
#[derive(Deserialize)]
struct Subject {
    /// The `dedup_key` of the event that opened it: the id of the incident here.
    incident_key: Option<String>,
    /// There where it was merged into another one, which is all that PagerDuty has a reason for.
    resolve_reason: Option<IgnoredAny>,
}

/// The part of an event that is there if a user has done it.
#[derive(Deserialize)]
struct ByUser {
    agent: Object<User>,
}

#[derive(Deserialize)]
struct User {
    id: String,
}

/// What a person did in PagerDuty.
#[derive(Debug, PartialEq, Eq)]
struct Done {
    response: QuickResponse,
    incident: IncidentId,
    /// The id of the user.
    user: String,
    /// The action's id, the same when it is delivered again.
    id: String,
    /// When the person did it: a webhook may come hours later.
    at: Timestamp,
}

/// A webhook, as far as it concerns us.
#[derive(Debug, PartialEq, Eq)]
enum Webhook {
    Done(Done),
    /// Nothing follows from it, for this reason.
    Ignored(&'static str),
}

/// Handles one webhook. What a person did is stored before the answer, or kept in the incident's log if it was refused.
///
/// # Errors
/// If the request does not come from PagerDuty, is no event, or if what follows from it could not be stored and sent.
pub(crate) async fn webhook(
    app: &App,
    headers: &HeaderMap,
    bytes: &[u8],
    now: Timestamp,
) -> Result<Value, Rejection> {
    body::bounded(bytes, body::MOST_SIGNED_BYTES)?;
    app.admit(&app.config.pagerduty_secret, now, |secret| {
        authentication::pagerduty(secret, headers, bytes)
    })
    .await?;
    let done = match read(bytes, now)? {
        Webhook::Done(done) => done,
        Webhook::Ignored(why) => return Ok(answer(false, why)),
    };
    // The incident keeps the ids of its last actions only, and what PagerDuty signs has no time.
    let id = done.id.clone();
    if app.is_replay(Some(&id)).await? {
        return Ok(answer(false, "it was delivered before"));
    }
    let by = Identity::PagerDuty(done.user);
    let person = app.channels()?.person(&by);
    let incident = app.intake.store.incident(&done.incident).await?;
    if incident.is_some_and(|incident| is_overtaken(&incident, person, done.at)) {
        return Ok(answer(false, "what happened since has overtaken it"));
    }
    let press = Press {
        ask: ButtonAction::Respond(done.response, done.incident),
        by,
        channel: None,
        id: done.id,
    };
    let reply = interactions::press(app, press, now).await?;
    app.note_counted(Some(&id), now).await;
    let taken = matches!(reply, ButtonReply::Responded(_));
    Ok(answer(taken, &reply.words(Language::English)))
}

/// True if somebody else has taken the incident, or a repair of it has ended, since a person acted in PagerDuty: what they knew then is
/// no answer to that.
fn is_overtaken(incident: &Incident, person: Option<&str>, acted_at: Timestamp) -> bool {
    let responder = incident.response.responder.as_ref();
    let taken = responder
        .filter(|one| Some(one.person.as_str()) != person)
        .map(|one| one.since);
    let repaired = incident
        .repair
        .as_ref()
        .and_then(|repair| repair.finished_at);
    [taken, repaired]
        .into_iter()
        .flatten()
        .any(|since| since > acted_at)
}

/// The answer, which PagerDuty shows to no one: it is for whoever sends a webhook by hand.
fn answer(taken: bool, message: &str) -> Value {
    json!({ "success": true, "taken": taken, "message": message })
}

/// What of a webhook concerns us.
fn read(bytes: &[u8], now: Timestamp) -> Result<Webhook, Rejection> {
    let Payload {
        event: Object(Kind { event_type }),
    } = body::json(bytes)?;
    let response = match event_type.as_str() {
        "incident.acknowledged" => QuickResponse::Acknowledge,
        "incident.resolved" => QuickResponse::Fixed,
        _ => return Ok(Webhook::Ignored("nothing follows from events of this type")),
    };
    let Payload {
        event: Object(event),
    } = body::json::<Payload<IncidentEvent>>(bytes)?;
    let is_id = (1..=EVENT_ID_BYTES).contains(&event.id.len())
        && event
            .id
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    if !is_id {
        return Err(Rejection::malformed(
            "event.id",
            "has to be the id of an event: 1 to 64 letters, digits and dashes",
        ));
    }
    let by_user = event
        .agent
        .is_some_and(|Object(agent)| agent.kind == "user_reference");
    let user = if by_user { Some(user(bytes)?) } else { None };
    let Object(subject) = event.data;
    let Some(user) = user else {
        return Ok(Webhook::Ignored(
            "not done by a user: caused by Quell's own event, or by PagerDuty itself",
        ));
    };
    let age = now.duration_since(event.occurred_at);
    if age > OLDEST || age < -AHEAD {
        return Ok(Webhook::Ignored(
            "it occurred more than 49 hours ago, or is yet to come",
        ));
    }
    // Who merges two incidents is the agent of the end of one of them, and has fixed nothing.
    if response == QuickResponse::Fixed && subject.resolve_reason.is_some() {
        return Ok(Webhook::Ignored("it was merged into another incident"));
    }
    let key = subject.incident_key.unwrap_or_default();
    let Ok(incident) = IncidentId::try_from(key.as_str()) else {
        return Ok(Webhook::Ignored("Quell did not open this incident"));
    };
    Ok(Webhook::Done(Done {
        response,
        incident,
        user,
        id: format!("pagerduty:{}", event.id),
        at: event.occurred_at,
    }))
}

/// The id of the user who has done it.
fn user(bytes: &[u8]) -> Result<String, Rejection> {
    let Payload {
        event: Object(ByUser {
            agent: Object(User { id }),
        }),
    } = body::json(bytes)?;
    if is_pagerduty_id(&id) {
        Ok(id)
    } else {
        Err(Rejection::malformed(
            "event.agent.id",
            "has to be the id of a user, such as PLH1HKV",
        ))
    }
}

#[cfg(test)]
#[path = "pagerduty_tests.rs"]
mod tests;
