//! Duration of a step over SSH, compared with `ssh` itself running the same command on the same
//! host.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Instant;

use domain::incident::approval::{Approval, ApprovalState, Verdict, Vote};
use domain::playbook::plan::Phase;
use domain::primitives::id::{ApprovalId, IncidentId};
use domain::primitives::identity::{DecidedBy, Identity};
use jiff::Timestamp;
use playbook_files::operator_files::OperatorFiles;
use secrecy::SecretString;
use serde_json::{Map, Value, json};
use wire::bridge::{BRIDGE_VERSION, BridgeRequest};
use wire::signed_decision::{Reader, SignedDecision, SigningKeys};

use crate::canned_aws::{SECRET, Table};
use crate::measure::{Place, failed, ms, one};
use crate::process::{Process, reaped_cpu_ms};
use crate::quantile::quantile;
use crate::runtime_api::Session;
use crate::ssh_host::{LOGIN_KEY_ID, PLAYBOOK, SERVICE, SshHost};
use crate::variant::{Proof, Variant};
use crate::{Failure, servers};

/// What one run of `true` took.
#[derive(Debug, Clone, Copy)]
struct Run {
    /// Until the answer was there, or `ssh` had ended.
    ms: f64,
    /// CPU time of the client.
    cpu_ms: f64,
    /// CPU time of sshd and what it started.
    sshd_cpu_ms: f64,
}

/// One run of each, one directly after the other.
#[derive(Debug)]
struct Round {
    step: Run,
    ssh: Run,
    /// `ssh` with the key exchange of the step.
    alike: Run,
}

/// Everything that was seen.
#[derive(Debug, Default)]
pub(crate) struct SshSteps {
    /// Rounds whose step was the first of a started bridge, counted from the start of its process.
    cold: Vec<Round>,
    /// Rounds whose step was taken by a running bridge.
    warm: Vec<Round>,
    /// Requests to AWS of the first step.
    aws_requests_cold: usize,
    /// Requests to AWS of all the others.
    aws_requests_warm: usize,
    /// The key exchange that the bridge and sshd agree on.
    step_key_exchange: String,
    /// That of `ssh`, left to itself.
    ssh_key_exchange: String,
}

/// A way to the host, and its runs.
type Way = (&'static str, Vec<Run>);

/// A decision on the plan of the host's one playbook, signed with the key that every secret holds here.
fn decision(host: &SshHost, incident: &IncidentId) -> Result<SignedDecision, Failure> {
    let files = OperatorFiles::load(host.config())?;
    let (playbook, service) = (&files.playbooks[0], &files.services[0]);
    let plan = playbook.plan(service, &BTreeMap::new(), 0, Vec::new())?;
    let (hash, now) = (plan.hash(), Timestamp::now());
    let id = ApprovalId::for_plan(incident, &hash);
    let mut approval = Approval::asked(id, hash, now, now, 1);
    let mut vote = Vote {
        person: "ada".to_owned(),
        by: Identity::Telegram(7),
        at: now,
        signature: None,
    };
    let key = SecretString::from(SECRET);
    let keys = SigningKeys {
        repair: key.clone(),
        bridge: key,
    };
    vote.signature = Some(keys.sign_vote(&approval, &vote));
    approval.state = ApprovalState::Decided {
        verdict: Verdict::Approve,
        by: DecidedBy::Person(vote.by.clone()),
        at: now,
    };
    approval.votes.push(vote);
    SignedDecision::of(&approval, Reader::Bridge).ok_or_else(|| "it is approved".into())
}

/// The bridge as it is measured.
fn bridge(binaries: &Path, host: &SshHost) -> Result<Variant, Failure> {
    let incident_id = IncidentId::try_from(servers::INCIDENT)?;
    let request = BridgeRequest {
        v: BRIDGE_VERSION,
        decision: Some(decision(host, &incident_id)?),
        incident_id,
        playbook: PLAYBOOK.into(),
        phase: Phase::Steps,
        step: 0,
        parameters: [].into(),
        target: SERVICE.into(),
        round: 0,
        number: 1,
    };
    let variables = [
        ("CONFIG_DIR", host.config().display().to_string()),
        ("SSH_KEY_SECRET_ID", LOGIN_KEY_ID.to_owned()),
        ("SSM_DOCUMENT_NAME", "Quell-RunStep".to_owned()),
        (
            "SSM_ROLE_ARN",
            String::from("arn:aws:iam::123456789012:role/run-command"),
        ),
    ];
    Ok(Variant {
        name: "step",
        command: vec![binaries.join("bridge")],
        package: None,
        variables: variables.to_vec(),
        table: Table::Empty,
        closing: &[],
        proof: Proof::StepSucceeded,
        event: Some(serde_json::to_string(&request)?),
    })
}

impl Place<'_> {
    /// Starts an sshd, and so many times the bridge, each of which takes its share of the warm steps; `ssh` has its turns in between.
    pub(crate) fn ssh_steps(
        &self,
        binaries: &Path,
        starts: usize,
        warm: usize,
    ) -> Result<SshSteps, Failure> {
        let host = SshHost::start(self.directory.join("ssh"))?;
        self.aws.keeps_secret(LOGIN_KEY_ID, host.login_key()?);
        let bridge = bridge(binaries, &host)?;
        // The first start fills the page cache, and tells which key exchange is chosen.
        let mut steps = SshSteps::default();
        self.ssh_start(&bridge, &host, 1, &mut steps)?;
        (steps.cold, steps.warm, steps.aws_requests_warm) = (Vec::new(), Vec::new(), 0);
        for _ in 0..starts {
            self.ssh_start(&bridge, &host, warm.div_ceil(starts), &mut steps)?;
        }
        Ok(steps)
    }

    fn ssh_start(
        &self,
        bridge: &Variant,
        host: &SshHost,
        warm: usize,
        steps: &mut SshSteps,
    ) -> Result<(), Failure> {
        let sshd_before = host.sessions_cpu_ms()?;
        let (process, session) = self.start(bridge)?;
        let measured = (|| {
            let first = one(
                bridge,
                &session,
                bridge.event.as_deref().unwrap_or_default(),
            )?;
            // One poll was for the first event; the next one says that all of its work is done.
            session.polled()?;
            let step = Run {
                ms: ms(first.answered - process.started),
                cpu_ms: process.cpu_ns()? as f64 / 1e6,
                sshd_cpu_ms: host.sessions_cpu_ms()? - sshd_before,
            };
            if steps.step_key_exchange.is_empty() {
                steps.step_key_exchange = host.key_exchange()?;
                ssh(host, None)?;
                steps.ssh_key_exchange = host.key_exchange()?;
            }
            steps.aws_requests_cold = self.aws.asked().operations.len();
            steps
                .cold
                .push(round(host, step, &steps.step_key_exchange)?);
            for _ in 0..warm {
                let step = warm_step(bridge, host, &process, &session)?;
                steps
                    .warm
                    .push(round(host, step, &steps.step_key_exchange)?);
            }
            steps.aws_requests_warm += self.aws.asked().operations.len();
            Ok(())
        })();
        measured.map_err(|error: Failure| failed(bridge, &error, &process))
    }
}

fn warm_step(
    bridge: &Variant,
    host: &SshHost,
    process: &Process,
    session: &Session,
) -> Result<Run, Failure> {
    let (cpu_before, sshd_before) = (process.cpu_ns()?, host.sessions_cpu_ms()?);
    let answer = one(bridge, session, bridge.event.as_deref().unwrap_or_default())?;
    let cpu_ms = (process.cpu_ns()? - cpu_before) as f64 / 1e6;
    Ok(Run {
        ms: ms(answer.answered - answer.delivered),
        cpu_ms,
        sshd_cpu_ms: host.sessions_cpu_ms()? - sshd_before,
    })
}

fn round(host: &SshHost, step: Run, key_exchange: &str) -> Result<Round, Failure> {
    Ok(Round {
        step,
        ssh: ssh(host, None)?,
        alike: ssh(host, Some(key_exchange))?,
    })
}

fn ssh(host: &SshHost, key_exchange: Option<&str>) -> Result<Run, Failure> {
    let (cpu_before, sshd_before) = (reaped_cpu_ms("self")?, host.sessions_cpu_ms()?);
    let start = Instant::now();
    let output = host.ssh(key_exchange).output()?;
    let taken = ms(start.elapsed());
    if !output.status.success() {
        return Err(format!(
            "ssh: {}: {}",
            output.status,
            String::from_utf8_lossy(&output.stderr)
        )
        .into());
    }
    Ok(Run {
        ms: taken,
        cpu_ms: reaped_cpu_ms("self")? - cpu_before,
        sshd_cpu_ms: host.sessions_cpu_ms()? - sshd_before,
    })
}

impl SshSteps {
    fn ways(&self) -> [Way; 4] {
        let both = || self.cold.iter().chain(&self.warm);
        [
            (
                "step_warm",
                self.warm.iter().map(|round| round.step).collect(),
            ),
            (
                "step_cold",
                self.cold.iter().map(|round| round.step).collect(),
            ),
            ("ssh", both().map(|round| round.ssh).collect()),
            ("ssh_alike", both().map(|round| round.alike).collect()),
        ]
    }

    /// A step divided by the `ssh` of its own round: the median of the rounds. `ssh_alike` is `ssh` with the key exchange of the step.
    pub(crate) fn ratios(&self) -> Vec<(&'static str, f64)> {
        let median = |rounds: &[Round], ratio: fn(&Round) -> f64| {
            quantile(&rounds.iter().map(ratio).collect::<Vec<_>>(), 0.5)
        };
        vec![
            (
                "step_warm_to_ssh",
                median(&self.warm, |round| round.step.ms / round.ssh.ms),
            ),
            (
                "step_warm_to_ssh_alike",
                median(&self.warm, |round| round.step.ms / round.alike.ms),
            ),
            (
                "step_cold_to_ssh",
                median(&self.cold, |round| round.step.ms / round.ssh.ms),
            ),
            (
                "step_cold_to_ssh_alike",
                median(&self.cold, |round| round.step.ms / round.alike.ms),
            ),
        ]
    }

    /// For the report, by name.
    pub(crate) fn json(&self) -> Value {
        let way = |(name, runs): Way| -> (String, Value) {
            (
                name.to_owned(),
                figures(&runs)
                    .map(|(name, value)| (name.to_owned(), json!(value)))
                    .into_iter()
                    .collect(),
            )
        };
        json!({
            "ways": self.ways().into_iter().map(way).collect::<Map<_, _>>(),
            "step_key_exchange": self.step_key_exchange,
            "ssh_key_exchange": self.ssh_key_exchange,
            "aws_requests_cold": self.aws_requests_cold,
            "aws_requests_warm": self.aws_requests_warm,
        })
    }

    /// The table for people.
    #[expect(clippy::print_stdout, reason = "this is what the program is for")]
    pub(crate) fn print(&self) {
        let Self {
            step_key_exchange,
            ssh_key_exchange,
            aws_requests_cold,
            aws_requests_warm,
            ..
        } = self;
        println!(
            "\na step over SSH, and ssh itself: key exchange {step_key_exchange}, of ssh {ssh_key_exchange}, of ssh_alike that of a step"
        );
        println!(
            "{:<16}{:>12}{:>12}{:>12}{:>12}{:>14}",
            "", "runs", "p50 ms", "fastest ms", "CPU ms", "sshd CPU ms"
        );
        for (name, runs) in self.ways() {
            let shown = figures(&runs).map(|(name, value)| {
                if name == "runs" {
                    format!("{value:>12}")
                } else {
                    format!("{value:>12.2}")
                }
            });
            println!("{name:<16}{}", shown.concat());
        }
        println!(
            "requests to AWS: {aws_requests_cold} for the first step, {aws_requests_warm} for all warm ones"
        );
    }
}

/// Times are medians, CPU times means: the kernel counts those of ended processes in hundredths of a second.
fn figures(runs: &[Run]) -> [(&'static str, f64); 5] {
    let times: Vec<f64> = runs.iter().map(|run| run.ms).collect();
    let mean = |figure: fn(&Run) -> f64| runs.iter().map(figure).sum::<f64>() / runs.len() as f64;
    [
        ("runs", runs.len() as f64),
        ("p50_ms", quantile(&times, 0.5)),
        ("fastest_ms", quantile(&times, 0.0)),
        ("cpu_ms", mean(|run| run.cpu_ms)),
        ("sshd_cpu_ms", mean(|run| run.sshd_cpu_ms)),
    ]
}

#[cfg(test)]
mod tests {
    use super::{Round, Run, SshSteps};

    #[test]
    fn a_ratio_is_that_of_a_round_and_not_of_the_medians() {
        let run = |ms| Run {
            ms,
            cpu_ms: 1.0,
            sshd_cpu_ms: 1.0,
        };
        let round = |step, ssh| Round {
            step: run(step),
            ssh: run(ssh),
            alike: run(step),
        };
        let warm = vec![round(1.0, 2.0), round(40.0, 80.0), round(3.0, 4.0)];
        let steps = SshSteps {
            warm,
            cold: vec![round(9.0, 3.0)],
            ..SshSteps::default()
        };
        assert_eq!(
            steps
                .ratios()
                .iter()
                .map(|(_, ratio)| *ratio)
                .collect::<Vec<_>>(),
            [0.5, 1.0, 3.0, 1.0]
        );
    }
}
