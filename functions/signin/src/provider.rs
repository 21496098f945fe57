//! The identity provider: what it says of itself (OpenID Connect Discovery 1.0) and its keys, kept in memory for an hour.

use std::sync::Arc;
use std::time::Duration;

use domain::primitives::safe_text::line;
use jiff::{SignedDuration, Timestamp};
use outbound::{body, reason};
use reqwest::{Client, Url};
use serde::Deserialize;
use thiserror::Error;
use tokio::sync::Mutex;

use crate::jwks::{Algorithm, Keys};

/// Where a provider describes itself, behind its issuer (OpenID Connect Discovery 1.0, 4).
const DISCOVERY: &str = "/.well-known/openid-configuration";
/// How long an answer may take.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);
/// The longest description or set of keys that is read.
const MOST_BYTES: usize = 500_000;
const KEPT_FOR: SignedDuration = SignedDuration::from_hours(1);
/// Keys are read again for a token that names an unknown one, and no more often than this: every visitor can send a code.
const READ_AGAIN_AFTER: SignedDuration = SignedDuration::from_secs(30);
const SHOWN_CHARACTERS: usize = 200;

/// Why the provider is not known.
#[derive(Debug, Error)]
pub enum ProviderError {
    #[error("{0} is not taken: it has to begin with https://")]
    NotHttps(String),
    #[error("{url} does not answer: {why}")]
    Unreachable { url: String, why: String },
    #[error("{url} answers {status}")]
    Status { url: String, status: u16 },
    #[error("{url} does not answer as OpenID Connect says: {why}")]
    Unreadable { url: String, why: String },
    /// The one that answers may be impersonated (OpenID Connect Discovery 1.0, 4.3).
    #[error("the provider says that its issuer is {found}, and OidcIssuer is {expected}")]
    OtherIssuer { expected: String, found: String },
    #[error("the provider signs ID tokens with none of RS256, ES256 and EdDSA")]
    NoAlgorithm,
}

/// What a provider says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Metadata {
    pub issuer: String,
    pub authorization_endpoint: String,
    pub token_endpoint: String,
    pub jwks_uri: String,
    /// How clients prove themselves; by the header `Authorization` if it does not say.
    pub token_endpoint_auth_methods_supported: Option<Vec<String>>,
    pub id_token_signing_alg_values_supported: Option<Vec<String>>,
    /// Whether its answers name it (RFC 9207).
    #[serde(default)]
    pub authorization_response_iss_parameter_supported: bool,
}

/// A provider.
#[derive(Debug)]
pub struct Provider {
    http: Client,
    issuer: String,
    known: Mutex<Known>,
}

/// What was read of a provider, each with its time.
#[derive(Debug, Default)]
struct Known {
    metadata: Option<(Arc<Metadata>, Timestamp)>,
    keys: Option<(Arc<Keys>, Timestamp)>,
}

impl Provider {
    pub fn new(http: Client, issuer: String) -> Self {
        let known = Mutex::default();
        Self {
            http,
            issuer,
            known,
        }
    }

    /// The client with which it is asked.
    pub fn http(&self) -> &Client {
        &self.http
    }

    /// What it says of itself.
    ///
    /// # Errors
    /// If it cannot be read, or is another's.
    pub async fn metadata(&self, now: Timestamp) -> Result<Arc<Metadata>, ProviderError> {
        let mut known = self.known.lock().await;
        if let Some((metadata, read_at)) = &known.metadata
            && is_younger(*read_at, now, KEPT_FOR)
        {
            return Ok(Arc::clone(metadata));
        }
        let metadata = Arc::new(discover(&self.http, &self.issuer).await?);
        known.metadata = Some((Arc::clone(&metadata), now));
        Ok(metadata)
    }

    /// Its keys.
    ///
    /// # Errors
    /// If they cannot be read.
    pub async fn keys(&self, of: &Metadata, now: Timestamp) -> Result<Arc<Keys>, ProviderError> {
        self.keys_younger_than(KEPT_FOR, of, now).await
    }

    /// Its keys, read again for a token that names one which is not among them: it may have new ones.
    ///
    /// # Errors
    /// If they cannot be read.
    pub async fn fresh_keys(
        &self,
        of: &Metadata,
        now: Timestamp,
    ) -> Result<Arc<Keys>, ProviderError> {
        self.keys_younger_than(READ_AGAIN_AFTER, of, now).await
    }

    async fn keys_younger_than(
        &self,
        age: SignedDuration,
        of: &Metadata,
        now: Timestamp,
    ) -> Result<Arc<Keys>, ProviderError> {
        let mut known = self.known.lock().await;
        if let Some((keys, read_at)) = &known.keys
            && is_younger(*read_at, now, age)
        {
            return Ok(Arc::clone(keys));
        }
        let keys = Arc::new(read_keys(&self.http, of).await?);
        known.keys = Some((Arc::clone(&keys), now));
        Ok(keys)
    }
}

fn is_younger(read_at: Timestamp, now: Timestamp, age: SignedDuration) -> bool {
    now.duration_since(read_at).abs() < age
}

/// Reads what a provider says of itself.
///
/// # Errors
/// If it cannot be read, is another's, or is of no use.
pub async fn discover(http: &Client, issuer: &str) -> Result<Metadata, ProviderError> {
    let url = format!("{}{DISCOVERY}", issuer.trim_end_matches('/'));
    let text = fetch(http, &url).await?;
    let unreadable = |error: serde_json::Error| ProviderError::Unreadable {
        url: url.clone(),
        why: error.to_string(),
    };
    let metadata: Metadata = serde_json::from_slice(&text).map_err(unreadable)?;
    metadata.check(issuer)?;
    Ok(metadata)
}

/// Reads a provider's keys.
///
/// # Errors
/// If they cannot be read.
pub async fn read_keys(http: &Client, of: &Metadata) -> Result<Keys, ProviderError> {
    let url = &of.jwks_uri;
    let text = fetch(http, url).await?;
    Keys::parse(&text).map_err(|error| ProviderError::Unreadable {
        url: url.clone(),
        why: error.to_string(),
    })
}

impl Metadata {
    /// Checks that it is of this issuer, and that everything it leads to is over TLS.
    ///
    /// # Errors
    /// Why it is not taken.
    pub fn check(&self, issuer: &str) -> Result<(), ProviderError> {
        if self.issuer != issuer {
            return Err(ProviderError::OtherIssuer {
                expected: issuer.to_owned(),
                found: line(&self.issuer, SHOWN_CHARACTERS),
            });
        }
        for url in [
            &self.authorization_endpoint,
            &self.token_endpoint,
            &self.jwks_uri,
        ] {
            secure(url)?;
        }
        let algorithms = self.id_token_signing_alg_values_supported.as_ref();
        let is_known = |name: &String| Algorithm::named(name).is_some();
        if algorithms.is_some_and(|names| !names.iter().any(is_known)) {
            return Err(ProviderError::NoAlgorithm);
        }
        Ok(())
    }
}

/// A URL that is asked over TLS, or on this very host, as tests do.
fn secure(text: &str) -> Result<Url, ProviderError> {
    let not_https = || ProviderError::NotHttps(line(text, SHOWN_CHARACTERS));
    let url = Url::parse(text).map_err(|_| not_https())?;
    let on_this_host = url.scheme() == "http" && url.host_str() == Some("127.0.0.1");
    if url.scheme() == "https" || on_this_host {
        Ok(url)
    } else {
        Err(not_https())
    }
}

async fn fetch(http: &Client, url: &str) -> Result<Vec<u8>, ProviderError> {
    let asked = secure(url)?;
    let unreachable = |why: String| ProviderError::Unreachable {
        url: url.to_owned(),
        why,
    };
    let sent = http.get(asked).timeout(ANSWER_WITHIN).send().await;
    let response = sent.map_err(|error| unreachable(reason(error)))?;
    let status = response.status().as_u16();
    if status != 200 {
        let url = url.to_owned();
        return Err(ProviderError::Status { url, status });
    }
    let read = body(response, MOST_BYTES).await;
    read.map_err(|error| unreachable(error.to_string()))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use jiff::{SignedDuration, Timestamp};
    use loopback::{Server, answer};
    use serde_json::json;

    use super::{Metadata, Provider, ProviderError, secure};

    fn metadata(issuer: &str) -> serde_json::Value {
        json!({
            "issuer": issuer,
            "authorization_endpoint": format!("{issuer}/authorize"),
            "token_endpoint": format!("{issuer}/token"),
            "jwks_uri": format!("{issuer}/keys"),
        })
    }

    fn client() -> reqwest::Client {
        outbound::client().expect("a client")
    }

    #[test]
    fn only_tls_and_this_host_are_asked() {
        for good in ["https://id.example/a", "http://127.0.0.1:8080/a"] {
            assert!(secure(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "id.example",
            "http://id.example",
            "http://localhost:80",
            "http://127.0.0.1.id.example",
            "ftp://127.0.0.1",
            "file:///etc/passwd",
            "javascript:alert(1)",
        ] {
            assert!(secure(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_provider_describes_itself_and_no_other() {
        let issuer = "https://id.example";
        let check = |more: serde_json::Value| {
            let mut fields = metadata(issuer);
            let object = fields.as_object_mut().expect("an object");
            object.extend(more.as_object().cloned().unwrap_or_default());
            let read: Metadata = serde_json::from_value(fields).expect("metadata");
            read.check(issuer)
        };
        assert!(check(json!({})).is_ok());
        let algorithms = json!({ "id_token_signing_alg_values_supported": ["HS256", "ES256"] });
        assert!(check(algorithms).is_ok());
        for other in [
            json!({ "issuer": "https://id.example/" }),
            json!({ "issuer": "https://evil.example" }),
            json!({ "token_endpoint": "http://id.example/token" }),
            json!({ "jwks_uri": "http://id.example/keys" }),
            json!({ "authorization_endpoint": "javascript:alert(1)" }),
            json!({ "id_token_signing_alg_values_supported": ["HS256", "none"] }),
        ] {
            assert!(check(other.clone()).is_err(), "{other}");
        }
    }

    #[tokio::test]
    async fn what_a_provider_says_is_kept_and_keys_are_read_again() {
        static KEY: AtomicUsize = AtomicUsize::new(0);
        let server = Server::start(|request, _| {
            if request.path.ends_with("/keys") {
                let kid = KEY.fetch_add(1, Ordering::Relaxed).to_string();
                let key = json!({ "kty": "OKP", "crv": "Ed25519", "kid": kid, "x": "" });
                return answer(200, &[], json!({ "keys": [key] }).to_string());
            }
            let issuer = format!("http://{}", request.header("host"));
            answer(200, &[], metadata(&issuer).to_string())
        });
        let provider = Provider::new(client(), server.url.clone());
        let now = Timestamp::UNIX_EPOCH;
        let known = provider.metadata(now).await.expect("metadata");
        let later = now + SignedDuration::from_mins(59);
        assert_eq!(provider.metadata(later).await.expect("metadata"), known);
        let first = provider.keys(&known, now).await.expect("keys");
        assert_eq!(provider.keys(&known, later).await.expect("keys"), first);
        let soon = now + SignedDuration::from_secs(29);
        assert_eq!(
            provider.fresh_keys(&known, soon).await.expect("keys"),
            first
        );
        let fresh = provider.fresh_keys(&known, later).await.expect("keys");
        assert_ne!(fresh, first);
        assert_eq!(server.requests().len(), 3);
    }

    #[tokio::test]
    async fn a_provider_that_fails_is_named_with_its_failure() {
        let server = Server::start(|request, _| match request.path.split('/').nth(1) {
            Some("away") => answer(503, &[], ""),
            Some("other") => answer(200, &[], metadata("https://id.example").to_string()),
            _ => answer(200, &[], "<html>"),
        });
        let asked = async |path: &str| {
            let provider = Provider::new(client(), format!("{}/{path}", server.url));
            provider
                .metadata(Timestamp::UNIX_EPOCH)
                .await
                .expect_err("a failure")
        };
        let away = asked("away").await;
        assert!(
            matches!(away, ProviderError::Status { status: 503, .. }),
            "{away}"
        );
        let other = asked("other").await;
        assert!(
            matches!(other, ProviderError::OtherIssuer { .. }),
            "{other}"
        );
        let page = asked("page").await;
        assert!(matches!(page, ProviderError::Unreadable { .. }), "{page}");
        let plain = Provider::new(client(), "http://id.example".to_owned());
        let plain = plain.metadata(Timestamp::UNIX_EPOCH).await;
        assert!(matches!(plain, Err(ProviderError::NotHttps(_))));
    }
}
