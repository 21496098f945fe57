//! Reading of a tree into the functions' own type, past each value that the type refuses.

use serde::de::DeserializeOwned;
use serde_path_to_error::Segment;

use crate::check::document::{Data, Fault, Node};

/// The most values of one file that are taken out before the rest is left unread.
const TRIES: usize = 500;

/// The value of a tree; what the type refuses is noted and taken out of the tree. None if nothing usable is left.
pub(crate) fn read<T: DeserializeOwned>(tree: &mut Node, faults: &mut Vec<Fault>) -> Option<T> {
    for _ in 0..TRIES {
        let error = match serde_path_to_error::deserialize(&tree.value()) {
            Ok(value) => return Some(value),
            Err(error) => error,
        };
        let steps: Vec<Step> = error.path().iter().filter_map(Step::of).collect();
        let (depth, node) = deepest(tree, &steps);
        // What follows from a stand-in is no fault of the file.
        if node.is_whole() {
            faults.push(Fault::at(node, error.inner().to_string()));
        }
        if depth == 0 || !take_out(tree, &steps[..depth]) {
            return None;
        }
    }
    None
}

/// One step of a path.
enum Step {
    Item(usize),
    Field(String),
}

impl Step {
    fn of(segment: &Segment) -> Option<Self> {
        match segment {
            Segment::Seq { index } => Some(Self::Item(*index)),
            // The form of a value such as `ssh: …` is the name of a field.
            Segment::Map { key: name } | Segment::Enum { variant: name } => {
                Some(Self::Field(name.clone()))
            }
            Segment::Unknown => None,
        }
    }

    fn from<'a>(&self, node: &'a Node) -> Option<&'a Node> {
        match self {
            Self::Item(index) => node.items().get(*index),
            Self::Field(name) => node.field(name),
        }
    }
}

/// The deepest value on a path, and at which depth it is.
fn deepest<'a>(tree: &'a Node, steps: &[Step]) -> (usize, &'a Node) {
    let (mut depth, mut at) = (0, tree);
    for step in steps {
        let Some(next) = step.from(at) else { break };
        (depth, at) = (depth + 1, next);
    }
    (depth, at)
}

/// Takes a value out of the tree. What it was in is a stand-in from then on: what the domain says of it as a whole may be wrong.
fn take_out(tree: &mut Node, steps: &[Step]) -> bool {
    let [step, rest @ ..] = steps else {
        return false;
    };
    let inside = match (step, &mut tree.data) {
        (Step::Item(index), Data::List(items)) => {
            if rest.is_empty() {
                items.remove(*index);
                tree.sound = false;
                return true;
            }
            items.get_mut(*index)
        }
        (Step::Field(name), Data::Fields(entries)) => {
            if rest.is_empty() {
                entries.retain(|entry| entry.name != *name);
                tree.sound = false;
                return true;
            }
            let entry = entries.iter_mut().find(|entry| entry.name == *name);
            entry.map(|entry| &mut entry.value)
        }
        _ => None,
    };
    inside.is_some_and(|inside| take_out(inside, rest))
}
