//! The OpenAPI document: its operations, and validation against its schemas.

use std::collections::BTreeSet;

use jsonschema::{Draft, Validator};
use lambda_http::http::{Method, StatusCode};
use serde_json::{Map, Value, json};
use tests::stack::project;

/// The example of each operation with a body that shows it at work: firing, pressed, decided.
const TYPICAL: [(&str, &str); 11] = [
    ("respond", "acknowledge"),
    ("respondToGroup", "acknowledge"),
    ("killSwitch", "why"),
    ("alertmanager", "alertmanager-single"),
    ("alerts", "alert-signed"),
    ("signals", "signal"),
    ("grafana", "grafana-firing"),
    ("grafanaPut", "grafana-firing"),
    ("telegram", "telegram-approve"),
    ("slack", "press"),
    ("pagerduty", "pagerduty-acknowledge"),
];

/// Where an operation describes a body that is a form.
const FORM: &str = "/requestBody/content/application~1x-www-form-urlencoded";

/// `docs/openapi.yaml`.
pub(crate) struct Document {
    pub(crate) root: Value,
}

/// An operation of the document.
#[derive(Debug, Clone)]
pub(crate) struct Operation {
    /// Its name in the document, and here.
    pub(crate) id: String,
    pub(crate) method: Method,
    /// Its path, with `{id}` in place of what varies.
    pub(crate) path: String,
    value: Value,
}

/// An answer that the document describes: the operation, the status, and the problem's type where it is a problem.
pub(crate) type Described = (String, u16, Option<String>);

impl Document {
    pub(crate) fn read() -> Self {
        let text =
            std::fs::read_to_string(project().join("docs/openapi.yaml")).expect("the document");
        Self {
            root: serde_saphyr::from_str(&text).expect("YAML"),
        }
    }

    /// The document with every field that ingress does not look at accepting anything, as ingress does.
    pub(crate) fn as_read(&self) -> Self {
        let mut root = self.root.clone();
        accept_unread(&mut root);
        Self { root }
    }

    pub(crate) fn operations(&self) -> Vec<Operation> {
        let mut operations = Vec::new();
        for (path, item) in self.root["paths"].as_object().expect("paths") {
            for (method, value) in item.as_object().expect("a path") {
                // Beside the methods a path has its parameters.
                if let Some(id) = value["operationId"].as_str() {
                    let method = method.to_uppercase().parse().expect("a method");
                    operations.push(Operation {
                        id: id.to_owned(),
                        method,
                        path: path.clone(),
                        value: value.clone(),
                    });
                }
            }
        }
        operations
    }

    pub(crate) fn operation(&self, id: &str) -> Operation {
        self.operations()
            .into_iter()
            .find(|operation| operation.id == id)
            .unwrap_or_else(|| panic!("no operation {id}"))
    }

    /// What a `$ref` stands for, or the value itself.
    pub(crate) fn resolved<'a>(&'a self, value: &'a Value) -> &'a Value {
        let Some(reference) = value["$ref"].as_str() else {
            return value;
        };
        let pointer = reference
            .strip_prefix('#')
            .expect("a place in the document");
        self.resolved(
            self.root
                .pointer(pointer)
                .unwrap_or_else(|| panic!("{reference} leads nowhere")),
        )
    }

    /// A validator of one of the document's schemas; formats count.
    pub(crate) fn validator(&self, schema: &Value) -> Validator {
        // The schema stands beside the components, so that its references lead where they lead in the document.
        let alone = json!({ "components": self.root["components"], "allOf": [schema] });
        let options = jsonschema::options()
            .with_draft(Draft::Draft202012)
            .should_validate_formats(true);
        options
            .build(&alone)
            .unwrap_or_else(|error| panic!("not a schema: {error}: {schema}"))
    }

    /// Every way in which this value does not fit a schema, as text.
    pub(crate) fn faults(&self, schema: &Value, value: &Value) -> Vec<String> {
        let validator = self.validator(schema);
        validator
            .iter_errors(value)
            .map(|error| format!("{}: {error}", error.instance_path()))
            .collect()
    }

    /// The response that an operation has for a status.
    pub(crate) fn response<'a>(
        &'a self,
        operation: &'a Operation,
        status: u16,
    ) -> Option<&'a Value> {
        operation.value["responses"]
            .get(status.to_string())
            .map(|response| self.resolved(response))
    }

    /// Every answer that the document describes.
    pub(crate) fn described(&self) -> BTreeSet<Described> {
        let mut described = BTreeSet::new();
        for operation in self.operations() {
            for status in operation.value["responses"]
                .as_object()
                .expect("responses")
                .keys()
            {
                let status: u16 = status.parse().expect("a status");
                let (kind, schema) =
                    content(self.response(&operation, status).expect("it is there"));
                let problems = if kind == "application/problem+json" {
                    self.problems(status, schema)
                } else {
                    vec![None]
                };
                assert!(
                    !problems.is_empty(),
                    "{} {status} accepts none of the problems",
                    operation.id
                );
                described.extend(
                    problems
                        .into_iter()
                        .map(|problem| (operation.id.clone(), status, problem)),
                );
            }
        }
        described
    }

    /// The types of the problems that a schema accepts.
    fn problems(&self, status: u16, schema: &Value) -> Vec<Option<String>> {
        let validator = self.validator(schema);
        let title = StatusCode::from_u16(status)
            .expect("a status")
            .canonical_reason();
        let fits = |kind: &&String| {
            validator.is_valid(&json!({ "type": kind, "title": title, "status": status, "detail": "why", "at": null }))
        };
        self.problem_types()
            .iter()
            .filter(fits)
            .cloned()
            .map(Some)
            .collect()
    }

    /// Every type of a problem.
    pub(crate) fn problem_types(&self) -> Vec<String> {
        let types = &self.root["components"]["schemas"]["Problem"]["properties"]["type"]["enum"];
        serde_json::from_value(types.clone()).expect("the types of problems")
    }
}

impl Operation {
    /// True if its body is a form.
    pub(crate) fn takes_form(&self) -> bool {
        self.value.pointer(FORM).is_some()
    }

    /// True if the JSON of its body stands in a form.
    pub(crate) fn is_form(&self) -> bool {
        let payload = self.value.pointer(FORM);
        payload.is_some_and(|form| form.pointer("/schema/properties/payload").is_some())
    }

    /// The schema of the JSON in the body, if it takes one.
    pub(crate) fn body(&self) -> Option<&Value> {
        let json = self
            .value
            .pointer("/requestBody/content/application~1json/schema");
        json.or_else(|| {
            self.value
                .pointer(FORM)?
                .pointer("/schema/properties/payload/contentSchema")
        })
    }

    /// The examples of the body; of a form, the JSON in it.
    pub(crate) fn examples(&self) -> Map<String, Value> {
        let json = self
            .value
            .pointer("/requestBody/content/application~1json/examples");
        let examples = json.or_else(|| self.value.pointer(FORM)?.get("examples"));
        let mut examples = examples
            .map(|examples| examples.as_object().expect("examples").clone())
            .unwrap_or_default();
        for example in examples.values_mut().filter(|_| self.is_form()) {
            let payload = example["value"]["payload"].as_str().expect("a payload");
            example["value"] = serde_json::from_str(payload).expect("JSON");
        }
        examples
    }

    /// The example that everything here is made from, if it takes a body.
    pub(crate) fn example(&self) -> Option<Value> {
        let (_, name) = TYPICAL.iter().find(|(id, _)| *id == self.id)?;
        let examples = self.examples();
        Some(
            examples
                .get(*name)
                .unwrap_or_else(|| panic!("{} has no example {name}", self.id))["value"]
                .clone(),
        )
    }

    /// The ways in: each the names of the security schemes that it needs together.
    pub(crate) fn ways_in(&self) -> Vec<Vec<String>> {
        let ways = self.value["security"]
            .as_array()
            .expect("who gets in is said for each operation");
        ways.iter()
            .map(|way| way.as_object().expect("schemes").keys().cloned().collect())
            .collect()
    }
}

/// The content type of a response, and the schema of its body. Every answer here has one form.
pub(crate) fn content(response: &Value) -> (&str, &Value) {
    let content = response["content"].as_object().expect("content");
    assert_eq!(content.len(), 1, "{response}");
    let (kind, media) = content.iter().next().expect("there is one");
    (kind, &media["schema"])
}

fn accept_unread(value: &mut Value) {
    if value["x-not-read"] == true {
        *value = json!(true);
        return;
    }
    match value {
        Value::Array(items) => items.iter_mut().for_each(accept_unread),
        Value::Object(fields) => fields.values_mut().for_each(accept_unread),
        _ => {}
    }
}
