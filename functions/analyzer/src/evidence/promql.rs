//! Minimal PromQL scanner: finds an alert's expression and its comparisons, and fills labels into a
//! query.
//!
//! <https://prometheus.io/docs/prometheus/latest/querying/operators/>

use domain::alert::{ANNOTATION_CHARACTERS, Alert};
use domain::phrase;
use domain::playbook::service::Service;
use recipes::query::Unasked;
use reqwest::Url;

use super::{NoAnswer, below};

/// The longest expression that is asked for, in bytes.
const EXPRESSION_BYTES: usize = 4096;

/// The expression behind an alert, if the alert's URL is the graph page of this very server: Prometheus writes
/// `<--web.external-url>/graph?g0.expr=<expression>&g0.tab=1`, and calls that page `/query` as of version 3.
///
/// Both URLs are taken apart before they are compared: what stands before an `@`, a host that only begins with the other's name, or a
/// way out of its directory makes another place of them.
pub(super) fn own_expression(
    server: &Url,
    generator_url: &str,
) -> Option<Result<String, NoAnswer>> {
    let url = Url::parse(generator_url).ok()?;
    let is_page = |name| {
        let page = below(server, &[name]);
        url.origin() == page.origin() && url.path() == page.path()
    };
    if !url.username().is_empty()
        || url.password().is_some()
        || !(is_page("graph") || is_page("query"))
    {
        return None;
    }
    let expression = url
        .query_pairs()
        .find(|(name, _)| name == "g0.expr")?
        .1
        .into_owned();
    if expression.trim().is_empty() {
        return None;
    }
    // An alert is stored with its URL cut; half an expression may be an expression, but not the alert's.
    let is_cut = generator_url.chars().count() >= ANNOTATION_CHARACTERS;
    if is_cut || expression.len() > EXPRESSION_BYTES {
        return Some(Err(NoAnswer::NotAsked(phrase!(
            "the alert's expression is too long"
        ))));
    }
    Some(Ok(expression))
}

/// An alert's expression, taken apart at its comparison with a number.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Comparison<'a> {
    /// What is compared.
    pub(super) value: &'a str,
    /// With what: `> 90`.
    pub(super) limit: String,
}

/// The side of an alert's expression that is a value: `a` of `a > 5`, which without its comparison has points where the alert did not
/// fire, too. Nothing where that cannot be told without a parser.
pub(super) fn value_side(expression: &str) -> Option<Comparison<'_>> {
    let (at, operator) = top_level(expression)?.comparisons.pop()?;
    let threshold = expression[at + operator..].trim_start();
    let threshold = threshold
        .strip_prefix("bool")
        .map_or(threshold, str::trim_start)
        .trim_end();
    threshold.parse::<f64>().ok()?;
    let side = expression[..at].trim();
    // `and`, `or` and `unless` bind less than a comparison: the comparison is not the whole expression's.
    (!side.is_empty() && !top_level(side)?.is_of_sets).then(|| Comparison {
        value: side,
        limit: format!("{} {threshold}", &expression[at..at + operator]),
    })
}

struct TopLevel {
    /// Where comparisons stand, and how long their signs are.
    comparisons: Vec<(usize, usize)>,
    /// True if it joins sets of series.
    is_of_sets: bool,
}

/// What stands outside of brackets and strings. Nothing if there is a comment, or a bracket or string that does not end.
fn top_level(expression: &str) -> Option<TopLevel> {
    let bytes = expression.as_bytes();
    let mut found = TopLevel {
        comparisons: Vec::new(),
        is_of_sets: false,
    };
    let (mut depth, mut at) = (0_usize, 0);
    while let Some(&byte) = bytes.get(at) {
        let length = match byte {
            b'"' | b'\'' | b'`' => string_length(&bytes[at..])?,
            b'#' => return None,
            b'a'..=b'z' | b'A'..=b'Z' | b'_' | b':' => word_length(&bytes[at..]),
            b'>' | b'<' | b'=' | b'!' => 1 + usize::from(bytes.get(at + 1) == Some(&b'=')),
            _ => 1,
        };
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth = depth.checked_sub(1)?,
            b'>' | b'<' | b'=' | b'!' if depth == 0 => found.comparisons.push((at, length)),
            _ if depth == 0 => {
                let word = &bytes[at..at + length];
                found.is_of_sets |= ["and", "or", "unless"]
                    .iter()
                    .any(|set| word.eq_ignore_ascii_case(set.as_bytes()));
            }
            _ => {}
        }
        at += length;
    }
    (depth == 0).then_some(found)
}

/// The length of a string with its quotes. Between backquotes a backslash is a backslash.
fn string_length(bytes: &[u8]) -> Option<usize> {
    let quote = bytes[0];
    let mut at = 1;
    loop {
        match bytes.get(at)? {
            b'\\' if quote != b'`' => at += 2,
            byte if *byte == quote => return Some(at + 1),
            _ => at += 1,
        }
    }
}

fn word_length(bytes: &[u8]) -> usize {
    bytes
        .iter()
        .take_while(|b| b.is_ascii_alphanumeric() || b"_:".contains(b))
        .count()
}

/// A query with an alert's values in the places of its `$names`: those of its labels, and of `$target`, `$namespace` and `$service`.
///
/// A value from outside never leaves the place that the operator gave it: one that could is not filled in.
pub(super) fn filled(
    query: &str,
    alert: &Alert,
    service: Option<&Service>,
) -> Result<String, NoAnswer> {
    let label_of = |label: &str| alert.labels.get(label).cloned();
    let value_of = |name: &str| match name {
        "target" => Some(alert.target.clone()),
        "namespace" => Some(alert.namespace.clone()),
        "service" => service
            .map(|service| service.name.to_string())
            .or_else(|| label_of(name)),
        label => label_of(label),
    };
    recipes::query::filled(query, label_of, value_of).map_err(|why| {
        NoAnswer::NotAsked(match why {
            Unasked::Missing(name) => phrase!("the alert has no `{name}`", name),
            Unasked::NotPlain(name) => phrase!(
                "the alert's `{name}` holds more than A-Z a-z 0-9 _ . : / -",
                name
            ),
            Unasked::NoneOf(names) => {
                phrase!("the alert has none of the labels {names}", names)
            }
        })
    })
}

#[cfg(test)]
#[path = "promql_tests.rs"]
mod tests;
