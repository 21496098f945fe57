//! A value of the domain inside a model's state, with a digest in the place of a hash.

use std::fmt::{self, Debug, Write as _};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::ops::Deref;
use std::sync::Arc;

/// A value that is shared between states. Two of them are the same if they print the same: the
/// domain's types have no hash, and their `Debug` shows every field.
#[derive(Clone)]
pub struct Kept<T> {
    value: Arc<T>,
    digest: u64,
}

impl<T: Debug> Kept<T> {
    pub fn new(value: T) -> Self {
        let digest = digest_of(&value);
        Self {
            value: Arc::new(value),
            digest,
        }
    }
}

impl<T> Kept<T> {
    /// A value of which only these parts differ within a model.
    pub fn by_parts(value: T, parts: impl FnOnce(&T) -> u64) -> Self {
        let digest = parts(&value);
        Self {
            value: Arc::new(value),
            digest,
        }
    }
}

pub(crate) fn digest_of(value: &impl Debug) -> u64 {
    let mut digest = Digest(DefaultHasher::new());
    // Writing into a hasher cannot fail.
    let _ = write!(digest, "{value:?}");
    digest.0.finish()
}

struct Digest(DefaultHasher);

impl fmt::Write for Digest {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.write(text.as_bytes());
        Ok(())
    }
}

impl<T> Deref for Kept<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T> PartialEq for Kept<T> {
    fn eq(&self, other: &Self) -> bool {
        self.digest == other.digest
    }
}

impl<T> Eq for Kept<T> {}

impl<T> Hash for Kept<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.digest.hash(state);
    }
}

impl<T: Debug> Debug for Kept<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.value.fmt(f)
    }
}
