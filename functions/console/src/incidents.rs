//! Lists of incidents: the open ones for the board, and pages of all of them for the history and the API.

use domain::incident::{Incident, Status};
use domain::notification::board::{Board, Found, Projection, SHOWN};
use domain::notification::channels::Channels;
use domain::primitives::id::IncidentId;
use jiff::{SignedDuration, Timestamp};
use store::{IncidentList, Store, StoreError, first_id_of, last_id_of};
use tracing::error;

use crate::filter::Filter;

/// How old a board is taken that its function keeps: it is checked every five minutes.
const OLDEST: SignedDuration = SignedDuration::from_mins(15);
/// How many of the newest open ones are read where there is no such board.
const READ: usize = 1_000;
/// How many ids are asked for, and how many of their incidents are read, at once.
const STEP: u32 = 100;
/// How many incidents one page of a list looks at, at most: a filter that fits few of them is answered in time, with a
/// cursor behind what was looked at.
const LOOKED_AT: usize = 500;

/// The open incidents, those of storms counted apart.
#[derive(Debug)]
pub(crate) struct Open {
    pub(crate) read_at: Timestamp,
    pub(crate) board: Board,
    /// How many of the newest were read, where the board was made here from the index of open incidents.
    pub(crate) read: Option<usize>,
}

impl Open {
    /// Reads the board that its function keeps, in one read. Where it is missing or old, the index of open incidents is read and the
    /// newest of them.
    ///
    /// # Errors
    /// If the table does not answer.
    pub(crate) async fn read(
        store: &Store,
        channels: &Channels,
        now: Timestamp,
    ) -> Result<Self, StoreError> {
        let kept = store.board().await?;
        let kept = kept.filter(|kept| now.duration_since(kept.as_of).abs() < OLDEST);
        match kept {
            Some(kept) => Ok(Self {
                read_at: now,
                board: kept.board,
                read: None,
            }),
            None => Self::from_index(store, channels, now).await,
        }
    }

    async fn from_index(
        store: &Store,
        channels: &Channels,
        now: Timestamp,
    ) -> Result<Self, StoreError> {
        let ids = store.open_incidents().await?;
        let newest = ids.len().saturating_sub(READ);
        let history = store.incidents(&ids[newest..], false).await?;
        for unreadable in &history.unreadable {
            error!(error = %unreadable, "an incident cannot be shown");
        }
        let mut projection = Projection::empty(SHOWN);
        for incident in &history.incidents {
            projection.take(incident.id.clone(), Found::of(incident, channels));
        }
        for id in history.unreadable_ids {
            projection.take(id, Found::Unreadable);
        }
        let mut board = projection.board();
        // Older ones were not read, and are open by the index.
        board.counts.open += newest;
        Ok(Self {
            read_at: now,
            board,
            read: Some(history.incidents.len()),
        })
    }

    /// How many of the newest were read, if there are more.
    pub(crate) fn read_of_more(&self) -> Option<usize> {
        self.read.filter(|read| *read < self.board.counts.open)
    }

    /// The incidents whose plan is approved or runs, as they are now.
    ///
    /// # Errors
    /// If the table does not answer.
    pub(crate) async fn repairing(&self, store: &Store) -> Result<Vec<Incident>, StoreError> {
        let history = store.incidents(&self.board.repairing, false).await?;
        let mut incidents = history.incidents;
        incidents
            .retain(|incident| matches!(incident.status, Status::Approved | Status::Repairing));
        Ok(incidents)
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
