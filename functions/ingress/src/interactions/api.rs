//! The approvals API: decisions in the name of people who may decide by it.

use domain::incident::approval::Verdict;
use domain::notification::channels::Identity;
use domain::primitives::id::ApprovalId;
use domain::transition::decision::Pressed;
use jiff::Timestamp;
use lambda_http::http::HeaderMap;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::app::App;
use crate::authentication;
use crate::body;
use crate::interactions;
use crate::rejection::Rejection;

/// How long the name of a person may be.
const ACTOR_CHARACTERS: usize = 64;

#[derive(Deserialize)]
struct Payload {
    actor: String,
}

/// `POST /api/v1/approvals/{id}/approve|reject` with `{"actor": "<who decides>"}`.
///
/// # Errors
/// If the caller may not, if there is no such approval, or if it cannot be decided on any more.
pub async fn api(
    app: &App,
    headers: &HeaderMap,
    bytes: &[u8],
    id: &str,
    verdict: Verdict,
    now: Timestamp,
) -> Result<Value, Rejection> {
    app.admit(&app.config.approval_secret, now, |secret| {
        authentication::credential(secret, headers, false)
    })
    .await?;
    let id = ApprovalId::try_from(id).map_err(|_| Rejection::NoApproval)?;
    let payload: Payload = body::json(bytes)?;
    let actor = payload.actor.trim();
    let length = actor.chars().count();
    if length == 0 || length > ACTOR_CHARACTERS || actor.contains(char::is_control) {
        let why =
            format!("has to name the person who decides, in 1 to {ACTOR_CHARACTERS} characters");
        return Err(Rejection::malformed("actor", why));
    }
    // The API has no presses: each request is one of its own, and who repeats themselves changes nothing.
    let press = format!("api:{actor} {now}");
    let pressed = Pressed {
        verdict,
        by: Identity::Api(actor.to_owned()),
        press: &press,
    };
    let (incident, _) = interactions::decide(app, &id, &pressed, now).await?;
    let approvals = incident
        .approval
        .as_ref()
        .map(|approval| json!({ "given": approval.given(), "needed": approval.needed }));
    Ok(json!({
        "success": true, "approval_id": id, "incident_id": incident.id, "status": incident.status, "decided_by": actor, "approvals": approvals,
    }))
}
