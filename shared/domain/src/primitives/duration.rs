//! Durations as the configuration files write them.

use jiff::SignedDuration;
use serde::Deserialize;

/// A length of time such as `30m` or `60s`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(with = "String", inline, extend("pattern" = "^[0-9]+(ms|s|m|h|d)( ?[0-9]+(ms|s|m|h|d))*$")))]
pub struct Length(SignedDuration);

impl TryFrom<String> for Length {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let span: SignedDuration = text
            .parse()
            .map_err(|_| format!("`{text}` is not a length of time such as 90s or 30m"))?;
        if span.is_negative() {
            Err(format!("`{text}` is negative"))
        } else {
            Ok(Self(span))
        }
    }
}

impl Length {
    pub const fn of_seconds(seconds: i64) -> Self {
        Self(SignedDuration::from_secs(seconds))
    }

    /// How long it is.
    pub const fn length(self) -> SignedDuration {
        self.0
    }

    pub fn seconds(self) -> u64 {
        self.0.as_secs().unsigned_abs()
    }
}
