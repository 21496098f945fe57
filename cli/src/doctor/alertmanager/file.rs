//! An `alertmanager.yml`, as far as the doctor reads it
//! (<https://prometheus.io/docs/alerting/latest/configuration/>).

use serde::Deserialize;
use serde::de::IgnoredAny;

/// What Alertmanager takes where a route says nothing.
const GROUP_INTERVAL_SECONDS: i64 = 300;
const REPEAT_INTERVAL_SECONDS: i64 = 4 * 3600;
/// How routes of Quell are known among the receivers.
const ROUTE: &str = "/api/v1/webhooks/";

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct File {
    pub(crate) global: Global,
    pub(crate) route: Route,
    pub(crate) receivers: Vec<Receiver>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Global {
    pub(crate) http_config: Option<HttpConfig>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Route {
    pub(crate) receiver: Option<String>,
    pub(crate) matchers: Vec<String>,
    #[serde(rename = "match")]
    pub(crate) equal: Option<IgnoredAny>,
    pub(crate) match_re: Option<IgnoredAny>,
    #[serde(rename = "continue")]
    pub(crate) goes_on: bool,
    pub(crate) group_interval: Option<String>,
    pub(crate) repeat_interval: Option<String>,
    pub(crate) mute_time_intervals: Vec<String>,
    pub(crate) active_time_intervals: Vec<String>,
    pub(crate) routes: Vec<Route>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Receiver {
    pub(crate) name: String,
    pub(crate) webhook_configs: Vec<WebhookConfig>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct WebhookConfig {
    pub(crate) url: String,
    pub(crate) send_resolved: Option<bool>,
    pub(crate) max_alerts: Option<u64>,
    pub(crate) timeout: Option<String>,
    pub(crate) http_config: Option<HttpConfig>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct HttpConfig {
    pub(crate) authorization: Option<Authorization>,
    pub(crate) basic_auth: Option<IgnoredAny>,
    pub(crate) bearer_token: Option<IgnoredAny>,
    pub(crate) bearer_token_file: Option<IgnoredAny>,
    pub(crate) oauth2: Option<IgnoredAny>,
    pub(crate) tls_config: Option<TlsConfig>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Authorization {
    #[serde(rename = "type")]
    pub(crate) kind: Option<String>,
    pub(crate) credentials: Option<IgnoredAny>,
    pub(crate) credentials_file: Option<IgnoredAny>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct TlsConfig {
    pub(crate) insecure_skip_verify: bool,
}

impl WebhookConfig {
    /// True if it leads to a stack of Quell.
    pub(crate) fn is_quell(&self) -> bool {
        self.url.contains(ROUTE)
    }
}

impl Receiver {
    /// The webhook that leads to Quell.
    pub(crate) fn quell(&self) -> Option<&WebhookConfig> {
        self.webhook_configs.iter().find(|config| config.is_quell())
    }
}

impl File {
    /// True if this receiver tells Quell.
    pub(crate) fn tells_quell(&self, receiver: &str) -> bool {
        let named = self.receivers.iter().find(|one| one.name == receiver);
        named.is_some_and(|one| one.quell().is_some())
    }
}

impl Route {
    /// True if every alert that comes to it fits.
    pub(crate) fn takes_all(&self) -> bool {
        self.matchers.is_empty() && self.equal.is_none() && self.match_re.is_none()
    }

    /// What it is called in a finding.
    pub(crate) fn name(&self, receiver: &str) -> String {
        match self.matchers.as_slice() {
            [] => format!("the route to {receiver}"),
            matchers => format!("the route to {receiver} ({})", matchers.join(", ")),
        }
    }
}

/// The times of a route, in seconds, with what it inherits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Intervals {
    pub(crate) group: i64,
    pub(crate) repeat: i64,
}

impl Intervals {
    pub(crate) const DEFAULT: Self = Self {
        group: GROUP_INTERVAL_SECONDS,
        repeat: REPEAT_INTERVAL_SECONDS,
    };

    pub(crate) fn of(self, route: &Route) -> Self {
        let given = |text: &Option<String>| text.as_deref().and_then(seconds);
        Self {
            group: given(&route.group_interval).unwrap_or(self.group),
            repeat: given(&route.repeat_interval).unwrap_or(self.repeat),
        }
    }

    /// How far two deliveries of what goes on are apart: Alertmanager looks once each `group_interval` whether `repeat_interval` is over.
    pub(crate) fn repeats_after(self) -> i64 {
        let group = self.group.max(1);
        (self.repeat + group - 1) / group * group
    }
}

/// A length of time as Prometheus writes it, in whole seconds
/// (<https://prometheus.io/docs/prometheus/latest/configuration/configuration/>).
pub(crate) fn seconds(text: &str) -> Option<i64> {
    let mut rest = text.trim();
    let mut milliseconds: i64 = 0;
    if rest == "0" {
        return Some(0);
    }
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let number: i64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let letters = rest
            .find(|c: char| c.is_ascii_digit())
            .unwrap_or(rest.len());
        let unit: i64 = match &rest[..letters] {
            "ms" => 1,
            "s" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            "w" => 7 * 86_400_000,
            "y" => 365 * 86_400_000,
            _ => return None,
        };
        milliseconds = milliseconds.checked_add(number.checked_mul(unit)?)?;
        rest = &rest[letters..];
    }
    Some(milliseconds / 1_000)
}

#[cfg(test)]
mod tests {
    use super::{Intervals, seconds};

    #[test]
    fn lengths_of_time_are_read_as_prometheus_writes_them() {
        for (text, read) in [
            ("5m", Some(300)),
            ("1h30m", Some(5_400)),
            ("1d", Some(86_400)),
            ("2w", Some(1_209_600)),
            ("90s", Some(90)),
            ("1500ms", Some(1)),
            ("0", Some(0)),
            ("", None),
            ("5", None),
            ("m", None),
            ("5x", None),
            ("99999999999999999999y", None),
        ] {
            assert_eq!(seconds(text), read, "{text}");
        }
    }

    #[test]
    fn a_repetition_comes_with_a_group_interval() {
        for (group, repeat, after) in [
            (300, 14_400, 14_400),
            (300, 14_401, 14_700),
            (3_600, 60, 3_600),
        ] {
            assert_eq!(Intervals { group, repeat }.repeats_after(), after);
        }
    }
}
