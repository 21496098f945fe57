//! Client of the deployed API, in the name of a token's person: which stack, with whose token, and what its refusals mean.

pub(crate) mod lists;
pub(crate) mod model;

use std::path::PathBuf;

use clap::Args;
use form_urlencoded::Serializer;
use outbound::client;
use reqwest::header::IF_NONE_MATCH;
use reqwest::{Client, RequestBuilder, StatusCode};
use secrecy::{ExposeSecret as _, SecretString};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::aws::Environment;
use crate::exit::Failure;
use crate::http::{self, Answered};
use crate::profile::{self, Profile};
use crate::refused::Refused;
use crate::secret;

/// How much of an answer is read: an answer of Lambda has 6 MB at most
/// (<https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>).
const ANSWER_BYTES: usize = 6_500_000;

/// Which stack's API, and with whose token.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct ApiOf {
    /// The stack's output ApiUrl, in place of the profile's
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// The file with your own token, which `quell tokens make` has printed, in place of the profile's
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// The profile of ~/.config/quell/config.toml; if not said, that of QUELL_PROFILE, or its default
    #[arg(long, value_name = "NAME")]
    profile: Option<String>,
}

/// The API of one stack, for one person.
#[derive(Debug, Clone)]
pub(crate) struct Api {
    http: Client,
    /// Without a slash at its end.
    url: String,
    token: SecretString,
}

/// An answer with its tag.
#[derive(Debug, Clone)]
pub(crate) struct Tagged {
    pub(crate) answer: Value,
    pub(crate) tag: Option<String>,
}

impl ApiOf {
    /// The API that is meant.
    ///
    /// # Errors
    /// If no stack or no token is named, or the token cannot be read.
    pub(crate) async fn connect(&self, variables: &Environment) -> Result<Api, Failure> {
        // A profile's token is for its own stack: another URL gets it only where both are named.
        let profile = if self.url.is_some() && self.profile.is_none() {
            Profile::default()
        } else {
            profile::named(self.profile.as_deref(), variables)?.unwrap_or_default()
        };
        let url = match &self.url {
            Some(url) => url.clone(),
            None => profile.api_url(variables).await?,
        };
        let token = match &self.token_file {
            Some(file) => secret::in_file(file)?,
            None => profile.token(variables)?,
        };
        Api::new(&url, token)
    }
}

impl Api {
    pub(crate) fn new(url: &str, token: SecretString) -> Result<Self, Failure> {
        let url = url.trim_end_matches('/').to_owned();
        Ok(Self {
            http: client()?,
            url,
            token,
        })
    }

    /// The page of an incident, where a person decides. The output `ConsoleUrl` is the API's URL with `/console` behind it.
    pub(crate) fn page_of(&self, incident: &str) -> String {
        format!("{}/console/incidents/{incident}", self.url)
    }

    /// What a route answers to a GET. `path` begins behind `/api/v1/`.
    ///
    /// # Errors
    /// If there is no answer, or it is a refusal.
    pub(crate) async fn get(&self, path: &str, query: &[(&str, String)]) -> Result<Value, Failure> {
        let answered = http::sent(self.reading(path, query), ANSWER_BYTES).await?;
        self.json(&answered)
    }

    /// The same, read into a type.
    ///
    /// # Errors
    /// Likewise, or if the answer is of another version of Quell.
    pub(crate) async fn read<T: DeserializeOwned>(
        &self,
        path: &str,
        query: &[(&str, String)],
    ) -> Result<T, Failure> {
        typed(self.get(path, query).await?)
    }

    /// The same, if it is not what the caller has already.
    ///
    /// # Errors
    /// If there is no answer, or it is a refusal.
    pub(crate) async fn changed(
        &self,
        path: &str,
        query: &[(&str, String)],
        known: Option<&str>,
    ) -> Result<Option<Tagged>, Failure> {
        let mut request = self.reading(path, query);
        if let Some(tag) = known {
            request = request.header(IF_NONE_MATCH, tag);
        }
        let answered = http::sent(request, ANSWER_BYTES).await?;
        if answered.status == StatusCode::NOT_MODIFIED {
            return Ok(None);
        }
        let answer = self.json(&answered)?;
        let tag = answered.tag;
        Ok(Some(Tagged { answer, tag }))
    }

    /// What a route answers to a POST without a body.
    ///
    /// # Errors
    /// If there is no answer, or it is a refusal.
    pub(crate) async fn post(&self, path: &str) -> Result<Value, Failure> {
        let request = self.http.post(self.route(path));
        self.sends(request).await
    }

    /// What a route answers to a POST of JSON.
    ///
    /// # Errors
    /// If there is no answer, or it is a refusal.
    pub(crate) async fn post_json(
        &self,
        path: &str,
        body: &impl serde::Serialize,
    ) -> Result<Value, Failure> {
        let request = self.http.post(self.route(path)).json(body);
        self.sends(request).await
    }

    async fn sends(&self, request: RequestBuilder) -> Result<Value, Failure> {
        let request = request.bearer_auth(self.token.expose_secret());
        self.json(&http::sent(request, ANSWER_BYTES).await?)
    }

    fn route(&self, path: &str) -> String {
        format!("{}/api/v1/{path}", self.url)
    }

    fn reading(&self, path: &str, query: &[(&str, String)]) -> RequestBuilder {
        let mut url = self.route(path);
        if !query.is_empty() {
            let mut pairs = Serializer::new(String::new());
            pairs.extend_pairs(query);
            url = format!("{url}?{}", pairs.finish());
        }
        self.http.get(url).bearer_auth(self.token.expose_secret())
    }

    fn json(&self, answered: &Answered) -> Result<Value, Failure> {
        let json: Option<Value> = serde_json::from_slice(&answered.body).ok();
        match json {
            // Every answer of Quell is an object: what reads it may rely on that.
            Some(answer) if answered.status.is_success() && answer.is_object() => Ok(answer),
            answer => Err(Refused::of(answered.status, answer.as_ref(), &self.url).into()),
        }
    }
}

/// An answer as a type.
///
/// # Errors
/// If it is of another version of Quell.
pub(crate) fn typed<T: DeserializeOwned>(answer: Value) -> Result<T, Failure> {
    serde_path_to_error::deserialize(answer).map_err(|error| {
        Failure::wrong(format!(
            "the API's answer is not what this version of the command reads ({error}): compare `quell --version` with the stack's"
        ))
    })
}
