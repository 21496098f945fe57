//! Comparison of single values: texts, lengths of time, moments, numbers, flags and names of which there are a few.

use domain::primitives::duration::Length;
use jiff::Timestamp;
use serde_json::Number;

use crate::check::document::{Data, Node};
use crate::check::schema::{Schema, Shape};
use crate::check::shape::{Comparison, empty};
use crate::check::words::{list, meant, quoted, range, refusal, shown, takes, unit};

impl Comparison {
    pub(super) fn text(&mut self, node: &Node, schema: Schema<'_>) -> Node {
        let text = |text: String| {
            let plain = false;
            Data::Text { text, plain }
        };
        match &node.data {
            Data::Text { text: said, .. } => node.with(text(said.clone())),
            Data::Flag(_) | Data::Number(_) => {
                let said = node.value().to_string();
                if let Some(example) = example(node, schema) {
                    let words = format!("has to be a text such as \"{example}\", and is {said}");
                    return self.wrong(node, schema, words);
                }
                let words = format!("has to be a text, and is {said}: write \"{said}\"");
                self.almost(node, words, text(said))
            }
            Data::Fields(entries) => match entries.as_slice() {
                // {unit} without quotes is a field without a value to YAML.
                [one] if one.value.is_null() => {
                    let said = format!("{{{}}}", one.name);
                    let words = format!(
                        "{said} has no quotes, and YAML reads it as fields: write \"{said}\""
                    );
                    self.almost(node, words, text(said))
                }
                _ => {
                    let words = "has to be one text, and is fields: put quotes around the text if it has braces or a colon in it";
                    self.wrong(node, schema, words.to_owned())
                }
            },
            Data::List(items) => match items.as_slice() {
                [one] if one.text().is_some() => {
                    let said = one.text().unwrap_or_default().to_owned();
                    let words = format!(
                        "has to be one text, and is a list: write {}",
                        quoted(&said, self.json)
                    );
                    self.almost(node, words, text(said))
                }
                _ => {
                    let words = match example(node, schema) {
                        Some(example) => {
                            format!("has to be one text such as \"{example}\", and is a list")
                        }
                        None => {
                            "has to be one text, and is a list: take the brackets away".to_owned()
                        }
                    };
                    self.wrong(node, schema, words)
                }
            },
            Data::Null => self.wrong(node, schema, empty(&Shape::Text)),
        }
    }

    pub(super) fn length(&mut self, node: &Node, schema: Schema<'_>) -> Node {
        let said = match &node.data {
            Data::Text { text, .. } => text.clone(),
            Data::Number(number) => number.to_string(),
            _ => {
                let words = format!("has to be {}", takes(&Shape::Length));
                return self.wrong(node, schema, words);
            }
        };
        let Err(why) = Length::try_from(said.clone()) else {
            return node.clone();
        };
        let bare = said.bytes().all(|b| b.is_ascii_digit()) && !said.is_empty();
        let words = if bare {
            format!(
                "{} has no unit: write {said}s for seconds or {said}m for minutes",
                shown(&said)
            )
        } else {
            why
        };
        self.wrong(node, schema, words)
    }

    pub(super) fn moment(&mut self, node: &Node, schema: Schema<'_>) -> Node {
        let said = node.text();
        let said = said.map_or_else(|| node.value().to_string(), str::to_owned);
        if said.parse::<Timestamp>().is_ok() {
            return node.clone();
        }
        let day = said.parse::<jiff::civil::Date>().ok();
        let day = day.map_or_else(|| "2026-12-20".to_owned(), |day| day.to_string());
        let words = format!(
            "{} is no moment: write the day, the time and how far the clock is from UTC, such as {day}T18:00:00+08:00, or {day}T10:00:00Z in UTC",
            shown(&said)
        );
        self.wrong(node, schema, words)
    }

    pub(super) fn number(
        &mut self,
        node: &Node,
        schema: Schema<'_>,
        whole: bool,
        (least, most): (Option<f64>, Option<f64>),
    ) -> Node {
        let name = node.path.rsplit(['.', ']']).next().unwrap_or_default();
        let kind = if whole { "a whole number" } else { "a number" };
        let wanted = format!("has to be {kind}{}{}", unit(name), range(least, most));
        let is = |number: &Number| match node.text() {
            Some(text) => format!("{wanted}, and is {}", shown(text)),
            None => format!("{wanted}, and is {number}"),
        };
        let number = match &node.data {
            Data::Number(number) => Some(number.clone()),
            Data::Text { text, .. } => as_number(text, whole),
            _ => None,
        };
        let Some(number) = number else {
            let said = node.text().map(|text| format!(", and is {}", shown(text)));
            return self.wrong(node, schema, wanted.clone() + &said.unwrap_or_default());
        };
        let value = number.as_f64().unwrap_or(f64::NAN);
        if whole && !(number.is_i64() || number.is_u64()) {
            return self.wrong(node, schema, is(&number));
        }
        let fits =
            least.is_none_or(|least| value >= least) && most.is_none_or(|most| value <= most);
        if !fits {
            return self.wrong(node, schema, is(&number));
        }
        if self.json && node.text().is_some() {
            let words = format!("is a text: write {number} without quotes");
            return self.almost(node, words, Data::Number(number));
        }
        node.with(Data::Number(number))
    }

    pub(super) fn flag(&mut self, node: &Node, schema: Schema<'_>) -> Node {
        let flag = match &node.data {
            Data::Flag(flag) => Some(*flag),
            Data::Text { text, .. } => serde_saphyr::from_str::<bool>(text).ok(),
            _ => None,
        };
        match flag {
            Some(flag) if self.json && node.text().is_some() => {
                let words = format!("is a text: write {flag} without quotes");
                self.almost(node, words, Data::Flag(flag))
            }
            Some(flag) => node.with(Data::Flag(flag)),
            None => {
                let said = node.text().map(|text| format!(", and is {}", shown(text)));
                let words = format!("has to be true or false{}", said.unwrap_or_default());
                self.wrong(node, schema, words)
            }
        }
    }

    pub(super) fn choice(&mut self, node: &Node, schema: Schema<'_>, names: &[&str]) -> Node {
        let Some(said) = node.text() else {
            let words = format!("has to be one of {}", list(names.iter().copied()));
            return self.wrong(node, schema, words);
        };
        if names.contains(&said) {
            return node.clone();
        }
        let words = refusal(said, names);
        match meant(said, names.iter().copied()) {
            Some(name) => {
                let (text, plain) = (name.to_owned(), false);
                self.almost(node, words, Data::Text { text, plain })
            }
            None => self.wrong(node, schema, words),
        }
    }
}

/// A number as the functions' reader of YAML reads it.
fn as_number(text: &str, whole: bool) -> Option<Number> {
    let of_whole = || {
        let signed = serde_saphyr::from_str::<i64>(text).ok().map(Number::from);
        signed.or_else(|| serde_saphyr::from_str::<u64>(text).ok().map(Number::from))
    };
    let of_any = || Number::from_f64(serde_saphyr::from_str::<f64>(text).ok()?);
    if whole {
        of_whole().or_else(of_any)
    } else {
        of_any()
    }
}

/// A text that a place would take, where not every text will do. The zones of the world have no pattern.
fn example(node: &Node, schema: Schema<'_>) -> Option<&'static str> {
    if node.path.ends_with("zone") {
        return Some("Europe/Berlin");
    }
    schema.example()
}
