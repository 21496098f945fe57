//! Reader of YAML into a tree with lines. The parser is that of the functions' reader.

use std::collections::HashMap;

use granit_parser::{Event, Parser, ScalarStyle, Span};

use crate::check::document::{Data, Entry, Fault, Node, below, item};
use crate::check::yaml_hints::unreadable;

/// The deepest nesting: no file of an operator has a tenth of it.
const DEPTH: usize = 100;
/// The most values, those that aliases repeat included: an alias of aliases grows without a bound.
const VALUES: usize = 200_000;

/// The tree of a text, none if it cannot be read to its end, and what is wrong with the text itself.
pub(crate) fn read(text: &str) -> (Option<Node>, Vec<Fault>) {
    let mut builder = Builder::default();
    for event in Parser::new_from_str(text) {
        match event {
            Ok((event, span)) => {
                if let Err(fault) = builder.take(event, line(&span)) {
                    builder.faults.push(fault);
                    return (None, builder.faults);
                }
            }
            Err(error) => {
                builder.faults.push(unreadable(text, error.marker().line()));
                return (None, builder.faults);
            }
        }
        if builder.second_document {
            break;
        }
    }
    (builder.root, builder.faults)
}

fn line(span: &Span) -> u64 {
    u64::try_from(span.start.line()).unwrap_or(u64::MAX)
}

/// A list or fields that are still open.
struct Open {
    line: u64,
    path: String,
    anchor: usize,
    inside: Inside,
}

enum Inside {
    Items(Vec<Node>),
    Fields {
        entries: Vec<Entry>,
        /// The name whose value is next, and its line.
        name: Option<(String, u64)>,
    },
}

#[derive(Default)]
struct Builder {
    open: Vec<Open>,
    root: Option<Node>,
    anchors: HashMap<usize, Node>,
    values: usize,
    second_document: bool,
    faults: Vec<Fault>,
}

impl Builder {
    fn take(&mut self, event: Event<'_>, line: u64) -> Result<(), Fault> {
        match event {
            Event::Scalar(text, style, anchor, _) => {
                let plain = style == ScalarStyle::Plain;
                let text = text.into_owned();
                let node = Node::new(line, &self.path(), Data::Text { text, plain });
                self.done(node, anchor)
            }
            Event::SequenceStart(_, anchor, _) => {
                self.begin(line, anchor, Inside::Items(Vec::new()))
            }
            Event::MappingStart(_, anchor, _) => {
                let (entries, name) = (Vec::new(), None);
                self.begin(line, anchor, Inside::Fields { entries, name })
            }
            Event::SequenceEnd | Event::MappingEnd => self.end(),
            Event::Alias(anchor) => {
                let node = self.anchors.get(&anchor).cloned();
                let node = node.unwrap_or_else(|| Node::new(line, &self.path(), Data::Null));
                self.done(node, 0)
            }
            Event::DocumentStart(..) if self.root.is_some() => {
                self.second_document = true;
                self.faults.push(Fault {
                    line: Some(line),
                    path: String::new(),
                    text: "a second document begins here with ---: a file is one document, so take the line away".to_owned(),
                });
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// The path of the next value.
    fn path(&self) -> String {
        match self.open.last() {
            None => String::new(),
            Some(Open { path, inside, .. }) => match inside {
                Inside::Items(items) => item(path, items.len()),
                Inside::Fields { name, .. } => name
                    .as_ref()
                    .map_or_else(|| path.clone(), |(name, _)| below(path, name)),
            },
        }
    }

    fn begin(&mut self, line: u64, anchor: usize, inside: Inside) -> Result<(), Fault> {
        let path = self.path();
        if let Some(Open {
            inside: Inside::Fields { name: None, .. },
            ..
        }) = self.open.last()
        {
            let text = "the name of a field has to be text. A { or [ that belongs to a text needs quotes around the text";
            return Err(fault(line, &path, text));
        }
        if self.open.len() >= DEPTH {
            return Err(fault(line, &path, "is nested too deeply"));
        }
        self.open.push(Open {
            line,
            path,
            anchor,
            inside,
        });
        Ok(())
    }

    fn end(&mut self) -> Result<(), Fault> {
        let Some(Open {
            line,
            path,
            anchor,
            inside,
        }) = self.open.pop()
        else {
            return Ok(());
        };
        let data = match inside {
            Inside::Items(items) => Data::List(items),
            Inside::Fields { entries, .. } => Data::Fields(merged(entries)),
        };
        self.done(Node::new(line, &path, data), anchor)
    }

    /// Puts a value where it belongs.
    fn done(&mut self, mut node: Node, anchor: usize) -> Result<(), Fault> {
        self.values += size(&node);
        if self.values > VALUES {
            return Err(fault(node.line, &node.path, "the file has too many values"));
        }
        if anchor != 0 {
            self.anchors.insert(anchor, node.clone());
        }
        match self
            .open
            .last_mut()
            .map(|open| (&open.path, &mut open.inside))
        {
            None => self.root = Some(node),
            Some((_, Inside::Items(items))) => items.push(node),
            Some((path, Inside::Fields { entries, name })) => match name.take() {
                None => *name = Some((node.text().unwrap_or_default().to_owned(), node.line)),
                Some((name, line)) => {
                    // A value that is not there has the line of what follows it.
                    if node.is_null() {
                        node.line = line;
                    }
                    if let Some(first) = entries.iter().find(|entry| entry.name == name) {
                        let text =
                            format!("is in line {} already: keep one of the two", first.line);
                        self.faults.push(fault(line, &below(path, &name), &text));
                    } else {
                        let value = node;
                        entries.push(Entry { name, line, value });
                    }
                }
            },
        }
        Ok(())
    }
}

fn fault(line: u64, path: &str, text: &str) -> Fault {
    Fault {
        line: Some(line),
        path: path.to_owned(),
        text: text.to_owned(),
    }
}

fn size(node: &Node) -> usize {
    let items = node.items().iter();
    let fields = node.entries().iter().map(|entry| &entry.value);
    1 + items.chain(fields).map(size).sum::<usize>()
}

/// The fields with those of a merge key, `<<: *anchor`, which the fields beside it go before (<https://yaml.org/type/merge.html>).
fn merged(entries: Vec<Entry>) -> Vec<Entry> {
    let (merges, mut fields): (Vec<Entry>, Vec<Entry>) =
        entries.into_iter().partition(|entry| entry.name == "<<");
    for Entry { value, .. } in merges {
        let all = match value.data {
            Data::List(items) => items,
            _ => vec![value],
        };
        for entry in all.iter().flat_map(Node::entries) {
            if fields.iter().all(|field| field.name != entry.name) {
                fields.push(entry.clone());
            }
        }
    }
    fields
}
