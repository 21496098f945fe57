//! Text for and from providers: the schema in words for an API without schemas, and a provider's
//! error text, redacted and cut.

use domain::primitives::safe_text::line;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Map, Value, json};

use super::Question;

/// How much of a provider's words is kept, in characters.
const WORDS: usize = 300;
/// What is put in the place of a key that a provider says back.
const NO_KEY: &str = "<key>";
/// The bounds that constrained output knows nothing of at Anthropic and Bedrock
/// (<https://docs.anthropic.com/en/docs/build-with-claude/structured-outputs>); a schema with one of them is refused.
const UNKNOWN_BOUNDS: [&str; 2] = ["minimum", "maximum"];

/// The instructions with the schema of the answer in words.
pub(super) fn in_words(question: &Question) -> String {
    let Question {
        instructions,
        schema,
        ..
    } = question;
    format!(
        "{instructions}\n\nAnswer with one JSON object and nothing around it. It has to fit this JSON schema:\n{schema}"
    )
}

/// A schema in which the bounds of numbers stand in the descriptions, as the vendor's own libraries put them there.
pub(super) fn bounds_in_words(schema: &Value) -> Value {
    match schema {
        Value::Object(fields) => {
            let mut fields: Map<_, _> = fields
                .iter()
                .map(|(name, value)| (name.clone(), bounds_in_words(value)))
                .collect();
            // A property may have the name of a bound; it is an object then.
            let bounds: Vec<_> = UNKNOWN_BOUNDS
                .iter()
                .filter(|bound| fields.get(**bound).is_some_and(Value::is_number))
                .collect();
            for bound in bounds {
                let value = fields.remove(*bound).unwrap_or_default();
                let description = fields
                    .get("description")
                    .and_then(Value::as_str)
                    .unwrap_or_default();
                let description = format!("{description} ({bound} {value})");
                fields.insert("description".to_owned(), json!(description.trim()));
            }
            Value::Object(fields)
        }
        Value::Array(values) => values.iter().map(bounds_in_words).collect(),
        other => other.clone(),
    }
}

/// Words of a provider as they may be shown: without the key, on one line, cut.
pub(super) fn words(text: &str, key: Option<&SecretString>) -> String {
    let text = match key.map(SecretString::expose_secret) {
        Some(key) if !key.is_empty() => text.replace(key, NO_KEY),
        _ => text.to_owned(),
    };
    line(&text, WORDS)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::bounds_in_words;

    #[test]
    fn bounds_go_into_the_description_at_every_depth() {
        let schema = json!({
            "type": "object",
            "properties": {
                "minimum": { "type": "number", "minimum": 0, "maximum": 1, "description": "Sure?" },
                "list": { "type": "array", "items": { "anyOf": [{ "type": "integer", "maximum": 9 }, { "type": "null" }] } },
            },
        });
        let expected = json!({
            "type": "object",
            "properties": {
                "minimum": { "type": "number", "description": "Sure? (minimum 0) (maximum 1)" },
                "list": { "type": "array", "items": { "anyOf": [{ "type": "integer", "description": "(maximum 9)" }, { "type": "null" }] } },
            },
        });
        assert_eq!(bounds_in_words(&schema), expected);
    }
}
