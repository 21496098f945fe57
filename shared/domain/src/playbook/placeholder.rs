//! Placeholders in the arguments of a playbook's commands: parameters in braces.

use std::collections::{BTreeMap, BTreeSet};

/// The parameters that an argument names.
pub fn placeholders(argument: &str) -> BTreeSet<String> {
    parts(argument)
        .filter_map(|part| {
            if let Part::Parameter(name) = part {
                Some(name.to_owned())
            } else {
                None
            }
        })
        .collect()
}

/// An argument with the parameters' values in their places. A value is not looked at again.
pub fn fill(argument: &str, values: &BTreeMap<String, String>) -> String {
    parts(argument)
        .map(|part| match part {
            Part::Text(text) => text,
            Part::Parameter(name) => values.get(name).map_or("", String::as_str),
        })
        .collect()
}

enum Part<'a> {
    Text(&'a str),
    Parameter(&'a str),
}

/// Cuts an argument into text and parameters. A brace that opens nothing is text.
fn parts(argument: &str) -> impl Iterator<Item = Part<'_>> {
    let mut rest = argument;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        for (doubled, brace) in [("{{", "{"), ("}}", "}")] {
            if let Some(after) = rest.strip_prefix(doubled) {
                rest = after;
                return Some(Part::Text(brace));
            }
        }
        if let Some(inside) = rest.strip_prefix('{')
            && let Some((name, after)) = inside.split_once('}')
        {
            rest = after;
            return Some(Part::Parameter(name));
        }
        let first = rest.chars().next().map_or(1, char::len_utf8);
        let end = rest[first..]
            .find(['{', '}'])
            .map_or(rest.len(), |at| at + first);
        let (text, after) = rest.split_at(end);
        rest = after;
        Some(Part::Text(text))
    })
}
