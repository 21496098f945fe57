//! Intake of normalised alerts: one conditional write for each fingerprint, then the queue. Every
//! entry point for alerts counts them here.

mod count;
mod counted;
mod error;
mod settings;

use std::collections::BTreeMap;
use std::time::Instant;

use futures_util::{StreamExt as _, stream};
use jiff::Timestamp;

use domain::alert::fingerprint::fingerprint;
use domain::alert::{Alert, AlertStatus};
use domain::episode::Firing;
use domain::primitives::digest::Digest;
use domain::primitives::id::{AlertGroupId, Fingerprint, MemberId};

pub use self::count::Intake;
use self::count::{Batch, Group, Taken};
pub use self::counted::{Counted, Outcome};
pub use self::error::IntakeError;
pub use self::settings::IntakeSettings;

/// How many fingerprints of one delivery are written at a time.
const CONCURRENT_WRITES: usize = 16;

/// From so many things on for which one rule fires in one delivery, they share one card: a group of Telegram takes 20 messages a minute.
const MANY: usize = 15;

/// A delivery of a sender: one group of Alertmanager, or a single alert.
#[derive(Debug)]
pub struct Delivery {
    /// Its alerts, in the sender's order.
    pub alerts: Vec<Alert>,
    /// How many alerts the sender left out (`truncatedAlerts`).
    pub left_out: u64,
    /// The sender's group: what it calls the alerts that it sends together.
    pub group_key: Option<String>,
}

impl Delivery {
    /// A delivery of one alert.
    pub fn single(alert: Alert) -> Self {
        Self {
            alerts: vec![alert],
            left_out: 0,
            group_key: None,
        }
    }
}

impl Intake {
    /// Counts every alert of a delivery and returns the result of each, in order. No new write
    /// starts after `until`. A start time that is impossible is replaced by `now`, for every entry
    /// point.
    ///
    /// # Errors
    /// If any of them could not be stored or queued; those that were stay counted, and the sender's retry counts them again.
    pub async fn take(
        &self,
        delivery: Delivery,
        now: Timestamp,
        until: Instant,
    ) -> Result<Vec<Counted>, IntakeError> {
        let Delivery {
            alerts,
            left_out,
            group_key,
        } = delivery;
        let keys: Vec<(Fingerprint, MemberId, AlertStatus)> = alerts
            .iter()
            .map(|alert| {
                (
                    fingerprint(alert, &self.fingerprint_labels),
                    alert.member.clone(),
                    alert.status,
                )
            })
            .collect();
        let mut groups: BTreeMap<Fingerprint, Group> = BTreeMap::new();
        for (alert, (fingerprint, ..)) in alerts.into_iter().zip(&keys) {
            add(&mut groups, fingerprint, alert.dated(now), left_out);
        }
        together(&mut groups, group_key.as_deref().unwrap_or_default());
        let fingerprints = groups.len();
        let batch = Batch {
            intake: self,
            now,
            until,
        };
        // Every group is taken to its end, also after one has failed: a write that is cut off may or may not have counted, and one
        // item that cannot be written must not keep out the others.
        let taken: Vec<Result<Vec<Taken>, IntakeError>> = stream::iter(groups)
            .map(|(fingerprint, group)| batch.take_group(fingerprint, group))
            .buffer_unordered(CONCURRENT_WRITES)
            .collect()
            .await;
        let counted = taken.iter().filter(|taken| taken.is_ok()).count();
        let taken: Vec<Vec<Taken>> =
            taken
                .into_iter()
                .collect::<Result<_, _>>()
                .map_err(|error| match error {
                    IntakeError::OutOfTime { .. } => IntakeError::OutOfTime {
                        counted,
                        fingerprints,
                    },
                    other => other,
                })?;
        let outcomes: BTreeMap<(Fingerprint, bool), Outcome> =
            taken.into_iter().flatten().collect();
        let counted = |(fingerprint, member, status): (Fingerprint, MemberId, AlertStatus)| {
            let outcome = outcomes
                .get(&(fingerprint.clone(), status == AlertStatus::Firing))?
                .clone();
            Some(Counted {
                member,
                fingerprint,
                outcome,
            })
        };
        Ok(keys.into_iter().filter_map(counted).collect())
    }
}

/// Adds an alert to the group of its fingerprint: what one delivery says of one fingerprint is written once.
fn add(
    groups: &mut BTreeMap<Fingerprint, Group>,
    fingerprint: &Fingerprint,
    alert: Alert,
    left_out: u64,
) {
    let group = groups.entry(fingerprint.clone()).or_default();
    match (alert.status, &mut group.firing) {
        (AlertStatus::Resolved, _) => {
            group.resolved.insert(alert.member);
        }
        (AlertStatus::Firing, Some((firing, worst))) => {
            firing.add(&alert);
            if alert.severity > worst.severity {
                *worst = alert;
            }
        }
        (AlertStatus::Firing, none) => {
            let firing = Firing {
                left_out,
                ..Firing::from_alert(&alert)
            };
            *none = Some((firing, alert));
        }
    }
}

/// Marks the firing alerts of each rule that has many in this delivery: those that open an incident share one card. A rule fires
/// for as many things as its expression finds, and a group is what the sender wants to be read together.
fn together(groups: &mut BTreeMap<Fingerprint, Group>, group_key: &str) {
    let mut rules: BTreeMap<String, Vec<&mut Firing>> = BTreeMap::new();
    for (firing, alert) in groups
        .values_mut()
        .filter_map(|group| group.firing.as_mut())
    {
        if !alert.cicd {
            rules.entry(alert.name.clone()).or_default().push(firing);
        }
    }
    for (rule, firing) in rules {
        if firing.len() < MANY {
            continue;
        }
        let id: AlertGroupId = Digest::new().field(group_key).field(rule).into();
        for firing in firing {
            firing.group = Some(id.clone());
        }
    }
}
