//! Tests of what is asked of the provider, and of which answers are looked at any further.

use std::collections::BTreeMap;

use access::FormNote;
use aws::AwsEnvironment;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use loopback::{Server, answer};
use reqwest::Url;
use ring::rand::SystemRandom;
use ring::signature::{Ed25519KeyPair, KeyPair as _};
use serde_json::{Value, json};
use settings::variables::Variables;

use super::{authorization, code, with_challenge};
use crate::App;
use crate::config::Config;
use crate::exchange::ExchangeError;
use crate::id_token::IdTokenError;
use crate::jwks::SignatureError;
use crate::pending::Pending;
use crate::provider::Metadata;
use crate::refusal::Refusal;

fn metadata() -> Metadata {
    Metadata {
        issuer: "https://id.example".to_owned(),
        authorization_endpoint: "https://id.example/authorize?tenant=a".to_owned(),
        token_endpoint: "https://id.example/token".to_owned(),
        jwks_uri: "https://id.example/keys".to_owned(),
        token_endpoint_auth_methods_supported: None,
        id_token_signing_alg_values_supported: None,
        authorization_response_iss_parameter_supported: false,
    }
}

#[test]
fn the_provider_is_asked_for_a_code_with_a_challenge() {
    let pending = Pending::begin("console".to_owned(), Timestamp::UNIX_EPOCH);
    let pending = pending.expect("random numbers");
    let back = "https://quell.example/console/sign-in/oidc/callback";
    let to = authorization(&metadata(), "quell", back).expect("a URL");
    let to = with_challenge(to, "openid email", &pending);
    let url = Url::parse(&to).expect("a URL");
    assert_eq!(url.host_str(), Some("id.example"));
    let pairs: BTreeMap<_, _> = url.query_pairs().into_owned().collect();
    let challenge = pending.challenge();
    let expected = [
        ("tenant", "a"),
        ("response_type", "code"),
        ("client_id", "quell"),
        ("redirect_uri", back),
        ("scope", "openid email"),
        ("state", pending.state.as_str()),
        ("nonce", pending.nonce.as_str()),
        ("code_challenge", challenge.as_str()),
        ("code_challenge_method", "S256"),
    ];
    let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(pairs, BTreeMap::from(expected));
    assert!(!to.contains(&pending.verifier));
}

#[test]
fn an_answer_has_one_code_and_comes_from_this_issuer() {
    let (plain, mut naming) = (metadata(), metadata());
    naming.authorization_response_iss_parameter_supported = true;
    let of = |provider: &Metadata, query: &str| match code(query, provider) {
        Ok(code) => format!("code {code}"),
        Err(Refusal::Malformed) => "malformed".to_owned(),
        Err(Refusal::OtherIssuer) => "other issuer".to_owned(),
        Err(Refusal::Denied(why)) => format!("denied {why}"),
        Err(other) => panic!("{other}"),
    };
    let ours = "iss=https%3A%2F%2Fid.example";
    let other = "iss=https%3A%2F%2Fevil.example";
    for (query, expected) in [
        ("code=abc".to_owned(), "code abc"),
        (format!("code=abc&{ours}"), "code abc"),
        (format!("code=abc&{other}"), "other issuer"),
        (format!("code=abc&{ours}&{other}"), "malformed"),
        ("code=abc&code=def".to_owned(), "malformed"),
        ("code=".to_owned(), "malformed"),
        (String::new(), "malformed"),
        (format!("code={}", "a".repeat(4_097)), "malformed"),
        (
            "error=access_denied&code=abc".to_owned(),
            "denied access_denied",
        ),
        ("error=%3Cscript%3E".to_owned(), "denied no code"),
    ] {
        assert_eq!(of(&plain, &query), expected, "{query}");
    }
    // One that says that it always names itself has to.
    assert_eq!(of(&naming, "code=abc"), "other issuer");
    assert_eq!(of(&naming, &format!("code=abc&{ours}")), "code abc");
}

#[test]
fn only_what_an_operator_can_mend_is_a_failure() {
    let refused = |status, error: &str| {
        let error = error.to_owned();
        Refusal::Exchange(ExchangeError::Refused { status, error })
    };
    for (refusal, ours, note) in [
        (Refusal::NotBegun, false, FormNote::Expired),
        (Refusal::CameBack, false, FormNote::Expired),
        (refused(400, "invalid_grant"), false, FormNote::Expired),
        (refused(401, "invalid_client"), true, FormNote::Setup),
        (refused(500, "no code"), true, FormNote::Provider),
        (IdTokenError::Nonce.into(), false, FormNote::Untrusted),
        (Refusal::OtherIssuer, false, FormNote::Untrusted),
        (Refusal::NoNumbers, true, FormNote::Setup),
    ] {
        assert_eq!(
            (refusal.is_ours(), refusal.note()),
            (ours, note),
            "{refusal}"
        );
    }
}

/// A function with this provider. It asks nothing of AWS, and has no files.
fn app(issuer: &str) -> App {
    let variables = Variables::from_fn(|name| {
        let value = match name {
            "AWS_CA_BUNDLE" => return None,
            "OIDC_ISSUER" => issuer,
            "OIDC_CLIENT_ID" => "quell",
            _ => "x",
        };
        Some(value.to_owned())
    });
    let config = Config::from_variables(&variables).expect("the variables");
    let aws = AwsEnvironment::from_variables(&variables).expect("the variables");
    App::new(config, &aws).expect("a client")
}

fn key() -> Ed25519KeyPair {
    let pkcs8 = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).expect("a key");
    Ed25519KeyPair::from_pkcs8(pkcs8.as_ref()).expect("a key")
}

fn jwk(kid: &str, key: &Ed25519KeyPair) -> Value {
    let public = URL_SAFE_NO_PAD.encode(key.public_key());
    json!({ "kty": "OKP", "crv": "Ed25519", "kid": kid, "x": public })
}

fn token(issuer: &str, kid: &str, key: &Ed25519KeyPair, at: Timestamp) -> String {
    let header = json!({ "alg": "EdDSA", "kid": kid });
    let claims = json!({
        "iss": issuer, "aud": "quell", "sub": "1", "nonce": "n", "iat": at.as_second(), "exp": at.as_second() + 60,
    });
    let signed = [header, claims].map(|part| URL_SAFE_NO_PAD.encode(part.to_string()));
    let signed = signed.join(".");
    let signature = URL_SAFE_NO_PAD.encode(key.sign(signed.as_bytes()));
    format!("{signed}.{signature}")
}

#[tokio::test]
async fn a_new_key_of_the_provider_is_read_once() {
    let (old, new) = (key(), key());
    let sets = [
        json!([jwk("old", &old)]),
        json!([jwk("old", &old), jwk("new", &new)]),
    ];
    let server = Server::start(move |_, place| {
        let keys = &sets[place.min(1)];
        answer(200, &[], json!({ "keys": keys }).to_string())
    });
    let app = app(&server.url);
    let provider = Metadata {
        jwks_uri: server.url.clone(),
        ..metadata()
    };
    let verified = async |kid: &str, key: &Ed25519KeyPair, at: Timestamp| {
        let token = token(&server.url, kid, key, at);
        app.verified(&token, &provider, "n", at).await
    };
    let now = Timestamp::UNIX_EPOCH + SignedDuration::from_hours(1);
    assert!(verified("old", &old, now).await.is_ok());
    let later = now + SignedDuration::from_mins(1);
    assert!(verified("new", &new, later).await.is_ok());
    assert_eq!(server.requests().len(), 2);
    // Tokens with keys that are not there do not make it read them again and again.
    for _ in 0..3 {
        let unknown = verified("unknown", &new, later).await;
        let unknown_key = IdTokenError::Signature(SignatureError::UnknownKey);
        assert!(matches!(unknown, Err(Refusal::IdToken(error)) if error == unknown_key));
    }
    assert_eq!(server.requests().len(), 2);
}
