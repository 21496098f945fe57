//! Classifies error responses of all vendors: whether a retry may succeed, and what the call has
//! cost.

use std::time::Duration;

use domain::phrase;
use domain::primitives::phrase::Phrase;
use jiff::fmt::rfc2822;
use secrecy::SecretString;
use serde_json::Value;

use super::attempt::FailedTry;
use super::wording::words;
use super::{Billed, Trouble};

/// How long to wait where the provider does not say.
const USUAL_WAIT: Duration = Duration::from_secs(1);

/// What an answer with a status other than 2xx means. `header` gives the value of a header by its name in lower case.
///
/// Vendors bill for answers. Only where a gateway gave up waiting may one come about all the same, so that such a call is not made again.
pub(super) fn refusal<'h>(
    status: u16,
    header: impl Fn(&str) -> Option<&'h str>,
    body: &[u8],
    key: Option<&SecretString>,
) -> FailedTry {
    let said = Said::read(body);
    let words = said.words(status, key);
    let last = |trouble| FailedTry::last(trouble, Billed::Nothing);
    let retry_after = retry_after(header);
    let again = |trouble| FailedTry {
        again_after: Some(retry_after.unwrap_or(USUAL_WAIT)),
        ..last(trouble)
    };
    match status {
        // 408 is Bedrock's ModelTimeoutException, 524 Cloudflare's 504:
        // https://developers.cloudflare.com/support/troubleshooting/http-status-codes/cloudflare-5xx-errors/
        408 | 504 | 524 => FailedTry::last(Trouble::Failed { status, words }, Billed::Unknown),
        // OpenAI's 429 for an account without money, which no wait fills: https://platform.openai.com/docs/guides/error-codes
        429 if said.is("insufficient_quota") => last(Trouble::Refused { status, words }),
        // 529 is Anthropic's `overloaded_error`: https://docs.anthropic.com/en/api/errors
        429 | 503 | 529 => again(Trouble::Busy {
            status,
            retry_after,
        }),
        500.. => again(Trouble::Failed { status, words }),
        // Azure's filter for what is asked: https://learn.microsoft.com/azure/ai-services/openai/concepts/content-filter
        400 if said.is("content_filter") => last(Trouble::Filtered(words.to_string())),
        300..400 => {
            let words =
                phrase!("it answers with a redirect, which is not followed: correct base_url");
            last(Trouble::Refused { status, words })
        }
        _ => last(Trouble::Refused { status, words }),
    }
}

/// What a provider says about an error.
struct Said {
    codes: Vec<String>,
    message: String,
}

impl Said {
    /// Reads the shapes that are about: `{"error": {"message", "type", "code"}}` (OpenAI, Anthropic, llama.cpp), `{"error": "…"}`
    /// (gateways), `{"message"}` (vLLM until 0.10), `{"detail"}` (FastAPI); else the text as it is.
    fn read(body: &[u8]) -> Self {
        let json = serde_json::from_slice::<Value>(body).unwrap_or_default();
        let texts = |pointers: &[&str]| -> Vec<String> {
            pointers
                .iter()
                .filter_map(|pointer| json.pointer(pointer)?.as_str())
                .map(str::to_owned)
                .collect()
        };
        let message = texts(&["/error/message", "/error", "/message", "/detail"])
            .into_iter()
            .next();
        let message = message.unwrap_or_else(|| String::from_utf8_lossy(body).into_owned());
        Self {
            codes: texts(&["/error/code", "/error/type"]),
            message,
        }
    }

    fn is(&self, code: &str) -> bool {
        self.codes.iter().any(|said| said == code)
    }

    /// Its words, cut. Who refuses a key likes to repeat parts of it, so that there only the name of the error is taken.
    fn words(&self, status: u16, key: Option<&SecretString>) -> Phrase {
        let said = if status == 401 {
            self.codes.first().map_or("", String::as_str)
        } else {
            &self.message
        };
        let words = words(said, key);
        if words.is_empty() {
            phrase!("it does not say why")
        } else {
            words.into()
        }
    }
}

/// How long a provider asks to wait: `retry-after-ms` (OpenAI's and Azure's own), else `Retry-After` in seconds or as a date
/// (<https://www.rfc-editor.org/rfc/rfc9110#field.retry-after>). A date is taken from the answer's own `Date`, so that no clock
/// has to be right but the provider's.
fn retry_after<'h>(header: impl Fn(&str) -> Option<&'h str>) -> Option<Duration> {
    if let Some(milliseconds) = header("retry-after-ms").and_then(|text| text.trim().parse().ok()) {
        return Some(Duration::from_millis(milliseconds));
    }
    let after = header("retry-after")?.trim();
    if let Ok(seconds) = after.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = |text: &str| rfc2822::parse(text).ok().map(|date| date.timestamp());
    let wait = date(after)?.duration_since(date(header("date")?)?);
    Some(wait.try_into().unwrap_or_default())
}

#[cfg(test)]
#[path = "refusal_tests.rs"]
mod tests;
