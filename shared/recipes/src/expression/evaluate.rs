//! Evaluation of conditions in three values: what is not known makes a comparison unknown, and `and`, `or` and `not` are Kleene's
//! (<https://en.wikipedia.org/wiki/Three-valued_logic#Kleene_and_Priest_logics>).

use regex_lite::Regex;

use crate::expression::{Expression, Operator, Value};
use crate::facts::Facts;

impl Expression {
    /// True, false, or nothing where what is known does not decide it.
    pub fn holds(&self, facts: &Facts) -> Option<bool> {
        match self.value(facts)? {
            Value::Truth(truth) => Some(truth),
            Value::Number(_) | Value::Text(_) => None,
        }
    }

    /// Its value, where it is known. Kinds that do not fit, which the check of the files refuses, are unknown too.
    pub fn value(&self, facts: &Facts) -> Option<Value> {
        match self {
            Self::Number(number) => Value::number(*number),
            Self::Text(text) => Some(Value::Text(text.clone())),
            Self::Truth(truth) => Some(Value::Truth(*truth)),
            Self::Fact(fact) => facts.value(fact),
            Self::Not(inner) => Some(Value::Truth(!inner.holds(facts)?)),
            Self::Binary(left, Operator::And, right) => {
                joined(left.holds(facts), right.holds(facts), false)
            }
            Self::Binary(left, Operator::Or, right) => {
                joined(left.holds(facts), right.holds(facts), true)
            }
            Self::Binary(left, operator, right) => {
                compared(left.value(facts)?, *operator, right.value(facts)?)
            }
        }
    }
}

/// Both sides of `and` or `or`: one that has the value which decides is enough, whatever is unknown about the other.
fn joined(left: Option<bool>, right: Option<bool>, decides: bool) -> Option<Value> {
    if left == Some(decides) || right == Some(decides) {
        return Some(Value::Truth(decides));
    }
    left.and(right).map(|_| Value::Truth(!decides))
}

fn compared(left: Value, operator: Operator, right: Value) -> Option<Value> {
    let truth = |truth| Some(Value::Truth(truth));
    match (left, operator, right) {
        (left, Operator::Equal, right) => same(&left, &right).map(Value::Truth),
        (left, Operator::NotEqual, right) => same(&left, &right).map(|same| Value::Truth(!same)),
        (Value::Text(text), Operator::Matches, Value::Text(pattern)) => {
            truth(Regex::new(&pattern).ok()?.is_match(&text))
        }
        (Value::Number(left), operator, Value::Number(right)) => match operator {
            Operator::Less => truth(left < right),
            Operator::AtMost => truth(left <= right),
            Operator::Greater => truth(left > right),
            Operator::AtLeast => truth(left >= right),
            Operator::Add => Value::number(left + right),
            Operator::Subtract => Value::number(left - right),
            Operator::Multiply => Value::number(left * right),
            // By zero it is no finite number.
            Operator::Divide => Value::number(left / right),
            _ => None,
        },
        _ => None,
    }
}

/// Whether two values of one kind are the same.
fn same(left: &Value, right: &Value) -> Option<bool> {
    match (left, right) {
        #[expect(
            clippy::float_cmp,
            reason = "whoever writes == means it: counts and states are whole numbers"
        )]
        (Value::Number(left), Value::Number(right)) => Some(left == right),
        (Value::Text(left), Value::Text(right)) => Some(left == right),
        (Value::Truth(left), Value::Truth(right)) => Some(left == right),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use crate::expression::parse;
    use crate::facts::{Answer, Facts};

    fn facts() -> Facts {
        let mut facts = Facts::default();
        facts.labels.insert("job".to_owned(), "web-1".to_owned());
        let points = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
        for (question, answer) in [
            ("up", Answer::of(&points)),
            ("zero", Answer::of(&[0.0])),
            ("none", Answer::nothing()),
        ] {
            facts.answers.insert(question.to_owned(), answer);
        }
        facts
    }

    #[test]
    fn only_what_is_known_is_true_or_false() {
        let cases = [
            ("up == 6 and up.least == 1 and up.most == 6", Some(true)),
            ("up.oldest == 1 and up.rising and not up.stable", Some(true)),
            ("none.empty and not up.empty", Some(true)),
            ("none > 1", None),
            ("not none > 1", None),
            ("missing.empty", None),
            ("missing > 1 and up > 100", Some(false)),
            ("missing > 1 and up > 1", None),
            ("missing > 1 or up > 1", Some(true)),
            ("missing > 1 or up > 100", None),
            ("up / zero > 1", None),
            ("up / zero > 1 or zero == 0", Some(true)),
            ("label.job ~ \"^web-\\d$\"", Some(true)),
            ("label.pod == \"a\"", None),
            ("alert.value > 1", None),
            ("zero - 1 < 0 and 2 * 3 + 1 == 7", Some(true)),
            ("label.job != \"web-2\"", Some(true)),
        ];
        for (text, expected) in cases {
            let holds = parse(text).expect(text).holds(&facts());
            assert_eq!(holds, expected, "{text}");
        }
    }
}
