//! Access to the one DynamoDB table (DESIGN §6). Every write carries the condition under which it
//! is right.

mod attributes;
mod budget;
mod card;
mod channel;
mod episode;
mod flow;
mod follow_up;
mod history;
mod incident;
mod join;
mod keys;
mod kill_switch;
mod ledger;
mod lock;
mod outbox;
mod receipt;
mod runs;
mod storm;
mod transaction;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};
use thiserror::Error;

use aws::BUSY;
use aws::lazy_client::LazyClient;

pub use budget::{Reservation, Reserved};
pub use card::{CardOf, StoredCard};
pub use channel::ChannelTurn;
pub use follow_up::FollowUp;
pub use history::History;
pub use incident::fresh_incident_id;
pub use join::{Join, Joins};
pub use lock::{Held, Holder};
pub use receipt::Receipt;
pub use storm::StormAdmission;

/// Why the store did not do what was asked.
#[derive(Debug, Error)]
pub enum StoreError {
    /// The table did not answer: try again later.
    #[error("the table did not answer: {0}")]
    Unavailable(String),
    /// The table takes no more requests right now, or not for this item.
    #[error("the table is too busy: {0}")]
    Busy(String),
    /// Another writer changed the item in between: load and decide again.
    #[error("the item was changed by another writer")]
    Conflict,
    /// There is no such item.
    #[error("there is no item {key}")]
    Missing { key: String },
    /// An item is not what this version can read.
    #[error("the item {key} cannot be read: {why}")]
    Unreadable {
        key: String,
        /// What is wrong with it.
        why: String,
    },
}

#[derive(Debug, Clone)]
pub struct Store {
    client: LazyClient<Client>,
    table: String,
}

impl Store {
    /// The table of this name.
    #[must_use]
    pub fn new(client: impl Into<LazyClient<Client>>, table: String) -> Self {
        Self {
            client: client.into(),
            table,
        }
    }
}

/// Maps an error of the SDK. A write that meets a transaction on its item is a write conflict like
/// any other.
fn failed<E, R>(error: &SdkError<E, R>) -> StoreError
where
    E: std::error::Error + ProvideErrorMetadata + 'static,
    R: std::fmt::Debug + 'static,
{
    match error.code() {
        Some("TransactionConflictException") => StoreError::Conflict,
        Some(code) if BUSY.contains(&code) => {
            StoreError::Busy(DisplayErrorContext(error).to_string())
        }
        _ => StoreError::Unavailable(DisplayErrorContext(error).to_string()),
    }
}
