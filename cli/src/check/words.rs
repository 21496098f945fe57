//! Words of the messages: suggestions, lists of what is allowed, ranges, and values as a file would have them.

use strsim::osa_distance;

use crate::check::schema::Shape;

/// How many names are listed at most: more are no help.
const LISTED: usize = 20;
/// How much of a value is shown, in characters.
const SHOWN: usize = 60;

/// The name that was meant most likely: one that differs in case only, or in a few letters.
pub(crate) fn meant<'a>(given: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let plain = |name: &str| name.to_lowercase().replace(['-', ' '], "_");
    let wanted = plain(given);
    let length = wanted.chars().count();
    let most = match length {
        0..=2 => 0,
        3..=5 => 1,
        6..=9 => 2,
        _ => 3,
    };
    let near = |name: &'a str| {
        let name_plain = plain(name);
        let part = length >= 3
            && (name_plain.starts_with(&wanted) || wanted.starts_with(&name_plain))
            && name_plain.len() >= 3;
        let distance = osa_distance(&wanted, &name_plain);
        (distance <= most || part).then_some((distance, name))
    };
    names
        .into_iter()
        .filter_map(near)
        .min()
        .map(|(_, name)| name)
}

/// `; did you mean high?`, if a name is near.
pub(crate) fn suggestion<'a>(given: &str, names: impl IntoIterator<Item = &'a str>) -> String {
    meant(given, names).map_or_else(String::new, |name| format!("; did you mean {name}?"))
}

/// That a name is none of those that are allowed, which was meant, and which there are.
pub(crate) fn refusal(given: &str, names: &[&str]) -> String {
    let near = suggestion(given, names.iter().copied());
    let near = if near.is_empty() { "." } else { near.as_str() };
    let names = list(names.iter().copied());
    format!("{} is not allowed{near} Allowed: {names}", shown(given))
}

/// `low, medium, high`, cut where it is long.
pub(crate) fn list<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let mut names: Vec<&str> = names.into_iter().collect();
    let more = names.len().saturating_sub(LISTED);
    names.truncate(LISTED);
    match (names.as_slice(), more) {
        ([], _) => "none".to_owned(),
        (_, 0) => names.join(", "),
        _ => format!("{} and {more} more", names.join(", ")),
    }
}

/// A sentence as a part of another: its first letter is small, unless a word of capitals begins it.
pub(crate) fn inside(sentence: &str) -> String {
    let mut rest = sentence.chars();
    match (rest.next(), rest.clone().next()) {
        (Some(first), Some(second)) if !second.is_uppercase() => {
            first.to_lowercase().chain(rest).collect()
        }
        _ => sentence.to_owned(),
    }
}

/// A value as it is in the file, on one line and not too long: what it holds is never markup or a control sequence.
pub(crate) fn shown(text: &str) -> String {
    let line: String = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(SHOWN)
        .collect();
    let cut = if text.chars().count() > SHOWN {
        "…"
    } else {
        ""
    };
    format!("`{line}{cut}`")
}

/// `from 1 to 65535`, or the one end that there is.
pub(crate) fn range(least: Option<f64>, most: Option<f64>) -> String {
    // The largest number that fits is no limit that was meant.
    let most = most.filter(|most| *most < f64::from(u32::MAX));
    match (least, most) {
        (Some(least), Some(most)) => format!(" from {least} to {most}"),
        (Some(least), None) => format!(" from {least}"),
        (None, Some(most)) => format!(" up to {most}"),
        (None, None) => String::new(),
    }
}

/// The unit that a field's name says.
pub(crate) fn unit(name: &str) -> &'static str {
    const UNITS: [(&str, &str); 4] = [
        ("_seconds", " of seconds"),
        ("_per_minute", " of messages a minute"),
        ("_usd", " of dollars"),
        ("_per_million", " of dollars"),
    ];
    UNITS
        .into_iter()
        .find(|(ending, _)| name.ends_with(ending))
        .map_or("", |(_, unit)| unit)
}

/// A list of texts as a file would have it: quoted where YAML would read something else, and everywhere in JSON.
pub(crate) fn as_list<'a>(texts: impl IntoIterator<Item = &'a str>, json: bool) -> String {
    let items: Vec<String> = texts.into_iter().map(|text| quoted(text, json)).collect();
    format!("[{}]", items.join(", "))
}

/// A text with the quotes that it needs.
pub(crate) fn quoted(text: &str, always: bool) -> String {
    let plain = text
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || b"_./-=".contains(&b))
        && text.bytes().any(|b| b.is_ascii_alphabetic());
    if plain && !always {
        text.to_owned()
    } else {
        serde_json::to_string(text).unwrap_or_default()
    }
}

/// What a place takes, with an example.
pub(crate) fn takes(shape: &Shape<'_>) -> String {
    match shape {
        Shape::Anything => "a value".to_owned(),
        Shape::Text => "a text".to_owned(),
        Shape::Length => "a length of time, such as 90s, 30m or 1h".to_owned(),
        Shape::Moment => "a moment, such as 2026-12-20T18:00:00+08:00".to_owned(),
        Shape::Number { whole, least, most } => {
            let whole = if *whole { "a whole number" } else { "a number" };
            format!("{whole}{}", range(*least, *most))
        }
        Shape::Flag => "true or false".to_owned(),
        Shape::Choice(names) => format!("one of {}", list(names.iter().copied())),
        Shape::List => "a list".to_owned(),
        Shape::Record(names) => format!("fields: {}", list(names.iter().copied())),
        Shape::OneOf(names) => format!("one of the fields {}", list(names.iter().copied())),
        Shape::Named(_) => "names, each with its value".to_owned(),
        Shape::TextOrList => "a text, or a list of texts".to_owned(),
    }
}
