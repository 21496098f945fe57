//! The ways to a target: one for each kind.

use shared::domain::repair::StepResult;
use shared::domain::service::Target;

use crate::errand::Errand;
use crate::login_key::LoginKey;
use crate::ssh;
use crate::ssm::RunCommand;

/// What the ways need.
#[derive(Debug)]
pub(crate) struct Ways {
    pub(crate) key: LoginKey,
    pub(crate) run_command: RunCommand,
}

impl Ways {
    /// Runs an errand on its target.
    pub(crate) async fn run(&self, errand: &Errand<'_>) -> StepResult {
        match &errand.service.target {
            Target::Ssh(target) => ssh::run(errand, target, &self.key).await,
            // Boxed, because futures of the SDK are nested deeper than the compiler looks for the size of one that holds them.
            Target::Ssm(target) => Box::pin(self.run_command.run(errand, target)).await,
        }
    }
}
