//! AWS SDK clients that are built on first use.

use std::fmt;
use std::ops::Deref;
use std::sync::{Arc, LazyLock};

/// A client of the SDK, or how to make it. Making one reads the SDK's table of all partitions and regions, which a start need not
/// wait for where the first request gets along without this client.
pub struct LazyClient<C>(Arc<LazyLock<C, Box<dyn FnOnce() -> C + Send>>>);

impl<C> LazyClient<C> {
    /// A client that is made by `make` when it is first used.
    pub fn new(make: impl FnOnce() -> C + Send + 'static) -> Self {
        Self(Arc::new(LazyLock::new(Box::new(make))))
    }
}

impl<C: Send + 'static> From<C> for LazyClient<C> {
    fn from(client: C) -> Self {
        Self::new(|| client)
    }
}

impl<C> Deref for LazyClient<C> {
    type Target = C;

    fn deref(&self) -> &C {
        &self.0
    }
}

impl<C> Clone for LazyClient<C> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<C> fmt::Debug for LazyClient<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LazyClient")
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::LazyClient;

    #[test]
    fn it_is_made_once_and_not_before_it_is_used() {
        let made = Arc::new(AtomicU32::new(0));
        let counter = Arc::clone(&made);
        let first = LazyClient::new(move || counter.fetch_add(1, Ordering::Relaxed) + 7);
        let second = first.clone();
        assert_eq!(made.load(Ordering::Relaxed), 0);
        assert_eq!((*first, *second), (7, 7));
        assert_eq!(made.load(Ordering::Relaxed), 1);
    }
}
