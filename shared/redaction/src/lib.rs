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

mod patterns;
mod predicates;

use std::borrow::Cow;

use regex_lite::{Captures, Match, Regex};

use self::patterns::{FORMS, Form, Reach};

/// Replacement of a secret.
pub const REDACTED: &str = "[redacted]";

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

impl Form {
    /// The pattern, compiled when a text first has one of its words: most texts need few of them.
    #[expect(
        clippy::panic,
        reason = "the patterns are constants, and the tests compile each; no text may leave without them"
    )]
    fn regex(&self) -> &Regex {
        let compile = || {
            Regex::new(self.pattern)
                .unwrap_or_else(|error| panic!("the pattern {}: {error}", self.pattern))
        };
        self.compiled.get_or_init(compile)
    }

    fn has_word(&self, lower: &str) -> bool {
        self.words.iter().any(|word| lower.contains(word))
    }

    /// The text without this form's secrets, if it has any. Only lines with one of its words are searched, because a
    /// form costs up to a microsecond per byte and the search for its words a few nanoseconds.
    fn take_out(&self, text: &str, lower: &str) -> Option<String> {
        if !self.has_word(lower) {
            return None;
        }
        let mut out = String::new();
        let (mut copied, mut searched, mut line_begin) = (0, 0, 0);
        for line in text.split_inclusive('\n') {
            let line_end = line_begin + line.len();
            let from = searched.max(line_begin);
            line_begin = line_end;
            if from >= line_end || !self.has_word(&lower[from..line_end]) {
                continue;
            }
            let to = self.reach.end(text, line_end);
            for found in self.regex().captures_iter(&text[from..to]) {
                searched = from + found.get(0).map_or(0, |whole| whole.end());
                if let Some(secret) = self.secret(&found) {
                    out.push_str(&text[copied..from + secret.start()]);
                    out.push_str(REDACTED);
                    copied = from + secret.end();
                }
            }
            if self.reach == Reach::Rest {
                break;
            }
        }
        (copied > 0).then(|| out + &text[copied..])
    }

    fn secret<'t>(&self, found: &Captures<'t>) -> Option<Match<'t>> {
        let secret = found.iter().skip(1).flatten().next()?;
        (!is_redacted(secret.as_str()) && (self.looks_secret)(secret.as_str())).then_some(secret)
    }
}

impl Reach {
    /// Where the search ends that begins in the line that ends at `line_end`.
    fn end(self, text: &str, line_end: usize) -> usize {
        match self {
            Self::NextLine => text[line_end..]
                .find('\n')
                .map_or(text.len(), |next| line_end + next + 1),
            Self::Rest => text.len(),
        }
    }
}

/// True for what an earlier form left, whose closing bracket a pattern may not take in.
fn is_redacted(text: &str) -> bool {
    text == REDACTED || text == REDACTED.trim_end_matches(']')
}

#[cfg(test)]
#[path = "redaction_tests.rs"]
mod tests;
