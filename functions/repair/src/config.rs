//! Configuration of the repair function from its environment variables.

use std::path::PathBuf;
use std::time::Duration;

use aws::decision_keys::CheckingKeyIds;
use jiff::SignedDuration;
use settings::variables::{InvalidVariable, Variables};
use store::Retention;

/// How long one try of a request to AWS may take. The bridge is invoked without this limit: its answer takes as long as its step.
pub const AWS_ATTEMPT: Duration = Duration::from_secs(5);

/// The configuration of the repair function; `template.yaml` sets every variable.
#[derive(Debug, Clone)]
pub struct Config {
    /// `TABLE_NAME`.
    pub table: String,
    /// `INCIDENT_RETENTION_DAYS`, `LOG_ENTRY_RETENTION_DAYS` and `STEP_OUTPUT_RETENTION_DAYS`.
    pub retention: Retention,
    /// `CONTROL_TABLE_NAME`: the table with the kill switch.
    pub control_table: String,
    /// `NOTIFICATIONS_QUEUE_URL`.
    pub notifications_queue: String,
    /// `REPAIRS_QUEUE_URL`: from which its messages come.
    pub repairs_queue: String,
    /// `BRIDGE_FUNCTION_NAME`.
    pub bridge_function: String,
    /// `CONFIG_DIR`: where the operator's files are.
    pub config_dir: PathBuf,
    /// `APPROVAL_STARTS_WITHIN_SECONDS`: how long after its decision the first step of a plan may start.
    pub starts_within: SignedDuration,
    /// `PEOPLE_REPAIR_KEY_ID` and `GUARDRAILS_REPAIR_KEY_ID`: with which decisions are checked.
    pub keys: CheckingKeyIds,
}

impl Config {
    /// Reads the configuration.
    ///
    /// # Errors
    /// The first variable that is missing or not what it has to be.
    pub fn from_variables<F: Fn(&str) -> Option<String>>(
        variables: &Variables<F>,
    ) -> Result<Self, InvalidVariable> {
        let starts_within: u32 =
            variables.parsed("APPROVAL_STARTS_WITHIN_SECONDS", "a number of seconds", 900)?;
        Ok(Self {
            starts_within: SignedDuration::from_secs(i64::from(starts_within)),
            keys: CheckingKeyIds::from_variables(
                variables,
                ["PEOPLE_REPAIR_KEY_ID", "GUARDRAILS_REPAIR_KEY_ID"],
            )?,
            table: variables.required("TABLE_NAME", "the name of the table")?,
            retention: Retention::from_variables(variables)?.with_output(variables)?,
            control_table: variables
                .required("CONTROL_TABLE_NAME", "the name of the control table")?,
            notifications_queue: variables
                .required("NOTIFICATIONS_QUEUE_URL", "the URL of a queue")?,
            repairs_queue: variables.required("REPAIRS_QUEUE_URL", "the URL of a queue")?,
            bridge_function: variables.required(
                "BRIDGE_FUNCTION_NAME",
                "the name or ARN of the bridge function",
            )?,
            config_dir: variables
                .required(
                    "CONFIG_DIR",
                    "the directory with playbooks.yaml, service-registry.yaml and guardrails.yaml",
                )?
                .into(),
        })
    }
}
