//! Decisions of people: the approvals API, and what it shares with Telegram's buttons.

use jiff::Timestamp;
use lambda_http::http::HeaderMap;
use serde::Deserialize;
use serde_json::{Value, json};
use shared::domain::approval::Verdict;
use shared::domain::decision;
use shared::domain::id::ApprovalId;
use shared::domain::incident::Incident;
use shared::message::Message;
use shared::store::StoreError;

use crate::App;
use crate::authentication;
use crate::body;
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
pub async fn api(app: &App, headers: &HeaderMap, bytes: &[u8], id: &str, verdict: Verdict, now: Timestamp) -> Result<Value, Rejection> {
    app.admit(&app.config.approval_secret, |secret| authentication::credential(secret, headers, false)).await?;
    let id = ApprovalId::try_from(id).map_err(|_| Rejection::NoApproval)?;
    let payload: Payload = body::json(bytes)?;
    let actor = payload.actor.trim();
    let length = actor.chars().count();
    if length == 0 || length > ACTOR_CHARACTERS || actor.contains(char::is_control) {
        let why = format!("has to name the person who decides, in 1 to {ACTOR_CHARACTERS} characters");
        return Err(Rejection::Malformed { at: Some("actor".to_owned()), why });
    }
    let incident = decide(app, &id, verdict, &format!("api:{actor}"), now).await?;
    Ok(json!({ "success": true, "approval_id": id, "incident_id": incident.id, "status": incident.status, "decided_by": actor }))
}

/// Decides on a plan and sends what follows from it. The decision is stored, with its log entry, before anything is sent;
/// a repetition by the same person sends again what may not have been sent.
///
/// # Errors
/// If there is no such approval, it cannot be decided on, or the decision could not be stored and sent.
pub async fn decide(app: &App, id: &ApprovalId, verdict: Verdict, by: &str, now: Timestamp) -> Result<Incident, Rejection> {
    let changed = app.intake.store.change(&id.incident(), |draft| decision::decide(draft, id, verdict, by, now)).await;
    let (incident, decided) = changed.map_err(|error| match error {
        StoreError::Missing { .. } => Rejection::NoApproval,
        other => other.into(),
    })?;
    decided?;
    announce(app, &incident).await?;
    Ok(incident)
}

async fn announce(app: &App, incident: &Incident) -> Result<(), Rejection> {
    app.repairs.send_repair(incident).await?;
    app.intake.notifications.send(&Message::IncidentChanged { incident_id: incident.id.clone() }).await?;
    Ok(())
}
