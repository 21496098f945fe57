//! Tests of the posterior: quantiles against exact ones, and what the shipped priors let through.

use super::{INFERRED, MEASURED, MEMORY, MODEL, Prior, QUANTILE, STATED, STATIC};
use crate::analysis::CLEAR_CAUSE;
use crate::analysis::named_cause::{Confidence, OutcomeCounts};
use jiff::civil::date;
use proptest::proptest;

const PRIORS: [Prior; 6] = [STATED, MEASURED, INFERRED, MEMORY, MODEL, STATIC];

fn counts(right: u32, wrong: u32) -> OutcomeCounts {
    OutcomeCounts { right, wrong }
}

/// Without a prior: every rate is as likely as any other.
fn flat(right: u32, wrong: u32) -> Confidence {
    let none = Prior {
        right: 0.0,
        of: 1.0,
        weight: 0.0,
        origin: "",
        as_of: date(2026, 11, 30),
    };
    none.with(counts(right, wrong))
}

/// The probability of at least `k` successes in `n` tries at the rate `p`. The distribution function of Beta(k, n - k + 1) is the
/// same (Abramowitz and Stegun, 26.5.24).
fn at_least(k: u32, n: u32, p: f64) -> f64 {
    (k..=n)
        .map(|i| {
            let ways: f64 = (0..i)
                .map(|j| f64::from(n - j) / f64::from(i - j))
                .product();
            ways * p.powi(i.cast_signed()) * (1.0 - p).powi((n - i).cast_signed())
        })
        .sum()
}

#[test]
fn quantiles_agree_with_exact_ones() {
    // Beta(a, 1) has the quantile p^(1/a), and Beta(1, b) 1 - (1 - p)^(1/b).
    let near = |found: f64, exact: f64| (found - exact).abs() < 1e-6;
    for count in [0, 1, 2, 10, 100, 1_000] {
        let all_right = flat(count, 0).at_least;
        let exact = QUANTILE.powf(1.0 / f64::from(count + 1));
        assert!(near(all_right, exact), "{count}: {all_right} {exact}");
        let all_wrong = flat(0, count).at_least;
        let exact = 1.0 - (1.0 - QUANTILE).powf(1.0 / f64::from(count + 1));
        assert!(near(all_wrong, exact), "{count}: {all_wrong} {exact}");
    }
    // Of the others the distribution function at the quantile is 5 %.
    for (right, wrong) in [(14, 2), (1, 1), (2, 14), (30, 10), (99, 1)] {
        let found = flat(right, wrong).at_least;
        let below = at_least(right + 1, right + wrong + 1, found);
        assert!(
            near(below, QUANTILE),
            "{right} {wrong}: {found} has {below}"
        );
    }
}

#[test]
fn mean_is_the_share_with_the_prior_in_it() {
    let found = flat(14, 2);
    assert!((found.mean - 15.0 / 18.0).abs() < 1e-12);
    assert_eq!(found.counts.known(), 16);
    let stated = STATED.with(counts(0, 0)).mean;
    assert!((stated - (1.0 + 20.0 * 107.0 / 111.0) / 22.0).abs() < 1e-12);
}

#[test]
fn shipped_priors_say_where_they_are_from() {
    for prior in PRIORS {
        assert!(!prior.origin.is_empty() && prior.right <= prior.of && prior.weight <= 20.0);
        assert!(prior.as_of >= date(2026, 11, 30), "{prior:?}");
    }
}

#[test]
fn stated_and_measured_causes_begin_clear_and_others_do_not() {
    let clear = |prior: Prior| prior.with(counts(0, 0)).mean >= CLEAR_CAUSE;
    assert_eq!(PRIORS.map(clear), [true, true, false, false, false, false]);
}

#[test]
fn every_source_passes_with_some_history_and_fails_with_another() {
    // The shipped `min_confidence`.
    let passes = |prior: Prior, right, wrong| prior.with(counts(right, wrong)).at_least >= 0.6;
    assert_eq!(
        PRIORS.map(|prior| passes(prior, 0, 0)),
        [true, true, false, false, false, false]
    );
    for prior in PRIORS {
        assert!(passes(prior, 40, 0), "{prior:?}");
        assert!(!passes(prior, 0, 10), "{prior:?}");
    }
}

proptest! {
    #[test]
    fn right_makes_it_surer_and_wrong_less_sure(right in 0_u32..200, wrong in 0_u32..200, which in 0_usize..6) {
        let prior = PRIORS[which];
        let now = prior.with(counts(right, wrong));
        assert!((0.0..=1.0).contains(&now.at_least) && now.at_least < now.mean);
        assert!(prior.with(counts(right + 1, wrong)).at_least > now.at_least);
        assert!(prior.with(counts(right, wrong + 1)).at_least < now.at_least);
    }
}
