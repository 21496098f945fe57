//! Takes secrets out of text before it leaves for a model provider.
//!
//! Whoever writes an alert, a metric or a log line may have put a password into it. What has the form of a secret, or stands where
//! one belongs, becomes `[redacted]`; the key's name and the host stay, because they help to find the cause. The forms are those
//! that scanners look for (the rules of gitleaks, the plugins of detect-secrets) and vendors document, each with the words without
//! which it cannot occur, so that most texts cost a search for words.
//!
//! When in doubt it redacts: a value that is missing makes an analysis a little worse, a value that leaves cannot be called back.

mod patterns;

use std::borrow::Cow;

use regex_lite::{Captures, Regex};

use self::patterns::{FORMS, Form};

/// What takes the place of a secret.
pub const REDACTED: &str = "[redacted]";

/// How many bits a character of a random value carries at least. detect-secrets asks for 4.5 and 3.0; 32 characters, which is
/// where keys begin, cannot have more than 5 and often have less than 4.5 although they are random.
const RANDOM_BITS: f64 = 3.5;
const RANDOM_HEX_BITS: f64 = 3.0;

/// Words that stand behind `password:` or `token=` in messages of programs, and tell something about the secret without being it.
const STATES: &str = "and auth cannot changed could denied empty expired failed false forbidden has incorrect invalid is mismatch \
    missing must nil no none not null or rejected required revoked rotated true unauthorized undefined unexpected \
    unknown unset was without wrong yes";

/// The text with [`REDACTED`] in place of what looks like a secret. Redacting it again changes nothing.
///
/// It takes time in proportion to the text's length, whatever the text is.
#[must_use]
pub fn redact(text: &str) -> Cow<'_, str> {
    let lower = text.to_ascii_lowercase();
    let mut redacted = Cow::Borrowed(text);
    for form in FORMS.iter().filter(|form| form.words.iter().any(|word| lower.contains(word))) {
        if let Cow::Owned(changed) = form.take_out(&redacted) {
            redacted = Cow::Owned(changed);
        }
    }
    redacted
}

impl Form {
    /// The pattern, compiled when a text first has one of its words: most texts need few of them.
    #[expect(clippy::panic, reason = "the patterns are constants, and the tests compile each; no text may leave without them")]
    fn regex(&self) -> &Regex {
        let compile = || Regex::new(self.pattern).unwrap_or_else(|error| panic!("the pattern {}: {error}", self.pattern));
        self.compiled.get_or_init(compile)
    }

    fn take_out<'t>(&self, text: &'t str) -> Cow<'t, str> {
        self.regex().replace_all(text, |found: &Captures<'_>| {
            let whole = found.get(0).map_or("", |whole| whole.as_str());
            let begin = found.get(0).map_or(0, |whole| whole.start());
            let secret = found.iter().skip(1).flatten().next();
            match secret.filter(|secret| !is_redacted(secret.as_str()) && (self.looks_secret)(secret.as_str())) {
                Some(secret) => format!("{}{REDACTED}{}", &whole[..secret.start() - begin], &whole[secret.end() - begin..]),
                None => whole.to_owned(),
            }
        })
    }
}

/// True for what an earlier form left, whose closing bracket a pattern may not take in.
fn is_redacted(text: &str) -> bool {
    text.starts_with(REDACTED.trim_end_matches(']'))
}

fn always(_: &str) -> bool {
    true
}

/// True for anything but a word that only tells the secret's state, as in `token: expired`.
fn is_no_state(value: &str) -> bool {
    !STATES.split(' ').any(|state| value.trim_end_matches(['.', ':', '!']).eq_ignore_ascii_case(state))
}

/// True for what does not look like a word: it has a digit, padding, or capitals behind small letters.
fn is_no_word(value: &str) -> bool {
    let camel = value.as_bytes().windows(2).any(|pair| pair[0].is_ascii_lowercase() && pair[1].is_ascii_uppercase());
    camel || value.bytes().any(|b| b.is_ascii_digit() || b"=$%^*".contains(&b))
}

/// True for random hexadecimal or base64, but neither for a UUID nor for a name made of words.
fn is_random(value: &str) -> bool {
    if value.bytes().all(|b| b.is_ascii_hexdigit()) {
        return bits_per_character(value) >= RANDOM_HEX_BITS;
    }
    let kinds: [fn(&u8) -> bool; 3] = [u8::is_ascii_lowercase, u8::is_ascii_uppercase, u8::is_ascii_digit];
    kinds.iter().all(|kind| value.as_bytes().iter().any(kind)) && bits_per_character(value) >= RANDOM_BITS
}

/// Shannon's entropy of the bytes.
#[expect(clippy::cast_precision_loss, reason = "a text has far fewer than 2⁵³ bytes")]
fn bits_per_character(value: &str) -> f64 {
    let mut counts = [0_usize; 256];
    for byte in value.bytes() {
        counts[usize::from(byte)] += 1;
    }
    let length = value.len() as f64;
    counts.iter().filter(|count| **count > 0).map(|count| *count as f64 / length).map(|share| -share * share.log2()).sum()
}

#[cfg(test)]
#[path = "redaction_tests.rs"]
mod tests;
