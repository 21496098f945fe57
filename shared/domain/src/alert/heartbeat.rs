//! Heartbeats: alerts that always fire, to say that monitoring works. The news is that one stays away,
//! which no alert can tell (`nothing-forever`, `true-and-heard`).
//!
//! kube-prometheus sends `Watchdog` for this purpose
//! (<https://runbooks.prometheus-operator.dev/runbooks/general/watchdog/>). How often it comes is set in Alertmanager
//! (`repeat_interval`), so that it is learned and not configured.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::alert::labels::{Texts, said};
use crate::alert::subject::{Subject, SubjectKind};
use crate::alert::{Alert, AlertSeverity, AlertStatus, AlertType, NAME_CHARACTERS};
use crate::primitives::digest::Digest;
use crate::primitives::id::{HeartbeatId, MemberId};
use crate::primitives::safe_text::cut;

/// The name of the alert that a heartbeat's absence is.
pub const SILENT: &str = "MonitoringSilent";
/// How many intervals have to be known before they are believed: the two halves of an HA pair may both deliver within seconds.
const INTERVALS_KNOWN: u32 = 3;
/// How long a chain of checks is believed to be under way.
const WATCHED_FOR: SignedDuration = SignedDuration::from_hours(1);
/// What a heartbeat may be late by, beside its longest interval once more.
const LATE: SignedDuration = SignedDuration::from_mins(1);

/// The heartbeat of one sender, as it was heard last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Heartbeat {
    /// The alert's name.
    pub name: String,
    /// Which sender it came through.
    pub source: String,
    /// The cluster or environment, and which Prometheus, where the sender says so.
    pub cluster: Option<String>,
    pub prometheus: Option<String>,
    pub last_heard: Timestamp,
    /// The longest time between two of them, in seconds, and how many such times there were.
    pub longest_interval: i64,
    pub intervals: u32,
    /// When its absence was reported last; none while it is heard.
    pub reported_at: Option<Timestamp>,
    /// When somebody was last asked to watch it: a chain of checks that was lost begins anew an hour later.
    pub watched_at: Option<Timestamp>,
}

impl Heartbeat {
    /// The first heartbeat of a sender.
    pub fn first(alert: &Alert, now: Timestamp) -> Self {
        let label = |name: &str| said(&alert.labels, name).map(|text| cut(text, NAME_CHARACTERS));
        Self {
            name: alert.name.clone(),
            source: alert.source.clone(),
            cluster: alert
                .subject
                .cluster
                .as_deref()
                .map(|text| cut(text, NAME_CHARACTERS)),
            prometheus: label("prometheus"),
            last_heard: now,
            longest_interval: 0,
            intervals: 0,
            reported_at: None,
            watched_at: None,
        }
    }

    /// Its identity: one for each sender, cluster and Prometheus, whatever replica speaks.
    pub fn id(&self) -> HeartbeatId {
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        Digest::new()
            .field(&self.name)
            .field(&self.source)
            .field(text(&self.cluster))
            .field(text(&self.prometheus))
            .into()
    }

    /// The heartbeat after it was heard again. The time of a silence is no interval.
    #[must_use]
    pub fn heard(self, now: Timestamp) -> Self {
        let interval = now.duration_since(self.last_heard).as_secs();
        let counts = self.reported_at.is_none() && interval > 0;
        Self {
            last_heard: self.last_heard.max(now),
            longest_interval: if counts {
                self.longest_interval.max(interval)
            } else {
                self.longest_interval
            },
            intervals: self.intervals.saturating_add(u32::from(counts)),
            reported_at: None,
            ..self
        }
    }

    /// When it will have been silent for too long: after twice its longest interval, or after `stale` as long as too few are known.
    pub fn overdue_at(&self, stale: SignedDuration) -> Timestamp {
        let allowed = if self.intervals < INTERVALS_KNOWN {
            stale
        } else {
            SignedDuration::from_secs(self.longest_interval.saturating_mul(2)) + LATE
        };
        self.last_heard + allowed
    }

    /// When it has to be looked at next: when it will be overdue, or when its absence has to be reported again. An incident of which nobody
    /// hears expires, and this one goes on.
    pub fn look_at(&self, stale: SignedDuration) -> Timestamp {
        match self.reported_at {
            Some(reported) => reported + SignedDuration::from_secs(stale.as_secs() / 2),
            None => self.overdue_at(stale),
        }
    }

    /// True if nobody was asked lately to watch it.
    pub fn is_unwatched(&self, now: Timestamp) -> bool {
        self.watched_at.is_none_or(|at| now > at + WATCHED_FOR)
    }

    /// The alert that monitoring is silent, or that it is back.
    pub fn alert(&self, status: AlertStatus, now: Timestamp) -> Alert {
        let of = [&self.cluster, &self.prometheus];
        let sender: Vec<&str> = std::iter::once(self.source.as_str())
            .chain(of.into_iter().flatten().map(String::as_str))
            .collect();
        let target = cut(&sender.join(" "), NAME_CHARACTERS);
        let mut labels = Texts::from([
            ("alertname".to_owned(), SILENT.to_owned()),
            ("component".to_owned(), target.clone()),
            ("heartbeat".to_owned(), self.name.clone()),
        ]);
        labels.extend(
            self.cluster
                .clone()
                .map(|name| ("cluster".to_owned(), name)),
        );
        Alert {
            name: SILENT.to_owned(),
            alert_type: AlertType::Custom,
            severity: AlertSeverity::Critical,
            status,
            source: "quell".to_owned(),
            namespace: "default".to_owned(),
            normalised_target: target.clone(),
            target,
            subject: Subject {
                cluster: self.cluster.clone(),
                ..Subject::of_sender(SubjectKind::Component)
            },
            message: format!(
                "The heartbeat {} stays away since {:.0}: alerts of this sender may not arrive.",
                self.name, self.last_heard
            ),
            labels,
            annotations: Texts::new(),
            starts_at: now,
            member: MemberId::unnumbered(),
            cicd: false,
            generator_url: None,
            sender_url: None,
            grouped_by: Vec::new(),
            alert_id: None,
            measurements: Texts::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::{SignedDuration, Timestamp};

    use super::Heartbeat;
    use crate::alert::classification::AlertTables;
    use crate::alert::fingerprint::fingerprint;
    use crate::alert::{Alert, AlertStatus, Texts};
    use crate::primitives::id::MemberId;

    const STALE: SignedDuration = SignedDuration::from_hours(5);

    fn at(seconds: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_secs(seconds)
    }

    fn watchdog(labels: &[(&str, &str)]) -> Alert {
        let labels = labels.iter().chain(&[("alertname", "Watchdog")]);
        AlertTables::default().alert(
            AlertStatus::Firing,
            "alertmanager",
            labels
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect::<Texts>(),
            Texts::new(),
            at(0),
            MemberId::unnumbered(),
        )
    }

    fn heard(times: &[i64]) -> Heartbeat {
        let first = Heartbeat::first(&watchdog(&[]), at(times[0]));
        times[1..]
            .iter()
            .fold(first, |beat, time| beat.heard(at(*time)))
    }

    #[test]
    fn its_interval_is_learned() {
        assert_eq!(heard(&[0]).overdue_at(STALE), at(0) + STALE);
        // Both halves of a pair deliver: two short intervals say nothing.
        assert_eq!(heard(&[0, 15, 315]).overdue_at(STALE), at(315) + STALE);
        assert_eq!(
            heard(&[0, 15, 315, 330, 630]).overdue_at(STALE),
            at(630 + 660)
        );
    }

    #[test]
    fn a_silence_is_no_interval() {
        let mut beat = heard(&[0, 300, 600, 900]);
        beat.reported_at = Some(at(2_000));
        let back = beat.heard(at(90_000));
        assert_eq!(
            (back.reported_at, back.overdue_at(STALE)),
            (None, at(90_000 + 660))
        );
    }

    #[test]
    fn replicas_are_one_sender_and_clusters_are_several() {
        let id = |labels| Heartbeat::first(&watchdog(labels), at(0)).id();
        let one = id(&[
            ("prometheus", "monitoring/k8s"),
            ("prometheus_replica", "k8s-0"),
        ]);
        assert_eq!(
            one,
            id(&[
                ("prometheus", "monitoring/k8s"),
                ("prometheus_replica", "k8s-1")
            ])
        );
        assert_ne!(
            one,
            id(&[("prometheus", "monitoring/k8s"), ("cluster", "eu")])
        );
        assert_ne!(one, id(&[("prometheus", "team/k8s")]));
    }

    #[test]
    fn silence_and_return_are_one_incident() {
        let beat = heard(&[0]);
        let (silent, back) = (
            beat.alert(AlertStatus::Firing, at(1)),
            beat.alert(AlertStatus::Resolved, at(9)),
        );
        assert_eq!(fingerprint(&silent, &[]), fingerprint(&back, &[]));
    }
}
