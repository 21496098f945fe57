//! The operator's limits for repairs without a human: what `guardrails.yaml` says.

use std::num::NonZeroU32;

use jiff::Timestamp;
use serde::Deserialize;

/// A number from 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Deserialize)]
#[serde(try_from = "f64")]
pub struct Share(f64);

impl TryFrom<f64> for Share {
    type Error = String;

    fn try_from(number: f64) -> Result<Self, String> {
        if (0.0..=1.0).contains(&number) { Ok(Self(number)) } else { Err(format!("{number} is not between 0 and 1")) }
    }
}

impl Share {
    /// The number.
    #[must_use]
    pub const fn get(self) -> f64 {
        self.0
    }
}

/// A time in which nothing is repaired without a human.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Written")]
pub struct Freeze {
    /// Its first moment.
    pub from: Timestamp,
    /// The first moment after it.
    pub to: Timestamp,
    /// Why, for people.
    pub why: String,
}

/// A freeze as it stands in the file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    from: Timestamp,
    to: Timestamp,
    why: String,
}

impl TryFrom<Written> for Freeze {
    type Error = String;

    fn try_from(Written { from, to, why }: Written) -> Result<Self, String> {
        if from < to { Ok(Self { from, to, why }) } else { Err(format!("a freeze from {from} to {to} has no time in it")) }
    }
}

/// The limits. Every field has to be given, but for the freezes: nobody should run with numbers that they have not seen.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// How sure a finding has to be.
    pub min_confidence: Share,
    /// The most attempts on one target within an hour, whoever approved them.
    pub attempts_per_hour: NonZeroU32,
    /// The most members of one redundancy group that are repaired at once. It binds repairs that a human approved, too.
    pub max_in_group: NonZeroU32,
    /// When nothing is repaired without a human.
    #[serde(default)]
    pub freezes: Vec<Freeze>,
}

impl Limits {
    /// The freeze that holds, if one does.
    #[must_use]
    pub fn freeze_at(&self, now: Timestamp) -> Option<&Freeze> {
        self.freezes.iter().find(|freeze| freeze.from <= now && now < freeze.to)
    }
}
