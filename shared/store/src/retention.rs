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
}

impl Retention {
    /// `INCIDENT_RETENTION_DAYS` and `LOG_ENTRY_RETENTION_DAYS`; 0, and no variable, means for ever.
    ///
    /// # Errors
    /// If one of them is no number of days.
    pub fn from_variables<F: Fn(&str) -> Option<String>>(
        variables: &Variables<F>,
    ) -> Result<Self, InvalidVariable> {
        let days = |name| {
            let days: u16 = variables.parsed(name, "a number of days", 0)?;
            let time = SignedDuration::from_hours(i64::from(days) * 24);
            Ok((days > 0).then_some(time))
        };
        Ok(Self {
            incidents: days("INCIDENT_RETENTION_DAYS")?,
            log_entries: days("LOG_ENTRY_RETENTION_DAYS")?,
        })
    }
}
