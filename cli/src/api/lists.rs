//! Lists of the read API, followed by their cursors.

use domain::primitives::id::IncidentId;
use serde_json::{Value, json};

use super::model::{Entry, LogPart};
use super::{Api, typed};
use crate::exit::Failure;

/// How many incidents one request asks for when all are wanted: the most that the API gives.
pub(crate) const LARGEST_PAGE: usize = 100;
/// How many incidents are read at most: a list that large needs a narrower question.
pub(crate) const MOST: usize = 20_000;

/// Query parameters of a list.
pub(crate) type Query = Vec<(&'static str, String)>;

/// Every incident that a query finds, newest first, as one page: `next` is null unless there are more than [`MOST`].
///
/// # Errors
/// If a page is not answered.
pub(crate) async fn all_incidents(api: &Api, query: &Query) -> Result<Value, Failure> {
    let mut query: Query = query
        .iter()
        .filter(|(name, _)| *name != "limit")
        .cloned()
        .collect();
    query.push(("limit", LARGEST_PAGE.to_string()));
    let (mut incidents, mut looked_at) = (Vec::new(), 0);
    loop {
        let mut page = api.get("incidents", &query).await?;
        if let Value::Array(found) = page["incidents"].take() {
            incidents.extend(found);
        }
        looked_at += page["looked_at"].as_u64().unwrap_or_default();
        let next = page["next"].take();
        let Some(cursor) = next.as_str().filter(|_| incidents.len() < MOST) else {
            return Ok(json!({ "incidents": incidents, "next": next, "looked_at": looked_at }));
        };
        // A cursor is before everything that was listed: an answer that repeats one would go on for ever.
        if query
            .iter()
            .any(|(name, value)| *name == "cursor" && value == cursor)
        {
            return Err(Failure::wrong(
                "the API gives the same page again: try a narrower question",
            ));
        }
        let cursor = cursor.to_owned();
        query.retain(|(name, _)| *name != "cursor");
        query.push(("cursor", cursor));
    }
}

/// The whole operation log of an incident.
///
/// # Errors
/// If there is none, or a part of it is not answered.
pub(crate) async fn log(api: &Api, id: &IncidentId) -> Result<Vec<Entry>, Failure> {
    let (mut entries, mut after) = (Vec::<Entry>::new(), 0);
    loop {
        let part = log_after(api, id, after).await?;
        entries.extend(part.entries);
        match part.next {
            Some(next) if next > after => after = next,
            _ => return Ok(entries),
        }
    }
}

/// The entries behind a number, as many as one answer holds.
///
/// # Errors
/// If there is no such incident, or no answer.
pub(crate) async fn log_after(api: &Api, id: &IncidentId, after: u64) -> Result<LogPart, Failure> {
    let path = format!("incidents/{id}/log");
    typed(api.get(&path, &[("after", after.to_string())]).await?)
}
