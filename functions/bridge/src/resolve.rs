//! Resolves a request into one command on one service, or refuses it with a reason. Pure.

use std::time::Duration;

use domain::playbook::Unusable;
use domain::playbook::plan::{Phase, Plan, PlannedStep};
use domain::playbook::service::{Level, Service, named};
use domain::primitives::id::{PlaybookId, ServiceName};
use playbook_files::operator_files::OperatorFiles;
use thiserror::Error;
use wire::bridge::{BRIDGE_VERSION, BridgeRequest};
use wire::command_line::{self, NulByte};

/// One command for one service, ready to be sent.
#[derive(Debug)]
pub(crate) struct ResolvedStep<'a> {
    /// The service, with its target.
    pub(crate) service: &'a Service,
    pub(crate) argv: Vec<String>,
    /// The argument vector as SSH carries it.
    pub(crate) line: String,
    /// After how long it is given up.
    pub(crate) limit: Duration,
}

/// What a request stands for.
#[derive(Debug)]
pub(crate) struct Resolved<'a> {
    pub(crate) step: ResolvedStep<'a>,
    /// The step as it stands in its plan.
    pub(crate) planned: PlannedStep,
    /// The whole plan, as this function's own files have it.
    pub(crate) plan: Plan,
    /// True if the playbook says that it may run without a human.
    pub(crate) may_run_by_itself: bool,
}

/// Why a request is refused. Values of parameters are never repeated.
#[derive(Debug, PartialEq, Eq, Error)]
pub(crate) enum Refusal {
    #[error("the field v is {0}, and this bridge understands {BRIDGE_VERSION}")]
    Version(u8),
    #[error("the playbook {0} is not in playbooks.yaml")]
    Playbook(String),
    #[error("the target {0} is not in service-registry.yaml")]
    Target(String),
    #[error("the service {0} is repaired by hand only (level manual)")]
    Manual(ServiceName),
    #[error("the playbook {playbook} is not for the service {service}")]
    OtherService {
        playbook: PlaybookId,
        service: ServiceName,
    },
    #[error(transparent)]
    Parameters(#[from] Unusable),
    #[error(
        "the value of the parameter {parameter} is not the one that service-registry.yaml gives {service}"
    )]
    OtherValue {
        parameter: String,
        service: ServiceName,
    },
    #[error("the playbook {playbook} has no {phase} step {step}; they count from 0")]
    Step {
        playbook: PlaybookId,
        phase: &'static str,
        step: usize,
    },
    #[error(transparent)]
    Nul(#[from] NulByte),
}

/// The command that a request stands for.
///
/// The rules by which the analyzer chose the playbook are checked again as far as they can be, and the parameters are looked up again in
/// this function's own registry: a request is no proof that they were kept.
///
/// # Errors
/// The first thing that does not fit the files.
pub(crate) fn decide<'a>(
    files: &'a OperatorFiles,
    request: &BridgeRequest,
) -> Result<Resolved<'a>, Refusal> {
    if request.v != BRIDGE_VERSION {
        return Err(Refusal::Version(request.v));
    }
    let playbook = files
        .playbooks
        .iter()
        .find(|playbook| playbook.id == request.playbook);
    let playbook = playbook.ok_or_else(|| Refusal::Playbook(shown(&request.playbook)))?;
    let service = named(&files.services, &request.target)
        .ok_or_else(|| Refusal::Target(shown(&request.target)))?;
    if service.level == Level::Manual {
        return Err(Refusal::Manual(service.name.clone()));
    }
    if !playbook.matches.allows(&service.name) {
        return Err(Refusal::OtherService {
            playbook: playbook.id.clone(),
            service: service.name.clone(),
        });
    }
    playbook.check(&request.parameters)?;
    // The registry's values are looked up again: a pattern lets many through that are none of this service's. Those of the alert are
    // known only to the request; their pattern was checked above.
    let values = playbook.parameters_for(service, &request.parameters)?;
    if let Some((parameter, _)) = values
        .iter()
        .find(|(name, value)| request.parameters.get(*name) != Some(value))
    {
        return Err(Refusal::OtherValue {
            parameter: parameter.clone(),
            service: service.name.clone(),
        });
    }
    let plan = playbook.plan(service, &request.parameters, request.round, Vec::new())?;
    let Some(planned) = plan.phase(request.phase).get(request.step).cloned() else {
        let phase = match request.phase {
            Phase::Facts => "fact",
            Phase::Steps => "repair",
            Phase::Verify => "verify",
            Phase::Rollback => "rollback",
        };
        return Err(Refusal::Step {
            playbook: playbook.id.clone(),
            phase,
            step: request.step,
        });
    };
    let step = ResolvedStep {
        service,
        argv: planned.argv.clone(),
        line: command_line::line(&planned.argv)?,
        limit: Duration::from_secs(planned.timeout_seconds.into()),
    };
    Ok(Resolved {
        step,
        planned,
        plan,
        may_run_by_itself: playbook.auto.is_some(),
    })
}

/// A name from outside, short and without control characters.
pub(crate) fn shown(name: &str) -> String {
    name.chars().take(64).flat_map(char::escape_debug).collect()
}

#[cfg(test)]
#[path = "resolve_tests.rs"]
mod tests;
