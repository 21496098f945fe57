//! Tests of ID tokens: the right one, and every way in which one may be wrong.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::notification::sign_in::Claims;
use hmac::{Hmac, KeyInit as _, Mac as _};
use jiff::Timestamp;
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _,
};
use serde_json::{Value, json};
use sha2::Sha256;

use super::{Expected, IdToken, IdTokenError, verify};
use crate::jwks::{Keys, SignatureError};

const ISSUER: &str = "https://id.example";
const NOW: i64 = 1_800_000_000;

/// A provider with two keys.
struct Provider {
    ed25519: Ed25519KeyPair,
    p256: EcdsaKeyPair,
    keys: Keys,
}

fn encoded(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

impl Provider {
    fn new() -> Self {
        let random = SystemRandom::new();
        let ed25519 = Ed25519KeyPair::generate_pkcs8(&random).expect("a key");
        let ed25519 = Ed25519KeyPair::from_pkcs8(ed25519.as_ref()).expect("a key");
        let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
        let p256 = EcdsaKeyPair::generate_pkcs8(algorithm, &random).expect("a key");
        let p256 = EcdsaKeyPair::from_pkcs8(algorithm, p256.as_ref(), &random).expect("a key");
        let point = p256.public_key().as_ref();
        let set = json!({ "keys": [
            { "kty": "OKP", "crv": "Ed25519", "kid": "ed", "x": encoded(ed25519.public_key()) },
            { "kty": "EC", "crv": "P-256", "kid": "ec", "x": encoded(&point[1..33]), "y": encoded(&point[33..]) },
        ]});
        let keys = Keys::parse(set.to_string().as_bytes()).expect("a set");
        Self {
            ed25519,
            p256,
            keys,
        }
    }

    fn signed(&self, header: &Value, claims: &Value) -> String {
        let signed = unsigned(header, claims);
        let signature = match header["alg"].as_str() {
            Some("ES256") => {
                let random = SystemRandom::new();
                let signature = self.p256.sign(&random, signed.as_bytes());
                encoded(signature.expect("a signature"))
            }
            _ => encoded(self.ed25519.sign(signed.as_bytes())),
        };
        format!("{signed}.{signature}")
    }

    fn verify(&self, token: &str) -> Result<IdToken, IdTokenError> {
        let expected = Expected {
            issuer: ISSUER,
            client_id: "quell",
            nonce: "n-0S6_WzA2Mj",
            groups_claim: "groups",
        };
        let now = Timestamp::from_second(NOW).expect("a time");
        verify(token, &self.keys, &expected, now)
    }

    /// The token with these claims changed; one that is null is taken away.
    fn with(&self, changed: &Value) -> Result<IdToken, IdTokenError> {
        let mut claims = claims();
        let fields = claims.as_object_mut().expect("an object");
        for (name, value) in changed.as_object().expect("an object") {
            if value.is_null() {
                fields.remove(name);
            } else {
                fields.insert(name.clone(), value.clone());
            }
        }
        self.verify(&self.signed(&json!({ "alg": "EdDSA", "kid": "ed" }), &claims))
    }
}

fn unsigned(header: &Value, claims: &Value) -> String {
    format!(
        "{}.{}",
        encoded(header.to_string()),
        encoded(claims.to_string())
    )
}

fn claims() -> Value {
    json!({
        "iss": ISSUER, "aud": "quell", "sub": "248289761001", "nonce": "n-0S6_WzA2Mj",
        "iat": NOW - 1, "exp": NOW + 300, "email": "ada@example.com", "email_verified": true, "groups": ["sre", "everyone"],
    })
}

#[test]
fn a_token_of_the_provider_is_taken() {
    let provider = Provider::new();
    let expected = IdToken {
        claims: Claims {
            subject: "248289761001".to_owned(),
            email: Some("ada@example.com".to_owned()),
            email_verified: true,
            groups: vec!["sre".to_owned(), "everyone".to_owned()],
        },
        expires_at: Timestamp::from_second(NOW + 300).expect("a time"),
    };
    for header in [
        json!({ "alg": "EdDSA", "kid": "ed" }),
        json!({ "alg": "EdDSA" }),
        json!({ "alg": "ES256", "kid": "ec", "typ": "JWT" }),
    ] {
        let token = provider.signed(&header, &claims());
        assert_eq!(provider.verify(&token), Ok(expected.clone()), "{header}");
    }
}

#[test]
fn each_claim_has_to_be_right() {
    let provider = Provider::new();
    for (changed, error) in [
        (
            json!({ "iss": "https://id.example/" }),
            IdTokenError::Issuer,
        ),
        (json!({ "iss": null }), IdTokenError::Issuer),
        (json!({ "aud": "other" }), IdTokenError::Audience),
        (json!({ "aud": [] }), IdTokenError::Audience),
        (json!({ "aud": null }), IdTokenError::Audience),
        (json!({ "aud": ["quell", 7] }), IdTokenError::Audience),
        (
            json!({ "aud": ["quell", "other"] }),
            IdTokenError::AuthorizedParty,
        ),
        (
            json!({ "aud": ["quell", "other"], "azp": "other" }),
            IdTokenError::AuthorizedParty,
        ),
        (json!({ "azp": "other" }), IdTokenError::AuthorizedParty),
        (json!({ "azp": 7 }), IdTokenError::AuthorizedParty),
        (json!({ "exp": NOW - 60 }), IdTokenError::Expired),
        (json!({ "exp": null }), IdTokenError::Expired),
        (json!({ "exp": "9999999999" }), IdTokenError::Expired),
        (json!({ "exp": -1 }), IdTokenError::Expired),
        (json!({ "exp": 1e300 }), IdTokenError::Expired),
        (json!({ "iat": NOW + 61 }), IdTokenError::IssuedAt),
        (json!({ "iat": NOW - 601 }), IdTokenError::IssuedAt),
        (json!({ "iat": null }), IdTokenError::IssuedAt),
        (json!({ "nbf": NOW + 61 }), IdTokenError::NotBefore),
        (json!({ "nbf": "soon" }), IdTokenError::NotBefore),
        (json!({ "nonce": "another" }), IdTokenError::Nonce),
        (json!({ "nonce": "" }), IdTokenError::Nonce),
        (json!({ "nonce": null }), IdTokenError::Nonce),
        (json!({ "sub": null }), IdTokenError::Subject),
        (json!({ "sub": "" }), IdTokenError::Subject),
        (json!({ "sub": 7 }), IdTokenError::Subject),
        (json!({ "sub": "7".repeat(256) }), IdTokenError::Subject),
    ] {
        assert_eq!(provider.with(&changed), Err(error), "{changed}");
    }
    for good in [
        json!({ "aud": ["quell"] }),
        json!({ "aud": ["other", "quell"], "azp": "quell" }),
        json!({ "exp": NOW - 59, "iat": NOW - 600, "nbf": NOW + 60 }),
        json!({ "iat": NOW + 60, "exp": 1_800_000_300.5 }),
    ] {
        assert!(provider.with(&good).is_ok(), "{good}");
    }
}

#[test]
fn an_algorithm_that_is_not_listed_is_refused() {
    let provider = Provider::new();
    // Nothing, and the public key as the key of a MAC: the oldest two ways round a signature.
    for alg in ["none", "None", "NONE", ""] {
        let token = unsigned(&json!({ "alg": alg }), &claims());
        for signature in ["", "AA"] {
            let found = provider.verify(&format!("{token}.{signature}"));
            assert_eq!(found, Err(IdTokenError::Algorithm), "{alg} {signature}");
        }
    }
    let public = provider.ed25519.public_key();
    for key in [public.as_ref(), encoded(public).as_bytes()] {
        let token = unsigned(&json!({ "alg": "HS256", "kid": "ed" }), &claims());
        let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("a key of any length");
        mac.update(token.as_bytes());
        let token = format!("{token}.{}", encoded(mac.finalize().into_bytes()));
        assert_eq!(provider.verify(&token), Err(IdTokenError::Algorithm));
    }
    // One of the list, with a key of another kind.
    let token = provider.signed(&json!({ "alg": "RS256", "kid": "ed" }), &claims());
    let unknown = IdTokenError::Signature(SignatureError::UnknownKey);
    assert_eq!(provider.verify(&token), Err(unknown));
}

#[test]
fn only_the_providers_own_key_counts() {
    let (provider, other) = (Provider::new(), Provider::new());
    let header = json!({ "alg": "EdDSA", "kid": "ed" });
    let token = other.signed(&header, &claims());
    let wrong = IdTokenError::Signature(SignatureError::Wrong);
    assert_eq!(provider.verify(&token), Err(wrong));
    // A key that the token brings along is not looked at.
    let jwk = json!({ "kty": "OKP", "crv": "Ed25519", "x": encoded(other.ed25519.public_key()) });
    let brought = json!({ "alg": "EdDSA", "kid": "ed", "jwk": jwk, "jku": "https://evil.example" });
    let token = other.signed(&brought, &claims());
    assert_eq!(provider.verify(&token), Err(wrong));
    let stranger = provider.signed(&json!({ "alg": "EdDSA", "kid": "new" }), &claims());
    let unknown = IdTokenError::Signature(SignatureError::UnknownKey);
    assert_eq!(provider.verify(&stranger), Err(unknown));
    // Other claims under the signature of these.
    let good = provider.signed(&header, &claims());
    let (_, signature) = good.rsplit_once('.').expect("a signature");
    let mut forged = claims();
    forged["sub"] = json!("1");
    let forged = format!("{}.{signature}", unsigned(&header, &forged));
    assert_eq!(provider.verify(&forged), Err(wrong));
}

#[test]
fn what_is_not_written_as_a_token_is_refused() {
    let provider = Provider::new();
    let good = provider.signed(&json!({ "alg": "EdDSA" }), &claims());
    assert!(provider.verify(&good).is_ok());
    for bad in [
        String::new(),
        "..".to_owned(),
        good.replace('.', ""),
        format!("{good}.{good}"),
        format!("{good}="),
        format!("{good}\n"),
        format!("{}.{}", encoded("[]"), encoded("{}")),
        "a".repeat(70_000),
    ] {
        let found = provider.verify(&bad);
        assert_eq!(found, Err(IdTokenError::Malformed), "{bad}");
    }
    let critical = json!({ "alg": "EdDSA", "crit": ["exp"] });
    let critical = provider.signed(&critical, &claims());
    assert_eq!(provider.verify(&critical), Err(IdTokenError::Critical));
}

#[test]
fn groups_and_a_verified_email_are_read_as_they_are_sent() {
    let provider = Provider::new();
    let groups = |value: Value| {
        let token = provider.with(&json!({ "groups": value }));
        token.expect("a token").claims.groups
    };
    assert_eq!(groups(json!("sre")), ["sre"]);
    for nothing in [
        Value::Null,
        json!({ "sre": true }),
        json!(["sre", 7]),
        json!(7),
    ] {
        assert!(groups(nothing.clone()).is_empty(), "{nothing}");
    }
    let verified = |value: Value| {
        let token = provider.with(&json!({ "email_verified": value }));
        token.expect("a token").claims.email_verified
    };
    assert!(verified(json!("true")));
    for no in [
        json!(false),
        json!("false"),
        json!(1),
        json!("yes"),
        Value::Null,
    ] {
        assert!(!verified(no.clone()), "{no}");
    }
}
