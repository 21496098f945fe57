//! Chain positions of messages: a message that is sent while another is handled is one link
//! further, and the length of a chain is bounded.
//!
//! AWS stops a chain by itself after about sixteen invocations of a function, unless the function
//! has `RecursiveLoop: Allow`
//! (<https://docs.aws.amazon.com/lambda/latest/dg/invocation-recursion.html>). The notifier has it,
//! because it follows up on waiting items with messages to itself. For the notifier, this bound is
//! therefore the one that stops a loop caused by a bug of ours.

/// The longest chain. The longest that is meant: a channel that takes nothing for the thirty days that its outbox is kept is tried every
/// five minutes, which are 8,640 messages; a decision is waited for by 672 at most, one each quarter of an hour for a week.
pub const LONGEST_CHAIN: u32 = 10_000;

tokio::task_local! {
    static PLACE: u32;
}

/// Runs what handles the message at this place of its chain: what it sends comes behind it.
#[cfg(feature = "batch")]
pub(crate) async fn handling<T>(place: u32, handle: impl Future<Output = T>) -> T {
    PLACE.scope(place, handle).await
}

/// The place of a message that is sent now: 0 where no message is being handled.
pub(crate) fn next_place() -> u32 {
    PLACE.try_with(|place| place.saturating_add(1)).unwrap_or(0)
}
