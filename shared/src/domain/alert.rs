//! One firing or resolved signal about one target, whatever sender it came from.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::id::MemberId;
use super::target::normalise_pod;

/// Bounds of what is kept of an alert's texts. DynamoDB refuses an item over 400 KB, and nobody reads more than this.
const LABELS_KEPT: usize = 64;
const LABEL_CHARACTERS: usize = 512;
const ANNOTATION_CHARACTERS: usize = 4_096;
/// How many characters of a name (of an alert, a source, a namespace, a target, a label) are kept.
pub const NAME_CHARACTERS: usize = 256;
/// All labels together, and all annotations, in bytes of JSON: two of them and the rest of an incident stay under 400 KB.
const TEXTS_BYTES: usize = 100_000;

/// What is wrong, in the nine kinds of the original service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlertType {
    /// A Kubernetes node is not ready or not reachable.
    K8sNodeFailure,
    /// A pod crashes or does not become ready.
    K8sPodCrash,
    /// A database does not answer in time.
    DbConnectionTimeout,
    /// A service or scrape target does not answer.
    #[serde(rename = "service_404")]
    Service404,
    /// Processor use is high.
    HighCpu,
    /// Memory use is high.
    HighMemory,
    /// A file system is nearly full.
    DiskFull,
    /// A certificate expires soon.
    SslExpiry,
    /// Anything else: the alert's name then takes the place of the type.
    Custom,
}

impl AlertType {
    /// Every type, in the order in which the health answer lists them.
    pub const ALL: [Self; 9] = [
        Self::K8sNodeFailure,
        Self::K8sPodCrash,
        Self::DbConnectionTimeout,
        Self::Service404,
        Self::HighCpu,
        Self::HighMemory,
        Self::DiskFull,
        Self::SslExpiry,
        Self::Custom,
    ];

    /// The type's name as it stands in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::K8sNodeFailure => "k8s_node_failure",
            Self::K8sPodCrash => "k8s_pod_crash",
            Self::DbConnectionTimeout => "db_connection_timeout",
            Self::Service404 => "service_404",
            Self::HighCpu => "high_cpu",
            Self::HighMemory => "high_memory",
            Self::DiskFull => "disk_full",
            Self::SslExpiry => "ssl_expiry",
            Self::Custom => "custom",
        }
    }

    /// The type of an alert name; a name that is not in the original's table is custom.
    #[must_use]
    pub fn of_alert_name(name: &str) -> Self {
        match name {
            "KubePodCrashLooping" | "KubePodNotReady" => Self::K8sPodCrash,
            "KubeNodeNotReady" | "KubeNodeUnreachable" => Self::K8sNodeFailure,
            "HighCPUUsage" => Self::HighCpu,
            "HighMemoryUsage" => Self::HighMemory,
            "DiskSpaceLow" => Self::DiskFull,
            "SSLCertExpiringSoon" => Self::SslExpiry,
            "TargetDown" => Self::Service404,
            _ => Self::Custom,
        }
    }
}

/// The sender's view of how bad it is, ordered from mild to bad.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AlertSeverity {
    /// For information.
    Info,
    /// Needs a look.
    Warning,
    /// Needs hands.
    Critical,
}

impl AlertSeverity {
    /// The severity of a label's value; like the original, anything unknown is a warning.
    #[must_use]
    pub fn of_label(value: &str) -> Self {
        match value.to_ascii_lowercase().as_str() {
            "critical" => Self::Critical,
            "info" => Self::Info,
            _ => Self::Warning,
        }
    }

    /// Its place in the order (0 info, 1 warning, 2 critical), as the store compares it.
    #[must_use]
    pub fn rank(self) -> u8 {
        self as u8
    }

    /// The severity with this rank.
    #[must_use]
    pub fn of_rank(rank: u8) -> Option<Self> {
        [Self::Info, Self::Warning, Self::Critical].into_iter().find(|severity| severity.rank() == rank)
    }
}

/// Whether the alert fires or has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AlertStatus {
    /// It fires.
    Firing,
    /// It has ended.
    Resolved,
}

/// Labels or annotations: names to values, both text from outside.
pub type Texts = BTreeMap<String, String>;

/// A normalised alert. Every text in it comes from outside and is data wherever it goes (`no-words-executed`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alert {
    /// The alert's name, such as `KubePodCrashLooping`.
    pub name: String,
    /// What kind of thing is wrong.
    pub alert_type: AlertType,
    /// How bad its sender says it is.
    pub severity: AlertSeverity,
    /// Whether it fires.
    pub status: AlertStatus,
    /// Which sender it came through: `alertmanager` or what a signed sender calls itself.
    pub source: String,
    /// The namespace; `default` where the sender names none.
    pub namespace: String,
    /// The affected thing as the sender names it: a component, pod, instance or host.
    pub target: String,
    /// The target with what changes from pod to pod removed; part of the fingerprint.
    pub normalised_target: String,
    /// One sentence for people.
    pub message: String,
    /// The sender's labels.
    pub labels: Texts,
    /// The sender's annotations.
    pub annotations: Texts,
    /// When it began to fire, by the sender's clock.
    pub starts_at: Timestamp,
    /// Which of the fingerprint's alerts this is.
    pub member: MemberId,
    /// Where the sender shows the expression behind the alert.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub generator_url: Option<String>,
}

impl Alert {
    /// Builds an alert from labels and annotations by the original's tables: the target is the component, else the pod,
    /// else the instance, else the alert name; the message is the summary, else the description, else the alert name.
    #[must_use]
    pub fn from_labels(
        status: AlertStatus,
        source: &str,
        labels: Texts,
        annotations: Texts,
        starts_at: Timestamp,
        member: MemberId,
    ) -> Self {
        let label = |name: &str| labels.get(name).map(String::as_str).filter(|value| !value.is_empty());
        let name = label("alertname").unwrap_or("UnknownAlert");
        let pod = label("pod");
        let target = label("component").or(pod).or(label("instance")).unwrap_or(name);
        let normalised_target = if label("component").is_none() && pod.is_some() { normalise_pod(target) } else { target };
        let message = ["summary", "description"]
            .iter()
            .find_map(|key| annotations.get(*key).filter(|text| !text.is_empty()))
            .map_or(name, String::as_str);
        Self {
            name: cut(name, NAME_CHARACTERS),
            alert_type: AlertType::of_alert_name(name),
            severity: label("severity").map_or(AlertSeverity::Warning, AlertSeverity::of_label),
            status,
            source: cut(source, NAME_CHARACTERS),
            namespace: cut(label("namespace").unwrap_or("default"), NAME_CHARACTERS),
            target: cut(target, NAME_CHARACTERS),
            normalised_target: cut(normalised_target, NAME_CHARACTERS),
            message: cut(message, ANNOTATION_CHARACTERS),
            starts_at,
            member,
            generator_url: None,
            labels,
            annotations,
        }
    }

    /// The alert as it is stored with its incident: at most 64 labels and 64 annotations, long values cut, and no more of them
    /// than fit 100 kB each.
    ///
    /// The identity (fingerprint, member) is taken before, from the whole alert.
    #[must_use]
    pub fn bounded(mut self) -> Self {
        // A repair that is forbidden stays forbidden, however many labels come before this one.
        let auto_repair = self.labels.remove_entry("auto_repair").map(|(name, value)| (name, cut(&value, LABEL_CHARACTERS)));
        self.labels = bounded(self.labels, LABELS_KEPT - usize::from(auto_repair.is_some()), LABEL_CHARACTERS);
        self.labels.extend(auto_repair);
        self.annotations = bounded(self.annotations, LABELS_KEPT, ANNOTATION_CHARACTERS);
        self.generator_url = self.generator_url.map(|url| cut(&url, ANNOTATION_CHARACTERS));
        self
    }

    /// False where the alert's own label forbids a repair without a human (`auto_repair=false`).
    #[must_use]
    pub fn allows_auto_repair(&self) -> bool {
        self.labels.get("auto_repair").is_none_or(|value| value.eq_ignore_ascii_case("true"))
    }
}

fn bounded(texts: Texts, most: usize, characters: usize) -> Texts {
    let mut room = TEXTS_BYTES;
    let cut_to_size = |(name, value): (String, String)| (cut(&name, NAME_CHARACTERS), cut(&value, characters));
    let fits = |(name, value): &(String, String)| {
        let left = room.checked_sub(json_bytes(name) + json_bytes(value));
        room = left.unwrap_or(room);
        left.is_some()
    };
    texts.into_iter().take(most).map(cut_to_size).filter(fits).collect()
}

/// How long a text is at most as JSON, with what is around it.
fn json_bytes(text: &str) -> usize {
    let character = |c: char| match c {
        '"' | '\\' => 2,
        c if c.is_control() => 6,
        c => c.len_utf8(),
    };
    4 + text.chars().map(character).sum::<usize>()
}

/// The first `characters` characters of a text, never in the middle of one.
#[must_use]
pub fn cut(text: &str, characters: usize) -> String {
    text.chars().take(characters).collect()
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::{Alert, AlertSeverity, AlertStatus, AlertType, Texts};
    use crate::domain::id::{InvalidId, MemberId};

    fn alert(labels: &[(&str, &str)], annotations: &[(&str, &str)]) -> Result<Alert, InvalidId> {
        let texts = |pairs: &[(&str, &str)]| pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect::<Texts>();
        let member = MemberId::try_from("a1")?;
        Ok(Alert::from_labels(AlertStatus::Firing, "alertmanager", texts(labels), texts(annotations), Timestamp::UNIX_EPOCH, member))
    }

    #[test]
    fn the_target_is_the_first_of_component_pod_instance_and_name() -> Result<(), InvalidId> {
        type Case<'a> = (&'a [(&'a str, &'a str)], &'a str, &'a str);
        let cases: [Case<'_>; 4] = [
            (&[("component", "sentry"), ("pod", "web-1"), ("instance", "h:9100")], "sentry", "sentry"),
            (&[("pod", "web-7d9c5b8f6d-x2x4z"), ("instance", "h:9100")], "web-7d9c5b8f6d-x2x4z", "web"),
            (&[("alertname", "A"), ("instance", "h:9100")], "h:9100", "h:9100"),
            (&[("alertname", "A"), ("component", "")], "A", "A"),
        ];
        for (labels, target, normalised) in cases {
            let alert = alert(labels, &[])?;
            assert_eq!((alert.target.as_str(), alert.normalised_target.as_str()), (target, normalised), "{labels:?}");
        }
        Ok(())
    }

    #[test]
    fn what_is_missing_has_the_originals_defaults() -> Result<(), InvalidId> {
        let bare = alert(&[], &[])?;
        assert_eq!((bare.name.as_str(), bare.namespace.as_str(), bare.message.as_str()), ("UnknownAlert", "default", "UnknownAlert"));
        assert_eq!((bare.alert_type, bare.severity), (AlertType::Custom, AlertSeverity::Warning));
        assert!(bare.allows_auto_repair());
        let told = alert(
            &[("alertname", "TargetDown"), ("severity", "CRITICAL"), ("auto_repair", "False")],
            &[("summary", ""), ("description", "down")],
        )?;
        assert_eq!((told.alert_type, told.severity, told.message.as_str()), (AlertType::Service404, AlertSeverity::Critical, "down"));
        assert!(!told.allows_auto_repair());
        Ok(())
    }

    #[test]
    fn type_names_match_their_json() -> Result<(), serde_json::Error> {
        for alert_type in AlertType::ALL {
            assert_eq!(serde_json::to_value(alert_type)?, alert_type.as_str());
        }
        Ok(())
    }

    #[test]
    fn a_hundred_thousand_labels_are_bounded() -> Result<(), InvalidId> {
        let labels: Vec<(String, String)> = (0..100_000).map(|i| (format!("l{i}"), "v".repeat(2_000))).collect();
        let pairs: Vec<(&str, &str)> = labels.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        let stored = alert(&pairs, &[])?.bounded();
        assert_eq!(stored.labels.len(), 64);
        assert!(stored.labels.values().all(|value| value.len() == 512));
        Ok(())
    }
}
