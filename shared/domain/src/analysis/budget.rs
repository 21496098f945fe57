//! Budget rule for model calls: reserved prices of open calls plus the settled prices of ended ones
//! (`capped-spend`).
//!
//! Before a call its worst price is reserved, which commits it. After the call the real price
//! replaces the reservation. `committed` is therefore always the price of the ended calls plus the
//! most that open calls may still cost. A worker that dies leaves its reservation open: whether
//! that call was billed is unknown, so it counts as billed.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::analysis::price::{MicroUsd, Usage, usd};

/// Limits of the cost of models.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Budget {
    /// All of them in one day (UTC).
    #[serde(rename = "day_usd", deserialize_with = "usd")]
    #[cfg_attr(feature = "schema", schemars(with = "f64", extend("minimum" = 0, "maximum" = 1_000_000, "default" = 5.0)))]
    pub day: MicroUsd,
    /// All of them for one incident.
    #[serde(rename = "incident_usd", deserialize_with = "usd")]
    #[cfg_attr(feature = "schema", schemars(with = "f64", extend("minimum" = 0, "maximum" = 1_000_000, "default" = 0.1)))]
    pub incident: MicroUsd,
}

impl Default for Budget {
    fn default() -> Self {
        Self {
            day: 5_000_000,
            incident: 100_000,
        }
    }
}

/// The most that may be committed already so that a call of this price still fits under the limit.
/// None if it never fits. A call that costs nothing always fits, also where a real price has
/// overdrawn the budget before.
pub fn room(limit: MicroUsd, most: MicroUsd) -> Option<MicroUsd> {
    if most == 0 {
        Some(MicroUsd::MAX)
    } else {
        limit.checked_sub(most)
    }
}

/// Result of a call, as far as its price is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spent {
    /// Its provider said how many tokens it used, and they cost this much.
    Exactly(MicroUsd, Usage),
    /// It was not billed: it was refused, or never sent.
    Nothing,
    /// It may have been billed at an unknown price: the connection broke, or the answer names no
    /// tokens.
    Unknown,
}

/// The changes made by settling a reservation.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Settlement {
    /// By how much what is committed changes.
    pub committed: i128,
    /// How much of the price is a guess: the worst price of a call of which no other is known.
    pub unsettled: MicroUsd,
    /// How many calls the provider was paid for: one or none.
    pub calls: u64,
    /// Their tokens, where they are known.
    pub usage: Usage,
    /// What the provider was paid.
    pub price: MicroUsd,
}

impl Spent {
    /// The changes made by a call whose reservation was `most`. A real price above that is booked
    /// in full.
    pub fn settlement(self, most: MicroUsd) -> Settlement {
        match self {
            Self::Exactly(price, usage) => Settlement {
                committed: i128::from(price) - i128::from(most),
                unsettled: 0,
                calls: 1,
                usage,
                price,
            },
            Self::Nothing => Settlement {
                committed: -i128::from(most),
                ..Settlement::default()
            },
            Self::Unknown => Settlement {
                committed: 0,
                unsettled: most,
                calls: 1,
                usage: Usage::default(),
                price: most,
            },
        }
    }
}

/// What the models cost on one day.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Spending {
    /// The price of ended calls, plus the most that open ones may still cost.
    pub committed: MicroUsd,
    /// How much of it is a guess: the worst price of calls of which no other is known.
    pub unsettled: MicroUsd,
    /// What each provider was paid.
    pub providers: BTreeMap<String, Paid>,
}

/// What one provider was paid.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Paid {
    /// For how many calls.
    pub calls: u64,
    /// For how many tokens, as far as they are known.
    pub usage: Usage,
    pub price: MicroUsd,
}

impl Spending {
    /// The price reserved for calls that have not ended, or whose worker has died.
    pub fn open(&self) -> MicroUsd {
        self.committed
            .saturating_sub(self.providers.values().map(|paid| paid.price).sum())
    }
}

#[cfg(test)]
#[path = "budget_tests.rs"]
mod tests;
