//! Comparison of lists.

use serde_json::Value;

use crate::check::document::{Data, Fault, Node, item};
use crate::check::schema::Schema;
use crate::check::shape::Comparison;
use crate::check::words::{as_list, quoted};

impl Comparison {
    pub(super) fn list(&mut self, node: &Node, schema: Schema<'_>) -> Node {
        let items = match &node.data {
            Data::List(items) => items.clone(),
            Data::Text { text, .. } if !node.path.is_empty() => {
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

    pub(super) fn text_or_list(&mut self, node: &Node, schema: Schema<'_>) -> Node {
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
        let bare = [node].into_iter().chain(node.items());
        let words = match bare.filter(|node| !is_text(node)).find_map(Node::text) {
            Some(text) => format!(
                "has to be a text or a list of texts, and {text} without quotes is neither: write {}",
                quoted(text, true)
            ),
            None => "has to be a text or a list of texts".to_owned(),
        };
        self.wrong(node, schema, words)
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

/// The items of a list that was written as one text: words of a command line, or names between commas.
fn split(path: &str, text: &str) -> Vec<String> {
    let command = path.ends_with("run");
    let words = if command { shlex::split(text) } else { None };
    words.unwrap_or_else(|| {
        let names = text.split(if command { ' ' } else { ',' });
        names.map(|name| name.trim().to_owned()).collect()
    })
}
