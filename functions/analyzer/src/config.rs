//! Configuration of the analyzer from its environment variables.

use std::path::PathBuf;

use aws::decision_keys::SigningKeyIds;
use jiff::SignedDuration;
use settings::variables::{InvalidVariable, Variables};
use store::Retention;

/// The configuration of the analyzer; `template.yaml` sets every variable.
#[derive(Debug, Clone)]
pub struct Config {
    /// `TABLE_NAME`.
    pub table: String,
    /// `INCIDENT_RETENTION_DAYS` and `LOG_ENTRY_RETENTION_DAYS`.
    pub retention: Retention,
    /// `CONTROL_TABLE_NAME`: the table with the kill switch.
    pub control_table: String,
    /// `NOTIFICATIONS_QUEUE_URL`.
    pub notifications_queue: String,
    /// `REPAIRS_QUEUE_URL`: where a plan goes that runs by itself.
    pub repairs_queue: String,
    /// `CONFIG_DIR`: where the operator's files are.
    pub config_dir: PathBuf,
    /// `STORM_INCIDENTS_PER_MINUTE`: how many incidents of one minute are analysed by themselves, and how many critical ones; the
    /// rest are one storm. 0 knows no storms.
    pub storm_limit: u32,
    /// `AWS_LAMBDA_FUNCTION_NAME`, which Lambda sets: what traces call the function.
    pub function_name: Option<String>,
    /// `APPROVAL_TTL_SECONDS`: how long a plan can be decided on.
    pub approval_ttl: SignedDuration,
    /// `GUARDRAILS_REPAIR_KEY_ID` and `GUARDRAILS_BRIDGE_KEY_ID`: with which it is signed that a plan runs by itself.
    pub signing_keys: SigningKeyIds,
}

impl Config {
    /// Reads the configuration.
    ///
    /// # Errors
    /// The first variable that is missing or not what it has to be.
    pub fn from_variables<F: Fn(&str) -> Option<String>>(
        variables: &Variables<F>,
    ) -> Result<Self, InvalidVariable> {
        let ttl: u32 = variables.parsed("APPROVAL_TTL_SECONDS", "a number of seconds", 14_400)?;
        Ok(Self {
            table: variables.required("TABLE_NAME", "the name of the table")?,
            retention: Retention::from_variables(variables)?,
            control_table: variables
                .required("CONTROL_TABLE_NAME", "the name of the control table")?,
            notifications_queue: variables
                .required("NOTIFICATIONS_QUEUE_URL", "the URL of a queue")?,
            repairs_queue: variables.required("REPAIRS_QUEUE_URL", "the URL of a queue")?,
            config_dir: variables
                .required("CONFIG_DIR", "the directory with the operator's files")?
                .into(),
            signing_keys: SigningKeyIds::from_variables(
                variables,
                ["GUARDRAILS_REPAIR_KEY_ID", "GUARDRAILS_BRIDGE_KEY_ID"],
            )?,
            function_name: variables.optional("AWS_LAMBDA_FUNCTION_NAME"),
            storm_limit: variables.parsed(
                "STORM_INCIDENTS_PER_MINUTE",
                "a number of incidents",
                20,
            )?,
            approval_ttl: SignedDuration::from_secs(i64::from(ttl)),
        })
    }
}
