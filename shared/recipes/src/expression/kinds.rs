//! Kinds of values: whether the parts of a condition fit together, before anything is asked.

use std::collections::BTreeSet;
use std::fmt;

use regex_lite::Regex;

use crate::expression::{Expression, Operator};
use crate::facts::Fact;

/// What a part of a condition gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Number,
    Text,
    Truth,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Number => "a number",
            Self::Text => "a text",
            Self::Truth => "true or false",
        })
    }
}

impl Expression {
    /// Everything that keeps it from being a condition over these questions, in sentences.
    pub fn faults(&self, questions: &BTreeSet<&str>) -> Vec<String> {
        let mut faults = Vec::new();
        for fact in self.facts() {
            faults.extend(fact.unknown(questions));
        }
        match self.kind(&mut faults) {
            Some(Kind::Truth) | None => {}
            Some(kind) => faults.push(format!(
                "gives {kind}, and a condition has to be true or false: compare it with something"
            )),
        }
        // The same for every alert: what follows a true one is never reached, and a false one is not reached itself.
        if faults.is_empty() && self.facts().is_empty() {
            faults.push("reads nothing, so it is the same for every alert".to_owned());
        }
        faults
    }

    /// What it gives; nothing where that cannot be told because of a fault in it.
    fn kind(&self, faults: &mut Vec<String>) -> Option<Kind> {
        match self {
            Self::Number(_) => Some(Kind::Number),
            Self::Text(_) => Some(Kind::Text),
            Self::Truth(_) => Some(Kind::Truth),
            Self::Fact(fact) => Some(fact.kind()),
            Self::Not(inner) => {
                inner.has_to_be(Kind::Truth, "not", faults);
                Some(Kind::Truth)
            }
            Self::Binary(left, operator, right) => {
                left.beside(*operator, right, faults);
                Some(match operator {
                    Operator::Add | Operator::Subtract | Operator::Multiply | Operator::Divide => {
                        Kind::Number
                    }
                    _ => Kind::Truth,
                })
            }
        }
    }

    /// Checks both sides of an operator.
    fn beside(&self, operator: Operator, right: &Self, faults: &mut Vec<String>) {
        let sign = operator.sign();
        match operator {
            Operator::And | Operator::Or => {
                self.has_to_be(Kind::Truth, sign, faults);
                right.has_to_be(Kind::Truth, sign, faults);
            }
            Operator::Equal | Operator::NotEqual => {
                if let (Some(one), Some(other)) = (self.kind(faults), right.kind(faults))
                    && one != other
                {
                    faults.push(format!("compares {one}, `{self}`, with {other}, `{right}`"));
                }
            }
            Operator::Matches => {
                self.has_to_be(Kind::Text, sign, faults);
                match right {
                    Self::Text(pattern) => faults.extend(Regex::new(pattern).err().map(|error| {
                        format!("has the pattern `{pattern}`, which cannot be read: {error}")
                    })),
                    _ => faults.push(format!(
                        "has `{right}` behind ~: it has to be a pattern in double quotes"
                    )),
                }
            }
            _ => {
                self.has_to_be(Kind::Number, sign, faults);
                right.has_to_be(Kind::Number, sign, faults);
            }
        }
    }

    fn has_to_be(&self, wanted: Kind, sign: &str, faults: &mut Vec<String>) {
        if let Some(kind) = self.kind(faults)
            && kind != wanted
        {
            faults.push(format!(
                "has {kind}, `{self}`, beside {sign}: it has to be {wanted}"
            ));
        }
    }
}

impl Fact {
    /// What it gives.
    fn kind(&self) -> Kind {
        match self {
            Self::Answer(_, aspect) if aspect.is_truth() => Kind::Truth,
            Self::Answer(..) | Self::AlertValue | Self::FiringFor | Self::Past | Self::Open => {
                Kind::Number
            }
            Self::Label(_) | Self::Annotation(_) | Self::Severity => Kind::Text,
            Self::ServiceKnown => Kind::Truth,
        }
    }

    /// That it is about a question that there is not.
    pub(crate) fn unknown(&self, questions: &BTreeSet<&str>) -> Option<String> {
        let Self::Answer(question, _) = self else {
            return None;
        };
        let known: Vec<&str> = questions.iter().copied().collect();
        let known = match known.as_slice() {
            [] => "there are none".to_owned(),
            known => known.join(", "),
        };
        (!questions.contains(question.as_str()))
            .then(|| format!("names `{question}`, which no question is called: {known}"))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use crate::expression::parse;

    #[test]
    fn kinds_that_do_not_fit_are_found_before_anything_runs() {
        let questions = BTreeSet::from(["x", "y"]);
        let cases: [(&str, &[&str]); 13] = [
            ("x < 3 and not y.rising", &[]),
            ("label.a == \"b\" or annotation.c ~ \"d+\"", &[]),
            ("(x > 3) == service.known", &[]),
            ("x / y - 2 >= past.count * 1.5", &[]),
            (
                "alert.severity == \"critical\" and alert.firing_for > 5m",
                &[],
            ),
            ("x", &["gives a number"]),
            ("label.a < 3", &["has a text, `label.a`, beside <"]),
            (
                "label.a == 3",
                &["compares a text, `label.a`, with a number, `3`"],
            ),
            (
                "x and y",
                &[
                    "has a number, `x`, beside and",
                    "has a number, `y`, beside and",
                ],
            ),
            ("not x", &["has a number, `x`, beside not"]),
            ("label.a ~ label.b", &["has `label.b` behind ~"]),
            ("label.a ~ \"(\"", &["has the pattern `(`"]),
            ("z.rising and w.empty", &["names `z`", "names `w`"]),
        ];
        for (text, expected) in cases {
            let faults = parse(text).expect(text).faults(&questions);
            assert_eq!(faults.len(), expected.len(), "{text}: {faults:?}");
            for (fault, begin) in faults.iter().zip(expected) {
                assert!(fault.starts_with(begin), "{text}: {fault}");
            }
        }
        for constant in ["true", "false", "1 < 2"] {
            let faults = parse(constant).expect(constant).faults(&questions);
            assert!(faults[0].starts_with("reads nothing"), "{faults:?}");
        }
    }
}
