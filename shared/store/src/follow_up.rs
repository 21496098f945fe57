//! Schedules follow-up checks for an approval or a repair: one chain of delayed messages for each,
//! however often the incident changes.

use jiff::{SignedDuration, Timestamp};

use super::attributes::{Item, Reader, millis, number};
use super::keys::incident_key as key;
use super::{Store, StoreError, failed};
use domain::primitives::id::ApprovalId;

/// Retention after the check was due: by then the approval is decided, void or checked again.
const KEPT_FOR: SignedDuration = SignedDuration::from_hours(24);

/// Purpose of a follow-up check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FollowUp {
    /// Whether the approval is decided.
    Decision,
    /// Whether the alert has resolved after the repair.
    Resolution,
}

impl Store {
    /// When the next check is due, if one is scheduled.
    ///
    /// # Errors
    /// If the table does not answer or the item cannot be read.
    pub async fn next_look(
        &self,
        look: FollowUp,
        approval: &ApprovalId,
    ) -> Result<Option<Timestamp>, StoreError> {
        let request = self
            .client
            .get_item()
            .table_name(&self.table)
            .set_key(Some(watch(look, approval)))
            .consistent_read(true);
        let answer = request.send().await.map_err(|error| failed(&error))?;
        answer
            .item()
            .map(|item| Reader::new(item).millis("due"))
            .transpose()
    }

    /// Records when the next check is due. The last record counts: an extra check changes nothing.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn look_is_due(
        &self,
        look: FollowUp,
        approval: &ApprovalId,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let mut item = watch(look, approval);
        item.insert("due".to_owned(), millis(at));
        item.insert("expires_at".to_owned(), number((at + KEPT_FOR).as_second()));
        let request = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item));
        request
            .send()
            .await
            .map(drop)
            .map_err(|error| failed(&error))
    }
}

fn watch(look: FollowUp, approval: &ApprovalId) -> Item {
    let kind = match look {
        FollowUp::Decision => "WATCH",
        FollowUp::Resolution => "RESOLUTION",
    };
    key(&approval.incident(), &format!("{kind}#{approval}"))
}
