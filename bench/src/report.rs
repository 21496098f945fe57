//! Report of a run: tables for people, and every figure and ratio by name for programs.

mod tables;

use std::path::Path;

use serde_json::{Map, Value, json};

use crate::Failure;
use crate::baseline::Paired;
use crate::growth::{Step, last_to_first};
use crate::machine;
use crate::measure::{Delivery, Samples};
use crate::package::Package;
use crate::prices::{Alert, PriceList};
use crate::quantile::quantile;
use crate::ratio::{self, Goal};
use crate::ssh_step::SshSteps;
use crate::variant::Variant;

/// The figures of one variant, by name: medians over its starts, except for the 99th percentile.
#[derive(Debug)]
pub(crate) struct Measured {
    name: &'static str,
    figures: Vec<(&'static str, f64)>,
    first_requests: Vec<String>,
}

/// Everything that was measured in one run.
#[derive(Debug)]
pub(crate) struct Report {
    /// How often each program was started.
    pub(crate) starts: usize,
    /// How many warm requests each got.
    pub(crate) warm: usize,
    /// How many programs wanted a core in the minute before: more than nothing means that others were measured too.
    pub(crate) load: f64,
    /// How many cores the bench may use.
    pub(crate) cores: usize,
    pub(crate) measured: Vec<Measured>,
    /// This build's ingress beside the baseline's, if one was given.
    pub(crate) paired: Vec<Paired>,
    /// Deliveries of many alerts.
    pub(crate) deliveries: Vec<Delivery>,
    /// What a joining alert costs while more and more incidents are open.
    pub(crate) growth: Vec<Step>,
    /// What a step over SSH takes beside `ssh`, or the package without which that cannot be measured.
    pub(crate) ssh_steps: Result<SshSteps, &'static str>,
    /// Whether open incidents were measured on one core, where its CPU times are steady.
    pub(crate) one_core: bool,
    /// The functions that are built.
    pub(crate) functions: Vec<Package>,
    pub(crate) prices: PriceList,
}

impl Measured {
    /// The figures out of the samples of a variant.
    pub(crate) fn new(variant: &Variant, samples: &Samples, project: &Path) -> Self {
        let package = variant
            .package
            .as_deref()
            .and_then(|file| Package::of(variant.name, file, project));
        let figures = vec![
            (
                "binary_kib",
                package.as_ref().map_or(f64::NAN, |package| package.kib),
            ),
            (
                "zip_kib",
                package.as_ref().map_or(f64::NAN, |package| package.zip_kib),
            ),
            ("init_ms", quantile(&samples.init_ms, 0.5)),
            ("cold_ms", quantile(&samples.cold_ms, 0.5)),
            ("cold_cpu_ms", quantile(&samples.cold_cpu_ms, 0.5)),
            ("warm_p50_ms", quantile(&samples.warm_ms, 0.5)),
            ("warm_p99_ms", quantile(&samples.warm_ms, 0.99)),
            ("warm_cpu_us", quantile(&samples.warm_cpu_us, 0.5)),
            ("peak_kib", quantile(&samples.peak_kib, 0.5)),
            ("aws_requests_cold", samples.first_requests.len() as f64),
            ("aws_requests_warm", samples.requests),
            ("write_units_warm", samples.write_units),
            ("log_bytes_warm", samples.log_bytes),
            ("init_ms_fastest", quantile(&samples.init_ms, 0.0)),
            ("cold_ms_fastest", quantile(&samples.cold_ms, 0.0)),
        ];
        Self {
            name: variant.name,
            figures,
            first_requests: samples.first_requests.clone(),
        }
    }

    fn figure(&self, name: &str) -> Option<f64> {
        self.figures
            .iter()
            .find(|(known, value)| *known == name && value.is_finite())
            .map(|(_, value)| *value)
    }
}

impl Report {
    fn of(&self, name: &str) -> Option<&Measured> {
        self.measured.iter().find(|measured| measured.name == name)
    }

    /// Every ratio whose programs were measured, with its goal.
    fn ratios(&self) -> Vec<(String, f64, Option<Goal>)> {
        let of_programs = ratio::all().into_iter().filter_map(|ratio| {
            let value = self.of(ratio.one)?.figure(ratio.figure)?
                / self.of(ratio.other)?.figure(ratio.figure)?;
            Some((ratio.name, value, ratio.goal))
        });
        let of_ssh = self.ssh_steps.iter().flat_map(SshSteps::ratios);
        let without_goal = last_to_first(&self.growth)
            .into_iter()
            .chain(of_ssh)
            .map(|(name, value)| (name.to_owned(), value, None));
        of_programs.chain(without_goal).collect()
    }

    fn dollars(&self) -> Vec<(&'static str, Value)> {
        let million = |&name: &&'static str| {
            let measured = self.of(name)?;
            // The secret is read once in five minutes, not once an alert.
            let operations: Vec<&str> = measured
                .first_requests
                .iter()
                .map(String::as_str)
                .filter(|name| *name != "GetSecretValue")
                .collect();
            let alert = Alert {
                cpu_ms: measured.figure("warm_cpu_us")? / 1e3,
                operations: &operations,
                write_units: measured.figure("write_units_warm")?,
                log_bytes: measured.figure("log_bytes_warm")?,
            };
            Some((name, self.prices.million(&alert)))
        };
        [
            "join",
            "open",
            "python-join",
            "powertools-join",
            "node-join",
        ]
        .iter()
        .filter_map(million)
        .collect()
    }

    /// Writes everything as JSON.
    pub(crate) fn write(&self, file: &Path) -> Result<(), Failure> {
        let variant = |measured: &Measured| {
            let mut value: Map<String, Value> = measured
                .figures
                .iter()
                .map(|(name, value)| ((*name).to_owned(), json!(value)))
                .collect();
            value.insert("first_requests".to_owned(), json!(measured.first_requests));
            (measured.name.to_owned(), Value::Object(value))
        };
        let function = |package: &Package| {
            (
                package.name.clone(),
                json!({ "binary_kib": package.kib, "zip_kib": package.zip_kib }),
            )
        };
        let goal = |(name, _, goal): (String, f64, Option<Goal>)| {
            Some((
                name,
                match goal? {
                    Goal::AtMost(limit) => json!({ "at_most": limit }),
                    Goal::AtLeast(limit) => json!({ "at_least": limit }),
                },
            ))
        };
        let paired = |Paired {
                          name,
                          quartiles: [low, median, high],
                      }: &Paired| {
            (
                name.clone(),
                json!({ "median": median, "lower_quartile": low, "upper_quartile": high }),
            )
        };
        let named = |pairs: Vec<(&'static str, Value)>| -> Map<String, Value> {
            pairs.into_iter().map(|(k, v)| (k.to_owned(), v)).collect()
        };
        let report = json!({
            "cold_runs": self.starts,
            "warm_requests": self.warm,
            "processor": machine::processor(),
            "cores": self.cores,
            "load_before": self.load,
            "variants": self.measured.iter().map(variant).collect::<Map<String, Value>>(),
            "ratios": self.ratios().into_iter().map(|(name, ratio, _)| (name, json!(ratio))).collect::<Map<String, Value>>(),
            "goals": self.ratios().into_iter().filter_map(goal).collect::<Map<String, Value>>(),
            "baseline": self.paired.iter().map(paired).collect::<Map<String, Value>>(),
            "one_delivery": self.deliveries,
            "open_incidents_on_one_core": self.one_core,
            "open_incidents": self.growth,
            "ssh_steps": self.ssh_steps.as_ref().map_or_else(|package| json!({ "skipped": format!("install {package}") }), SshSteps::json),
            "functions": self.functions.iter().map(function).collect::<Map<String, Value>>(),
            "prices": self.prices,
            "dollars_per_million": named(self.dollars()),
        });
        std::fs::write(file, format!("{report:#}\n"))?;
        Ok(())
    }
}
