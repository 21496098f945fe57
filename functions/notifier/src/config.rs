//! Configuration of the notifier from its environment variables.

use std::path::PathBuf;

use domain::episode::Windows;
use jiff::SignedDuration;
use settings::variables::{InvalidVariable, Variables};
use store::Retention;

/// The configuration of the notifier; `template.yaml` sets every variable.
#[derive(Debug, Clone)]
pub struct Config {
    /// `TABLE_NAME`.
    pub table: String,
    /// `INCIDENT_RETENTION_DAYS`, `LOG_ENTRY_RETENTION_DAYS` and `STEP_OUTPUT_RETENTION_DAYS`.
    pub retention: Retention,
    /// `NOTIFICATIONS_QUEUE_URL`: its own queue, for what is better looked at later.
    pub notifications_queue: String,
    /// `SIGNALS_QUEUE_URL`: the queue where an incident that is open again is handed on to the analyzer.
    pub signals_queue: String,
    /// `RESOLVE_WITHIN_SECONDS`: how long after a verified repair its alert may still fire; zero means for ever.
    pub resolve_within: SignedDuration,
    /// `DEBOUNCE_SECONDS` and `EPISODE_STALE_SECONDS`.
    pub windows: Windows,
    /// `TELEGRAM_BOT_TOKEN_SECRET_ID`.
    pub telegram_token_secret: String,
    /// `API_URL`: where the pages of decisions are, without a slash at the end.
    pub api_url: String,
    /// `CONFIG_DIR`: where the operator's channels.json is.
    pub config_dir: PathBuf,
}

impl Config {
    /// Reads the configuration.
    ///
    /// # Errors
    /// The first variable that is missing or not what it has to be.
    pub fn from_variables<F: Fn(&str) -> Option<String>>(
        variables: &Variables<F>,
    ) -> Result<Self, InvalidVariable> {
        let resolve_within: u32 =
            variables.parsed("RESOLVE_WITHIN_SECONDS", "a number of seconds", 900)?;
        Ok(Self {
            signals_queue: variables.required("SIGNALS_QUEUE_URL", "the URL of a queue")?,
            windows: variables.windows()?,
            resolve_within: SignedDuration::from_secs(i64::from(resolve_within)),
            table: variables.required("TABLE_NAME", "the name of the table")?,
            retention: Retention::from_variables(variables)?.with_output(variables)?,
            notifications_queue: variables
                .required("NOTIFICATIONS_QUEUE_URL", "the URL of a queue")?,
            telegram_token_secret: variables.required(
                "TELEGRAM_BOT_TOKEN_SECRET_ID",
                "the ARN or name of a secret",
            )?,
            api_url: variables.required("API_URL", "the base URL of the HTTP API")?,
            config_dir: variables
                .required("CONFIG_DIR", "the directory with channels.json")?
                .into(),
        })
    }
}
