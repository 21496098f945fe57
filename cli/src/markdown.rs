//! Texts from outside in Markdown: whatever they say, they are never markup, a link or a mention.

use domain::primitives::safe_text::{cut, line};

use crate::screen::safe_lines;

/// How long a sentence may be.
const TEXT_CHARACTERS: usize = 1_000;
/// How much of what a command printed is kept.
const BLOCK_CHARACTERS: usize = 20_000;
/// What a backslash takes its meaning from, wherever it stands
/// (<https://spec.commonmark.org/0.31.2/#backslash-escapes>). Mathematics and footnotes are extensions of GitHub.
const ESCAPED: &str = "\\`*_{}[]<>#~|&!$^";
/// Words with one of these become links, or call people, in renderers that look for them in plain text.
const CALLS: [&str; 3] = ["@", "://", "www."];

/// A sentence. It has to stand behind words of ours on its line: what begins a list there is not escaped.
pub(crate) fn text(from: &str) -> String {
    let words = line(from, TEXT_CHARACTERS);
    let words = words.split(' ').map(|word| {
        let lower = word.to_lowercase();
        if CALLS.iter().any(|calls| lower.contains(calls)) {
            code(word)
        } else {
            escaped(word)
        }
    });
    words.collect::<Vec<_>>().join(" ")
}

fn escaped(word: &str) -> String {
    let mut escaped = String::with_capacity(word.len());
    for c in word.chars() {
        if ESCAPED.contains(c) {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}

/// A name or a command, exactly as it is: between more backticks than it has in a row.
pub(crate) fn code(from: &str) -> String {
    let text = line(from, TEXT_CHARACTERS);
    if text.is_empty() {
        return String::new();
    }
    let fence = fence(&text, 1);
    let space = if text.starts_with('`') || text.ends_with('`') {
        " "
    } else {
        ""
    };
    format!("{fence}{space}{text}{space}{fence}")
}

/// A text of several lines, exactly as it is, in a block of its own; each line has `indent` before it.
pub(crate) fn block(from: &str, indent: &str) -> String {
    let lines = safe_lines(&cut(from, BLOCK_CHARACTERS));
    let fence = fence(&lines.join("\n"), 3);
    let lines = lines.iter().map(String::as_str);
    let all = std::iter::once(fence.as_str())
        .chain(lines)
        .chain([fence.as_str()]);
    all.map(|line| format!("{indent}{line}\n")).collect()
}

/// More backticks than a text has in a row, and at least so many.
fn fence(text: &str, least: usize) -> String {
    let (mut longest, mut run) = (0, 0);
    for c in text.chars() {
        run = if c == '`' { run + 1 } else { 0 };
        longest = longest.max(run);
    }
    "`".repeat(least.max(longest + 1))
}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::{any, proptest};
    use proptest::{prop_assert, prop_assert_eq};
    use pulldown_cmark::{Event, Options, Parser};

    use super::{block, code, text};

    /// What a renderer makes of a text that knows every extension, but for one that only draws quotes in another way.
    pub(crate) fn events(markdown: &str) -> Vec<Event<'_>> {
        let mut extensions = Options::all();
        extensions.remove(Options::ENABLE_SMART_PUNCTUATION);
        Parser::new_ext(markdown, extensions).collect()
    }

    /// The plain text that a reader sees.
    fn seen(markdown: &str) -> String {
        let texts = events(markdown)
            .into_iter()
            .filter_map(|event| match event {
                Event::Text(text) | Event::Code(text) => Some(text.to_string()),
                Event::SoftBreak => Some("\n".to_owned()),
                _ => None,
            });
        texts.collect()
    }

    #[test]
    fn a_text_is_seen_as_it_is() {
        for said in [
            "plain words, with 磁碟 and 100% of it",
            "# no heading",
            "1. no list",
            "- no list - at all",
            "[no](https://link.test) ![no](x.png)",
            "<script>alert(1)</script> &lt; &amp;",
            "**bold** _it_ `code` ~~gone~~ $x^2$ | a | b |",
            "call @ada or ada@example.com, see www.example.com",
            "```",
            "\\",
            "[^1]: no note",
            "===",
        ] {
            for written in [text(said), code(said)] {
                let shown = seen(&format!("It says {written}"));
                assert_eq!(shown, format!("It says {said}"), "{written}");
            }
        }
        assert_eq!(text("a\nb\u{1b}[1m\u{202e}c"), "a b\\[1mc");
    }

    #[test]
    fn what_was_printed_stays_in_its_block() {
        let printed = "one\n```\n# two\n````x\r\u{1b}[2Jthree";
        let block = block(printed, "");
        assert_eq!(block, "`````\none\n```\n# two\n````x\n[2Jthree\n`````\n");
        assert_eq!(seen(&block), "one\n```\n# two\n````x\n[2Jthree\n");
    }

    proptest! {
        #[test]
        fn no_text_is_markup(said in any::<String>()) {
            let plain = super::line(&said, super::TEXT_CHARACTERS);
            let markdown = format!("- before: {} ([1](#entry-1))", text(&said));
            for event in events(&markdown) {
                prop_assert!(!matches!(event, Event::Html(_) | Event::InlineHtml(_) | Event::HardBreak | Event::FootnoteReference(_)), "{event:?}");
            }
            let links = events(&markdown).iter().filter(|event| matches!(event, Event::Start(pulldown_cmark::Tag::Link { .. }))).count();
            prop_assert_eq!(links, 1);
            let shown = seen(&markdown);
            prop_assert_eq!(shown, format!("before: {plain} (1)"));
        }
    }
}
