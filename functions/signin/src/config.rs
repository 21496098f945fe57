//! Configuration of signing in from environment variables.

use std::path::PathBuf;

use settings::variables::{InvalidVariable, Variables};

/// The configuration; `template.yaml` sets every variable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// `CONTROL_TABLE_NAME`: the table with the sessions.
    pub control_table: String,
    /// `CONFIG_DIR`: where the operator's sign-in.json, channels.json and people.json are.
    pub config_dir: PathBuf,
    /// `OIDC_ISSUER`: the provider, by its issuer identifier.
    pub issuer: String,
    /// `OIDC_CLIENT_ID`: what the provider calls Quell.
    pub client_id: String,
    /// `OIDC_REDIRECT_URI`: where the provider sends people back to. Never taken from a request.
    pub redirect_uri: String,
    /// `OIDC_CLIENT_SECRET_ID`: the secret with which Quell proves itself to the provider.
    pub client_secret: String,
}

impl Config {
    /// Reads the configuration.
    ///
    /// # Errors
    /// The first variable that is missing.
    pub fn from_variables<F: Fn(&str) -> Option<String>>(
        variables: &Variables<F>,
    ) -> Result<Self, InvalidVariable> {
        Ok(Self {
            control_table: variables.required("CONTROL_TABLE_NAME", "the name of a table")?,
            config_dir: variables
                .required("CONFIG_DIR", "the directory with sign-in.json")?
                .into(),
            issuer: variables.required("OIDC_ISSUER", "the identity provider's issuer")?,
            client_id: variables.required("OIDC_CLIENT_ID", "the id of a client")?,
            redirect_uri: variables.required("OIDC_REDIRECT_URI", "a URL of this function")?,
            client_secret: variables
                .required("OIDC_CLIENT_SECRET_ID", "the name or ARN of a secret")?,
        })
    }
}
