//! Hints for texts that are no YAML: the most frequent faults, as the lines around the parser's error show them.

use std::collections::BTreeSet;

use crate::check::document::Fault;

/// How far above the place where the parser stops a quote is looked for that was never closed.
const LINES_ABOVE: usize = 40;

/// What keeps a text from being read, by the line (from 1) in which the parser stops.
pub(crate) fn unreadable(text: &str, stopped: usize) -> Fault {
    let lines: Vec<&str> = text.lines().collect();
    let line = |number: usize| lines.get(number.checked_sub(1)?).copied();
    // The parser often stops at the beginning of the line behind the one that is wrong.
    let near = [stopped, stopped.saturating_sub(1)].into_iter();
    let said = near
        .filter_map(|number| Some((number, hint(line(number)?)?)))
        .next()
        .or_else(|| {
            let above = (1..=stopped).rev().take(LINES_ABOVE);
            let mut above = above.filter_map(|number| Some((number, open_quote(line(number)?)?)));
            above.next()
        })
        .or_else(|| Some((stopped, indentation(&lines, stopped)?)));
    let (number, words) = said.unwrap_or_else(|| {
        let words = "cannot be read as YAML here: look for a missing quote, colon, bracket or dash";
        (stopped, words.to_owned())
    });
    Fault {
        line: u64::try_from(number).ok(),
        path: String::new(),
        text: format!("{words}. The rest of the file is checked when this is mended."),
    }
}

/// The value of a line `name: value`, or all of it.
fn value(line: &str) -> &str {
    let code = line.trim();
    code.split_once(": ")
        .map_or(code, |(_, value)| value.trim())
}

fn open_quote(line: &str) -> Option<String> {
    let value = value(line);
    let opens = |quote: &char| value.starts_with(*quote) && value.matches(*quote).count() % 2 == 1;
    let quote = ['"', '\''].into_iter().find(opens)?;
    Some(format!("the quote {quote} is opened and not closed"))
}

/// That a line begins in a column in which nothing of its item begins.
fn indentation(lines: &[&str], stopped: usize) -> Option<String> {
    let depth = |line: &str| line.len() - line.trim_start().len();
    let is_code = |line: &&&str| !line.trim().is_empty() && !line.trim_start().starts_with('#');
    let at = lines
        .get(stopped.checked_sub(1)?)
        .filter(|at| is_code(at))?;
    let mut columns = BTreeSet::new();
    for above in lines[..stopped - 1].iter().rev().filter(is_code) {
        columns.insert(depth(above));
        // The first field of an item begins behind its dash.
        let behind = above.trim_start().strip_prefix("- ");
        columns.extend(behind.map(|field| above.len() - field.trim_start().len()));
        if depth(above) == 0 {
            break;
        }
    }
    if columns.contains(&depth(at)) {
        return None;
    }
    let columns: Vec<String> = columns.iter().map(ToString::to_string).collect();
    (!columns.is_empty()).then(|| {
        format!(
            "this line is indented by {} spaces, and those above by {}: fields of one level begin in the same column",
            depth(at),
            columns.join(" or ")
        )
    })
}

fn hint(line: &str) -> Option<String> {
    let spaces = &line[..line.len() - line.trim_start().len()];
    if spaces.contains('\t') {
        return Some("a tab indents this line: YAML takes spaces only".to_owned());
    }
    let (code, value) = (line.trim(), value(line));
    let glued = code
        .strip_prefix('-')
        .filter(|rest| rest.starts_with(char::is_alphabetic) && rest.contains(':'));
    if let Some(rest) = glued {
        return Some(format!(
            "a space is missing behind the dash: write \"- {rest}\""
        ));
    }
    if let Some(word) = braced(code) {
        return Some(format!(
            "{word} has no quotes, and YAML reads its braces as the beginning of fields: write \"{word}\""
        ));
    }
    if let Some(first) = value.chars().next().filter(|c| "@`%*".contains(*c)) {
        return Some(format!(
            "a text that begins with {first} needs quotes: write \"{value}\""
        ));
    }
    if let Some(words) = open_quote(line) {
        return Some(words);
    }
    for (opens, closes) in [('[', ']'), ('{', '}')] {
        if value.matches(opens).count() > value.matches(closes).count() {
            return Some(format!(
                "{opens} is opened and not closed: a {closes} is missing"
            ));
        }
    }
    (value.contains(": ") && !value.starts_with(['[', '{', '"', '\'']))
        .then(|| format!("the text has a colon in it and needs quotes: write \"{value}\""))
}

/// A word of an argument list with braces and without quotes, such as `{unit}.service`.
fn braced(code: &str) -> Option<&str> {
    let is_edge = |c: char| ",[] ".contains(c);
    code.split(is_edge).find(|word| {
        let named = |(_, rest): (&str, &str)| {
            rest.split_once('}').is_some_and(|(name, _)| {
                !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
            })
        };
        !word.contains(['"', '\'']) && word.split_once('{').is_some_and(named)
    })
}
