//! Signed approval links for channels without buttons: their contents and the check of their
//! signature.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::primitives::time::expired;
use hmac::{Hmac, Mac as _};
use jiff::Timestamp;
use secrecy::SecretString;
use sha2::Sha256;
use thiserror::Error;

use domain::incident::approval::Verdict;
use domain::primitives::id::ApprovalId;

use crate::mac::over;

/// What the signature begins with, so that nothing else that is signed with the same key can be taken for a link.
const DOMAIN: &[u8] = b"quell approval link";
/// The version of the token.
const VERSION: u8 = 1;
const SIGNATURE_BYTES: usize = 32;
/// Version, verdict and time.
const HEAD_BYTES: usize = 1 + 1 + 8;
/// `<incident id>-<16 hex>`.
const APPROVAL_BYTES: usize = 43;
/// The longest token that is looked at. A person has at most 32 characters, each of at most 4 bytes.
const MOST_CHARACTERS: usize = 320;

/// A decision that a link lets one person make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    pub approval: ApprovalId,
    pub verdict: Verdict,
    /// The person's name in `channels.json`.
    pub person: String,
    /// The last second in which it can be used.
    pub expires_at: Timestamp,
}

/// Why a token is no link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum LinkError {
    /// It is not written as a token is.
    #[error("this is not a link of Quell, or a part of it is missing")]
    Unreadable,
    /// It was signed with another key, or changed.
    #[error("the signature of this link is wrong")]
    Forged,
    /// It is ours, and too old.
    #[error("this link expired at {at}")]
    Expired { at: Timestamp },
}

/// The token of a link: `base64url(version ‖ verdict ‖ seconds since 1970, 8 bytes ‖ approval, 43 bytes ‖ person ‖ signature, 32 bytes)`
/// without padding. The signature is HMAC-SHA256 over a domain and every field, each with its length before it.
pub fn sign(
    key: &SecretString,
    approval: &ApprovalId,
    verdict: Verdict,
    person: &str,
    expires_at: Timestamp,
) -> String {
    let seconds = expires_at.as_second().to_be_bytes();
    let mut bytes = vec![VERSION, letter(verdict)];
    bytes.extend_from_slice(&seconds);
    bytes.extend_from_slice(approval.as_str().as_bytes());
    bytes.extend_from_slice(person.as_bytes());
    let signature = mac(key, &bytes).finalize().into_bytes();
    bytes.extend_from_slice(&signature);
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The decision and the person of a token, if it was signed with this key and has not expired.
///
/// # Errors
/// Why it is not valid. Only a token with a valid signature is reported as expired.
pub fn verify(key: &SecretString, token: &str, now: Timestamp) -> Result<Link, LinkError> {
    if token.len() > MOST_CHARACTERS {
        return Err(LinkError::Unreadable);
    }
    // One spelling for each link: the decoder refuses padding, line ends and unused bits.
    let bytes = URL_SAFE_NO_PAD
        .decode(token)
        .map_err(|_| LinkError::Unreadable)?;
    if bytes.len() <= HEAD_BYTES + APPROVAL_BYTES + SIGNATURE_BYTES {
        return Err(LinkError::Unreadable);
    }
    let (signed, signature) = bytes.split_at(bytes.len() - SIGNATURE_BYTES);
    // Compares in constant time; nothing of the rest is looked at before.
    mac(key, signed)
        .verify_slice(signature)
        .map_err(|_| LinkError::Forged)?;
    let link = read(signed).ok_or(LinkError::Unreadable)?;
    if expired(link.expires_at, now) {
        Err(LinkError::Expired {
            at: link.expires_at,
        })
    } else {
        Ok(link)
    }
}

/// The fields, cut where the token has them.
fn mac(key: &SecretString, bytes: &[u8]) -> Hmac<Sha256> {
    let (head, rest) = bytes.split_at(HEAD_BYTES.min(bytes.len()));
    let (approval, person) = rest.split_at(APPROVAL_BYTES.min(rest.len()));
    over(
        key,
        &[
            DOMAIN,
            &head[..1],
            &head[1..2],
            &head[2..],
            approval,
            person,
        ],
    )
}

fn read(bytes: &[u8]) -> Option<Link> {
    let (head, rest) = bytes.split_at_checked(HEAD_BYTES)?;
    let (approval, person) = rest.split_at_checked(APPROVAL_BYTES)?;
    let [VERSION, verdict, seconds @ ..] = head else {
        return None;
    };
    let verdict = [Verdict::Approve, Verdict::Reject]
        .into_iter()
        .find(|known| letter(*known) == *verdict)?;
    Some(Link {
        approval: ApprovalId::try_from(std::str::from_utf8(approval).ok()?).ok()?,
        verdict,
        person: std::str::from_utf8(person).ok()?.to_owned(),
        expires_at: Timestamp::from_second(i64::from_be_bytes(seconds.try_into().ok()?)).ok()?,
    })
}

fn letter(verdict: Verdict) -> u8 {
    match verdict {
        Verdict::Approve => b'a',
        Verdict::Reject => b'r',
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use secrecy::SecretString;

    use super::{Link, LinkError, sign, verify};
    use domain::incident::approval::Verdict;
    use domain::primitives::id::ApprovalId;

    const EXPIRES: i64 = 1_800_000_000;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).expect("a time")
    }

    fn key() -> SecretString {
        SecretString::from("key")
    }

    fn approval() -> ApprovalId {
        ApprovalId::try_from("01ARZ3NDEKTSV4RRFFQ69G5FAV-0123456789abcdef").expect("an approval")
    }

    fn token(verdict: Verdict, person: &str) -> String {
        sign(&key(), &approval(), verdict, person, at(EXPIRES))
    }

    #[test]
    fn a_link_says_what_it_was_made_for() {
        for (verdict, person) in [
            (Verdict::Approve, "ada"),
            (Verdict::Reject, "林小美"),
            (Verdict::Approve, &"語".repeat(32)),
        ] {
            let token = token(verdict, person);
            let link = Link {
                approval: approval(),
                verdict,
                person: person.to_owned(),
                expires_at: at(EXPIRES),
            };
            assert_eq!(verify(&key(), &token, at(EXPIRES - 1)), Ok(link));
            assert!(
                token
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_'),
                "{token}"
            );
        }
    }

    #[test]
    fn the_token_is_as_its_description_says() {
        // Made by a program of its own from the description: a change of the form would void every link that is out.
        let expected = "AWEAAAAAa0nSADAxQVJaM05ERUtUU1Y0UlJGRlE2OUc1RkFWLTAxMjM0NTY3ODlhYmNkZWZhZG\
            EFjk2ub-m_Xcepzx_lXNsIgtygCfx8ZQKLLoF44ojtqg";
        assert_eq!(token(Verdict::Approve, "ada"), expected);
    }

    #[test]
    fn time_ends_it() {
        let token = token(Verdict::Approve, "ada");
        assert!(verify(&key(), &token, at(EXPIRES - 1)).is_ok());
        assert_eq!(
            verify(&key(), &token, at(EXPIRES)),
            Err(LinkError::Expired { at: at(EXPIRES) })
        );
        // Expiry is not disclosed to a caller who cannot sign.
        assert_eq!(
            verify(&SecretString::from("other"), &token, at(EXPIRES)),
            Err(LinkError::Forged)
        );
    }

    #[test]
    fn no_changed_character_passes() {
        let token = token(Verdict::Approve, "ada");
        for place in 0..token.len() {
            for other in "Aa0-_=.% \n"
                .chars()
                .filter(|c| !token[place..].starts_with(*c))
            {
                let mut changed = token.clone();
                changed.replace_range(place..=place, &other.to_string());
                assert!(
                    verify(&key(), &changed, at(0)).is_err(),
                    "{other:?} at {place}"
                );
            }
            assert!(
                verify(&key(), &token[..place], at(0)).is_err(),
                "cut at {place}"
            );
            assert!(
                verify(&key(), &token[place + 1..], at(0)).is_err(),
                "from {place}"
            );
        }
        for added in [
            format!("{token}A"),
            format!("{token}="),
            format!(" {token}"),
            format!("{token}{token}"),
            "A".repeat(9_999),
        ] {
            assert!(verify(&key(), &added, at(0)).is_err(), "{added}");
        }
    }

    #[test]
    fn no_byte_of_it_can_be_another() {
        use base64::Engine as _;
        use base64::engine::general_purpose::URL_SAFE_NO_PAD;
        let bytes = URL_SAFE_NO_PAD
            .decode(token(Verdict::Approve, "ada"))
            .expect("base64url");
        for place in 0..bytes.len() {
            for bit in 0..8 {
                let mut changed = bytes.clone();
                changed[place] ^= 1 << bit;
                assert_eq!(
                    verify(&key(), &URL_SAFE_NO_PAD.encode(changed), at(0)),
                    Err(LinkError::Forged),
                    "bit {bit} of {place}"
                );
            }
        }
    }
}
