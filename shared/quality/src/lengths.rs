//! Numbers that describe many lengths of time.

use jiff::SignedDuration;
use serde::Serialize;

/// How long something took, over many incidents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Lengths {
    /// Of how many incidents.
    pub of: usize,
    pub median_seconds: i64,
    pub p90_seconds: i64,
}

impl Lengths {
    /// Of these lengths; none where there are none.
    pub fn of(mut lengths: Vec<SignedDuration>) -> Option<Self> {
        lengths.sort_unstable();
        Some(Self {
            of: lengths.len(),
            median_seconds: percentile(&lengths, 50)?,
            p90_seconds: percentile(&lengths, 90)?,
        })
    }
}

/// The nearest rank: the least length that at least so many per cent do not exceed.
fn percentile(sorted: &[SignedDuration], percent: usize) -> Option<i64> {
    let rank = (sorted.len() * percent).div_ceil(100);
    let length = sorted.get(rank.saturating_sub(1))?;
    Some(length.as_secs())
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::Lengths;

    #[test]
    fn percentiles_are_lengths_that_were_measured() {
        let of = |seconds: &[i64]| {
            Lengths::of(
                seconds
                    .iter()
                    .map(|one| SignedDuration::from_secs(*one))
                    .collect(),
            )
        };
        assert_eq!(of(&[]), None);
        let numbers = |lengths: Option<Lengths>| {
            lengths.map(|one| (one.of, one.median_seconds, one.p90_seconds))
        };
        assert_eq!(numbers(of(&[7])), Some((1, 7, 7)));
        assert_eq!(numbers(of(&[3, 1, 2])), Some((3, 2, 3)));
        let ten: Vec<i64> = (1..=10).collect();
        assert_eq!(numbers(of(&ten)), Some((10, 5, 9)));
    }
}
