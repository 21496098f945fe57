//! Follow-up checks of incidents on which nobody is: they end a snooze whose time is over, and call the next level of a team.

use domain::incident::Incident;
use domain::incident::change::IncidentChange;
use domain::primitives::id::IncidentId;
use domain::primitives::time::Clock;
use domain::transition::attention::attention_at;
use jiff::Timestamp;
use store::FollowUp;
use wire::message::Message;

use crate::app::{App, Failure};

impl App {
    /// Schedules a check of whether somebody has to be called, if that may become so.
    ///
    /// # Errors
    /// If the queue or the table does not answer.
    pub(crate) async fn watch_attention(
        &self,
        incident: &Incident,
        now: Timestamp,
    ) -> Result<(), Failure> {
        match attention_at(incident, &self.channels) {
            Some(at) => {
                self.look_no_later(FollowUp::Attention(&incident.id), at, now)
                    .await
            }
            None => Ok(()),
        }
    }

    /// Ends a snooze and calls people, if it is time for that.
    ///
    /// # Errors
    /// If the queue or the table does not answer; looking again changes nothing twice.
    pub async fn attention_due(&self, id: &IncidentId, clock: Clock<'_>) -> Result<(), Failure> {
        let Some(incident) = self.store.incident(id).await? else {
            return Ok(());
        };
        let now = clock();
        let look = |change: &mut IncidentChange| {
            change.end_snooze(now);
            change.call_next_level(&self.channels, now);
        };
        let (incident, ()) = self.store.change_loaded(incident, look).await?;
        let next = attention_at(&incident, &self.channels);
        if next.is_none() {
            // Over. If it comes back, its checks begin anew, and do not wait for this one.
            let long_ago = Timestamp::UNIX_EPOCH;
            let look = FollowUp::Attention(id);
            self.store.look_is_due(look, long_ago).await?;
        }
        // Also if it was not this look that changed it: the one that did may have ended before it sent this.
        let changed = Message::IncidentChanged {
            incident_id: id.clone(),
        };
        self.notifications.send(&changed).await?;
        match next {
            Some(at) => self.look_again(FollowUp::Attention(id), at, now).await,
            None => Ok(()),
        }
    }
}
