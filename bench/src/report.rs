//! Report of a run: a table for people, and every figure and ratio by name for programs.

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
use crate::ratio::{self, Goal, RIVALS};
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

/// The columns of the table.
const COLUMNS: [(&str, &str, usize); 13] = [
    ("size KiB", "binary_kib", 0),
    ("zip KiB", "zip_kib", 0),
    ("init ms", "init_ms", 2),
    ("fastest", "init_ms_fastest", 2),
    ("cold ms", "cold_ms", 2),
    ("fastest", "cold_ms_fastest", 2),
    ("cold CPU ms", "cold_cpu_ms", 2),
    ("warm p50 ms", "warm_p50_ms", 3),
    ("warm p99 ms", "warm_p99_ms", 3),
    ("warm CPU µs", "warm_cpu_us", 0),
    ("peak KiB", "peak_kib", 0),
    ("AWS cold", "aws_requests_cold", 0),
    ("AWS warm", "aws_requests_warm", 2),
];

/// The columns of the table of open incidents, after their number.
const GROWTH: [&str; 8] = [
    "join p50 ms",
    "join CPU µs",
    "with none open",
    "ratio",
    "join requests",
    "opening CPU µs",
    "its requests",
    "peak KiB",
];

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

#[expect(clippy::print_stdout, reason = "this is what the program is for")]
impl Report {
    pub(crate) fn print(&self) {
        self.print_programs();
        self.print_ratios();
        match &self.ssh_steps {
            Ok(steps) => steps.print(),
            Err(package) => println!("\nskipped: a step over SSH (install {package})"),
        }
        self.print_deliveries();
        self.print_growth();
        self.print_costs();
    }

    fn print_programs(&self) {
        println!(
            "medians of {} cold starts and {} warm requests each, in turns, over TLS on loopback",
            self.starts, self.warm
        );
        println!(
            "{}, {} cores, load {:.1} when it began\n",
            machine::processor(),
            self.cores,
            self.load
        );
        print!("{:<16}", "");
        COLUMNS
            .iter()
            .for_each(|(title, ..)| print!(" {title:>11}"));
        println!();
        for measured in &self.measured {
            print!("{:<16}", measured.name);
            for (_, figure, digits) in COLUMNS {
                print!(
                    " {:>11}",
                    known(measured.figure(figure).unwrap_or(f64::NAN), digits)
                );
            }
            println!();
        }
    }

    fn print_ratios(&self) {
        println!("\nratios");
        for (name, ratio, goal) in self.ratios() {
            println!(
                "  {name:<36} {ratio:>8.2}  {}",
                goal.map_or_else(String::new, |goal| format!("goal {goal}"))
            );
        }
        for rival in RIVALS
            .iter()
            .filter(|rival| self.of(rival.variant).is_none())
        {
            println!("  skipped: {} ({})", rival.variant, rival.install);
        }
        if !self.paired.is_empty() {
            println!("\nthis build's ingress / the baseline's: median of pairs (middle half)");
        }
        for Paired { name, quartiles } in &self.paired {
            let [low, median, high] = quartiles;
            println!("  {name:<36} {median:>8.3}  ({low:.3} to {high:.3})");
        }
    }

    fn print_deliveries(&self) {
        println!("\none delivery     ms   CPU µs/alert   AWS requests   peak KiB");
        for Delivery {
            alerts,
            ms,
            cpu_ms,
            requests,
            peak_kib,
        } in &self.deliveries
        {
            println!(
                "  {alerts:>6} {ms:>9.1} {:>14.0} {requests:>14} {peak_kib:>10}",
                cpu_ms * 1e3 / *alerts as f64
            );
        }
    }

    fn print_growth(&self) {
        let core = if self.one_core {
            ""
        } else {
            ": not on one core, so that CPU times jump (install util-linux)"
        };
        println!("\nwith more and more open incidents{core}");
        println!(
            "{:>14}{}",
            "open incidents",
            GROWTH.map(|title| format!("{title:>16}")).concat()
        );
        for step in &self.growth {
            let Step {
                open,
                join_cpu_us,
                control_cpu_us,
                join_to_control,
                join_ms,
                join_requests,
                ..
            } = step;
            let joins = format!(
                "{join_ms:>16.3}{join_cpu_us:>16.0}{control_cpu_us:>16.0}{join_to_control:>16.2}{join_requests:>16.2}"
            );
            let opening = format!(
                "{:>16}{:>16}",
                known(step.open_cpu_us, 0),
                known(step.open_requests, 2)
            );
            println!("{open:>14}{joins}{opening}{:>16}", step.peak_kib);
        }
    }

    fn print_costs(&self) {
        println!("\nfunctions, as last built   size KiB   zip KiB");
        for Package {
            name, kib, zip_kib, ..
        } in &self.functions
        {
            println!("  {name:<22} {kib:>10.0} {:>9}", known(*zip_kib, 0));
        }
        let PriceList {
            region,
            architecture,
            checked,
            ..
        } = &self.prices;
        println!(
            "\ndollars for a million alerts, each in a request of its own: {region}, {architecture}, prices checked on {checked}"
        );
        for (name, dollars) in self.dollars() {
            println!("  {name:<16} {dollars}");
        }
    }
}

/// A figure with so many digits, or a dash.
fn known(value: f64, digits: usize) -> String {
    if value.is_finite() {
        format!("{value:.digits$}")
    } else {
        "-".to_owned()
    }
}
