//! Tests of the secret cache: its contents, its lifetime, and the events that make a secret be read
//! again.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret as _, SecretString};

use super::{Read, ReadSecret, SecretError, Secrets, Stage, Version, held, is_permanent};

/// Secrets Manager with values of its own, made when the clock of these tests was at zero, which writes down what it is asked for.
#[derive(Default, Clone)]
struct Vault {
    undated: bool,
    values: Arc<Mutex<HashMap<Stage, &'static str>>>,
    asked: Arc<Mutex<Vec<Stage>>>,
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
                Some(&"out of order") => Err(SecretError::Unavailable {
                    id: id.to_owned(),
                    permanent: false,
                    cause: "out of order".into(),
                }),
                value => {
                    let made_at = (!self.undated).then_some(Timestamp::UNIX_EPOCH);
                    Ok(value.map(|value| Version {
                        text: SecretString::from(*value),
                        made_at,
                    }))
                }
            }
        })
    }
}

/// True if the credential is let in.
async fn admitted(secrets: &Secrets, credential: &str) -> bool {
    admitted_after(secrets, credential, 0).await
}

/// True if the credential is let in so many seconds after the current version was made.
async fn admitted_after(secrets: &Secrets, credential: &str, seconds: i64) -> bool {
    let check = |secret: &SecretString| {
        if secret.expose_secret() == credential {
            Ok(())
        } else {
            Err(())
        }
    };
    let now = Timestamp::from_second(seconds).expect("a time");
    secrets
        .check("s", now, check)
        .await
        .expect("a secret")
        .is_ok()
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
    assert!(
        admitted(&secrets, "first").await,
        "the value before passes too"
    );
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
    assert_eq!(
        secrets.get("s").await.expect("a secret").expose_secret(),
        "first"
    );
    assert_eq!(
        secrets
            .get_fresh("s")
            .await
            .expect("a secret")
            .expose_secret(),
        "second"
    );
    assert_eq!(
        secrets.get("s").await.expect("a secret").expose_secret(),
        "second"
    );
    assert_eq!(vault.asked(), [Stage::Current, Stage::Current]);
}

#[tokio::test]
async fn what_is_signed_during_a_rotation_is_signed_with_both() {
    let vault = Vault::default();
    let secrets = Secrets::new(vault.clone());
    assert!(
        secrets.with_previous("first").await.is_err(),
        "nothing can be signed with a previous key alone"
    );
    vault.put(Stage::Current, "new");
    let (current, previous) = secrets.with_previous("second").await.expect("a key");
    assert_eq!((current.expose_secret(), previous.is_none()), ("new", true));
    vault.put(Stage::Previous, "old");
    let (current, previous) = secrets.with_previous("third").await.expect("a key");
    assert_eq!(
        (
            current.expose_secret(),
            previous.expect("the one before it").expose_secret()
        ),
        ("new", "old")
    );
}

#[tokio::test]
async fn previous_version_is_accepted_for_an_hour() {
    let vault = Vault::default();
    vault.put(Stage::Current, "new");
    vault.put(Stage::Previous, "old");
    for (window, seconds, passes) in [
        (None, 0, true),
        (None, 3_599, true),
        (None, 3_600, false),
        (None, 1_000_000, false),
        (Some(60), 59, true),
        (Some(60), 60, false),
        (Some(0), 0, false),
    ] {
        let secrets = Secrets::new(vault.clone());
        let secrets = match window {
            Some(window) => secrets.accepting_previous_for(SignedDuration::from_secs(window)),
            None => secrets,
        };
        vault.asked();
        assert_eq!(
            admitted_after(&secrets, "old", seconds).await,
            passes,
            "{window:?} {seconds}"
        );
        assert_eq!(
            vault.asked().contains(&Stage::Previous),
            passes,
            "what is not accepted is not asked for"
        );
        assert!(
            admitted_after(&secrets, "new", seconds).await
                && !admitted_after(&secrets, "guess", seconds).await
        );
    }
    // A version without a date could be of any age.
    let secrets = Secrets::new(Vault {
        undated: true,
        ..vault
    });
    assert!(admitted(&secrets, "new").await && !admitted(&secrets, "old").await);
}

#[tokio::test]
async fn no_value_and_no_answer_let_nobody_in() {
    let vault = Vault::default();
    let secrets = Secrets::new(vault.clone());
    let refused = secrets
        .check("s", Timestamp::UNIX_EPOCH, |_| Ok::<(), ()>(()))
        .await;
    assert!(matches!(refused, Err(SecretError::NoValue { .. })));
    vault.put(Stage::Current, "out of order");
    let secrets = Secrets::new(vault.clone());
    let refused = secrets
        .check("s", Timestamp::UNIX_EPOCH, |_| Ok::<(), ()>(()))
        .await;
    assert!(matches!(refused, Err(SecretError::Unavailable { .. })));
    // A failure is not kept.
    vault.put(Stage::Current, "key");
    assert!(admitted(&secrets, "key").await);
}

#[test]
fn missing_secret_is_none_and_missing_permission_an_error() {
    let (name, arn) = (
        "quell/inbound/slack-signing-secret",
        "arn:aws:secretsmanager:us-east-1:123456789012:secret:webhook-AbCdEf",
    );
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

/// A reader that never answers for one secret.
struct Stuck;

impl ReadSecret for Stuck {
    fn read<'a>(&'a self, id: &'a str, _: Stage) -> Read<'a> {
        Box::pin(async move {
            if id == "stuck" {
                std::future::pending::<()>().await;
            }
            Ok(Some(Version {
                text: SecretString::from("key"),
                made_at: None,
            }))
        })
    }
}

#[tokio::test]
async fn secret_that_is_being_read_holds_up_no_other() {
    let secrets = Secrets::new(Stuck);
    tokio::select! {
        biased;
        _ = secrets.get("stuck") => panic!("it is never read"),
        other = secrets.get("s") => assert!(other.is_ok()),
    }
}

#[test]
fn what_only_an_operator_can_change_is_told_apart() {
    for (code, permanent) in [
        (Some("AccessDeniedException"), true),
        (Some("DecryptionFailure"), true),
        (Some("InvalidRequestException"), true),
        (Some("InternalServiceError"), false),
        (Some("ThrottlingException"), false),
        (None, false),
    ] {
        assert_eq!(is_permanent(code), permanent, "{code:?}");
    }
}
