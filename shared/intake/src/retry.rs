//! How long a lost race or a busy table is borne.

use std::time::{Duration, Instant};

use crate::error::IntakeError;
use aws::jitter;
use store::StoreError;

/// How often a write that lost a race is decided anew before the sender is asked to come again.
const ATTEMPTS: u32 = 30;

/// What was waited for already, for one fingerprint.
#[derive(Debug, Default)]
pub(super) struct Retry {
    races: u32,
    refusals: u32,
}

impl Retry {
    /// Waits before what lost a race is decided anew, or before a table that is too busy is asked again.
    ///
    /// # Errors
    /// The error itself, if it is another one, or if there is no time left.
    pub(super) async fn wait(
        &mut self,
        error: IntakeError,
        until: Instant,
    ) -> Result<(), IntakeError> {
        let most = match &error {
            IntakeError::Store(StoreError::Conflict) if self.races < ATTEMPTS => {
                self.races += 1;
                // Many writers of one item: a short wait, longer each time.
                Duration::from_millis(10) * self.races.min(20)
            }
            IntakeError::Store(StoreError::Busy(_)) => {
                self.refusals += 1;
                // The table gains capacity in seconds, not in milliseconds.
                Duration::from_millis(50 << self.refusals.min(6))
            }
            _ => return Err(error),
        };
        let wait = jitter::up_to(most);
        if Instant::now() + wait >= until {
            return Err(error);
        }
        tokio::time::sleep(wait).await;
        Ok(())
    }
}
