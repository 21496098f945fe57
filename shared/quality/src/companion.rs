//! Rules that always fire together with another one in the same service.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use domain::alert::AlertSeverity;
use jiff::SignedDuration;

use crate::sample::{Place, Rule, Sample};

/// How far apart two incidents may open to count as one time.
pub(crate) const WITHIN: SignedDuration = SignedDuration::from_mins(10);
/// In how many of five incidents the other rule has to be there, and how few incidents say nothing.
const OF_FIVE: usize = 4;
const FEWEST: usize = 3;
/// Labels that differ between rules by their nature: no inhibition can ask for them.
const OF_THE_RULE: [&str; 2] = ["alertname", "severity"];
/// How many labels an inhibition compares, and those that say most about where an alert is.
const COMPARED: usize = 5;
const PREFERRED: [&str; 7] = [
    "cluster",
    "namespace",
    "service",
    "job",
    "node",
    "instance",
    "pod",
];

/// The rule without which another one hardly ever fires.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Companion {
    pub rule: Rule,
    /// In how many incidents of the other it was there, and of how many.
    pub times: usize,
    pub of: usize,
    /// Labels that had the same value in both, every time.
    pub equal: Vec<String>,
}

/// How often an incident of a rule came with one of another.
#[derive(Default)]
struct Pair<'a> {
    times: usize,
    /// By how much the first rule's incident opened later.
    later_by: Vec<SignedDuration>,
    equal: Option<BTreeSet<&'a str>>,
}

/// All rules by number, with what is known of each.
struct Rules<'a> {
    numbers: BTreeMap<&'a Rule, usize>,
    counts: Vec<usize>,
    severities: Vec<AlertSeverity>,
    pairs: BTreeMap<(usize, usize), Pair<'a>>,
}

/// For each rule that always comes with another one, the other. Of two that come together always, one has the other: the milder one, or
/// else the one that comes later. A rule never has a milder one: that would let a mild alert mute a bad one.
pub(crate) fn companions(samples: &[Sample]) -> BTreeMap<&Rule, Companion> {
    let rules = Rules::of(samples);
    let names: Vec<&Rule> = rules.numbers.keys().copied().collect();
    let mut found: BTreeMap<&Rule, Companion> = BTreeMap::new();
    for (&(one, other), pair) in &rules.pairs {
        if !rules.comes_with(one, other) || !rules.gives_way(one, other) {
            continue;
        }
        let better = |known: &Companion| known.times >= pair.times;
        if found.get(names[one]).is_some_and(better) {
            continue;
        }
        let companion = Companion {
            rule: names[other].clone(),
            times: pair.times,
            of: rules.counts[one],
            equal: compared(pair.equal.as_ref()),
        };
        found.insert(names[one], companion);
    }
    found
}

impl<'a> Rules<'a> {
    fn of(samples: &'a [Sample]) -> Self {
        let names: BTreeSet<&Rule> = samples.iter().map(|sample| &sample.rule).collect();
        let numbers: BTreeMap<&Rule, usize> = names.into_iter().zip(0..).collect();
        let mut rules = Self {
            counts: vec![0; numbers.len()],
            severities: vec![AlertSeverity::Info; numbers.len()],
            numbers,
            pairs: BTreeMap::new(),
        };
        let mut places: BTreeMap<&Place, Vec<(usize, &Sample)>> = BTreeMap::new();
        for sample in samples {
            let number = rules.numbers[&sample.rule];
            rules.counts[number] += 1;
            rules.severities[number] = rules.severities[number].max(sample.severity);
            let at = places.entry(&sample.place).or_default();
            at.push((number, sample));
        }
        for mut at in places.into_values() {
            at.sort_by_key(|(_, sample)| sample.opened_at);
            rules.pair_up(&at);
        }
        rules
    }

    /// Counts the pairs of one place, whose incidents are in the order in which they opened.
    fn pair_up(&mut self, at: &[(usize, &'a Sample)]) {
        for (index, &(one, sample)) in at.iter().enumerate() {
            let apart = |other: &Sample| sample.opened_at.duration_since(other.opened_at);
            let near = |(_, other): &&(usize, &'a Sample)| apart(other).abs() <= WITHIN;
            let before = at[..index].iter().rev().take_while(near);
            let behind = at[index + 1..].iter().take_while(near);
            let mut nearest: BTreeMap<usize, &'a Sample> = BTreeMap::new();
            for &(number, other) in before.chain(behind).filter(|(number, _)| *number != one) {
                let known = nearest.entry(number).or_insert(other);
                if apart(other).abs() < apart(known).abs() {
                    *known = other;
                }
            }
            for (number, other) in nearest {
                let pair = self.pairs.entry((one, number)).or_default();
                pair.times += 1;
                pair.later_by.push(apart(other));
                let same = same_labels(sample, other);
                pair.equal = Some(match pair.equal.take() {
                    None => same,
                    Some(known) => known.intersection(&same).copied().collect(),
                });
            }
        }
    }

    /// True if nearly all incidents of one rule came with the other.
    fn comes_with(&self, one: usize, other: usize) -> bool {
        let of = self.counts[one];
        let times = self.pairs.get(&(one, other)).map_or(0, |pair| pair.times);
        of >= FEWEST && times * 5 >= of * OF_FIVE
    }

    /// True if it is this rule that the other may mute, and not the other way round.
    fn gives_way(&self, one: usize, other: usize) -> bool {
        match self.severities[one].cmp(&self.severities[other]) {
            Ordering::Less => true,
            Ordering::Greater => false,
            Ordering::Equal if !self.comes_with(other, one) => true,
            Ordering::Equal => match self.later_by(one, other).cmp(&self.later_by(other, one)) {
                Ordering::Equal => one > other,
                order => order == Ordering::Greater,
            },
        }
    }

    /// By how much one of a pair opens later than the other, in the middle of all times.
    fn later_by(&self, one: usize, other: usize) -> SignedDuration {
        let mut lengths = self
            .pairs
            .get(&(one, other))
            .map_or_else(Vec::new, |pair| pair.later_by.clone());
        lengths.sort_unstable();
        lengths.get(lengths.len() / 2).copied().unwrap_or_default()
    }
}

fn same_labels<'a>(one: &'a Sample, other: &Sample) -> BTreeSet<&'a str> {
    let same = one
        .labels
        .iter()
        .filter(|(name, value)| other.labels.get(*name) == Some(*value));
    let names = same.map(|(name, _)| name.as_str());
    names.filter(|name| !OF_THE_RULE.contains(name)).collect()
}

/// The labels that an inhibition compares: those that say where an alert is first.
fn compared(equal: Option<&BTreeSet<&str>>) -> Vec<String> {
    let Some(equal) = equal else {
        return Vec::new();
    };
    let preferred = PREFERRED.into_iter().filter(|name| equal.contains(name));
    let others = equal
        .iter()
        .copied()
        .filter(|name| !PREFERRED.contains(name));
    let names = preferred.chain(others).take(COMPARED);
    names.map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use domain::alert::AlertSeverity;

    use super::companions;
    use crate::sample::Sample;
    use crate::test_samples::{labelled, sample, sample_of};

    /// `name: companion (times of) [labels]`, a line for each rule that has one.
    fn said(samples: &[Sample]) -> Vec<String> {
        let found = companions(samples);
        let line = |(rule, companion): (&crate::Rule, super::Companion)| {
            let with = companion.rule.name;
            let (times, of) = (companion.times, companion.of);
            format!("{}: {with} {times}/{of} {:?}", rule.name, companion.equal)
        };
        found.into_iter().map(line).collect()
    }

    #[test]
    fn a_rule_that_never_comes_alone_has_the_other() {
        let mut samples = Vec::new();
        for hour in 0..5 {
            samples.push(sample("NodeDown", "web", hour * 60));
            samples.push(sample("TargetDown", "web", hour * 60 + 9));
        }
        // The other one fires alone as well, so that it is no one's companion.
        samples.extend((10..20).map(|hour| sample("NodeDown", "web", hour * 60)));
        assert_eq!(said(&samples), ["TargetDown: NodeDown 5/5 [\"namespace\"]"]);
    }

    #[test]
    fn four_of_five_are_enough_and_three_of_four_are_not() {
        let with = |alone: i64| {
            let mut samples: Vec<Sample> = (0..4)
                .flat_map(|hour| {
                    [
                        sample("A", "web", hour * 60),
                        sample("B", "web", hour * 60 + 1),
                    ]
                })
                .collect();
            samples.extend((0..alone).map(|more| sample("B", "web", 1_000 + more * 60)));
            samples.extend((0..10).map(|more| sample("A", "web", 5_000 + more * 60)));
            said(&samples).len()
        };
        assert_eq!(with(1), 1, "4 of 5");
        assert_eq!(with(2), 0, "4 of 6");
        let two: Vec<Sample> = (0..2)
            .flat_map(|hour| [sample("A", "web", hour * 60), sample("B", "web", hour * 60)])
            .collect();
        assert!(said(&two).is_empty(), "two times say nothing");
    }

    #[test]
    fn another_service_or_a_later_time_is_no_company() {
        let apart: Vec<Sample> = (0..5)
            .flat_map(|hour| [sample("A", "web", hour * 60), sample("B", "db", hour * 60)])
            .collect();
        assert!(said(&apart).is_empty());
        let later: Vec<Sample> = (0..5)
            .flat_map(|hour| {
                [
                    sample("A", "web", hour * 60),
                    sample("B", "web", hour * 60 + 11),
                ]
            })
            .collect();
        assert!(said(&later).is_empty());
    }

    #[test]
    fn of_two_that_come_together_one_gives_way() {
        let together = |first, second, lag: i64| {
            let pairs = (0..5).flat_map(|hour| {
                [
                    sample_of("A", first, "web", hour * 60),
                    sample_of("B", second, "web", hour * 60 + lag),
                ]
            });
            said(&pairs.collect::<Vec<_>>())
        };
        let (mild, bad) = (AlertSeverity::Warning, AlertSeverity::Critical);
        let (a, b) = ("A: B 5/5 [\"namespace\"]", "B: A 5/5 [\"namespace\"]");
        assert_eq!(together(mild, mild, 3), [b], "the later one");
        assert_eq!(together(mild, mild, -3), [a], "the later one");
        assert_eq!(together(mild, bad, 3), [a], "the milder one");
        assert_eq!(together(bad, mild, -3), [b], "the milder one");
        assert_eq!(
            together(mild, mild, 0),
            [b],
            "by name, where nothing else tells"
        );
    }

    #[test]
    fn a_bad_alert_is_not_muted_by_a_mild_one() {
        let mut samples = Vec::new();
        for hour in 0..5 {
            samples.push(sample_of("Down", AlertSeverity::Critical, "web", hour * 60));
            samples.push(sample_of("Slow", AlertSeverity::Info, "web", hour * 60));
        }
        samples
            .extend((10..20).map(|hour| sample_of("Slow", AlertSeverity::Info, "web", hour * 60)));
        assert!(said(&samples).is_empty());
    }

    #[test]
    fn an_inhibition_compares_what_was_the_same_every_time() {
        let mut samples = Vec::new();
        for hour in 0..4_i64 {
            let shard = hour.to_string();
            let labels = [
                ("service", "shop"),
                ("shard", shard.as_str()),
                ("zone", "a"),
                ("severity", "x"),
            ];
            samples.push(labelled(sample("A", "web", hour * 60), &labels));
            // The zone differs once.
            let zone = if hour == 2 { "b" } else { "a" };
            let labels = [
                ("service", "shop"),
                ("shard", shard.as_str()),
                ("zone", zone),
                ("severity", "x"),
            ];
            samples.push(labelled(sample("B", "web", hour * 60 + 1), &labels));
        }
        assert_eq!(
            said(&samples),
            ["B: A 4/4 [\"namespace\", \"service\", \"shard\"]"]
        );
    }
}
