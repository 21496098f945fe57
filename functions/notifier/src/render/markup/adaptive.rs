//! Adaptive Card elements of a text, for Microsoft Teams.
//!
//! A `TextRun` shows its text as it is, where a `TextBlock` reads Markdown in it
//! (<https://learn.microsoft.com/adaptive-cards/schema-explorer/text-run>). No host has to keep line
//! feeds in a run, so that each line is a block.

use serde_json::{Value, json};

use super::span::Span;

/// What surrounds a part of a text.
#[derive(Debug, Clone, Copy, Default)]
struct Style<'a> {
    bold: bool,
    italic: bool,
    code: bool,
    url: Option<&'a str>,
}

/// A `RichTextBlock` for each line that is not empty; behind an empty one there is more room.
pub(super) fn blocks(spans: &[Span]) -> Vec<Value> {
    let mut lines = vec![Vec::new()];
    runs(spans, Style::default(), &mut lines);
    let mut apart = false;
    let mut blocks = Vec::new();
    for inlines in lines {
        if inlines.is_empty() {
            apart = true;
            continue;
        }
        let spacing = if apart { "Medium" } else { "None" };
        blocks.push(json!({ "type": "RichTextBlock", "spacing": spacing, "inlines": inlines }));
        apart = false;
    }
    blocks
}

fn runs(spans: &[Span], style: Style<'_>, lines: &mut Vec<Vec<Value>>) {
    for span in spans {
        match span {
            Span::Text(text) => texts(text, style, lines),
            Span::Code(text) => texts(
                text,
                Style {
                    code: true,
                    ..style
                },
                lines,
            ),
            Span::Mention(mention) => texts(&mention.name, style, lines),
            Span::Break => lines.push(Vec::new()),
            Span::Bold(spans) => runs(
                spans,
                Style {
                    bold: true,
                    ..style
                },
                lines,
            ),
            Span::Italic(spans) => runs(
                spans,
                Style {
                    italic: true,
                    ..style
                },
                lines,
            ),
            Span::Link { url, spans } => runs(
                spans,
                Style {
                    url: Some(url),
                    ..style
                },
                lines,
            ),
        }
    }
}

fn texts(text: &str, style: Style<'_>, lines: &mut Vec<Vec<Value>>) {
    for (place, line) in text.split('\n').enumerate() {
        if place > 0 {
            lines.push(Vec::new());
        }
        if let Some(inlines) = lines.last_mut().filter(|_| !line.is_empty()) {
            inlines.push(run(line, style));
        }
    }
}

fn run(text: &str, style: Style<'_>) -> Value {
    let mut run = json!({ "type": "TextRun", "text": literal(text) });
    if style.bold {
        run["weight"] = "Bolder".into();
    }
    if style.italic {
        run["italic"] = true.into();
    }
    if style.code {
        run["fontType"] = "Monospace".into();
    }
    if let Some(url) = style.url {
        run["selectAction"] = json!({ "type": "Action.OpenUrl", "url": url });
    }
    run
}

/// Hosts write times in the reader's zone in place of `{{DATE(…)}}` and `{{TIME(…)}}`, but not with a space between the braces and the
/// name (<https://learn.microsoft.com/adaptive-cards/authoring-cards/text-features>).
fn literal(text: &str) -> String {
    text.replace("{{DATE(", "{{ DATE(")
        .replace("{{TIME(", "{{ TIME(")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::render::markup::Markup;

    #[test]
    fn each_line_is_a_block_of_runs_in_their_styles() {
        let text = Markup::parse(
            "<b>P1</b> web\n\n<code>rm *_x_*</code> <a href=\"https://a.test/\">trace</a>",
        );
        assert_eq!(
            text.expect("markup").adaptive(),
            [
                json!({ "type": "RichTextBlock", "spacing": "None", "inlines": [
                    { "type": "TextRun", "text": "P1", "weight": "Bolder" },
                    { "type": "TextRun", "text": " web" },
                ] }),
                json!({ "type": "RichTextBlock", "spacing": "Medium", "inlines": [
                    { "type": "TextRun", "text": "rm *_x_*", "fontType": "Monospace" },
                    { "type": "TextRun", "text": " " },
                    { "type": "TextRun", "text": "trace", "selectAction": { "type": "Action.OpenUrl", "url": "https://a.test/" } },
                ] }),
            ]
        );
    }

    #[test]
    fn text_from_outside_is_no_markup_and_no_function() {
        let text = "**b** [x](https://a.test) <at>all</at> {{DATE(2026-01-01T00:00:00Z)}}";
        assert_eq!(
            Markup::text(text).adaptive(),
            [
                json!({ "type": "RichTextBlock", "spacing": "None", "inlines": [
                { "type": "TextRun", "text": "**b** [x](https://a.test) <at>all</at> {{ DATE(2026-01-01T00:00:00Z)}}" },
            ] })
            ]
        );
    }
}
