//! Secret reader that sends a signed request without the SDK: a cold start waits for the first
//! secret (docs/decisions/0007).

use jiff::Timestamp;
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::json;

use super::{Read, ReadSecret, SecretError, Stage, Version, is_absent, is_permanent, text};
use crate::Cause;
use crate::signed::{CallError, SignedClient};

/// What is read of the answer
/// (<https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetSecretValue.html>); a binary secret has no text.
#[derive(Deserialize)]
struct Value<'a> {
    #[serde(rename = "SecretString", borrow, default)]
    text: Option<std::borrow::Cow<'a, str>>,
    /// Seconds since 1970, with a fraction or an exponent (AWS JSON 1.1 writes times as numbers).
    #[serde(rename = "CreatedDate", default)]
    made_at: Option<f64>,
}

/// The client has to be one of [`SECRETS_MANAGER`](crate::signed::SECRETS_MANAGER).
impl ReadSecret for SignedClient {
    fn read<'a>(&'a self, id: &'a str, stage: Stage) -> Read<'a> {
        Box::pin(async move {
            let unavailable = |permanent, cause: Cause| SecretError::Unavailable {
                id: id.to_owned(),
                permanent,
                cause,
            };
            let request = json!({ "SecretId": id, "VersionStage": stage.as_str() }).to_string();
            match self.call("GetSecretValue", &request).await {
                Ok(answer) => version(&answer).map_err(|why| unavailable(false, why.into())),
                Err(CallError::Refused { code, .. }) if is_absent(id, Some(&code)) => Ok(None),
                Err(error) => {
                    let code = match &error {
                        CallError::Refused { code, .. } => Some(code.as_str()),
                        CallError::Unavailable(_) | CallError::Unsigned(_) => None,
                    };
                    Err(unavailable(is_permanent(code), error.into()))
                }
            }
        })
    }
}

/// The secret in an answer. The parser's own error is not passed on: it can quote what it did not understand.
fn version(answer: &[u8]) -> Result<Option<Version>, &'static str> {
    let Value {
        text: value,
        made_at,
    } = serde_json::from_slice(answer)
        .map_err(|_| "the answer of Secrets Manager is not as it is documented")?;
    Ok(text(value.as_deref()).map(|text| Version {
        text: SecretString::from(text),
        made_at: made_at.and_then(time),
    }))
}

/// A time out of seconds since 1970, to the second. One that no clock shows is none: the conversion ends at the bounds of the integer,
/// which lie outside of what a timestamp can be.
#[expect(
    clippy::cast_possible_truncation,
    reason = "the fraction is of no use here, and what is out of range is refused"
)]
fn time(seconds: f64) -> Option<Timestamp> {
    Timestamp::from_second(seconds as i64).ok()
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;

    use super::version;

    #[test]
    fn a_secret_is_text_that_says_something() {
        for (answer, expected) in [
            (
                r#"{"ARN":"a","SecretString":" key\n","VersionStages":["AWSCURRENT"]}"#,
                Some("key"),
            ),
            (
                r#"{"SecretString":"with \"quotes\" and \\u00e9 \u00e9"}"#,
                Some("with \"quotes\" and \\u00e9 é"),
            ),
            (r#"{"SecretString":"  \n"}"#, None),
            (r#"{"SecretString":null}"#, None),
            (r#"{"SecretBinary":"a2V5"}"#, None),
        ] {
            let secret = version(answer.as_bytes()).expect("understood");
            assert_eq!(
                secret.as_ref().map(|secret| secret.text.expose_secret()),
                expected,
                "{answer}"
            );
        }
    }

    #[test]
    fn time_of_a_version_is_read_in_each_form() {
        for (date, expected) in [
            (r#","CreatedDate":1523477145"#, Some(1_523_477_145)),
            (r#","CreatedDate":1523477145.713"#, Some(1_523_477_145)),
            (r#","CreatedDate":1.523477145713E9"#, Some(1_523_477_145)),
            (r#","CreatedDate":1e300"#, None),
            (r#","CreatedDate":null"#, None),
            ("", None),
        ] {
            let answer = format!(r#"{{"SecretString":"key"{date}}}"#);
            let version = version(answer.as_bytes())
                .expect("understood")
                .expect("a secret");
            assert_eq!(
                version.made_at.map(jiff::Timestamp::as_second),
                expected,
                "{answer}"
            );
        }
    }

    #[test]
    fn what_is_not_understood_is_not_shown() {
        for answer in [
            r#"{"SecretString":["hunter2"]}"#,
            r#"{"SecretString":{"hunter2":1}}"#,
            "hunter2",
            r#"{"SecretString":"hunter2"#,
        ] {
            let why = version(answer.as_bytes()).expect_err("not understood");
            assert!(!why.contains("hunter2"), "{why}");
        }
    }
}
