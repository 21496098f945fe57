//! Resolves a request into one command on one service, or refuses it with a reason. Pure.

use std::time::Duration;

use domain::phrase;
use domain::playbook::Unusable;
use domain::playbook::plan::{Phase, Plan, PlannedStep};
use domain::playbook::service::{Level, Service, named};
use domain::primitives::id::{PlaybookId, ServiceName};
use domain::primitives::phrase::Phrase;
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
#[error("{}", self.phrase())]
pub(crate) enum Refusal {
    Version(u8),
    Playbook(String),
    Target(String),
    Manual(ServiceName),
    OtherService {
        playbook: PlaybookId,
        service: ServiceName,
    },
    Parameters(#[from] Unusable),
    OtherValue {
        parameter: String,
        service: ServiceName,
    },
    Step {
        playbook: PlaybookId,
        /// The name of its list in the file.
        list: &'static str,
        step: usize,
    },
    Nul(#[from] NulByte),
}

impl Refusal {
    /// The same for people.
    pub(crate) fn phrase(&self) -> Phrase {
        match self {
            Self::Version(version) => phrase!(
                "the field v is {version}, and this bridge understands {understood}",
                version,
                understood = BRIDGE_VERSION
            ),
            Self::Playbook(playbook) => {
                phrase!("the playbook {playbook} is not in playbooks.yaml", playbook)
            }
            Self::Target(target) => {
                phrase!(
                    "the target {target} is not in service-registry.yaml",
                    target
                )
            }
            Self::Manual(service) => phrase!(
                "the service {service} is repaired by hand only (level manual)",
                service
            ),
            Self::OtherService { playbook, service } => phrase!(
                "the playbook {playbook} is not for the service {service}",
                playbook,
                service
            ),
            Self::Parameters(unusable) => unusable.phrase(),
            Self::OtherValue { parameter, service } => phrase!(
                "the value of the parameter {parameter} is not the one that service-registry.yaml gives {service}",
                parameter,
                service
            ),
            Self::Step {
                playbook,
                list,
                step,
            } => phrase!(
                "the playbook {playbook} has no {list}[{step}]",
                playbook,
                list,
                step
            ),
            Self::Nul(nul) => nul.phrase(),
        }
    }
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
        let list = match request.phase {
            Phase::Facts => "facts",
            Phase::Steps => "steps",
            Phase::Verify => "verify",
            Phase::Rollback => "rollback",
        };
        return Err(Refusal::Step {
            playbook: playbook.id.clone(),
            list,
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
