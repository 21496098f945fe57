//! Measures one start of a function: its cold start, then warm requests.

use std::path::Path;
use std::time::Duration;

use serde::Serialize;
use serde_json::Value;
use wire::bridge::BridgeReply;

use crate::Failure;
use crate::canned_aws::CannedAws;
use crate::process::Process;
use crate::runtime_api::{Answer, RuntimeApi, Session};
use crate::variant::{Proof, Variant};

/// Requests between the cold one and the first that is measured.
pub(crate) const WARM_UP: usize = 10;

/// What was seen of one variant in all its starts.
#[derive(Debug, Default)]
pub(crate) struct Samples {
    /// From the start to the first poll, in milliseconds, one for each start.
    pub(crate) init_ms: Vec<f64>,
    /// From the start to the first answer.
    pub(crate) cold_ms: Vec<f64>,
    /// CPU time until the poll after the first answer.
    pub(crate) cold_cpu_ms: Vec<f64>,
    /// From handing over an event to its answer, one for each warm request.
    pub(crate) warm_ms: Vec<f64>,
    /// CPU time of a warm request, in microseconds, one for each start.
    pub(crate) warm_cpu_us: Vec<f64>,
    /// The most memory, in KiB.
    pub(crate) peak_kib: Vec<f64>,
    /// Requests to AWS of the first alert, in order.
    pub(crate) first_requests: Vec<String>,
    /// Requests to AWS of a warm alert.
    pub(crate) requests: f64,
    /// Units of writes of a warm alert.
    pub(crate) write_units: f64,
    /// Bytes that a warm alert logs.
    pub(crate) log_bytes: f64,
}

impl Samples {
    /// Takes over what was seen of warm requests in another start.
    pub(crate) fn take_warm(&mut self, other: Self) {
        self.warm_ms.extend(other.warm_ms);
        self.warm_cpu_us.extend(other.warm_cpu_us);
        self.peak_kib.extend(other.peak_kib);
        (self.requests, self.write_units, self.log_bytes) =
            (other.requests, other.write_units, other.log_bytes);
    }
}

/// Where functions are measured.
#[derive(Debug)]
pub(crate) struct Place<'a> {
    pub(crate) runtime_api: &'a RuntimeApi,
    pub(crate) aws: &'a CannedAws,
    /// A directory for what a function logs.
    pub(crate) directory: &'a Path,
}

/// A delivery of many alerts, taken by a warm function.
#[derive(Debug, Serialize)]
pub(crate) struct Delivery {
    pub(crate) alerts: usize,
    /// From handing over to the answer.
    pub(crate) ms: f64,
    pub(crate) cpu_ms: f64,
    #[serde(rename = "aws_requests")]
    pub(crate) requests: usize,
    /// The most memory until then, in KiB.
    pub(crate) peak_kib: u64,
}

impl Place<'_> {
    /// Starts a function, which finds its first event waiting, and gives it warm requests, if any are wanted.
    pub(crate) fn measure(
        &self,
        variant: &Variant,
        event: &str,
        warm: usize,
        samples: &mut Samples,
    ) -> Result<(), Failure> {
        let (process, session) = self.start(variant)?;
        session.send(event)?;
        let measured = (|| {
            samples
                .init_ms
                .push(ms(session.polled()? - process.started));
            let first = session.answer()?;
            proven(variant, &first)?;
            samples.cold_ms.push(ms(first.answered - process.started));
            session.polled()?;
            samples.cold_cpu_ms.push(process.cpu_ns()? as f64 / 1e6);
            samples.first_requests = self.aws.asked().operations;
            if warm == 0 {
                return Ok(());
            }
            for _ in 0..WARM_UP {
                one(variant, &session, event)?;
            }
            let (cpu_before, logged_before, _) =
                (process.cpu_ns()?, process.logged()?, self.aws.asked());
            for _ in 0..warm {
                let answer = one(variant, &session, event)?;
                samples.warm_ms.push(ms(answer.answered - answer.delivered));
            }
            let (each, asked) = (warm as f64, self.aws.asked());
            samples
                .warm_cpu_us
                .push((process.cpu_ns()? - cpu_before) as f64 / 1e3 / each);
            samples.log_bytes = (process.logged()? - logged_before) as f64 / each;
            samples.requests = asked.operations.len() as f64 / each;
            samples.write_units = asked.write_units as f64 / each;
            samples.peak_kib.push(process.peak_kib()? as f64);
            Ok(())
        })();
        measured.map_err(|error: Failure| failed(variant, &error, &process))
    }

    /// Gives one function deliveries of many alerts, one after the other.
    pub(crate) fn deliveries(
        &self,
        variant: &Variant,
        first: &str,
        events: &[(usize, String)],
    ) -> Result<Vec<Delivery>, Failure> {
        let (process, session) = self.start(variant)?;
        session.polled()?;
        let mut deliveries = Vec::new();
        let measured = (|| {
            one(variant, &session, first)?;
            for (alerts, event) in events {
                let (cpu_before, _) = (process.cpu_ns()?, self.aws.asked());
                let answer = one(variant, &session, event)?;
                deliveries.push(Delivery {
                    alerts: *alerts,
                    ms: ms(answer.answered - answer.delivered),
                    cpu_ms: (process.cpu_ns()? - cpu_before) as f64 / 1e6,
                    requests: self.aws.asked().operations.len(),
                    peak_kib: process.peak_kib()?,
                });
            }
            Ok(())
        })();
        measured.map_err(|error: Failure| failed(variant, &error, &process))?;
        Ok(deliveries)
    }

    /// Starts a function in the scene of its variant.
    pub(crate) fn start(&self, variant: &Variant) -> Result<(Process, Session), Failure> {
        self.aws.expect(variant.table, variant.closing);
        let session = self.runtime_api.session();
        let command = variant.start(
            &self.runtime_api.address.to_string(),
            &self.aws.url,
            &self.aws.roots,
        );
        Ok((
            Process::start(
                command,
                &self.directory.join(format!("{}.log", variant.name)),
            )?,
            session,
        ))
    }
}

/// One request, until the function polls again: what it does after its answer is work for this request too.
pub(crate) fn one(variant: &Variant, session: &Session, event: &str) -> Result<Answer, Failure> {
    session.send(event)?;
    let answer = session.answer()?;
    proven(variant, &answer)?;
    session.polled()?;
    Ok(answer)
}

/// A fast wrong answer is worth nothing.
fn proven(variant: &Variant, answer: &Answer) -> Result<(), Failure> {
    let value: Value = serde_json::from_str(&answer.body)?;
    let proven = match variant.proof {
        Proof::Body(text) => {
            value["statusCode"] == 200
                && value["body"]
                    .as_str()
                    .is_some_and(|body| body.contains(text))
        }
        Proof::Refused => value["statusCode"] == 401 || value["statusCode"] == 413,
        Proof::StepSucceeded => serde_json::from_str(&answer.body)
            .is_ok_and(|reply: BridgeReply| reply.result.succeeded()),
        Proof::NothingComesBack => value["batchItemFailures"]
            .as_array()
            .is_some_and(Vec::is_empty),
    };
    if proven {
        Ok(())
    } else {
        Err(format!(
            "the answer does not show {:?}: {}",
            variant.proof, answer.body
        )
        .into())
    }
}

/// An error with the name of the variant and the end of its log.
pub(crate) fn failed(variant: &Variant, error: &Failure, process: &Process) -> Failure {
    format!("{}: {error}\n{}", variant.name, process.last_words()).into()
}

pub(crate) fn ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}
