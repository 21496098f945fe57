//! Teams of `people.json`: levels of people, and who of them is on duty at a moment.

pub mod hand_over;
pub mod rotation;
mod validation;

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

use crate::duty::rotation::Rotation;
use crate::primitives::ignored::Ignored;

/// The whole file. Without it there are no teams.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(
    deny_unknown_fields,
    default,
    expecting = "an object with the fields of people.json"
)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Duty {
    /// Where the schema is, for editors.
    #[serde(rename = "$schema")]
    #[cfg_attr(feature = "schema", schemars(with = "serde_json::Value"))]
    schema: Ignored,
    /// The teams, by name: 1 to 32 letters, digits, dots, dashes and underscores.
    #[cfg_attr(feature = "schema", schemars(extend("propertyNames" = { "pattern": r"^[\p{L}\p{N}._-]{1,32}$" })))]
    pub teams: BTreeMap<String, Team>,
}

/// A team: who is on duty first, and who is asked after them.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Team {
    /// The levels, in the order in which they are asked: 1 to 10. Those behind the first are asked about P0 and P1 only.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = 10)))]
    pub levels: Vec<Level>,
}

/// One level of a team: either a rotation, of which one person is on duty, or people who all are.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(extend("oneOf" = [
        { "required": ["rotation"], "properties": { "rotation": { "type": "object" }, "people": { "maxItems": 0 } } },
        { "required": ["people"], "properties": { "people": { "minItems": 1 }, "rotation": { "type": "null" } } }
    ])))]
pub struct Level {
    /// People who take turns.
    pub rotation: Option<Rotation>,
    /// People who are always on duty, in place of a rotation, by their names in channels.json.
    pub people: Vec<String>,
    /// How long this level has to decide before the next is asked as well: at most a week. The last level has none.
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = 604800)))]
    pub wait_seconds: Option<u32>,
}

impl Duty {
    /// The names of those who are on duty at a moment on the levels of a team up to this one, which counts from 0: each
    /// once, in the order of the levels. Empty for a team that is not in the file.
    pub fn on_duty(&self, team: &str, up_to: u8, at: Timestamp) -> Vec<&str> {
        let mut names = Vec::new();
        let levels = self.levels(team).iter().take(usize::from(up_to) + 1);
        for name in levels.flat_map(|level| level.on_duty(at)) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names
    }

    /// The names of all who are ever on duty in a team, each as often as it is named.
    pub fn members(&self, team: &str) -> impl Iterator<Item = &str> {
        let levels = self.levels(team).iter();
        levels.flat_map(|level| {
            let rotation = level.rotation.iter();
            let turns = rotation.flat_map(Rotation::people);
            turns.chain(level.people.iter().map(String::as_str))
        })
    }

    /// The level behind the one that was asked last, from 0, and when its turn is. A wait begins when the level that waits was asked,
    /// so that one check that comes late does not take the time of the others. None if nobody is left.
    pub fn next_level(&self, team: &str, asked: u8, since: Timestamp) -> Option<(Timestamp, u8)> {
        let levels = self.levels(team);
        let wait = levels.get(usize::from(asked))?.wait_seconds?;
        levels.get(usize::from(asked) + 1)?;
        let at = since + SignedDuration::from_secs(i64::from(wait));
        Some((at, asked.saturating_add(1)))
    }

    /// The levels of a team; none of one that is not in the file.
    pub fn levels(&self, team: &str) -> &[Level] {
        self.teams.get(team).map_or(&[], |team| &team.levels)
    }
}

impl Level {
    /// The names of those who are on duty: one of a rotation, all of a list.
    pub fn on_duty(&self, at: Timestamp) -> Vec<&str> {
        match &self.rotation {
            Some(rotation) => vec![rotation.on_duty(at).person],
            None => self.people.iter().map(String::as_str).collect(),
        }
    }
}

#[cfg(test)]
#[path = "duty_tests.rs"]
mod tests;
