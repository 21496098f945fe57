//! Signed notes as the transparency community writes them (<https://c2sp.org/signed-note>): a text,
//! an empty line, and lines with signatures by Ed25519.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};
use thiserror::Error;

/// The type of Ed25519 in keys and key ids.
const ED25519_TYPE: u8 = 1;

/// Why a note or a key is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum InvalidNote {
    #[error("the key has to be NAME+ID+KEY, as `quell evidence-key` prints it")]
    Key,
    #[error("the note has no signature of this key")]
    Unsigned,
    #[error("the signature is wrong: another key made it, or the note was changed")]
    Forged,
}

/// A key that signs, with its name.
pub struct Signer {
    name: String,
    pair: Ed25519KeyPair,
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // It holds the secret (secrets-stay).
        f.debug_struct("Signer").finish_non_exhaustive()
    }
}

impl Signer {
    /// The key that a secret stands for: of a text of any length, its SHA-256 is the seed. The name
    /// has neither blanks nor a plus sign.
    pub fn from_secret(name: &str, secret: &SecretString) -> Self {
        let seed = Sha256::digest(secret.expose_secret().as_bytes());
        let Ok(pair) = Ed25519KeyPair::from_seed_unchecked(&seed) else {
            unreachable!("every 32 bytes are a seed");
        };
        let name = name.replace([' ', '+', '\n'], "-");
        Self { name, pair }
    }

    /// The key with which others check.
    pub fn verifier(&self) -> Verifier {
        Verifier {
            name: self.name.clone(),
            public: self.pair.public_key().as_ref().to_vec(),
        }
    }

    /// A text, which ends with a line's end, with its signature.
    pub fn sign(&self, text: &str) -> String {
        let signature = self.pair.sign(text.as_bytes());
        let signed = [&self.verifier().id()[..], signature.as_ref()].concat();
        format!(
            "{text}\n\u{2014} {} {}\n",
            self.name,
            BASE64_STANDARD.encode(signed)
        )
    }
}

/// A key with which a note is checked: `NAME+ID+KEY`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verifier {
    name: String,
    public: Vec<u8>,
}

impl Verifier {
    /// The first four bytes of a hash over name and key.
    fn id(&self) -> [u8; 4] {
        let hash = Sha256::new()
            .chain_update(&self.name)
            .chain_update([b'\n', ED25519_TYPE])
            .chain_update(&self.public)
            .finalize();
        [hash[0], hash[1], hash[2], hash[3]]
    }

    /// The text of a note that this key has signed.
    ///
    /// # Errors
    /// If it has not.
    pub fn open<'a>(&self, note: &'a str) -> Result<&'a str, InvalidNote> {
        let (text, signatures) = note.rsplit_once("\n\n").ok_or(InvalidNote::Unsigned)?;
        // The text ends with its line's end.
        let text = note.get(..=text.len()).ok_or(InvalidNote::Unsigned)?;
        let begins = format!("\u{2014} {} ", self.name);
        let mut own = signatures
            .lines()
            .filter_map(|line| line.strip_prefix(&begins))
            .filter_map(|encoded| BASE64_STANDARD.decode(encoded).ok())
            .filter(|signed| signed.starts_with(&self.id()))
            .peekable();
        own.peek().ok_or(InvalidNote::Unsigned)?;
        let key = UnparsedPublicKey::new(&ED25519, &self.public);
        let right = |signed: Vec<u8>| key.verify(text.as_bytes(), &signed[4..]).is_ok();
        if own.any(right) {
            Ok(text)
        } else {
            Err(InvalidNote::Forged)
        }
    }
}

impl fmt::Display for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = [&[ED25519_TYPE], self.public.as_slice()].concat();
        let (id, key) = (hex::encode(self.id()), BASE64_STANDARD.encode(key));
        write!(f, "{}+{id}+{key}", self.name)
    }
}

impl FromStr for Verifier {
    type Err = InvalidNote;

    fn from_str(text: &str) -> Result<Self, InvalidNote> {
        let mut parts = text.trim().splitn(3, '+');
        let (Some(name), Some(id), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(InvalidNote::Key);
        };
        let key = BASE64_STANDARD.decode(key).map_err(|_| InvalidNote::Key)?;
        let public = key.strip_prefix(&[ED25519_TYPE]).ok_or(InvalidNote::Key)?;
        let verifier = Self {
            name: name.to_owned(),
            public: public.to_vec(),
        };
        if verifier.to_string() == text.trim() && hex::encode(verifier.id()) == id {
            Ok(verifier)
        } else {
            Err(InvalidNote::Key)
        }
    }
}

#[cfg(test)]
mod tests {
    use secrecy::SecretString;

    use super::{InvalidNote, Signer, Verifier};

    /// The example of <https://c2sp.org/signed-note> and of Go's `golang.org/x/mod/sumdb/note`.
    #[test]
    fn the_published_note_passes() {
        let key = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
        let verifier: Verifier = key.parse().expect("a key");
        assert_eq!(verifier.to_string(), key);
        let text = "If you think cryptography is the answer to your problem,\n\
            then you don't know what your problem is.\n";
        let signature = "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=";
        let note = format!("{text}\n\u{2014} PeterNeumann {signature}\n");
        assert_eq!(verifier.open(&note), Ok(text));
        let changed = note.replace("answer", "Answer");
        assert_eq!(verifier.open(&changed), Err(InvalidNote::Forged));
        for bad in [
            "",
            "PeterNeumann",
            "PeterNeumann+c74f20a4+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        ] {
            assert_eq!(bad.parse::<Verifier>(), Err(InvalidNote::Key), "{bad}");
        }
    }

    #[test]
    fn only_its_own_key_opens_a_note() {
        let signer = |secret: &str| Signer::from_secret("a b+c", &SecretString::from(secret));
        let note = signer("one").sign("text\n\nmore\n");
        assert_eq!(signer("one").verifier().open(&note), Ok("text\n\nmore\n"));
        let other = signer("two").verifier();
        assert_eq!(other.open(&note), Err(InvalidNote::Unsigned));
        assert_eq!(other.open("text\n"), Err(InvalidNote::Unsigned));
        let key = other.to_string();
        assert_eq!(key.parse(), Ok(other));
    }
}
