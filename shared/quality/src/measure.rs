//! Counts the incidents of each alert rule.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use domain::alert::AlertSeverity;
use domain::incident::response::CloseReason;

use crate::companion::{Companion, companions};
use crate::lengths::Lengths;
use crate::rule::RuleQuality;
use crate::sample::{Ending, Rule, Sample};
use crate::table::verdicts;

/// The rules of these incidents: those with a verdict first, and of them those that opened and fired again most often.
pub fn measured(samples: &[Sample]) -> Vec<RuleQuality> {
    let mut by_rule: BTreeMap<&Rule, Vec<&Sample>> = BTreeMap::new();
    for sample in samples {
        by_rule.entry(&sample.rule).or_default().push(sample);
    }
    let mut companions = companions(samples);
    let rules = by_rule
        .into_iter()
        .map(|(rule, of)| quality(rule, &of, companions.remove(rule)));
    let mut rules: Vec<RuleQuality> = rules.collect();
    // Those with as many stay in the order of their names.
    rules.sort_by_key(|of| {
        let calls = of.flaps.saturating_add(of.incidents as u64);
        (of.verdicts.is_empty(), Reverse(calls))
    });
    rules
}

fn quality(rule: &Rule, samples: &[&Sample], companion: Option<Companion>) -> RuleQuality {
    let count = |wanted: fn(&Sample) -> bool| samples.iter().filter(|one| wanted(one)).count();
    let lengths = samples.iter().filter_map(|one| one.open_for());
    let severities = samples.iter().map(|one| one.severity);
    let mut quality = RuleQuality {
        rule: rule.clone(),
        severity: severities.max().unwrap_or(AlertSeverity::Info),
        incidents: samples.len(),
        open: count(|one| one.ending == Ending::Open),
        alerts: samples.iter().map(|one| one.alerts).sum(),
        flaps: samples.iter().map(|one| one.flaps).sum(),
        acknowledged: count(|one| one.hands.acknowledged_at.is_some()),
        acted_on: count(|one| one.hands.acted_at.is_some()),
        untouched: count(|one| one.hands.first().is_none()),
        false_alarms: count(|one| one.closed == Some(CloseReason::FalseAlarm)),
        wrong_causes: count(|one| one.cause_is_wrong),
        by_itself: count(Sample::ended_by_itself),
        open_for: Lengths::of(lengths.collect()),
        companion,
        verdicts: Vec::new(),
    };
    quality.verdicts = verdicts(&quality);
    quality
}

#[cfg(test)]
mod tests {
    use domain::incident::response::CloseReason;

    use super::measured;
    use crate::sample::Sample;
    use crate::test_samples::{acted, resolved, sample};

    #[test]
    fn incidents_are_counted_by_their_rule() {
        let mut taken = sample("Slow", "web", 0);
        taken.hands.acknowledged_at = Some(taken.opened_at);
        let mut closed = acted(sample("Slow", "web", 60), 5);
        closed.closed = Some(CloseReason::FalseAlarm);
        closed.cause_is_wrong = true;
        let mut busy = resolved(sample("Slow", "db", 120), 4);
        (busy.alerts, busy.flaps) = (40, 2);
        let late = acted(resolved(sample("Slow", "db", 300), 4), 8);
        let repaired = acted(resolved(sample("Slow", "db", 400), 30), 1);
        let rules = measured(&[taken, closed, busy, late, repaired]);
        let [slow] = rules.as_slice() else {
            panic!("one rule: {rules:?}")
        };
        assert_eq!((slow.incidents, slow.open, slow.ended()), (5, 2, 3));
        assert_eq!((slow.alerts, slow.flaps), (44, 2));
        assert_eq!(
            (slow.acknowledged, slow.acted_on, slow.untouched),
            (1, 3, 1)
        );
        assert_eq!((slow.false_alarms, slow.wrong_causes), (1, 1));
        assert_eq!(
            slow.by_itself, 2,
            "whoever acts after the end did not end it"
        );
        let median = slow.open_for.map(|lengths| lengths.median_seconds);
        assert_eq!(median, Some(240));
    }

    #[test]
    fn noise_comes_first_and_the_most_of_it_before_all() {
        let quiet = (0..30).map(|hour| acted(sample("Good", "web", hour * 60), 1));
        let flapping = |name: &'static str, flaps| {
            (0..3).map(move |hour| {
                let mut one = acted(resolved(sample(name, name, hour * 60), 30), 1);
                one.flaps = flaps;
                one
            })
        };
        let samples: Vec<Sample> = quiet
            .chain(flapping("B", 2))
            .chain(flapping("A", 2))
            .chain(flapping("C", 7))
            .collect();
        let rules = measured(&samples);
        let names: Vec<&str> = rules.iter().map(|of| of.rule.name.as_str()).collect();
        assert_eq!(names, ["C", "A", "B", "Good"]);
    }
}
