//! Redundancy that is left: the other members of a service's group that Prometheus reaches.
//!
//! A member is known to Prometheus by the first of its names in the registry that looks like a target of it, `host:port`. One without such a
//! name cannot be measured, and is not known to be healthy.

use domain::analysis::Peers;
use domain::analysis::evidence::{Evidence, Found, Source};
use domain::playbook::dependencies;
use domain::playbook::service::Service;
use jiff::Timestamp;
use secrecy::SecretString;

use super::Inquiry;
use super::prometheus::{Prometheus, measured_window};
use super::prometheus_answer::measured;

/// What the measurement is called.
const NAME: &str = "healthy_peers";

/// The other members of a redundancy group, and how Prometheus calls those that it can be asked about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Group<'a> {
    name: &'a str,
    members: u32,
    instances: Vec<&'a str>,
}

impl<'a> Group<'a> {
    /// The group of a service; nothing where it is in none, is alone, or none of the others can be asked about.
    pub(crate) fn of(services: &'a [Service], service: &'a Service) -> Option<Self> {
        let others = dependencies::peers(services, service);
        let instances: Vec<&str> = others.iter().filter_map(|other| instance(other)).collect();
        let name = service.redundancy_group.as_deref()?;
        let members = u32::try_from(others.len()).unwrap_or(u32::MAX);
        (!instances.is_empty()).then_some(Self {
            name,
            members,
            instances,
        })
    }

    /// The query that counts those that answer. Without `vector(0)` nothing would be said where none does.
    fn query(&self) -> String {
        // A point is the only character of a name that means something else in a pattern, and a backslash is written twice in a string.
        let names: Vec<String> = self
            .instances
            .iter()
            .map(|name| name.replace('.', r"\\."))
            .collect();
        format!(
            r#"count(min by (instance) (up{{instance=~"{}"}}) == 1) or vector(0)"#,
            names.join("|")
        )
    }
}

/// The name of a service that is a target of Prometheus.
fn instance(service: &Service) -> Option<&str> {
    let is_target = |name: &&str| {
        name.rsplit_once(':').is_some_and(|(host, port)| {
            let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '.' || c == '-';
            !host.is_empty() && host.chars().all(is_plain) && port.parse::<u16>().is_ok()
        })
    };
    service.aliases.iter().map(String::as_str).find(is_target)
}

impl Prometheus {
    /// Asks how many of a group answer.
    pub(crate) async fn redundancy(
        &self,
        key: Option<&SecretString>,
        group: &Group<'_>,
        at: Timestamp,
    ) -> (Evidence, Option<Peers>) {
        let query = group.query();
        let timeout = self.timeout();
        let mut healthy = None;
        let found = async {
            let series = self
                .range(&query, key, measured_window(at), timeout)
                .await?;
            let measurements = measured(NAME, "", None, &series);
            healthy = measurements.first().map(|measurement| measurement.value);
            Ok(match measurements.is_empty() {
                true => Found::Nothing,
                false => Found::Measured {
                    measurements,
                    link: Some(self.page(&query, at).into()),
                },
            })
        };
        let inquiry = Inquiry {
            source: Source::Prometheus,
            asked: query.clone().into(),
            at,
            timeout,
            key,
        };
        let evidence = inquiry.answered_by(found).await;
        let peers = healthy.map(|healthy| Peers {
            group: group.name.to_owned(),
            members: group.members,
            healthy: whole(healthy).min(group.members),
        });
        (evidence, peers)
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a count of a few services, and what is none becomes 0"
)]
fn whole(count: f64) -> u32 {
    count.max(0.0) as u32
}

#[cfg(test)]
mod tests {
    use domain::analysis::Peers;
    use domain::analysis::evidence::Found;
    use domain::analysis::settings::PrometheusSettings;
    use domain::playbook::service::Service;
    use jiff::Timestamp;
    use loopback::Server;
    use serde_json::json;

    use super::{Group, Prometheus};
    use crate::evidence::stand_in::{answering, client, second, service};

    fn member(name: &str, aliases: &[&str]) -> Service {
        Service {
            aliases: aliases.iter().map(|alias| (*alias).to_owned()).collect(),
            redundancy_group: Some("edge".to_owned()),
            ..service(name, &[])
        }
    }

    fn group() -> Vec<Service> {
        vec![
            member("edge-1", &["edge-1.shop.example:9100"]),
            member(
                "edge-2",
                &[
                    "https://shop.example/",
                    "edge-2.shop.example:9100",
                    "edge-2:1",
                ],
            ),
            member("edge-3", &["edge-3.shop.example:9100"]),
            member("edge-4", &[]),
            service("alone", &[]),
        ]
    }

    #[test]
    fn members_are_asked_about_by_their_target_in_prometheus() {
        let services = group();
        let group = Group::of(&services, &services[0]).expect("a group");
        assert_eq!(group.members, 3);
        assert_eq!(
            group.query(),
            r#"count(min by (instance) (up{instance=~"edge-2\\.shop\\.example:9100|edge-3\\.shop\\.example:9100"}) == 1) or vector(0)"#
        );
        assert_eq!(Group::of(&services, &services[4]), None, "it is in none");
        let unknown = [
            member("a", &["a:1"]),
            member("b", &["b"]),
            member("c", &["x y:1", "c:port", "d\":1"]),
        ];
        assert_eq!(Group::of(&unknown, &unknown[0]), None);
    }

    async fn asked(server: &Server) -> (Found, Option<Peers>) {
        let settings = PrometheusSettings {
            url: server.url.clone(),
            token_secret: None,
            timeout: second(),
            queries: [].into(),
        };
        let prometheus = Prometheus::new(&settings, client()).expect("a URL");
        let services = group();
        let group = Group::of(&services, &services[0]).expect("a group");
        let at = Timestamp::from_second(1_700_000_000).expect("a time");
        let (evidence, peers) = prometheus.redundancy(None, &group, at).await;
        (evidence.found, peers)
    }

    #[tokio::test]
    async fn count_that_comes_back_is_the_redundancy_left() {
        let body = |value: &str| {
            json!({ "status": "success", "data": { "resultType": "matrix", "result": [
                { "metric": {}, "values": [[1_699_999_940, "2"], [1_700_000_000, value]] }] } })
            .to_string()
        };
        for (value, healthy) in [("0", 0), ("2", 2), ("17", 3)] {
            let (_, peers) = asked(&answering(200, "application/json", &body(value))).await;
            let peers = peers.expect("measured");
            assert_eq!(
                (peers.healthy, peers.members, peers.group.as_str()),
                (healthy, 3, "edge")
            );
        }
        let (found, peers) = asked(&answering(500, "text/plain", "no")).await;
        assert!(matches!(found, Found::Failed { .. }), "{found:?}");
        assert_eq!(peers, None, "what was not measured is not known");
    }
}
