//! A field of a file that is not read, such as `$schema`, which is for editors.

use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer};

/// Something that is not read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Ignored;

impl<'de> Deserialize<'de> for Ignored {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        IgnoredAny::deserialize(deserializer).map(|_| Self)
    }
}
