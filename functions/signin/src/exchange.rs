//! The exchange of an authorization code for an ID token (OpenID Connect Core 1.0, 3.1.3; RFC 6749, 4.1.3).

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use form_urlencoded::{Serializer, byte_serialize};
use outbound::{body, reason};
use reqwest::Client;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use thiserror::Error;

use crate::provider::Metadata;

/// How long the answer may take.
const ANSWER_WITHIN: Duration = Duration::from_secs(8);
const MOST_BYTES: usize = 200_000;
/// The longest error code of a provider that is logged.
const MOST_CODE_BYTES: usize = 40;

/// What Quell is to the provider.
#[derive(Debug, Clone, Copy)]
pub struct ClientOf<'a> {
    pub id: &'a str,
    pub secret: &'a SecretString,
    pub redirect_uri: &'a str,
}

/// Why there is no ID token.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ExchangeError {
    #[error("the provider's token endpoint does not answer: {0}")]
    Unreachable(String),
    /// `error` is a code of the standard, such as `invalid_grant`.
    #[error("the provider's token endpoint answers {status} ({error})")]
    Refused { status: u16, error: String },
    #[error("the provider's token endpoint gives no ID token")]
    NoIdToken,
}

impl ExchangeError {
    /// True if the provider does not take Quell's own id or secret.
    pub fn is_about_client(&self) -> bool {
        let Self::Refused { status, error } = self else {
            return false;
        };
        *status == 401 || error == "invalid_client" || error == "unauthorized_client"
    }

    /// True if the code is at fault: every visitor can send one.
    pub fn is_about_code(&self) -> bool {
        matches!(self, Self::Refused { error, .. } if error == "invalid_grant")
    }
}

#[derive(Deserialize)]
struct Tokens {
    id_token: Option<String>,
}

#[derive(Deserialize)]
struct Refused {
    error: String,
}

/// Exchanges a code; `verifier` is that of PKCE (RFC 7636, 4.5).
///
/// # Errors
/// If the provider does not answer, or gives no ID token.
pub async fn exchange(
    http: &Client,
    provider: &Metadata,
    client: ClientOf<'_>,
    (code, verifier): (&str, &str),
) -> Result<String, ExchangeError> {
    let by_header = by_header(provider);
    let mut request = http
        .post(&provider.token_endpoint)
        .timeout(ANSWER_WITHIN)
        .header(ACCEPT, "application/json")
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded");
    if by_header {
        request = request.header(AUTHORIZATION, basic(client));
    }
    let request = request.body(form(client, code, verifier, by_header));
    let unreachable = |error| ExchangeError::Unreachable(reason(error));
    let response = request.send().await;
    let response = response.map_err(unreachable)?;
    let status = response.status().as_u16();
    let answer = body(response, MOST_BYTES).await;
    let answer = answer.map_err(|error| ExchangeError::Unreachable(error.to_string()))?;
    if status != 200 {
        let refused: Option<Refused> = serde_json::from_slice(&answer).ok();
        let error = plain(&refused.map(|refused| refused.error).unwrap_or_default());
        return Err(ExchangeError::Refused { status, error });
    }
    let tokens: Option<Tokens> = serde_json::from_slice(&answer).ok();
    let id_token = tokens.and_then(|tokens| tokens.id_token);
    id_token.ok_or(ExchangeError::NoIdToken)
}

/// The request's body, with the client's proof where that is in no header.
fn form(client: ClientOf<'_>, code: &str, verifier: &str, by_header: bool) -> String {
    let mut form = Serializer::new(String::new());
    form.append_pair("grant_type", "authorization_code")
        .append_pair("code", code)
        .append_pair("redirect_uri", client.redirect_uri)
        .append_pair("code_verifier", verifier);
    if !by_header {
        form.append_pair("client_id", client.id)
            .append_pair("client_secret", client.secret.expose_secret());
    }
    form.finish()
}

/// Whether the client proves itself by a header, which is the default (OpenID Connect Discovery 1.0, 3), and not in the body.
fn by_header(provider: &Metadata) -> bool {
    let methods = provider.token_endpoint_auth_methods_supported.as_ref();
    methods.is_none_or(|methods| methods.iter().any(|method| method == "client_secret_basic"))
}

/// The value of `Authorization`: both halves are encoded as in a form before they are joined (RFC 6749, 2.3.1).
fn basic(client: ClientOf<'_>) -> String {
    let encoded = |text: &str| byte_serialize(text.as_bytes()).collect::<String>();
    let secret = client.secret.expose_secret();
    let both = format!("{}:{}", encoded(client.id), encoded(secret));
    format!("Basic {}", STANDARD.encode(both))
}

/// An error code, if it is written as the standard's are: everything else that a provider says stays out of the log.
pub fn plain(code: &str) -> String {
    let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
    let is_plain = (1..=MOST_CODE_BYTES).contains(&code.len()) && code.bytes().all(fits);
    let shown = if is_plain { code } else { "no code" };
    shown.to_owned()
}

#[cfg(test)]
mod tests {
    use loopback::{Server, answer};
    use secrecy::SecretString;
    use serde_json::json;

    use super::{ClientOf, ExchangeError, exchange, plain};
    use crate::provider::Metadata;

    fn metadata(url: &str, methods: Option<&[&str]>) -> Metadata {
        Metadata {
            issuer: url.to_owned(),
            authorization_endpoint: format!("{url}/authorize"),
            token_endpoint: format!("{url}/token"),
            jwks_uri: format!("{url}/keys"),
            token_endpoint_auth_methods_supported: methods
                .map(|methods| methods.iter().map(|&method| method.to_owned()).collect()),
            id_token_signing_alg_values_supported: None,
            authorization_response_iss_parameter_supported: false,
        }
    }

    async fn asked(provider: &Metadata) -> Result<String, ExchangeError> {
        let http = outbound::client().expect("a client");
        let secret = SecretString::from("s:e c%ret");
        let client = ClientOf {
            id: "qu:ell",
            secret: &secret,
            redirect_uri: "https://quell.example/console/sign-in/oidc/callback",
        };
        exchange(&http, provider, client, ("the code", "the-verifier")).await
    }

    #[tokio::test]
    async fn a_code_is_sent_with_its_verifier_and_the_clients_proof() {
        let tokens = json!({ "id_token": "a.b.c", "access_token": "unused" }).to_string();
        let server = Server::start(move |_, _| answer(200, &[], &tokens));
        let form = "grant_type=authorization_code&code=the+code&redirect_uri=https%3A%2F%2Fquell.example%2Fconsole%2Fsign-in%2Foidc%2Fcallback&code_verifier=the-verifier";
        let found = asked(&metadata(&server.url, None)).await;
        assert_eq!(found.as_deref(), Ok("a.b.c"));
        let post = &["client_secret_post", "private_key_jwt"][..];
        let found = asked(&metadata(&server.url, Some(post))).await;
        assert_eq!(found.as_deref(), Ok("a.b.c"));

        let requests = server.requests();
        // "qu%3Aell:s%3Ae+c%25ret"
        let basic = "Basic cXUlM0FlbGw6cyUzQWUrYyUyNXJldA==";
        assert_eq!(requests[0].header("authorization"), basic);
        assert_eq!(requests[0].text(), form);
        assert_eq!(requests[1].header("authorization"), "");
        let with_secret = format!("{form}&client_id=qu%3Aell&client_secret=s%3Ae+c%25ret");
        assert_eq!(requests[1].text(), with_secret);
    }

    #[tokio::test]
    async fn an_answer_without_an_id_token_says_why() {
        let refused = |status, error: &str| {
            let body = json!({ "error": error, "error_description": "<script>" });
            answer(status, &[], body.to_string())
        };
        let server = Server::playing(vec![
            refused(400, "invalid_grant"),
            refused(401, "invalid_client"),
            refused(400, "<b>bold</b>"),
            answer(500, &[], "<html>"),
            answer(200, &[], "{}"),
            answer(200, &[], "<html>"),
            answer(302, &[("location", "https://evil.example")], ""),
        ]);
        let provider = metadata(&server.url, None);
        let mut errors = Vec::new();
        for _ in 0..7 {
            errors.push(asked(&provider).await.expect_err("no ID token"));
        }
        let said: Vec<String> = errors.iter().map(ToString::to_string).collect();
        let answers = |code: &str| format!("the provider's token endpoint answers {code}");
        let nothing = "the provider's token endpoint gives no ID token".to_owned();
        assert_eq!(
            said,
            [
                answers("400 (invalid_grant)"),
                answers("401 (invalid_client)"),
                answers("400 (no code)"),
                answers("500 (no code)"),
                nothing.clone(),
                nothing,
                answers("302 (no code)"),
            ]
        );
        assert!(errors[0].is_about_code() && !errors[0].is_about_client());
        assert!(errors[1].is_about_client() && !errors[1].is_about_code());
    }

    #[test]
    fn only_codes_of_the_standard_are_repeated() {
        assert_eq!(plain("access_denied"), "access_denied");
        for other in ["", "Access denied", "a\nb", "<b>", &"a".repeat(41)] {
            assert_eq!(plain(other), "no code", "{other}");
        }
    }
}
