//! Autonomy levels of a playbook: suggest, approve, auto.

use crate::primitives::names::named;

named! {
    /// The level that a playbook has earned. The names are stored: they never change.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
    pub enum AutonomyLevel {
        /// It is suggested: two different people have to approve.
        Suggest = "suggest",
        /// One person has to approve.
        Approve = "approve",
        /// It runs by itself where every guardrail passes.
        Auto = "auto",
    }
}

impl AutonomyLevel {
    /// One level less; the lowest stays.
    #[must_use]
    pub const fn less(self) -> Self {
        match self {
            Self::Suggest | Self::Approve => Self::Suggest,
            Self::Auto => Self::Approve,
        }
    }

    /// One level more; the highest stays.
    #[must_use]
    pub const fn more(self) -> Self {
        match self {
            Self::Suggest => Self::Approve,
            Self::Approve | Self::Auto => Self::Auto,
        }
    }

    /// How many different people have to approve on this level.
    pub const fn people(self) -> u8 {
        match self {
            Self::Suggest => 2,
            Self::Approve | Self::Auto => 1,
        }
    }
}
