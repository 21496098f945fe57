//! Retry policy for write conflicts and throttling.

use std::time::{Duration, Instant};

use crate::error::IntakeError;
use aws::jitter;
use store::StoreError;

/// How often a write is decided again after a conflict before the sender is asked to retry.
const ATTEMPTS: u32 = 30;

/// The retries so far, for one fingerprint.
#[derive(Debug, Default)]
pub(super) struct Retry {
    races: u32,
    refusals: u32,
}

impl Retry {
    /// Waits before a conflicting write is decided again, or before the next request to a throttled
    /// table.
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
