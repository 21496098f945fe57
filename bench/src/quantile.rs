//! Quantiles of samples.

/// The value below which this share of the samples lies (nearest rank).
pub(crate) fn quantile(samples: &[f64], share: f64) -> f64 {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    let rank = (sorted.len() as f64 * share).ceil().max(1.0) as usize;
    sorted.get(rank - 1).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::quantile;

    #[test]
    fn quantiles_are_samples() {
        let samples = [3.0, 1.0, 2.0, 4.0];
        assert_eq!(
            [0.0, 0.5, 0.99].map(|share| quantile(&samples, share)),
            [1.0, 2.0, 4.0]
        );
        assert!(quantile(&[], 0.5).is_nan());
    }
}
