//! The state of a replay: episodes, incidents, storms, ledgers and timers, in maps.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use domain::analysis::price::MicroUsd;
use domain::episode::Episode;
use domain::incident::Incident;
use domain::incident::change::IncidentChange;
use domain::incident::operation_log::Entry;
use domain::incident::parts::Recurrence;
use domain::primitives::id::{Fingerprint, IncidentId};
use jiff::Timestamp;
use jiff::civil::Date;
use ulid::Ulid;

use super::timer::Timers;
use crate::backtest::configuration::Configuration;
use crate::backtest::ledgers::Ledgers;
use crate::backtest::outcome::Outcome;
use crate::backtest::storms::Storms;

/// What a replay is told of an alert beside the alert.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Heard {
    /// How many sightings it stands for.
    pub(crate) count: u64,
    /// True if the history says how the repair of its incident ended, so that none is assumed.
    pub(crate) has_run: bool,
}

impl Default for Heard {
    fn default() -> Self {
        Self {
            count: 1,
            has_run: false,
        }
    }
}

/// A replay under way.
#[derive(Debug)]
pub(crate) struct Replay<'a> {
    pub(super) configuration: &'a Configuration,
    /// True if what nobody hears of for long expires by itself: a history of incidents says itself when they did.
    pub(super) expires: bool,
    pub(super) episodes: HashMap<Fingerprint, Episode>,
    /// Incidents that may still change, by their place.
    pub(super) live: HashMap<u32, Live>,
    pub(super) places: HashMap<IncidentId, u32>,
    pub(super) outcomes: Vec<Outcome>,
    pub(super) storms: Storms,
    pub(super) ledgers: Ledgers,
    pub(super) timers: Timers,
    /// Channels that have the card of a run of a pipeline.
    pub(super) run_cards: BTreeSet<(String, String)>,
    /// What models may have cost, by day.
    pub(super) spent: BTreeMap<Date, MicroUsd>,
    /// How many alerts were heard.
    pub(super) heard: u64,
    pub(super) firing: u64,
    pub(super) left_out: u64,
}

/// An incident that may still change.
#[derive(Debug)]
pub(crate) struct Live {
    pub(super) incident: Incident,
    pub(super) log: Vec<Entry>,
    /// The channels that have a card of it, each with the last entry that was heard there.
    pub(super) cards: BTreeMap<String, u64>,
    pub(super) has_run: bool,
    /// The last run of the incident before it, if that was verified.
    pub(super) after: Option<Recurrence>,
}

#[cfg(test)]
impl Live {
    pub(crate) fn stored(self) -> crate::history::HistoryLine {
        crate::history::HistoryLine::Incident {
            incident: Box::new(self.incident),
            log: self.log,
        }
    }
}

impl<'a> Replay<'a> {
    pub(crate) fn new(configuration: &'a Configuration, expires: bool) -> Self {
        Self {
            configuration,
            expires,
            episodes: HashMap::new(),
            live: HashMap::new(),
            places: HashMap::new(),
            outcomes: Vec::new(),
            storms: Storms::default(),
            ledgers: Ledgers::default(),
            timers: Timers::default(),
            run_cards: BTreeSet::new(),
            spent: BTreeMap::new(),
            heard: 0,
            firing: 0,
            left_out: 0,
        }
    }

    /// Enters a new incident; `after` is the verified repair after which its alert came back.
    pub(crate) fn enter(
        &mut self,
        change: IncidentChange,
        opener: Option<u64>,
        has_run: bool,
        after: Option<Recurrence>,
    ) -> u32 {
        let place = u32::try_from(self.outcomes.len()).unwrap_or(u32::MAX);
        let IncidentChange { incident, entries } = change;
        self.outcomes.push(Outcome::opened(&incident, opener));
        self.places.insert(incident.id.clone(), place);
        let live = Live {
            incident,
            log: entries,
            cards: BTreeMap::new(),
            has_run,
            after,
        };
        self.live.insert(place, live);
        place
    }

    /// Changes an incident, and keeps what is new in its log.
    pub(crate) fn change(&mut self, place: u32, apply: impl FnOnce(&mut IncidentChange)) {
        let Some(mut live) = self.live.remove(&place) else {
            return;
        };
        let mut change = IncidentChange::new(live.incident);
        apply(&mut change);
        live.incident = change.incident;
        live.log.extend(change.entries);
        self.live.insert(place, live);
    }

    /// How many episodes and incidents are kept.
    #[cfg(test)]
    pub(crate) fn kept(&self) -> (usize, usize) {
        (self.episodes.len(), self.live.len())
    }

    /// The incidents as a table would have them, with their logs; those are gone that another of their fingerprint has followed.
    #[cfg(test)]
    pub(crate) fn stored(self) -> Vec<crate::history::HistoryLine> {
        let mut live: Vec<(u32, Live)> = self.live.into_iter().collect();
        live.sort_by_key(|(place, _)| *place);
        live.into_iter().map(|(_, live)| live.stored()).collect()
    }

    /// The id of the next incident. It depends on the replay alone, so that two replays of one history are the same.
    pub(super) fn fresh_id(&self, now: Timestamp) -> IncidentId {
        let milliseconds = u64::try_from(now.as_millisecond()).unwrap_or_default();
        let ulid = Ulid::from_parts(milliseconds, self.outcomes.len() as u128);
        match IncidentId::try_from(ulid.to_string()) {
            Ok(id) => id,
            Err(_) => unreachable!("a ULID is an incident id"),
        }
    }
}
