//! Intake of normalised alerts: one conditional write for each fingerprint, then the queue. Every
//! entry point for alerts counts them here.

mod count;
mod counted;
mod delivery;
mod error;
mod grouped;
mod settings;

use std::collections::BTreeMap;
use std::time::Instant;

use futures_util::{StreamExt as _, stream};
use jiff::Timestamp;

use domain::alert::AlertStatus;
use domain::primitives::id::{Fingerprint, MemberId};

pub use self::count::Intake;
use self::count::{Batch, Taken};
pub use self::counted::{Counted, Outcome};
pub use self::delivery::Delivery;
pub use self::error::IntakeError;
pub use self::grouped::{Group, Grouped};
pub use self::settings::IntakeSettings;

/// How many fingerprints of one delivery are written at a time.
const CONCURRENT_WRITES: usize = 16;

impl Intake {
    /// Counts every alert of a delivery and returns the result of each, in order. No new write
    /// starts after `until`. A start time that is impossible is replaced by `now`, for every entry
    /// point.
    ///
    /// # Errors
    /// If any of them could not be stored or queued; those that were stay counted, and the sender's retry counts them again.
    pub async fn take(
        &self,
        delivery: Delivery,
        now: Timestamp,
        until: Instant,
    ) -> Result<Vec<Counted>, IntakeError> {
        let Grouped { keys, groups } =
            Grouped::by_fingerprint(delivery, &self.fingerprint_labels, now);
        let fingerprints = groups.len();
        let batch = Batch {
            intake: self,
            now,
            until,
        };
        // Every group is taken to its end, also after one has failed: a write that is cut off may or may not have counted, and one
        // item that cannot be written must not keep out the others.
        let taken: Vec<Result<Vec<Taken>, IntakeError>> = stream::iter(groups)
            .map(|(fingerprint, group)| batch.take_group(fingerprint, group))
            .buffer_unordered(CONCURRENT_WRITES)
            .collect()
            .await;
        let counted = taken.iter().filter(|taken| taken.is_ok()).count();
        let taken: Vec<Vec<Taken>> =
            taken
                .into_iter()
                .collect::<Result<_, _>>()
                .map_err(|error| match error {
                    IntakeError::OutOfTime { .. } => IntakeError::OutOfTime {
                        counted,
                        fingerprints,
                    },
                    other => other,
                })?;
        let outcomes: BTreeMap<(Fingerprint, bool), Outcome> =
            taken.into_iter().flatten().collect();
        let counted = |(fingerprint, member, status): (Fingerprint, MemberId, AlertStatus)| {
            let outcome = outcomes
                .get(&(fingerprint.clone(), status == AlertStatus::Firing))?
                .clone();
            Some(Counted {
                member,
                fingerprint,
                outcome,
            })
        };
        Ok(keys.into_iter().filter_map(counted).collect())
    }
}
