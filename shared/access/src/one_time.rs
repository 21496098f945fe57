//! One-time tokens of the console's forms. Each page has one; it is bound to the session by its cookie's secret, which no page can
//! read. What was done with one is done once: its nonce is the id of the press, and a press is taken once.

use hmac::{Hmac, KeyInit as _, Mac as _};
use ring::rand::{SecureRandom as _, SystemRandom};
use sha2::Sha256;

/// The header that carries it. That it is none of a form's own makes browsers ask before another site's page may send it.
pub const HEADER: &str = "x-quell-one-time";
/// What is signed begins with this, so that the secret signs nothing else by accident.
const PURPOSE: &[u8] = b"quell one-time token\n";
const NONCE_BYTES: usize = 16;

/// So many random bytes, in hex; none if the system has no random numbers.
pub fn random_hex<const BYTES: usize>() -> Option<String> {
    let mut bytes = [0; BYTES];
    SystemRandom::new().fill(&mut bytes).ok()?;
    Some(hex::encode(bytes))
}

/// A new token for a page of a session; none if the system has no random numbers.
pub fn issue(secret: &str) -> Option<String> {
    let nonce = random_hex::<NONCE_BYTES>()?;
    let mac = hex::encode(mac(secret, &nonce).finalize().into_bytes());
    Some(format!("{nonce}.{mac}"))
}

/// The nonce of a token that was issued in this session; none of any other text.
pub fn nonce<'a>(secret: &str, token: &'a str) -> Option<&'a str> {
    let (nonce, given) = token.split_once('.')?;
    let given = hex::decode(given).ok()?;
    // Compares in constant time.
    let right = nonce.len() == 2 * NONCE_BYTES && mac(secret, nonce).verify_slice(&given).is_ok();
    right.then_some(nonce)
}

fn mac(secret: &str, nonce: &str) -> Hmac<Sha256> {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) else {
        unreachable!("HMAC takes a key of any length");
    };
    mac.update(PURPOSE);
    mac.update(nonce.as_bytes());
    mac
}

#[cfg(test)]
mod tests {
    use super::{issue, nonce};

    #[test]
    fn a_token_is_good_in_its_own_session_only() {
        let token = issue("one secret").expect("random numbers");
        let own = nonce("one secret", &token).expect("its own");
        assert!(token.starts_with(own));
        assert_eq!(nonce("another secret", &token), None);
        assert_ne!(issue("one secret"), Some(token.clone()));
        let other_nonce = format!("{}{}", "0".repeat(32), &token[32..]);
        for bad in ["", ".", own, &token[..token.len() - 1], &other_nonce] {
            assert_eq!(nonce("one secret", bad), None, "{bad}");
        }
    }
}
