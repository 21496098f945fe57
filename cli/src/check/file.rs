//! One file of an operator, read past its faults: what it means, and everything that is wrong with it.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use playbook_files::yaml::says_nothing;
use serde::de::DeserializeOwned;
use serde_json::Value;
use settings::config_error::ConfigError;

use crate::check::document::{Data, Fault, Node};
use crate::check::references::{Reference, reference};
use crate::check::schema::Schema;
use crate::check::shape::Comparison;
use crate::check::{json, typed, yaml};

/// A file.
pub(crate) struct File<T> {
    path: PathBuf,
    /// What it means, with stand-ins where it is wrong. None if the text cannot be read at all.
    tree: Option<Node>,
    /// Its value, from the tree.
    value: Option<T>,
    /// What each item of a list is called.
    names: Vec<Option<String>>,
    pub(crate) faults: Vec<Fault>,
    pub(crate) doubts: Vec<Fault>,
}

/// What a file without content is read as.
pub(crate) enum Empty {
    List,
    Fields,
    /// The functions do not start without this file.
    Refused,
    /// A list that may be missing.
    Optional,
}

impl<T: DeserializeOwned> File<T> {
    /// Reads a file; `schema` is the generated one of its type.
    pub(crate) fn read(directory: &Path, name: &str, schema: &str, empty: &Empty) -> Self {
        let mut file = Self {
            path: directory.join(name),
            tree: None,
            value: None,
            names: Vec::new(),
            faults: Vec::new(),
            doubts: Vec::new(),
        };
        let is_json = name.ends_with(".json");
        let text = match std::fs::read_to_string(&file.path) {
            Ok(text) => text,
            // Without them there are no channels, and the tables are as built in.
            Err(error) if error.kind() == ErrorKind::NotFound && is_json => "{}".to_owned(),
            Err(error)
                if error.kind() == ErrorKind::NotFound && matches!(empty, Empty::Optional) =>
            {
                "[]".to_owned()
            }
            Err(error) => {
                file.whole(None, unread(name, &error));
                return file;
            }
        };
        let mut tree = if says_nothing(&text) {
            let (data, text) = match empty {
                Empty::List | Empty::Optional => {
                    (Data::List(Vec::new()), "is empty: it lists nothing")
                }
                Empty::Fields => (
                    Data::Fields(Vec::new()),
                    "is empty: every field has its default",
                ),
                Empty::Refused => {
                    file.whole(None, "is empty: write {} for an empty file".to_owned());
                    return file;
                }
            };
            let (line, path, text) = (None, String::new(), text.to_owned());
            file.doubts.push(Fault { line, path, text });
            Node::new(1, "", data)
        } else if is_json {
            match json::read(&text) {
                Ok(tree) => tree,
                Err(fault) => {
                    file.faults.push(fault);
                    return file;
                }
            }
        } else {
            let (tree, faults) = yaml::read(&text);
            file.faults.extend(faults);
            let Some(tree) = tree else { return file };
            tree
        };
        let schema: Value = serde_json::from_str(schema).unwrap_or_default();
        let mut comparison = Comparison::new(is_json);
        tree = comparison.meant(&tree, Schema::new(&schema), false);
        file.faults.extend(comparison.faults);
        file.doubts.extend(comparison.doubts);
        file.names = tree.items().iter().map(name_of).collect();
        file.value = typed::read(&mut tree, &mut file.faults);
        file.tree = Some(tree);
        file
    }

    /// Its value; where the file is wrong, with stand-ins.
    pub(crate) fn value(&self) -> Option<&T> {
        self.value.as_ref()
    }

    /// Its value, if nothing in the file is wrong.
    pub(crate) fn sound(&self) -> Option<&T> {
        self.value.as_ref().filter(|_| self.faults.is_empty())
    }

    /// The value at a field.
    pub(crate) fn at(&self, field: &str) -> Option<&Node> {
        self.tree.as_ref().map(|tree| tree.deepest(field))
    }

    /// Takes what the domain says about the value: each a field and a sentence. `elsewhere` has the names that another file gives.
    pub(crate) fn take(&mut self, errors: Vec<(String, String)>, elsewhere: &[&str]) {
        for (field, sentence) in errors {
            self.faults.extend(self.fault(&field, &sentence, elsewhere));
        }
    }

    /// Takes what is doubtful about the value, as [`Self::take`] does what is wrong.
    pub(crate) fn take_doubts(&mut self, doubts: Vec<(String, String)>, elsewhere: &[&str]) {
        for (field, sentence) in doubts {
            self.doubts.extend(self.fault(&field, &sentence, elsewhere));
        }
    }

    /// Notes something doubtful at a field.
    pub(crate) fn doubt(&mut self, field: &str, text: impl Into<String>) {
        let doubt = self.at(field).map(|node| Fault {
            path: field.to_owned(),
            ..Fault::at(node, text)
        });
        self.doubts.extend(doubt);
    }

    fn fault(&self, field: &str, sentence: &str, elsewhere: &[&str]) -> Option<Fault> {
        let tree = self.tree.as_ref()?;
        let at = tree.deepest(field);
        // What follows from a stand-in is no fault of the file.
        if !at.is_whole() {
            return None;
        }
        let text = match reference(tree, at, elsewhere) {
            Reference::None => sentence.to_owned(),
            Reference::Unknown(words) => words,
            Reference::Uncertain => return None,
        };
        // A sentence about the file as a whole begins with its own subject.
        if field.contains(' ') && at.path.is_empty() {
            return Some(Fault::at(at, format!("{field} {text}")));
        }
        let path = if field.starts_with(&at.path) {
            field.to_owned()
        } else {
            at.path.clone()
        };
        Some(Fault {
            path,
            ..Fault::at(at, text)
        })
    }

    fn whole(&mut self, line: Option<u64>, text: String) {
        let path = String::new();
        self.faults.push(Fault { line, path, text });
    }

    /// The faults, as people and machines are told them.
    pub(crate) fn errors(&self) -> Vec<ConfigError> {
        self.told(&self.faults)
    }

    /// The doubts, as people and machines are told them.
    pub(crate) fn warnings(&self) -> Vec<ConfigError> {
        // That a file is empty goes without saying where its entries are missing.
        let empty = |doubt: &&Fault| doubt.line.is_none() && !self.faults.is_empty();
        let doubts = self.doubts.iter().filter(|doubt| !empty(doubt)).cloned();
        self.told(&doubts.collect::<Vec<_>>())
    }

    fn told(&self, faults: &[Fault]) -> Vec<ConfigError> {
        let mut faults: Vec<&Fault> = faults.iter().collect();
        faults.sort_by_key(|fault| fault.line);
        faults.dedup();
        let error = |fault: &Fault| ConfigError {
            file: self.path.clone(),
            line: fault.line,
            field: Some(fault.path.clone()).filter(|path| !path.is_empty()),
            text: match self.label(&fault.path) {
                label if label.is_empty() => fault.text.clone(),
                label => format!("{label}: {}", fault.text),
            },
        };
        faults.into_iter().map(error).collect()
    }

    /// A field, with the name of the item that it is in: `[0] restart-api: steps[0].run`.
    fn label(&self, path: &str) -> String {
        let item = path.strip_prefix('[').and_then(|rest| rest.split_once(']'));
        let named = item.and_then(|(index, rest)| {
            let name = self.names.get(index.parse::<usize>().ok()?)?.as_ref()?;
            Some((format!("[{index}] {name}"), rest.trim_start_matches('.')))
        });
        match named {
            Some((item, "")) => item,
            Some((item, rest)) => format!("{item}: {rest}"),
            None => path.to_owned(),
        }
    }
}

/// What an item of a list is called.
fn name_of(item: &Node) -> Option<String> {
    let names = ["id", "name", "model", "for"].into_iter();
    let name = names
        .filter_map(|name| item.field(name))
        .find(|name| name.sound)?;
    name.text().map(str::to_owned)
}

fn unread(name: &str, error: &std::io::Error) -> String {
    match error.kind() {
        ErrorKind::NotFound => format!("is not there: the functions do not start without {name}"),
        ErrorKind::InvalidData => "is no UTF-8 text: save it with the encoding UTF-8".to_owned(),
        _ => format!("cannot be read: {error}"),
    }
}
