//! Stored incidents and their operation logs: one transaction saves both, so that every change has
//! its log entry.

use aws_sdk_dynamodb::types::builders::PutBuilder;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;
use ulid::Ulid;

use super::attributes::{Item, Reader, flag, number, seconds, text};
use super::keys::{self, IncidentList};
use super::request::{Transacted, Write, all_pages, put_over_version};
use super::retention::Retention;
use super::retry::DECISIONS;
use super::{
    Store, StoreError, causes, details, episode, ledger, output, pipeline_run, runs, storm,
};
use aws::retry::wait_or;
use domain::episode::{Episode, Windows};
use domain::incident::Incident;
use domain::incident::change::{Decision, IncidentChange};
use domain::incident::operation_log::{Entry, Head};
use domain::incident::parts::StormMember;
use domain::notification::pipeline_run::Report;
use domain::policy::playbook_run::PlaybookRun;
use domain::primitives::id::IncidentId;

impl Store {
    /// An incident, if there is one of this id.
    ///
    /// # Errors
    /// If the table does not answer or the item is not an incident.
    pub async fn incident(&self, id: &IncidentId) -> Result<Option<Incident>, StoreError> {
        let mut waits = DECISIONS.waits();
        loop {
            let Some(item) = self.get(keys::incident(id)).await? else {
                return Ok(None);
            };
            if details::named_by(&item).is_none() {
                return read(&item, None).map(Some);
            }
            let details = self.get(keys::details(id)).await?;
            if details::fit(&item, details.as_ref()) {
                return read(&item, details.as_ref()).map(Some);
            }
            let reader = Reader::new(&item);
            // DynamoDB deletes the two when their time is over, each when it comes to it.
            if details.is_none() && reader.end()?.is_some_and(|end| end <= Timestamp::now()) {
                return Ok(None);
            }
            // Another writer came between the two reads: both are written in one transaction.
            let misfit = reader.unreadable("its details are missing, or of another version");
            wait_or(waits.next(), misfit).await?;
        }
    }

    /// An incident that must exist because another record refers to it.
    ///
    /// # Errors
    /// As [`Store::incident`], and [`StoreError::Missing`] if it is not.
    pub async fn known_incident(&self, id: &IncidentId) -> Result<Incident, StoreError> {
        self.incident(id).await?.ok_or_else(|| StoreError::Missing {
            key: keys::incident(id).to_string(),
        })
    }

    /// Saves a change: the incident over the version that was loaded, and each new entry where its number is still free.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if another writer saved in between; nothing is written then.
    pub async fn save(&self, change: IncidentChange) -> Result<Incident, StoreError> {
        self.commit(change, None).await
    }

    /// Load, decide, save: decides on the incident until no other writer comes in between. A decision that changes nothing is
    /// not saved.
    ///
    /// # Errors
    /// If there is no such incident, if the table does not answer, or if others come in between every time.
    pub async fn decide<T>(
        &self,
        id: &IncidentId,
        decide: impl FnMut(Incident) -> Decision<T>,
    ) -> Result<(Incident, T), StoreError> {
        self.decide_loaded(self.known_incident(id).await?, decide)
            .await
    }

    /// As [`Store::decide`], for changes that are made in place.
    ///
    /// # Errors
    /// As [`Store::decide`].
    pub async fn change<T>(
        &self,
        id: &IncidentId,
        apply: impl FnMut(&mut IncidentChange) -> T,
    ) -> Result<(Incident, T), StoreError> {
        self.change_loaded(self.known_incident(id).await?, apply)
            .await
    }

    /// As [`Store::change`], for who has just loaded the incident: it is loaded again only if another writer came in between.
    ///
    /// # Errors
    /// As [`Store::change`].
    pub async fn change_loaded<T>(
        &self,
        loaded: Incident,
        mut apply: impl FnMut(&mut IncidentChange) -> T,
    ) -> Result<(Incident, T), StoreError> {
        let decide = |incident| {
            let mut change = IncidentChange::new(incident);
            let answer = apply(&mut change);
            Decision { change, answer }
        };
        self.decide_loaded(loaded, decide).await
    }

    async fn decide_loaded<T>(
        &self,
        mut loaded: Incident,
        mut decide: impl FnMut(Incident) -> Decision<T>,
    ) -> Result<(Incident, T), StoreError> {
        let mut waits = DECISIONS.waits();
        loop {
            let Decision { change, answer } = decide(loaded.clone());
            if change.entries.is_empty() && change.incident == loaded {
                return Ok((loaded, answer));
            }
            match self.save(change).await {
                Ok(saved) => return Ok((saved, answer)),
                // Writers of one incident are few: a short wait that grows lets the other finish.
                Err(error @ StoreError::Conflict) => wait_or(waits.next(), error).await?,
                Err(error) => return Err(error),
            }
            loaded = self.known_incident(&loaded.id).await?;
        }
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
        let (put, others) = episode::writes(episode, windows)?;
        let put = [Write::from(put)];
        self.commit(change, put.into_iter().chain(others)).await
    }

    /// Saves a change, and what belongs to it, in one transaction.
    pub(super) async fn commit(
        &self,
        change: IncidentChange,
        also: impl IntoIterator<Item = Write>,
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
        let cause = incident.count_cause();
        let kept = self.retention;
        // One that opens again is written again, without an end.
        let end = kept.incidents.filter(|_| !incident.is_open());
        let end = end.map(|days| Timestamp::now() + days);
        let documents = details::apart(&incident)?;
        let details = documents.details.and_then(|details| {
            let put = details.put_unless_stored(&incident, end);
            incident.stored_details = Some(details.stored(end));
            put
        });
        let mut writes = vec![incident_put(&incident, documents.state, before, end).into()];
        writes.extend(details.map(Write::from));
        let entry = |entry| {
            let item = entry_item(&incident.id, entry, kept);
            // An entry is never written over.
            Write::from(put_over_version(item, 0))
        };
        writes.extend(entries.iter().map(entry));
        if let Some((storm, member)) = StormMember::from_incident(&incident) {
            writes.push(storm::member(&storm, &member).into());
        }
        if let Some((run, report)) = Report::from_incident(&incident) {
            let now = entries.last().map_or(incident.opened_at, |entry| entry.at);
            writes.push(pipeline_run::report(&run, &report, now).into());
        }
        writes.extend(ended.as_ref().map(|run| Write::from(runs::put_run(run))));
        let printed = kept
            .output
            .and_then(|time| output::pointer(&incident.id, &entries, time));
        writes.extend(printed.map(Write::from));
        writes.extend(also);
        writes.extend(ended.map(|run| Write::from(ledger::counted(&run, after_all))));
        writes.extend(cause.map(|change| Write::from(causes::counted(&change))));
        match self.transact(writes).await? {
            Transacted::Done => Ok(incident),
            Transacted::Refused(_) => Err(StoreError::Conflict),
        }
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
        let keys::Key { pk, sk: first } = keys::log_entry(id, sequence.saturating_add(1));
        let query = self.query_range(pk, first, keys::LOG_END.to_owned());
        all_pages(query).await?.iter().map(entry).collect()
    }
}

/// The write of an incident's own item.
fn incident_put(
    incident: &Incident,
    document: String,
    before: u64,
    end: Option<Timestamp>,
) -> PutBuilder {
    let fields = [
        ("doc", text(document)),
        ("version", number(incident.version)),
        ("status", text(incident.status.as_str())),
    ];
    // An index holds the items that have its attribute. Both are sorted by the id.
    let shard = |list: IncidentList| (list.attribute(), text(list.partition_of(&incident.id)));
    let listed = [
        shard(IncidentList::All),
        ("incident_id", text(incident.id.as_str())),
    ];
    let open = incident.is_open().then(|| shard(IncidentList::Open));
    let details = incident.stored_details.as_ref();
    let details = details.map(|details| (details::NAME, text(&details.digest)));
    let end = end.map(|end| ("expires_at", seconds(end)));
    let fields = fields.into_iter().chain(listed).chain(open).chain(details);
    let item = keys::incident(&incident.id).item(fields.chain(end));
    put_over_version(item, before)
}

/// The item of an entry.
fn entry_item(incident: &IncidentId, entry: &Entry, kept: Retention) -> Item {
    let fields = [
        ("seq", number(entry.sequence)),
        ("at", text(entry.at.to_string())),
        ("event", text(entry.event.as_str())),
        ("actor", text(&entry.actor)),
        ("detail", text(&entry.detail)),
        ("success", flag(entry.success)),
        ("context", text(entry.context.to_string())),
        ("prev", text(&entry.previous)),
        ("hash", text(&entry.hash)),
    ];
    let error = entry.error.as_ref().map(|error| ("error", text(error)));
    let end = kept.log_entries;
    let end = end.map(|days| ("expires_at", seconds(entry.at + days)));
    let more = error.into_iter().chain(end);
    let key = keys::log_entry(incident, entry.sequence);
    key.item(fields.into_iter().chain(more))
}

/// An id for an incident that opens now.
pub fn fresh_incident_id(now: Timestamp) -> IncidentId {
    let milliseconds = u64::try_from(now.as_millisecond()).unwrap_or_default();
    let ulid = Ulid::from_parts(milliseconds, Ulid::generate().random());
    match IncidentId::try_from(ulid.to_string()) {
        Ok(id) => id,
        Err(_) => unreachable!("a ULID is an incident id"),
    }
}

/// Reads an incident's item, and that of its details where it names them.
pub(super) fn read(item: &Item, details: Option<&Item>) -> Result<Incident, StoreError> {
    let reader = Reader::new(item);
    let mut incident: Incident = match details {
        Some(details) => details::together(&reader, &Reader::new(details))?,
        None => reader.json("doc")?,
    };
    incident.stored_details = details.and_then(details::stored_in);
    incident.version = reader.number("version")?;
    Ok(incident)
}

/// Reads of an incident's item only where its log ends.
pub(super) fn head(item: &Item) -> Result<(IncidentId, Head), StoreError> {
    #[derive(Deserialize)]
    struct Logged {
        id: IncidentId,
        log_head: Head,
    }
    let Logged { id, log_head } = Reader::new(item).json("doc")?;
    Ok((id, log_head))
}

/// Reads an entry of an operation log.
pub(super) fn entry(item: &Item) -> Result<Entry, StoreError> {
    let reader = Reader::new(item);
    let at = reader.text("at")?.parse::<Timestamp>();
    let event = serde_json::from_value(Value::String(reader.string("event")?));
    Ok(Entry {
        sequence: reader.number("seq")?,
        at: at.map_err(|error| reader.unreadable(format!("at: {error}")))?,
        event: event.map_err(|error| reader.unreadable(format!("event: {error}")))?,
        actor: reader.string("actor")?,
        detail: reader.string("detail")?,
        success: reader.flag("success")?,
        error: reader.optional_text("error").map(str::to_owned),
        context: reader.json("context")?,
        previous: reader.string("prev")?,
        hash: reader.string("hash")?,
        erased: reader.optional_flag("erased")?,
        taken: reader
            .optional_text("taken")
            .map_or_else(Vec::new, |all| all.split(' ').map(str::to_owned).collect()),
    })
}
