//! Comparison of a file's tree with its schema: every field that is unknown, missing or of the wrong form, at once.
//!
//! Beside the faults it makes the tree that was meant, in which a misspelt field has its name and a wrong value a stand-in, so that the
//! domain can check all the rest in the same run.

use domain::primitives::duration::Length;
use serde_json::{Number, Value};

use crate::check::document::{Data, Entry, Fault, Node, below, item};
use crate::check::schema::{Schema, Shape};
use crate::check::words::{as_list, list, meant, quoted, range, shown, suggestion, takes, unit};

/// The comparison of one file.
pub(crate) struct Comparison {
    /// True for JSON, in which every text has quotes.
    json: bool,
    pub(crate) faults: Vec<Fault>,
    pub(crate) doubts: Vec<Fault>,
}

impl Comparison {
    pub(crate) fn new(json: bool) -> Self {
        let (faults, doubts) = (Vec::new(), Vec::new());
        Self {
            json,
            faults,
            doubts,
        }
    }

    /// The tree that was meant by this one.
    pub(crate) fn meant(&mut self, node: &Node, schema: Schema<'_>, takes_null: bool) -> Node {
        let shape = schema.shape();
        if node.is_null() && shape != Shape::Anything {
            if takes_null {
                return node.with(Data::Null);
            }
            return self.wrong(node, schema, format!("is empty: {}", empty(&shape)));
        }
        match &shape {
            Shape::Anything => node.clone(),
            Shape::Text => self.text(node, schema),
            Shape::Length => self.length(node, schema),
            Shape::Number { whole, least, most } => {
                self.number(node, schema, *whole, (*least, *most))
            }
            Shape::Flag => self.flag(node, schema),
            Shape::Choice(names) => self.choice(node, schema, names),
            Shape::List => self.list(node, schema),
            Shape::TextOrList => self.text_or_list(node, schema),
            Shape::Record(names) => self.record(node, schema, names),
            Shape::OneOf(names) => self.one_of(node, schema, names),
            Shape::Named(names) => self.named(node, schema, names),
        }
    }

    /// Notes a fault; a stand-in takes the place of the value.
    fn wrong(&mut self, node: &Node, schema: Schema<'_>, text: String) -> Node {
        self.faults.push(Fault::at(node, text));
        stand_in(node, &schema.stand_in())
    }

    /// Notes a fault of a value of which it is clear what was meant.
    fn almost(&mut self, node: &Node, text: String, meant: Data) -> Node {
        self.faults.push(Fault::at(node, text));
        node.with(meant)
    }

    fn text(&mut self, node: &Node, schema: Schema<'_>) -> Node {
        let text = |text: String| {
            let plain = false;
            Data::Text { text, plain }
        };
        match &node.data {
            Data::Text { text: said, .. } => node.with(text(said.clone())),
            Data::Flag(_) | Data::Number(_) => {
                let said = node.value().to_string();
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
                    let words = "has to be one text, and is a list: take the brackets away";
                    self.wrong(node, schema, words.to_owned())
                }
            },
            Data::Null => self.wrong(node, schema, empty(&Shape::Text)),
        }
    }

    fn length(&mut self, node: &Node, schema: Schema<'_>) -> Node {
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

    fn number(
        &mut self,
        node: &Node,
        schema: Schema<'_>,
        whole: bool,
        (least, most): (Option<f64>, Option<f64>),
    ) -> Node {
        let name = node.path.rsplit(['.', ']']).next().unwrap_or_default();
        let kind = if whole { "a whole number" } else { "a number" };
        let wanted = format!("has to be {kind}{}{}", unit(name), range(least, most));
        let number = match &node.data {
            Data::Number(number) => Some(number.clone()),
            Data::Text { text, .. } => as_number(text, whole),
            _ => None,
        };
        let Some(number) = number else {
            let said = node.text().map(|text| format!(", and is {}", shown(text)));
            return self.wrong(node, schema, wanted + &said.unwrap_or_default());
        };
        let value = number.as_f64().unwrap_or(f64::NAN);
        if whole && !(number.is_i64() || number.is_u64()) {
            return self.wrong(node, schema, format!("{wanted}, and is {number}"));
        }
        let fits =
            least.is_none_or(|least| value >= least) && most.is_none_or(|most| value <= most);
        if !fits {
            return self.wrong(node, schema, format!("{wanted}, and is {number}"));
        }
        if self.json && node.text().is_some() {
            let words = format!("is a text: write {number} without quotes");
            return self.almost(node, words, Data::Number(number));
        }
        node.with(Data::Number(number))
    }

    fn flag(&mut self, node: &Node, schema: Schema<'_>) -> Node {
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

    fn choice(&mut self, node: &Node, schema: Schema<'_>, names: &[&str]) -> Node {
        let Some(said) = node.text() else {
            let words = format!("has to be one of {}", list(names.iter().copied()));
            return self.wrong(node, schema, words);
        };
        if names.contains(&said) {
            return node.clone();
        }
        let words = format!(
            "{} is not allowed{} Allowed: {}",
            shown(said),
            dot(suggestion(said, names.iter().copied())),
            list(names.iter().copied())
        );
        match meant(said, names.iter().copied()) {
            Some(name) => {
                let (text, plain) = (name.to_owned(), false);
                self.almost(node, words, Data::Text { text, plain })
            }
            None => self.wrong(node, schema, words),
        }
    }

    fn list(&mut self, node: &Node, schema: Schema<'_>) -> Node {
        let items = match &node.data {
            Data::List(items) => items.clone(),
            Data::Text { text, .. } => {
                let words = split(&node.path, text);
                let example = as_list(words.iter().map(String::as_str), self.json);
                let name = node.path.rsplit('.').next().unwrap_or_default();
                self.faults.push(Fault::at(
                    node,
                    format!("has to be a list, and is one text: write {name}: {example}"),
                ));
                let item = |(index, text): (usize, String)| {
                    let plain = false;
                    Node::new(
                        node.line,
                        &item(&node.path, index),
                        Data::Text { text, plain },
                    )
                };
                words.into_iter().enumerate().map(item).collect()
            }
            Data::Fields(entries) => match entries.as_slice() {
                // `playbooks:` above the list.
                [one] if node.path.is_empty() && !one.value.items().is_empty() => {
                    let text = format!(
                        "the file has to be a list and nothing around it: take the line `{}:` away",
                        one.name
                    );
                    let line = Some(one.line);
                    let path = String::new();
                    self.faults.push(Fault { line, path, text });
                    one.value.items().to_vec()
                }
                _ => return self.wrong(node, schema, not_a_list(self.json)),
            },
            _ => return self.wrong(node, schema, not_a_list(self.json)),
        };
        let of_item = schema.items();
        let items = items.iter().map(|item| self.meant(item, of_item, false));
        node.with(Data::List(items.collect()))
    }

    fn text_or_list(&mut self, node: &Node, schema: Schema<'_>) -> Node {
        let is_text = |node: &Node| match &node.data {
            Data::Text { text, plain } => {
                // Only here the reader asks what a text without quotes is: 5 is a number, and true is none.
                !plain || serde_saphyr::from_str::<Value>(text).is_ok_and(|value| value.is_string())
            }
            _ => false,
        };
        if is_text(node) || (matches!(node.data, Data::List(_)) && node.items().iter().all(is_text))
        {
            return node.clone();
        }
        let words = "has to be a text or a list of texts: a name such as 5 or true needs quotes, as in \"5\"";
        self.wrong(node, schema, words.to_owned())
    }

    fn record(&mut self, node: &Node, schema: Schema<'_>, names: &[&str]) -> Node {
        let Data::Fields(entries) = &node.data else {
            return self.wrong(node, schema, not_fields(node, names));
        };
        let mut fields: Vec<Entry> = Vec::new();
        for entry in entries {
            let known = names.contains(&entry.name.as_str());
            let missing = |name: &&str| node.field(name).is_none();
            let meant = meant(&entry.name, names.iter().copied().filter(missing));
            if !known {
                self.unknown(entry, node, schema, names, meant);
            }
            let name = if known {
                Some(entry.name.as_str())
            } else {
                meant
            };
            let twice = |name: &str| fields.iter().any(|field| field.name == name);
            if known && twice(&entry.name) {
                let words = "is there twice: keep one of the two".to_owned();
                self.faults.push(Fault {
                    line: Some(entry.line),
                    ..Fault::at(&entry.value, words)
                });
                continue;
            }
            if let Some((name, (of_field, takes_null))) =
                name.and_then(|name| Some((name, schema.field(name)?)))
            {
                let value = self.meant(&entry.value, of_field, takes_null);
                let (name, line) = (name.to_owned(), entry.line);
                fields.push(Entry { name, line, value });
            }
        }
        for name in schema.required() {
            if fields.iter().all(|field| field.name != name) {
                fields.push(self.missing(node, schema, name));
            }
        }
        node.with(Data::Fields(fields))
    }

    /// Notes a field that the schema does not have.
    fn unknown(
        &mut self,
        entry: &Entry,
        node: &Node,
        schema: Schema<'_>,
        names: &[&str],
        meant: Option<&str>,
    ) {
        let inside = |name: &&str| {
            let field = schema.field(name).map(|(field, _)| field);
            let holds = |shape: Shape<'_>| matches!(shape, Shape::Record(names) | Shape::OneOf(names) if names.contains(&entry.name.as_str()));
            field.is_some_and(|field| {
                holds(field.shape())
                    || (field.shape() == Shape::List && holds(field.items().shape()))
            })
        };
        let hint = match (meant, names.iter().copied().find(inside)) {
            (Some(name), _) => format!("; did you mean {name}?"),
            (None, Some(place)) => format!(
                "; {} is a field inside {place}: check where it is and how far it is indented.",
                entry.name
            ),
            (None, None) => ".".to_owned(),
        };
        let text = format!(
            "is no field here{hint} Fields: {}",
            list(names.iter().copied())
        );
        let (line, path) = (Some(entry.line), below(&node.path, &entry.name));
        self.faults.push(Fault { line, path, text });
    }

    /// Notes a field that has to be there; a stand-in takes its place.
    fn missing(&mut self, node: &Node, schema: Schema<'_>, name: &str) -> Entry {
        let field = schema.field(name).map(|(field, _)| field);
        let wanted = field.map_or_else(String::new, |field| match field.shape() {
            // Its fields are listed where one of them is wrong.
            Shape::Record(names) => format!("fields such as {}", list(names.into_iter().take(3))),
            shape => takes(&shape),
        });
        let about = schema.about(name).and_then(|about| {
            about
                .split_once(". ")
                .map(|(first, _)| first)
                .or(Some(about))
        });
        let about = about.map_or_else(String::new, |about| {
            format!(" ({})", about.trim_end_matches('.'))
        });
        let text = format!("is missing: give {wanted}{about}");
        let path = below(&node.path, name);
        let line = Some(node.line);
        self.faults.push(Fault {
            line,
            path: path.clone(),
            text,
        });
        let at = Node::new(node.line, &path, Data::Null);
        let value = field.map_or_else(|| at.clone(), |field| stand_in(&at, &field.stand_in()));
        Entry {
            name: name.to_owned(),
            line: node.line,
            value,
        }
    }

    fn one_of(&mut self, node: &Node, schema: Schema<'_>, names: &[&str]) -> Node {
        let one = match &node.data {
            Data::Fields(entries) => entries.as_slice(),
            _ => &[],
        };
        let [entry] = one else {
            let found = one.iter().map(|entry| entry.name.as_str());
            let words = if one.is_empty() {
                format!(
                    "has to be one of the fields {}",
                    list(names.iter().copied())
                )
            } else {
                format!(
                    "has to have one of the fields {}, and has {}",
                    list(names.iter().copied()),
                    list(found)
                )
            };
            return self.wrong(node, schema, words);
        };
        self.record(&node.with(Data::Fields(vec![entry.clone()])), schema, names)
    }

    fn named(&mut self, node: &Node, schema: Schema<'_>, names: &[&str]) -> Node {
        let Data::Fields(entries) = &node.data else {
            let words = if self.json {
                "has to be names with their values: { \"name\": … }"
            } else {
                "has to be names with their values, each on a line below: `name: …`"
            };
            return self.wrong(node, schema, words.to_owned());
        };
        let mut fields = Vec::new();
        for entry in entries {
            let known = names.is_empty() || names.contains(&entry.name.as_str());
            if !known {
                let text = format!(
                    "{} is not allowed{} Allowed: {}",
                    shown(&entry.name),
                    dot(suggestion(&entry.name, names.iter().copied())),
                    list(names.iter().copied())
                );
                let (line, path) = (Some(entry.line), entry.value.path.clone());
                self.faults.push(Fault { line, path, text });
                continue;
            }
            if entries
                .iter()
                .filter(|other| other.name == entry.name)
                .count()
                > 1
            {
                // The functions' reader of JSON takes the last of them without a word.
                let words = "is there twice, and only the last one counts: keep one of the two";
                let (line, path) = (Some(entry.line), entry.value.path.clone());
                let text = words.to_owned();
                self.doubts.push(Fault { line, path, text });
            }
            if let Some((field, takes_null)) = schema.field(&entry.name) {
                let value = self.meant(&entry.value, field, takes_null);
                fields.push(Entry {
                    value,
                    ..entry.clone()
                });
            }
        }
        node.with(Data::Fields(fields))
    }
}

/// A suggestion as the end of a sentence.
fn dot(suggestion: String) -> String {
    if suggestion.is_empty() {
        ".".to_owned()
    } else {
        suggestion
    }
}

fn empty(shape: &Shape<'_>) -> String {
    match shape {
        Shape::List => "write [] for an empty list, or leave the field out".to_owned(),
        Shape::Named(_) => "write {} for no names, or leave the field out".to_owned(),
        shape => format!("give {}", takes(shape)),
    }
}

fn not_a_list(json: bool) -> String {
    let how = if json {
        "put [ ] around its items, with commas between them"
    } else {
        "begin each item with `- ` on a line of its own, or put [ ] around all of them"
    };
    format!("has to be a list: {how}")
}

fn not_fields(node: &Node, names: &[&str]) -> String {
    let found = match &node.data {
        Data::Text { text, .. } => shown(text),
        Data::List(_) => "a list".to_owned(),
        _ => "a value".to_owned(),
    };
    let names = list(names.iter().copied());
    format!("has to have fields of its own, and is {found}. Fields: {names}")
}

/// A stand-in in the place of a value, all of it marked as one.
fn stand_in(place: &Node, value: &Value) -> Node {
    let data = match value {
        Value::Null => Data::Null,
        Value::Bool(flag) => Data::Flag(*flag),
        Value::Number(number) => Data::Number(number.clone()),
        Value::String(text) => Data::Text {
            text: text.clone(),
            plain: false,
        },
        Value::Array(items) => Data::List(items.iter().map(|item| stand_in(place, item)).collect()),
        Value::Object(fields) => {
            let entry = |(name, value): (&String, &Value)| Entry {
                name: name.clone(),
                line: place.line,
                value: stand_in(place, value),
            };
            Data::Fields(fields.iter().map(entry).collect())
        }
    };
    Node {
        sound: false,
        ..place.with(data)
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

/// The items of a list that was written as one text: words of a command line, or names between commas.
fn split(path: &str, text: &str) -> Vec<String> {
    let command = path.ends_with("run");
    let words = if command { shlex::split(text) } else { None };
    words.unwrap_or_else(|| {
        let names = text.split(if command { ' ' } else { ',' });
        names.map(|name| name.trim().to_owned()).collect()
    })
}
