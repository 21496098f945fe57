//! Access to the DynamoDB tables: one for everything (DESIGN §6), and a small one for what stops
//! repairs ([`ControlTable`]). Every write carries the condition under which it is right.

mod attributes;
mod batch;
mod board;
mod budget;
mod card;
mod causes;
mod channel;
mod control;
mod details;
mod document;
mod episode;
mod erase;
mod error;
mod export;
mod follow_up;
mod heartbeat;
mod history;
mod incident;
mod join;
mod keys;
mod kill_switch;
mod ledger;
mod list;
mod lock;
mod log_image;
mod members;
mod outbox;
mod output;
mod person_token;
mod pipeline_run;
mod receipt;
mod request;
mod retention;
mod retry;
mod runs;
mod session;
mod storm;
mod witnessed;

use aws::lazy_client::LazyClient;
use aws_sdk_dynamodb::Client;

pub use board::{LoadedBoard, StoredBoard};
pub use budget::{Reservation, Reserved};
pub use card::StoredCard;
pub use channel::ChannelLease;
pub use control::ControlTable;
pub use erase::ErasedBy;
pub use error::StoreError;
pub use export::Exported;
pub use heartbeat::{StoredHeartbeat, is_forgotten};
pub use history::History;
pub use incident::fresh_incident_id;
pub use join::{Join, Joins};
pub use keys::{CardOf, FollowUp, IncidentList, StepTry};
pub use list::{Listed, first_id_of, last_id_of};
pub use lock::{Held, Holder};
pub use log_image::LogImage;
pub use outbox::Backlog;
pub use receipt::Receipt;
pub use retention::Retention;
pub use runs::RUNS_READ;
pub use storm::StormAdmission;

#[derive(Debug, Clone)]
pub struct Store {
    client: LazyClient<Client>,
    table: String,
    retention: Retention,
}

impl Store {
    /// The table of this name.
    pub fn new(client: impl Into<LazyClient<Client>>, table: String) -> Self {
        Self {
            client: client.into(),
            table,
            retention: Retention::default(),
        }
    }

    /// The same, which says of what it writes for how long that is kept.
    #[must_use]
    pub fn kept_for(self, retention: Retention) -> Self {
        Self { retention, ..self }
    }
}
