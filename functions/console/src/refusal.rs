//! Every answer of the console that is not a 2xx or a 304: a problem document (RFC 9457), or a page with the same words.

use access::AccessError;
use aws::metrics::MetricsLine;
use lambda_http::http::StatusCode;
use store::StoreError;
use thiserror::Error;

/// Why a request is not answered.
#[derive(Debug, Error)]
pub(crate) enum Refusal {
    #[error(transparent)]
    Access(AccessError),
    #[error("there is nothing at {0}")]
    NoRoute(String),
    /// There is, but not with this method.
    #[error("{path} takes {allowed} only")]
    WrongMethod { path: String, allowed: String },
    #[error("there is no incident with this id")]
    NoIncident,
    /// A parameter is not what the route takes.
    #[error("{at}: {why}")]
    Malformed { at: String, why: String },
    /// A passing fault. What is inside is logged and not shown.
    #[error("this could not be read right now; try again")]
    Passing(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        Self::Passing(Box::new(error))
    }
}

impl From<AccessError> for Refusal {
    fn from(error: AccessError) -> Self {
        match error {
            AccessError::Store(error) => error.into(),
            other => Self::Access(other),
        }
    }
}

impl Refusal {
    pub(crate) fn malformed(at: &str, why: impl Into<String>) -> Self {
        let (at, why) = (at.to_owned(), why.into());
        Self::Malformed { at, why }
    }

    /// True if signing in helps.
    pub(crate) fn wants_sign_in(&self) -> bool {
        matches!(self, Self::Access(AccessError::Unauthenticated(_)))
    }

    /// The status, and the last part of the problem's `type`. Both are stable, and mean what they mean at ingress.
    pub(crate) fn kind(&self) -> (StatusCode, &'static str) {
        match self {
            Self::Access(AccessError::Unauthenticated(_)) => {
                (StatusCode::UNAUTHORIZED, "unauthenticated")
            }
            Self::Access(AccessError::MayNot | AccessError::Forged(_)) => {
                (StatusCode::FORBIDDEN, "not-allowed")
            }
            Self::NoRoute(_) => (StatusCode::NOT_FOUND, "no-route"),
            Self::WrongMethod { .. } => (StatusCode::METHOD_NOT_ALLOWED, "wrong-method"),
            Self::NoIncident => (StatusCode::NOT_FOUND, "no-incident"),
            Self::Malformed { .. } => (StatusCode::BAD_REQUEST, "malformed"),
            Self::Passing(_) | Self::Access(AccessError::Store(_)) => {
                (StatusCode::SERVICE_UNAVAILABLE, "unavailable")
            }
        }
    }

    /// What the request's line in the log tells of it.
    pub(crate) fn tell(&self, line: &mut MetricsLine) {
        let (status, kind) = self.kind();
        let failed = status.is_server_error();
        line.metric(if failed { "failed" } else { "refused" }, 1, "Count");
        line.field("problem", kind);
        if let Self::Access(AccessError::Unauthenticated(why) | AccessError::Forged(why)) = self {
            line.field("why", *why);
        }
    }

    /// The problem document.
    pub(crate) fn document(&self) -> String {
        let (status, kind) = self.kind();
        let at = match self {
            Self::Malformed { at, .. } => Some(at.as_str()),
            _ => None,
        };
        let title = status.canonical_reason().unwrap_or_default();
        wire::problem::document(kind, (status.as_u16(), title), &self.to_string(), at)
    }
}
