//! Queries with the alert's own labels in them: `$matchers(instance, device)` and `$name`.
//!
//! Text from outside never leaves the place that the operator gave it: a matcher's value is a quoted string of PromQL, and a plain value
//! has no sign of a query in it.

use domain::primitives::safe_text::is_plain;
use thiserror::Error;

use crate::facts::is_name;

/// How the macro for matchers begins, behind its `$`.
const MATCHERS: &str = "matchers(";

/// Why a query is not asked.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Unasked {
    #[error("the alert has none of the labels {0}")]
    NoneOf(String),
    #[error("the alert has no `{0}`")]
    Missing(String),
    /// It would be more than a value.
    #[error("the alert's `{0}` holds more than A-Z a-z 0-9 _ . : / -")]
    NotPlain(String),
}

/// A part of a query.
enum Part<'q> {
    Text(&'q str),
    Value(&'q str),
    /// The names in a macro's parentheses; nothing where they do not end.
    Matchers(Option<Vec<&'q str>>),
}

/// Cuts a query into its parts. A `$` that no name follows is text, as at the end of a pattern.
fn parts(query: &str) -> Vec<Part<'_>> {
    let mut pieces = query.split('$');
    let mut parts = vec![Part::Text(pieces.next().unwrap_or_default())];
    for piece in pieces {
        if let Some(inside) = piece.strip_prefix(MATCHERS) {
            match inside.split_once(')') {
                Some((names, rest)) => {
                    let names = names.split(',').map(str::trim).collect();
                    parts.extend([Part::Matchers(Some(names)), Part::Text(rest)]);
                }
                None => parts.push(Part::Matchers(None)),
            }
            continue;
        }
        let length = match piece.bytes().next() {
            Some(first) if !first.is_ascii_digit() => piece
                .bytes()
                .take_while(|b| b.is_ascii_alphanumeric() || *b == b'_')
                .count(),
            _ => 0,
        };
        let (name, rest) = piece.split_at(length);
        parts.push(match name {
            "" => Part::Text("$"),
            name => Part::Value(name),
        });
        parts.push(Part::Text(rest));
    }
    parts
}

/// A query with the alert's values in it. `value_of` has those of `$name`, `label_of` those of matchers.
///
/// # Errors
/// Why it cannot be asked about this alert.
pub fn filled(
    query: &str,
    label_of: impl Fn(&str) -> Option<String>,
    value_of: impl Fn(&str) -> Option<String>,
) -> Result<String, Unasked> {
    let mut filled = String::new();
    for part in parts(query) {
        match part {
            Part::Text(text) => filled.push_str(text),
            Part::Value(name) => filled.push_str(&plain_value(name, &value_of)?),
            Part::Matchers(names) => {
                filled.push_str(&matchers(&names.unwrap_or_default(), &label_of)?)
            }
        }
    }
    Ok(filled)
}

fn plain_value(name: &str, value_of: impl Fn(&str) -> Option<String>) -> Result<String, Unasked> {
    // To Prometheus a label without a value is no label: it would match every series that lacks it.
    let value = value_of(name).filter(|value| !value.is_empty());
    let value = value.ok_or_else(|| Unasked::Missing(name.to_owned()))?;
    if is_plain(&value) {
        Ok(value)
    } else {
        Err(Unasked::NotPlain(name.to_owned()))
    }
}

fn matchers(names: &[&str], label_of: impl Fn(&str) -> Option<String>) -> Result<String, Unasked> {
    let matcher = |name: &&str| {
        let value = label_of(name).filter(|value| !value.is_empty())?;
        Some(format!("{name}={}", quoted(&value)))
    };
    let known: Vec<String> = names.iter().filter_map(matcher).collect();
    if known.is_empty() {
        Err(Unasked::NoneOf(names.join(", ")))
    } else {
        Ok(known.join(", "))
    }
}

/// A text as a string of PromQL in double quotes, with Go's escapes
/// (<https://prometheus.io/docs/prometheus/latest/querying/basics/#string-literals>).
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            '\n' => quoted.push_str("\\n"),
            c if c.is_control() => quoted.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => quoted.push(c),
        }
    }
    quoted + "\""
}

/// What is wrong with a query, in sentences. PromQL itself is the server's to read.
pub(crate) fn faults(query: &str) -> Vec<String> {
    let mut faults = Vec::new();
    for part in parts(query) {
        match part {
            Part::Matchers(None) => {
                faults.push("has a $matchers( without its )".to_owned());
            }
            Part::Matchers(Some(names)) => faults.extend(
                names
                    .into_iter()
                    .filter(|name| !is_name(name))
                    .map(|name| format!("has `{name}` in $matchers, which is no name of a label")),
            ),
            Part::Text(_) | Part::Value(_) => {}
        }
    }
    faults
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::{Unasked, faults, filled};

    fn asked(query: &str, labels: &[(&str, &str)]) -> Result<String, Unasked> {
        let labels: BTreeMap<&str, &str> = labels.iter().copied().collect();
        let value = |name: &str| labels.get(name).map(|value| (*value).to_owned());
        filled(query, value, value)
    }

    #[test]
    fn matchers_hold_the_labels_that_the_alert_has() {
        let query = "up{$matchers(instance, device)} / on() max(up{x=\"$\", $matchers(device)})";
        assert_eq!(
            asked(query, &[("instance", "h:9100"), ("device", "/dev/sda1")]).as_deref(),
            Ok(
                "up{instance=\"h:9100\", device=\"/dev/sda1\"} / on() max(up{x=\"$\", device=\"/dev/sda1\"})"
            )
        );
        assert_eq!(
            asked("up{$matchers(a, b)}", &[("b", "1"), ("a", "")]).as_deref(),
            Ok("up{b=\"1\"}")
        );
        assert_eq!(
            asked("up{$matchers(a, b)}", &[("c", "1")]),
            Err(Unasked::NoneOf("a, b".to_owned()))
        );
    }

    #[test]
    fn a_value_never_leaves_its_quotes() {
        let hostile = "a\"} or vector(1) # \\\n\u{7}$matchers(a)";
        assert_eq!(
            asked("up{$matchers(a)}", &[("a", hostile)]).as_deref(),
            Ok("up{a=\"a\\\"} or vector(1) # \\\\\\n\\u0007$matchers(a)\"}")
        );
        assert_eq!(
            asked("up{a=\"$a\"}", &[("a", hostile)]),
            Err(Unasked::NotPlain("a".to_owned()))
        );
        assert_eq!(
            asked("up{a=\"$a\", b=~\"^$1x$\"}", &[("a", "b-1")]).as_deref(),
            Ok("up{a=\"b-1\", b=~\"^$1x$\"}")
        );
        assert_eq!(
            asked("up{a=\"$a\"}", &[]),
            Err(Unasked::Missing("a".to_owned()))
        );
    }

    #[test]
    fn a_macro_with_a_bad_name_is_a_fault() {
        for (query, count) in [
            ("up{$matchers(a, b_c)}", 0),
            ("up{$matchers(a-b, 9)}", 2),
            ("up{$matchers()}", 1),
            ("up{$matchers(a", 1),
            ("up{a=\"$a\"}", 0),
        ] {
            assert_eq!(faults(query).len(), count, "{query}");
        }
    }
}
