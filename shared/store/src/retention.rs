//! Retention: for how long incidents and entries of operation logs are kept. DynamoDB deletes what is
//! over within days, and the witness sees that it was DynamoDB.

use jiff::SignedDuration;
use settings::variables::{InvalidVariable, Variables};

/// How long items are kept; without a time they are kept for ever.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Retention {
    /// An incident, from the last change after it has ended.
    pub incidents: Option<SignedDuration>,
    /// An entry of an operation log, from when it was written.
    pub log_entries: Option<SignedDuration>,
    /// What the steps of an incident's repairs printed, from the last step that printed something;
    /// without a time as long as the incident and its log.
    pub output: Option<SignedDuration>,
}

impl Retention {
    /// `INCIDENT_RETENTION_DAYS` and `LOG_ENTRY_RETENTION_DAYS`; 0, and no variable, means for ever.
    ///
    /// # Errors
    /// If one of them is no number of days.
    pub fn from_variables<F: Fn(&str) -> Option<String>>(
        variables: &Variables<F>,
    ) -> Result<Self, InvalidVariable> {
        Ok(Self {
            incidents: days(variables, "INCIDENT_RETENTION_DAYS")?,
            log_entries: days(variables, "LOG_ENTRY_RETENTION_DAYS")?,
            output: None,
        })
    }

    /// The same with `STEP_OUTPUT_RETENTION_DAYS`, for the functions that store and erase what steps
    /// print.
    ///
    /// # Errors
    /// If it is no number of days.
    pub fn with_output<F: Fn(&str) -> Option<String>>(
        self,
        variables: &Variables<F>,
    ) -> Result<Self, InvalidVariable> {
        let output = days(variables, "STEP_OUTPUT_RETENTION_DAYS")?;
        Ok(Self { output, ..self })
    }
}

/// A number of days as a time; none for 0.
fn days<F: Fn(&str) -> Option<String>>(
    variables: &Variables<F>,
    name: &'static str,
) -> Result<Option<SignedDuration>, InvalidVariable> {
    let days: u16 = variables.parsed(name, "a number of days", 0)?;
    let time = SignedDuration::from_hours(i64::from(days) * 24);
    Ok((days > 0).then_some(time))
}
