//! Markup tree of a message: each kind of channel writes it in its own format, and text in it never
//! becomes a tag.

use std::fmt::{self, Write as _};
use std::iter::Peekable;
use std::str::Chars;

use thiserror::Error;

/// The most UTF-16 code units of a message, counted after its entities were parsed (<https://core.telegram.org/bots/api#sendmessage>).
pub const MESSAGE_UNITS: usize = 4_096;
/// The mark of a cut text.
const CUT: char = '…';

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Markup {
    spans: Vec<Span>,
}

/// A part of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Span {
    Text(String),
    Break,
    Bold(Vec<Span>),
    Italic(Vec<Span>),
    /// Letters of one width. No format has markup in it.
    Code(String),
    Link {
        /// `http` or `https`.
        url: String,
        spans: Vec<Span>,
    },
    Mention(Mention),
}

/// A person who is mentioned, so that their phone makes a sound where the channel knows them. Only from the operator's file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Mention {
    pub name: String,
    /// Their numeric id at Telegram.
    pub telegram: Option<i64>,
    /// Their member id at Slack.
    pub slack: Option<String>,
}

/// Why a text is not the small HTML that templates write.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{kind}")]
pub struct RichError {
    pub kind: RichFault,
    /// The tag or the entity at the place, to be looked for in the template.
    pub found: String,
}

/// What can be wrong.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum RichFault {
    /// A tag that is none of the few.
    #[error(
        "{0} is not allowed: only <b>, <i>, <code> and <a href=\"…\"> are, in small letters and without other attributes"
    )]
    Tag(String),
    /// A `<` or `>` that belongs to no tag.
    #[error("{0} stands alone: write &lt; or &gt;")]
    Bracket(char),
    /// A `&` that begins no known entity.
    #[error("{0} is no entity: write &amp; for the character itself")]
    Entity(String),
    /// A tag that is not closed.
    #[error("<{0}> is not closed")]
    Unclosed(&'static str),
    /// A closing tag that closes something else, or nothing.
    #[error("{0} closes nothing that was opened last")]
    Unopened(String),
    /// A tag where it has no meaning: inside itself or inside code.
    #[error("{0} cannot stand inside {1}")]
    Nested(String, &'static str),
    /// A link that leads to no web page.
    #[error("a link has to begin with http:// or https://, and this one is {0:?}")]
    Link(String),
}

impl RichError {
    fn new(kind: RichFault, found: impl Into<String>) -> Self {
        Self {
            kind,
            found: found.into(),
        }
    }
}

/// A tag that was opened, with its content so far.
struct Opened {
    name: &'static str,
    url: String,
    spans: Vec<Span>,
}

impl Markup {
    /// Reads the HTML that templates write: `<b>`, `<i>`, `<code>`, `<a href="…">`, entities, and line feeds.
    ///
    /// # Errors
    /// The first thing that is none of it.
    pub fn parse(html: &str) -> Result<Self, RichError> {
        let mut open = vec![Opened {
            name: "",
            url: String::new(),
            spans: Vec::new(),
        }];
        let mut rest = html.chars().peekable();
        while let Some(c) = rest.next() {
            match c {
                '<' => tag(&mut open, &mut rest)?,
                '>' => return Err(RichError::new(RichFault::Bracket('>'), ">")),
                '&' => put(&mut open, entity(&mut rest)?),
                c => put(&mut open, c),
            }
        }
        match (open.pop(), open.is_empty()) {
            (Some(all), true) => Ok(Self { spans: all.spans }),
            (Some(unclosed), false) => Err(RichError::new(
                RichFault::Unclosed(unclosed.name),
                format!("<{}", unclosed.name),
            )),
            (None, _) => Ok(Self::default()),
        }
    }

    /// A text without markup.
    #[must_use]
    pub fn text(text: &str) -> Self {
        let mut open = vec![Opened {
            name: "",
            url: String::new(),
            spans: Vec::new(),
        }];
        text.chars().for_each(|c| put(&mut open, c));
        Self {
            spans: open.pop().map(|all| all.spans).unwrap_or_default(),
        }
    }

    /// People, with a text before each.
    #[must_use]
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
    #[must_use]
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
    #[must_use]
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
    #[must_use]
    pub fn mrkdwn(&self) -> String {
        let mut text = String::new();
        mrkdwn(&self.spans, &mut text);
        text
    }

    /// The text without markup.
    #[must_use]
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

/// Any text, escaped for use between tags or in an attribute.
pub(crate) fn escape(text: &str, html: &mut String) {
    for c in text.chars() {
        match c {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            c => html.push(c),
        }
    }
}

fn put(open: &mut [Opened], c: char) {
    let Some(Opened { spans, name, .. }) = open.last_mut() else {
        return;
    };
    match (spans.last_mut(), c) {
        (_, '\n') if *name != "code" => spans.push(Span::Break),
        (Some(Span::Text(text)), c) => text.push(c),
        (_, c) => spans.push(Span::Text(c.into())),
    }
}

/// Reads an entity behind its `&`.
fn entity(rest: &mut Peekable<Chars<'_>>) -> Result<char, RichError> {
    let mut name = String::new();
    // The longest is `#x10ffff`.
    while let Some(c) = rest
        .next_if(|c| c.is_ascii_alphanumeric() || *c == '#')
        .filter(|_| name.len() < 9)
    {
        name.push(c);
    }
    let number = |digits: &str, radix| {
        u32::from_str_radix(digits, radix)
            .ok()
            .and_then(char::from_u32)
    };
    let found = match name.as_str() {
        "lt" => Some('<'),
        "gt" => Some('>'),
        "amp" => Some('&'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        "nbsp" => Some('\u{a0}'),
        name => match name.strip_prefix('#') {
            Some(hex) if hex.starts_with(['x', 'X']) => number(&hex[1..], 16),
            Some(digits) => number(digits, 10),
            None => None,
        },
    };
    let whole = rest.next_if_eq(&';').is_some();
    found.filter(|_| whole).ok_or_else(|| {
        let found = format!("&{name}{}", if whole { ";" } else { "" });
        RichError::new(RichFault::Entity(found.clone()), found)
    })
}

/// Reads a tag behind its `<`.
fn tag(open: &mut Vec<Opened>, rest: &mut Peekable<Chars<'_>>) -> Result<(), RichError> {
    let mut inside = String::new();
    let closed = loop {
        match rest.next() {
            Some('>') => break true,
            None | Some('<') => break false,
            Some(c) => inside.push(c),
        }
    };
    if !closed {
        return Err(RichError::new(RichFault::Bracket('<'), "<"));
    }
    let written = format!("<{inside}>");
    if let Some(name) = inside.strip_prefix('/') {
        return close(open, name, written);
    }
    let (name, url) = match inside.as_str() {
        "b" => ("b", String::new()),
        "i" => ("i", String::new()),
        "code" => ("code", String::new()),
        other => match other
            .strip_prefix("a href=\"")
            .and_then(|url| url.strip_suffix('"'))
        {
            Some(url) if !url.contains('"') => ("a", link(url, &written)?),
            _ => return Err(RichError::new(RichFault::Tag(written.clone()), written)),
        },
    };
    if let Some(around) = open
        .iter()
        .find(|around| around.name == name || around.name == "code")
    {
        return Err(RichError::new(
            RichFault::Nested(written.clone(), around.name),
            written,
        ));
    }
    open.push(Opened {
        name,
        url,
        spans: Vec::new(),
    });
    Ok(())
}

fn close(open: &mut Vec<Opened>, name: &str, written: String) -> Result<(), RichError> {
    let fits = open.len() > 1 && open.last().is_some_and(|last| last.name == name);
    let Some(closed) = open.pop_if(|_| fits) else {
        return Err(RichError::new(
            RichFault::Unopened(written.clone()),
            written,
        ));
    };
    let Opened { name, url, spans } = closed;
    let span = match name {
        "b" => Span::Bold(spans),
        "i" => Span::Italic(spans),
        "a" => Span::Link { url, spans },
        _ => {
            let mut code = String::new();
            plain(&spans, &mut code);
            Span::Code(code)
        }
    };
    if let Some(around) = open.last_mut() {
        around.spans.push(span);
    }
    Ok(())
}

fn link(href: &str, written: &str) -> Result<String, RichError> {
    let mut url = String::new();
    let mut rest = href.chars().peekable();
    while let Some(c) = rest.next() {
        url.push(if c == '&' { entity(&mut rest)? } else { c });
    }
    let web = (url.starts_with("https://") || url.starts_with("http://"))
        && !url.contains(|c: char| c.is_whitespace() || c.is_control());
    if web {
        Ok(url)
    } else {
        Err(RichError::new(RichFault::Link(url), written))
    }
}

fn units(spans: &[Span]) -> usize {
    let each = spans.iter().map(|span| match span {
        Span::Text(text) | Span::Code(text) => text.chars().map(char::len_utf16).sum(),
        Span::Break => 1,
        Span::Mention(mention) => mention.name.chars().map(char::len_utf16).sum(),
        Span::Bold(spans) | Span::Italic(spans) | Span::Link { spans, .. } => units(spans),
    });
    each.sum()
}

/// Keeps what there is room for; false once something was left out.
fn keep(spans: &mut Vec<Span>, room: &mut usize) -> bool {
    for n in 0..spans.len() {
        let whole = match &mut spans[n] {
            Span::Text(text) | Span::Code(text) => shorten(text, room),
            Span::Mention(mention) => shorten(&mut mention.name, room),
            Span::Break => {
                let fits = *room > 0;
                *room = room.saturating_sub(1);
                fits
            }
            Span::Bold(inner) | Span::Italic(inner) | Span::Link { spans: inner, .. } => {
                keep(inner, room)
            }
        };
        if !whole {
            let nothing = units(&spans[n..=n]) == 0 || spans[n] == Span::Break;
            spans.truncate(if nothing { n } else { n + 1 });
            return false;
        }
    }
    true
}

fn shorten(text: &mut String, room: &mut usize) -> bool {
    for (at, c) in text.char_indices() {
        match room.checked_sub(c.len_utf16()) {
            Some(left) => *room = left,
            None => {
                text.truncate(at);
                *room = 0;
                return false;
            }
        }
    }
    true
}

fn telegram(spans: &[Span], html: &mut String) {
    for span in spans {
        match span {
            Span::Bold(spans) => tagged("b", spans, html),
            Span::Italic(spans) => tagged("i", spans, html),
            Span::Code(text) => tagged("code", &[Span::Text(text.clone())], html),
            Span::Text(text) => escape(text, html),
            Span::Break => html.push('\n'),
            // <https://core.telegram.org/bots/api#html-style>: it works for members of the group, and for whoever has written to the bot.
            Span::Mention(Mention {
                name,
                telegram: Some(id),
                ..
            }) => {
                let _ = write!(html, "<a href=\"tg://user?id={id}\">");
                escape(name, html);
                html.push_str("</a>");
            }
            Span::Mention(mention) => escape(&mention.name, html),
            Span::Link { url, spans } => {
                html.push_str("<a href=\"");
                escape(url, html);
                html.push_str("\">");
                telegram(spans, html);
                html.push_str("</a>");
            }
        }
    }
}

fn tagged(name: &str, spans: &[Span], html: &mut String) {
    let _ = write!(html, "<{name}>");
    telegram(spans, html);
    let _ = write!(html, "</{name}>");
}

fn mrkdwn(spans: &[Span], out: &mut String) {
    for span in spans {
        // Slack would show the marks of an empty part.
        if units(std::slice::from_ref(span)) == 0 {
            continue;
        }
        match span {
            Span::Text(text) => slack_text(text, out),
            Span::Break => out.push('\n'),
            // <https://docs.slack.dev/messaging/formatting-message-text#mentioning-users>
            Span::Mention(Mention {
                slack: Some(id), ..
            }) if id.bytes().all(|b| b.is_ascii_alphanumeric()) => {
                let _ = write!(out, "<@{id}>");
            }
            Span::Mention(mention) => slack_text(&mention.name, out),
            Span::Code(text) => {
                out.push('`');
                slack_escape(&text.replace('`', "ˋ").replace('\n', " "), out);
                out.push('`');
            }
            Span::Bold(spans) => marked(spans, '*', out),
            Span::Italic(spans) => marked(spans, '_', out),
            Span::Link { url, spans } => {
                let mut text = String::new();
                plain(spans, &mut text);
                out.push('<');
                slack_escape(&url.replace('|', "%7C"), out);
                out.push('|');
                slack_text(&text.replace(['|', '\n'], " "), out);
                out.push('>');
            }
        }
    }
}

fn marked(spans: &[Span], mark: char, out: &mut String) {
    out.push(mark);
    mrkdwn(spans, out);
    out.push(mark);
}

fn slack_escape(text: &str, out: &mut String) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            c => out.push(c),
        }
    }
}

fn slack_text(text: &str, out: &mut String) {
    let mut rest = text.chars().peekable();
    let mut before = out.chars().next_back().unwrap_or('\n');
    while let Some(c) = rest.next() {
        let within_word =
            before.is_alphanumeric() && rest.peek().is_some_and(|next| next.is_alphanumeric());
        match c {
            '*' => out.push('∗'),
            '~' => out.push('∼'),
            '`' => out.push('ˋ'),
            '_' if !within_word => out.push('ˍ'),
            // At the beginning of a line it would be a quotation, also where it is escaped.
            '>' if before == '\n' => out.push('›'),
            c => slack_escape(c.encode_utf8(&mut [0; 4]), out),
        }
        before = c;
    }
}

fn plain(spans: &[Span], text: &mut String) {
    for span in spans {
        match span {
            Span::Text(part) | Span::Code(part) => text.push_str(part),
            Span::Mention(mention) => text.push_str(&mention.name),
            Span::Break => text.push('\n'),
            Span::Bold(spans) | Span::Italic(spans) => plain(spans, text),
            Span::Link { url, spans } => {
                plain(spans, text);
                let _ = write!(text, " ({url})");
            }
        }
    }
}

#[cfg(test)]
#[path = "markup_tests.rs"]
mod tests;
