//! Client of Secrets Manager. A secret is read when it is first needed, cached in memory for a
//! while, and never printed (`secrets-stay`).

#[cfg(feature = "secrets-sdk")]
mod sdk;
mod signed;

use std::collections::HashMap;
use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use domain::phrase;
use domain::primitives::phrase::Phrase;
use jiff::{SignedDuration, Timestamp};
use secrecy::SecretString;
use thiserror::Error;

use crate::Cause;

/// Maximum age of a cached secret: the longest that a replaced secret is still accepted as the
/// current one.
const MAX_AGE: Duration = Duration::from_secs(300);
/// For how many seconds after a rotation the version before is accepted, where nothing else is configured: long enough to change the
/// senders, short enough that a rotation after a leak ends it the same day.
pub const PREVIOUS_ACCEPTED_SECONDS: u32 = 3600;
/// Minimum time between two rereads caused by a credential that matches nothing. A guesser must not
/// cost a call each time.
const REREAD_EVERY: Duration = Duration::from_secs(10);

/// Why there is no secret. The text names the secret, never its value.
#[derive(Debug, Error)]
pub enum SecretError {
    /// The secret exists, but no value was put into it.
    #[error(
        "the secret {id} has no value yet: put one there with `aws secretsmanager put-secret-value`"
    )]
    NoValue { id: String },
    /// Secrets Manager did not give it.
    #[error("the secret {id} cannot be read")]
    Unavailable {
        id: String,
        /// True if it stays so until an operator changes something.
        permanent: bool,
        #[source]
        cause: Cause,
    },
}

impl SecretError {
    /// The same for people, without the cause: that is for the log, and can name roles.
    pub fn phrase(&self) -> Phrase {
        match self {
            Self::NoValue { id } => phrase!(
                "the secret {id} has no value yet: put one there with `aws secretsmanager put-secret-value`",
                id
            ),
            Self::Unavailable { id, .. } => phrase!("the secret {id} cannot be read", id),
        }
    }
}

/// The version of a secret. Rotation keeps the value before the current one as the previous one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stage {
    /// The value of now.
    Current,
    /// The one before it.
    Previous,
}

impl Stage {
    /// Its name in Secrets Manager.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Current => "AWSCURRENT",
            Self::Previous => "AWSPREVIOUS",
        }
    }
}

/// One version of a secret.
#[derive(Debug, Clone)]
pub struct Version {
    pub text: SecretString,
    /// When it was made (`CreatedDate`, which Secrets Manager gives with each version:
    /// <https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetSecretValue.html>).
    pub made_at: Option<Timestamp>,
}

/// A reading under way: a version of a secret, or that there is no such version or no text in it.
pub type Read<'a> = Pin<Box<dyn Future<Output = Result<Option<Version>, SecretError>> + Send + 'a>>;

/// Reads secrets from where they live. What is read is kept by [`Secrets`].
pub trait ReadSecret: Send + Sync {
    /// Reads a version of a secret, by its name or ARN. The future is boxed: what is in it is deep, and the futures around it would be
    /// too deep for the compiler.
    fn read<'a>(&'a self, id: &'a str, stage: Stage) -> Read<'a>;
}

/// The text of a secret, without the line end that an editor leaves; nothing but blanks is no secret.
fn text(value: Option<&str>) -> Option<&str> {
    value.map(str::trim).filter(|text| !text.is_empty())
}

/// True if an error of Secrets Manager says that there is no such secret. A policy names secrets by
/// the ARNs that they get when they are created: it grants nothing for the name of a secret that
/// was never created, so that is answered like a missing permission.
fn is_absent(id: &str, code: Option<&str>) -> bool {
    match code {
        Some("ResourceNotFoundException") => true,
        Some("AccessDeniedException") if !id.starts_with("arn:") => {
            tracing::warn!(
                secret = id,
                "there is no such secret, or this function may not read it"
            );
            true
        }
        _ => false,
    }
}

/// What was read: a version or that there is none, and when.
type Reading = (Option<Version>, Instant);
/// A version in the cache. Its lock is held while it is read: whoever needs the same one waits for that reading, and
/// nobody who needs another.
type Slot = Arc<tokio::sync::Mutex<Option<Reading>>>;

/// The lock of a map, for as long as it takes to look something up: never while a reading is waited for.
fn held<T>(map: &Mutex<T>) -> MutexGuard<'_, T> {
    map.lock().unwrap_or_else(PoisonError::into_inner)
}

/// True if an error of Secrets Manager does not pass: the function or the key's policy does not allow it, or the secret is to be
/// deleted (<https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetSecretValue.html#API_GetSecretValue_Errors>).
fn is_permanent(code: Option<&str>) -> bool {
    matches!(
        code,
        Some("AccessDeniedException" | "DecryptionFailure" | "InvalidRequestException")
    )
}

/// The secrets of a function.
pub struct Secrets {
    reader: Box<dyn ReadSecret>,
    cache: Mutex<HashMap<(String, Stage), Slot>>,
    /// When each secret was last read again for a credential that did not fit.
    rereads: Mutex<HashMap<String, Instant>>,
    /// For how long after a rotation the version before is accepted.
    previous_accepted: SignedDuration,
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secrets")
    }
}

impl Secrets {
    /// Secrets that are read with this: a client of the SDK, or a signed one.
    pub fn new(reader: impl ReadSecret + 'static) -> Self {
        let previous_accepted = SignedDuration::from_secs(i64::from(PREVIOUS_ACCEPTED_SECONDS));
        Self {
            reader: Box::new(reader),
            cache: Mutex::default(),
            rereads: Mutex::default(),
            previous_accepted,
        }
    }

    /// The same secrets, of which the previous version is accepted for so long after the current one was made.
    #[must_use]
    pub fn accepting_previous_for(self, previous_accepted: SignedDuration) -> Self {
        Self {
            previous_accepted,
            ..self
        }
    }

    /// The current value of a secret, at most five minutes old.
    ///
    /// # Errors
    /// If it has no value or cannot be read.
    pub async fn get(&self, id: &str) -> Result<SecretString, SecretError> {
        self.current(id, MAX_AGE).await
    }

    /// The current value of a secret, read again even if it is cached: for a function that presents
    /// a secret to another service and was refused.
    ///
    /// # Errors
    /// If it has no value or cannot be read.
    pub async fn get_fresh(&self, id: &str) -> Result<SecretString, SecretError> {
        self.current(id, Duration::ZERO).await
    }

    async fn current(&self, id: &str, age: Duration) -> Result<SecretString, SecretError> {
        Ok(self.current_version(id, age).await?.text)
    }

    async fn current_version(&self, id: &str, age: Duration) -> Result<Version, SecretError> {
        self.read(id, Stage::Current, age)
            .await?
            .ok_or_else(|| SecretError::NoValue { id: id.to_owned() })
    }

    /// The current value of a secret, and the one before it where there is one: what Quell signs during a rotation is signed with both.
    /// No time ends that, because it is the receiver who decides how long it accepts the old key.
    ///
    /// # Errors
    /// If it has no current value or cannot be read.
    pub async fn with_previous(
        &self,
        id: &str,
    ) -> Result<(SecretString, Option<SecretString>), SecretError> {
        Ok((
            self.get(id).await?,
            self.read(id, Stage::Previous, MAX_AGE)
                .await?
                .map(|previous| previous.text),
        ))
    }

    /// Checks a credential against a secret that may be being rotated: the value in memory, then, if that one does not fit,
    /// the value of now, then the one before it, if the current one is new enough.
    ///
    /// # Errors
    /// If the secret has no value or cannot be read. The inner error is that of the check.
    pub async fn check<E>(
        &self,
        id: &str,
        now: Timestamp,
        check: impl Fn(&SecretString) -> Result<(), E>,
    ) -> Result<Result<(), E>, SecretError> {
        let Err(refused) = check(&self.get(id).await?) else {
            return Ok(Ok(()));
        };
        let age = if self.may_reread(id) {
            Duration::ZERO
        } else {
            MAX_AGE
        };
        let current = self.current_version(id, age).await?;
        if check(&current.text).is_ok() {
            return Ok(Ok(()));
        }
        if self.accepts_previous(id, &current, now)
            && let Some(previous) = self.read(id, Stage::Previous, age).await?
            && check(&previous.text).is_ok()
        {
            return Ok(Ok(()));
        }
        Ok(Err(refused))
    }

    /// True if the version before this one is still accepted. The time counts from when the current
    /// version was made: of the one before it Secrets Manager knows only when it was made itself,
    /// not when it was replaced. Without a time there is no sign that the rotation is recent, so
    /// the previous version is refused.
    fn accepts_previous(&self, id: &str, current: &Version, now: Timestamp) -> bool {
        let Some(made_at) = current.made_at else {
            tracing::warn!(
                secret = id,
                "Secrets Manager does not say when this secret was made: its previous version is not accepted"
            );
            return false;
        };
        now.duration_since(made_at) < self.previous_accepted
    }

    /// True, once every ten seconds for each secret.
    fn may_reread(&self, id: &str) -> bool {
        let mut rereads = held(&self.rereads);
        let may = rereads
            .get(id)
            .is_none_or(|last| last.elapsed() >= REREAD_EVERY);
        if may {
            rereads.insert(id.to_owned(), Instant::now());
        }
        may
    }

    /// A version of a secret, not older than `age`.
    async fn read(
        &self,
        id: &str,
        stage: Stage,
        age: Duration,
    ) -> Result<Option<Version>, SecretError> {
        let key = (id.to_owned(), stage);
        let slot = Arc::clone(held(&self.cache).entry(key).or_default());
        let mut slot = slot.lock().await;
        if let Some((secret, read_at)) = &*slot
            && read_at.elapsed() < age
        {
            return Ok(secret.clone());
        }
        let secret = self.reader.read(id, stage).await?;
        *slot = Some((secret.clone(), Instant::now()));
        Ok(secret)
    }
}

#[cfg(test)]
#[path = "secrets/secrets_tests.rs"]
mod tests;
