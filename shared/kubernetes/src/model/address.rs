//! Addresses that workloads are told to call, and the Services that they name.

use super::cluster::Cluster;
use super::object::Object;

/// A host with a port, out of a setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Address {
    pub(crate) host: String,
    pub(crate) port: u16,
}

impl Address {
    /// `host:port`, or a URL with a host and a port. Credentials in a URL are left out.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let rest = text.split_once("://").map_or(text, |(_, rest)| rest);
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let authority = authority.rsplit('@').next().unwrap_or_default();
        let (host, port) = authority.rsplit_once(':')?;
        let port = port.parse().ok().filter(|port| *port != 0)?;
        let named = !host.is_empty()
            && host
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_'));
        named.then(|| Self {
            host: host.to_owned(),
            port,
        })
    }
}

impl std::fmt::Display for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

/// The name and namespace of the Service that a host name means for a pod of `namespace`; `None` for hosts outside of the cluster.
///
/// <https://kubernetes.io/docs/concepts/services-networking/dns-pod-service/#namespaces-of-services>
pub(crate) fn service_name<'h>(host: &'h str, namespace: &'h str) -> Option<(&'h str, &'h str)> {
    let mut parts = host.trim_end_matches('.').split('.');
    let name = parts.next().filter(|name| !name.is_empty())?;
    if host.parse::<std::net::IpAddr>().is_ok() || name == "localhost" {
        return None;
    }
    match (parts.next(), parts.next()) {
        (None, _) => Some((name, namespace)),
        (Some(of), None | Some("svc")) => Some((name, of)),
        _ => None,
    }
}

/// The Service that a host name means.
pub(crate) fn service<'a>(cluster: &Cluster<'a>, host: &str, from: &str) -> Option<Object<'a>> {
    let (name, namespace) = service_name(host, from)?;
    cluster.find("Service", namespace, name)
}

#[cfg(test)]
mod tests {
    use super::{Address, service_name};

    #[test]
    fn addresses_come_out_of_plain_text_and_urls() {
        for (text, address) in [
            ("redis:6379", Some("redis:6379")),
            (
                "postgres://user:pass@db.shop:5432/cart?x=1",
                Some("db.shop:5432"),
            ),
            ("http://ad-service:80/", Some("ad-service:80")),
            ("8080", None),
            ("redis:", None),
            ("redis:70000", None),
            ("a b:1", None),
            ("12:30:15", None),
        ] {
            let parsed = Address::parse(text).map(|address| address.to_string());
            assert_eq!(parsed.as_deref(), address, "{text}");
        }
    }

    #[test]
    fn a_host_name_is_looked_up_from_the_pod_s_namespace() {
        assert_eq!(service_name("redis", "shop"), Some(("redis", "shop")));
        assert_eq!(service_name("redis.db", "shop"), Some(("redis", "db")));
        assert_eq!(
            service_name("redis.db.svc.cluster.local", "shop"),
            Some(("redis", "db"))
        );
        assert_eq!(service_name("api.example.com", "shop"), None);
        assert_eq!(service_name("10.0.0.1", "shop"), None);
    }
}
