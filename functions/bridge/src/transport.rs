//! Transports to a target: one for each kind.

use domain::incident::repair::{StepOutcome, StepResult};
use domain::phrase;
use domain::playbook::target::Target;

use crate::resolve::ResolvedStep;
use crate::sentences::nothing_ran;
use crate::ssh;
use crate::ssh::login_key::LoginKey;
use crate::ssm::RunCommand;

/// What the ways need.
#[derive(Debug)]
pub(crate) struct Transports {
    pub(crate) key: LoginKey,
    /// None where there is no AWS account at hand.
    pub(crate) run_command: Option<RunCommand>,
}

impl Transports {
    /// Runs a resolved step on its target.
    pub(crate) async fn run(&self, resolved: &ResolvedStep<'_>) -> StepResult {
        match &resolved.service.target {
            Target::Ssh(target) => ssh::run(resolved, target, &self.key).await,
            Target::Ssm(target) => match &self.run_command {
                // Boxed, because futures of the SDK are nested deeper than the compiler looks for the size of one that holds them.
                Some(run_command) => Box::pin(run_command.run(resolved, target)).await,
                None => {
                    let detail = nothing_ran(phrase!(
                        "{name} is reached through SSM, which the deployed bridge does",
                        name = resolved.service.name
                    ));
                    StepResult::without_output(StepOutcome::Refused, detail, 0)
                }
            },
        }
    }
}
