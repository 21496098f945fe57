//! Stored incidents and their operation logs: one transaction saves both, so that every change has
//! its log entry.

use super::keys::{OPEN_SHARDS, incident_key as key, shard};
use std::time::Duration;

use aws_sdk_dynamodb::types::{Put, TransactWriteItem};
use jiff::Timestamp;
use ulid::Ulid;

use super::attributes::{Item, Reader, number, text};
use super::episode;
use super::transaction::Transacted;
use super::{Store, StoreError, failed, flow, ledger, runs, storm};
use domain::episode::Episode;
use domain::episode::Windows;
use domain::incident::Incident;
use domain::incident::change::IncidentChange;
use domain::incident::operation_log::Entry;
use domain::incident::parts::StormMember;
use domain::notification::pipeline_run::Report;
use domain::policy::playbook_run::PlaybookRun;
use domain::primitives::id::IncidentId;

/// How often a decision that lost a race is made anew.
const ATTEMPTS: u32 = 20;

impl Store {
    /// An incident, if there is one of this id.
    ///
    /// # Errors
    /// If the table does not answer or the item is not an incident.
    pub async fn incident(&self, id: &IncidentId) -> Result<Option<Incident>, StoreError> {
        let request = self
            .client
            .get_item()
            .table_name(&self.table)
            .set_key(Some(key(id, "INCIDENT")))
            .consistent_read(true);
        let answer = request.send().await.map_err(|error| failed(&error))?;
        answer.item().map(read).transpose()
    }

    /// An incident that must exist because another record refers to it.
    ///
    /// # Errors
    /// As [`Store::incident`], and [`StoreError::Missing`] if it is not.
    pub async fn known_incident(&self, id: &IncidentId) -> Result<Incident, StoreError> {
        self.incident(id).await?.ok_or_else(|| StoreError::Missing {
            key: format!("INC#{id} / INCIDENT"),
        })
    }

    /// Saves a change: the incident over the version that was loaded, and each new entry where its number is still free.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if another writer saved in between; nothing is written then.
    pub async fn save(&self, change: IncidentChange) -> Result<Incident, StoreError> {
        self.commit(change, None).await
    }

    /// Load, decide, save: applies `decide` to the incident until no other writer comes in between. A decision that changes
    /// nothing is not saved.
    ///
    /// # Errors
    /// If there is no such incident, if the table does not answer, or if others come in between every time.
    pub async fn change<T>(
        &self,
        id: &IncidentId,
        decide: impl FnMut(&mut IncidentChange) -> T,
    ) -> Result<(Incident, T), StoreError> {
        self.change_loaded(self.known_incident(id).await?, decide)
            .await
    }

    /// As [`Store::change`], for who has just loaded the incident: it is loaded again only if another writer came in between.
    ///
    /// # Errors
    /// As [`Store::change`].
    pub async fn change_loaded<T>(
        &self,
        mut loaded: Incident,
        mut decide: impl FnMut(&mut IncidentChange) -> T,
    ) -> Result<(Incident, T), StoreError> {
        for attempt in 0..ATTEMPTS {
            let mut change = IncidentChange::new(loaded.clone());
            let decided = decide(&mut change);
            if change.entries.is_empty() && change.incident == loaded {
                return Ok((loaded, decided));
            }
            match self.save(change).await {
                Ok(saved) => return Ok((saved, decided)),
                // Writers of one incident are few: a short wait that grows lets the other finish.
                Err(StoreError::Conflict) => {
                    tokio::time::sleep(Duration::from_millis(5 << attempt.min(5))).await
                }
                Err(error) => return Err(error),
            }
            loaded = self.known_incident(&loaded.id).await?;
        }
        Err(StoreError::Conflict)
    }

    /// Saves a change together with its episode: both or neither.
    ///
    /// # Errors
    /// As [`Store::save`].
    pub async fn save_with_episode(
        &self,
        change: IncidentChange,
        episode: &Episode,
        windows: Windows,
    ) -> Result<Incident, StoreError> {
        let put = episode::put(&self.table, episode, windows)?;
        self.commit(change, Some(TransactWriteItem::builder().put(put).build()))
            .await
    }

    /// Saves a change, and what belongs to it, in one transaction.
    pub(super) async fn commit(
        &self,
        change: IncidentChange,
        also: impl IntoIterator<Item = TransactWriteItem>,
    ) -> Result<Incident, StoreError> {
        let (ended, after_all) = (
            PlaybookRun::ended_by(&change),
            PlaybookRun::fails_after_all(&change),
        );
        let IncidentChange {
            mut incident,
            entries,
        } = change;
        let before = incident.version;
        incident.version += 1;
        let mut puts = vec![self.incident_put(&incident, before)?];
        for entry in &entries {
            puts.push(self.entry_put(&incident.id, entry)?);
        }
        if let Some((storm, line)) = StormMember::from_incident(&incident) {
            puts.push(storm::line(&self.table, &storm, &line)?);
        }
        if let Some((flow, report)) = Report::from_incident(&incident) {
            let now = entries.last().map_or(incident.opened_at, |entry| entry.at);
            puts.push(flow::put(&self.table, &flow, &report, now)?);
        }
        if let Some(run) = &ended {
            puts.push(runs::put(&self.table, run)?);
        }
        let counted = ended
            .map(|run| ledger::counted(&self.table, &run, after_all))
            .transpose()?;
        let counted = counted.map(|update| TransactWriteItem::builder().update(update).build());
        let writes = puts
            .into_iter()
            .map(|put| TransactWriteItem::builder().put(put).build())
            .chain(also)
            .chain(counted)
            .collect();
        match self.transact(writes).await? {
            Transacted::Done => Ok(incident),
            Transacted::Refused(_) => Err(StoreError::Conflict),
        }
    }

    fn incident_put(&self, incident: &Incident, before: u64) -> Result<Put, StoreError> {
        let mut item = key(&incident.id, "INCIDENT");
        let mut set = |name: &str, value| item.insert(name.to_owned(), value);
        let doc = serde_json::to_string(incident)
            .map_err(|error| StoreError::Unavailable(error.to_string()))?;
        set("doc", text(doc));
        set("version", number(incident.version));
        set("status", text(incident.status.as_str()));
        if incident.is_open() {
            // The index holds the items that have this attribute: exactly the open incidents.
            set("open_shard", text(shard(&incident.id)));
            set("incident_id", text(incident.id.as_str()));
        }
        let put = Put::builder().table_name(&self.table).set_item(Some(item));
        let put = match before {
            0 => put.condition_expression("attribute_not_exists(pk)"),
            version => put
                .condition_expression("#version = :before")
                .expression_attribute_names("#version", "version")
                .expression_attribute_values(":before", number(version)),
        };
        put.build()
            .map_err(|error| StoreError::Unavailable(error.to_string()))
    }

    fn entry_put(&self, incident: &IncidentId, entry: &Entry) -> Result<Put, StoreError> {
        let mut item = key(incident, &log_key(entry.sequence));
        let mut set = |name: &str, value| item.insert(name.to_owned(), value);
        set("seq", number(entry.sequence));
        set("at", text(entry.at.to_string()));
        set("event", text(entry.event.as_str()));
        set("actor", text(&entry.actor));
        set("detail", text(&entry.detail));
        set(
            "success",
            aws_sdk_dynamodb::types::AttributeValue::Bool(entry.success),
        );
        if let Some(error) = &entry.error {
            set("error", text(error));
        }
        set("context", text(entry.context.to_string()));
        set("prev", text(&entry.previous));
        set("hash", text(&entry.hash));
        let put = Put::builder()
            .table_name(&self.table)
            .set_item(Some(item))
            .condition_expression("attribute_not_exists(pk)");
        put.build()
            .map_err(|error| StoreError::Unavailable(error.to_string()))
    }

    /// The whole operation log of an incident, in order.
    ///
    /// # Errors
    /// If the table does not answer or an entry cannot be read.
    pub async fn log(&self, id: &IncidentId) -> Result<Vec<Entry>, StoreError> {
        self.log_after(id, 0).await
    }

    /// The entries of an operation log behind the one of this number, in order.
    ///
    /// # Errors
    /// If the table does not answer or an entry cannot be read.
    pub async fn log_after(
        &self,
        id: &IncidentId,
        sequence: u64,
    ) -> Result<Vec<Entry>, StoreError> {
        let mut entries = Vec::new();
        let mut start = None;
        loop {
            let request = self
                .client
                .query()
                .table_name(&self.table)
                .key_condition_expression("pk = :pk AND sk BETWEEN :first AND :last")
                .expression_attribute_values(":pk", text(format!("INC#{id}")))
                .expression_attribute_values(":first", text(log_key(sequence.saturating_add(1))))
                // Behind every digit.
                .expression_attribute_values(":last", text("LOG#:"))
                .consistent_read(true)
                .set_exclusive_start_key(start);
            let page = request.send().await.map_err(|error| failed(&error))?;
            for item in page.items() {
                entries.push(entry(item)?);
            }
            start = page.last_evaluated_key;
            if start.is_none() {
                return Ok(entries);
            }
        }
    }
}

impl Store {
    /// The ids of all open incidents, oldest first. An index follows the table by a moment: one that opens now may be missing.
    ///
    /// # Errors
    /// If the table does not answer or the index holds something else.
    pub async fn open_incidents(&self) -> Result<Vec<IncidentId>, StoreError> {
        let mut ids = Vec::new();
        for shard in 0..OPEN_SHARDS {
            let mut start = None;
            loop {
                let request = self
                    .client
                    .query()
                    .table_name(&self.table)
                    .index_name("open-incidents")
                    .set_exclusive_start_key(start);
                let request = request
                    .key_condition_expression("open_shard = :shard")
                    .projection_expression("pk, sk, incident_id");
                let request =
                    request.expression_attribute_values(":shard", text(format!("OPEN#{shard}")));
                let page = request.send().await.map_err(|error| failed(&error))?;
                for item in page.items() {
                    let reader = Reader::new(item);
                    let id = IncidentId::try_from(reader.text("incident_id")?);
                    ids.push(
                        id.map_err(|error| reader.unreadable(format!("incident_id: {error}")))?,
                    );
                }
                start = page.last_evaluated_key;
                if start.is_none() {
                    break;
                }
            }
        }
        ids.sort_unstable_by(|a, b| a.as_str().cmp(b.as_str()));
        Ok(ids)
    }
}

/// An id for an incident that opens now.
#[must_use]
pub fn fresh_incident_id(now: Timestamp) -> IncidentId {
    let milliseconds = u64::try_from(now.as_millisecond()).unwrap_or_default();
    let ulid = Ulid::from_parts(milliseconds, Ulid::generate().random());
    match IncidentId::try_from(ulid.to_string()) {
        Ok(id) => id,
        Err(_) => unreachable!("a ULID is an incident id"),
    }
}

fn log_key(sequence: u64) -> String {
    format!("LOG#{sequence:010}")
}

/// Reads an incident's item.
pub(super) fn read(item: &Item) -> Result<Incident, StoreError> {
    let reader = Reader::new(item);
    let mut incident: Incident = serde_json::from_str(reader.text("doc")?)
        .map_err(|error| reader.unreadable(format!("doc: {error}")))?;
    incident.version = reader.number("version")?;
    Ok(incident)
}

fn entry(item: &Item) -> Result<Entry, StoreError> {
    let reader = Reader::new(item);
    let parsed = |name: &str, error: String| reader.unreadable(format!("{name}: {error}"));
    let event = serde_json::Value::String(reader.text("event")?.to_owned());
    Ok(Entry {
        sequence: reader.number("seq")?,
        at: reader
            .text("at")?
            .parse::<Timestamp>()
            .map_err(|error| parsed("at", error.to_string()))?,
        event: serde_json::from_value(event).map_err(|error| parsed("event", error.to_string()))?,
        actor: reader.text("actor")?.to_owned(),
        detail: reader.text("detail")?.to_owned(),
        success: reader.flag("success")?,
        error: reader.optional_text("error").map(str::to_owned),
        context: serde_json::from_str(reader.text("context")?)
            .map_err(|error| parsed("context", error.to_string()))?,
        previous: reader.text("prev")?.to_owned(),
        hash: reader.text("hash")?.to_owned(),
    })
}
