//! Configuration of the witness.

use settings::variables::{InvalidVariable, Variables};

#[derive(Debug, PartialEq, Eq)]
pub struct Config {
    /// `CONTROL_TABLE_NAME`: where the tree is kept.
    pub control_table: String,
    /// `EVIDENCE_KEY_ID`: the secret that checkpoints are signed with.
    pub key: String,
    /// `EVIDENCE_ORIGIN`: what the transparency log is called.
    pub origin: String,
}

impl Config {
    /// # Errors
    /// If one is missing.
    pub fn from_variables<F: Fn(&str) -> Option<String>>(
        variables: &Variables<F>,
    ) -> Result<Self, InvalidVariable> {
        Ok(Self {
            control_table: variables
                .required("CONTROL_TABLE_NAME", "the name of the control table")?,
            key: variables.required(
                "EVIDENCE_KEY_ID",
                "the name or ARN of the secret that signs checkpoints",
            )?,
            origin: variables.required("EVIDENCE_ORIGIN", "the name of the transparency log")?,
        })
    }
}
