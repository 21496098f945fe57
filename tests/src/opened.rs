//! Incidents without a delivery: saved as ingress saves them, without an episode and without a
//! message on a queue.

use domain::alert::classification::AlertTables;
use domain::alert::fingerprint::fingerprint;
use domain::alert::{Alert, AlertStatus, Texts};
use domain::episode::Firing;
use domain::incident::change::IncidentChange;
use domain::primitives::id::MemberId;
use jiff::{SignedDuration, Timestamp};
use store::fresh_incident_id;

use crate::alert::CLUSTER;

/// An alert about a target.
///
/// # Panics
/// Never: it is built here.
#[must_use]
pub fn alert(target: &str) -> Alert {
    let labels: Texts = [
        ("alertname", "TargetDown"),
        ("component", target),
        ("cluster", CLUSTER),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into();
    let member = MemberId::try_from("m1").expect("a member id");
    AlertTables::default().alert(
        AlertStatus::Firing,
        "test",
        labels,
        Texts::new(),
        Timestamp::now(),
        member,
    )
}

/// An incident of an alert that was opened so many minutes ago.
#[must_use]
pub fn opened(alert: &Alert, minutes_ago: i64) -> IncidentChange {
    let at = Timestamp::now() - SignedDuration::from_mins(minutes_ago);
    IncidentChange::open(
        fresh_incident_id(at),
        fingerprint(alert, &[]),
        alert.clone(),
        &Firing::from_alert(alert),
        at,
    )
}

/// A moment of a day that no other story spends on: the budget of a day is everybody's.
///
/// # Panics
/// Never: it is long before the end of time.
#[must_use]
pub fn own_day() -> Timestamp {
    let far = i64::try_from(ulid::Ulid::generate().random() % 2_000_000).expect("a small number");
    Timestamp::from_second(4_000_000_000 + far * 86_400).expect("a time")
}
