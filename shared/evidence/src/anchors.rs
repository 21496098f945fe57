//! Anchors of the operation log, leaves and signed checkpoints, as lines of JSON; and their reader, for
//! lines of the log group and for the answer of `aws logs filter-log-events`.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::leaf::Leaf;

/// A line that the witness prints.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Anchor {
    /// A leaf, and its place in the tree, from 0.
    Leaf {
        index: u64,
        #[serde(with = "as_text")]
        leaf: Leaf,
    },
    /// A signed checkpoint.
    Checkpoint { note: String },
}

/// Every anchor in a text: the lines of a log group as they are, or the JSON of the AWS CLI around
/// them. What is no anchor is passed over: the log group has lines of Lambda's own.
pub fn read(text: &str) -> Vec<Anchor> {
    if let Ok(Value::Object(answer)) = serde_json::from_str::<Value>(text)
        && let Some(Value::Array(events)) = answer.get("events")
    {
        let messages = events.iter().filter_map(|event| event["message"].as_str());
        return messages.flat_map(str::lines).filter_map(one).collect();
    }
    text.lines().filter_map(one).collect()
}

fn one(line: &str) -> Option<Anchor> {
    // Some tools write the stream and the time before a line.
    let json = &line[line.find('{')?..];
    serde_json::from_str(json.trim_end()).ok()
}

mod as_text {
    use serde::{Deserialize as _, Deserializer, Serializer, de};

    use crate::leaf::Leaf;

    pub(super) fn serialize<S: Serializer>(leaf: &Leaf, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(leaf)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Leaf, D::Error> {
        let text = String::deserialize(from)?;
        text.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Anchor, read};

    #[test]
    fn anchors_are_found_among_other_lines() {
        let leaf = r#"{"leaf":{"index":3,"leaf":"deleted 01ARZ3NDEKTSV4RRFFQ69G5FAV 2"}}"#;
        let note = r#"{"checkpoint":{"note":"x\n"}}"#;
        let lines = format!(
            "START RequestId: 1\n{leaf}\n2026-11-29T12:00:00Z stream {note}\n{{\"level\":\"INFO\"}}\n"
        );
        let found = read(&lines);
        assert!(
            matches!(
                &found[..],
                [Anchor::Leaf { index: 3, .. }, Anchor::Checkpoint { .. }]
            ),
            "{found:?}"
        );
        assert_eq!(serde_json::to_string(&found[0]).expect("JSON"), leaf);
        let events = json!({ "events": [{ "message": format!("{leaf}\n") }, { "message": note }] });
        assert_eq!(read(&format!("{events:#}")), found);
    }
}
