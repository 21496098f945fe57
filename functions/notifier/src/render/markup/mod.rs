//! Markup tree of a message: each kind of channel writes it in its own format, and text in it never
//! becomes a tag.

mod adaptive;
mod formats;
mod parse;
mod span;

use std::fmt;

use serde_json::Value;

use self::formats::{html, mrkdwn, plain, telegram};
use self::span::{Span, keep, units};

pub(crate) use self::formats::escape;
pub use self::parse::{MarkupError, MarkupFault};
pub use self::span::Mention;

/// The most UTF-16 code units of a message, counted after its entities were parsed (<https://core.telegram.org/bots/api#sendmessage>).
pub const MESSAGE_UNITS: usize = 4_096;
/// The same of the caption of a picture (<https://core.telegram.org/bots/api#sendphoto>).
pub const CAPTION_UNITS: usize = 1_024;
/// The mark of a cut text.
const CUT: char = '…';

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Markup {
    spans: Vec<Span>,
}

impl Markup {
    /// Reads the HTML that templates write: `<b>`, `<i>`, `<code>`, `<a href="…">`, entities, and line feeds.
    ///
    /// # Errors
    /// The first thing that is none of it.
    pub fn parse(html: &str) -> Result<Self, MarkupError> {
        Ok(Self {
            spans: parse::parse(html)?,
        })
    }

    /// A text without markup.
    pub fn text(text: &str) -> Self {
        Self {
            spans: parse::text(text),
        }
    }

    /// People, with a text before each.
    pub fn mentions<'a>(people: impl IntoIterator<Item = (&'a str, Mention)>) -> Self {
        let one = |(before, mention): (&str, Mention)| {
            [Span::Text(before.to_owned()), Span::Mention(mention)]
        };
        Self {
            spans: people.into_iter().flat_map(one).collect(),
        }
    }

    /// This text with another one on the lines behind it.
    #[must_use]
    pub fn then(mut self, other: Self) -> Self {
        self.spans.push(Span::Break);
        self.spans.extend(other.spans);
        self
    }

    /// Its length in UTF-16 code units without markup, as Telegram counts.
    pub fn units(&self) -> usize {
        units(&self.spans)
    }

    /// The text with at most this many UTF-16 code units; what was longer ends with `…`. No character and no tag is ever split.
    #[must_use]
    pub fn cut(self, most: usize) -> Self {
        if self.units() <= most {
            return self;
        }
        if most == 0 {
            return Self::default();
        }
        let mut room = most - CUT.len_utf16();
        let mut spans = self.spans;
        keep(&mut spans, &mut room);
        spans.push(Span::Text(CUT.to_string()));
        Self { spans }
    }

    /// The text as Telegram's HTML (<https://core.telegram.org/bots/api#html-style>).
    pub fn telegram(&self) -> String {
        let mut html = String::new();
        telegram(&self.spans, &mut html);
        html
    }

    /// The text as Slack's mrkdwn (<https://docs.slack.dev/messaging/formatting-message-text>).
    ///
    /// Slack knows escapes for `&`, `<` and `>` only. In code nothing but the backtick has a meaning, so that commands stay what they
    /// are; a backtick there becomes `ˋ`. Elsewhere `*`, `~`, the backtick, and `_` at the edge of a word cannot be escaped: characters
    /// that look like them stand in their place, where hidden characters between them would go along unseen when people copy a name.
    pub fn mrkdwn(&self) -> String {
        let mut text = String::new();
        mrkdwn(&self.spans, &mut text);
        text
    }

    /// The text as the body of an HTML e-mail.
    pub fn html(&self) -> String {
        let mut text = String::new();
        html(&self.spans, &mut text);
        text
    }

    /// The text as the elements of an Adaptive Card: one for each line.
    pub fn adaptive(&self) -> Vec<Value> {
        adaptive::blocks(&self.spans)
    }

    /// The text without markup.
    pub fn plain(&self) -> String {
        let mut text = String::new();
        plain(&self.spans, &mut text);
        text
    }
}

impl fmt::Display for Markup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.plain())
    }
}

#[cfg(test)]
#[path = "markup_tests.rs"]
mod tests;
