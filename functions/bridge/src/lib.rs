//! The bridge: runs one step of a playbook on one target, and reports its result.
//!
//! It is the only function that can reach hosts, so it trusts no caller: a request names the step,
//! the playbook, its parameters and the target; the bridge checks all of it against the two files
//! that it was deployed with, and renders the command itself (`no-words-executed`). Every request
//! is answered; what cannot be done is answered with the outcome `refused`.

pub mod config;
pub mod gate;
mod output;
mod resolve;
mod sentences;
pub mod ssh;
pub mod ssm;
mod transport;

use std::time::Instant;

use domain::incident::repair::{StepOutcome, StepResult};
use domain::phrase;
use jiff::Timestamp;
use playbook_files::operator_files::OperatorFiles;
use serde::Serialize;
use serde_json::Value;
use wire::bridge::{BridgeReply, BridgeRequest};

use crate::gate::Gate;
use crate::resolve::Resolved;
use crate::sentences::nothing_ran;
use crate::ssh::login_key::LoginKey;
use crate::ssm::RunCommand;
use crate::transport::Transports;

#[derive(Debug)]
pub struct App {
    files: OperatorFiles,
    ways: Transports,
    gate: Option<Gate>,
}

impl App {
    /// A bridge for these playbooks and services, which logs in with this key and asks for no decision:
    /// for somebody who runs it on their own machine, with a key of their own.
    pub fn for_operator(files: OperatorFiles, key: LoginKey) -> Self {
        Self {
            files,
            ways: Transports {
                key,
                run_command: None,
            },
            gate: None,
        }
    }

    /// The same, which runs only what was decided on.
    #[must_use]
    pub fn with_gate(mut self, gate: Gate) -> Self {
        self.gate = Some(gate);
        self
    }

    /// The same, which also reaches hosts through Run Command.
    #[must_use]
    pub fn with_run_command(mut self, run_command: RunCommand) -> Self {
        self.ways.run_command = Some(run_command);
        self
    }

    /// Answers what was invoked, whatever it is: a request that cannot be read is refused like one that cannot be done.
    pub async fn answer(&self, payload: Value) -> BridgeReply {
        match serde_path_to_error::deserialize::<_, BridgeRequest>(payload) {
            Ok(request) => self.handle(&request).await,
            Err(error) => {
                let detail = phrase!(
                    "Nothing ran: the request cannot be read: {why}",
                    why = unreadable(&error)
                );
                tracing::info!(outcome = "refused", %detail, "request answered");
                BridgeReply {
                    result: StepResult::without_output(StepOutcome::Refused, detail, 0),
                    argv: Vec::new(),
                }
            }
        }
    }

    /// Runs one step: load, decide, act. The log line holds what was asked and what came of it, never what was printed.
    pub async fn handle(&self, request: &BridgeRequest) -> BridgeReply {
        let start = Instant::now();
        let (mut result, argv) = match resolve::decide(&self.files, request) {
            Ok(resolved) => self.act(request, resolved).await,
            Err(refusal) => {
                let detail = nothing_ran(refusal.phrase());
                let result = StepResult::without_output(StepOutcome::Refused, detail, 0);
                (result, Vec::new())
            }
        };
        result.duration_ms = u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX);
        tracing::info!(
            incident_id = request.incident_id.as_str(),
            playbook = resolve::shown(&request.playbook),
            phase = word(request.phase),
            step = request.step,
            // Not `target`: the log line has a field of that name already, the module's.
            service = resolve::shown(&request.target),
            outcome = word(result.outcome),
            exit_status = result.exit_status,
            duration_ms = result.duration_ms,
            "request answered"
        );
        BridgeReply { result, argv }
    }

    async fn act(
        &self,
        request: &BridgeRequest,
        resolved: Resolved<'_>,
    ) -> (StepResult, Vec<String>) {
        if let Some(gate) = &self.gate
            && let Err(closed) = gate.pass(request, &resolved, Timestamp::now()).await
        {
            let detail = nothing_ran(closed.phrase());
            let result = StepResult::without_output(closed.outcome(), detail, 0);
            return (result, Vec::new());
        }
        let result = self.ways.run(&resolved.step).await;
        let ran = matches!(
            result.outcome,
            StepOutcome::Exited
                | StepOutcome::Signalled
                | StepOutcome::TimedOut
                | StepOutcome::ConnectionLost
        );
        let argv = if ran { resolved.step.argv } else { Vec::new() };
        (result, argv)
    }
}

/// Why a payload is not a request: the field, and what is wrong with it, bounded because it can quote the payload.
fn unreadable(error: &serde_path_to_error::Error<serde_json::Error>) -> String {
    let what: String = error.inner().to_string().chars().take(200).collect();
    match error.path().to_string() {
        whole if whole == "." => what,
        field => format!("the field {}: {what}", resolve::shown(&field)),
    }
}

/// A value as it is called on the wire.
fn word(value: impl Serialize) -> String {
    serde_json::to_value(value)
        .ok()
        .and_then(|value| value.as_str().map(str::to_owned))
        .unwrap_or_default()
}

#[cfg(test)]
#[path = "lib_tests.rs"]
mod tests;
