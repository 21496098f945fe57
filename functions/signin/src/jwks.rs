//! Keys of the identity provider (RFC 7517), and signatures that are checked with them.
//!
//! Three algorithms are known, each with keys of its own kind: a token cannot choose another one, nor make a public key into the
//! secret of a MAC (RFC 8725, 2.1 and 3.1).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents,
    UnparsedPublicKey, VerificationAlgorithm,
};
use serde::Deserialize;
use serde_json::Value;
use thiserror::Error;

/// The bytes of a coordinate of P-256, and of a key of Ed25519.
const COORDINATE_BYTES: usize = 32;

/// An algorithm with which an ID token may be signed (RFC 7518, 3.1; RFC 8037, 3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    Rs256,
    Es256,
    EdDsa,
}

impl Algorithm {
    pub const ALL: [Self; 3] = [Self::Rs256, Self::Es256, Self::EdDsa];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Es256 => "ES256",
            Self::EdDsa => "EdDSA",
        }
    }

    /// The algorithm of this name, if it is one that is taken.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.as_str() == name)
    }

    /// The type of key, and its curve.
    const fn key_type(self) -> (&'static str, Option<&'static str>) {
        match self {
            Self::Rs256 => ("RSA", None),
            Self::Es256 => ("EC", Some("P-256")),
            Self::EdDsa => ("OKP", Some("Ed25519")),
        }
    }
}

/// Why a signature is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum SignatureError {
    /// The provider may have a new one.
    #[error("the provider has no key for it")]
    UnknownKey,
    #[error("it has no kid, and the provider has several keys for it")]
    Ambiguous,
    #[error("the signature is wrong")]
    Wrong,
}

/// The provider's keys.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Keys(Vec<Jwk>);

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct Jwk {
    kty: String,
    kid: Option<String>,
    #[serde(rename = "use")]
    usage: Option<String>,
    alg: Option<String>,
    crv: Option<String>,
    x: Option<String>,
    y: Option<String>,
    n: Option<String>,
    e: Option<String>,
}

#[derive(Deserialize)]
struct Set {
    keys: Vec<Value>,
}

impl Keys {
    /// The keys of a set. One that is not understood is left out, as RFC 7517, 5 says.
    ///
    /// # Errors
    /// If it is no set of keys.
    pub fn parse(text: &[u8]) -> Result<Self, serde_json::Error> {
        let set: Set = serde_json::from_slice(text)?;
        let keys = set.keys.into_iter();
        Ok(Self(
            keys.filter_map(|key| serde_json::from_value(key).ok())
                .collect(),
        ))
    }

    /// True if an ID token could be signed with one of them.
    pub fn has_any(&self) -> bool {
        let fits = |key: &Jwk| Algorithm::ALL.into_iter().any(|known| key.fits(known));
        self.0.iter().any(fits)
    }

    /// Checks a signature, with the key that the token names.
    ///
    /// # Errors
    /// Why it is not taken.
    pub fn verify(
        &self,
        algorithm: Algorithm,
        kid: Option<&str>,
        signed: &[u8],
        signature: &[u8],
    ) -> Result<(), SignatureError> {
        let named = |key: &&Jwk| kid.is_none() || key.kid.as_deref() == kid;
        let fitting = self.0.iter().filter(|key| key.fits(algorithm));
        let fitting: Vec<&Jwk> = fitting.filter(named).collect();
        match fitting.as_slice() {
            [] => Err(SignatureError::UnknownKey),
            // "If there are multiple keys in the referenced JWK Set document, a kid value MUST be provided" (OpenID Connect
            // Core 1.0, 10.1).
            [_, _, ..] if kid.is_none() => Err(SignatureError::Ambiguous),
            keys => {
                let right = |key: &&Jwk| key.verifies(algorithm, signed, signature).is_some();
                let found = keys.iter().any(right);
                found.then_some(()).ok_or(SignatureError::Wrong)
            }
        }
    }
}

impl Jwk {
    fn fits(&self, algorithm: Algorithm) -> bool {
        let (kty, crv) = algorithm.key_type();
        let for_signatures = self.usage.as_deref().is_none_or(|usage| usage == "sig");
        let for_algorithm = self
            .alg
            .as_deref()
            .is_none_or(|alg| alg == algorithm.as_str());
        let of_curve = crv.is_none() || self.crv.as_deref() == crv;
        self.kty == kty && of_curve && for_signatures && for_algorithm
    }

    /// Something if the signature is right.
    fn verifies(&self, algorithm: Algorithm, signed: &[u8], signature: &[u8]) -> Option<()> {
        match algorithm {
            Algorithm::Rs256 => {
                let (n, e) = (decoded(self.n.as_deref()?)?, decoded(self.e.as_deref()?)?);
                // Leading zeros are no part of a number (RFC 7518, 6.3.1.1), and some providers send them.
                let key = RsaPublicKeyComponents {
                    n: without_zeros(&n),
                    e: without_zeros(&e),
                };
                let checked = key.verify(&RSA_PKCS1_2048_8192_SHA256, signed, signature);
                checked.ok()
            }
            Algorithm::Es256 => {
                let (x, y) = (
                    coordinate(self.x.as_deref()?)?,
                    coordinate(self.y.as_deref()?)?,
                );
                // An uncompressed point (SEC 1, 2.3.3).
                let point = [&[4][..], &x, &y].concat();
                checked(&ECDSA_P256_SHA256_FIXED, &point, signed, signature)
            }
            Algorithm::EdDsa => {
                let key = coordinate(self.x.as_deref()?)?;
                checked(&ED25519, &key, signed, signature)
            }
        }
    }
}

fn checked(
    algorithm: &'static dyn VerificationAlgorithm,
    key: &[u8],
    signed: &[u8],
    signature: &[u8],
) -> Option<()> {
    UnparsedPublicKey::new(algorithm, key)
        .verify(signed, signature)
        .ok()
}

fn decoded(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

fn coordinate(text: &str) -> Option<Vec<u8>> {
    decoded(text).filter(|bytes| bytes.len() == COORDINATE_BYTES)
}

fn without_zeros(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    &number[zeros..]
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use serde_json::json;

    use super::{Algorithm, Keys, SignatureError};

    /// The payload of the examples of RFC 7515, A.2 and A.3.
    const PAYLOAD: &str = "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
    const RSA_SIGNATURE: &str = "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw";
    const MODULUS: &str = "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ";
    const EC_SIGNATURE: &str =
        "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";
    /// RFC 8037, A.4.
    const ED_SIGNED: &str = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc";
    const ED_SIGNATURE: &str =
        "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";

    fn keys(keys: &serde_json::Value) -> Keys {
        Keys::parse(json!({ "keys": keys }).to_string().as_bytes()).expect("a set")
    }

    fn of_the_documents() -> Keys {
        keys(&json!([
            { "kty": "RSA", "kid": "r", "n": MODULUS, "e": "AQAB" },
            { "kty": "EC", "kid": "e", "crv": "P-256", "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0" },
            { "kty": "OKP", "kid": "o", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" },
            { "kty": "of the future" },
            { "no": "key" },
        ]))
    }

    fn examples() -> [(Algorithm, &'static str, String, &'static str); 3] {
        [
            (
                Algorithm::Rs256,
                "r",
                format!("eyJhbGciOiJSUzI1NiJ9.{PAYLOAD}"),
                RSA_SIGNATURE,
            ),
            (
                Algorithm::Es256,
                "e",
                format!("eyJhbGciOiJFUzI1NiJ9.{PAYLOAD}"),
                EC_SIGNATURE,
            ),
            (Algorithm::EdDsa, "o", ED_SIGNED.to_owned(), ED_SIGNATURE),
        ]
    }

    #[test]
    fn the_examples_of_the_rfcs_are_signed_rightly() {
        let keys = of_the_documents();
        assert!(keys.has_any() && !Keys::default().has_any());
        for (algorithm, kid, signed, signature) in examples() {
            let signature = URL_SAFE_NO_PAD.decode(signature).expect("base64");
            let verify = |kid, signed: &str, signature: &[u8]| {
                keys.verify(algorithm, kid, signed.as_bytes(), signature)
            };
            assert_eq!(verify(Some(kid), &signed, &signature), Ok(()), "{kid}");
            // One key of its kind needs no name.
            assert_eq!(verify(None, &signed, &signature), Ok(()), "{kid}");
            let wrong = Err(SignatureError::Wrong);
            assert_eq!(verify(Some(kid), &signed[1..], &signature), wrong, "{kid}");
            assert_eq!(verify(Some(kid), &signed, &signature[1..]), wrong, "{kid}");
            assert_eq!(verify(Some(kid), &signed, &[]), wrong, "{kid}");
            let unknown = Err(SignatureError::UnknownKey);
            assert_eq!(verify(Some("x"), &signed, &signature), unknown, "{kid}");
        }
    }

    #[test]
    fn a_key_is_taken_for_its_own_use_and_algorithm_only() {
        let (_, _, signed, signature) = &examples()[0];
        let signature = URL_SAFE_NO_PAD.decode(signature).expect("base64");
        let verify = |more: serde_json::Value| {
            let mut key = json!({ "kty": "RSA", "n": MODULUS, "e": "AQAB" });
            let fields = key.as_object_mut().expect("an object");
            fields.extend(more.as_object().cloned().unwrap_or_default());
            let keys = keys(&json!([key]));
            keys.verify(Algorithm::Rs256, None, signed.as_bytes(), &signature)
        };
        assert_eq!(verify(json!({ "use": "sig", "alg": "RS256" })), Ok(()));
        // Some providers write a number with a zero in front.
        assert_eq!(verify(json!({ "e": "AAEAAQ" })), Ok(()));
        for other in [
            json!({ "use": "enc" }),
            json!({ "alg": "RS512" }),
            json!({ "alg": "HS256" }),
            json!({ "kty": "oct", "k": MODULUS }),
        ] {
            let unknown = Err(SignatureError::UnknownKey);
            assert_eq!(verify(other.clone()), unknown, "{other}");
        }
        assert_eq!(verify(json!({ "n": "" })), Err(SignatureError::Wrong));
    }

    #[test]
    fn without_a_kid_there_has_to_be_one_key() {
        let key = json!({ "kty": "RSA", "n": MODULUS, "e": "AQAB" });
        let two = keys(&json!([key, key]));
        assert_eq!(
            two.verify(Algorithm::Rs256, None, b"", b""),
            Err(SignatureError::Ambiguous)
        );
    }

    #[test]
    fn only_three_algorithms_have_a_name() {
        for algorithm in Algorithm::ALL {
            assert_eq!(Algorithm::named(algorithm.as_str()), Some(algorithm));
        }
        for other in [
            "none", "None", "", "HS256", "HS512", "RS512", "rs256", "PS256",
        ] {
            assert_eq!(Algorithm::named(other), None, "{other}");
        }
    }
}
