//! Secrets that are read with the SDK.

use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::error::{DisplayErrorContext, ProvideErrorMetadata as _};
use secrecy::SecretString;

use super::{Read, ReadSecret, SecretError, Stage, is_absent, text};

impl ReadSecret for Client {
    fn read<'a>(&'a self, id: &'a str, stage: Stage) -> Read<'a> {
        Box::pin(async move {
            match self.get_secret_value().secret_id(id).version_stage(stage.as_str()).send().await {
                Ok(answer) => Ok(text(answer.secret_string()).map(SecretString::from)),
                Err(error) if is_absent(id, error.code()) => Ok(None),
                Err(error) => Err(SecretError::Unavailable { id: id.to_owned(), why: DisplayErrorContext(&error).to_string() }),
            }
        })
    }
}
