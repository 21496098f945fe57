//! The alerts of one delivery, added up by fingerprint: what it says of one fingerprint is counted once.

use std::collections::{BTreeMap, BTreeSet};

use domain::alert::fingerprint::fingerprint;
use domain::alert::{Alert, AlertStatus};
use domain::episode::Firing;
use domain::primitives::digest::Digest;
use domain::primitives::id::{AlertGroupId, Fingerprint, MemberId};
use jiff::Timestamp;

use crate::delivery::Delivery;

/// From so many things on for which one rule fires in one delivery, they share one card: a group of Telegram takes 20 messages a minute.
const MANY: usize = 15;

/// The alerts of one fingerprint in one delivery.
#[derive(Debug, Default)]
pub struct Group {
    /// Those that fire, and the worst of them, which speaks for all.
    pub firing: Option<(Firing, Alert)>,
    pub resolved: BTreeSet<MemberId>,
}

/// A delivery by its fingerprints.
#[derive(Debug, Default)]
pub struct Grouped {
    /// Which alert belongs to which fingerprint, in the sender's order.
    pub keys: Vec<(Fingerprint, MemberId, AlertStatus)>,
    pub groups: BTreeMap<Fingerprint, Group>,
}

impl Grouped {
    /// Adds up the alerts of a delivery; `labels` are a part of the identity. A start time that is impossible is replaced by `now`.
    pub fn by_fingerprint(delivery: Delivery, labels: &[String], now: Timestamp) -> Self {
        let Delivery {
            alerts,
            left_out,
            group_key,
        } = delivery;
        let mut grouped = Self::default();
        for alert in alerts {
            let fingerprint = fingerprint(&alert, labels);
            let key = (fingerprint.clone(), alert.member.clone(), alert.status);
            grouped.keys.push(key);
            add(&mut grouped.groups, fingerprint, alert.dated(now), left_out);
        }
        together(
            &mut grouped.groups,
            group_key.as_deref().unwrap_or_default(),
        );
        grouped
    }
}

/// Adds an alert to the group of its fingerprint.
fn add(
    groups: &mut BTreeMap<Fingerprint, Group>,
    fingerprint: Fingerprint,
    alert: Alert,
    left_out: u64,
) {
    let group = groups.entry(fingerprint).or_default();
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
