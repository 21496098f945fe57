//! Comparison of fields: unknown ones, missing ones, and those that exclude each other.

use crate::check::document::{Data, Entry, Fault, Node, below};
use crate::check::schema::{Schema, Shape};
use crate::check::shape::{Comparison, stand_in};
use crate::check::words::{self, list, meant, refusal, shown, takes};

impl Comparison {
    pub(super) fn record(&mut self, node: &Node, schema: Schema<'_>, names: &[&str]) -> Node {
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
    pub(super) fn unknown(
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
        let places: Vec<&str> = names.iter().copied().filter(inside).collect();
        let hint = match (meant, places.as_slice()) {
            (Some(name), _) => format!("; did you mean {name}?"),
            (None, []) => ".".to_owned(),
            (None, places) => format!(
                ", but inside {}: check where it is and how far it is indented.",
                places.join(", ")
            ),
        };
        let text = format!(
            "is no field here{hint} Fields: {}",
            list(names.iter().copied())
        );
        let (line, path) = (Some(entry.line), below(&node.path, &entry.name));
        self.faults.push(Fault { line, path, text });
    }

    /// Notes a field that has to be there; a stand-in takes its place.
    pub(super) fn missing(&mut self, node: &Node, schema: Schema<'_>, name: &str) -> Entry {
        let field = schema.field(name).map(|(field, _)| field);
        let wanted = field.map_or_else(String::new, |field| match field.shape() {
            // Its fields are listed where one of them is wrong.
            Shape::Record(names) => format!("fields such as {}", list(names.into_iter().take(3))),
            shape => takes(&shape),
        });
        let about = schema.about(name).unwrap_or_default();
        let about = about.split(". ").next().unwrap_or_default();
        let about = match about.trim_end_matches('.') {
            "" => String::new(),
            about => format!(" ({})", words::inside(about)),
        };
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

    pub(super) fn one_of(&mut self, node: &Node, schema: Schema<'_>, names: &[&str]) -> Node {
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
                    "takes one of the fields {}, and has {}: keep one of them",
                    list(names.iter().copied()),
                    list(found)
                )
            };
            return self.wrong(node, schema, words);
        };
        let one = node.with(Data::Fields(vec![entry.clone()]));
        let meant = self.record(&one, schema, names);
        if meant.entries().is_empty() {
            return stand_in(node, &schema.stand_in());
        }
        meant
    }

    pub(super) fn named(&mut self, node: &Node, schema: Schema<'_>, names: &[&str]) -> Node {
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
                let text = refusal(&entry.name, names);
                let (line, path) = (Some(entry.line), entry.value.path.clone());
                self.faults.push(Fault { line, path, text });
                continue;
            }
            let again = entries.iter().rfind(|other| other.name == entry.name);
            if let Some(last) = again.filter(|last| last.line != entry.line) {
                // The functions' reader of JSON takes the last of them without a word.
                let text = format!(
                    "is there again in line {}, and only that one counts: keep one of the two",
                    last.line
                );
                let (line, path) = (Some(entry.line), entry.value.path.clone());
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

fn not_fields(node: &Node, names: &[&str]) -> String {
    let found = match &node.data {
        Data::Text { text, .. } => shown(text),
        Data::List(_) => "a list".to_owned(),
        Data::Number(_) | Data::Flag(_) => shown(&node.value().to_string()),
        _ => "a value".to_owned(),
    };
    let names = list(names.iter().copied());
    format!("has to have fields of its own, and is {found}. Fields: {names}")
}
