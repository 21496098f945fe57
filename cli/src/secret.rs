//! Secrets for the command: from a file or from Secrets Manager, never from the command line or the
//! environment, which others can read.

use std::path::{Path, PathBuf};

use clap::Args;
use secrecy::SecretString;

use crate::aws::{self, Environment};
use crate::exit::Failure;
use crate::input;

/// Where the secret of the senders is.
#[derive(Debug, Args)]
pub(crate) struct SenderSecret {
    /// The file with the secret; a line end at its end is no part of it
    #[arg(long, value_name = "FILE", conflicts_with = "secret_id")]
    secret_file: Option<PathBuf>,
    /// The secret's name or ARN in Secrets Manager: the stack's output WebhookSecretArn
    #[arg(long, value_name = "ID")]
    secret_id: Option<String>,
}

impl SenderSecret {
    /// The secret, if one is named.
    pub(crate) async fn read(
        &self,
        variables: &Environment,
    ) -> Result<Option<SecretString>, Failure> {
        match (&self.secret_file, &self.secret_id) {
            (Some(file), _) => in_file(file).map(Some),
            (None, Some(id)) => Ok(Some(aws::secrets(variables).await?.get(id).await?)),
            (None, None) => Ok(None),
        }
    }
}

/// The secret in a file, without the line end that an editor leaves.
pub(crate) fn in_file(file: &Path) -> Result<SecretString, Failure> {
    let text = input::text(file)?;
    match text.trim() {
        "" => Err(Failure::wrong(format!(
            "{} holds no secret: it is empty",
            file.display()
        ))),
        secret => Ok(SecretString::from(secret)),
    }
}
