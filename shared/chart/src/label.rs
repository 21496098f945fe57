//! Texts of a chart: numbers of a few characters, and units.

/// The size of the letters, in pixels.
pub(crate) const LETTERS: f64 = 18.0;
/// The width of a digit of DejaVu Sans, the widest of the usual fonts, as a share of the size.
const DIGIT: f64 = 0.637;
/// The longest unit that is shown, in characters.
const UNIT_CHARACTERS: usize = 6;

/// Factors with their letters, as dashboards write them.
const FACTORS: [(f64, &str); 4] = [(1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")];
/// From where a factor is used: 9,999 is read faster than 10k.
const LEAST_FACTORED: f64 = 1e4;
/// What is beyond these has an exponent.
const LARGEST: f64 = 1e15;
const SMALLEST: f64 = 1e-3;

/// About how wide a text is, in pixels.
#[expect(clippy::cast_precision_loss, reason = "a label has a few characters")]
pub(crate) fn width(text: &str) -> f64 {
    text.chars().count() as f64 * LETTERS * DIGIT
}

/// The factor of a value of this size, and its letter.
pub(crate) fn factor(size: f64) -> (f64, &'static str) {
    let fits = |(factor, _): &&(f64, &str)| size >= *factor;
    match FACTORS.iter().find(fits) {
        Some(found) if size >= LEAST_FACTORED => *found,
        _ => (1.0, ""),
    }
}

/// True if a value of this size is written with an exponent.
pub(crate) fn has_exponent(size: f64) -> bool {
    size >= LARGEST || (size > 0.0 && size < SMALLEST)
}

/// A value in at most seven characters, with about three figures that count.
pub(crate) fn compact(value: f64) -> String {
    if has_exponent(value.abs()) {
        return format!("{value:.1e}");
    }
    let (factor, letter) = factor(value.abs());
    let scaled = value / factor;
    let text = match scaled.abs() {
        size if size >= 100.0 => format!("{scaled:.0}"),
        size if size >= 10.0 => format!("{scaled:.1}"),
        size if size >= 0.1 => format!("{scaled:.2}"),
        _ => format!("{scaled:.4}"),
    };
    let short = match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.'),
        false => &text,
    };
    format!("{short}{letter}")
}

/// A unit as a chart shows it: short, and of letters that the font of the pictures has. Any other is left out, and stands in the caption.
pub(crate) fn clean_unit(unit: &str) -> String {
    let unit = unit.trim();
    let is_known = |c: char| matches!(c, ' '..='~' | '°' | '²' | '³' | 'µ');
    let fits = unit.chars().count() <= UNIT_CHARACTERS && unit.chars().all(is_known);
    if fits { unit.to_owned() } else { String::new() }
}

#[cfg(test)]
mod tests {
    use super::{clean_unit, compact};

    #[test]
    fn a_value_is_a_few_characters() {
        let cases = [
            (0.0, "0"),
            (-0.0, "-0"),
            (5.0, "5"),
            (97.25, "97.2"),
            (-97.26, "-97.3"),
            (100.4, "100"),
            (1234.0, "1234"),
            (9999.4, "9999"),
            (12_345.0, "12.3k"),
            (999_999.0, "1000k"),
            (123_456_789.0, "123M"),
            (8.5e9, "8.5G"),
            (1.5e12, "1.5T"),
            (2e15, "2.0e15"),
            (f64::MAX, "1.8e308"),
            (0.05, "0.05"),
            (0.0012, "0.0012"),
            (0.000_12, "1.2e-4"),
            (-5e-324, "-4.9e-324"),
        ];
        for (value, expected) in cases {
            assert_eq!(compact(value), expected, "{value:e}");
        }
    }

    #[test]
    fn a_unit_is_short_and_of_known_letters() {
        for unit in ["", "%", "ms", "1/s", "°C", "µs", "m²", "<&\"'"] {
            assert_eq!(clean_unit(&format!(" {unit} ")), unit);
        }
        for unit in ["警", "a\nb", "\u{202e}s", "seconds", "é", "\u{80}"] {
            assert_eq!(clean_unit(unit), "", "{unit:?}");
        }
    }
}
