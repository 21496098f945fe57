//! Looks that are due at a moment: at episodes and storms, and the ends of repairs, in the order of the history's time.

use domain::alert::Alert;
use domain::alert::fingerprint::fingerprint;
use domain::episode::{Episode, on_look};
use domain::incident::parts::IncidentKind;
use domain::primitives::id::Fingerprint;
use domain::transition::sighting::LookedAt;
use jiff::{SignedDuration, Timestamp};

use super::state::Replay;
use super::timer::Timer;

impl Replay<'_> {
    /// Does what is due by now, in order.
    pub(super) fn run_timers(&mut self, now: Timestamp) {
        while let Some((at, timer)) = self.timers.due(now) {
            match timer {
                Timer::Episode(fingerprint) => self.look_at(&fingerprint, at),
                Timer::Storm(storm) => self.incident_changed(storm, at),
                Timer::RepairEnds(place) => self.repair_ends(place, at),
            }
        }
    }

    /// Has an episode looked at once nobody has heard of it for too long.
    pub(super) fn watch(&mut self, fingerprint: &Fingerprint, episode: &Episode) {
        if self.expires && episode.open {
            let at = self.stale_at(episode);
            self.timers.once(at, Timer::Episode(fingerprint.clone()));
        }
    }

    /// Ends the episode of an alert of which nobody has heard for too long, as the history says.
    pub(crate) fn expire(&mut self, alert: &Alert, now: Timestamp) {
        self.run_timers(now);
        let fingerprint = fingerprint(alert, &self.configuration.parameters.labels);
        self.look_at(&fingerprint, now);
    }

    fn stale_at(&self, episode: &Episode) -> Timestamp {
        episode.last_seen
            + self.configuration.parameters.windows.stale
            + SignedDuration::from_secs(1)
    }

    /// Looks at an episode, as the notifier does where Alertmanager cannot be asked.
    pub(super) fn look_at(&mut self, fingerprint: &Fingerprint, now: Timestamp) {
        let windows = self.configuration.parameters.windows;
        let Some(current) = self.episodes.get(fingerprint).cloned() else {
            return;
        };
        let Some(place) = self.places.get(&current.incident_id).copied() else {
            return;
        };
        let kind = self.live.get(&place).map(|live| &live.incident.kind);
        let is_report = kind == Some(&IncidentKind::Pipeline);
        let stale = current.is_stale(now, windows) && !is_report;
        let settles = current.settles_at().is_some_and(|at| at <= now);
        if !settles && !stale {
            // A report of a pipeline is never looked at for its age.
            if !is_report {
                self.watch(fingerprint, &current);
            }
            return;
        }
        let (outcome, episode) = on_look(&current, None, !is_report, now, windows);
        if episode.version != current.version {
            let looked = LookedAt {
                outcome,
                before: &current,
                after: &episode,
                stale: windows.stale,
            };
            self.change(place, |change| looked.apply(change, now));
        }
        self.keep(fingerprint, episode, now);
    }
}
