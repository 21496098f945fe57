//! The ways to a target: one for each kind.

use shared::domain::repair::{Outcome, StepResult};
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
    /// Runs an errand on its target. The key is read only where somebody logs in.
    pub(crate) async fn run(&self, errand: &Errand<'_>) -> StepResult {
        match &errand.service.target {
            Target::Ssh(target) => match self.key.get().await {
                Ok(key) => ssh::run(errand, target, key).await,
                Err(error) => StepResult::without_output(Outcome::Refused, format!("Nothing ran: {error}."), 0),
            },
            // Boxed, because futures of the SDK are nested deeper than the compiler looks for the size of one that holds them.
            Target::Ssm(target) => Box::pin(self.run_command.run(errand, target)).await,
        }
    }
}
