//! Refusals of a sign-in: what people read, and what the log says.

use access::{AccessError, FormNote};
use aws::metrics::MetricsLine;
use aws::secrets::SecretError;
use domain::notification::sign_in::SignInRefusal;
use settings::config_error::ConfigErrors;
use store::StoreError;
use thiserror::Error;

use crate::exchange::ExchangeError;
use crate::id_token::IdTokenError;
use crate::provider::ProviderError;

/// Why a sign-in is refused. The texts are for the log: no page shows one.
#[derive(Debug, Error)]
pub(crate) enum Refusal {
    #[error("there is nothing at this path")]
    NoRoute,
    #[error("this path takes GET only")]
    WrongMethod,
    #[error("the browser has no sign-in under way, or it took more than ten minutes")]
    NotBegun,
    #[error("the answer is not written as one of a provider is")]
    Malformed,
    #[error("the answer is to another sign-in")]
    OtherState,
    #[error("the answer was used before")]
    CameBack,
    #[error("the answer is of another issuer")]
    OtherIssuer,
    /// A code of the standard, such as `access_denied`.
    #[error("the provider refuses ({0})")]
    Denied(String),
    #[error(transparent)]
    Provider(#[from] ProviderError),
    #[error(transparent)]
    Exchange(#[from] ExchangeError),
    #[error(transparent)]
    IdToken(#[from] IdTokenError),
    #[error(transparent)]
    Person(#[from] SignInRefusal),
    #[error(transparent)]
    Secret(#[from] SecretError),
    #[error(transparent)]
    Files(#[from] ConfigErrors),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the system has no random numbers")]
    NoNumbers,
}

impl From<AccessError> for Refusal {
    fn from(error: AccessError) -> Self {
        match error {
            AccessError::Store(error) => Self::Store(error),
            _ => Self::NoNumbers,
        }
    }
}

impl Refusal {
    /// What the form says.
    pub(crate) fn note(&self) -> FormNote {
        match self {
            Self::NoRoute | Self::WrongMethod => FormNote::Setup,
            Self::NotBegun | Self::Malformed | Self::OtherState | Self::CameBack => {
                FormNote::Expired
            }
            Self::Denied(_) => FormNote::Denied,
            Self::Exchange(error) if error.is_about_code() => FormNote::Expired,
            Self::Exchange(error) if error.is_about_client() => FormNote::Setup,
            Self::Provider(_) | Self::Exchange(_) => FormNote::Provider,
            Self::OtherIssuer | Self::IdToken(_) => FormNote::Untrusted,
            Self::Person(SignInRefusal::NoEmail | SignInRefusal::EmailNotVerified) => {
                FormNote::NoEmail
            }
            Self::Person(SignInRefusal::NotAPerson) => FormNote::NoPerson,
            Self::Person(SignInRefusal::NoGroup) => FormNote::NoGroup,
            Self::Secret(_) | Self::Files(_) | Self::Store(_) | Self::NoNumbers => FormNote::Setup,
        }
    }

    /// True if sign-ins fail until an operator, the provider or AWS does something. Nothing that a visitor sends leads to it.
    pub(crate) fn is_ours(&self) -> bool {
        match self {
            Self::Exchange(error) => !error.is_about_code(),
            Self::Provider(_)
            | Self::Secret(_)
            | Self::Files(_)
            | Self::Store(_)
            | Self::NoNumbers => true,
            _ => false,
        }
    }

    /// What the request's line in the log tells of it.
    pub(crate) fn tell(&self, line: &mut MetricsLine) {
        let name = if self.is_ours() { "failed" } else { "refused" };
        line.metric(name, 1, "Count");
        line.field("problem", self.note().code());
        line.field("why", self.to_string());
    }
}
