//! Secrets that are read with the SDK.

use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::error::DisplayErrorContext;
use aws_sdk_secretsmanager::operation::get_secret_value::GetSecretValueError;
use secrecy::SecretString;

use super::{Read, ReadSecret, SecretError, Stage, text};

impl ReadSecret for Client {
    fn read<'a>(&'a self, id: &'a str, stage: Stage) -> Read<'a> {
        Box::pin(async move {
            match self.get_secret_value().secret_id(id).version_stage(stage.as_str()).send().await {
                Ok(answer) => Ok(text(answer.secret_string()).map(SecretString::from)),
                Err(error) if error.as_service_error().is_some_and(GetSecretValueError::is_resource_not_found_exception) => Ok(None),
                Err(error) => Err(SecretError::Unavailable { id: id.to_owned(), why: DisplayErrorContext(&error).to_string() }),
            }
        })
    }
}
