//! Secrets that are read with a signed request, without the SDK: a cold start waits for the first of them (docs/decisions/0007).

use secrecy::SecretString;
use serde::Deserialize;
use serde_json::json;

use super::{Read, ReadSecret, SecretError, Stage, is_absent, text};
use crate::signed::{CallError, SignedClient};

/// What is read of the answer
/// (<https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetSecretValue.html>); a binary secret has no text.
#[derive(Deserialize)]
struct Value<'a> {
    #[serde(rename = "SecretString", borrow, default)]
    text: Option<std::borrow::Cow<'a, str>>,
}

/// The client has to be one of [`SECRETS_MANAGER`](crate::signed::SECRETS_MANAGER).
impl ReadSecret for SignedClient {
    fn read<'a>(&'a self, id: &'a str, stage: Stage) -> Read<'a> {
        Box::pin(async move {
            let unavailable = |why: String| SecretError::Unavailable { id: id.to_owned(), why };
            let request = json!({ "SecretId": id, "VersionStage": stage.as_str() }).to_string();
            match self.call("GetSecretValue", &request).await {
                Ok(answer) => secret(&answer).map_err(|why| unavailable(why.to_owned())),
                Err(CallError::Refused { code, .. }) if is_absent(id, Some(&code)) => Ok(None),
                Err(error) => Err(unavailable(error.to_string())),
            }
        })
    }
}

/// The secret in an answer. The parser's own error is not passed on: it can quote what it did not understand.
fn secret(answer: &[u8]) -> Result<Option<SecretString>, &'static str> {
    let Value { text: value } = serde_json::from_slice(answer).map_err(|_| "the answer of Secrets Manager is not as it is documented")?;
    Ok(text(value.as_deref()).map(SecretString::from))
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;

    use super::secret;

    #[test]
    fn a_secret_is_text_that_says_something() {
        for (answer, expected) in [
            (r#"{"ARN":"a","SecretString":" key\n","VersionStages":["AWSCURRENT"]}"#, Some("key")),
            (r#"{"SecretString":"with \"quotes\" and \\u00e9 \u00e9"}"#, Some("with \"quotes\" and \\u00e9 é")),
            (r#"{"SecretString":"  \n"}"#, None),
            (r#"{"SecretString":null}"#, None),
            (r#"{"SecretBinary":"a2V5"}"#, None),
        ] {
            let secret = secret(answer.as_bytes()).expect("understood");
            assert_eq!(secret.as_ref().map(|secret| secret.expose_secret()), expected, "{answer}");
        }
    }

    #[test]
    fn what_is_not_understood_is_not_shown() {
        for answer in [r#"{"SecretString":["hunter2"]}"#, r#"{"SecretString":{"hunter2":1}}"#, "hunter2", r#"{"SecretString":"hunter2"#] {
            let why = secret(answer.as_bytes()).expect_err("not understood");
            assert!(!why.contains("hunter2"), "{why}");
        }
    }
}
