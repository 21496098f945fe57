//! Tests of people's dialogues with Quell: each button acts on what the card shows, and every press
//! is answered.

mod escalations;
mod own;
mod slack;
mod telegram;
mod webhooks;

use std::time::{Duration, Instant};

/// How long a story waits for what has to come. Generous: no story measures.
const PATIENCE: Duration = Duration::from_secs(60);

/// Looks until there is something.
async fn wait_for<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(Instant::now() < deadline, "{what} does not come");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
