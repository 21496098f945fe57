//! Configuration of the console from its environment variables.

use std::path::PathBuf;

use jiff::SignedDuration;
use settings::variables::{InvalidVariable, Variables};

/// The configuration of the console; `template.yaml` sets every variable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// `TABLE_NAME`: the table with the incidents.
    pub table: String,
    /// `CONTROL_TABLE_NAME`: the table with people's tokens, sessions, locks and the kill switch.
    pub control_table: String,
    /// `OIDC_ISSUER`: the identity provider at which people may sign in too, if there is one.
    pub issuer: Option<String>,
    /// `CONFIG_DIR`: where the operator's channels.json, playbooks.yaml and service-registry.yaml are.
    pub config_dir: PathBuf,
    /// `EPISODE_STALE_SECONDS`: after which silence a heartbeat is overdue whose interval is not known.
    pub stale: SignedDuration,
    /// `DASHBOARD_URL`: where CloudWatch shows the stack's dashboard, if it has one.
    pub dashboard_url: Option<String>,
    /// `DOCUMENTS_URL`: where the documents are, without a slash at its end, if the operator says so.
    pub documents_url: Option<String>,
}

impl Config {
    /// Reads the configuration.
    ///
    /// # Errors
    /// The first variable that is missing.
    pub fn from_variables<F: Fn(&str) -> Option<String>>(
        variables: &Variables<F>,
    ) -> Result<Self, InvalidVariable> {
        let table = "the name of a table";
        Ok(Self {
            table: variables.required("TABLE_NAME", table)?,
            control_table: variables.required("CONTROL_TABLE_NAME", table)?,
            issuer: variables.optional("OIDC_ISSUER"),
            config_dir: variables
                .required("CONFIG_DIR", "the directory with channels.json")?
                .into(),
            stale: variables.stale()?,
            dashboard_url: variables.optional("DASHBOARD_URL"),
            documents_url: variables.optional("DOCUMENTS_URL"),
        })
    }
}
