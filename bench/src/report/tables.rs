//! Tables of a report, for people.

use super::Report;
use crate::baseline::Paired;
use crate::growth::Step;
use crate::machine;
use crate::measure::Delivery;
use crate::package::Package;
use crate::prices::PriceList;
use crate::ratio::RIVALS;

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
