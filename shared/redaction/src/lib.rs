//! Redaction of secrets in text from outside: before it is sent to a model provider, and before the
//! output of a command is recorded.
//!
//! The author of an alert, a metric or a log line may have put a password into it. Text that has
//! the form of a secret, or is in the place of one, becomes `[redacted]`; the key's name and the
//! host stay, because they help to find the cause. The forms are those that scanners look for (the
//! rules of gitleaks, the plugins of detect-secrets) and vendors document, each with the words
//! without which it cannot occur, so that most texts cost a search for words.
//!
//! When in doubt it redacts: a missing value makes an analysis a little worse, but a value that was
//! sent cannot be recalled.

mod form;
mod patterns;
mod predicates;

use std::borrow::Cow;

pub use self::form::REDACTED;

use self::patterns::FORMS;

/// The text with [`REDACTED`] in place of what looks like a secret.
///
/// Give it the text as it leaves, with names before values: `swordfish` by itself is no secret, and `password: swordfish` is. Cut it
/// afterwards, because half a token has no form any more. It takes time in proportion to the text's length, whatever the text is.
pub fn redact(text: &str) -> Cow<'_, str> {
    let mut redacted = Cow::Borrowed(text);
    let mut lower = text.to_ascii_lowercase();
    for form in &FORMS {
        if let Some(changed) = form.take_out(&redacted, &lower) {
            lower = changed.to_ascii_lowercase();
            redacted = Cow::Owned(changed);
        }
    }
    redacted
}

#[cfg(test)]
#[path = "redaction_tests.rs"]
mod tests;
