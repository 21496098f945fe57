//! The ways to a target: one function for each kind.

use shared::domain::repair::{Outcome, StepResult};
use shared::domain::service::Target;

use crate::errand::Errand;
use crate::login_key::LoginKey;
use crate::ssh;

/// Runs an errand on its target.
pub(crate) async fn run(errand: &Errand<'_>, login_key: &LoginKey) -> StepResult {
    match &errand.service.target {
        Target::Ssh(target) => ssh::run(errand, target, login_key).await,
        Target::Ssm(_) => {
            let detail = format!(
                "Nothing ran: {} is reached through SSM Run Command, which this version cannot do yet; give it an ssh target.",
                errand.service.name
            );
            StepResult::without_output(Outcome::Refused, detail, 0)
        }
    }
}
