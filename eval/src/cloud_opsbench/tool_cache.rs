//! Recorded answers of a case's tools, by `Tool:{arguments}`.

use std::path::Path;

use serde_json::{Map, Value};

/// One call with its answer.
#[derive(Debug)]
pub(crate) struct Answer {
    tool: String,
    arguments: Map<String, Value>,
    pub(crate) said: Value,
}

impl Answer {
    pub(crate) fn argument(&self, name: &str) -> &str {
        self.arguments
            .get(name)
            .and_then(Value::as_str)
            .unwrap_or_default()
    }

    pub(crate) fn number(&self, name: &str) -> Option<u64> {
        self.arguments.get(name).and_then(Value::as_u64)
    }

    fn is_plain(&self) -> bool {
        let form = [
            "output_wide",
            "output_yaml",
            "show_labels",
            "label_selector",
        ];
        !form.iter().any(|form| self.arguments.contains_key(*form))
    }

    pub(crate) fn text(&self) -> &str {
        self.said.as_str().unwrap_or_default()
    }
}

#[derive(Debug)]
pub(crate) struct ToolCache(Vec<Answer>);

impl ToolCache {
    pub(crate) fn load(file: &Path) -> Result<Self, String> {
        let text = std::fs::read_to_string(file)
            .map_err(|error| format!("{}: {error}", file.display()))?;
        let all: Map<String, Value> =
            serde_json::from_str(&text).map_err(|error| format!("{}: {error}", file.display()))?;
        Ok(Self::of(all))
    }

    fn of(all: Map<String, Value>) -> Self {
        let answer = |(key, said): (String, Value)| {
            let (tool, arguments) = key.split_once(':').unwrap_or((&key, "{}"));
            let arguments = serde_json::from_str(arguments).unwrap_or_default();
            Answer {
                tool: tool.to_owned(),
                arguments,
                said,
            }
        };
        Self(all.into_iter().map(answer).collect())
    }

    pub(crate) fn of_tool(&self, tool: &str) -> impl Iterator<Item = &Answer> {
        self.0.iter().filter(move |answer| answer.tool == tool)
    }

    /// `kubectl describe` of every object of a type.
    pub(crate) fn described(&self, resource: &str) -> impl Iterator<Item = &Answer> {
        self.of_tool("DescribeResource")
            .filter(move |answer| answer.argument("resource_type") == resource)
            .filter(|answer| !answer.text().is_empty())
    }

    /// `kubectl get` of a type, as a table.
    pub(crate) fn table(&self, resource: &str) -> impl Iterator<Item = &Answer> {
        self.of_tool("GetResources")
            .filter(move |answer| answer.argument("resource_type") == resource)
            .filter(|answer| answer.is_plain() && answer.argument("name").is_empty())
    }

    /// `kubectl get -o yaml` of every object of a type.
    pub(crate) fn yaml(&self, resource: &str) -> impl Iterator<Item = &Answer> {
        self.of_tool("GetResources")
            .filter(move |answer| answer.argument("resource_type") == resource)
            .filter(|answer| answer.arguments.contains_key("output_yaml"))
    }
}
