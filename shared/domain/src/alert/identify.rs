//! Finds the subject of an alert in its labels. The order: the sender's own word, a rule about this
//! alert, the object that the metric is about, the pod, the address, a team's own labels; where none of
//! them knows, the alert stands for itself and every lasting label tells it apart (`one-subject`).

use crate::alert::alert_rules::{AlertRules, Match};
use crate::alert::exporter::{Exporter, Pods};
use crate::alert::labels::{
    ADDRESS, CLUSTERS, MOVES, OBJECTS, OF_A_POD, OWN, POD, SCRAPE, Texts, is_set_aside,
    is_volatile, said,
};
use crate::alert::subject::{Subject, SubjectKind};
use crate::primitives::digest::Digest;

/// The subject of an alert with its name.
#[derive(Debug)]
pub(super) struct Identified<'a> {
    /// As the sender names it.
    pub(super) name: &'a str,
    pub(super) subject: Subject,
}

/// Finds the subject of an alert called `alertname`. `own` are the labels by which senders say themselves what is meant.
pub(super) fn identify<'a>(
    alertname: &'a str,
    labels: &'a Texts,
    own: &[String],
    rules: &AlertRules,
) -> Identified<'a> {
    let named = by_sender(alertname, labels, own, rules)
        .or_else(|| by_rule(alertname, labels, rules))
        .unwrap_or_else(|| by_labels(alertname, labels));
    let cluster = CLUSTERS
        .iter()
        .find_map(|name| Some((*name, said(labels, name)?)));
    let mut apart = named.apart;
    // All the others are a part of the identity too: an environment and a region beside a cluster.
    let others = CLUSTERS
        .iter()
        .filter(|name| Some(**name) != cluster.map(|(name, _)| name));
    for name in others.filter(|name| said(labels, name).is_some()) {
        if !apart.iter().any(|known| known == name) {
            apart.push((*name).to_owned());
        }
    }
    apart.retain(|name| Some(name.as_str()) != cluster.map(|(name, _)| name));
    apart.sort_unstable();
    apart.dedup();
    Identified {
        name: named.name,
        subject: Subject {
            kind: named.kind,
            cluster: cluster.map(|(_, value)| value.to_owned()),
            apart_digest: digest(&apart, labels),
            apart,
            named_by: named.named_by,
        },
    }
}

/// The digest of labels with their values; none of no labels.
fn digest(apart: &[String], labels: &Texts) -> Option<String> {
    let digest = apart.iter().fold(Digest::new(), |digest, name| {
        let value = said(labels, name).unwrap_or_default();
        digest.field(name).field(value)
    });
    (!apart.is_empty()).then(|| digest.hex())
}

/// A name, and how it was found.
struct Named<'a> {
    name: &'a str,
    kind: SubjectKind,
    apart: Vec<String>,
    named_by: String,
}

/// The sender's own word: what it calls one component is one thing, whatever else differs.
fn by_sender<'a>(
    alertname: &str,
    labels: &'a Texts,
    own: &[String],
    rules: &AlertRules,
) -> Option<Named<'a>> {
    let of_metric = |label: &String| {
        rules
            .of(alertname)
            .any(|found| found.rule.metric_labels.contains(label))
    };
    let (label, name) = own
        .iter()
        .filter_map(|label| Some((label, said(labels, label)?)))
        .find(|(label, _)| !of_metric(label))?;
    let known = OBJECTS
        .iter()
        .chain(&OWN)
        .chain(&[POD, ADDRESS])
        .find(|(known, _)| *known == label);
    Some(Named {
        name,
        kind: known.map_or(SubjectKind::Component, |(_, kind)| *kind),
        apart: Vec::new(),
        named_by: format!("label {label}, the sender's own word"),
    })
}

fn by_rule<'a>(alertname: &str, labels: &'a Texts, rules: &AlertRules) -> Option<Named<'a>> {
    let mut found = rules.of(alertname).peekable();
    found.peek()?;
    let scrape = Scrape::of(labels);
    found.find_map(|Match { rule, exact }| {
        let subject = rule.subject.as_ref()?;
        let (label, name) = subject
            .name
            .iter()
            // The address of an exporter is not what it measures, whatever a rule expects.
            .filter(|label| *label != ADDRESS.0 || !scrape.own_address)
            .find_map(|label| Some((label.as_str(), said(labels, label)?)))?;
        let kind = if label == POD.0 { POD.1 } else { subject.kind };
        let has = |label: &&String| said(labels, label).is_some();
        let mut apart: Vec<String> = subject.apart.iter().filter(has).cloned().collect();
        if !exact {
            apart.extend(scrape.lasting_beside(label, kind));
        }
        Some(Named {
            name,
            kind,
            apart,
            named_by: format!("label {label}, by the rule for {}", rule.alerts.join(", ")),
        })
    })
}

/// What the labels say by themselves. Every lasting label tells alerts apart here: only a rule, or the sender, may say that alerts
/// which differ are about one thing.
fn by_labels<'a>(alertname: &'a str, labels: &'a Texts) -> Named<'a> {
    let scrape = Scrape::of(labels);
    let Some((label, kind, name)) = scrape.subject() else {
        let rule = labels.get("rulename").filter(|rule| !rule.is_empty());
        return Named {
            name: rule.map_or(alertname, String::as_str),
            kind: rule.map_or(SubjectKind::Alert, |_| SubjectKind::Rule),
            apart: lasting(labels, |name| {
                scrape.exporter.is_some()
                    && MOVES.contains(&name)
                    && (name != ADDRESS.0 || scrape.own_address)
            }),
            named_by: "no rule: all its lasting labels".to_owned(),
        };
    };
    Named {
        name,
        kind,
        apart: scrape.lasting_beside(label, kind),
        named_by: match scrape.exporter {
            Some(exporter) => format!("label {label}, measured by {}", exporter.name),
            None => format!("label {label}"),
        },
    }
}

/// Where an alert was measured.
struct Scrape<'a> {
    labels: &'a Texts,
    exporter: Option<&'static Exporter>,
    own_pod: bool,
    own_address: bool,
}

impl<'a> Scrape<'a> {
    fn of(labels: &'a Texts) -> Self {
        let exporter = Exporter::of(labels);
        Self {
            labels,
            exporter,
            own_pod: !is_set_aside(labels, "pod")
                && exporter.is_some_and(|exporter| exporter.is_own_pod(labels)),
            own_address: !is_set_aside(labels, "instance")
                && exporter.is_some_and(|exporter| exporter.is_own_address(labels)),
        }
    }

    /// The label that names the subject, with its kind and the name.
    fn subject(&self) -> Option<(&'static str, SubjectKind, &'a str)> {
        let first = |list: &[(&'static str, SubjectKind)]| {
            list.iter()
                .find_map(|(label, kind)| Some((*label, *kind, said(self.labels, label)?)))
        };
        let pod = || first(&[POD]).filter(|_| !self.own_pod);
        let address = || first(&[ADDRESS]).filter(|_| !self.own_address);
        // Without a job or an endpoint nothing says that it was scraped: a label such as `service` is then a team's own, and says more
        // than an address.
        let scraped = ["job", "endpoint"]
            .iter()
            .any(|name| self.labels.contains_key(*name));
        let rest = || match self.exporter {
            Some(exporter) => first(exporter.about).or_else(|| {
                // An exporter is not what it measures. Where its own name is all there is, the alert stands for itself.
                address().filter(|_| exporter.pods == Pods::Beside)
            }),
            None if scraped => address().or_else(|| first(&OWN)),
            None => first(&OWN).or_else(address),
        };
        first(&OBJECTS).or_else(pod).or_else(rest)
    }

    /// The labels that tell a problem apart as long as it lasts, beside the one that names its subject.
    fn lasting_beside(&self, label: &str, kind: SubjectKind) -> Vec<String> {
        lasting(self.labels, |written| {
            let set_aside = written.strip_prefix("exported_");
            if set_aside.unwrap_or(written) == label {
                return true;
            }
            if set_aside.is_some() {
                return false;
            }
            match kind {
                SubjectKind::Pod => {
                    OF_A_POD.contains(&written)
                        // The name that the container runtime gives.
                        || (written == "name" && self.exporter.is_some())
                }
                // A machine has one address, and its name says it already.
                SubjectKind::Node if written == ADDRESS.0 => true,
                _ => self.describes(written),
            }
        })
    }

    /// True if a label describes the scrape, and not what was measured.
    fn describes(&self, label: &str) -> bool {
        let Some(exporter) = self.exporter else {
            return false;
        };
        // What measures pods and volumes is scraped at an address of its own, or of the machine that they are on for now.
        let elsewhere = exporter.pods == Pods::Measured;
        SCRAPE.contains(&label)
            && (label != "instance" || self.own_address || elsewhere)
            && (label != "pod" || self.own_pod || elsewhere)
    }
}

/// The names of the labels that tell a problem apart as long as it lasts.
fn lasting(labels: &Texts, left_out: impl Fn(&str) -> bool) -> Vec<String> {
    labels
        .iter()
        .filter(|(name, value)| {
            let plain = name.strip_prefix("exported_").unwrap_or(name);
            !value.is_empty() && plain != "namespace" && !is_volatile(plain) && !left_out(name)
        })
        .map(|(name, _)| name.strip_prefix("exported_").unwrap_or(name).to_owned())
        .collect()
}

#[cfg(test)]
#[path = "identify_tests.rs"]
mod tests;
