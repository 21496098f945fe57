//! Parser of the small HTML that templates write.

use std::iter::Peekable;
use std::str::Chars;

use thiserror::Error;

use super::formats::plain;
use super::span::Span;

/// Why a text is not the small HTML that templates write.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{kind}")]
pub struct MarkupError {
    pub kind: MarkupFault,
    /// The tag or the entity at the place, to be looked for in the template.
    pub found: String,
}

/// What can be wrong.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum MarkupFault {
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

impl MarkupError {
    fn new(kind: MarkupFault, found: impl Into<String>) -> Self {
        Self {
            kind,
            found: found.into(),
        }
    }
}

/// A tag that was opened, with its content so far.
#[derive(Default)]
struct Opened {
    name: &'static str,
    url: String,
    spans: Vec<Span>,
}

/// Reads `<b>`, `<i>`, `<code>`, `<a href="…">`, entities, and line feeds.
pub(super) fn parse(html: &str) -> Result<Vec<Span>, MarkupError> {
    let mut open = vec![Opened::default()];
    let mut rest = html.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '<' => tag(&mut open, &mut rest)?,
            '>' => return Err(MarkupError::new(MarkupFault::Bracket('>'), ">")),
            '&' => put(&mut open, entity(&mut rest)?),
            c => put(&mut open, c),
        }
    }
    match (open.pop(), open.is_empty()) {
        (Some(all), true) => Ok(all.spans),
        (Some(unclosed), false) => Err(MarkupError::new(
            MarkupFault::Unclosed(unclosed.name),
            format!("<{}", unclosed.name),
        )),
        (None, _) => Ok(Vec::new()),
    }
}

/// A text without markup.
pub(super) fn text(text: &str) -> Vec<Span> {
    let mut open = vec![Opened::default()];
    text.chars().for_each(|c| put(&mut open, c));
    open.pop().map(|all| all.spans).unwrap_or_default()
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
fn entity(rest: &mut Peekable<Chars<'_>>) -> Result<char, MarkupError> {
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
        MarkupError::new(MarkupFault::Entity(found.clone()), found)
    })
}

/// Reads a tag behind its `<`.
fn tag(open: &mut Vec<Opened>, rest: &mut Peekable<Chars<'_>>) -> Result<(), MarkupError> {
    let mut inside = String::new();
    let closed = loop {
        match rest.next() {
            Some('>') => break true,
            None | Some('<') => break false,
            Some(c) => inside.push(c),
        }
    };
    if !closed {
        return Err(MarkupError::new(MarkupFault::Bracket('<'), "<"));
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
            _ => return Err(MarkupError::new(MarkupFault::Tag(written.clone()), written)),
        },
    };
    if let Some(around) = open
        .iter()
        .find(|around| around.name == name || around.name == "code")
    {
        return Err(MarkupError::new(
            MarkupFault::Nested(written.clone(), around.name),
            written,
        ));
    }
    open.push(Opened {
        name,
        url,
        ..Opened::default()
    });
    Ok(())
}

fn close(open: &mut Vec<Opened>, name: &str, written: String) -> Result<(), MarkupError> {
    let fits = open.len() > 1 && open.last().is_some_and(|last| last.name == name);
    let Some(closed) = open.pop_if(|_| fits) else {
        return Err(MarkupError::new(
            MarkupFault::Unopened(written.clone()),
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

fn link(href: &str, written: &str) -> Result<String, MarkupError> {
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
        Err(MarkupError::new(MarkupFault::Link(url), written))
    }
}
