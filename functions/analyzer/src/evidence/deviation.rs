//! Deviation of the measurements from normal, in words.

use domain::analysis::evidence::{Evidence, Found, Trend, figure};
use domain::phrase;
use domain::primitives::phrase::Phrase;

/// How many measurements the deviation names.
const DEVIATIONS_NAMED: usize = 3;

/// How far the measurements are from normal: those that move, in words.
pub(crate) fn deviation(evidence: &[Evidence]) -> Option<Phrase> {
    let measured = evidence
        .iter()
        .filter_map(|evidence| match &evidence.found {
            Found::Measured { measurements, .. } => Some(measurements),
            _ => None,
        });
    let moving = measured.flatten().filter_map(|measurement| {
        let (name, unit) = (&measurement.name, &measurement.unit);
        let (value, least, most) = (
            figure(measurement.value),
            figure(measurement.least),
            figure(measurement.most),
        );
        match measurement.trend {
            Trend::Rising => Some(phrase!(
                "{measurement} rising: {value} {unit} (between {least} and {most})",
                measurement = name,
                value,
                unit,
                least,
                most
            )),
            Trend::Falling => Some(phrase!(
                "{measurement} falling: {value} {unit} (between {least} and {most})",
                measurement = name,
                value,
                unit,
                least,
                most
            )),
            Trend::Stable => None,
        }
    });
    let named: Vec<Phrase> = moving.take(DEVIATIONS_NAMED).collect();
    (!named.is_empty()).then(|| Phrase::several(named))
}
