//! SHA-256 over a list of length-prefixed fields, so that two different lists never hash the same
//! bytes.

use sha2::{Digest as _, Sha256};

/// A running digest. Two lists of fields have the same digest only if they have the same fields in the same order:
/// `("ab", "c")` and `("a", "bc")` differ because each field is preceded by its length (8 bytes, big endian).
#[derive(Debug, Default)]
pub struct Digest(Sha256);

impl Digest {
    /// Starts with no fields.
    pub fn new() -> Self {
        Self::default()
    }

    #[must_use]
    pub fn field(mut self, bytes: impl AsRef<[u8]>) -> Self {
        let bytes = bytes.as_ref();
        self.0.update((bytes.len() as u64).to_be_bytes());
        self.0.update(bytes);
        self
    }

    /// The digest as 64 characters of lower-case hex.
    pub fn hex(self) -> String {
        hex::encode(self.0.finalize())
    }
}

#[cfg(test)]
mod tests {
    use super::Digest;

    #[test]
    fn the_border_between_fields_counts() {
        let left = Digest::new().field("ab").field("c").hex();
        let right = Digest::new().field("a").field("bc").hex();
        assert_ne!(left, right);
        assert_eq!(left.len(), 64);
    }
}
