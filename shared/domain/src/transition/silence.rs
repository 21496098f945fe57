//! Requested silences: an hour in which Alertmanager sends no notification of an incident's alert,
//! at a person's request.

use crate::alert::silence_matchers::ALERTNAME;
use crate::phrase;
use crate::primitives::phrase::Phrase;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use thiserror::Error;

use crate::alert::{Alert, LABEL_CHARACTERS, LABELS_KEPT};
use crate::incident::Incident;
use crate::incident::change::IncidentChange;
use crate::incident::operation_log::{Entry, Event, LogRecord};
use crate::incident::parts::{IncidentKind, Silence};
use crate::primitives::id::IncidentId;

/// How long a silence lasts.
pub const LASTS: SignedDuration = SignedDuration::from_hours(1);
/// For how long it is tried: Alertmanager may be down. Longer than three of the five times that the queue hands out a message.
pub const TRIED_FOR: SignedDuration = SignedDuration::from_mins(10);
/// How far apart two requests are in the log: one person can press as often as they like, and each entry is an item of the table and a save of
/// the incident, which decisions and repairs wait for.
pub const APART: SignedDuration = SignedDuration::from_secs(30);
/// The source of Alertmanager's alerts. Grafana's come through the same endpoint, and have silences
/// of another API.
const SOURCE: &str = "alertmanager";
/// The log's actor for the result of a request.
const ACTOR: &str = "notifier";

/// Why a silence is not requested.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("{}", self.phrase())]
pub enum Refusal {
    /// There is a silence already.
    Holds { until: Timestamp },
    /// It is over, it is not one alert, or Alertmanager has not sent it.
    Impossible,
}

impl Refusal {
    /// The reason, for the person who asked.
    pub fn phrase(self) -> Phrase {
        match self {
            Self::Holds { until } => {
                phrase!(
                    "it is silenced until {until}",
                    until = format!("{until:.0}")
                )
            }
            Self::Impossible => {
                phrase!(
                    "only an open incident can be silenced whose alert came from Alertmanager with all of its labels"
                )
            }
        }
    }
}

/// Asks for a silence, in the name of `by`. Who repeats themselves at once is not in the log again, and may have its message sent again: the
/// notifier makes one silence of all of them.
///
/// # Errors
/// Why there is none; the change is then as it was.
pub fn ask(change: &mut IncidentChange, by: &str, now: Timestamp) -> Result<(), Refusal> {
    if let Some(until) = change.incident.silenced_until(now) {
        return Err(Refusal::Holds { until });
    }
    if !change.incident.can_be_silenced() {
        return Err(Refusal::Impossible);
    }
    if change
        .incident
        .silence_asked_at
        .is_none_or(|before| now >= before + APART)
    {
        change.incident.silence_asked_at = Some(now);
        change.incident.silence_error = None;
        change.record(
            now,
            LogRecord::new(
                Event::SilenceRequested,
                by,
                "an hour without further alerts was asked for",
            ),
        );
    }
    Ok(())
}

impl Silence {
    /// Its comment in Alertmanager, which identifies it.
    pub fn comment(incident: &IncidentId) -> String {
        format!("Quell, incident {incident}")
    }
}

impl Incident {
    /// The end of the requested silence of its alert, if there is one.
    pub fn silenced_until(&self, now: Timestamp) -> Option<Timestamp> {
        self.silence
            .as_ref()
            .map(|silence| silence.until)
            .filter(|until| now < *until)
    }

    /// True if Alertmanager can be asked about its alerts.
    pub fn is_of_alertmanager(&self) -> bool {
        // A signed sender may call itself what it likes: its alerts are unknown to Alertmanager all the same.
        self.alert.source == SOURCE && self.alert.sender_resolves()
    }

    /// True if a silence can be requested: for an alert that came from Alertmanager, whose labels
    /// are all known, and that is not over. A storm has no alert of its own.
    pub fn can_be_silenced(&self) -> bool {
        self.is_open()
            && matches!(
                self.kind,
                IncidentKind::Alert | IncidentKind::StormMember { .. }
            )
            && self.is_of_alertmanager()
            && labels(&self.alert).is_some()
    }
}

/// The labels that identify an alert, none if one of them was truncated: with fewer labels, a
/// silence would also hide alerts that must be seen. A label without a value does not count
/// (<https://prometheus.io/docs/concepts/data_model/>).
pub fn labels(alert: &Alert) -> Option<Vec<(&str, &str)>> {
    let whole = alert.labels.len() < LABELS_KEPT
        && alert
            .labels
            .values()
            .all(|value| value.chars().count() < LABEL_CHARACTERS);
    let named = alert
        .labels
        .get(ALERTNAME)
        .is_some_and(|name| !name.is_empty());
    let labels = alert
        .labels
        .iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(name, value)| (name.as_str(), value.as_str()));
    (whole && named).then(|| labels.collect())
}

/// The last request for a silence, if nothing has come of it yet.
pub fn unanswered(log: &[Entry]) -> Option<&Entry> {
    // The silence of a repair answers no person's request.
    let concerns = |entry: &&Entry| {
        entry.event == Event::SilenceRequested
            || (entry.event == Event::SilenceCreated && entry.actor == ACTOR)
    };
    let last = log.iter().rev().find(concerns)?;
    (last.event == Event::SilenceRequested).then_some(last)
}

impl IncidentChange {
    /// Records a silence that Alertmanager has. A known one changes nothing.
    pub fn silenced(&mut self, silence: Silence, now: Timestamp) {
        if self
            .incident
            .silence
            .as_ref()
            .is_some_and(|known| known.id == silence.id)
        {
            return;
        }
        let context = json!({ "silence_id": silence.id, "until": silence.until, "by": silence.by });
        self.record(
            now,
            LogRecord::new(
                Event::SilenceCreated,
                ACTOR,
                format!("silenced until {:.0}", silence.until),
            )
            .with(context),
        );
        self.incident.silence = Some(silence);
        self.incident.silence_error = None;
    }

    /// Records why there is no silence. It can be requested again at once.
    pub fn not_silenced(&mut self, why: Phrase, now: Timestamp) {
        let news = LogRecord::new(Event::SilenceCreated, ACTOR, "there is no silence");
        self.record(now, news.failed(why.to_string()));
        self.incident.silence_asked_at = None;
        self.incident.silence_error = Some(why);
    }
}

#[cfg(test)]
mod tests {
    use jiff::{SignedDuration, Timestamp};

    use super::{APART, LASTS, Refusal, Silence, ask, labels, unanswered};
    use crate::incident::change::IncidentChange;
    use crate::incident::operation_log::{Event, LogRecord};
    use crate::incident::parts::IncidentKind;
    use crate::incident::{Incident, Status};
    use crate::transition::lifecycle::tests::incident;

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    #[test]
    fn what_cannot_be_silenced_has_no_button() {
        assert!(incident().can_be_silenced());
        type Case = (&'static str, fn(&mut Incident));
        let cases: [Case; 6] = [
            ("it resolved", |incident| incident.status = Status::Resolved),
            ("another source", |incident| {
                incident.alert.source = "grafana".to_owned()
            }),
            ("a pipeline", |incident| {
                incident.kind = IncidentKind::Pipeline
            }),
            ("no name", |incident| {
                drop(incident.alert.labels.remove("alertname"))
            }),
            ("a value that was cut", |incident| {
                drop(
                    incident
                        .alert
                        .labels
                        .insert("path".to_owned(), "x".repeat(512)),
                )
            }),
            ("too many labels", |incident| {
                incident
                    .alert
                    .labels
                    .extend((0..64).map(|i| (format!("l{i}"), "x".to_owned())));
            }),
        ];
        for (why, change) in cases {
            let mut incident = incident();
            change(&mut incident);
            assert!(!incident.can_be_silenced(), "{why}");
        }
    }

    #[test]
    fn repeated_requests_are_in_the_log_once() {
        let mut change = IncidentChange::new(incident());
        let soon = NOW + SignedDuration::from_secs(1);
        assert_eq!(
            (
                ask(&mut change, "telegram:7", NOW),
                ask(&mut change, "telegram:7", soon)
            ),
            (Ok(()), Ok(()))
        );
        assert_eq!(change.entries.len(), 1);
        assert_eq!(
            (
                ask(&mut change, "telegram:7", NOW + APART),
                change.entries.len()
            ),
            (Ok(()), 2)
        );

        change.not_silenced("it refuses".into(), NOW + APART);
        assert_eq!(
            change.incident.silence_error,
            Some("it refuses".into()),
            "the card says why"
        );
        assert_eq!(
            (
                ask(&mut change, "telegram:7", NOW + APART),
                change.entries.len()
            ),
            (Ok(()), 4),
            "what failed is asked for anew"
        );
        assert_eq!(
            change.incident.silence_error, None,
            "and may be answered otherwise"
        );

        let until = NOW + LASTS;
        change.silenced(
            Silence {
                id: "s1".to_owned(),
                until,
                by: "telegram:7".to_owned(),
            },
            NOW,
        );
        let silenced = change.clone();
        assert_eq!(
            (ask(&mut change, "telegram:8", NOW + APART * 3), &change),
            (Err(Refusal::Holds { until }), &silenced)
        );
        assert_eq!(
            ask(&mut change, "telegram:8", until),
            Ok(()),
            "it can be asked for again when it is over"
        );

        let mut over = IncidentChange::new(Incident {
            status: Status::Resolved,
            ..incident()
        });
        assert_eq!(
            (ask(&mut over, "telegram:7", NOW), over.entries.len()),
            (Err(Refusal::Impossible), 0)
        );
    }

    #[test]
    fn a_label_without_a_value_is_no_label() {
        let mut alert = incident().alert;
        alert.labels.insert("pod".to_owned(), String::new());
        assert_eq!(
            labels(&alert),
            Some(vec![("alertname", "TargetDown"), ("component", "web")])
        );
    }

    #[test]
    fn a_request_is_answered_once_and_the_silence_ends() {
        let mut change = IncidentChange::new(incident());
        assert_eq!(unanswered(&change.entries), None);
        change.record(
            NOW,
            LogRecord::new(Event::SilenceRequested, "telegram:7", ""),
        );
        assert_eq!(
            unanswered(&change.entries).map(|entry| entry.actor.as_str()),
            Some("telegram:7")
        );
        change.not_silenced("it refuses".into(), NOW);
        assert_eq!(
            unanswered(&change.entries),
            None,
            "what failed is an answer"
        );
        change.record(
            NOW,
            LogRecord::new(Event::SilenceRequested, "telegram:8", ""),
        );
        change.record(NOW, LogRecord::new(Event::SilenceCreated, "repair", ""));
        assert!(
            unanswered(&change.entries).is_some(),
            "the silence of a repair is none that somebody asked for"
        );
        let silence = Silence {
            id: "s1".to_owned(),
            until: NOW + LASTS,
            by: "telegram:8".to_owned(),
        };
        change.silenced(silence.clone(), NOW);
        let once = change.clone();
        change.silenced(silence, NOW);
        assert_eq!((unanswered(&change.entries), &change), (None, &once));
        assert_eq!(change.incident.silenced_until(NOW), Some(NOW + LASTS));
        assert_eq!(change.incident.silenced_until(NOW + LASTS), None);
        assert!(change.entries[1].error.is_some() && change.entries[4].success);
        assert_eq!(LASTS, SignedDuration::from_hours(1));
    }
}
