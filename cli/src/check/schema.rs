//! The generated schema of a file (`config/schemas`), as far as it gives a value its shape. What it says beyond that, such as
//! patterns of texts, the domain says in better words.

use serde_json::{Map, Value, json};

/// Texts of a form that a number or a list cannot have: how the form's pattern begins, and an example.
const EXAMPLES: [(&str, &str); 11] = [
    ("^((Mon|", "Mon 09:00"),
    ("^(Mon|", "Fri 18:00"),
    ("^([01][0-9]|2[0-3])", "22:00"),
    (r"^\d{4}-\d\d-\d\d$", "2026-01-05"),
    ("^https?://", "https://example.com"),
    ("^[A-Za-z0-9!#$%", "oncall@example.com"),
    (r"^[^@\s]+@", "oncall@example.com"),
    ("^[A-Za-z0-9_]{5,32}$", "example_quell_bot"),
    ("^m?i-", "i-0123456789abcdef0"),
    ("^[A-Za-z0-9 _.:/+@-]{1,128}=", "Service=web"),
    ("^(service", "service.unit"),
];

/// The schema of one place.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Schema<'a> {
    root: &'a Value,
    at: &'a Value,
}

/// What a place takes.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Shape<'a> {
    Anything,
    Text,
    /// A length of time such as `30m`.
    Length,
    /// A moment such as `2026-12-20T18:00:00+08:00`.
    Moment,
    /// A number, whole or not, from and to.
    Number {
        whole: bool,
        least: Option<f64>,
        most: Option<f64>,
    },
    Flag,
    /// One of these texts.
    Choice(Vec<&'a str>),
    List,
    /// Fields with these names.
    Record(Vec<&'a str>),
    /// Exactly one of these fields.
    OneOf(Vec<&'a str>),
    /// Fields whose names are free, or one of a few.
    Named(Vec<&'a str>),
    /// One text, or a list of texts.
    TextOrList,
}

impl<'a> Schema<'a> {
    pub(crate) fn new(root: &'a Value) -> Self {
        Self { root, at: root }
    }

    fn at(self, at: &'a Value) -> Self {
        Self { at, ..self }.resolved()
    }

    /// The schema behind references, and the one beside null.
    fn resolved(self) -> Self {
        let referred = self.at["$ref"]
            .as_str()
            .and_then(|place| self.root.pointer(place.strip_prefix('#')?));
        if let Some(at) = referred {
            return self.at(at);
        }
        let is_null = |schema: &Value| schema["type"] == "null";
        match self.at["anyOf"].as_array().map(Vec::as_slice) {
            Some([one, null]) if is_null(null) && !is_null(one) => self.at(one),
            _ => self,
        }
    }

    /// True if null says as much as leaving the field out.
    pub(crate) fn takes_null(schema: &Value) -> bool {
        let holds = |key: &str, test: &dyn Fn(&Value) -> bool| {
            schema[key]
                .as_array()
                .is_some_and(|all| all.iter().any(test))
        };
        holds("type", &|kind| kind == "null")
            || holds("enum", &Value::is_null)
            || holds("anyOf", &|one| one["type"] == "null")
    }

    fn properties(self) -> Option<&'a Map<String, Value>> {
        self.at["properties"].as_object()
    }

    /// The schema of a field, and whether null is as good as leaving it out.
    pub(crate) fn field(self, name: &str) -> Option<(Self, bool)> {
        let schema = match self.properties().and_then(|fields| fields.get(name)) {
            Some(schema) => schema,
            None => Some(&self.at["additionalProperties"]).filter(|any| any.is_object())?,
        };
        Some((self.at(schema), Self::takes_null(schema)))
    }

    /// The schema of a list's items.
    pub(crate) fn items(self) -> Self {
        self.at(&self.at["items"])
    }

    /// The fields that have to be there.
    pub(crate) fn required(self) -> impl Iterator<Item = &'a str> {
        let names = self.at["required"].as_array();
        names.into_iter().flatten().filter_map(Value::as_str)
    }

    /// What a field is for, in a sentence.
    pub(crate) fn about(self, name: &str) -> Option<&'a str> {
        self.properties()?.get(name)?["description"].as_str()
    }

    /// An example of a text that has to have a form.
    pub(crate) fn example(self) -> Option<&'static str> {
        let pattern = self.at["pattern"].as_str()?;
        let of_form = |(begin, _): &&(&str, &str)| pattern.starts_with(begin);
        EXAMPLES.iter().find(of_form).map(|(_, example)| *example)
    }

    pub(crate) fn shape(self) -> Shape<'a> {
        let at = self.at;
        let is = |kind: &str| {
            let listed = at["type"].as_array();
            at["type"] == kind || listed.is_some_and(|kinds| kinds.iter().any(|one| one == kind))
        };
        if let Some(names) = at["enum"].as_array() {
            return Shape::Choice(names.iter().filter_map(Value::as_str).collect());
        }
        if at.get("anyOf").is_some() && at.get("type").is_none() {
            return Shape::TextOrList;
        }
        if is("object") {
            let names: Vec<&str> = self
                .properties()
                .map(|fields| fields.keys().map(String::as_str).collect())
                .unwrap_or_default();
            return match (self.properties(), &at["maxProperties"]) {
                (None, _) => {
                    let names = at["propertyNames"]["enum"].as_array();
                    let names = names.into_iter().flatten().filter_map(Value::as_str);
                    Shape::Named(names.collect())
                }
                (Some(_), most) if *most == 1 => Shape::OneOf(names),
                _ => Shape::Record(names),
            };
        }
        if is("array") {
            return Shape::List;
        }
        if is("boolean") {
            return Shape::Flag;
        }
        if is("integer") || is("number") {
            let (least, most) = (at["minimum"].as_f64(), at["maximum"].as_f64());
            let whole = is("integer");
            return Shape::Number { whole, least, most };
        }
        if !is("string") {
            return Shape::Anything;
        }
        let pattern = at["pattern"].as_str().unwrap_or_default();
        if pattern.starts_with("^[0-9]+(ms|") {
            Shape::Length
        } else if pattern.starts_with(r"^\d{4}-\d\d-\d\d[Tt ]") {
            Shape::Moment
        } else {
            Shape::Text
        }
    }

    /// The smallest value that fits: a stand-in for one that is missing.
    pub(crate) fn stand_in(self) -> Value {
        match self.shape() {
            Shape::Anything => Value::Null,
            Shape::Text => json!("x"),
            Shape::Length => json!("1s"),
            Shape::Moment => json!("2026-01-01T00:00:00Z"),
            Shape::Number { whole, least, .. } => {
                let least = least.unwrap_or(0.0);
                if whole && least >= 1.0 {
                    json!(1)
                } else if whole {
                    json!(0)
                } else {
                    json!(least)
                }
            }
            Shape::Flag => json!(false),
            Shape::Choice(names) => json!(names.first()),
            Shape::List | Shape::TextOrList => json!([]),
            Shape::Named(_) => json!({}),
            Shape::Record(_) => {
                let field = |name: &str| {
                    let value = self.field(name).map(|(field, _)| field.stand_in());
                    (name.to_owned(), value.unwrap_or_default())
                };
                Value::Object(self.required().map(field).collect())
            }
            Shape::OneOf(names) => {
                let name = names.first().copied().unwrap_or_default();
                let value = self.field(name).map(|(field, _)| field.stand_in());
                json!({ name: value })
            }
        }
    }
}
