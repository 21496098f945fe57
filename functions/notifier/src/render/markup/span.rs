//! Parts of a text, their length, and what is kept of them in a short text.

/// A part of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Span {
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

pub(super) fn units(spans: &[Span]) -> usize {
    let each = spans.iter().map(|span| match span {
        Span::Text(text) | Span::Code(text) => text.chars().map(char::len_utf16).sum(),
        Span::Break => 1,
        Span::Mention(mention) => mention.name.chars().map(char::len_utf16).sum(),
        Span::Bold(spans) | Span::Italic(spans) | Span::Link { spans, .. } => units(spans),
    });
    each.sum()
}

/// Keeps what there is room for; false once something was left out.
pub(super) fn keep(spans: &mut Vec<Span>, room: &mut usize) -> bool {
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
