//! Stored playbook runs that have ended, and the recurrences counted among them.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::{AttributeValue, Put, TransactWriteItem, Update};
use jiff::{SignedDuration, Timestamp};

use super::attributes::{Item, Reader, millis, number, text};
use super::ledger::record_key;
use super::transaction::patiently;
use super::{Store, StoreError, failed};
use domain::incident::Incident;
use domain::incident::change::IncidentChange;
use domain::incident::parts::Recurrence;
use domain::policy::playbook_run::PlaybookRun;
use domain::primitives::id::IncidentId;

/// How long a run is kept: as long as an incident is found by its fingerprint.
const KEPT_FOR: SignedDuration = SignedDuration::from_hours(400 * 24);
/// How many of a playbook's newest runs are read. A hundred runs that all held have a lower bound
/// of 0.97: more would only raise the bill.
const READ: i32 = 100;

impl Store {
    /// The newest runs of a playbook that have ended, newest first, by when their incidents were opened.
    ///
    /// # Errors
    /// If the table does not answer or a run cannot be read.
    pub async fn runs(&self, playbook: &str) -> Result<Vec<PlaybookRun>, StoreError> {
        let request = self
            .client
            .query()
            .table_name(&self.table)
            .key_condition_expression("pk = :pk AND begins_with(sk, :run)")
            .expression_attribute_values(":pk", text(partition(playbook)))
            .expression_attribute_values(":run", text("RUN#"))
            .scan_index_forward(false)
            .limit(READ)
            .consistent_read(true);
        let page = request.send().await.map_err(|error| failed(&error))?;
        page.items()
            .iter()
            .map(|item| read(playbook, item))
            .collect()
    }

    /// Counts a recurrence, once, with an entry in the log of the incident whose alert came back. Where it was counted already, or the run
    /// is not there, is not verified or is kept no longer, nothing is written.
    ///
    /// # Errors
    /// If the table does not answer, or others come in between every time.
    pub async fn count_recurrence(
        &self,
        incident: &IncidentId,
        recurrence: &Recurrence,
        actor: &str,
        now: Timestamp,
    ) -> Result<Incident, StoreError> {
        let key = run_key(
            &recurrence.playbook,
            &recurrence.incident_id,
            recurrence.round,
        );
        patiently(async || {
            let loaded = self.known_incident(incident).await?;
            let run = self
                .item(key.clone())
                .await?
                .map(|item| read(&recurrence.playbook, &item))
                .transpose()?;
            if !run.is_some_and(|run| run.verified && run.recurred_at.is_none()) {
                return Ok(loaded);
            }
            let mut change = IncidentChange::new(loaded);
            change.recurred(recurrence, actor, now);
            let writes = [self.mark(key.clone(), recurrence)?, self.add(recurrence)?];
            self.commit(
                change,
                writes.map(|update| TransactWriteItem::builder().update(update).build()),
            )
            .await
        })
        .await
    }

    /// Marks a run with the recurrence of its alert, unless it is marked already.
    fn mark(&self, key: Item, recurrence: &Recurrence) -> Result<Update, StoreError> {
        Update::builder()
            .table_name(&self.table)
            .set_key(Some(key))
            .update_expression("SET recurred_at = :at")
            .condition_expression("verified = :true AND attribute_not_exists(recurred_at)")
            .expression_attribute_values(":at", millis(recurrence.at))
            .expression_attribute_values(":true", AttributeValue::Bool(true))
            .build()
            .map_err(|error| StoreError::Unavailable(error.to_string()))
    }

    fn add(&self, recurrence: &Recurrence) -> Result<Update, StoreError> {
        Update::builder()
            .table_name(&self.table)
            .set_key(Some(record_key(&recurrence.playbook)))
            .update_expression("ADD recurred :one")
            .expression_attribute_values(":one", number(1))
            .build()
            .map_err(|error| StoreError::Unavailable(error.to_string()))
    }
}

/// A run that ends; written with the incident that it ends, so that it is there once.
pub(super) fn put(table: &str, run: &PlaybookRun) -> Result<Put, StoreError> {
    let mut item = run_key(&run.playbook, &run.incident_id, run.round);
    let mut set = |name: &str, value| item.insert(name.to_owned(), value);
    set("at", millis(run.at));
    set("verified", AttributeValue::Bool(run.verified));
    set("target", text(run.target.as_str()));
    set("expires_at", number((run.at + KEPT_FOR).as_second()));
    Put::builder()
        .table_name(table)
        .set_item(Some(item))
        .build()
        .map_err(|error| StoreError::Unavailable(error.to_string()))
}

fn read(playbook: &str, item: &Item) -> Result<PlaybookRun, StoreError> {
    let reader = Reader::new(item);
    let key = reader
        .text("sk")?
        .strip_prefix("RUN#")
        .and_then(|rest| rest.split_once('#'));
    let known = key.and_then(|(incident, round)| {
        Some((IncidentId::try_from(incident).ok()?, round.parse().ok()?))
    });
    let (incident_id, round) = known.ok_or_else(|| reader.unreadable("its key names no run"))?;
    Ok(PlaybookRun {
        playbook: playbook.into(),
        incident_id,
        round,
        target: reader.text("target")?.into(),
        at: reader.millis("at")?,
        verified: reader.flag("verified")?,
        recurred_at: item
            .contains_key("recurred_at")
            .then(|| reader.millis("recurred_at"))
            .transpose()?,
    })
}

fn partition(playbook: &str) -> String {
    format!("PLAYBOOK#{playbook}")
}

fn run_key(playbook: &str, incident: &IncidentId, round: u32) -> Item {
    HashMap::from([
        ("pk".to_owned(), text(partition(playbook))),
        ("sk".to_owned(), text(format!("RUN#{incident}#{round}"))),
    ])
}
