//! Quell's private key for logins. It is held as a secret, parsed where it is used, and never shown
//! (`secrets-stay`).

use aws::secrets::{SecretError, Secrets};
use domain::phrase;
use domain::primitives::phrase::Phrase;
use russh::keys::{Error, PrivateKey, decode_secret_key};
use secrecy::{ExposeSecret, SecretString};
use thiserror::Error;

/// Where the key comes from.
#[derive(Debug)]
pub enum LoginKey {
    /// From Secrets Manager, read when a step is about to run, and once more where a host refuses it.
    Stored {
        /// The secrets of the function.
        secrets: Box<Secrets>,
        /// The secret's name or ARN.
        id: String,
    },
    /// From whoever made the [`App`](crate::App), where there is no Secrets Manager.
    Given(SecretString),
}

/// Why there is no key to log in with. The texts say what to do and repeat nothing of the secret, and neither do they
/// carry the parser's error, which can quote what it did not understand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("{}", self.phrase())]
pub enum NoKey {
    /// The secret cannot be read; the function's log says why.
    Unavailable,
    /// It is a key with a passphrase.
    Encrypted,
    /// It is an RSA key.
    Rsa,
    /// It is not a private key.
    Malformed,
}

impl NoKey {
    /// The same for people.
    pub fn phrase(self) -> Phrase {
        match self {
            Self::Unavailable => phrase!(
                "the secret with the SSH key cannot be read or has no value yet; the log of the bridge function says why"
            ),
            Self::Encrypted => phrase!(
                "the SSH key in the secret has a passphrase; store a key without one (ssh-keygen -p -N '' -f FILE removes it)"
            ),
            Self::Rsa => phrase!(
                "the SSH key in the secret is an RSA key, which Quell does not sign with; make one with ssh-keygen -t ed25519, let its public key in on the hosts, and store the private one"
            ),
            Self::Malformed => phrase!(
                "the secret with the SSH key does not hold a private key; store the whole file that ssh-keygen -t ed25519 wrote, from -----BEGIN OPENSSH PRIVATE KEY----- to the END line with its line breaks"
            ),
        }
    }
}

impl LoginKey {
    /// The key, ready to sign.
    ///
    /// # Errors
    /// If it cannot be read, or is not an unencrypted private key.
    pub(crate) async fn get(&self) -> Result<PrivateKey, NoKey> {
        match self {
            Self::Stored { secrets, id } => parse(&secrets.get(id).await.map_err(unavailable)?),
            Self::Given(secret) => parse(secret),
        }
    }

    /// The key as it is stored now, if it is another one than this, which was refused.
    ///
    /// # Errors
    /// As [`LoginKey::get`].
    pub(crate) async fn newer_than(
        &self,
        refused: &PrivateKey,
    ) -> Result<Option<PrivateKey>, NoKey> {
        let Self::Stored { secrets, id } = self else {
            return Ok(None);
        };
        let stored = parse(&secrets.get_fresh(id).await.map_err(unavailable)?)?;
        Ok((stored.public_key().key_data() != refused.public_key().key_data()).then_some(stored))
    }
}

fn unavailable(error: SecretError) -> NoKey {
    tracing::error!(%error, "the SSH key cannot be read");
    NoKey::Unavailable
}

fn parse(secret: &SecretString) -> Result<PrivateKey, NoKey> {
    match decode_secret_key(secret.expose_secret(), None) {
        Ok(key) if key.is_encrypted() => Err(NoKey::Encrypted),
        Ok(key) if key.algorithm().is_rsa() => Err(NoKey::Rsa),
        Ok(key) => Ok(key),
        Err(Error::KeyIsEncrypted) => Err(NoKey::Encrypted),
        Err(_) if is_rsa_pem(secret.expose_secret()) => Err(NoKey::Rsa),
        Err(_) => Err(NoKey::Malformed),
    }
}

/// True for an RSA key in a format of OpenSSL's, which the library does not read without its RSA part.
fn is_rsa_pem(text: &str) -> bool {
    // Of PKCS #8, the beginning has the same length for every key of 1,024 bits or more, so that the algorithm's name (RFC 8017, A.1)
    // stands in the same place of the base64: version 0 and `SEQUENCE { rsaEncryption, NULL }`.
    const PKCS8: &str = "ADANBgkqhkiG9w0BAQEFAA";
    text.contains("-----BEGIN RSA PRIVATE KEY-----")
        || (text.contains("-----BEGIN PRIVATE KEY-----") && text.contains(PKCS8))
}

#[cfg(test)]
pub(crate) mod tests {
    use russh::keys::PrivateKey;
    use russh::keys::ssh_key::private::Ed25519Keypair;
    use russh::keys::ssh_key::{Cipher, Kdf, LineEnding};
    use secrecy::SecretString;

    use super::{LoginKey, NoKey, parse};

    /// A key that is the same in every run, and worth nothing.
    pub(crate) fn key() -> PrivateKey {
        PrivateKey::from(Ed25519Keypair::from_seed(&[7; 32]))
    }

    pub(crate) fn key_file() -> String {
        key()
            .to_openssh(LineEnding::LF)
            .expect("a key file")
            .to_string()
    }

    #[test]
    fn a_key_survives_what_people_do_to_line_ends() {
        let key = key_file();
        for text in [
            key.clone(),
            key.trim().to_owned(),
            key.replace('\n', "\r\n"),
            format!("\n{key}\n"),
        ] {
            parse(&SecretString::from(text)).expect("the key");
        }
    }

    #[test]
    fn what_is_not_a_key_is_said_without_showing_it() {
        let file = key_file();
        let kdf = Kdf::Bcrypt {
            salt: vec![1; 16],
            rounds: 1,
        };
        let encrypted = key()
            .encrypt_with(Cipher::Aes256Ctr, kdf, 1, "passphrase")
            .expect("an encrypted key");
        let cases = [
            (
                encrypted
                    .to_openssh(LineEnding::LF)
                    .expect("a key file")
                    .to_string(),
                NoKey::Encrypted,
            ),
            (
                key().public_key().to_openssh().expect("a public key"),
                NoKey::Malformed,
            ),
            ("hunter2".to_owned(), NoKey::Malformed),
            (file.replace('\n', " "), NoKey::Malformed),
            (file[..file.len() / 2].to_owned(), NoKey::Malformed),
            (String::new(), NoKey::Malformed),
        ];
        for (text, expected) in cases {
            let error = parse(&SecretString::from(text.clone())).expect_err("not a usable key");
            assert_eq!(error, expected);
            let shown = format!("{error} {error:?}");
            assert!(
                text.lines().all(|line| line.starts_with("-----")
                    || line.is_empty()
                    || !shown.contains(line)),
                "{shown}"
            );
        }
    }

    #[test]
    fn the_key_is_not_in_debug_output() {
        let shown = format!("{:?}", LoginKey::Given(SecretString::from(key_file())));
        assert!(
            shown.contains("REDACTED") && !shown.contains("BEGIN"),
            "{shown}"
        );
    }
}
