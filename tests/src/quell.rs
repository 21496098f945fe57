//! The `quell` command on an operator's machine.

use std::process::Command;

use crate::stack::{Stack, project};

/// The command, with nothing in its environment but the stack's region, endpoint and credentials.
#[must_use]
pub fn quell(stack: Option<&Stack>) -> Command {
    let mut command = Command::new(project().join("target/debug/quell"));
    command.env_clear();
    if let Some(stack) = stack {
        command.envs(stack.facts.variables());
    }
    command
}
