//! Ratios of this build's ingress to another build's, start by start.

use std::path::{Path, PathBuf};

use crate::Failure;
use crate::measure::Samples;
use crate::programs;
use crate::quantile::quantile;
use crate::variant::Variant;

/// The variants that are measured with both builds, and the name that each has with the other one.
const COMPARED: [(&str, &str); 2] = [("join", "join-baseline"), ("open", "open-baseline")];

type Figure = (&'static str, fn(&Samples) -> &[f64]);

/// What is compared: one value for each start.
const FIGURES: [Figure; 4] = [
    ("init", |samples| &samples.init_ms),
    ("cold", |samples| &samples.cold_ms),
    ("cold_cpu", |samples| &samples.cold_cpu_ms),
    ("warm_cpu", |samples| &samples.warm_cpu_us),
];

/// One figure of this build, divided by the same of the baseline.
#[derive(Debug)]
pub(crate) struct Paired {
    /// Its name among the ratios.
    pub(crate) name: String,
    /// Lower quartile, median and upper quartile of the ratios of the starts that took turns.
    pub(crate) quartiles: [f64; 3],
}

/// A copy of the baseline's ingress, made as [those of this build](programs::copy) are.
///
/// # Errors
/// If it cannot be copied.
pub(crate) fn program(baseline: &Path, directory: &Path) -> Result<PathBuf, Failure> {
    let built = if baseline.is_dir() {
        baseline.join("ingress")
    } else {
        baseline.to_owned()
    };
    programs::copy(&built, &directory.join("ingress-baseline"))
}

/// Adds the baseline's variants behind those of this build.
pub(crate) fn add(variants: &mut Vec<Variant>, program: &Path) {
    for (name, other) in COMPARED {
        if let Some(at) = variants.iter().position(|variant| variant.name == name) {
            let variant = Variant {
                name: other,
                command: vec![program.to_owned()],
                package: Some(program.to_owned()),
                ..variants[at].clone()
            };
            variants.insert(at + 1, variant);
        }
    }
}

/// The ratios, if a baseline was measured.
pub(crate) fn ratios(measured: &[(&Variant, &Samples)]) -> Vec<Paired> {
    let of = |name| {
        let found = measured.iter().find(|(variant, _)| variant.name == name);
        found.map(|(_, samples)| *samples)
    };
    let pairs = COMPARED
        .into_iter()
        .filter_map(|(name, other)| Some((name, of(name)?, of(other)?)));
    pairs
        .flat_map(|(name, one, other)| {
            FIGURES.map(|(figure, values)| {
                let ratios: Vec<f64> = values(one)
                    .iter()
                    .zip(values(other))
                    .map(|(one, other)| one / other)
                    .collect();
                Paired {
                    name: format!("{figure}_{name}_to_baseline"),
                    quartiles: [0.25, 0.5, 0.75].map(|share| quantile(&ratios, share)),
                }
            })
        })
        .collect()
}
