//! A sign-in that is under way: what the browser has to bring back from the provider, in a cookie that only this browser has and
//! only Quell can write.
//!
//! `state` ties the answer to the browser, `nonce` the ID token to it, and the verifier the code (RFC 9700, 2.1.1 and 4.7). The table
//! is not asked before the answer: every visitor may begin.

use access::one_time::random_hex;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

/// The cookie's name; what its prefix means, `access::COOKIE` says.
pub const COOKIE: &str = "__Host-quell-sign-in";
/// How long a person has at the provider.
const LASTS: SignedDuration = SignedDuration::from_mins(10);
/// What is signed begins with this: the client's secret signs nothing else here.
const PURPOSE: &[u8] = b"quell sign-in cookie\n";
const RANDOM_BYTES: usize = 32;

/// A sign-in that has begun.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pending {
    began: i64,
    /// The answer's.
    pub state: String,
    /// The ID token's.
    pub nonce: String,
    /// Of PKCE: 64 characters that need no encoding (RFC 7636, 4.1).
    pub verifier: String,
    /// The path of the page that the person wanted.
    pub next: String,
}

impl Pending {
    /// One that begins now; none if the system has no random numbers. `next` is a path as `access::path_of` gives it.
    pub fn begin(next: String, now: Timestamp) -> Option<Self> {
        Some(Self {
            began: now.as_second(),
            state: random_hex::<RANDOM_BYTES>()?,
            nonce: random_hex::<RANDOM_BYTES>()?,
            verifier: random_hex::<RANDOM_BYTES>()?,
            next,
        })
    }

    /// The challenge of its verifier, with the method S256 (RFC 7636, 4.2).
    pub fn challenge(&self) -> String {
        URL_SAFE_NO_PAD.encode(Sha256::digest(self.verifier.as_bytes()))
    }

    /// True if an answer has its `state`.
    pub fn is_answered_by(&self, state: &str) -> bool {
        self.state.as_bytes().ct_eq(state.as_bytes()).into()
    }

    /// The digest of its `state`, under which its use is noted.
    pub fn digest(&self) -> String {
        hex::encode(Sha256::digest(self.state.as_bytes()))
    }

    /// The value of `Set-Cookie`. `Lax`, because the browser comes back by a link of the provider's.
    pub fn set_cookie(&self, key: &SecretString) -> String {
        let value = self.written(key);
        let lasts = LASTS.as_secs();
        format!("{COOKIE}={value}; Path=/; Max-Age={lasts}; Secure; HttpOnly; SameSite=Lax")
    }

    fn written(&self, key: &SecretString) -> String {
        let (began, next) = (self.began, hex::encode(&self.next));
        let fields = format!(
            "{began}.{}.{}.{}.{next}",
            self.state, self.nonce, self.verifier
        );
        let mac = hex::encode(mac(key, &fields).finalize().into_bytes());
        format!("{fields}.{mac}")
    }

    /// What a cookie's value holds; none if it is not one of ours, or is over.
    pub fn read(value: &str, key: &SecretString, now: Timestamp) -> Option<Self> {
        let (fields, given) = value.rsplit_once('.')?;
        let given = hex::decode(given).ok()?;
        // Compares in constant time.
        mac(key, fields).verify_slice(&given).ok()?;
        let mut parts = fields.split('.').map(str::to_owned);
        let began: i64 = parts.next()?.parse().ok()?;
        let (state, nonce, verifier) = (parts.next()?, parts.next()?, parts.next()?);
        let next = String::from_utf8(hex::decode(parts.next()?).ok()?).ok()?;
        let age = now.as_second().checked_sub(began)?;
        let is_young = (0..LASTS.as_secs()).contains(&age);
        is_young.then_some(Self {
            began,
            state,
            nonce,
            verifier,
            next,
        })
    }
}

/// The value of `Set-Cookie` that takes the cookie away.
pub fn end_cookie() -> String {
    format!("{COOKIE}=; Path=/; Max-Age=0; Secure; HttpOnly; SameSite=Lax")
}

fn mac(key: &SecretString, fields: &str) -> Hmac<Sha256> {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key.expose_secret().as_bytes()) else {
        unreachable!("HMAC takes a key of any length");
    };
    mac.update(PURPOSE);
    mac.update(fields.as_bytes());
    mac
}

#[cfg(test)]
mod tests {
    use jiff::{SignedDuration, Timestamp};
    use secrecy::SecretString;

    use super::{COOKIE, Pending, end_cookie};

    fn key() -> SecretString {
        SecretString::from("the client's secret")
    }

    fn begun() -> Pending {
        let next = "console/history?text=a%2Eb".to_owned();
        Pending::begin(next, Timestamp::UNIX_EPOCH).expect("random numbers")
    }

    #[test]
    fn a_cookie_is_read_as_it_was_written_for_ten_minutes() {
        let (begun, now) = (begun(), Timestamp::UNIX_EPOCH);
        let cookie = begun.set_cookie(&key());
        let (name, rest) = cookie.split_once('=').expect("a cookie");
        assert_eq!(name, COOKIE);
        let (value, attributes) = rest.split_once("; ").expect("attributes");
        assert_eq!(
            attributes,
            "Path=/; Max-Age=600; Secure; HttpOnly; SameSite=Lax"
        );
        let read = |seconds| {
            let at = now + SignedDuration::from_secs(seconds);
            Pending::read(value, &key(), at)
        };
        assert_eq!(read(0), Some(begun.clone()));
        assert_eq!(read(599), Some(begun));
        assert_eq!(read(600), None);
        // One of the future is not of this clock.
        assert_eq!(read(-1), None);
        assert!(end_cookie().starts_with(&format!("{COOKIE}=; Path=/; Max-Age=0;")));
    }

    #[test]
    fn only_the_holder_of_the_key_can_write_a_cookie() {
        let (begun, now) = (begun(), Timestamp::UNIX_EPOCH);
        let value = begun.written(&key());
        let other_key = SecretString::from("another secret");
        assert_eq!(Pending::read(&value, &other_key, now), None);
        let (fields, mac) = value.rsplit_once('.').expect("a MAC");
        for forged in [
            String::new(),
            fields.to_owned(),
            format!("{fields}."),
            format!("{fields}.{}", &mac[2..]),
            format!("1{fields}.{mac}"),
            value.replace(&begun.state, &begun.nonce),
            value.to_uppercase(),
        ] {
            assert_eq!(Pending::read(&forged, &key(), now), None, "{forged}");
        }
    }

    #[test]
    fn each_sign_in_has_values_of_its_own() {
        let (one, other) = (begun(), begun());
        assert!(one.is_answered_by(&one.state) && !one.is_answered_by(&other.state));
        assert!(!one.is_answered_by(""));
        for (mine, yours) in [
            (&one.state, &other.state),
            (&one.nonce, &other.nonce),
            (&one.verifier, &other.verifier),
        ] {
            assert_ne!(mine, yours);
            assert_eq!(mine.len(), 64);
        }
        assert_ne!(one.state, one.nonce);
        assert_ne!(one.digest(), other.digest());
    }

    #[test]
    fn the_challenge_is_that_of_the_rfc() {
        // RFC 7636, appendix B.
        let pending = Pending {
            verifier: "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk".to_owned(),
            ..begun()
        };
        let challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
        assert_eq!(pending.challenge(), challenge);
    }
}
