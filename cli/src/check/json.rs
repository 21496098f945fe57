//! Reader of JSON into a tree with lines.

use serde::de::IgnoredAny;

use crate::check::document::{Data, Entry, Fault, Node, below, item};

/// The tree of a text, or why it is no JSON. `serde_json` decides what JSON is, as in the functions; the tree only adds the lines.
pub(crate) fn read(text: &str) -> Result<Node, Fault> {
    let wrong = |line: usize, text: String| Fault {
        line: u64::try_from(line).ok(),
        path: String::new(),
        text,
    };
    if let Err(error) = serde_json::from_str::<IgnoredAny>(text) {
        return Err(wrong(error.line(), in_words(text, &error)));
    }
    let mut cursor = Cursor {
        text,
        at: 0,
        line: 1,
    };
    cursor
        .node("")
        .ok_or_else(|| wrong(1, "cannot be read as JSON".to_owned()))
}

/// What is wrong with the text, and what to write.
fn in_words(text: &str, error: &serde_json::Error) -> String {
    let said = error.to_string();
    let said = said.split(" at line ").next().unwrap_or_default();
    let rest = text
        .lines()
        .nth(error.line().saturating_sub(1))
        .and_then(|line| line.get(error.column().saturating_sub(1)..))
        .unwrap_or_default();
    let words = if text.starts_with('\u{feff}') {
        "the file begins with a byte order mark: save it as UTF-8 without one (\"without BOM\")"
    } else if rest.starts_with(['/', '#']) {
        "JSON has no comments: take this one away"
    } else if rest.starts_with('\'') {
        "texts and names have to be in double quotes, as in \"name\""
    } else if rest.starts_with(['}', ']']) && !said.starts_with("expected") {
        "there is a comma before a closing bracket or brace: take the comma away"
    } else if said.starts_with("EOF") {
        "the file ends too early: a quote, a bracket or a brace is opened and not closed"
    } else if said.starts_with("expected `,`") {
        "a comma is missing between two values, or a bracket is closed by a brace"
    } else if said.starts_with("expected `:`") {
        "a colon is missing between a name and its value: \"name\": value"
    } else if said.starts_with("key must be a string") {
        "names have to be in double quotes: \"name\": value"
    } else if said.starts_with("expected value") || said.starts_with("expected ident") {
        "a value is expected here: a text in double quotes, a number, true, false, [ ] or { }"
    } else if said.starts_with("trailing characters") {
        "there is more text behind the end: a file is one { } or one [ ]"
    } else if said.starts_with("control character") {
        "a text goes over the end of its line: close the quote, or write \\n for a new line"
    } else if said.starts_with("invalid escape") {
        "there is a \\ in a text that stands for nothing: write \\\\ for one backslash"
    } else {
        return format!("is no JSON: {said}");
    };
    words.to_owned()
}

/// A place in a text that is known to be JSON.
struct Cursor<'a> {
    text: &'a str,
    at: usize,
    line: u64,
}

impl Cursor<'_> {
    fn node(&mut self, path: &str) -> Option<Node> {
        let first = self.peek()?;
        let line = self.line;
        let data = match first {
            b'{' => self.fields(path)?,
            b'[' => self.list(path)?,
            b'"' => Data::Text {
                text: self.text()?,
                plain: false,
            },
            _ => self.word()?,
        };
        Some(Node::new(line, path, data))
    }

    fn fields(&mut self, path: &str) -> Option<Data> {
        let mut entries = Vec::new();
        self.at += 1;
        while self.peek()? != b'}' {
            let line = self.line;
            let name = self.text()?;
            self.skip(b':')?;
            let value = self.node(&below(path, &name))?;
            entries.push(Entry { name, line, value });
            if self.peek()? == b',' {
                self.at += 1;
            }
        }
        self.at += 1;
        Some(Data::Fields(entries))
    }

    fn list(&mut self, path: &str) -> Option<Data> {
        let mut items = Vec::new();
        self.at += 1;
        while self.peek()? != b']' {
            items.push(self.node(&item(path, items.len()))?);
            if self.peek()? == b',' {
                self.at += 1;
            }
        }
        self.at += 1;
        Some(Data::List(items))
    }

    fn text(&mut self) -> Option<String> {
        let rest = self.text.get(self.at..)?;
        let mut escaped = false;
        let closing = |(_, byte): &(usize, u8)| {
            let closes = *byte == b'"' && !escaped;
            escaped = *byte == b'\\' && !escaped;
            closes
        };
        let (end, _) = rest.bytes().enumerate().skip(1).find(closing)?;
        self.at += end + 1;
        serde_json::from_str(&rest[..=end]).ok()
    }

    fn word(&mut self) -> Option<Data> {
        let rest = self.text.get(self.at..)?;
        let end = rest.find(|c: char| ",]}".contains(c) || c.is_ascii_whitespace());
        let word = &rest[..end.unwrap_or(rest.len())];
        self.at += word.len();
        Some(match word {
            "null" => Data::Null,
            "true" | "false" => Data::Flag(word == "true"),
            number => Data::Number(serde_json::from_str(number).ok()?),
        })
    }

    /// The next byte that is no space.
    fn peek(&mut self) -> Option<u8> {
        loop {
            let byte = *self.text.as_bytes().get(self.at)?;
            match byte {
                b'\n' => self.line += 1,
                b' ' | b'\t' | b'\r' => {}
                _ => return Some(byte),
            }
            self.at += 1;
        }
    }

    fn skip(&mut self, byte: u8) -> Option<()> {
        (self.peek()? == byte).then(|| self.at += 1)
    }
}
