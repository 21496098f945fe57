//! What is kept in memory, for how long, and what makes a secret be read again.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use secrecy::{ExposeSecret as _, SecretString};

use super::{Read, ReadSecret, SecretError, Secrets, Stage};

/// Secrets Manager with values of its own, which writes down what it is asked for.
#[derive(Default, Clone)]
struct Vault {
    values: Arc<Mutex<HashMap<Stage, &'static str>>>,
    asked: Arc<Mutex<Vec<Stage>>>,
}

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Vault {
    fn put(&self, stage: Stage, value: &'static str) {
        held(&self.values).insert(stage, value);
    }

    /// What was asked for since the last look.
    fn asked(&self) -> Vec<Stage> {
        std::mem::take(&mut held(&self.asked))
    }
}

impl ReadSecret for Vault {
    fn read<'a>(&'a self, id: &'a str, stage: Stage) -> Read<'a> {
        Box::pin(async move {
            // As over the network: others get their turn in between.
            tokio::task::yield_now().await;
            held(&self.asked).push(stage);
            match held(&self.values).get(&stage) {
                Some(&"out of order") => Err(SecretError::Unavailable { id: id.to_owned(), why: "out of order".to_owned() }),
                value => Ok(value.copied().map(SecretString::from)),
            }
        })
    }
}

/// True if the credential is let in.
async fn admitted(secrets: &Secrets, credential: &str) -> bool {
    let check = |secret: &SecretString| if secret.expose_secret() == credential { Ok(()) } else { Err(()) };
    secrets.check("s", check).await.expect("a secret").is_ok()
}

#[tokio::test]
async fn a_secret_is_read_once_however_many_need_it() {
    let vault = Vault::default();
    vault.put(Stage::Current, "key");
    let secrets = Secrets::new(vault.clone());
    let (first, second) = tokio::join!(secrets.get("s"), secrets.get("s"));
    assert!(first.is_ok() && second.is_ok());
    assert!(admitted(&secrets, "key").await);
    assert_eq!(vault.asked(), [Stage::Current]);
}

#[tokio::test]
async fn what_does_not_fit_makes_it_be_read_again_once() {
    let vault = Vault::default();
    vault.put(Stage::Current, "first");
    let secrets = Secrets::new(vault.clone());
    assert!(admitted(&secrets, "first").await);
    vault.put(Stage::Previous, "first");
    vault.put(Stage::Current, "second");
    vault.asked();
    assert!(admitted(&secrets, "second").await);
    assert_eq!(vault.asked(), [Stage::Current]);
    assert!(admitted(&secrets, "first").await, "the value before passes too");
    assert!(!admitted(&secrets, "guess").await);
    assert_eq!(vault.asked(), [Stage::Previous], "a guess costs no call");
}

#[tokio::test]
async fn a_secret_that_was_refused_elsewhere_is_read_again_and_kept() {
    let vault = Vault::default();
    vault.put(Stage::Current, "first");
    let secrets = Secrets::new(vault.clone());
    secrets.get("s").await.expect("a secret");
    vault.put(Stage::Current, "second");
    assert_eq!(secrets.get("s").await.expect("a secret").expose_secret(), "first");
    assert_eq!(secrets.of_now("s").await.expect("a secret").expose_secret(), "second");
    assert_eq!(secrets.get("s").await.expect("a secret").expose_secret(), "second");
    assert_eq!(vault.asked(), [Stage::Current, Stage::Current]);
}

#[tokio::test]
async fn what_is_signed_during_a_rotation_is_signed_with_both() {
    let vault = Vault::default();
    let secrets = Secrets::new(vault.clone());
    assert!(secrets.with_previous("first").await.is_err(), "nothing can be signed with a previous key alone");
    vault.put(Stage::Current, "new");
    let (current, previous) = secrets.with_previous("second").await.expect("a key");
    assert_eq!((current.expose_secret(), previous.is_none()), ("new", true));
    vault.put(Stage::Previous, "old");
    let (current, previous) = secrets.with_previous("third").await.expect("a key");
    assert_eq!((current.expose_secret(), previous.expect("the one before it").expose_secret()), ("new", "old"));
}

#[tokio::test]
async fn no_value_and_no_answer_let_nobody_in() {
    let vault = Vault::default();
    let secrets = Secrets::new(vault.clone());
    assert!(matches!(secrets.check("s", |_| Ok::<(), ()>(())).await, Err(SecretError::NoValue { .. })));
    vault.put(Stage::Current, "out of order");
    let secrets = Secrets::new(vault.clone());
    assert!(matches!(secrets.check("s", |_| Ok::<(), ()>(())).await, Err(SecretError::Unavailable { .. })));
    // A failure is not kept.
    vault.put(Stage::Current, "key");
    assert!(admitted(&secrets, "key").await);
}

#[cfg(any(feature = "secrets", feature = "signed"))]
#[test]
fn a_secret_that_was_never_made_is_none_and_a_missing_permission_is_told() {
    let (name, arn) = ("quell/channels/slack-signing-secret", "arn:aws:secretsmanager:us-east-1:123456789012:secret:webhook-AbCdEf");
    for (id, code, absent) in [
        (name, Some("ResourceNotFoundException"), true),
        (arn, Some("ResourceNotFoundException"), true),
        (name, Some("AccessDeniedException"), true),
        (arn, Some("AccessDeniedException"), false),
        (name, Some("InternalServiceError"), false),
        (name, None, false),
    ] {
        assert_eq!(super::is_absent(id, code), absent, "{id}: {code:?}");
    }
}
