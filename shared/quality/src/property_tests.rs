//! Properties of the figures, for any incidents.

use domain::alert::AlertSeverity;
use domain::incident::response::CloseReason;
use jiff::SignedDuration;
use proptest::prelude::{Strategy, any, prop, prop_assert, prop_assert_eq};
use proptest::test_runner::{Config, TestRunner};

use crate::measure::measured;
use crate::sample::{Ending, Sample};
use crate::test_samples::sample_of;
use crate::verdict::Verdict;

/// What of an incident is at random: its rule, severity, service, when it opened and ended, flaps, hands, and whether it was no alarm.
type Drawn = (
    usize,
    u8,
    usize,
    i64,
    Option<i64>,
    u64,
    (Option<i64>, Option<i64>),
    bool,
);

fn drawn() -> impl Strategy<Value = Drawn> {
    let minutes = || prop::option::of(0i64..90);
    (
        0usize..4,
        0u8..3,
        0usize..3,
        0i64..600,
        minutes(),
        0u64..3,
        (minutes(), minutes()),
        any::<bool>(),
    )
}

fn made(drawn: &Drawn) -> Sample {
    let (rule, severity, service, opened, ended, flaps, (acknowledged, acted), false_alarm) =
        *drawn;
    let severity = AlertSeverity::of_rank(severity).expect("a rank");
    let mut sample = sample_of(
        ["A", "B", "C", "D"][rule],
        severity,
        ["web", "db", "api"][service],
        opened,
    );
    let after = |minutes: i64| sample.opened_at + SignedDuration::from_mins(minutes);
    let (ended, acknowledged, acted) =
        (ended.map(after), acknowledged.map(after), acted.map(after));
    sample.ending = ended.map_or(Ending::Open, Ending::Resolved);
    sample.flaps = flaps;
    sample.hands.acknowledged_at = acknowledged;
    sample.hands.acted_at = acted;
    sample.closed = false_alarm.then_some(CloseReason::FalseAlarm);
    sample
}

#[test]
fn figures_agree_with_each_other_in_any_order() {
    let incidents = prop::collection::vec(drawn(), 0..60);
    let mut runner = TestRunner::new(Config::with_cases(400));
    let checked = runner.run(&incidents, |drawn| {
        let samples: Vec<Sample> = drawn.iter().map(made).collect();
        let rules = measured(&samples);
        let counted: usize = rules.iter().map(|of| of.incidents).sum();
        prop_assert_eq!(counted, samples.len());
        for of in &rules {
            prop_assert!(of.incidents > 0);
            let touched = of.incidents - of.untouched;
            prop_assert!(touched >= of.acknowledged.max(of.acted_on));
            prop_assert!(touched <= of.acknowledged + of.acted_on);
            prop_assert_eq!(of.ended() + of.open, of.incidents);
            prop_assert!(of.by_itself <= of.ended());
        }
        let mut turned = samples.clone();
        turned.reverse();
        prop_assert_eq!(measured(&turned), rules);
        Ok(())
    });
    checked.expect("figures that agree");
}

#[test]
fn no_two_rules_are_told_to_mute_each_other() {
    // Close together, so that nearly all of them have company.
    let incidents = prop::collection::vec(drawn(), 6..60);
    let mut runner = TestRunner::new(Config::with_cases(400));
    let checked = runner.run(&incidents, |drawn| {
        let near = drawn.into_iter().map(|mut one| {
            (one.2, one.3) = (0, one.3 % 8);
            made(&one)
        });
        let samples: Vec<Sample> = near.collect();
        let rules = measured(&samples);
        let with = |name: &str| {
            let of = rules.iter().find(|of| of.rule.name == name)?;
            of.verdicts.iter().find_map(|verdict| match verdict {
                Verdict::AlwaysWith(companion) => Some(companion.clone()),
                _ => None,
            })
        };
        for of in &rules {
            let Some(companion) = with(&of.rule.name) else {
                continue;
            };
            prop_assert!(companion.rule != of.rule);
            prop_assert!(companion.times <= companion.of && companion.of == of.incidents);
            let back = with(&companion.rule.name);
            prop_assert!(back.is_none_or(|back| back.rule != of.rule));
        }
        Ok(())
    });
    checked.expect("no two that mute each other");
}
