//! Differences between two replays of one history: which incidents are merged, split, missing or new, and what becomes of the others.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use domain::analysis::price::dollars;
use jiff::Timestamp;
use serde::Serialize;

use super::outcome::{Handling, Outcome};

/// The kind of a difference, in the order in which they are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    /// Alerts that open no incident any more.
    Missing,
    /// Alerts that open one and did not.
    New,
    /// Several incidents are one.
    Merged,
    /// One incident is several.
    Split,
    Severity,
    Service,
    /// What is done about it: plan, approval, repair.
    Handling,
    /// Who may decide, or how many it takes.
    Approval,
    /// Channels and sounds.
    Cards,
    /// Who is mentioned on the card.
    People,
    Flaps,
    Price,
}

impl Kind {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Missing => "no incident",
            Self::New => "new incident",
            Self::Merged => "merged",
            Self::Split => "split",
            Self::Severity => "severity",
            Self::Service => "service",
            Self::Handling => "handling",
            Self::Approval => "approval",
            Self::Cards => "cards",
            Self::People => "people",
            Self::Flaps => "flaps",
            Self::Price => "price",
        }
    }
}

/// A difference that so many incidents have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Difference {
    pub(crate) kind: Kind,
    /// The names of the alerts.
    pub(crate) alerts: String,
    pub(crate) base: String,
    pub(crate) changed: String,
    pub(crate) incidents: u64,
    /// Target and time of the first.
    pub(crate) first: (String, Timestamp),
}

/// All differences; those of most incidents first within a kind. `places` says for each alert in which incident it is, here and there.
pub(crate) fn differences(
    base: &[Outcome],
    changed: &[Outcome],
    places: Vec<(Option<u32>, Option<u32>)>,
) -> Vec<Difference> {
    let mut found = Found::default();
    let pairs = pairs(base, changed, places);
    let (mut of_base, mut of_changed): (Partners, Partners) = (HashMap::new(), HashMap::new());
    for (one, other) in &pairs {
        of_base.entry(*one).or_default().insert(*other);
        of_changed.entry(*other).or_default().insert(*one);
    }
    for (place, one) in (0u32..).zip(base) {
        match of_base.get(&place).map(BTreeSet::len) {
            None => found.add(Kind::Missing, &[one], told(one), String::new()),
            Some(1) => {}
            Some(parts) => {
                let parts = parts.to_string();
                found.add(Kind::Split, &[one], "1".to_owned(), parts);
            }
        }
    }
    for (place, other) in (0u32..).zip(changed) {
        match of_changed.get(&place) {
            None => found.add(Kind::New, &[other], String::new(), told(other)),
            Some(parts) if parts.len() > 1 => {
                let all: Vec<&Outcome> = parts.iter().map(|one| &base[*one as usize]).collect();
                found.add(Kind::Merged, &all, parts.len().to_string(), "1".to_owned());
            }
            Some(_) => {}
        }
    }
    for (one, other) in &pairs {
        if of_base[one].len() == 1 && of_changed[other].len() == 1 {
            found.compare(&base[*one as usize], &changed[*other as usize]);
        }
    }
    let mut all: Vec<Difference> = found.0.into_values().collect();
    all.sort_by(|one, other| {
        (one.kind, other.incidents, &one.alerts).cmp(&(other.kind, one.incidents, &other.alerts))
    });
    all
}

type Partners = HashMap<u32, BTreeSet<u32>>;

/// The incidents that have an alert in common, each pair once; storms, which have none, by their name and moment.
fn pairs(
    base: &[Outcome],
    changed: &[Outcome],
    places: Vec<(Option<u32>, Option<u32>)>,
) -> Vec<(u32, u32)> {
    let storms = |outcomes: &[Outcome]| -> HashMap<(String, Timestamp), u32> {
        let storms = (0u32..)
            .zip(outcomes)
            .filter(|(_, one)| one.opened_by.is_none());
        storms
            .map(|(place, one)| ((one.name.clone(), one.opened_at), place))
            .collect()
    };
    let there = storms(changed);
    let mut pairs: Vec<(u32, u32)> = storms(base)
        .into_iter()
        .filter_map(|(key, one)| Some((one, *there.get(&key)?)))
        .collect();
    pairs.extend(places.into_iter().filter_map(|(one, other)| one.zip(other)));
    pairs.sort_unstable();
    pairs.dedup();
    pairs
}

/// Differences by what they say.
#[derive(Debug, Default)]
struct Found(BTreeMap<(Kind, String, String, String), Difference>);

impl Found {
    fn add(&mut self, kind: Kind, of: &[&Outcome], base: String, changed: String) {
        let names: BTreeSet<&str> = of.iter().map(|one| one.name.as_str()).collect();
        let alerts = names.into_iter().collect::<Vec<_>>().join(", ");
        let first = of.iter().min_by_key(|one| one.opened_at);
        let first = first.map_or_else(Default::default, |one| (one.target.clone(), one.opened_at));
        let key = (kind, alerts.clone(), base.clone(), changed.clone());
        let known = self.0.entry(key).or_insert_with(|| Difference {
            kind,
            alerts,
            base,
            changed,
            incidents: 0,
            first: first.clone(),
        });
        known.incidents += 1;
        if first.1 < known.first.1 {
            known.first = first;
        }
    }

    /// What differs between an incident here and there.
    fn compare(&mut self, one: &Outcome, other: &Outcome) {
        let name = |service: &Option<String>| service.clone().unwrap_or_else(|| "none".to_owned());
        let severity = |one: &Outcome| format!("{:?}", one.severity);
        let both: [(Kind, String, String); 8] = [
            (Kind::Severity, severity(one), severity(other)),
            (Kind::Service, name(&one.service), name(&other.service)),
            (Kind::Handling, told(one), told(other)),
            (Kind::Approval, approval(one), approval(other)),
            (Kind::Cards, cards(one), cards(other)),
            (Kind::People, people(one), people(other)),
            (Kind::Flaps, one.flaps.to_string(), other.flaps.to_string()),
            (Kind::Price, price(one), price(other)),
        ];
        for (kind, base, changed) in both {
            if base != changed {
                self.add(kind, &[one], base, changed);
            }
        }
    }
}

/// What is done about an incident, in a line.
fn told(one: &Outcome) -> String {
    match &one.handling {
        Handling::Automatic { playbook } => format!("{playbook} runs"),
        Handling::Approval {
            playbook, because, ..
        } => format!("{playbook} asks ({})", because.join(", ")),
        Handling::NoPlan { because } => format!("no plan: {because}"),
        Handling::Announced => "announced".to_owned(),
        Handling::InStorm => "in a storm".to_owned(),
        Handling::NotAnalysed => "not analysed".to_owned(),
    }
}

fn approval(one: &Outcome) -> String {
    match &one.handling {
        Handling::Approval {
            deciders, needed, ..
        } => format!("{needed} of {}", list(deciders.iter())),
        _ => String::new(),
    }
}

fn cards(one: &Outcome) -> String {
    let rings = one.rings.iter();
    list(rings.map(|(channel, rings)| format!("{channel} ({rings})")))
}

fn people(one: &Outcome) -> String {
    list(one.people.iter())
}

fn price(one: &Outcome) -> String {
    if one.beyond_budget {
        return "no room in the budget".to_owned();
    }
    dollars(one.dollars)
}

fn list<T: ToString>(names: impl Iterator<Item = T>) -> String {
    let names: Vec<String> = names.map(|name| name.to_string()).collect();
    if names.is_empty() {
        return "nobody".to_owned();
    }
    names.join(", ")
}
