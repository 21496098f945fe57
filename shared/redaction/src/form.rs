//! One form of secret: its pattern, where it is searched, and what is taken out.

use std::sync::OnceLock;

use regex_lite::{Captures, Match, Regex};

use super::predicates::always;

/// Replacement of a secret.
pub const REDACTED: &str = "[redacted]";

/// How far a secret reaches from the line with one of its words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// It ends in that line or the next.
    NextLine,
    /// It may take up the rest of the text.
    Rest,
}

/// One form of secret.
pub(super) struct Form {
    /// Words in lower case, at least one of which occurs in every text with such a secret.
    pub(super) words: &'static [&'static str],
    /// What it looks like; the group that takes part is the secret, and a match without a group is something to leave alone.
    pub(super) pattern: &'static str,
    /// Whether what the group holds is one.
    pub(super) looks_secret: fn(&str) -> bool,
    /// How far behind a word it may reach.
    pub(super) reach: Reach,
    /// The pattern, once it was needed.
    pub(super) compiled: OnceLock<Regex>,
}

pub(super) const fn form(
    words: &'static [&'static str],
    pattern: &'static str,
    looks_secret: fn(&str) -> bool,
) -> Form {
    Form {
        words,
        pattern,
        looks_secret,
        reach: Reach::NextLine,
        compiled: OnceLock::new(),
    }
}

/// A token whose beginning its vendor gave it so that scanners know it.
pub(super) const fn token(words: &'static [&'static str], pattern: &'static str) -> Form {
    form(words, pattern, always)
}

impl Form {
    /// The pattern, compiled when a text first has one of its words: most texts need few of them.
    #[expect(
        clippy::panic,
        reason = "the patterns are constants, and the tests compile each; no text may leave without them"
    )]
    pub(super) fn regex(&self) -> &Regex {
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
    pub(super) fn take_out(&self, text: &str, lower: &str) -> Option<String> {
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
