//! Schedules follow-up checks for an approval, a repair, an episode, or an incident on which nobody is: one chain of delayed messages for each,
//! however often the incident changes.

use jiff::{SignedDuration, Timestamp};

use super::attributes::{Reader, millis, seconds};
use super::keys::{self, FollowUp};
use super::request::put;
use super::{Store, StoreError};

/// Retention after the check was due: by then the approval is decided, void or checked again.
const KEPT_FOR: SignedDuration = SignedDuration::from_hours(24);

impl Store {
    /// When the next check is due, if one is scheduled.
    ///
    /// # Errors
    /// If the table does not answer or the item cannot be read.
    pub async fn next_look(&self, look: FollowUp<'_>) -> Result<Option<Timestamp>, StoreError> {
        let item = self.get(keys::follow_up(look)).await?;
        item.map(|item| Reader::new(&item).millis("due"))
            .transpose()
    }

    /// Records when the next check is due. The last record counts: an extra check changes nothing.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn look_is_due(&self, look: FollowUp<'_>, at: Timestamp) -> Result<(), StoreError> {
        let fields = [("due", millis(at)), ("expires_at", seconds(at + KEPT_FOR))];
        let item = keys::follow_up(look).item(fields);
        self.put(put(item)).await.map(drop)
    }
}
