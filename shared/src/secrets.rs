//! Secrets Manager. A secret is read when it is first needed, kept in memory for a while, and shown to nobody (`secrets-stay`).

#[cfg(feature = "secrets")]
mod sdk;
#[cfg(feature = "signed")]
mod signed;
#[cfg(test)]
#[path = "secrets/secrets_tests.rs"]
mod tests;

use std::collections::HashMap;
use std::fmt;
use std::pin::Pin;
use std::time::{Duration, Instant};

use secrecy::SecretString;
use thiserror::Error;
use tokio::sync::Mutex;

/// How old a secret in memory may be: the longest that a replaced secret is still accepted as the current one.
const MAX_AGE: Duration = Duration::from_secs(300);
/// How often a credential that fits nothing makes a secret be read again. Someone who guesses must not cost a call each time.
const REREAD_EVERY: Duration = Duration::from_secs(10);

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

/// Which version of a secret. Rotation leaves the value before the current one as the previous one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stage {
    /// The value of now.
    Current,
    /// The one before it.
    Previous,
}

impl Stage {
    /// Its name in Secrets Manager.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Current => "AWSCURRENT",
            Self::Previous => "AWSPREVIOUS",
        }
    }
}

/// A reading under way: the text of a secret, or that this version of it has none.
pub type Read<'a> = Pin<Box<dyn Future<Output = Result<Option<SecretString>, SecretError>> + Send + 'a>>;

/// Reads secrets from where they live. What is read is kept by [`Secrets`].
pub trait ReadSecret: Send + Sync {
    /// Reads a version of a secret, by its name or ARN. The future is boxed: what is in it is deep, and the futures around it would be
    /// too deep for the compiler.
    fn read<'a>(&'a self, id: &'a str, stage: Stage) -> Read<'a>;
}

/// The text of a secret, without the line end that an editor leaves; nothing but blanks is no secret.
#[cfg(any(feature = "secrets", feature = "signed"))]
fn text(value: Option<&str>) -> Option<&str> {
    value.map(str::trim).filter(|text| !text.is_empty())
}

/// True if an error of Secrets Manager says that there is no such secret. A policy names secrets by the ARNs that they get when they
/// are made: for the name of one that was never made it lets nobody read, which is answered like a missing permission.
#[cfg(any(feature = "secrets", feature = "signed"))]
fn is_absent(id: &str, code: Option<&str>) -> bool {
    match code {
        Some("ResourceNotFoundException") => true,
        Some("AccessDeniedException") if !id.starts_with("arn:") => {
            tracing::warn!(secret = id, "there is no such secret, or this function may not read it");
            true
        }
        _ => false,
    }
}

/// What was read: a value or that there is none, and when.
type Reading = (Option<SecretString>, Instant);

/// The secrets of a function.
pub struct Secrets {
    reader: Box<dyn ReadSecret>,
    cache: Mutex<HashMap<(String, Stage), Reading>>,
    /// When each secret was last read again for a credential that did not fit.
    rereads: Mutex<HashMap<String, Instant>>,
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secrets")
    }
}

impl Secrets {
    /// Secrets that are read with this: a client of the SDK, or a signed one.
    #[must_use]
    pub fn new(reader: impl ReadSecret + 'static) -> Self {
        Self { reader: Box::new(reader), cache: Mutex::default(), rereads: Mutex::default() }
    }

    /// The current value of a secret, at most five minutes old.
    ///
    /// # Errors
    /// If it has no value or cannot be read.
    pub async fn get(&self, id: &str) -> Result<SecretString, SecretError> {
        self.current(id, MAX_AGE).await
    }

    /// The current value of a secret, read again whatever is in memory: for a function that shows a secret to somebody else and had
    /// it refused.
    ///
    /// # Errors
    /// If it has no value or cannot be read.
    pub async fn of_now(&self, id: &str) -> Result<SecretString, SecretError> {
        self.current(id, Duration::ZERO).await
    }

    async fn current(&self, id: &str, age: Duration) -> Result<SecretString, SecretError> {
        self.read(id, Stage::Current, age).await?.ok_or_else(|| SecretError::NoValue { id: id.to_owned() })
    }

    /// The current value of a secret, and the one before it where there is one: what is signed during a rotation is signed with both.
    ///
    /// # Errors
    /// If it has no current value or cannot be read.
    pub async fn with_previous(&self, id: &str) -> Result<(SecretString, Option<SecretString>), SecretError> {
        Ok((self.get(id).await?, self.read(id, Stage::Previous, MAX_AGE).await?))
    }

    /// Checks a credential against a secret that may be being rotated: the value in memory, then, if that one does not fit,
    /// the value of now, then the one before it.
    ///
    /// # Errors
    /// If the secret has no value or cannot be read. The inner error is that of the check.
    pub async fn check<E>(&self, id: &str, check: impl Fn(&SecretString) -> Result<(), E>) -> Result<Result<(), E>, SecretError> {
        let Err(refused) = check(&self.get(id).await?) else { return Ok(Ok(())) };
        let age = if self.may_reread(id).await { Duration::ZERO } else { MAX_AGE };
        for stage in [Stage::Current, Stage::Previous] {
            if let Some(secret) = self.read(id, stage, age).await?
                && check(&secret).is_ok()
            {
                return Ok(Ok(()));
            }
        }
        Ok(Err(refused))
    }

    /// True, once every ten seconds for each secret.
    async fn may_reread(&self, id: &str) -> bool {
        let mut rereads = self.rereads.lock().await;
        let may = rereads.get(id).is_none_or(|last| last.elapsed() >= REREAD_EVERY);
        if may {
            rereads.insert(id.to_owned(), Instant::now());
        }
        may
    }

    /// A version of a secret, not older than `age`.
    async fn read(&self, id: &str, stage: Stage, age: Duration) -> Result<Option<SecretString>, SecretError> {
        let mut cache = self.cache.lock().await;
        let key = (id.to_owned(), stage);
        if let Some((secret, read_at)) = cache.get(&key)
            && read_at.elapsed() < age
        {
            return Ok(secret.clone());
        }
        let secret = self.reader.read(id, stage).await?;
        cache.insert(key, (secret.clone(), Instant::now()));
        Ok(secret)
    }
}
