//! View of what an alert says about its subject: its description, labels, start, and where to read on.

use domain::alert::Alert;
use domain::alert::subject::Subject;
use domain::incident::Incident;
use domain::incident::parts::IncidentKind;
use domain::primitives::safe_text::is_hidden;
use serde::Serialize;

use super::{NAME_CHARACTERS, Names, TEXT_CHARACTERS, listed, short};

/// Labels that say where the trouble is, in the order in which they are shown, behind those that tell the subject apart. Their
/// names are those of node_exporter, kube-state-metrics, cAdvisor, and the exporters of queues and databases.
const SHOWN: [&str; 22] = [
    "team",
    "node",
    "nodename",
    "pod",
    "container",
    "deployment",
    "statefulset",
    "daemonset",
    "job_name",
    "cronjob",
    "horizontalpodautoscaler",
    "persistentvolumeclaim",
    "mountpoint",
    "device",
    "unit",
    "queue",
    "topic",
    "consumergroup",
    "datname",
    "instance",
    "job",
    "reason",
];
/// How many labels a card shows, and how much of a name and a value.
const LABELS_SHOWN: usize = 8;
const LABEL_NAME_CHARACTERS: usize = 30;
/// How many of several things are named.
const TARGETS_SHOWN: usize = 6;
/// How much of what a sender calls its numbers, such as Grafana's `A`.
const NUMBERS_SHOWN: usize = 4;
/// A longer address than this is not shown: a part of one leads elsewhere.
const URL_CHARACTERS: usize = 1_000;

/// What the alert itself says. Empty where the sender says nothing.
#[derive(Debug, Clone, Default, Serialize)]
pub struct About {
    /// The annotation `description`, where it says more than the message.
    pub description: String,
    /// What tells the subject apart, and where it is: the cluster first.
    pub labels: Vec<Pair>,
    /// What several alerts are about, by name: empty where it is one thing.
    pub targets: String,
    /// What the sender measured, by its own names.
    pub numbers: Vec<Pair>,
    /// When the alert began to fire.
    pub since: String,
    /// How long it fired, once it is over.
    pub lasted: String,
    /// Where to read on.
    pub references: Vec<Reference>,
}

/// A label or a number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Pair {
    pub name: String,
    pub value: String,
}

/// A page that the sender names. It comes from outside: its host is shown with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Reference {
    /// `runbook`, `dashboard`, `query` or `alertmanager`.
    pub kind: &'static str,
    /// `http` or `https`.
    pub url: String,
    pub host: String,
}

impl About {
    /// What the alert of an incident says. A storm has no alert of its own.
    pub fn of(incident: &Incident, names: Names<'_>) -> Self {
        if matches!(incident.kind, IncidentKind::Storm(_)) {
            return Self::default();
        }
        let alert = &incident.alert;
        let numbers = alert.measurements.iter().take(NUMBERS_SHOWN);
        Self {
            description: description(incident),
            labels: labels(incident),
            targets: listed(&incident.targets, TARGETS_SHOWN),
            numbers: numbers.map(|(name, value)| pair(name, value)).collect(),
            since: names.moment(alert.starts_at),
            lasted: incident
                .resolved_at
                .map(|at| names.duration(alert.starts_at, at))
                .unwrap_or_default(),
            references: references(alert),
        }
    }
}

/// The namespace that the sender named: an alert without one has `default`, which it did not say.
pub(crate) fn named_namespace(alert: &Alert) -> Option<&str> {
    let named = alert.namespace != Alert::NO_NAMESPACE
        || alert
            .labels
            .values()
            .any(|value| value == Alert::NO_NAMESPACE);
    named.then_some(&alert.namespace)
}

/// The same as a card shows it; empty where none was named.
pub(crate) fn namespace(alert: &Alert) -> String {
    named_namespace(alert)
        .map(|namespace| short(namespace, NAME_CHARACTERS))
        .unwrap_or_default()
}

fn description(incident: &Incident) -> String {
    // The message is that of the worst alert, of which nothing else is kept.
    if !incident.worse.is_empty() {
        return String::new();
    }
    let alert = &incident.alert;
    alert
        .annotations
        .get("description")
        .filter(|text| text.trim() != alert.message.trim())
        .map(|text| short(text, TEXT_CHARACTERS))
        .unwrap_or_default()
}

fn labels(incident: &Incident) -> Vec<Pair> {
    let (alert, (_, target, _)) = (&incident.alert, incident.worst_texts());
    let Subject { cluster, apart, .. } = &alert.subject;
    let apart = apart.iter().map(String::as_str);
    let mut shown: Vec<Pair> = cluster
        .iter()
        .map(|cluster| pair("cluster", cluster))
        .collect();
    for name in apart.chain(SHOWN) {
        let Some(value) = alert.labels.get(name) else {
            continue;
        };
        // What the card says already in its first lines.
        let said = *value == target || *value == alert.namespace;
        let known = shown.iter().any(|pair| pair.name == name);
        if !said && !known && shown.len() < LABELS_SHOWN {
            shown.push(pair(name, value));
        }
    }
    shown
}

fn pair(name: &str, value: &str) -> Pair {
    Pair {
        name: short(name, LABEL_NAME_CHARACTERS),
        value: short(value, NAME_CHARACTERS),
    }
}

fn references(alert: &Alert) -> Vec<Reference> {
    let annotation = |names: [&str; 2]| {
        let mut given = names
            .into_iter()
            .filter_map(|name| alert.annotations.get(name));
        given.find(|url| web_host(url).is_some()).cloned()
    };
    let all = [
        ("runbook", annotation(["runbook_url", "runbook"])),
        ("dashboard", annotation(["dashboard_url", "dashboard"])),
        ("query", alert.generator_url.clone()),
        (
            "alertmanager",
            alert
                .sender_url
                .as_deref()
                .map(|url| group_page(url, alert)),
        ),
    ];
    all.into_iter()
        .filter_map(|(kind, url)| {
            let url = url?;
            let host = web_host(&url)?;
            Some(Reference { kind, url, host })
        })
        .collect()
}

/// The page of Alertmanager that lists the alerts of the group, by all labels by which it was grouped; those of the alert's name where
/// there are none, or too many for an address.
fn group_page(external_url: &str, alert: &Alert) -> String {
    let labels = alert.grouped_by.iter();
    let labels: Vec<(&str, &str)> = labels
        .filter_map(|name| Some((name.as_str(), alert.labels.get(name)?.as_str())))
        .collect();
    let page = alerts_page(external_url, &labels);
    if labels.is_empty() || page.chars().count() > URL_CHARACTERS {
        return alerts_page(external_url, &[("alertname", &alert.name)]);
    }
    page
}

/// The page of the alerts with these labels. Its filter is a list of matchers in the fragment of the URL
/// (<https://github.com/prometheus/alertmanager/blob/main/ui/app/src/Views/AlertList/Updates.elm>,
/// <https://prometheus.io/docs/alerting/latest/configuration/#matcher>).
fn alerts_page(external_url: &str, labels: &[(&str, &str)]) -> String {
    // What would end the quotes, or the filter, is left out of the URL by its encoding.
    let quoted = |text: &str| {
        let text = text.replace('\\', "\\\\").replace('"', "\\\"");
        format!("\"{}\"", text.replace('\n', "\\n"))
    };
    let is_plain = |name: &str| {
        let mut bytes = name.bytes();
        !name.starts_with(|c: char| c.is_ascii_digit())
            && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    };
    let matchers = labels.iter().map(|(name, value)| {
        let name = if is_plain(name) {
            (*name).to_owned()
        } else {
            quoted(name)
        };
        format!("{name}={}", quoted(value))
    });
    let matchers = format!("{{{}}}", matchers.collect::<Vec<_>>().join(","));
    let filter: String = form_urlencoded::byte_serialize(matchers.as_bytes()).collect();
    // The page reads a plus as a plus.
    let filter = filter.replace('+', "%20");
    format!(
        "{}/#/alerts?filter={filter}",
        external_url.trim_end_matches('/')
    )
}

/// The host of an address that can be shown as a link: of the web, whole, without anything that hides in it, and without a
/// user, whose name could look like another host.
fn web_host(url: &str) -> Option<String> {
    let rest = url
        .strip_prefix("https://")
        .or_else(|| url.strip_prefix("http://"))?;
    let odd = |c: char| c.is_whitespace() || c.is_control() || is_hidden(c);
    if url.contains(odd) || url.chars().take(URL_CHARACTERS + 1).count() > URL_CHARACTERS {
        return None;
    }
    // Browsers read a backslash as a slash, other readers as a part of the host.
    let authority = rest.split(['/', '?', '#']).next()?;
    let plain = |c: char| c.is_ascii_alphanumeric() || "-._:[]".contains(c);
    // Whole: what says whose it is stands at its end.
    let whole = !authority.is_empty() && authority.len() <= NAME_CHARACTERS;
    (whole && authority.chars().all(plain)).then(|| authority.to_owned())
}

#[cfg(test)]
mod tests {
    use domain::alert::Alert;
    use domain::incident::Incident;
    use domain::primitives::language::Language;
    use jiff::{SignedDuration, Timestamp};

    use super::{About, Names, namespace, web_host};
    use crate::samples;

    /// The alert of a volume that fills up, as kube-prometheus words it.
    fn volume() -> Incident {
        let mut incident = samples::waiting().incident;
        let alert = &mut incident.alert;
        alert.labels = [
            ("node", "node-1"),
            ("persistentvolumeclaim", "data-orders-db-0"),
            ("job", "kubelet"),
            ("namespace", "shop"),
            ("severity", "critical"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
        alert.annotations = [
            ("summary", "PersistentVolume is filling up."),
            (
                "description",
                "The PersistentVolume claimed by data-orders-db-0 is only 1.8% free.",
            ),
            ("runbook_url", "https://runbooks.example/pvfull"),
            ("dashboard_url", "https://grafana.example/d/abc"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
        "PersistentVolume is filling up.".clone_into(&mut alert.message);
        alert.generator_url = Some("http://prometheus.example:9090/graph?g0.expr=up".to_owned());
        alert.sender_url = Some("http://alertmanager.example:9093/".to_owned());
        incident
    }

    #[test]
    fn what_the_sender_says_is_shown() {
        let about = About::of(&volume(), Names::default());
        assert!(about.description.contains("only 1.8% free"), "{about:?}");
        let labels: Vec<_> = about
            .labels
            .iter()
            .map(|label| (label.name.as_str(), label.value.as_str()))
            .collect();
        let expected = [
            ("node", "node-1"),
            ("persistentvolumeclaim", "data-orders-db-0"),
            ("job", "kubelet"),
        ];
        assert!(
            expected.iter().all(|label| labels.contains(label)),
            "{labels:?}"
        );
        assert!(!labels.iter().any(|(name, _)| *name == "severity"));
        let hosts: Vec<_> = about
            .references
            .iter()
            .map(|reference| (reference.kind, reference.host.as_str()))
            .collect();
        assert_eq!(
            hosts,
            [
                ("runbook", "runbooks.example"),
                ("dashboard", "grafana.example"),
                ("query", "prometheus.example:9090"),
                ("alertmanager", "alertmanager.example:9093"),
            ]
        );
        assert!(
            about.references[3]
                .url
                .starts_with("http://alertmanager.example:9093/#/alerts?filter=%7Balertname%3D%22")
        );
    }

    #[test]
    fn the_page_of_the_group_is_filtered_by_all_of_its_labels() {
        let mut alert = volume().alert;
        let filter = |alert: &Alert| {
            let page = super::group_page("http://am:9093/", alert);
            let filter = page.strip_prefix("http://am:9093/#/alerts?").expect(&page);
            let mut fields = form_urlencoded::parse(filter.as_bytes());
            fields.next().expect("a filter").1.into_owned()
        };
        let by_name = format!("{{alertname=\"{}\"}}", alert.name);
        assert_eq!(filter(&alert), by_name);
        alert.labels.insert("job".into(), "a \"b\"\\\n".into());
        alert.labels.insert("cloud.zone".into(), "1".into());
        alert.grouped_by = ["cloud.zone", "gone", "job", "namespace"]
            .map(str::to_owned)
            .to_vec();
        assert_eq!(
            filter(&alert),
            r#"{"cloud.zone"="1",job="a \"b\"\\\n",namespace="shop"}"#
        );
        alert.labels.insert("job".into(), "x".repeat(1_000));
        assert_eq!(filter(&alert), by_name, "a cut address leads elsewhere");
    }

    #[test]
    fn a_description_that_is_the_message_is_shown_once() {
        let mut incident = volume();
        let told = incident.alert.annotations["description"].clone();
        incident.alert.message = told;
        assert_eq!(About::of(&incident, Names::default()).description, "");
    }

    #[test]
    fn only_a_namespace_that_was_sent_is_shown() {
        let mut alert = volume().alert;
        assert_eq!(namespace(&alert), alert.namespace);
        "default".clone_into(&mut alert.namespace);
        assert_eq!(namespace(&alert), "");
        alert.labels.insert("namespace".into(), "default".into());
        assert_eq!(namespace(&alert), "default");
    }

    #[test]
    fn how_long_it_fired_is_shown_once_it_is_over() {
        let mut incident = volume();
        incident.alert.starts_at = Timestamp::UNIX_EPOCH;
        assert_eq!(About::of(&incident, Names::default()).lasted, "");
        incident.resolved_at = Some(Timestamp::UNIX_EPOCH + SignedDuration::from_mins(72));
        assert_eq!(About::of(&incident, Names::default()).lasted, "1 h 12 min");
        let chinese = Names::default().in_language(Language::TraditionalChinese);
        assert_eq!(About::of(&incident, chinese).lasted, "1 小時 12 分鐘");
        incident.resolved_at = Some(Timestamp::UNIX_EPOCH);
        assert_eq!(About::of(&incident, chinese).lasted, "不到 1 分鐘");
    }

    #[test]
    fn an_address_that_could_mislead_is_no_link() {
        for (url, host) in [
            ("https://a.example/x?y#z", Some("a.example")),
            ("http://[::1]:9090", Some("[::1]:9090")),
            ("javascript:alert(1)", None),
            ("https://", None),
            ("https://good.example@evil.example/", None),
            ("https://good.example\\@evil.example/", None),
            ("https://a.example/\u{202e}moc", None),
            ("https://a.example/ b", None),
            ("https://аpple.example/", None),
            (
                "https://grafana.example.com.0123456789.0123456789.0123456789.evil.example/",
                None,
            ),
        ] {
            assert_eq!(web_host(url).as_deref(), host, "{url}");
        }
        assert_eq!(
            web_host(&format!("https://a.example/{}", "x".repeat(1_000))),
            None
        );
    }
}
