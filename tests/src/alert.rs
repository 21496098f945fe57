//! Alerts for tests.

use domain::alert::classification::AlertTables;
use domain::alert::{Alert, AlertStatus, Texts};
use domain::primitives::id::{Fingerprint, MemberId};
use jiff::Timestamp;
use serde_json::{Value, json};

/// The cluster in which the stack's service lives that is repaired without a human (`CLUSTER` in infra/local/target_host.py).
pub const CLUSTER: &str = "demo";

/// An alert of a test.
#[derive(Debug, Clone)]
pub struct TestAlert {
    pub name: &'static str,
    /// Its component, which is its target.
    pub component: String,
    /// Its namespace, unique too: a service that several tests share has an episode for each of them.
    pub namespace: String,
    pub severity: &'static str,
    /// Since when it fires.
    pub starts_at: Timestamp,
    /// Until when it fired, if it has ended.
    pub ends_at: Option<Timestamp>,
    pub member: &'static str,
}

impl TestAlert {
    /// A firing alert that has nothing to do with any other.
    #[must_use]
    pub fn firing(component: impl Into<String>) -> Self {
        Self {
            name: "TargetDown",
            component: component.into(),
            namespace: unique("test"),
            severity: "warning",
            starts_at: Timestamp::now(),
            ends_at: None,
            member: "8c3f1a6e9b2d4507",
        }
    }

    /// One of many alerts of its fingerprint, as it stands in a delivery of Alertmanager.
    #[must_use]
    pub fn member_of_many(&self, number: usize, ended: Option<Timestamp>) -> Value {
        let alert = Self {
            ends_at: ended,
            ..self.clone()
        };
        let mut body = alert.delivery()["alerts"][0].clone();
        body["fingerprint"] = json!(format!("{number:016x}"));
        body
    }

    /// The delivery of Alertmanager with this alert alone.
    #[must_use]
    pub fn delivery(&self) -> Value {
        let status = if self.ends_at.is_some() {
            "resolved"
        } else {
            "firing"
        };
        let ends_at = self
            .ends_at
            .map_or_else(|| "0001-01-01T00:00:00Z".to_owned(), |at| at.to_string());
        json!({
            "version": "4", "groupKey": "{}:{}", "truncatedAlerts": 0, "receiver": "quell", "status": status,
            "groupLabels": {}, "commonLabels": {}, "commonAnnotations": {}, "externalURL": "http://alertmanager.test",
            "alerts": [{
                "status": status, "startsAt": self.starts_at, "endsAt": ends_at, "fingerprint": self.member,
                "generatorURL": "http://prometheus.test/graph",
                "labels": {
                    "alertname": self.name, "component": self.component, "severity": self.severity, "namespace": self.namespace,
                    "cluster": CLUSTER,
                },
                "annotations": { "summary": format!("{} does not answer", self.component) },
            }],
        })
    }

    /// The alert as ingress reads it, without its texts.
    ///
    /// # Panics
    /// If its member is not a member's id.
    #[must_use]
    pub fn alert(&self) -> Alert {
        let labels = [
            ("alertname", self.name),
            ("component", &self.component),
            ("namespace", &self.namespace),
            ("cluster", CLUSTER),
        ];
        let labels: Texts = labels
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into();
        let member = MemberId::try_from(self.member).expect("a member id");
        AlertTables::default().alert(
            AlertStatus::Firing,
            "test",
            labels,
            Texts::new(),
            self.starts_at,
            member,
        )
    }

    /// The fingerprint that ingress gives it.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        domain::alert::fingerprint::fingerprint(&self.alert(), &[])
    }
}

/// The delivery of a group of alerts; resolved only if all of them have ended.
#[must_use]
pub fn group(alerts: &[TestAlert]) -> Value {
    let mut whole = json!({ "status": if alerts.iter().all(|alert| alert.ends_at.is_some()) { "resolved" } else { "firing" } });
    whole["alerts"] = alerts
        .iter()
        .map(|alert| alert.delivery()["alerts"][0].clone())
        .collect();
    whole
}

/// A name that no other test uses.
#[must_use]
pub fn unique(prefix: &str) -> String {
    format!(
        "{prefix}-{}",
        ulid::Ulid::generate().to_string().to_lowercase()
    )
}
