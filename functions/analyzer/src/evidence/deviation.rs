//! Deviation of the measurements from normal, in words.

use domain::analysis::evidence::{Evidence, Found, Trend, figure};

/// How many measurements the deviation names.
const DEVIATIONS_NAMED: usize = 3;

/// How far the measurements are from normal: those that move, in words.
pub(crate) fn deviation(evidence: &[Evidence]) -> Option<String> {
    let measured = evidence
        .iter()
        .filter_map(|evidence| match &evidence.found {
            Found::Measured { measurements, .. } => Some(measurements),
            _ => None,
        });
    let moving = measured.flatten().filter_map(|measurement| {
        let going = match measurement.trend {
            Trend::Rising => "rising",
            Trend::Falling => "falling",
            Trend::Stable => return None,
        };
        let (value, least, most) = (
            figure(measurement.value),
            figure(measurement.least),
            figure(measurement.most),
        );
        Some(format!(
            "{} {going}: {value} {} (between {least} and {most})",
            measurement.name, measurement.unit
        ))
    });
    let named: Vec<String> = moving.take(DEVIATIONS_NAMED).collect();
    (!named.is_empty()).then(|| named.join("; "))
}
