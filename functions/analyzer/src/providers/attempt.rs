//! Attempts of one call: the first, and one retry if the provider was busy or failed.

use std::time::Duration;

use domain::analysis::price::Usage;
use domain::phrase;
use tokio::time::{Instant, sleep};

use super::{Billed, CallFailed, Reply, Trouble};

/// A try that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FailedTry {
    /// Why, and what it has cost.
    pub(super) failed: CallFailed,
    /// After how long another try may go better. Nothing where it would not, and where this one may have to be paid already.
    pub(super) again_after: Option<Duration>,
}

impl FailedTry {
    /// A try after which there is no other.
    pub(super) fn last(trouble: Trouble, billed: Billed) -> Self {
        Self {
            failed: CallFailed { trouble, billed },
            again_after: None,
        }
    }

    /// A try that brought an answer of the interface, but none to the question. One that does not say what it used may have cost
    /// anything.
    pub(super) fn answered(trouble: Trouble, usage: Option<Usage>) -> Self {
        Self::last(trouble, usage.map_or(Billed::Unknown, Billed::Used))
    }
}

/// The reply, if it has a text and says what it used: a call of unknown price is a failed one (`capped-spend`).
pub(super) fn reply(
    text: String,
    usage: Option<Usage>,
    model: String,
    finish: String,
) -> Result<Reply, FailedTry> {
    let unreadable = |why| FailedTry::answered(Trouble::Unreadable(why), usage);
    if text.trim().is_empty() {
        return Err(unreadable(phrase!("it has no text")));
    }
    let usage =
        usage.ok_or_else(|| unreadable(phrase!("it does not say how many tokens it used")))?;
    Ok(Reply {
        text,
        usage,
        model,
        finish,
    })
}

/// Tries, and tries once more if that begins before the deadline. Only a try that cost nothing is made again, so that what comes of the
/// last one is what the call has cost.
pub(super) async fn with_one_retry<A>(
    deadline: Instant,
    attempt: impl Fn() -> A,
) -> Result<Reply, CallFailed>
where
    A: Future<Output = Result<Reply, FailedTry>>,
{
    let FailedTry {
        failed,
        again_after,
    } = match attempt().await {
        Ok(reply) => return Ok(reply),
        Err(failed) => failed,
    };
    let begins = again_after
        .and_then(|wait| Instant::now().checked_add(wait))
        .filter(|begins| *begins < deadline);
    let Some(begins) = begins else {
        return Err(failed);
    };
    sleep(begins.saturating_duration_since(Instant::now())).await;
    attempt().await.map_err(|again| again.failed)
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::future::ready;
    use std::time::Duration;

    use domain::analysis::price::Usage;
    use tokio::time::Instant;

    use super::{FailedTry, with_one_retry};
    use crate::providers::{Billed, CallFailed, Reply, Trouble};

    fn busy(status: u16, again_after: Option<u64>) -> Result<Reply, FailedTry> {
        let failed = CallFailed {
            trouble: Trouble::Busy {
                status,
                retry_after: None,
            },
            billed: Billed::Nothing,
        };
        Err(FailedTry {
            failed,
            again_after: again_after.map(Duration::from_secs),
        })
    }

    fn reply() -> Result<Reply, FailedTry> {
        Ok(Reply {
            text: "{}".into(),
            usage: Usage::default(),
            model: "m".into(),
            finish: "stop".into(),
        })
    }

    // Time stands still but for the waits: what is measured is what was waited for.
    #[tokio::test(start_paused = true)]
    async fn retry_is_made_once_and_only_before_the_deadline() {
        let cases = [
            // what the tries give, in order · status of the failure, if it fails · tries made · seconds waited
            (vec![reply()], None, 1, 0),
            (vec![busy(429, Some(7)), reply()], None, 2, 7),
            (vec![busy(503, Some(0)), reply()], None, 2, 0),
            (
                vec![busy(500, Some(1)), busy(529, Some(1)), reply()],
                Some(529),
                2,
                1,
            ),
            (vec![busy(401, None), reply()], Some(401), 1, 0),
            (vec![busy(429, Some(29)), reply()], None, 2, 29),
            (vec![busy(429, Some(30)), reply()], Some(429), 1, 0),
            (vec![busy(429, Some(u64::MAX)), reply()], Some(429), 1, 0),
        ];
        for (number, (tries, status, made, waited)) in cases.into_iter().enumerate() {
            let (begun, total) = (Instant::now(), tries.len());
            let tries = RefCell::new(tries.into_iter());
            let attempt = || ready(tries.borrow_mut().next().expect("no more tries"));
            let result = with_one_retry(begun + Duration::from_secs(30), attempt).await;
            let failed_with = result.err().map(|failed| match failed.trouble {
                Trouble::Busy { status, .. } => status,
                other => panic!("{other}"),
            });
            assert_eq!(
                (
                    failed_with,
                    total - tries.borrow().len(),
                    begun.elapsed().as_secs()
                ),
                (status, made, waited),
                "case {number}"
            );
        }
    }
}
