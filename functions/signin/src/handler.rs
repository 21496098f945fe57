//! The two requests of a sign-in: one that leads to the provider, and one that comes back from it.

use std::time::Instant;

use access::{path_of, root};
use aws::metrics::MetricsLine;
use aws::{Chain, requests_sent};
use jiff::Timestamp;
use lambda_http::http::{HeaderMap, Method, StatusCode};
use lambda_http::{Body, Error, Request, RequestExt as _, Response};
use reqwest::Url;
use secrecy::{ExposeSecret as _, SecretString};
use tracing::{Instrument as _, error, info, info_span};

use crate::app::App;
use crate::exchange::{ClientOf, ExchangeError, exchange, plain};
use crate::id_token::{self, Expected, IdToken, IdTokenError};
use crate::jwks::SignatureError;
use crate::pending::{self, Pending};
use crate::provider::{Metadata, ProviderError};
use crate::refusal::Refusal;
use crate::reply::{problem, see_other};

const BEGIN: &str = "console/sign-in/oidc";
const COME_BACK: &str = "console/sign-in/oidc/callback";
/// The longest code that is handed on; those of the standard's examples have 20 characters, and some providers' a thousand.
const MOST_CODE_BYTES: usize = 4_096;

/// Where a request leads.
#[derive(Debug)]
struct Leads {
    to: String,
    cookies: Vec<String>,
}

impl App {
    /// Answers a request, and writes its line of log and metrics.
    ///
    /// # Errors
    /// Never: a failure is an answer too.
    pub async fn answer(&self, request: Request, now: Timestamp) -> Result<Response<Body>, Error> {
        let (began, sent_before) = (Instant::now(), requests_sent());
        let context = request.lambda_context_ref();
        let request_id = context.map(|context| context.request_id.clone());
        let request_id = request_id.unwrap_or_default();
        let path = request.uri().path().trim_matches('/').to_owned();
        let route = [BEGIN, COME_BACK].into_iter().find(|known| *known == path);
        let span = info_span!("request", request_id);
        let visited = self.visit(route, &request, now);
        let answered = visited.instrument(span.clone()).await;
        let mut line = MetricsLine::new("route", route.unwrap_or("none"));
        line.field("request_id", request_id);
        let milliseconds = (began.elapsed().as_secs_f64() * 1e5).round() / 1e2;
        line.metric("latency", milliseconds, "Milliseconds");
        line.metric("aws_requests", requests_sent() - sent_before, "Count");
        let response = match answered {
            Ok(Leads { to, cookies }) => see_other(&to, &cookies),
            Err(refusal) => {
                if refusal.is_ours() {
                    span.in_scope(
                        || error!(error = %Chain(&refusal), "signing in at the provider failed"),
                    );
                }
                refusal.tell(&mut line);
                refused(&refusal, &request)
            }
        };
        line.field("status", response.status().as_u16());
        line.write(now);
        Ok(response)
    }

    async fn visit(
        &self,
        route: Option<&str>,
        request: &Request,
        now: Timestamp,
    ) -> Result<Leads, Refusal> {
        if route.is_some() && request.method() != Method::GET {
            return Err(Refusal::WrongMethod);
        }
        let query = request.uri().query().unwrap_or_default();
        match route {
            Some(BEGIN) => self.begin(query, now).await,
            Some(_) => {
                let root = root(request.uri().path());
                self.come_back(request.headers(), query, &root, now).await
            }
            None => Err(Refusal::NoRoute),
        }
    }

    /// Leads to the provider, with what its answer has to bring back (OpenID Connect Core 1.0, 3.1.2.1).
    async fn begin(&self, query: &str, now: Timestamp) -> Result<Leads, Refusal> {
        let (sign_in, _) = self.files()?;
        let metadata = self.provider.metadata(now).await?;
        let key = self.secrets.get(&self.config.client_secret).await?;
        let next = path_of(one(query, "next").unwrap_or_default());
        let pending = Pending::begin(next, now).ok_or(Refusal::NoNumbers)?;
        let to = authorization(&metadata, &self.config.client_id, &self.config.redirect_uri)?;
        let scopes = ["openid"].into_iter();
        let scopes = scopes.chain(sign_in.scopes.iter().map(String::as_str));
        let mut scopes: Vec<&str> = scopes.collect();
        scopes.dedup();
        Ok(Leads {
            to: with_challenge(to, &scopes.join(" "), &pending),
            cookies: vec![pending.set_cookie(&key)],
        })
    }

    /// Begins a session for whom the provider knows, and leads to the page that they wanted.
    async fn come_back(
        &self,
        headers: &HeaderMap,
        query: &str,
        root: &str,
        now: Timestamp,
    ) -> Result<Leads, Refusal> {
        let secret = self.secrets.get(&self.config.client_secret).await?;
        let cookie = access::cookie(headers, pending::COOKIE);
        let pending = cookie.and_then(|cookie| Pending::read(cookie, &secret, now));
        let pending = pending.ok_or(Refusal::NotBegun)?;
        let state = one(query, "state")?.ok_or(Refusal::Malformed)?;
        if !pending.is_answered_by(&state) {
            return Err(Refusal::OtherState);
        }
        let metadata = self.provider.metadata(now).await?;
        let code = code(query, &metadata)?;
        // Before the code is used: who comes back with the same address again, from a history or a log, gets nothing.
        if !self.control.comes_back(&pending.digest(), now).await? {
            return Err(Refusal::CameBack);
        }
        let token = self.exchanged(&metadata, &secret, &code, &pending).await?;
        let (sign_in, channels) = self.files()?;
        let IdToken { claims, expires_at } = self
            .verified(&token, &metadata, &pending.nonce, now)
            .await?;
        let grant = sign_in.grant(&claims, channels)?;
        let until = sign_in.ends_with_id_token.then_some(expires_at);
        let begun = access::begin_granted(&self.control, grant, until, now).await?;
        let (person, session) = (begun.person, begun.session.id);
        info!(
            person,
            session, "a session has begun at the identity provider"
        );
        Ok(Leads {
            to: format!("{root}{}", pending.next),
            cookies: vec![begun.set_cookie, pending::end_cookie()],
        })
    }

    /// The ID token for a code. If the provider does not take the secret, it may have been replaced a moment ago.
    async fn exchanged(
        &self,
        metadata: &Metadata,
        secret: &SecretString,
        code: &str,
        pending: &Pending,
    ) -> Result<String, Refusal> {
        let parts = (code, pending.verifier.as_str());
        let found = exchange(self.provider.http(), metadata, self.client(secret), parts).await;
        if !found.as_ref().is_err_and(ExchangeError::is_about_client) {
            return Ok(found?);
        }
        let fresh = self.secrets.get_fresh(&self.config.client_secret).await?;
        if fresh.expose_secret() == secret.expose_secret() {
            return Ok(found?);
        }
        Ok(exchange(self.provider.http(), metadata, self.client(&fresh), parts).await?)
    }

    fn client<'a>(&'a self, secret: &'a SecretString) -> ClientOf<'a> {
        ClientOf {
            id: &self.config.client_id,
            secret,
            redirect_uri: &self.config.redirect_uri,
        }
    }

    /// Verifies an ID token. The provider's keys are read again, once, for one with a key that is not known.
    async fn verified(
        &self,
        token: &str,
        metadata: &Metadata,
        nonce: &str,
        now: Timestamp,
    ) -> Result<IdToken, Refusal> {
        let (sign_in, _) = self.files()?;
        let expected = Expected {
            issuer: &self.config.issuer,
            client_id: &self.config.client_id,
            nonce,
            groups_claim: &sign_in.groups_claim,
        };
        let keys = self.provider.keys(metadata, now).await?;
        match id_token::verify(token, &keys, &expected, now) {
            Err(IdTokenError::Signature(SignatureError::UnknownKey)) => {
                let keys = self.provider.fresh_keys(metadata, now).await?;
                Ok(id_token::verify(token, &keys, &expected, now)?)
            }
            verified => Ok(verified?),
        }
    }
}

/// The provider's address, with who asks and where the answer goes.
fn authorization(
    metadata: &Metadata,
    client_id: &str,
    redirect_uri: &str,
) -> Result<Url, ProviderError> {
    let at = &metadata.authorization_endpoint;
    let mut url = Url::parse(at).map_err(|_| ProviderError::NotHttps(at.clone()))?;
    url.query_pairs_mut()
        .append_pair("response_type", "code")
        .append_pair("client_id", client_id)
        .append_pair("redirect_uri", redirect_uri);
    Ok(url)
}

fn with_challenge(mut url: Url, scope: &str, pending: &Pending) -> String {
    url.query_pairs_mut()
        .append_pair("scope", scope)
        .append_pair("state", &pending.state)
        .append_pair("nonce", &pending.nonce)
        .append_pair("code_challenge", &pending.challenge())
        .append_pair("code_challenge_method", "S256");
    url.into()
}

/// The code of an answer, if the provider has given one.
fn code(query: &str, metadata: &Metadata) -> Result<String, Refusal> {
    // An answer that names its issuer is that issuer's, and one that says it always does has to (RFC 9207, 2.4).
    let issuer = one(query, "iss")?;
    let is_named = metadata.authorization_response_iss_parameter_supported || issuer.is_some();
    if is_named && issuer.as_deref() != Some(metadata.issuer.as_str()) {
        return Err(Refusal::OtherIssuer);
    }
    if let Some(error) = one(query, "error")? {
        return Err(Refusal::Denied(plain(&error)));
    }
    let code = one(query, "code")?.filter(|code| (1..=MOST_CODE_BYTES).contains(&code.len()));
    code.ok_or(Refusal::Malformed)
}

/// The one value of a parameter. Of one that is sent twice, it is not known which counts (RFC 6749, 3.1).
fn one(query: &str, name: &str) -> Result<Option<String>, Refusal> {
    let fields = form_urlencoded::parse(query.as_bytes());
    let mut values = fields.filter(|(known, _)| known == name);
    let first = values.next();
    if values.next().is_some() {
        return Err(Refusal::Malformed);
    }
    Ok(first.map(|(_, value)| value.into_owned()))
}

/// Leads back to the form, which says what is wrong in the reader's language.
fn refused(refusal: &Refusal, request: &Request) -> Response<Body> {
    let problem = |status, kind| problem(status, kind, &refusal.to_string());
    match refusal {
        Refusal::NoRoute => return problem(StatusCode::NOT_FOUND, "no-route"),
        Refusal::WrongMethod => return problem(StatusCode::METHOD_NOT_ALLOWED, "wrong-method"),
        _ => {}
    }
    let root = root(request.uri().path());
    let note = refusal.note().code();
    let form = format!("{root}console/sign-in?refused={note}");
    see_other(&form, &[pending::end_cookie()])
}

#[cfg(test)]
#[path = "handler_tests.rs"]
mod tests;
