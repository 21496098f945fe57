//! A configuration file as a tree whose values know their lines, and the faults found in it.

use serde_json::{Map, Number, Value};

/// A value in a file.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub(crate) line: u64,
    /// Its place in the file, such as `[0].steps[1].run`; empty for the whole file.
    pub(crate) path: String,
    pub(crate) data: Data,
    /// False for a stand-in: the file says nothing usable here, and the rest is checked all the same.
    pub(crate) sound: bool,
}

#[derive(Debug, Clone)]
pub(crate) enum Data {
    Null,
    Flag(bool),
    Number(Number),
    Text {
        text: String,
        /// True for a text of YAML without quotes, which may also be a number, true or nothing.
        plain: bool,
    },
    List(Vec<Node>),
    Fields(Vec<Entry>),
}

/// A field and its value.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) name: String,
    /// The line of the name; the value may begin in the next one.
    pub(crate) line: u64,
    pub(crate) value: Node,
}

/// Something wrong or doubtful in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) line: Option<u64>,
    /// The field; empty for the whole file.
    pub(crate) path: String,
    /// What is wrong, and what to write.
    pub(crate) text: String,
}

impl Fault {
    pub(crate) fn at(node: &Node, text: impl Into<String>) -> Self {
        Self {
            line: Some(node.line),
            path: node.path.clone(),
            text: text.into(),
        }
    }
}

impl Node {
    pub(crate) fn new(line: u64, path: &str, data: Data) -> Self {
        let path = path.to_owned();
        Self {
            line,
            path,
            data,
            sound: true,
        }
    }

    /// The same place with another value.
    pub(crate) fn with(&self, data: Data) -> Self {
        Self::new(self.line, &self.path, data)
    }

    /// The value of a field.
    pub(crate) fn field(&self, name: &str) -> Option<&Self> {
        self.entries()
            .iter()
            .find(|entry| entry.name == name)
            .map(|entry| &entry.value)
    }

    pub(crate) fn entries(&self) -> &[Entry] {
        match &self.data {
            Data::Fields(entries) => entries,
            _ => &[],
        }
    }

    pub(crate) fn items(&self) -> &[Self] {
        match &self.data {
            Data::List(items) => items,
            _ => &[],
        }
    }

    pub(crate) fn text(&self) -> Option<&str> {
        match &self.data {
            Data::Text { text, .. } => Some(text),
            _ => None,
        }
    }

    /// True if the file has nothing here: JSON's null, and what YAML takes for it without quotes.
    pub(crate) fn is_null(&self) -> bool {
        match &self.data {
            Data::Null => true,
            Data::Text { text, plain: true } => {
                ["", "~", "null", "Null", "NULL"].contains(&text.as_str())
            }
            _ => false,
        }
    }

    /// True if neither it nor anything in it is a stand-in.
    pub(crate) fn is_whole(&self) -> bool {
        let inside = |node: &Self| {
            node.items().iter().all(Self::is_whole)
                && node.entries().iter().all(|entry| entry.value.is_whole())
        };
        self.sound && inside(self)
    }

    /// The value, as the functions' types are read from it.
    pub(crate) fn value(&self) -> Value {
        match &self.data {
            Data::Null => Value::Null,
            Data::Flag(flag) => Value::Bool(*flag),
            Data::Number(number) => Value::Number(number.clone()),
            Data::Text { text, .. } => Value::String(text.clone()),
            Data::List(items) => items.iter().map(Self::value).collect(),
            Data::Fields(entries) => {
                let field = |entry: &Entry| (entry.name.clone(), entry.value.value());
                Value::Object(entries.iter().map(field).collect::<Map<_, _>>())
            }
        }
    }

    /// The deepest value on the way to a field such as `channels[0].to.slack`. Names may have dots of their own.
    pub(crate) fn deepest(&self, field: &str) -> &Self {
        let (mut at, mut rest) = (self, field);
        while let Some((next, after)) = at.step(rest) {
            (at, rest) = (next, after);
        }
        at
    }

    /// The value that the first part of a path names, and what is left of the path.
    fn step<'a, 'p>(&'a self, path: &'p str) -> Option<(&'a Self, &'p str)> {
        if let Some((index, rest)) = path.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            return Some((self.items().get(index.parse::<usize>().ok()?)?, rest));
        }
        let path = path.strip_prefix('.').unwrap_or(path);
        let named = |entry: &&Entry| {
            let rest = path.strip_prefix(entry.name.as_str());
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
        };
        let entry = self
            .entries()
            .iter()
            .filter(named)
            .max_by_key(|entry| entry.name.len())?;
        Some((&entry.value, path.strip_prefix(entry.name.as_str())?))
    }
}

/// The path of a field below another.
pub(crate) fn below(path: &str, name: &str) -> String {
    if path.is_empty() {
        name.to_owned()
    } else {
        format!("{path}.{name}")
    }
}

/// The path of an item of a list.
pub(crate) fn item(path: &str, index: usize) -> String {
    format!("{path}[{index}]")
}
