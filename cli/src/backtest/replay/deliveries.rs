//! Deliveries: alerts are counted as intake counts them, and what follows from it happens at once.

use std::collections::{BTreeSet, HashMap};

use domain::alert::{Alert, AlertStatus};
use domain::episode::{Episode, Firing, FiringOutcome, Unsent, on_firing, on_resolved};
use domain::incident::change::IncidentChange;
use domain::policy::playbook_run::PlaybookRun;
use domain::primitives::id::{Fingerprint, MemberId};
use domain::transition::sighting::{Ended, Fired};
use intake::{Delivery, Group, Grouped};
use jiff::Timestamp;

use super::state::{Heard, Replay};
use super::timer::Timer;
use crate::backtest::outcome::{Outcome, Totals};

impl Replay<'_> {
    /// Takes a delivery: for each alert, in its order, the incident that it belongs to.
    pub(crate) fn take(
        &mut self,
        delivery: Delivery,
        heard: Heard,
        now: Timestamp,
    ) -> Vec<Option<u32>> {
        self.run_timers(now);
        let first = self.heard;
        self.heard += delivery.alerts.len() as u64;
        let rules = self.configuration.tables.rules();
        let counts =
            |alert: &Alert| !rules.is_heartbeat(&alert.name) && !rules.is_noise(&alert.name);
        let counted: Vec<bool> = delivery.alerts.iter().map(counts).collect();
        self.left_out += counted.iter().filter(|counted| !**counted).count() as u64;
        // The first alert of each fingerprint opens its incident, if one does.
        let mut opens: HashMap<Fingerprint, u64> = HashMap::new();
        let mut kept = counted.iter();
        let mut delivery = delivery;
        delivery
            .alerts
            .retain(|_| kept.next().copied().unwrap_or_default());
        let labels = &self.configuration.parameters.labels;
        let Grouped { keys, groups } = Grouped::by_fingerprint(delivery, labels, now);
        let mut of_counted = keys.iter();
        let keys: Vec<Option<&(Fingerprint, MemberId, AlertStatus)>> = counted
            .iter()
            .map(|counted| counted.then(|| of_counted.next()).flatten())
            .collect();
        for (key, at) in keys.iter().zip(first..) {
            if let Some((fingerprint, _, AlertStatus::Firing)) = key {
                opens.entry(fingerprint.clone()).or_insert(at);
            }
        }
        for (fingerprint, group) in groups {
            let opener = opens.get(&fingerprint).copied();
            self.take_group(&fingerprint, group, opener, heard, now);
        }
        keys.iter()
            .map(|key| {
                let episode = self.episodes.get(&key.as_ref()?.0)?;
                self.places.get(&episode.incident_id).copied()
            })
            .collect()
    }

    /// As intake does it: what fires first, because where one pod recovers while another crashes, the episode goes on.
    fn take_group(
        &mut self,
        fingerprint: &Fingerprint,
        group: Group,
        opener: Option<u64>,
        heard: Heard,
        now: Timestamp,
    ) {
        if let Some((mut firing, alert)) = group.firing {
            firing.count = firing.count.saturating_mul(heard.count);
            self.firing += firing.count;
            self.fire(fingerprint, &alert, &firing, (opener, heard.has_run), now);
        }
        if !group.resolved.is_empty() {
            self.resolve(fingerprint, &group.resolved, now);
        }
    }

    fn fire(
        &mut self,
        fingerprint: &Fingerprint,
        alert: &Alert,
        firing: &Firing,
        (opener, has_run): (Option<u64>, bool),
        now: Timestamp,
    ) {
        let windows = self.configuration.parameters.windows;
        let current = self.episodes.remove(fingerprint);
        let fresh = self.fresh_id(now);
        let (outcome, episode) =
            on_firing(current.as_ref(), fingerprint, firing, &fresh, now, windows);
        match (outcome, &current) {
            (FiringOutcome::Opened, _) => {
                let id = episode.incident_id.clone();
                let change =
                    IncidentChange::open(id, fingerprint.clone(), alert.clone(), firing, now);
                let before = current.as_ref().map(|before| before.incident_id.clone());
                let before = before.and_then(|before| self.retire(&before, now));
                self.enter(change, opener, has_run, before);
            }
            (_, Some(before)) => {
                let fired = Fired {
                    outcome,
                    before,
                    after: &episode,
                    alert,
                };
                let place = self.places.get(&episode.incident_id).copied();
                if let Some(place) = place {
                    self.outcomes[place as usize].alerts = episode.hit_count;
                    self.outcomes[place as usize].flaps = episode.flaps;
                    if fired.is_shown() {
                        self.change(place, |change| fired.apply(change, now));
                    }
                }
            }
            (_, None) => {}
        }
        self.keep(fingerprint, episode, now);
    }

    fn resolve(&mut self, fingerprint: &Fingerprint, members: &BTreeSet<MemberId>, now: Timestamp) {
        let windows = self.configuration.parameters.windows;
        let Some(current) = self.episodes.remove(fingerprint) else {
            return;
        };
        let (outcome, episode) = on_resolved(&current, members, now, windows);
        let ended = Ended {
            outcome,
            before: &current,
            after: &episode,
        };
        if ended.is_shown()
            && let Some(place) = self.places.get(&episode.incident_id).copied()
        {
            self.change(place, |change| ended.apply(change, now));
        }
        self.keep(fingerprint, episode, now);
    }

    /// Keeps an episode, and does what its messages would have others do.
    pub(super) fn keep(&mut self, fingerprint: &Fingerprint, mut episode: Episode, now: Timestamp) {
        let unsent = std::mem::take(&mut episode.unsent);
        let place = self.places.get(&episode.incident_id).copied();
        self.watch(fingerprint, &episode);
        if unsent.contains(&Unsent::Disputed)
            && let Some(at) = episode.settles_at()
        {
            self.timers.at(at, Timer::Episode(fingerprint.clone()));
        }
        self.episodes.insert(fingerprint.clone(), episode);
        let Some(place) = place else { return };
        if unsent.contains(&Unsent::Opened) {
            self.incident_opened(place, now);
        }
        if unsent.contains(&Unsent::Changed) {
            self.incident_changed(place, now);
        }
    }

    /// Ends the replay at a moment: what is due by then happens, and nothing else.
    pub(crate) fn end(mut self, now: Timestamp) -> (Vec<Outcome>, Totals) {
        self.run_timers(now);
        let totals = Totals::of(&self.outcomes, self.firing, self.left_out);
        (self.outcomes, totals)
    }

    /// Counts a run of which the history says how it ended.
    pub(crate) fn ran(&mut self, run: PlaybookRun, now: Timestamp) {
        self.run_timers(now);
        self.ledgers.ran(run);
    }
}
