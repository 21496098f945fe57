//! Lengths of time in words, and the numbers that describe many of them.

use jiff::SignedDuration;
use serde::Serialize;

/// A length of time with its two largest units: `3 d 4 h`, `15 min 23 s`, `0 s`.
pub(crate) fn shown(length: SignedDuration) -> String {
    let seconds = length.as_secs().max(0);
    let units = [
        (seconds / 86_400, "d"),
        (seconds / 3_600 % 24, "h"),
        (seconds / 60 % 60, "min"),
        (seconds % 60, "s"),
    ];
    let first = units.iter().position(|(count, _)| *count > 0);
    let Some(first) = first else {
        return "0 s".to_owned();
    };
    let two = units[first..]
        .iter()
        .take(2)
        .filter(|(count, _)| *count > 0);
    let two: Vec<String> = two.map(|(count, unit)| format!("{count} {unit}")).collect();
    two.join(" ")
}

/// How long something took, over many incidents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) struct Lengths {
    /// Of how many incidents.
    pub(crate) of: usize,
    pub(crate) median_seconds: i64,
    pub(crate) p90_seconds: i64,
}

impl Lengths {
    /// Of these lengths; none where there are none.
    pub(crate) fn of(mut lengths: Vec<SignedDuration>) -> Option<Self> {
        lengths.sort_unstable();
        Some(Self {
            of: lengths.len(),
            median_seconds: percentile(&lengths, 50)?,
            p90_seconds: percentile(&lengths, 90)?,
        })
    }

    pub(crate) fn shown(self) -> String {
        let length = |seconds| shown(SignedDuration::from_secs(seconds));
        format!(
            "median {}, 90 % within {} (of {})",
            length(self.median_seconds),
            length(self.p90_seconds),
            self.of
        )
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

    use super::{Lengths, shown};

    #[test]
    fn a_length_has_its_two_largest_units() {
        for (seconds, expected) in [
            (0, "0 s"),
            (-5, "0 s"),
            (59, "59 s"),
            (60, "1 min"),
            (923, "15 min 23 s"),
            (7_261, "2 h 1 min"),
            (86_400, "1 d"),
            (86_460, "1 d"),
            (273_600, "3 d 4 h"),
        ] {
            assert_eq!(
                shown(SignedDuration::from_secs(seconds)),
                expected,
                "{seconds}"
            );
        }
    }

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
