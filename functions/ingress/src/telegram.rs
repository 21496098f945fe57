//! Telegram's webhook: pressed buttons. The answer to the press goes back in the response's body, which the Bot API
//! allows ("Making requests when getting updates"), so that ingress needs neither the bot's token nor a client.

use jiff::Timestamp;
use lambda_http::http::HeaderMap;
use serde::Deserialize;
use serde_json::{Value, json};
use shared::domain::approval::Verdict;
use shared::domain::channels::Known;
use shared::domain::id::ApprovalId;
use tracing::warn;

use crate::App;
use crate::approvals;
use crate::authentication;
use crate::body;
use crate::rejection::Rejection;

/// The longest answer to a press, from the Bot API.
const ANSWER_CHARACTERS: usize = 200;

#[derive(Deserialize)]
struct Update {
    callback_query: Option<Press>,
}

#[derive(Deserialize)]
struct Press {
    id: String,
    from: User,
    data: Option<String>,
}

#[derive(Deserialize)]
struct User {
    id: i64,
}

/// Handles one update. Whatever the press comes to is told to the person who pressed; only a passing fault is an error,
/// so that Telegram delivers the update again.
///
/// # Errors
/// If the update does not come from Telegram, is not an update, or the decision could not be stored and sent.
pub async fn update(app: &App, headers: &HeaderMap, bytes: &[u8], now: Timestamp) -> Result<Value, Rejection> {
    app.admit(&app.config.telegram_secret, |secret| authentication::telegram(secret, headers)).await?;
    let update: Update = body::json(bytes)?;
    let Some(press) = update.callback_query else { return Ok(json!({})) };
    let text = match pressed(app, &press, now).await {
        Ok(text) => text.to_owned(),
        Err(passing @ Rejection::Passing(_)) => return Err(passing),
        Err(rejection) => rejection.to_string(),
    };
    let text: String = text.chars().take(ANSWER_CHARACTERS).collect();
    Ok(json!({ "method": "answerCallbackQuery", "callback_query_id": press.id, "text": text }))
}

async fn pressed(app: &App, press: &Press, now: Timestamp) -> Result<&'static str, Rejection> {
    // The numeric id is Telegram's own; names can be chosen by anyone.
    if app.channels()?.person(Known::Telegram(press.from.id)).is_none() {
        warn!(telegram_id = press.from.id, "a button was pressed by someone who is not on the list");
        return Ok("You are not on the list of people who may decide.");
    }
    let parts = press.data.as_deref().and_then(|data| data.split_once(':'));
    let (verdict, id) = match parts {
        Some(("approve", id)) => (Verdict::Approve, id),
        Some(("reject", id)) => (Verdict::Reject, id),
        _ => return Ok("This button is not known here."),
    };
    let id = ApprovalId::try_from(id).map_err(|_| Rejection::NoApproval)?;
    approvals::decide(app, &id, verdict, &format!("telegram:{}", press.from.id), now).await?;
    Ok(match verdict {
        Verdict::Approve => "Approved: the repair starts now.",
        Verdict::Reject => "Rejected: nothing will run.",
    })
}
