//! State of the board's function: the table, and the operator's routes once they were read.

use std::path::PathBuf;
use std::sync::OnceLock;
use std::time::Duration;

use aws::AwsEnvironment;
use domain::notification::channels::Channels;
use settings::channels_file;
use settings::config_error::ConfigErrors;
use store::{Store, StoreError};
use thiserror::Error;

use crate::config::Config;

/// How long one try of a request to AWS may take.
const ATTEMPT: Duration = Duration::from_secs(5);

/// Why a batch has to come again.
#[derive(Debug, Error)]
pub enum Failure {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Channels(#[from] ConfigErrors),
}

/// The function's state between batches.
#[derive(Debug)]
pub struct App {
    pub(crate) store: Store,
    config_dir: PathBuf,
    channels: OnceLock<Channels>,
}

impl App {
    pub fn new(config: Config, environment: &AwsEnvironment) -> Self {
        let dynamodb = aws_sdk_dynamodb::Client::new(&environment.sdk_config(ATTEMPT));
        Self {
            store: Store::new(dynamodb, config.table),
            config_dir: config.config_dir,
            channels: OnceLock::new(),
        }
    }

    /// The routes, which give incidents to teams.
    pub(crate) fn channels(&self) -> Result<&Channels, Failure> {
        if let Some(channels) = self.channels.get() {
            return Ok(channels);
        }
        let read = channels_file::load(&self.config_dir)?;
        Ok(self.channels.get_or_init(|| read))
    }
}
