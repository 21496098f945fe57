//! Comparison of a file's tree with its schema: every field that is unknown, missing or of the wrong form, at once.
//!
//! Beside the faults it makes the tree that was meant, in which a misspelt field has its name and a wrong value a stand-in, so that the
//! domain can check all the rest in the same run.

mod fields;
mod lists;
mod scalars;

use serde_json::Value;

use crate::check::document::{Data, Entry, Fault, Node};
use crate::check::schema::{Schema, Shape};
use crate::check::words::takes;

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
            Shape::Moment => self.moment(node, schema),
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
}

fn empty(shape: &Shape<'_>) -> String {
    match shape {
        Shape::List => "write [] for an empty list, or leave the field out".to_owned(),
        Shape::Named(_) => "write {} for no names, or leave the field out".to_owned(),
        shape => format!("give {}", takes(shape)),
    }
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
