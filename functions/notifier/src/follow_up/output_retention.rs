//! Daily erasure of what the steps of repairs printed, once it has been kept for its time.

use std::time::{Duration, Instant};

use domain::incident::erasure::{ErasedEntry, Erasure};
use domain::primitives::id::IncidentId;
use domain::primitives::time::{Clock, utc_day};
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp, ToSpan as _};
use store::ErasedBy;
use tracing::info;
use wire::message::Message;

use crate::app::{App, Failure};

/// The actor of the log's entry.
const ACTOR: &str = "notifier";
/// What the erasure of one incident may take: none is begun with less left.
const ONE_ERASURE: Duration = Duration::from_secs(5);

impl App {
    /// Erases the output of every day that is over for long enough, oldest day first. What is left when the invocation ends goes on in
    /// another message.
    ///
    /// # Errors
    /// If the queue or the table does not answer; a repeated message erases nothing twice.
    pub(crate) async fn output_retention_due(
        &self,
        clock: Clock<'_>,
        until: Instant,
    ) -> Result<(), Failure> {
        let Some(kept) = self.store.output_kept_for() else {
            return Ok(());
        };
        let last_over = day_before(utc_day(clock() - kept));
        let mut day = match self.store.output_erased_until().await? {
            Some(erased) => day_behind(erased),
            // Nothing was listed before the retention was set: the first list is the oldest there is.
            None => last_over,
        };
        while day <= last_over {
            for id in self.store.with_output_of(day).await? {
                if Instant::now() + ONE_ERASURE > until {
                    let again = Message::OutputRetentionTimer {};
                    self.notifications.send(&again).await?;
                    return Ok(());
                }
                if !self.erase_output(&id, last_over, kept, clock()).await? {
                    // It is open, or busy: it is tried again with the next day's.
                    self.store.list_output(day_behind(last_over), &id).await?;
                }
                self.store.unlist_output(day, &id).await?;
            }
            self.store.output_is_erased_until(day).await?;
            day = day_behind(day);
        }
        Ok(())
    }

    /// Erases what an incident's steps printed. False if it has to be tried again another day.
    async fn erase_output(
        &self,
        id: &IncidentId,
        last_over: Date,
        kept: SignedDuration,
        now: Timestamp,
    ) -> Result<bool, Failure> {
        let Some(incident) = self.store.incident(id).await? else {
            return Ok(true);
        };
        let log = self.store.log(id).await?;
        let entries: Vec<ErasedEntry> = log
            .iter()
            .filter_map(|e| Erasure::Output.entry(e))
            .collect();
        let Some(last) = entries.last() else {
            return Ok(true);
        };
        // Later output has put the incident on the list of its own day, and is erased together with this.
        if utc_day(last.after.at) > last_over {
            return Ok(true);
        }
        if incident.is_open() {
            return Ok(false);
        }
        let why = format!("kept for {} days", kept.as_hours() / 24);
        let by = ErasedBy {
            by: ACTOR,
            why: &why,
            at: now,
        };
        self.store.erase(id, &Erasure::Output, &entries, by).await?;
        info!(incident_id = %id, entries = entries.len(), "the output of steps was erased after its retention");
        Ok(true)
    }
}

fn day_behind(day: Date) -> Date {
    day.saturating_add(1.day())
}

fn day_before(day: Date) -> Date {
    day.saturating_sub(1.day())
}
