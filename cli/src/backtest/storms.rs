//! Storms of a replay: which incidents of a minute are handled alone, and the members of each storm. The rules are the analyzer's; what is
//! in its table there is in maps here.

use std::collections::HashMap;

use domain::incident::Incident;
use domain::incident::parts::{Storm, StormMember};
use domain::primitives::id::AlertGroupId;
use domain::transition::storm;

/// The places of a minute.
#[derive(Debug, Default)]
struct Minute {
    alone: u32,
    critical_alone: u32,
    storm: Option<u32>,
}

/// Where an incident belongs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    Alone,
    /// In this storm.
    In(u32),
    /// In a storm that has to be begun.
    InNew(Scope),
}

/// What a storm is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Scope {
    Minute(i64),
    Group(AlertGroupId),
}

/// All storms, by the places of their incidents in the replay.
#[derive(Debug, Default)]
pub(crate) struct Storms {
    minutes: HashMap<i64, Minute>,
    groups: HashMap<AlertGroupId, u32>,
    members: HashMap<u32, Vec<StormMember>>,
    /// The storm of a member, and its line there.
    line_of: HashMap<u32, (u32, usize)>,
}

impl Storms {
    /// The place of a new incident among those of its group or minute; `is_open` says so of a storm.
    pub(crate) fn place(
        &mut self,
        incident: &Incident,
        limit: u32,
        is_open: impl Fn(u32) -> bool,
    ) -> Place {
        if let Some(group) = &incident.group {
            let known = self.groups.get(group).copied();
            let open = known.filter(|storm| is_open(*storm));
            return open.map_or_else(|| Place::InNew(Scope::Group(group.clone())), Place::In);
        }
        if limit == 0 {
            return Place::Alone;
        }
        let minute = storm::minute(incident.opened_at);
        let before = self
            .minutes
            .get(&(minute - 1))
            .and_then(|known| known.storm);
        let places = self.minutes.entry(minute).or_default();
        let taken = if storm::is_critical(incident) {
            &mut places.critical_alone
        } else {
            &mut places.alone
        };
        if *taken < limit {
            *taken += 1;
            return Place::Alone;
        }
        let storm = places.storm.or(before.filter(|storm| is_open(*storm)));
        places.storm = storm;
        storm.map_or(Place::InNew(Scope::Minute(minute)), Place::In)
    }

    /// Gives a minute or a group its storm.
    pub(crate) fn begin(&mut self, scope: Scope, storm: u32) {
        match scope {
            Scope::Minute(minute) => self.minutes.entry(minute).or_default().storm = Some(storm),
            Scope::Group(group) => {
                self.groups.insert(group, storm);
            }
        }
    }

    /// Enters a member, or brings its line up to date. The storm of the incident, if it is in one.
    pub(crate) fn note(
        &mut self,
        index: u32,
        incident: &Incident,
        in_storm: Option<u32>,
    ) -> Option<u32> {
        let (_, line) = StormMember::from_incident(incident)?;
        if let Some((storm, at)) = self.line_of.get(&index) {
            self.members.get_mut(storm)?[*at] = line;
            return Some(*storm);
        }
        let storm = in_storm?;
        let lines = self.members.entry(storm).or_default();
        self.line_of.insert(index, (storm, lines.len()));
        lines.push(line);
        Some(storm)
    }

    /// What a look at a storm's list finds.
    pub(crate) fn summary(&self, storm: u32) -> Storm {
        Storm::summarise(self.members.get(&storm).map_or(&[][..], Vec::as_slice))
    }
}
