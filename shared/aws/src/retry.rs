//! Retries: the waits between attempts as data, one loop for all of them, and AWS's names for throttling.

use std::time::Duration;

/// AWS's error codes for throttling, of all services
/// (<https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html>), and the names that they have as
/// the reason why a transaction of DynamoDB was cancelled
/// (<https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html>).
const THROTTLING: [&str; 12] = [
    "BandwidthLimitExceeded",
    "ProvisionedThroughputExceeded",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "RequestThrottled",
    "RequestThrottledException",
    "SlowDown",
    "ThrottledException",
    "Throttling",
    "ThrottlingError",
    "ThrottlingException",
    "TooManyRequestsException",
];

/// True if a service says by this code that it takes no more requests right now.
pub fn is_throttling(code: &str) -> bool {
    THROTTLING.contains(&code)
}

/// How each wait follows from the one before.
#[derive(Debug, Clone, Copy)]
pub enum Growth {
    /// Each is longer by the first.
    Linear,
    /// Each is so many times as long as the one before.
    Times(f64),
}

/// A retry policy.
#[derive(Debug, Clone, Copy)]
pub struct Backoff {
    /// How often a request is made again.
    pub retries: u32,
    pub first: Duration,
    pub longest: Duration,
    pub growth: Growth,
    /// The part of each wait that is of random length, from 0 to 1, so that callers who were refused together do not
    /// come back together.
    pub jitter: f64,
}

/// For writers of one item: short waits, longer each time.
pub const CONFLICTS: Backoff = Backoff {
    retries: 40,
    first: Duration::from_millis(10),
    longest: Duration::from_millis(200),
    growth: Growth::Linear,
    jitter: 1.0,
};
/// For a throttled table, which gains capacity in seconds, not in milliseconds.
pub const THROTTLED: Backoff = Backoff {
    retries: 6,
    first: Duration::from_millis(100),
    longest: Duration::from_millis(3200),
    growth: Growth::Times(2.0),
    jitter: 1.0,
};

impl Backoff {
    /// The waits before the retries.
    pub fn waits(self) -> impl Iterator<Item = Duration> {
        (0..self.retries).map(move |retry| self.wait(retry))
    }

    fn wait(self, retry: u32) -> Duration {
        let factor = match self.growth {
            Growth::Linear => f64::from(retry) + 1.0,
            Growth::Times(factor) => factor.powf(f64::from(retry)),
        };
        let wait = self.first.as_secs_f64() * factor;
        let wait = wait.min(self.longest.as_secs_f64());
        Duration::from_secs_f64(wait * (1.0 - self.jitter * fastrand::f64()))
    }
}

/// Makes a request until it goes well, or `wait` gives no time to wait after an error.
///
/// # Errors
/// The last error.
pub async fn retry<T, E, F>(
    mut request: impl FnMut() -> F,
    mut wait: impl FnMut(&E) -> Option<Duration>,
) -> Result<T, E>
where
    F: Future<Output = Result<T, E>>,
{
    loop {
        match request().await {
            Err(error) => {
                let wait = wait(&error);
                wait_or(wait, error).await?;
            }
            answered => return answered,
        }
    }
}

/// Waits, for a loop that does more between two attempts than [`retry`] does.
///
/// # Errors
/// The error itself, if there is no time to wait.
pub async fn wait_or<E>(wait: Option<Duration>, error: E) -> Result<(), E> {
    tokio::time::sleep(wait.ok_or(error)?).await;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Backoff, Growth, retry};

    const POLICY: Backoff = Backoff {
        retries: 4,
        first: Duration::from_millis(1),
        longest: Duration::from_millis(3),
        growth: Growth::Times(2.0),
        jitter: 0.0,
    };

    #[test]
    fn waits_grow_up_to_the_longest() {
        let waits = |policy: Backoff| -> Vec<u128> {
            policy.waits().map(|wait| wait.as_millis()).collect()
        };
        let linear = Backoff {
            growth: Growth::Linear,
            ..POLICY
        };
        assert_eq!(waits(POLICY), [1, 2, 3, 3]);
        assert_eq!(waits(linear), [1, 2, 3, 3]);
        let random = Backoff {
            jitter: 0.5,
            ..POLICY
        };
        let range = Duration::from_micros(500)..=Duration::from_millis(1);
        assert!((0..100).all(|_| range.contains(&random.wait(0))));
    }

    #[tokio::test]
    async fn retry_ends_with_success_or_the_last_error() {
        for (failures, made, expected) in [(3, 4, Ok(())), (9, 5, Err(5))] {
            let (mut count, mut waits) = (0, POLICY.waits());
            let request = || {
                count += 1;
                std::future::ready(if count > failures { Ok(()) } else { Err(count) })
            };
            let answered = retry(request, |_: &i32| waits.next()).await;
            assert_eq!((count, answered), (made, expected));
        }
    }
}
