//! Cost of a joining alert by the number of open incidents: one warm function opens them and is
//! measured in between, in turns with another that opens none, so that other load on the machine
//! falls on both.

use serde::Serialize;
use serde_json::Value;

use crate::Failure;
use crate::canned_aws::Table;
use crate::event;
use crate::measure::{Place, WARM_UP, failed, ms, one};
use crate::process::Process;
use crate::quantile::quantile;
use crate::runtime_api::Session;
use crate::variant::Variant;

/// After so many opened incidents the joining alerts are measured.
const OPEN: [usize; 4] = [0, 100, 1_000, 10_000];
/// Incidents are opened by deliveries of so many alerts.
const DELIVERY: usize = 100;
/// The figures of a joining alert are medians of so many batches.
const BATCHES: usize = 15;
/// Joining alerts in a batch.
const BATCH: usize = 40;

/// What a joining alert costs while so many incidents are open.
#[derive(Debug, Serialize)]
pub(crate) struct Step {
    /// Incidents that the function has opened.
    #[serde(rename = "open_incidents")]
    pub(crate) open: usize,
    /// CPU time of a joining alert, in microseconds.
    pub(crate) join_cpu_us: f64,
    /// The same of a function that has opened none.
    pub(crate) control_cpu_us: f64,
    /// The one divided by the other, batch by batch.
    pub(crate) join_to_control: f64,
    /// From handing over its event to its answer, in milliseconds.
    #[serde(rename = "join_p50_ms")]
    pub(crate) join_ms: f64,
    /// Its requests to AWS.
    #[serde(rename = "join_aws_requests")]
    pub(crate) join_requests: f64,
    /// CPU time of an opening alert since the step before, in microseconds; not a number at the first step.
    pub(crate) open_cpu_us: f64,
    /// Its requests to AWS.
    #[serde(rename = "open_aws_requests")]
    pub(crate) open_requests: f64,
    /// The most memory until then, in KiB.
    pub(crate) peak_kib: u64,
}

/// A started function that is warm.
#[derive(Debug)]
struct Warm {
    process: Process,
    session: Session,
}

/// What a batch of joining alerts took, for each.
#[derive(Debug)]
struct Batch {
    cpu_us: f64,
    ms: f64,
    requests: f64,
}

impl Place<'_> {
    /// Measures `join` in one start of it, which in between opens incidents in the scene of `open`.
    pub(crate) fn growth(
        &self,
        join: &Variant,
        open: &Variant,
        sample: &Value,
    ) -> Result<Vec<Step>, Failure> {
        let event = sample.to_string();
        // One after the other: connections belong to the newest session, and a function opens its own when it starts.
        let control = self.warm(
            &Variant {
                name: "control",
                ..join.clone()
            },
            &event,
        )?;
        let grown = self.warm(join, &event)?;
        let (mut steps, mut opened) = (Vec::new(), 0);
        let measured = (|| {
            for target in OPEN {
                let incidents = (target - opened) as f64;
                let (mut cpu_ns, mut requests) = (0, 0);
                self.aws.show(Table::Empty);
                while opened < target {
                    let delivery = event::many(sample, opened..opened + DELIVERY)?;
                    let (cpu_before, _) = (grown.process.cpu_ns()?, self.aws.asked());
                    one(open, &grown.session, &delivery)?;
                    cpu_ns += grown.process.cpu_ns()? - cpu_before;
                    let asked = self.aws.asked().operations;
                    requests += asked.len();
                    // An incident is opened by a transaction.
                    let count = asked
                        .iter()
                        .filter(|name| *name == "TransactWriteItems")
                        .count();
                    if count != DELIVERY {
                        return Err(format!("{DELIVERY} alerts, each of its own fingerprint, opened {count} incidents").into());
                    }
                    opened += count;
                }
                self.aws.show(Table::Episode);
                let (mut batches, mut controls) = (Vec::new(), Vec::new());
                for _ in 0..BATCHES {
                    batches.push(self.batch(join, &grown, &event)?);
                    controls.push(self.batch(join, &control, &event)?);
                }
                let ratios: Vec<f64> = batches
                    .iter()
                    .zip(&controls)
                    .map(|(one, other)| one.cpu_us / other.cpu_us)
                    .collect();
                steps.push(Step {
                    open: opened,
                    join_cpu_us: median(&batches, |batch| batch.cpu_us),
                    control_cpu_us: median(&controls, |batch| batch.cpu_us),
                    join_to_control: quantile(&ratios, 0.5),
                    join_ms: median(&batches, |batch| batch.ms),
                    join_requests: median(&batches, |batch| batch.requests),
                    open_cpu_us: cpu_ns as f64 / 1e3 / incidents,
                    open_requests: requests as f64 / incidents,
                    peak_kib: grown.process.peak_kib()?,
                });
            }
            Ok(())
        })();
        measured.map_err(|error: Failure| failed(join, &error, &grown.process))?;
        Ok(steps)
    }

    fn warm(&self, join: &Variant, event: &str) -> Result<Warm, Failure> {
        let (process, session) = self.start(join)?;
        session.polled()?;
        for _ in 0..WARM_UP {
            one(join, &session, event).map_err(|error| failed(join, &error, &process))?;
        }
        Ok(Warm { process, session })
    }

    fn batch(&self, join: &Variant, function: &Warm, event: &str) -> Result<Batch, Failure> {
        let (cpu_before, mut times, _) = (function.process.cpu_ns()?, Vec::new(), self.aws.asked());
        for _ in 0..BATCH {
            let answer = one(join, &function.session, event)?;
            times.push(ms(answer.answered - answer.delivered));
        }
        let (cpu_ns, requests) = (
            function.process.cpu_ns()? - cpu_before,
            self.aws.asked().operations.len(),
        );
        let each = BATCH as f64;
        Ok(Batch {
            cpu_us: cpu_ns as f64 / 1e3 / each,
            ms: quantile(&times, 0.5),
            requests: requests as f64 / each,
        })
    }
}

fn median(batches: &[Batch], figure: fn(&Batch) -> f64) -> f64 {
    quantile(&batches.iter().map(figure).collect::<Vec<_>>(), 0.5)
}

/// What the last step costs, divided by the first of the same kind: 1 is no growth. CPU time of joining alerts is in units of
/// the control's.
pub(crate) fn last_to_first(steps: &[Step]) -> Vec<(&'static str, f64)> {
    type Figure = fn(&Step) -> f64;
    let figures: [(_, Figure); 4] = [
        ("growth_join_cpu_last_to_first", |step| step.join_to_control),
        ("growth_join_requests_last_to_first", |step| {
            step.join_requests
        }),
        ("growth_open_cpu_last_to_first", |step| step.open_cpu_us),
        ("growth_open_requests_last_to_first", |step| {
            step.open_requests
        }),
    ];
    let ratio = |(name, figure): (_, Figure)| {
        let known: Vec<f64> = steps
            .iter()
            .map(figure)
            .filter(|value| value.is_finite())
            .collect();
        Some((name, known.last()? / known.first()?))
    };
    figures.into_iter().filter_map(ratio).collect()
}

#[cfg(test)]
mod tests {
    use super::{Step, last_to_first};

    #[test]
    fn growth_is_the_last_step_to_the_first_that_has_the_figure() {
        let step = |open, join_to_control, open_cpu_us| Step {
            open,
            join_cpu_us: 1.0,
            control_cpu_us: 1.0,
            join_to_control,
            join_ms: 1.0,
            join_requests: 1.0,
            open_cpu_us,
            open_requests: open_cpu_us / 100.0,
            peak_kib: 1,
        };
        let steps = [
            step(0, 2.0, f64::NAN),
            step(10, 5.0, 400.0),
            step(20, 3.0, 200.0),
        ];
        let ratios = last_to_first(&steps);
        assert_eq!(
            ratios.iter().map(|(_, ratio)| *ratio).collect::<Vec<_>>(),
            [1.5, 1.0, 0.5, 0.5]
        );
    }
}
