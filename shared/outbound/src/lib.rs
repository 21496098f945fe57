//! HTTP client for everything outside AWS. It follows no redirects and bounds how much of an answer
//! it reads.

pub mod alertmanager;
mod public;

use std::error::Error as _;
use std::time::Duration;

use domain::phrase;
use domain::primitives::phrase::Phrase;
use reqwest::redirect::Policy;
use reqwest::{Client, ClientBuilder, Response};
use settings::startup::StartupError;
use thiserror::Error;

pub use public::{NotPublic, PublicClient, Reach, is_public, refusal};

/// How long making a connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// Why there is no client.
#[derive(Debug, Error)]
#[error("the HTTP client cannot be built: {0}")]
pub struct NoClient(String);

impl From<NoClient> for StartupError {
    fn from(error: NoClient) -> Self {
        Self::Client(error.into())
    }
}

/// Why a body was not read.
#[derive(Debug, Error)]
pub enum BodyError {
    /// It is longer than it may be.
    #[error("{}", self.phrase())]
    TooLong(usize),
    #[error("{}", self.phrase())]
    Broken(String),
}

impl BodyError {
    /// The same for people.
    pub fn phrase(&self) -> Phrase {
        match self {
            Self::TooLong(bytes) => phrase!("it is longer than {bytes} bytes", bytes),
            Self::Broken(why) => phrase!("the connection broke: {why}", why),
        }
    }
}

/// The client for everything that is not AWS. It trusts the system's roots and follows no redirect: a redirected call would take its
/// key along. How long a whole call may take is for the caller to say.
///
/// # Errors
/// If the system's certificates cannot be read.
pub fn client() -> Result<Client, NoClient> {
    builder().build().map_err(|error| NoClient(reason(error)))
}

/// What every client has in common.
fn builder() -> ClientBuilder {
    // A second call finds the provider installed.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .redirect(Policy::none())
}

/// The whole body of an answer, if it has at most this many bytes.
///
/// # Errors
/// If it is longer, of which no more is read then, or if the connection breaks.
pub async fn body(mut response: Response, most: usize) -> Result<Vec<u8>, BodyError> {
    let mut body = Vec::new();
    while let Some(chunk) = response
        .chunk()
        .await
        .map_err(|error| BodyError::Broken(reason(error)))?
    {
        if body.len() + chunk.len() > most {
            return Err(BodyError::TooLong(most));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// Why a call failed, with every cause and without its URL, which may contain a token or a password
/// (`secrets-stay`).
pub fn reason(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        words = format!("{words}: {error}");
        cause = error.source();
    }
    words
}
