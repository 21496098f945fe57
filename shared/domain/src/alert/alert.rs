//! The normalised alert: one firing or resolved signal about one target, from any sender.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::alert::labels::Texts;
use crate::alert::pod_name::normalise;
use crate::alert::severity::AlertSeverity;
use crate::alert::subject::{Subject, SubjectKind};
use crate::primitives::digest::Digest;
use crate::primitives::id::MemberId;
use crate::primitives::names::named;
use crate::primitives::safe_text::cut;

/// Size limits of the texts that are kept of an alert. DynamoDB refuses an item over 400 KB, and
/// people read no more than this.
pub(crate) const LABELS_KEPT: usize = 64;
pub(crate) const LABEL_CHARACTERS: usize = 512;
/// How long a message or an annotation may be.
pub const ANNOTATION_CHARACTERS: usize = 4_096;
/// How long a name of anything may be: of an alert, a target, a namespace, a sender, a label.
pub const NAME_CHARACTERS: usize = 256;
/// How far a sender's clock may be ahead of ours. A later start means a wrong clock or a forgery.
const CLOCK_AHEAD: SignedDuration = SignedDuration::from_mins(5);
/// The label with which a sender forbids a repair without a human.
const AUTO_REPAIR: &str = "auto_repair";
/// The most bytes of labels, annotations and URL together, in their JSON form: a Chinese character
/// takes three, a control character six. The rest of the item's 400 KB is for what the analysis and
/// the repair add.
const TEXT_BYTES: usize = 300_000;

named! {
    /// What is wrong, in the nine kinds of the original service.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
    #[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(inline))]
    pub enum AlertType {
        /// A Kubernetes node is not ready or not reachable.
        K8sNodeFailure = "k8s_node_failure",
        /// A pod crashes or does not become ready.
        K8sPodCrash = "k8s_pod_crash",
        /// A database does not answer in time.
        DbConnectionTimeout = "db_connection_timeout",
        /// A service or scrape target does not answer.
        Service404 = "service_404",
        /// Processor use is high.
        HighCpu = "high_cpu",
        /// Memory use is high.
        HighMemory = "high_memory",
        /// A file system is nearly full.
        DiskFull = "disk_full",
        /// A certificate expires soon.
        SslExpiry = "ssl_expiry",
        /// Anything else: the alert's name then takes the place of the type.
        Custom = "custom",
    }
}

impl AlertType {
    /// Every type, in the order in which the health answer lists them.
    pub const ALL: [Self; 9] = Self::VARIANTS;

    /// The type of an alert name; a name that is not in the original's table is custom.
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

/// State of an alert: firing or resolved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AlertStatus {
    Firing,
    Resolved,
}

/// A normalised alert. Every text in it comes from outside and is data wherever it goes (`no-words-executed`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alert {
    /// The alert's name, such as `KubePodCrashLooping`.
    pub name: String,
    /// What kind of thing is wrong.
    pub alert_type: AlertType,
    /// How bad its sender says it is.
    pub severity: AlertSeverity,
    pub status: AlertStatus,
    /// Which sender it came through: `alertmanager` or what a signed sender calls itself.
    pub source: String,
    /// The namespace of the subject; `default` where the sender names none, and where the subject belongs to none.
    pub namespace: String,
    /// The name of the subject as the sender has it: a component, pod, instance or host.
    pub target: String,
    /// The target with what changes from pod to pod removed; part of the fingerprint.
    pub normalised_target: String,
    /// How the target was found, and what else tells it apart.
    #[serde(default)]
    pub subject: Subject,
    /// One sentence for people.
    pub message: String,
    pub labels: Texts,
    pub annotations: Texts,
    /// When it began to fire, by the sender's clock; never far ahead of ours where it was counted.
    pub starts_at: Timestamp,
    /// Which of the fingerprint's alerts this is.
    pub member: MemberId,
    /// True if it only reports what a delivery pipeline does: it is shown in a short format and never analysed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub cicd: bool,
    /// Where the sender shows the expression behind the alert.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub generator_url: Option<String>,
    /// Where people reach the sender itself: the `externalURL` of an Alertmanager.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sender_url: Option<String>,
    /// The names of the labels by which Alertmanager grouped it: the `groupLabels` of the delivery that it came in.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub grouped_by: Vec<String>,
    /// What its sender calls this alert: the `alert_id` of a signed alert.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alert_id: Option<String>,
    /// What its sender measured: `metrics` of a signed alert, `values` of Grafana.
    #[serde(default, skip_serializing_if = "Texts::is_empty")]
    pub measurements: Texts,
}

impl Alert {
    /// The namespace of an alert whose sender names none.
    pub const NO_NAMESPACE: &'static str = "default";

    /// The same alert about the target and the namespace that a sender names outright.
    ///
    /// Hosts are called db-1 and db-2 too: only what is said to be a pod loses its ending.
    #[must_use]
    pub fn about(self, target: &str, namespace: &str) -> Self {
        let is_pod = self.alert_type == AlertType::K8sPodCrash
            || self.labels.get("pod").is_some_and(|pod| pod == target);
        let kind = if is_pod {
            SubjectKind::Pod
        } else {
            SubjectKind::Component
        };
        Self {
            normalised_target: cut(normalise(kind, target), NAME_CHARACTERS),
            target: cut(target, NAME_CHARACTERS),
            namespace: cut(namespace, NAME_CHARACTERS),
            subject: Subject {
                cluster: self.subject.cluster,
                ..Subject::of_sender(kind)
            },
            ..self
        }
    }

    /// The same alert, begun at a time at which it can have begun: `startsAt` orders what is said of an alert, so that one resolve with a
    /// time to come would end every firing before that time too. A time that was never set counts as now as well: Go's zero
    /// (`0001-01-01T00:00:00Z`, as Alertmanager writes it in `endsAt` of what fires:
    /// <https://prometheus.io/docs/alerting/latest/configuration/#webhook_config>), or that of Unix.
    #[must_use]
    pub fn dated(self, now: Timestamp) -> Self {
        let possible = self.starts_at > Timestamp::UNIX_EPOCH
            && self.starts_at <= now.saturating_add(CLOCK_AHEAD).unwrap_or(now);
        Self {
            starts_at: if possible { self.starts_at } else { now },
            ..self
        }
    }

    /// The alert as it is stored with its incident: at most 64 labels and 64 annotations, long values cut; what is then still too
    /// much for an item is left out.
    ///
    /// The identity (fingerprint, member) is taken before, from the whole alert.
    #[must_use]
    pub fn bounded(mut self) -> Self {
        for name in [
            &mut self.name,
            &mut self.source,
            &mut self.namespace,
            &mut self.target,
            &mut self.normalised_target,
        ] {
            *name = cut(name, NAME_CHARACTERS);
        }
        self.subject.apart.truncate(LABELS_KEPT);
        for name in self
            .subject
            .apart
            .iter_mut()
            .chain(&mut self.subject.cluster)
        {
            *name = cut(name, NAME_CHARACTERS);
        }
        self.message = cut(&self.message, ANNOTATION_CHARACTERS);
        self.generator_url = self
            .generator_url
            .map(|url| cut(&url, ANNOTATION_CHARACTERS));
        // Half an address leads elsewhere.
        self.sender_url = self
            .sender_url
            .filter(|url| url.chars().count() <= LABEL_CHARACTERS);
        self.alert_id = self.alert_id.map(|id| cut(&id, NAME_CHARACTERS));
        // What forbids a repair is kept, whatever else has to go.
        let forbids = self
            .labels
            .remove_entry(AUTO_REPAIR)
            .map(|(name, value)| (name, cut(&value, LABEL_CHARACTERS)));
        let mut room = TEXT_BYTES - self.generator_url.as_deref().map_or(0, json_bytes);
        let most = LABELS_KEPT - usize::from(forbids.is_some());
        self.labels = bounded(self.labels, most, LABEL_CHARACTERS, &mut room);
        self.labels.extend(forbids);
        // A part of a value finds no group.
        let labels = &self.labels;
        let is_whole = |value: &String| value.chars().count() < LABEL_CHARACTERS;
        self.grouped_by
            .retain(|name| labels.get(name).is_some_and(is_whole));
        self.annotations = bounded(
            self.annotations,
            LABELS_KEPT,
            ANNOTATION_CHARACTERS,
            &mut room,
        );
        self.measurements = bounded(self.measurements, LABELS_KEPT, LABEL_CHARACTERS, &mut room);
        self
    }

    /// What all alerts share that Alertmanager groups together: a digest of the labels by which it groups, with their values. None where
    /// each alert is a group of its own, as with `group_by: ['...']`
    /// (<https://prometheus.io/docs/alerting/latest/configuration/#route>).
    pub fn alert_group(&self) -> Option<String> {
        if self.grouped_by.is_empty() || self.grouped_by.len() >= self.labels.len() {
            return None;
        }
        let labels = self.grouped_by.iter().fold(Digest::new(), |digest, name| {
            let value = self.labels.get(name).map_or("", String::as_str);
            digest.field(name).field(value)
        });
        Some(labels.hex())
    }

    /// The namespace of what it is about; none where that belongs to none, such as a machine.
    pub fn namespace_of_subject(&self) -> Option<&str> {
        Some(self.namespace.as_str()).filter(|_| !self.subject.kind.is_cluster_scoped())
    }

    /// True if its sender sends resolves, as Alertmanager and Grafana do. The senders of signed
    /// alerts and of signals can, and most never do: nothing may wait for a resolve from them, and
    /// its absence must not count as a failure.
    pub fn sender_resolves(&self) -> bool {
        !self.member.is_unnumbered()
    }

    /// False where the alert's own label forbids a repair without a human (`auto_repair=false`).
    pub fn allows_auto_repair(&self) -> bool {
        self.labels
            .get(AUTO_REPAIR)
            .is_none_or(|value| value.eq_ignore_ascii_case("true"))
    }
}

fn bounded(texts: Texts, most: usize, characters: usize, room: &mut usize) -> Texts {
    let cut = texts
        .into_iter()
        .take(most)
        .map(|(name, value)| (cut(&name, NAME_CHARACTERS), cut(&value, characters)));
    let fits = |(name, value): &(String, String)| {
        let left = room.checked_sub(json_bytes(name) + json_bytes(value));
        *room = left.unwrap_or(*room);
        left.is_some()
    };
    cut.filter(fits).collect()
}

/// How many bytes a text takes in JSON.
fn json_bytes(text: &str) -> usize {
    let bytes = |c: char| match c {
        '"' | '\\' | '\u{8}' | '\t' | '\n' | '\u{c}' | '\r' => 2,
        '\0'..='\u{1f}' => 6,
        _ => c.len_utf8(),
    };
    // Quotes, and a colon or a comma.
    text.chars().map(bytes).sum::<usize>() + 3
}

#[cfg(test)]
#[path = "alert_tests.rs"]
mod tests;
