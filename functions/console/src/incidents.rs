//! Lists of incidents: the open ones for the board, and pages of all of them for the history and the API.

use std::collections::BTreeMap;

use domain::incident::{Incident, Status};
use domain::notification::channels::Channels;
use domain::primitives::id::IncidentId;
use jiff::Timestamp;
use store::{IncidentList, Store, StoreError, first_id_of, last_id_of};
use tracing::error;

use crate::filter::Filter;
use crate::view::summary::urgency_first;

/// How many open incidents the board shows.
pub(crate) const SHOWN: usize = 200;
/// How many of the newest open ones are read to find them: those of a storm are shown by the storm.
const READ: usize = 1_000;
/// How many ids are asked for, and how many of their incidents are read, at once.
const STEP: u32 = 100;
/// How many incidents one page of a list looks at, at most: a filter that fits few of them is answered in time, with a
/// cursor behind what was looked at.
const LOOKED_AT: usize = 500;

/// The open incidents, without those that a storm shows.
#[derive(Debug)]
pub(crate) struct Open {
    pub(crate) as_of: Timestamp,
    /// The worst first, and the newest of them first; [`SHOWN`] at most.
    pub(crate) incidents: Vec<Incident>,
    /// Those whose plan is approved or runs, of all that were read.
    pub(crate) repairing: Vec<Incident>,
    /// How many incidents are open, those of storms among them. The index follows the table by a moment.
    pub(crate) open: usize,
    /// How many of the newest were read.
    pub(crate) read: usize,
    /// How many of those belong to storms.
    pub(crate) in_storms: usize,
    /// How many of those are not shown, because there are more than [`SHOWN`].
    pub(crate) left_out: usize,
    /// How many could not be read.
    pub(crate) unreadable: usize,
}

impl Open {
    /// Reads the index of open incidents, and the newest of them.
    ///
    /// # Errors
    /// If the table does not answer.
    pub(crate) async fn read(store: &Store, now: Timestamp) -> Result<Self, StoreError> {
        let ids = store.open_incidents().await?;
        let newest = ids.len().saturating_sub(READ);
        let history = store.incidents(&ids[newest..], false).await?;
        for unreadable in &history.unreadable {
            error!(error = %unreadable, "an incident cannot be shown");
        }
        let (read, unreadable) = (history.incidents.len(), history.unreadable.len());
        // The index may still have one that has just ended.
        let mut incidents = history.incidents;
        incidents.retain(Incident::is_open);
        let open = incidents.len();
        incidents.retain(|incident| incident.status != Status::InStorm);
        let in_storms = open - incidents.len();
        let runs =
            |incident: &&Incident| matches!(incident.status, Status::Approved | Status::Repairing);
        let repairing = incidents.iter().filter(runs).cloned().collect();
        incidents.sort_by(urgency_first);
        let left_out = incidents.len().saturating_sub(SHOWN);
        incidents.truncate(SHOWN);
        Ok(Self {
            as_of: now,
            incidents,
            repairing,
            open: ids.len() - (read - open),
            read,
            in_storms,
            left_out,
            unreadable,
        })
    }

    /// How many of those that are shown have each urgency.
    pub(crate) fn by_severity(&self) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        for incident in &self.incidents {
            *counts
                .entry(format!("{:?}", incident.severity))
                .or_default() += 1;
        }
        counts
    }
}

/// A page of a list, newest first.
#[derive(Debug, Default)]
pub(crate) struct Page {
    pub(crate) incidents: Vec<Incident>,
    /// The id before which the next page begins; none at the end.
    pub(crate) next: Option<IncidentId>,
    /// How many incidents were looked at.
    pub(crate) looked_at: usize,
}

/// The incidents that a filter fits, newest first.
///
/// # Errors
/// If the table does not answer.
pub(crate) async fn page(
    store: &Store,
    filter: &Filter,
    channels: &Channels,
    now: Timestamp,
) -> Result<Page, StoreError> {
    let list = if filter.open == Some(true) {
        IncidentList::Open
    } else {
        IncidentList::All
    };
    let first = filter
        .from
        .map_or(first_id_of(Timestamp::UNIX_EPOCH), first_id_of);
    let newest = filter.to.map_or(last_id_of(now), last_id_of);
    let mut page = Page::default();
    let mut before = filter.cursor.clone();
    loop {
        let last = before
            .as_ref()
            .map_or(&newest, |before| before.min(&newest));
        if first > *last {
            page.next = None;
            return Ok(page);
        }
        let listed = store.list(list, (&first, last), STEP).await?;
        let end = listed.ids.last().cloned();
        let behind = |id: &IncidentId| before.as_ref() != Some(id);
        let ids: Vec<IncidentId> = listed.ids.into_iter().filter(behind).collect();
        let history = store.incidents(&ids, false).await?;
        for unreadable in &history.unreadable {
            error!(error = %unreadable, "an incident cannot be listed");
        }
        for incident in history.incidents {
            page.looked_at += 1;
            if filter.fits(&incident, channels) {
                page.next = Some(incident.id.clone());
                page.incidents.push(incident);
                if page.incidents.len() == filter.limit {
                    return Ok(page);
                }
            }
        }
        before = end.filter(|_| !listed.ends);
        page.next.clone_from(&before);
        if before.is_none() || page.looked_at >= LOOKED_AT {
            return Ok(page);
        }
    }
}
