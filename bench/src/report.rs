//! What comes out: a table for people, and every figure and ratio by name for programs.

use std::path::Path;

use serde_json::{Map, Value, json};

use crate::Failure;
use crate::measure::{Delivery, Samples};
use crate::prices::{self, Alert};
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
    pub(crate) runs: usize,
    /// How many warm requests each got.
    pub(crate) warm: usize,
    /// How many programs wanted a core in the minute before: more than nothing means that others were measured too.
    pub(crate) load: f64,
    /// The variants.
    pub(crate) measured: Vec<Measured>,
    /// Deliveries of many alerts.
    pub(crate) deliveries: Vec<Delivery>,
}

/// The ratios: their name, what is compared with what, and by which figure. The goals stand in docs/performance.md.
///
/// The fastest of many starts is the one that the rest of the machine disturbed least: where it is busy, these ratios and those of
/// CPU time say more than those of the medians.
const RATIOS: [(&str, &str, &str, &str); 17] = [
    ("init_join_to_bare", "join", "bare", "init_ms"),
    ("init_join_to_door", "join", "door", "init_ms"),
    ("cold_join_to_door", "join", "door", "cold_ms"),
    ("cold_join_internal_to_door", "join-internal", "door", "cold_ms"),
    ("cold_open_to_door", "open", "door", "cold_ms"),
    ("cold_python_to_join", "python-join", "join", "cold_ms"),
    ("fastest_init_join_to_bare", "join", "bare", "init_ms_fastest"),
    ("fastest_cold_join_to_door", "join", "door", "cold_ms_fastest"),
    ("fastest_cold_open_to_door", "open", "door", "cold_ms_fastest"),
    ("fastest_cold_python_to_join", "python-join", "join", "cold_ms_fastest"),
    ("cold_cpu_join_to_door", "join", "door", "cold_cpu_ms"),
    ("cold_cpu_open_to_door", "open", "door", "cold_cpu_ms"),
    ("cold_cpu_python_to_join", "python-join", "join", "cold_cpu_ms"),
    ("warm_python_to_join", "python-join", "join", "warm_p50_ms"),
    ("warm_cpu_python_to_join", "python-join", "join", "warm_cpu_us"),
    ("warm_cpu_join_to_door", "join", "door", "warm_cpu_us"),
    ("peak_python_to_join", "python-join", "join", "peak_kib"),
];

/// The columns of the table.
const COLUMNS: [(&str, &str, usize); 12] = [
    ("size KiB", "binary_kib", 0),
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

impl Measured {
    /// The figures out of the samples of a variant. A script has no size of its own worth telling.
    pub(crate) fn new(variant: &Variant, samples: &Samples) -> Self {
        let script = variant.command.len() > 1;
        let size =
            if script { f64::NAN } else { std::fs::metadata(&variant.command[0]).map_or(f64::NAN, |file| file.len() as f64 / 1024.0) };
        let figures = vec![
            ("binary_kib", size),
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
        Self { name: variant.name, figures, first_requests: samples.first_requests.clone() }
    }

    fn figure(&self, name: &str) -> Option<f64> {
        self.figures.iter().find(|(known, value)| *known == name && value.is_finite()).map(|(_, value)| *value)
    }
}

impl Report {
    fn of(&self, name: &str) -> Option<&Measured> {
        self.measured.iter().find(|measured| measured.name == name)
    }

    fn ratios(&self) -> Vec<(&'static str, f64)> {
        let ratio = |&(name, one, other, figure): &(&'static str, &str, &str, &str)| {
            Some((name, self.of(one)?.figure(figure)? / self.of(other)?.figure(figure)?))
        };
        RATIOS.iter().filter_map(ratio).collect()
    }

    fn dollars(&self) -> Vec<(&'static str, Value)> {
        let million = |&name: &&'static str| {
            let measured = self.of(name)?;
            // The secret is read once in five minutes, not once an alert.
            let operations: Vec<&str> =
                measured.first_requests.iter().map(String::as_str).filter(|name| *name != "GetSecretValue").collect();
            let alert = Alert {
                cpu_ms: measured.figure("warm_cpu_us")? / 1e3,
                operations: &operations,
                write_units: measured.figure("write_units_warm")?,
                log_bytes: measured.figure("log_bytes_warm")?,
            };
            Some((name, prices::million(&alert)))
        };
        ["join", "open", "python-join"].iter().filter_map(million).collect()
    }

    /// Prints the tables.
    #[expect(clippy::print_stdout, reason = "this is what the program is for")]
    pub(crate) fn print(&self) {
        println!("medians of {} cold starts and {} warm requests each, in turns, over TLS on loopback", self.runs, self.warm);
        println!("{}, {} cores, load {:.1} when it began\n", processor(), cores(), self.load);
        print!("{:<14}", "");
        COLUMNS.iter().for_each(|(title, ..)| print!(" {title:>11}"));
        println!();
        for measured in &self.measured {
            print!("{:<14}", measured.name);
            for (_, figure, digits) in COLUMNS {
                print!(" {:>11}", measured.figure(figure).map_or_else(|| "-".to_owned(), |value| format!("{value:.digits$}")));
            }
            println!();
        }
        println!("\nratios");
        for (name, ratio) in self.ratios() {
            println!("  {name:<28} {ratio:>8.2}");
        }
        if self.of("python-join").is_none() {
            println!("  skipped: Python (make venv)");
        }
        println!("\none delivery     ms   CPU µs/alert   AWS requests   peak KiB");
        for Delivery { alerts, ms, cpu_ms, requests, peak_kib } in &self.deliveries {
            println!("  {alerts:>6} {ms:>9.1} {:>14.0} {requests:>14} {peak_kib:>10}", cpu_ms * 1e3 / *alerts as f64);
        }
        println!("\ndollars for a million alerts, each in a request of its own (prices and assumptions: bench/src/prices.rs)");
        for (name, dollars) in self.dollars() {
            println!("  {name:<12} {dollars}");
        }
    }

    /// Writes everything as JSON.
    pub(crate) fn write(&self, file: &Path) -> Result<(), Failure> {
        let variant = |measured: &Measured| {
            let mut value: Map<String, Value> = measured.figures.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
            value.insert("first_requests".to_owned(), json!(measured.first_requests));
            (measured.name.to_owned(), Value::Object(value))
        };
        let delivery = |delivery: &Delivery| {
            let Delivery { alerts, ms, cpu_ms, requests, peak_kib } = delivery;
            json!({ "alerts": alerts, "ms": ms, "cpu_ms": cpu_ms, "aws_requests": requests, "peak_kib": peak_kib })
        };
        let named =
            |pairs: Vec<(&'static str, Value)>| -> Map<String, Value> { pairs.into_iter().map(|(k, v)| (k.to_owned(), v)).collect() };
        let report = json!({
            "cold_runs": self.runs,
            "warm_requests": self.warm,
            "processor": processor(),
            "cores": cores(),
            "load_before": self.load,
            "variants": self.measured.iter().map(variant).collect::<Map<String, Value>>(),
            "ratios": named(self.ratios().into_iter().map(|(name, ratio)| (name, json!(ratio))).collect()),
            "one_delivery": self.deliveries.iter().map(delivery).collect::<Vec<_>>(),
            "dollars_per_million": named(self.dollars()),
        });
        std::fs::write(file, format!("{report:#}\n"))?;
        Ok(())
    }
}

/// The value below which this share of the samples lies (nearest rank).
fn quantile(samples: &[f64], share: f64) -> f64 {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    let rank = (sorted.len() as f64 * share).ceil().max(1.0) as usize;
    sorted.get(rank - 1).copied().unwrap_or(f64::NAN)
}

/// The machine's load in the last minute.
pub(crate) fn load() -> f64 {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').next().and_then(|number| number.parse().ok()).unwrap_or(f64::NAN)
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(0, std::num::NonZero::get)
}

/// What the machine says it is.
fn processor() -> String {
    let text = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = text.lines().find(|line| line.starts_with("model name")).and_then(|line| line.split_once(": "));
    model.map_or_else(|| std::env::consts::ARCH.to_owned(), |(_, name)| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::quantile;

    #[test]
    fn quantiles_are_samples() {
        let samples = [3.0, 1.0, 2.0, 4.0];
        assert_eq!([0.0, 0.5, 0.99].map(|share| quantile(&samples, share)), [1.0, 2.0, 4.0]);
        assert!(quantile(&[], 0.5).is_nan());
    }
}
