//! The control table: what stops repairs and who may decide, apart from what functions write about
//! incidents. Nobody but the operator deletes from it. Of the functions the bridge writes the steps that
//! ran, the repair function its locks and the witness its tree: each its own items and no others
//! (decisions 27, 31, 34).

use aws::lazy_client::LazyClient;
use aws_sdk_dynamodb::Client;
use jiff::{SignedDuration, Timestamp};

use super::attributes::{millis, seconds};
use super::keys::{self, StepTry};
use super::request::put;
use super::{Store, StoreError};

/// How long it is known that a step ran: longer than any decision lets one run.
const KEPT_FOR: SignedDuration = SignedDuration::from_hours(30 * 24);

/// The kill switch, the steps that ran, people's tokens, and the witness's tree.
#[derive(Debug, Clone)]
pub struct ControlTable(pub(super) Store);

impl ControlTable {
    /// The control table of this name.
    pub fn new(client: impl Into<LazyClient<Client>>, table: String) -> Self {
        Self(Store::new(client, table))
    }

    /// Records that a try of a step runs now. False if it was recorded before.
    ///
    /// # Errors
    /// If the table does not answer; whether it is recorded is unknown then.
    pub async fn claim(&self, of: StepTry<'_>, now: Timestamp) -> Result<bool, StoreError> {
        let fields = [("at", millis(now)), ("expires_at", seconds(now + KEPT_FOR))];
        let item = keys::step_try(of).item(fields);
        let once = put(item).condition_expression("attribute_not_exists(pk)");
        Ok(self.0.put(once).await?.is_done())
    }
}
