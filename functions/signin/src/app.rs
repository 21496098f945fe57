//! State of signing in: clients, what is known of the provider, and the operator's files once they were read.

use std::sync::OnceLock;
use std::time::Duration;

use aws::AwsEnvironment;
use aws::secrets::Secrets;
use domain::notification::channels::Channels;
use domain::notification::sign_in::SignIn;
use settings::config_error::ConfigErrors;
use settings::sign_in_file;
use settings::startup::StartupError;
use store::ControlTable;

use crate::config::Config;
use crate::provider::Provider;

/// How long one try of a request to AWS may take.
const ATTEMPT: Duration = Duration::from_secs(5);

/// The function's state between requests.
#[derive(Debug)]
pub struct App {
    pub(crate) control: ControlTable,
    pub(crate) secrets: Secrets,
    pub(crate) provider: Provider,
    pub(crate) config: Config,
    files: OnceLock<(SignIn, Channels)>,
}

impl App {
    /// Builds the clients. Nothing is read yet.
    ///
    /// # Errors
    /// If the HTTP client cannot be built.
    pub fn new(config: Config, environment: &AwsEnvironment) -> Result<Self, StartupError> {
        let aws = &environment.sdk_config(ATTEMPT);
        let dynamodb = aws_sdk_dynamodb::Client::new(aws);
        Ok(Self {
            control: ControlTable::new(dynamodb, config.control_table.clone()),
            secrets: Secrets::new(aws_sdk_secretsmanager::Client::new(aws)),
            provider: Provider::new(outbound::client()?, config.issuer.clone()),
            config,
            files: OnceLock::new(),
        })
    }

    /// Who may sign in, and the people whom the file names.
    pub(crate) fn files(&self) -> Result<&(SignIn, Channels), ConfigErrors> {
        if let Some(files) = self.files.get() {
            return Ok(files);
        }
        let read = sign_in_file::load(&self.config.config_dir)?;
        Ok(self.files.get_or_init(|| read))
    }
}
