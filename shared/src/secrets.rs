//! Secrets Manager. A secret is read when it is first needed, kept in memory for a while, and shown to nobody (`secrets-stay`).

use std::collections::HashMap;
use std::fmt;
use std::time::{Duration, Instant};

use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::error::DisplayErrorContext;
use secrecy::SecretString;
use thiserror::Error;
use tokio::sync::Mutex;

/// How old a secret in memory may be: the longest that a replaced secret is still accepted.
const MAX_AGE: Duration = Duration::from_secs(300);

/// Why there is no secret. The text names the secret, never its value.
#[derive(Debug, Error)]
pub enum SecretError {
    /// It has no value: nobody has put one there.
    #[error("the secret {id} has no value yet: put one there with `aws secretsmanager put-secret-value`")]
    NoValue {
        /// Which.
        id: String,
    },
    /// Secrets Manager did not give it.
    #[error("the secret {id} cannot be read: {why}")]
    Unavailable {
        /// Which.
        id: String,
        /// Why.
        why: String,
    },
}

/// The secrets of a function.
pub struct Secrets {
    client: Client,
    cache: Mutex<HashMap<String, (SecretString, Instant)>>,
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secrets")
    }
}

impl Secrets {
    /// Secrets that are read with this client.
    #[must_use]
    pub fn new(client: Client) -> Self {
        Self { client, cache: Mutex::new(HashMap::new()) }
    }

    /// The current value of a secret, at most five minutes old.
    ///
    /// # Errors
    /// If it has no value or cannot be read.
    pub async fn get(&self, id: &str) -> Result<SecretString, SecretError> {
        let mut cache = self.cache.lock().await;
        if let Some((secret, read_at)) = cache.get(id)
            && read_at.elapsed() < MAX_AGE
        {
            return Ok(secret.clone());
        }
        let answer = self.client.get_secret_value().secret_id(id).send().await.map_err(|error| {
            if error
                .as_service_error()
                .is_some_and(aws_sdk_secretsmanager::operation::get_secret_value::GetSecretValueError::is_resource_not_found_exception)
            {
                SecretError::NoValue { id: id.to_owned() }
            } else {
                SecretError::Unavailable { id: id.to_owned(), why: DisplayErrorContext(&error).to_string() }
            }
        })?;
        let text = answer.secret_string().map(str::trim).filter(|text| !text.is_empty());
        let secret = SecretString::from(text.ok_or_else(|| SecretError::NoValue { id: id.to_owned() })?);
        cache.insert(id.to_owned(), (secret.clone(), Instant::now()));
        Ok(secret)
    }
}
