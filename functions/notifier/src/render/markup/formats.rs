//! Formats in which channels take a text: Telegram's HTML, Slack's mrkdwn, the HTML of e-mails, and plain.

use std::fmt::Write as _;

use super::span::{Mention, Span, units};

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

pub(super) fn telegram(spans: &[Span], html: &mut String) {
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

/// HTML for mail programs: the few tags that all of them show, and nothing that any of them loads.
pub(super) fn html(spans: &[Span], out: &mut String) {
    let within = |name: &str, spans: &[Span], out: &mut String| {
        let _ = write!(out, "<{name}>");
        html(spans, out);
        let _ = write!(out, "</{name}>");
    };
    for span in spans {
        match span {
            Span::Text(text) => lines(text, out),
            Span::Break => out.push_str("<br>\n"),
            Span::Bold(spans) => within("b", spans, out),
            Span::Italic(spans) => within("i", spans, out),
            Span::Code(text) => {
                out.push_str("<code>");
                lines(text, out);
                out.push_str("</code>");
            }
            Span::Mention(mention) => escape(&mention.name, out),
            Span::Link { url, spans } => {
                out.push_str("<a href=\"");
                escape(url, out);
                out.push_str("\">");
                html(spans, out);
                out.push_str("</a>");
            }
        }
    }
}

/// A text that is escaped, with its line feeds, of which code may have some.
fn lines(text: &str, out: &mut String) {
    for (place, line) in text.split('\n').enumerate() {
        if place > 0 {
            out.push_str("<br>\n");
        }
        escape(line, out);
    }
}

pub(super) fn mrkdwn(spans: &[Span], out: &mut String) {
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

pub(super) fn plain(spans: &[Span], text: &mut String) {
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
