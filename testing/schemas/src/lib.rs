//! JSON Schemas of the operator's files, for editors, from the types into which the functions read
//! the files.

use std::path::PathBuf;

use domain::alert::alert_rules::AlertRules;
use domain::alert::classification::AlertTables;
use domain::analysis::settings::{AnalyzerSettings, ModelPrice};
use domain::analysis::static_rule::StaticRules;
use domain::duty::Duty;
use domain::notification::channels::Channels;
use domain::notification::sign_in::SignIn;
use domain::playbook::Playbook;
use domain::playbook::service::Service;
use domain::policy::limits::Limits;
use recipes::{KnownCause, Recipe};
use schemars::transform::{Transform, transform_subschemas};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::{Map, Value, json};

/// The committed schemas, which files name and editors read.
#[must_use]
pub fn directory() -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "../../config/schemas"]
        .iter()
        .collect()
}

/// Every schema with the name of its file.
#[must_use]
pub fn all() -> [(&'static str, Value); 13] {
    let mut channels = schema::<Channels>(
        "channels.json",
        "Who is told of what, and who may decide on it.",
    );
    // Names and patterns are listed once; what has fields of its own stands in an order.
    set_of_values(&mut channels);
    [
        (
            "alert-rules.schema.json",
            schema::<AlertRules>(
                "alert-rules.json",
                "Of what type known alerts are, and which label names their subject.",
            ),
        ),
        (
            "alert-tables.schema.json",
            schema::<AlertTables>(
                "alert-tables.json",
                "What senders' words mean: alert names, severities, labels.",
            ),
        ),
        (
            "analyzer.schema.json",
            schema::<AnalyzerSettings>(
                "analyzer.yaml",
                "Where evidence comes from, which models are asked, and what they may cost.",
            ),
        ),
        (
            "causes.schema.json",
            schema::<Option<Vec<KnownCause>>>("causes.yaml", "The causes that recipes can find."),
        ),
        ("channels.schema.json", channels),
        (
            "guardrails.schema.json",
            schema::<Limits>("guardrails.yaml", "The limits for repairs without a human."),
        ),
        (
            "model-prices.schema.json",
            schema::<Option<Vec<ModelPrice>>>("model-prices.yaml", "What models cost."),
        ),
        (
            "people.schema.json",
            schema::<Duty>("people.json", "Teams, and who of them is on duty when."),
        ),
        (
            "playbooks.schema.json",
            // A file in which everything is a comment is null to an editor.
            schema::<Option<Vec<Playbook>>>(
                "playbooks.yaml",
                "The only commands that Quell ever runs.",
            ),
        ),
        (
            "recipe.schema.json",
            schema::<Recipe>(
                "recipes/*.yaml",
                "What to ask about one kind of alert, and what the answers mean.",
            ),
        ),
        (
            "service-registry.schema.json",
            schema::<Option<Vec<Service>>>(
                "service-registry.yaml",
                "Which services there are, where they are, and what may be done to them.",
            ),
        ),
        (
            "sign-in.schema.json",
            schema::<SignIn>(
                "sign-in.json",
                "Who may sign in to the console at the identity provider.",
            ),
        ),
        (
            "static-rules.schema.json",
            schema::<StaticRules>(
                "static-rules.yaml",
                "What the static analyzer says about each type of alert.",
            ),
        ),
    ]
}

fn schema<T: JsonSchema>(file: &str, description: &str) -> Value {
    let mut schema = SchemaGenerator::default().into_root_schema_for::<T>();
    let heading = format!("{description} `make check-config` finds what this schema cannot say.");
    schema.insert("title".to_owned(), format!("{file} of Quell").into());
    schema.insert("description".to_owned(), heading.into());
    ForEditors.transform(&mut schema);
    schema.to_value()
}

/// Says the same in the forms that editors complete and explain best.
struct ForEditors;

impl Transform for ForEditors {
    fn transform(&mut self, schema: &mut Schema) {
        transform_subschemas(self, schema);
        let Some(object) = schema.as_object_mut() else {
            return;
        };
        if let Some(Value::String(text)) = object.get_mut("description") {
            *text = text.replace('\n', " ");
        }
        // `uint32` and the like are no formats of JSON Schema; a bound is.
        if object.get("format") == Some(&json!("uint32")) {
            object.entry("maximum").or_insert(u32::MAX.into());
        }
        if object.get("format") != Some(&json!("regex")) {
            object.remove("format");
        }
        names(object);
        tagged(object);
    }
}

/// An enumeration of names, each in an alternative of its own, as one list of them.
fn names(object: &mut Map<String, Value>) {
    let of = |alternative: &Value| -> Option<Vec<Value>> {
        if alternative["type"] == "null" {
            return Some(vec![Value::Null]);
        }
        let one = alternative.get("const").map(|name| vec![name.clone()]);
        one.or_else(|| alternative.get("enum")?.as_array().cloned())
    };
    for key in ["oneOf", "anyOf"] {
        let alternatives = object.get(key).and_then(Value::as_array);
        if let Some(names) =
            alternatives.and_then(|all| all.iter().map(of).collect::<Option<Vec<_>>>())
        {
            object.remove(key);
            object.insert("enum".to_owned(), names.concat().into());
        }
    }
    if object.contains_key("enum") {
        object.remove("type");
    }
}

/// Objects with one field each as one object that has one of the fields.
fn tagged(object: &mut Map<String, Value>) {
    let mut fields = Map::new();
    for alternative in object
        .get("oneOf")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
    {
        match (
            alternative["properties"].as_object(),
            &alternative["required"],
        ) {
            (Some(one), Value::Array(required))
                if alternative["type"] == "object" && one.len() == 1 && required.len() == 1 =>
            {
                for (name, field) in one {
                    let mut field = field.clone();
                    if let Some(description) = alternative.get("description") {
                        field["description"] = description.clone();
                    }
                    fields.insert(name.clone(), field);
                }
            }
            _ => return,
        }
    }
    if !fields.is_empty() {
        object.remove("oneOf");
        let one = json!({ "type": "object", "properties": fields, "minProperties": 1, "maxProperties": 1, "additionalProperties": false });
        object.extend(one.as_object().cloned().unwrap_or_default());
    }
}

/// Says of every list of names that none may stand there twice.
fn set_of_values(schema: &mut Value) {
    match schema {
        Value::Object(object) => {
            let of_values = object
                .get("items")
                .is_some_and(|items| items.get("$ref").is_none());
            if of_values {
                object.insert("uniqueItems".to_owned(), true.into());
            }
            object.values_mut().for_each(set_of_values);
        }
        Value::Array(values) => values.iter_mut().for_each(set_of_values),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::{all, directory};

    #[test]
    fn the_committed_schemas_are_what_is_generated() {
        for (name, schema) in all() {
            let committed = std::fs::read_to_string(directory().join(name)).expect(name);
            assert!(
                committed == format!("{schema:#}\n"),
                "{name} is not what the types say: run make schemas"
            );
        }
    }
}
