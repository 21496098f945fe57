//! Settings of the intake, which each function that counts alerts reads from its environment variables.

use domain::episode::Windows;
use settings::variables::{InvalidVariable, Variables};
use store::Retention;

/// What counting needs to know; `template.yaml` sets every variable.
#[derive(Debug, Clone)]
pub struct IntakeSettings {
    /// `TABLE_NAME`.
    pub table: String,
    /// `INCIDENTS_QUEUE_URL`.
    pub incidents_queue: String,
    /// `NOTIFICATIONS_QUEUE_URL`.
    pub notifications_queue: String,
    /// `DEBOUNCE_SECONDS` and `EPISODE_STALE_SECONDS`.
    pub windows: Windows,
    /// `FINGERPRINT_LABELS`: labels that are part of the identity of what is wrong.
    pub fingerprint_labels: Vec<String>,
    /// `INCIDENT_RETENTION_DAYS` and `LOG_ENTRY_RETENTION_DAYS`.
    pub retention: Retention,
}

impl IntakeSettings {
    /// Reads the settings.
    ///
    /// # Errors
    /// The first variable that is missing or not what it has to be.
    pub fn from_variables<F: Fn(&str) -> Option<String>>(
        variables: &Variables<F>,
    ) -> Result<Self, InvalidVariable> {
        let queue = "the URL of a queue";
        Ok(Self {
            table: variables.required("TABLE_NAME", "the name of the table")?,
            incidents_queue: variables.required("INCIDENTS_QUEUE_URL", queue)?,
            notifications_queue: variables.required("NOTIFICATIONS_QUEUE_URL", queue)?,
            windows: variables.windows()?,
            fingerprint_labels: variables.list(
                "FINGERPRINT_LABELS",
                "names of labels with commas between them",
            )?,
            retention: Retention::from_variables(variables)?,
        })
    }
}
