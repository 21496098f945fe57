//! HMAC-SHA256 over a list of fields, each with its length before it, so that two different lists
//! never have the same bytes.

use hmac::{Hmac, KeyInit as _, Mac as _};
use secrecy::{ExposeSecret as _, SecretString};
use sha2::Sha256;

/// The running code over these fields. The first of them names what is signed, so that nothing else
/// that is signed with the same key can be taken for it.
pub(crate) fn over(key: &SecretString, fields: &[&[u8]]) -> Hmac<Sha256> {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key.expose_secret().as_bytes()) else {
        unreachable!("HMAC takes a key of any length");
    };
    for field in fields {
        mac.update(&(field.len() as u64).to_be_bytes());
        mac.update(field);
    }
    mac
}
