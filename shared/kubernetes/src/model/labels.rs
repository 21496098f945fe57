//! Labels and what selects by them.

use std::collections::BTreeMap;

use serde_json::Value;

use super::json::{list, scalar, text, texts};

pub(crate) type Labels<'a> = BTreeMap<&'a str, &'a str>;

/// The labels at a pointer.
pub(crate) fn labels<'a>(value: &'a Value, pointer: &str) -> Labels<'a> {
    texts(value, pointer).collect()
}

/// Whether every pair of a plain selector is among the labels (`spec.selector` of a Service, `nodeSelector`).
pub(crate) fn has_all(labels: &Labels<'_>, selector: &Labels<'_>) -> bool {
    selector
        .iter()
        .all(|(key, value)| labels.get(key) == Some(value))
}

/// Whether a label selector (`matchLabels`, `matchExpressions`) takes the labels; an empty one takes all.
///
/// <https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#resources-that-support-set-based-requirements>
pub(crate) fn selects(selector: &Value, of: &Labels<'_>) -> bool {
    has_all(of, &labels(selector, "/matchLabels"))
        && list(selector, "/matchExpressions")
            .iter()
            .all(|expression| holds(expression, of))
}

/// One expression of a selector, or of a node's affinity.
///
/// <https://kubernetes.io/docs/concepts/scheduling-eviction/assign-pod-node/#operators>
pub(crate) fn holds(expression: &Value, of: &Labels<'_>) -> bool {
    let value = of.get(text(expression, "/key")).copied();
    let values: Vec<String> = list(expression, "/values").iter().map(scalar).collect();
    let among = |value: &str| values.iter().any(|one| one == value);
    let number = |text: &str| text.parse::<i64>().ok();
    let compared = |wanted: fn(i64, i64) -> bool| {
        let bound = values.first().and_then(|bound| number(bound));
        matches!((value.and_then(number), bound), (Some(value), Some(bound)) if wanted(value, bound))
    };
    match text(expression, "/operator") {
        "In" => value.is_some_and(among),
        "NotIn" => !value.is_some_and(among),
        "Exists" => value.is_some(),
        "DoesNotExist" => value.is_none(),
        "Gt" => compared(|value, bound| value > bound),
        "Lt" => compared(|value, bound| value < bound),
        _ => false,
    }
}

/// `key=value,key=value`, for a quote.
pub(crate) fn written(labels: &Labels<'_>) -> String {
    let pairs: Vec<String> = labels
        .iter()
        .map(|(key, value)| format!("{key}={value}"))
        .collect();
    pairs.join(",")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Labels, selects};

    #[test]
    fn expressions_and_pairs_have_to_hold_together() {
        let of = Labels::from([("app", "cart"), ("tier", "2")]);
        for (selector, wanted) in [
            (json!({}), true),
            (json!({ "matchLabels": { "app": "cart" } }), true),
            (json!({ "matchLabels": { "app": "ad" } }), false),
            (
                json!({ "matchExpressions": [{ "key": "app", "operator": "In", "values": ["ad", "cart"] }] }),
                true,
            ),
            (
                json!({ "matchExpressions": [{ "key": "zone", "operator": "NotIn", "values": ["a"] }] }),
                true,
            ),
            (
                json!({ "matchExpressions": [{ "key": "zone", "operator": "Exists" }] }),
                false,
            ),
            (
                json!({ "matchExpressions": [{ "key": "tier", "operator": "Gt", "values": ["1"] }] }),
                true,
            ),
            (
                json!({ "matchLabels": { "app": "cart" }, "matchExpressions": [{ "key": "tier", "operator": "DoesNotExist" }] }),
                false,
            ),
        ] {
            assert_eq!(selects(&selector, &of), wanted, "{selector}");
        }
    }
}
