//! Lengths of time in words.

use jiff::SignedDuration;
use quality::lengths::Lengths;

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

/// What describes the lengths of many incidents, in words.
pub(crate) fn described(lengths: Lengths) -> String {
    let length = |seconds| shown(SignedDuration::from_secs(seconds));
    format!(
        "median {}, 90 % within {} (of {})",
        length(lengths.median_seconds),
        length(lengths.p90_seconds),
        lengths.of
    )
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::shown;

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
}
