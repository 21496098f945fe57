//! Cards and sounds of a replay, as the notifier has them.

use domain::incident::parts::IncidentKind;
use domain::notification::channels::Channel;
use domain::notification::notice::due;
use domain::notification::pipeline_run::run_id_of;
use domain::notification::told::told_in;
use jiff::{SignedDuration, Timestamp};

use super::state::Replay;
use super::timer::Timer;
use crate::backtest::outcome::Handling;

/// How long after a change of a member a storm's list is looked at.
const STORM_LOOK: SignedDuration = SignedDuration::from_secs(aws::queue::STORM_LOOKS_EVERY as i64);

impl Replay<'_> {
    /// As the notifier handles an incident that changed: its card, and what people have to hear.
    pub(super) fn incident_changed(&mut self, place: u32, now: Timestamp) {
        let Some(live) = self.live.get(&place) else {
            return;
        };
        if live.incident.storm_id().is_some() {
            if let Some(storm) = self.storms.note(place, &live.incident, None) {
                self.timers.once(now + STORM_LOOK, Timer::Storm(storm));
            }
            return;
        }
        if live.incident.storm().is_some() {
            let found = self.storms.summary(place);
            self.change(place, |change| change.storm_is(found, now));
        }
        if let Some(live) = self.live.get(&place)
            && !live.incident.awaits_first_analysis()
        {
            self.tell(place);
        }
    }

    fn tell(&mut self, place: u32) {
        let channels = &self.configuration.channels;
        let (Some(live), outcome) = (
            self.live.get_mut(&place),
            &mut self.outcomes[place as usize],
        ) else {
            return;
        };
        if live.incident.kind == IncidentKind::Pipeline {
            outcome.handling = Handling::Announced;
        }
        let run = run_id_of(&live.incident.alert);
        let last = live.incident.log_head.sequence;
        let routed = channels.routed(&live.incident);
        let is_routed = |name: &str| routed.iter().any(|channel| channel.name == name);
        let concerned = channels
            .channels
            .iter()
            .filter(|channel| live.cards.contains_key(&channel.name) || is_routed(&channel.name));
        let concerned: Vec<&Channel> = concerned.collect();
        for channel in concerned {
            let name = &channel.name;
            let Some(heard) = live.cards.get(name).copied() else {
                live.cards.insert(name.clone(), last);
                // All reports of a run of a pipeline have one card.
                let shared = run.as_ref().is_some_and(|run| {
                    !self
                        .run_cards
                        .insert((run.as_str().to_owned(), name.clone()))
                });
                if !shared {
                    // A new message makes a sound.
                    outcome.rings.insert(name.clone(), 1);
                }
                continue;
            };
            let notices = due(&live.log, heard, &live.incident);
            let told = told_in(notices, &live.incident, channel, channels).len();
            *outcome.rings.entry(name.clone()).or_default() +=
                u32::try_from(told).unwrap_or(u32::MAX);
            live.cards.insert(name.clone(), last);
        }
        outcome.severity = live.incident.severity;
    }
}
