//! Takes a batch of changes into the board, or checks the board against the index: load, read, project, save.

use std::collections::BTreeSet;

use aws::retry::{CONFLICTS, wait_or};
use domain::notification::board::{Found, Projection, SHOWN, project};
use domain::primitives::id::IncidentId;
use jiff::Timestamp;
use store::{LoadedBoard, StoreError, StoredBoard};
use tracing::{debug, error, info, warn};

use crate::app::{App, Failure};
use crate::event::Input;

/// How many incidents are read at once, and held in memory.
const READ_AT_ONCE: usize = 500;
/// How often the schedule has the board checked (`rate(5 minutes)` in template.yaml).
const CHECK_SECONDS: i64 = 300;
/// With what an id can end, in Crockford's base 32. Each check counts the incidents again whose ids end with the next one, so that each
/// incident is read within three hours, whatever became of its change in the stream.
const ENDS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

impl App {
    /// Takes a batch into the board. It is done once for all of it: a batch that fails comes again whole.
    ///
    /// # Errors
    /// If the batch has to come again.
    pub async fn handle(&self, input: &Input, now: Timestamp) -> Result<(), Failure> {
        let mut waits = CONFLICTS.waits();
        loop {
            match self.renew(input, now).await {
                // Another shard's batch was written in between.
                Err(Failure::Store(conflict @ StoreError::Conflict)) => {
                    wait_or(waits.next(), conflict).await?;
                }
                ended => return ended,
            }
        }
    }

    async fn renew(&self, input: &Input, now: Timestamp) -> Result<(), Failure> {
        // Before any incident is read: whoever writes in between refuses this write.
        let loaded = self.store.load_board().await?;
        let mut projection = self.counted(&loaded, input.is_check(), now).await?;
        for ids in groups(input.changed()) {
            projection = project(projection, self.read(&ids).await?);
        }
        loop {
            let moved_up = projection.missing();
            if moved_up.is_empty() {
                break;
            }
            projection = project(projection, self.read(&moved_up).await?);
        }
        let stored = StoredBoard {
            as_of: now,
            board: projection.board(),
        };
        let open = stored.board.counts.open;
        let census = projection.census();
        // A check says by its time that the board is looked after.
        let always = input.is_check();
        let written = self
            .store
            .save_board(&loaded, census, stored, always)
            .await?;
        debug!(open, written, "the board is up to date");
        Ok(())
    }

    /// What is stored; for a check without its rows, so that they are read anew, and with what is doubtful counted again. Where nothing is
    /// stored that this version reads, all that the index has is counted.
    async fn counted(
        &self,
        loaded: &LoadedBoard,
        check: bool,
        now: Timestamp,
    ) -> Result<Projection, Failure> {
        let census = loaded.census.clone();
        let (mut projection, ids) = match &loaded.stored {
            Some(stored) if !check => {
                return Ok(Projection::new(census, stored.board.rows.clone(), SHOWN));
            }
            Some(_) => {
                let ids = self.doubtful(loaded, now).await?;
                (Projection::new(census, Vec::new(), SHOWN), ids)
            }
            None => {
                let ids: BTreeSet<IncidentId> = self.open_incidents().await?;
                info!(open = ids.len(), "the board is made anew");
                (Projection::empty(SHOWN), ids)
            }
        };
        for ids in groups(ids) {
            let (marks, unreadable) = self.store.marks(&ids).await?;
            for error in unreadable {
                error!(error = %error, "an incident cannot be shown on the board");
            }
            for (id, mark) in marks {
                projection.count(&id, mark);
            }
        }
        Ok(projection)
    }

    /// The incidents that a check counts again: those that the index and the census do not agree on, those that could not be read, and a
    /// part of all others.
    async fn doubtful(
        &self,
        loaded: &LoadedBoard,
        now: Timestamp,
    ) -> Result<BTreeSet<IncidentId>, Failure> {
        let listed = self.open_incidents().await?;
        let known: BTreeSet<IncidentId> = loaded.census.iter().map(|(id, _)| id.clone()).collect();
        let mut ids: BTreeSet<IncidentId> = listed.symmetric_difference(&known).cloned().collect();
        if !ids.is_empty() {
            // The index follows the table by a moment: some are none that the stream has lost.
            warn!(
                incidents = ids.len(),
                "the board and the index do not agree"
            );
        }
        let turn = now.as_second().div_euclid(CHECK_SECONDS).rem_euclid(32);
        let end = usize::try_from(turn).ok().and_then(|turn| ENDS.get(turn));
        let has_its_turn = |id: &&IncidentId| id.as_str().as_bytes().last() == end;
        ids.extend(known.iter().filter(has_its_turn).cloned());
        ids.extend(loaded.census.unreadable().cloned());
        Ok(ids)
    }

    async fn open_incidents(&self) -> Result<BTreeSet<IncidentId>, Failure> {
        Ok(self.store.open_incidents().await?.into_iter().collect())
    }

    /// Incidents as they are now, after every write that was answered.
    async fn read(&self, ids: &[IncidentId]) -> Result<Vec<(IncidentId, Found)>, Failure> {
        let channels = self.channels()?;
        let history = self.store.incidents(ids, true).await?;
        for unreadable in &history.unreadable {
            error!(error = %unreadable, "an incident cannot be shown on the board");
        }
        let mut found: Vec<(IncidentId, Found)> = history
            .incidents
            .iter()
            .map(|incident| (incident.id.clone(), Found::of(incident, channels)))
            .collect();
        let read: BTreeSet<&IncidentId> = history.incidents.iter().map(|one| &one.id).collect();
        for id in ids.iter().filter(|id| !read.contains(id)) {
            let unreadable = history.unreadable_ids.contains(id);
            let what = if unreadable {
                Found::Unreadable
            } else {
                Found::Gone
            };
            found.push((id.clone(), what));
        }
        Ok(found)
    }
}

fn groups(ids: impl IntoIterator<Item = IncidentId>) -> Vec<Vec<IncidentId>> {
    let ids: Vec<IncidentId> = ids.into_iter().collect();
    ids.chunks(READ_AT_ONCE)
        .map(<[IncidentId]>::to_vec)
        .collect()
}
