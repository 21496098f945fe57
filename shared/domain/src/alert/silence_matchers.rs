//! Silence matchers that hide the alert of one incident and no other active alert.
//!
//! A silence hides every alert that fits all of its matchers. Matchers that are equal to the labels of one alert therefore fit each alert
//! with these labels *and more*: `{alertname, instance}` hides every severity, volume and tenant of that instance. To a matcher, a label
//! that is missing and one that is empty are the same (<https://prometheus.io/docs/alerting/latest/configuration/#inhibition-related-settings>),
//! so that `volume=""` fits only alerts without a volume.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::phrase;
use crate::primitives::phrase::Phrase;
use crate::primitives::safe_text::line;

/// The label without which a silence would be about anything.
pub const ALERTNAME: &str = "alertname";

/// How many names of alerts are named, and how much of each.
const NAMES_SHOWN: usize = 5;
const NAME_CHARACTERS: usize = 60;

/// An alert that Alertmanager has active, silenced or inhibited or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActiveAlert {
    /// Alertmanager's own fingerprint of it, which its deliveries carry too.
    pub fingerprint: String,
    /// Its labels; none of them is empty.
    pub labels: BTreeMap<String, String>,
}

/// The alerts that a silence is meant for.
#[derive(Debug, Clone, Copy)]
pub struct Meant<'a> {
    /// The labels of the alert that it is made for, in the order of their names; none of them is empty.
    pub labels: &'a [(&'a str, &'a str)],
    /// The fingerprints of other alerts that it may hide, because they belong to the same incident.
    pub members: &'a BTreeSet<String>,
}

impl Meant<'_> {
    /// True for the very alert that it is made for.
    pub fn is_alert(&self, alert: &ActiveAlert) -> bool {
        alert
            .labels
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .eq(self.labels.iter().copied())
    }

    /// True for an alert that it may hide.
    pub fn includes(&self, alert: &ActiveAlert) -> bool {
        self.is_alert(alert) || self.members.contains(&alert.fingerprint)
    }

    fn has(&self, name: &str) -> bool {
        self.labels.iter().any(|(known, _)| *known == name)
    }
}

/// Equal matchers: the value of each label, empty where the label has to be missing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Matchers(BTreeMap<String, String>);

impl Matchers {
    /// The matchers that fit the alert that is meant, and no active one that is not. What other alerts have more than it, has to be missing:
    /// of every such label, also if fewer would do now, because alerts of the same rule that begin later have them as well.
    pub fn of(meant: Meant<'_>, active: &[ActiveAlert]) -> Self {
        let mut matchers: Self = meant
            .labels
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let (own, others): (Vec<_>, Vec<_>) = active
            .iter()
            .filter(|alert| matchers.fit(alert))
            .partition(|alert| meant.includes(alert));
        let more = |alerts: &[&ActiveAlert]| -> BTreeSet<String> {
            alerts
                .iter()
                .flat_map(|alert| alert.labels.keys())
                .filter(|name| !meant.has(name))
                .cloned()
                .collect()
        };
        // First what no alert of the incident has, so that they stay hidden together, and then all that is left.
        let of_own = more(&own);
        matchers.0.extend(
            more(&others)
                .difference(&of_own)
                .map(|name| (name.clone(), String::new())),
        );
        let left: Vec<&ActiveAlert> = others
            .into_iter()
            .filter(|alert| matchers.fit(alert))
            .collect();
        matchers
            .0
            .extend(more(&left).into_iter().map(|name| (name, String::new())));
        matchers
    }

    /// True if an alert fits all of them.
    pub fn fit(&self, alert: &ActiveAlert) -> bool {
        self.0
            .iter()
            .all(|(name, value)| alert.labels.get(name).map_or("", String::as_str) == value)
    }

    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

impl FromIterator<(String, String)> for Matchers {
    fn from_iter<T: IntoIterator<Item = (String, String)>>(matchers: T) -> Self {
        Self(matchers.into_iter().collect())
    }
}

/// Alerts that a silence would hide and that it is not meant for. There is at least one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Others {
    count: usize,
    names: BTreeSet<String>,
}

impl Others {
    /// Those among these alerts that are not meant, if there are any.
    pub fn among<'a>(
        hidden: impl Iterator<Item = &'a ActiveAlert>,
        meant: Meant<'_>,
    ) -> Option<Self> {
        let (mut count, mut names) = (0, BTreeSet::new());
        for alert in hidden.filter(|alert| !meant.includes(alert)) {
            count += 1;
            names.insert(line(
                alert.labels.get(ALERTNAME).map_or("", String::as_str),
                NAME_CHARACTERS,
            ));
        }
        (count > 0).then_some(Self { count, names })
    }

    /// How many there are, and the names of some, for people.
    pub fn phrase(&self) -> Phrase {
        let shown = self.names.iter().take(NAMES_SHOWN).map(String::as_str);
        let shown: Vec<&str> = shown.collect();
        let (names, more) = (shown.join(", "), self.names.len() - shown.len());
        match (self.count, more) {
            (1, _) => phrase!("1 other active alert: {names}", names),
            (count, 0) => phrase!("{count} other active alerts: {names}", count, names),
            (count, more) => phrase!(
                "{count} other active alerts: {names}, and {more} more names",
                count,
                names,
                more
            ),
        }
    }
}

impl fmt::Display for Others {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.phrase().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use proptest::prelude::{Strategy, any, prop, prop_assert, prop_assert_eq, proptest};
    use proptest::sample::Index;

    use super::{ActiveAlert, Matchers, Meant, Others};

    fn alert(fingerprint: &str, labels: &[(&str, &str)]) -> ActiveAlert {
        let labels = labels
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        ActiveAlert {
            fingerprint: fingerprint.to_owned(),
            labels,
        }
    }

    fn hidden<'a>(matchers: &Matchers, active: &'a [ActiveAlert]) -> Vec<&'a str> {
        active
            .iter()
            .filter(|alert| matchers.fit(alert))
            .map(|alert| alert.fingerprint.as_str())
            .collect()
    }

    const DOWN: [(&str, &str); 2] = [("alertname", "Down"), ("job", "web")];

    #[test]
    fn silence_hides_no_other_alert_that_has_more_labels() {
        let none = BTreeSet::new();
        let meant = Meant {
            labels: &DOWN,
            members: &none,
        };
        let active = [
            alert("own", &DOWN),
            alert("tenant", &[DOWN[0], DOWN[1], ("tenant", "a")]),
            alert(
                "volume",
                &[DOWN[0], DOWN[1], ("volume", "/data"), ("tenant", "b")],
            ),
            alert("another job", &[DOWN[0], ("job", "db"), ("shard", "1")]),
        ];
        let matchers = Matchers::of(meant, &active);
        assert_eq!(hidden(&matchers, &active), ["own"]);
        assert!(
            matchers
                .iter()
                .eq([DOWN[0], DOWN[1], ("tenant", ""), ("volume", "")]),
            "labels of alerts that do not fit anyway stay out"
        );
        assert!(
            Matchers::of(meant, &active[..1]).iter().eq(DOWN),
            "alone, it needs no more than its own labels"
        );
    }

    #[test]
    fn members_stay_hidden_where_their_labels_allow_it() {
        let members = BTreeSet::from(["pod".to_owned()]);
        let meant = Meant {
            labels: &DOWN,
            members: &members,
        };
        let (own, pod) = (
            alert("own", &DOWN),
            alert("pod", &[DOWN[0], DOWN[1], ("pod", "web-1")]),
        );
        let tenant = alert(
            "tenant",
            &[DOWN[0], DOWN[1], ("pod", "web-2"), ("tenant", "a")],
        );
        let active = [own.clone(), pod.clone(), tenant];
        assert_eq!(
            hidden(&Matchers::of(meant, &active), &active),
            ["own", "pod"]
        );
        // No missing label tells this one from the member: the incident's own alert is the one that matters.
        let active = [
            own,
            pod,
            alert("other pod", &[DOWN[0], DOWN[1], ("pod", "web-2")]),
        ];
        assert_eq!(hidden(&Matchers::of(meant, &active), &active), ["own"]);
    }

    /// Sets of labels with few names and values, so that they often include one another.
    fn label_sets() -> impl Strategy<Value = BTreeSet<BTreeMap<String, String>>> {
        let labels = prop::collection::btree_map("[a-d]", "[xy]", 0..5);
        prop::collection::btree_set(labels, 1..12)
    }

    proptest! {
        #[test]
        fn whatever_is_active_only_what_is_meant_is_hidden(sets in label_sets(), subject: Index, members in prop::collection::vec(any::<bool>(), 12)) {
            let active: Vec<ActiveAlert> =
                sets.into_iter().enumerate().map(|(n, labels)| ActiveAlert { fingerprint: n.to_string(), labels }).collect();
            let subject = subject.get(&active);
            let labels: Vec<(&str, &str)> = subject.labels.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            let members = active.iter().zip(members).filter(|(_, is_member)| *is_member).map(|(alert, _)| alert.fingerprint.clone()).collect();
            for members in [&BTreeSet::new(), &members] {
                let meant = Meant { labels: &labels, members };
                let matchers = Matchers::of(meant, &active);
                prop_assert!(matchers.fit(subject), "{:?} {:?}", matchers, subject);
                prop_assert_eq!(Others::among(active.iter().filter(|alert| matchers.fit(alert)), meant), None);
            }
        }
    }

    #[test]
    fn others_are_counted_and_their_names_are_bounded() {
        let none = BTreeSet::new();
        let meant = Meant {
            labels: &DOWN,
            members: &none,
        };
        let named = |names: &[&str]| {
            names
                .iter()
                .map(|name| alert(name, &[("alertname", *name)]))
                .collect::<Vec<_>>()
        };
        let shown = |alerts: &[ActiveAlert]| {
            Others::among(alerts.iter(), meant).map(|others| others.to_string())
        };
        assert_eq!(shown(&[alert("own", &DOWN)]), None);
        assert_eq!(
            shown(&named(&["Disk\nFull"])).as_deref(),
            Some("1 other active alert: Disk Full")
        );
        let many = shown(&named(&[
            "A",
            "A",
            "B",
            "C",
            "D",
            "E",
            "F",
            &"x".repeat(500),
        ]));
        assert_eq!(
            many.as_deref(),
            Some("8 other active alerts: A, B, C, D, E, and 2 more names")
        );
        assert!(shown(&named(&[&"x".repeat(500)])).is_some_and(|text| text.len() < 100));
    }
}
