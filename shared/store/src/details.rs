//! Details of an incident: what seldom changes of it, in an item of its own (decision 45).
//!
//! DynamoDB bills a write by the whole item, and twice in a transaction
//! (<https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html>), so that a change of a status costs little
//! where alert, evidence, analysis and plan are elsewhere. Both items have the digest of the details: whoever reads one of them before a
//! write and the other after it finds two digests, and reads again.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::builders::PutBuilder;
use domain::incident::Incident;
use domain::incident::parts::StoredDetails;
use domain::primitives::digest::Digest;
use jiff::Timestamp;
use serde_json::value::RawValue;

use super::StoreError;
use super::attributes::{Item, Reader, seconds, text};
use super::keys;
use super::request::put;

/// The attribute that holds the digest, in both items.
pub(super) const NAME: &str = "details";

/// The fields of an incident that are details: each is as it is when the incident is analysed, or nearly always.
const FIELDS: [&str; 9] = [
    "alert",
    "targets",
    "worse",
    "evidence",
    "analysis",
    "plan",
    "no_plan_because",
    "guardrails",
    "earlier_repairs",
];

/// The fields of a document, each as it is written: no number changes on the way.
type Fields<'a> = BTreeMap<&'a str, &'a RawValue>;

/// The documents of an incident.
#[derive(Debug)]
pub(super) struct Documents {
    pub(super) state: String,
    /// None while all of it is in the one above.
    pub(super) details: Option<Details>,
}

#[derive(Debug)]
pub(super) struct Details {
    document: String,
    digest: String,
}

/// Takes an incident apart. Until it is analysed it is one document: an alert alone is small, and most of the incidents of a storm stay so.
pub(super) fn apart(incident: &Incident) -> Result<Documents, StoreError> {
    let whole = serde_json::to_string(incident).map_err(StoreError::unwritable)?;
    if incident.analysis.is_none() && incident.stored_details.is_none() {
        return Ok(Documents {
            state: whole,
            details: None,
        });
    }
    let written = |fields: &Fields<'_>| serde_json::to_string(fields);
    let fields: Fields<'_> = serde_json::from_str(&whole).map_err(StoreError::unwritable)?;
    let (details, state): (Fields<'_>, Fields<'_>) = fields
        .into_iter()
        .partition(|(name, _)| FIELDS.contains(name));
    let document = written(&details).map_err(StoreError::unwritable)?;
    Ok(Documents {
        state: written(&state).map_err(StoreError::unwritable)?,
        details: Some(Details {
            digest: Digest::new().field(&document).hex(),
            document,
        }),
    })
}

impl Details {
    /// How they are stored once they are written.
    pub(super) fn stored(&self, end: Option<Timestamp>) -> StoredDetails {
        StoredDetails {
            digest: self.digest.clone(),
            ends: end.is_some(),
        }
    }

    /// The write of the item, if it is not there as it has to be. One that ends is written with each change, because its end moves with that
    /// of its incident.
    pub(super) fn put_unless_stored(
        &self,
        incident: &Incident,
        end: Option<Timestamp>,
    ) -> Option<PutBuilder> {
        if end.is_none() && incident.stored_details.as_ref() == Some(&self.stored(end)) {
            return None;
        }
        let fields = [("doc", text(&self.document)), (NAME, text(&self.digest))];
        let end = end.map(|end| ("expires_at", seconds(end)));
        let fields = fields.into_iter().chain(end);
        // Decided on with the incident's own item, whose version is the condition of the transaction.
        Some(put(keys::details(&incident.id).item(fields)))
    }
}

/// The digest of the details that belong to an incident's item; none where they are in its document.
pub(super) fn named_by(item: &Item) -> Option<&str> {
    Reader::new(item).optional_text(NAME)
}

/// True if an incident's item and that of its details are of one version.
pub(super) fn fit(item: &Item, details: Option<&Item>) -> bool {
    named_by(item) == details.and_then(named_by)
}

/// How details are stored that were read.
pub(super) fn stored_in(details: &Item) -> Option<StoredDetails> {
    Some(StoredDetails {
        digest: named_by(details)?.to_owned(),
        ends: Reader::new(details).has("expires_at"),
    })
}

/// Puts the two documents together again.
pub(super) fn together(
    incident: &Reader<'_>,
    details: &Reader<'_>,
) -> Result<Incident, StoreError> {
    fn merged(state: &str, details: &str) -> Result<Incident, serde_json::Error> {
        let mut fields: Fields<'_> = serde_json::from_str(state)?;
        fields.extend(serde_json::from_str::<Fields<'_>>(details)?);
        serde_json::from_str(&serde_json::to_string(&fields)?)
    }
    merged(incident.text("doc")?, details.text("doc")?)
        .map_err(|error| incident.unreadable(format!("doc: {error}")))
}

#[cfg(test)]
#[path = "details_tests.rs"]
mod tests;
