//! Secret reader that uses the AWS SDK.

use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::error::ProvideErrorMetadata as _;
use jiff::Timestamp;
use secrecy::SecretString;

use super::{Read, ReadSecret, SecretError, Stage, Version, is_absent, is_permanent, text};

impl ReadSecret for Client {
    fn read<'a>(&'a self, id: &'a str, stage: Stage) -> Read<'a> {
        Box::pin(async move {
            match self
                .get_secret_value()
                .secret_id(id)
                .version_stage(stage.as_str())
                .send()
                .await
            {
                Ok(answer) => {
                    let made_at = answer
                        .created_date()
                        .and_then(|date| Timestamp::new(date.secs(), 0).ok());
                    Ok(text(answer.secret_string()).map(|text| Version {
                        text: SecretString::from(text),
                        made_at,
                    }))
                }
                Err(error) if is_absent(id, error.code()) => Ok(None),
                Err(error) => Err(SecretError::Unavailable {
                    id: id.to_owned(),
                    permanent: is_permanent(error.code()),
                    cause: error.into(),
                }),
            }
        })
    }
}
