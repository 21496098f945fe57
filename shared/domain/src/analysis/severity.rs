//! Risks and urgencies as words, and how one becomes the other.

use serde::{Deserialize, Serialize};

use crate::primitives::names::named;

named! {
    /// How dangerous a repair is, or, by a static rule or a model, the situation.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
    #[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(inline))]
    pub enum Risk {
        Low = "low",
        Medium = "medium",
        High = "high",
        /// Users are cut off, or data may be lost.
        Critical = "critical",
    }
}

impl Risk {
    /// Every risk, from mild to bad.
    pub const ALL: [Self; 4] = Self::VARIANTS;
}

/// An incident's urgency as one word. A risk becomes one by the original's table: critical is P0, high P1, medium P2, low P3.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(inline))]
pub enum Severity {
    P0,
    P1,
    P2,
    P3,
}

impl From<Risk> for Severity {
    fn from(risk: Risk) -> Self {
        match risk {
            Risk::Critical => Self::P0,
            Risk::High => Self::P1,
            Risk::Medium => Self::P2,
            Risk::Low => Self::P3,
        }
    }
}

impl Severity {
    /// One level milder, or the mildest.
    #[must_use]
    pub const fn milder(self) -> Self {
        match self {
            Self::P0 => Self::P1,
            Self::P1 => Self::P2,
            Self::P2 | Self::P3 => Self::P3,
        }
    }

    /// One level worse, or the worst.
    #[must_use]
    pub const fn worse(self) -> Self {
        match self {
            Self::P0 | Self::P1 => Self::P0,
            Self::P2 => Self::P1,
            Self::P3 => Self::P2,
        }
    }

    /// The word of the original's interface for it.
    pub const fn as_risk(self) -> Risk {
        match self {
            Self::P0 => Risk::Critical,
            Self::P1 => Risk::High,
            Self::P2 => Risk::Medium,
            Self::P3 => Risk::Low,
        }
    }
}
