//! The API of decisions: a person decides, responds or switches repairs off with a token of their own or in a session of the console.

use access::Caller;
use domain::incident::approval::Verdict;
use domain::incident::repair::Stopped;
use domain::incident::response::ResponderAction;
use domain::notification::person_token::Right;
use domain::policy::kill_switch::SwitchedOff;
use domain::primitives::id::{ApprovalId, IncidentId};
use domain::transition::decision::Pressed;
use jiff::Timestamp;
use lambda_http::http::HeaderMap;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::app::App;
use crate::body;
use crate::interactions::{self, commands, responses};
use crate::rejection::Rejection;

/// `POST /api/v1/approvals/{id}/approve|reject` with the token of a person. A body is not read: who
/// decides follows from the token alone.
///
/// # Errors
/// If the caller may not, if there is no such approval, or if it cannot be decided on any more.
pub async fn api(
    app: &App,
    headers: &HeaderMap,
    id: &str,
    verdict: Verdict,
    now: Timestamp,
) -> Result<Value, Rejection> {
    let Caller { who, press } = admitted(app, headers, now).await?;
    let id = ApprovalId::try_from(id).map_err(|_| Rejection::NoApproval)?;
    let person = who.person;
    let pressed = Pressed {
        verdict,
        by: who.by,
        press: &press,
    };
    let (incident, _) = interactions::decide(app, &id, &pressed, now).await?;
    let approvals = incident
        .approval
        .as_ref()
        .map(|approval| json!({ "given": approval.given(), "needed": approval.needed }));
    Ok(json!({
        "success": true, "approval_id": id, "incident_id": incident.id, "status": incident.status, "decided_by": person, "approvals": approvals,
    }))
}

/// `POST /api/v1/approvals/{id}/stop` with the token of a person, which has to have the right to decide.
///
/// # Errors
/// If the caller may not, or if there is no such approval.
pub async fn stop(
    app: &App,
    headers: &HeaderMap,
    id: &str,
    now: Timestamp,
) -> Result<Value, Rejection> {
    let Caller { who, press } = admitted(app, headers, now).await?;
    let id = ApprovalId::try_from(id).map_err(|_| Rejection::NoApproval)?;
    let (incident, stopped) = interactions::stop(app, &id, &who.by, &press, now).await?;
    let stopped = match stopped {
        Stopped::BeforeItBegan => "before_it_began",
        Stopped::BehindTheStep => "behind_the_step",
        Stopped::Nothing => "nothing",
    };
    Ok(json!({
        "success": true, "approval_id": id, "incident_id": incident.id, "status": incident.status, "stopped": stopped, "by": who.person,
    }))
}

/// `POST /api/v1/incidents/{id}/respond` with the token of a person, which has to have the right to decide.
/// The body is one of the responder's actions.
///
/// # Errors
/// If the caller may not, if the body is no action, if there is no such incident, or if its state does not
/// allow the action.
pub async fn respond(
    app: &App,
    headers: &HeaderMap,
    id: &str,
    bytes: &[u8],
    now: Timestamp,
) -> Result<Value, Rejection> {
    let Caller { who, press } = admitted(app, headers, now).await?;
    let (id, action) = asked(id, bytes)?;
    let (incident, changed) = responses::respond(app, &id, &action, (&who.by, &press), now).await?;
    Ok(json!({
        "success": true, "incident_id": incident.id, "status": incident.status, "action": action.name(), "changed": changed,
        "responder": incident.responder(), "by": who.person,
    }))
}

/// The incident and the action of a request.
fn asked(id: &str, bytes: &[u8]) -> Result<(IncidentId, ResponderAction), Rejection> {
    let action = body::json(bytes)?;
    let id = IncidentId::try_from(id).map_err(|_| Rejection::NoIncident)?;
    Ok((id, action))
}

/// `POST /api/v1/incidents/{id}/group/respond`: the same for the incident and every other one of its alert group.
///
/// # Errors
/// As [`respond`], and if the time runs out.
pub async fn respond_to_group(
    app: &App,
    headers: &HeaderMap,
    id: &str,
    bytes: &[u8],
    now: Timestamp,
) -> Result<Value, Rejection> {
    let Caller { who, press } = admitted(app, headers, now).await?;
    let (id, action) = asked(id, bytes)?;
    let (incident, many) =
        responses::respond_to_group(app, &id, &action, (&who.by, &press), now).await?;
    Ok(json!({
        "success": true, "incident_id": incident.id, "status": incident.status, "action": action.name(), "changed": many.changed.len(),
        "refused": many.refused, "responder": incident.responder(), "by": who.person,
    }))
}

/// What a request to switch all repairs off says.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct SwitchOff {
    why: Option<String>,
}

/// `POST /api/v1/kill-switch` with the token of a person, which has to have the right to administer. The body may say why.
///
/// # Errors
/// If the caller may not, or if the body is none of this route's.
pub async fn switch_repairs_off(
    app: &App,
    headers: &HeaderMap,
    bytes: &[u8],
    now: Timestamp,
) -> Result<Value, Rejection> {
    let Caller { who, .. } = access::caller(&app.control, headers, Right::Administer, now).await?;
    let SwitchOff { why } = match bytes {
        [] => SwitchOff::default(),
        written => body::json(written)?,
    };
    let off = commands::switch_repairs_off(app, &who.by, why.as_deref(), now).await?;
    let SwitchedOff { by, why, at } = off.ok_or(Rejection::MayNotStopRepairs)?;
    Ok(json!({ "success": true, "repairs": "off", "by": by, "why": why, "at": at }))
}

/// The person who asks, with a token of their own or in a session of the console, if they have the right to decide.
///
/// # Errors
/// If there is none, or if another site's page may have made the request.
async fn admitted(app: &App, headers: &HeaderMap, now: Timestamp) -> Result<Caller, Rejection> {
    Ok(access::caller(&app.control, headers, Right::Decide, now).await?)
}
