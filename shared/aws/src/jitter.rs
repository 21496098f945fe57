//! Random backoff, so that callers that were refused together do not retry together.

use std::time::Duration;

use ulid::Ulid;

/// A part of `most`, of random length.
#[must_use]
pub fn up_to(most: Duration) -> Duration {
    most.mul_f64(f64::from(Ulid::generate().random() as u16) / f64::from(u16::MAX))
}
