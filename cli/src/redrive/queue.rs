//! Queues that have dead letters.

use clap::ValueEnum;
use serde::Serialize;

/// A queue that has dead letters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Queue {
    /// Incidents that were not analysed
    Incidents,
    /// Cards that are not up to date
    Notifications,
    /// Approved repairs that did not run
    Repairs,
    /// Alerts that are counted nowhere else
    Signals,
}

impl Queue {
    pub(super) const ALL: [Self; 4] = [
        Self::Incidents,
        Self::Notifications,
        Self::Repairs,
        Self::Signals,
    ];

    /// Its name as the command takes it.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Incidents => "incidents",
            Self::Notifications => "notifications",
            Self::Repairs => "repairs",
            Self::Signals => "signals",
        }
    }

    /// How the names of its outputs begin.
    pub(super) const fn output(self) -> &'static str {
        match self {
            Self::Incidents => "Incidents",
            Self::Notifications => "Notifications",
            Self::Repairs => "Repairs",
            Self::Signals => "Signals",
        }
    }

    /// What moving its messages back means, where that is more than a second try (docs/operations.md, "Dead letters").
    pub(super) const fn warning(self) -> Option<&'static str> {
        match self {
            Self::Repairs => Some(
                "Each runs its approved plan as soon as it is back, unless the incident has resolved, the plan has changed, or repairs are off.",
            ),
            Self::Signals => {
                Some("Each is counted then as an alert of now, and may open an incident.")
            }
            Self::Incidents | Self::Notifications => None,
        }
    }
}
