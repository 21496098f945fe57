//! History pointers: lists of the incidents of one fingerprint, of one target, of one redundancy group, or of one alert group.
//!
//! Each incident leaves pointers, items without content whose sort key is its id: ids sort by time,
//! so that one query reads the newest of a list, with neither a scan nor an index. The incident
//! itself is read from its own item.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::future::try_join_all;
use jiff::SignedDuration;

use super::attributes::{Item, Reader, seconds};
use super::incident::read;
use super::keys::{self, Key};
use super::request::{newest, put};
use super::retry::patiently;
use super::{Store, StoreError, details};
use domain::alert::Alert;
use domain::incident::Incident;
use domain::policy::precedent::Near;
use domain::primitives::id::{Fingerprint, IncidentId};

/// Time in which an incident is found by its fingerprint, counted from its opening.
const PAST_KEPT_FOR: SignedDuration = SignedDuration::from_hours(400 * 24);
/// How long an open incident is found by its surroundings.
const NEAR_KEPT_FOR: SignedDuration = SignedDuration::from_hours(30 * 24);
/// How many of the newest incidents of a target, and of a group, are looked at to find those that are open.
const NEAR_LOOKED_AT: u32 = 25;
/// How many of the newest incidents of an alert group are found. A group of more would mostly be a storm before.
const ALERT_GROUP_LOOKED_AT: u32 = 200;
/// Every id is smaller than this.
const END: &str = "~";

/// Incidents that were looked for, newest first.
#[derive(Debug, Default)]
pub struct History {
    /// Those that could be read.
    pub incidents: Vec<Incident>,
    /// Why others could not: one bad item does not hide the rest, but who draws conclusions has to know that there is more.
    pub unreadable: Vec<StoreError>,
    /// Which they are.
    pub unreadable_ids: BTreeSet<IncidentId>,
}

impl Store {
    /// Leaves the pointers by which others find an incident. Seen twice, it writes the same. Each is a request of its own, at the same
    /// time and price: the right to write batches is one to delete as well
    /// (<https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazondynamodb.html>).
    ///
    /// # Errors
    /// If the table does not answer, or takes only a part.
    pub async fn remember(&self, incident: &Incident, near: &Near) -> Result<(), StoreError> {
        let (target, group) = keys::near_partitions(near);
        let fingerprint = keys::fingerprint_partition(&incident.fingerprint);
        let alerts = incident.alert.alert_group();
        let alerts = alerts.as_deref().map(keys::alert_group_partition);
        let lists = [(fingerprint, PAST_KEPT_FOR), (target, NEAR_KEPT_FOR)];
        let near = group.into_iter().chain(alerts);
        let writes = lists
            .into_iter()
            .chain(near.map(|list| (list, NEAR_KEPT_FOR)))
            .map(|(list, kept_for)| pointer(list, incident, kept_for))
            .map(|pointer| async move { patiently(|| self.put(put(pointer.clone()))).await });
        try_join_all(writes).await.map(drop)
    }

    /// The newest incidents of a fingerprint that were opened before this one, ended or not.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn past(
        &self,
        fingerprint: &Fingerprint,
        before: &IncidentId,
        limit: u32,
    ) -> Result<History, StoreError> {
        // One more: the range of a query includes its end.
        let mut ids = self
            .newest(
                keys::fingerprint_partition(fingerprint),
                before.as_str(),
                limit.saturating_add(1),
            )
            .await?;
        ids.remove(before);
        self.read_newest(ids, limit, |_| true).await
    }

    /// The newest incidents that are still open on the same target or in the same redundancy group, without `except`.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn open_near(
        &self,
        near: &Near,
        except: &IncidentId,
        limit: u32,
    ) -> Result<History, StoreError> {
        let (target, group) = keys::near_partitions(near);
        let in_group = async {
            match group {
                Some(group) => self.newest(group, END, NEAR_LOOKED_AT).await,
                None => Ok(BTreeSet::new()),
            }
        };
        let (mut ids, in_group) =
            tokio::try_join!(self.newest(target, END, NEAR_LOOKED_AT), in_group)?;
        ids.extend(in_group);
        ids.remove(except);
        self.read_newest(ids, limit, Incident::is_open).await
    }

    /// The newest incidents of the group in which Alertmanager sends an alert, ended or not; none where the alert came in no group.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn alert_group(&self, alert: &Alert) -> Result<BTreeSet<IncidentId>, StoreError> {
        match alert.alert_group() {
            Some(group) => {
                let list = keys::alert_group_partition(&group);
                self.newest(list, END, ALERT_GROUP_LOOKED_AT).await
            }
            None => Ok(BTreeSet::new()),
        }
    }

    /// The newest ids of a list, up to `end`.
    async fn newest(
        &self,
        list: String,
        end: &str,
        limit: u32,
    ) -> Result<BTreeSet<IncidentId>, StoreError> {
        let end = format!("{}{end}", keys::POINTER);
        let query = self.query_range(list, keys::POINTER.to_owned(), end);
        newest(query, limit).await?.iter().map(pointed_at).collect()
    }

    async fn read_newest(
        &self,
        ids: BTreeSet<IncidentId>,
        limit: u32,
        wanted: impl Fn(&Incident) -> bool,
    ) -> Result<History, StoreError> {
        let ids: Vec<IncidentId> = ids.into_iter().collect();
        let mut history = self.incidents(&ids, true).await?;
        history.incidents.retain(wanted);
        history
            .incidents
            .truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        Ok(history)
    }

    /// The incidents of these ids, newest first; those that are deleted are left out. With `consistent` they are as after every
    /// write that was answered, at twice the price.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn incidents(
        &self,
        ids: &[IncidentId],
        consistent: bool,
    ) -> Result<History, StoreError> {
        let keys: Vec<Key> = ids.iter().map(keys::incident).collect();
        let items = self.get_all(&keys, consistent).await?;
        let apart = items
            .iter()
            .filter(|item| details::named_by(item).is_some());
        let keys: Vec<Key> = apart
            .filter_map(keys::incident_of)
            .map(|id| keys::details(&id))
            .collect();
        let of_incident = |item| Some((keys::incident_of(&item)?, item));
        let all_details = self.get_all(&keys, consistent).await?;
        let all_details: BTreeMap<IncidentId, Item> =
            all_details.into_iter().filter_map(of_incident).collect();
        let mut history = History::default();
        for item in &items {
            let id = keys::incident_of(item);
            let details = id.as_ref().and_then(|id| all_details.get(id));
            let found = match id.filter(|_| !details::fit(item, details)) {
                // The one or the other was written between the two reads.
                Some(id) => self.incident(&id).await,
                None => read(item, details).map(Some),
            };
            match found {
                Ok(incident) => history.incidents.extend(incident),
                Err(error) if error.is_transient() => return Err(error),
                Err(error) => {
                    history.unreadable.push(error);
                    history.unreadable_ids.extend(keys::incident_of(item));
                }
            }
        }
        history
            .incidents
            .sort_by(|one, other| other.id.cmp(&one.id));
        Ok(history)
    }
}

fn pointer(list: String, incident: &Incident, kept_for: SignedDuration) -> Item {
    let fields = [("expires_at", seconds(incident.opened_at + kept_for))];
    keys::pointer(list, &incident.id).item(fields)
}

fn pointed_at(item: &Item) -> Result<IncidentId, StoreError> {
    let reader = Reader::new(item);
    let id = reader.text("sk")?.strip_prefix(keys::POINTER);
    id.and_then(|id| IncidentId::try_from(id).ok())
        .ok_or_else(|| reader.unreadable("it points at no incident"))
}
