//! That somebody looks again at an approval, or at what became of its repair: one chain of delayed messages for each, however often its
//! incident changes.

use jiff::{SignedDuration, Timestamp};

use super::attributes::{Item, Reader, millis, number};
use super::keys::incident_key as key;
use super::{Store, StoreError, failed};
use domain::primitives::id::ApprovalId;

/// How long it is kept after its look was due: by then it is decided, void or looked at again.
const KEPT_FOR: SignedDuration = SignedDuration::from_hours(24);

/// For what somebody looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FollowUp {
    /// Whether somebody has decided.
    Decision,
    /// Whether the alert has resolved after the repair.
    Resolution,
}

impl Store {
    /// When the next look is due, if one is under way.
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

    /// Notes when the next look is due. The last to note it counts: a look too many changes nothing.
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
