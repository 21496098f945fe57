//! Limits of automatic repairs, from the operator's `guardrails.yaml`.

use std::collections::BTreeMap;
use std::num::NonZeroU32;

use jiff::Timestamp;
use serde::Deserialize;

use crate::incident::autonomy_level::AutonomyLevel;
use crate::policy::freeze::Freeze;
use crate::primitives::duration::Length;

/// A number from 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Deserialize)]
#[serde(try_from = "f64")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(inline, extend("minimum" = 0, "maximum" = 1)))]
pub struct Share(f64);

impl TryFrom<f64> for Share {
    type Error = String;

    fn try_from(number: f64) -> Result<Self, String> {
        if (0.0..=1.0).contains(&number) {
            Ok(Self(number))
        } else {
            Err(format!("{number} is not between 0 and 1"))
        }
    }
}

impl Share {
    pub const fn get(self) -> f64 {
        self.0
    }
}

/// How many members of a redundancy group are repaired at once: one of at_most and share.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum AtOnce {
    /// A number.
    AtMost(NonZeroU32),
    /// A share of the group's members in the registry, from 0 to 1: rounded down, and at least one, or none could ever be repaired.
    Share(Share),
}

impl AtOnce {
    /// The number, for a group of so many members.
    pub fn of(self, members: usize) -> u32 {
        match self {
            Self::AtMost(most) => most.get(),
            Self::Share(share) => {
                let members = u32::try_from(members).unwrap_or(u32::MAX);
                // A hair more than the product: 0.29 of 100 has to be 29, and in binary it is a little less.
                let share = (f64::from(members) * share.get() + 1e-9).floor();
                (1..=members)
                    .rev()
                    .find(|whole| f64::from(*whole) <= share)
                    .unwrap_or(1)
            }
        }
    }
}

/// How playbooks with `auto: { earned: true }` move from suggested to approved by one to running by themselves.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(try_from = "WrittenEarning")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Earning {
    /// From which lower bound of held runs on one person is enough.
    pub approve_from: Share,
    /// From which lower bound of held runs on it runs by itself.
    pub auto_from: Share,
    /// For how long the alert has to stay away after a verified run: then the run has held.
    pub recurrence_window: Length,
}

impl Earning {
    /// The lower bound that a level asks for.
    pub fn from(&self, level: AutonomyLevel) -> f64 {
        match level {
            AutonomyLevel::Suggest => 0.0,
            AutonomyLevel::Approve => self.approve_from.get(),
            AutonomyLevel::Auto => self.auto_from.get(),
        }
    }
}

/// Three runs that held in a row make it `approve` (a lower bound of 0.53), eleven make it `auto` (0.80). A day is long enough for what
/// comes back with the next peak of load.
impl Default for Earning {
    fn default() -> Self {
        Self {
            approve_from: Share(0.5),
            auto_from: Share(0.8),
            recurrence_window: Length::of_seconds(24 * 3600),
        }
    }
}

/// [`Earning`] as written in the file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
struct WrittenEarning {
    /// From which lower bound of the rate of runs that held one person is enough: 0.5 by default.
    approve_from: Option<Share>,
    /// From which lower bound it runs by itself: 0.8 by default.
    #[cfg_attr(feature = "schema", schemars(extend("exclusiveMinimum" = 0)))]
    auto_from: Option<Share>,
    /// For how long an alert has to stay away for a run to have held: 24h by default.
    recurrence_window: Option<Length>,
}

impl TryFrom<WrittenEarning> for Earning {
    type Error = String;

    fn try_from(written: WrittenEarning) -> Result<Self, String> {
        let default = Self::default();
        let earning = Self {
            approve_from: written.approve_from.unwrap_or(default.approve_from),
            auto_from: written.auto_from.unwrap_or(default.auto_from),
            recurrence_window: written
                .recurrence_window
                .unwrap_or(default.recurrence_window),
        };
        let (approve, auto) = (earning.approve_from.get(), earning.auto_from.get());
        if approve > auto {
            return Err(format!(
                "auto_from ({auto}) is less than approve_from ({approve}): the first level would ask for more than the second. Make auto_from the larger"
            ));
        }
        if auto <= 0.0 {
            return Err(
                "auto_from is 0: a playbook that never ran would have earned everything".to_owned(),
            );
        }
        Ok(earning)
    }
}

/// The limits. A field without a default is required: an operator should not run with numbers that
/// they have not seen.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Limits {
    /// How sure a finding has to be, from 0 to 1.
    pub min_confidence: Share,
    /// The most attempts on one target within an hour, also those that a human approved and those that failed.
    pub attempts_per_hour: NonZeroU32,
    /// The most members of one redundancy group that are repaired at once, also by a human's approval.
    pub max_in_group: NonZeroU32,
    /// The same as max_in_group for single groups, by name.
    #[serde(default)]
    pub groups: BTreeMap<String, AtOnce>,
    /// How playbooks with `earned` move between the levels.
    #[serde(default)]
    pub autonomy: Earning,
    /// When every repair asks a human.
    #[serde(default)]
    pub freezes: Vec<Freeze>,
}

impl Limits {
    /// The freeze that holds, and until when, if one does.
    pub fn freeze_at(&self, now: Timestamp) -> Option<(&Freeze, Timestamp)> {
        self.freezes
            .iter()
            .find_map(|freeze| freeze.until(now).map(|until| (freeze, until)))
    }

    /// The most members of a group of the registry with so many members that are repaired at once.
    pub fn at_once(&self, group: &str, members: usize) -> u32 {
        self.groups
            .get(group)
            .map_or(self.max_in_group.get(), |at_once| at_once.of(members))
    }
}
