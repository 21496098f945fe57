//! What the repair function is told by its environment.

use std::path::PathBuf;
use std::time::Duration;

use shared::variables::{InvalidVariable, Variables};

/// How long one try of a request to AWS may take. The bridge is invoked without this limit: its answer takes as long as its step.
pub const AWS_ATTEMPT: Duration = Duration::from_secs(5);

/// The configuration of the repair function; `template.yaml` sets every variable.
#[derive(Debug, Clone)]
pub struct Config {
    /// `TABLE_NAME`.
    pub table: String,
    /// `NOTIFICATIONS_QUEUE_URL`.
    pub notifications_queue: String,
    /// `REPAIRS_QUEUE_URL`: from which its messages come.
    pub repairs_queue: String,
    /// `BRIDGE_FUNCTION_NAME`.
    pub bridge_function: String,
    /// `CONFIG_DIR`: where the operator's files are.
    pub config_dir: PathBuf,
}

impl Config {
    /// Reads the configuration.
    ///
    /// # Errors
    /// The first variable that is missing.
    pub fn from_variables<F: Fn(&str) -> Option<String>>(variables: &Variables<F>) -> Result<Self, InvalidVariable> {
        Ok(Self {
            table: variables.required("TABLE_NAME", "the name of the table")?,
            notifications_queue: variables.required("NOTIFICATIONS_QUEUE_URL", "the URL of a queue")?,
            repairs_queue: variables.required("REPAIRS_QUEUE_URL", "the URL of a queue")?,
            bridge_function: variables.required("BRIDGE_FUNCTION_NAME", "the name or ARN of the bridge function")?,
            config_dir: variables
                .required("CONFIG_DIR", "the directory with playbooks.yaml, service-registry.yaml and guardrails.yaml")?
                .into(),
        })
    }
}
