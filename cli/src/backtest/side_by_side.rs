//! Two replays of one history, side by side: each event goes to both before the next is read, so that a history of any length can be replayed.

use std::rc::Rc;

use domain::alert::{Alert, AlertStatus};
use domain::primitives::id::MemberId;
use ingress::alerts::parse;
use intake::Delivery;
use jiff::Timestamp;

use super::again::identified;
use super::configuration::Configuration;
use super::difference::differences;
use super::events::{Event, Events, Sighting, What};
use super::replay::{Heard, Replay};
use super::report::Report;
use crate::exit::Failure;
use crate::history::{HistoryLine, Received};

/// Both replays, and what is known of the history so far.
#[derive(Debug)]
pub(crate) struct SideBySide<'a> {
    configurations: [&'a Configuration; 2],
    replays: Option<[Replay<'a>; 2]>,
    events: Events,
    /// For each alert, in which incident it is here and there.
    places: Vec<(Option<u32>, Option<u32>)>,
    lines: u64,
    incidents: Option<u64>,
    refused: u64,
    first_refused: Option<u64>,
    span: Option<(Timestamp, Timestamp)>,
}

impl<'a> SideBySide<'a> {
    pub(crate) fn new(base: &'a Configuration, changed: &'a Configuration) -> Self {
        Self {
            configurations: [base, changed],
            replays: None,
            events: Events::default(),
            places: Vec::new(),
            lines: 0,
            incidents: None,
            refused: 0,
            first_refused: None,
            span: None,
        }
    }

    /// How many alerts were replayed so far.
    pub(crate) fn alerts(&self) -> usize {
        self.places.len()
    }

    /// Adds a line, and replays what is known to be next.
    ///
    /// # Errors
    /// If the line is from before the one above it, or lines of both kinds are mixed.
    pub(crate) fn add(&mut self, line: HistoryLine) -> Result<(), Failure> {
        self.lines += 1;
        let of_incidents = matches!(line, HistoryLine::Incident { .. });
        if self.replays.is_some() && of_incidents != self.incidents.is_some() {
            let line = self.lines;
            return Err(Failure::wrong(format!(
                "line {line} of the history is of another kind than those above it: replay incidents and deliveries apart, or alerts count twice"
            )));
        }
        // A log says itself when an incident expired.
        let [base, changed] = self.configurations;
        self.replays.get_or_insert_with(|| {
            [
                Replay::new(base, !of_incidents),
                Replay::new(changed, !of_incidents),
            ]
        });
        if let HistoryLine::Incident { incident, .. } = &line {
            let own = u64::from(incident.storm().is_none());
            self.incidents = Some(self.incidents.unwrap_or_default() + own);
        }
        self.events.add(line, self.lines)?;
        self.replay();
        Ok(())
    }

    /// Replays what is left, and compares.
    pub(crate) fn end(mut self) -> Result<Report, Failure> {
        self.events.finish();
        self.replay();
        let alerts = self.places.len() as u64;
        let (Some([base, changed]), Some((from, to))) = (self.replays, self.span) else {
            return Err(Failure::wrong(
                "the history is empty: there is nothing to replay",
            ));
        };
        let ((base, base_totals), (changed, changed_totals)) = (base.end(to), changed.end(to));
        Ok(Report {
            from: Some(from),
            to: Some(to),
            alerts,
            refused: self.refused,
            first_refused: self.first_refused,
            recorded: self.incidents,
            differences: differences(&base, &changed, self.places),
            base: base_totals,
            changed: changed_totals,
        })
    }

    /// The incidents of the base after what was added, as a table would have them.
    #[cfg(test)]
    pub(crate) fn stored(mut self) -> Vec<HistoryLine> {
        self.events.finish();
        self.replay();
        self.replays
            .map_or_else(Vec::new, |[base, _]| base.stored())
    }

    /// How many episodes and incidents the base keeps.
    #[cfg(test)]
    pub(crate) fn kept(&self) -> (usize, usize) {
        self.replays
            .as_ref()
            .map_or((0, 0), |[base, _]| base.kept())
    }

    fn replay(&mut self) {
        while let Some(Event { at, what }) = self.events.next() {
            let (first, last) = self.span.unwrap_or((at, at));
            self.span = Some((first.min(at), last.max(at)));
            match what {
                What::Delivery(received) => self.deliver(&received, at),
                What::Fired(sighting) => {
                    let together = match sighting.group {
                        Some(_) => self.events.together(sighting, at),
                        None => vec![sighting],
                    };
                    self.fire(&together, at);
                }
                What::Ended { alert, members } => self.end_alerts(&alert, &members, at),
                What::Expired(alert) => self.each(|replay, configuration| {
                    let alert = identified(&configuration.tables, &alert, AlertStatus::Resolved);
                    replay.expire(&alert, at);
                }),
                What::Ran(run) => self.each(|replay, _| replay.ran(run.clone(), at)),
            }
        }
    }

    fn each(&mut self, mut apply: impl FnMut(&mut Replay<'a>, &'a Configuration)) {
        for (replay, configuration) in self.replays.iter_mut().flatten().zip(self.configurations) {
            apply(replay, configuration);
        }
    }

    fn deliver(&mut self, received: &Received, at: Timestamp) {
        let [base, changed] = self.configurations.map(|configuration| {
            let bytes = received.body.get().as_bytes();
            parse::read(&received.path, bytes, &configuration.tables, at)
                .ok()
                .flatten()
        });
        let (Some(base), Some(changed)) = (base, changed) else {
            self.refused += 1;
            self.first_refused.get_or_insert(self.lines);
            return;
        };
        self.take([base, changed], Heard::default(), at);
    }

    fn fire(&mut self, sightings: &[Sighting], at: Timestamp) {
        let Some(first) = sightings.first() else {
            return;
        };
        let deliveries = self.configurations.map(|configuration| Delivery {
            alerts: sightings
                .iter()
                .map(|one| sighted(one, configuration))
                .collect(),
            left_out: 0,
            group_key: first.group.as_ref().map(ToString::to_string),
        });
        self.take(deliveries, first.heard, at);
    }

    fn end_alerts(&mut self, alert: &Rc<Alert>, members: &[MemberId], at: Timestamp) {
        let deliveries = self.configurations.map(|configuration| {
            let ended = identified(&configuration.tables, alert, AlertStatus::Resolved);
            let of = |member: &MemberId| Alert {
                member: member.clone(),
                ..ended.clone()
            };
            Delivery {
                alerts: members.iter().map(of).collect(),
                left_out: 0,
                group_key: None,
            }
        });
        self.take(deliveries, Heard::default(), at);
    }

    fn take(&mut self, [one, other]: [Delivery; 2], heard: Heard, at: Timestamp) {
        let Some([base, changed]) = &mut self.replays else {
            return;
        };
        let places = base.take(one, heard, at).into_iter();
        self.places
            .extend(places.zip(changed.take(other, heard, at)));
    }
}

/// An alert of an incident as this configuration would have it.
fn sighted(one: &Sighting, configuration: &Configuration) -> Alert {
    let alert = identified(&configuration.tables, &one.alert, AlertStatus::Firing);
    Alert {
        member: one.member.clone(),
        starts_at: one.starts_at,
        severity: one.severity.unwrap_or(alert.severity),
        ..alert
    }
}
