//! Warnings about alert rules that no alert ever reaches, because earlier rules say all that they say.

use wildmatch::WildMatch;

use crate::alert::alert_rules::{AlertRule, AlertRules};

impl AlertRules {
    /// The rules that have no effect: each a field and a sentence.
    pub fn warnings(&self) -> Vec<(String, String)> {
        let unreached = |(at, rule): (usize, &AlertRule)| {
            let first = self.rules[..at]
                .iter()
                .position(|before| rule.alerts.iter().any(|name| has(before, name)))?;
            // A label of the metric counts wherever a rule names it.
            (rule.metric_labels.is_empty() && says_nothing_new(&self.rules[..at], rule)).then(|| {
                let text = format!(
                    "has no effect: earlier rules, rules[{first}] first, say all of it for the same alerts. Move this rule above them, or take it away"
                );
                (format!("rules[{at}]"), text)
            })
        };
        let rules = self.rules.iter().enumerate();
        rules.filter_map(unreached).collect()
    }
}

fn says_nothing_new(before: &[AlertRule], rule: &AlertRule) -> bool {
    let said_before = |says: &dyn Fn(&AlertRule) -> bool| {
        let by_one = |name: &String| before.iter().any(|one| says(one) && has(one, name));
        rule.alerts.iter().all(by_one)
    };
    let type_is_said = rule.alert_type.is_none() || said_before(&|one| one.alert_type.is_some());
    // An alert that has one of the labels is taken by the earlier rule; one that has none is left by both.
    let subject_is_said = rule.subject.as_ref().is_none_or(|subject| {
        said_before(&|one| {
            one.subject
                .as_ref()
                .is_some_and(|first| subject.name.iter().all(|label| first.name.contains(label)))
        })
    });
    type_is_said && subject_is_said
}

/// True if a rule is for each alert whose name fits this pattern.
fn has(rule: &AlertRule, name: &str) -> bool {
    let covers = |pattern: &String| {
        // One character is no text of any length.
        WildMatch::new(pattern).matches(name) && !(name.contains('*') && pattern.contains('?'))
    };
    rule.alerts.iter().any(covers)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::alert::alert_rules::AlertRules;

    fn unreached(rules: Value) -> Vec<String> {
        let rules: AlertRules = serde_json::from_value(json!({ "rules": rules })).expect("rules");
        let warnings = rules.warnings().into_iter();
        warnings.map(|(field, _)| field).collect()
    }

    #[test]
    fn a_rule_that_earlier_rules_say_whole_is_unreached() {
        let subject = json!({ "kind": "node", "name": ["node"] });
        let cases = [
            (
                json!([{ "alerts": ["Kube*"], "type": "custom" }, { "alerts": ["KubeX"], "type": "disk_full" }]),
                vec!["rules[1]"],
            ),
            (
                json!([{ "alerts": ["KubeX"], "type": "custom" }, { "alerts": ["Kube*"], "type": "disk_full" }]),
                vec![],
            ),
            (
                json!([{ "alerts": ["A", "B"], "type": "custom" }, { "alerts": ["A", "C"], "type": "custom" }]),
                vec![],
            ),
            (
                json!([{ "alerts": ["A*"], "type": "custom" }, { "alerts": ["A"], "subject": subject }]),
                vec![],
            ),
            (
                json!([{ "alerts": ["A*"], "subject": subject }, { "alerts": ["A"], "subject": subject }]),
                vec!["rules[1]"],
            ),
            (
                json!([{ "alerts": ["A*"], "subject": subject }, { "alerts": ["A"], "subject": { "kind": "pod", "name": ["node", "pod"] } }]),
                vec![],
            ),
            (
                json!([{ "alerts": ["A?"], "type": "custom" }, { "alerts": ["A*"], "type": "custom" }]),
                vec![],
            ),
            (
                json!([{ "alerts": ["A"], "type": "custom" }, { "alerts": ["A"], "type": "custom", "metric_labels": ["x"] }]),
                vec![],
            ),
        ];
        for (rules, expected) in cases {
            assert_eq!(unreached(rules.clone()), expected, "{rules}");
        }
    }
}
