//! Properties of conditions: whatever is written and whatever is answered, nothing panics, the laws of Kleene's logic hold, and what is
//! printed is read back.

use std::collections::BTreeSet;

use proptest::prelude::{Just, Strategy, any, prop, prop_oneof};
use proptest::{prop_assert, prop_assert_eq, proptest};

use super::{Expression, Operator, Value, parse};
use crate::facts::{Answer, Aspect, Fact, Facts};

/// Names of questions and labels, so few that some are asked and some are not.
fn name() -> impl Strategy<Value = String> {
    prop_oneof![Just("a"), Just("b"), Just("no_answer")].prop_map(str::to_owned)
}

fn fact() -> impl Strategy<Value = Fact> {
    let aspect = prop::sample::select(Aspect::ALL.to_vec());
    prop_oneof![
        (name(), aspect).prop_map(|(name, aspect)| Fact::Answer(name, aspect)),
        name().prop_map(Fact::Label),
        name().prop_map(Fact::Annotation),
        Just(Fact::AlertValue),
        Just(Fact::Severity),
        Just(Fact::FiringFor),
        Just(Fact::Past),
        Just(Fact::Open),
        Just(Fact::ServiceKnown),
    ]
}

fn expression() -> impl Strategy<Value = Expression> {
    let leaf = prop_oneof![
        (-1e9..1e9_f64).prop_map(Expression::Number),
        "\\PC{0,6}".prop_map(Expression::Text),
        any::<bool>().prop_map(Expression::Truth),
        fact().prop_map(Expression::Fact),
    ];
    leaf.prop_recursive(4, 24, 2, |inner| {
        let operator = prop::sample::select(Operator::ALL.to_vec());
        prop_oneof![
            inner
                .clone()
                .prop_map(|inner| Expression::Not(Box::new(inner))),
            (inner.clone(), operator, inner)
                .prop_map(|(left, operator, right)| Expression::binary(left, operator, right)),
        ]
    })
}

fn facts() -> impl Strategy<Value = Facts> {
    let points = prop::collection::vec(any::<f64>(), 0..5);
    let texts = prop::collection::btree_map(name(), "\\PC{0,8}", 0..2);
    (points, texts, any::<Option<f64>>(), any::<Option<bool>>()).prop_map(
        |(points, labels, value, service_known)| {
            let answers = [("a", Answer::of(&points)), ("b", Answer::nothing())];
            Facts {
                answers: answers
                    .map(|(name, answer)| (name.to_owned(), answer))
                    .into(),
                labels,
                value,
                service_known,
                ..Facts::default()
            }
        },
    )
}

fn not(one: &Expression) -> Expression {
    Expression::Not(Box::new(one.clone()))
}

fn joined(one: &Expression, operator: Operator, other: &Expression) -> Expression {
    Expression::binary(one.clone(), operator, other.clone())
}

proptest! {
    #[test]
    fn a_printed_condition_is_read_back(expression in expression()) {
        let printed = expression.to_string();
        // What is longer than a condition may be is not read at all.
        if printed.chars().count() <= 1000 {
            prop_assert_eq!(parse(&printed), Ok(expression), "{}", printed);
        }
    }

    #[test]
    fn no_text_and_no_answer_panics(text in "\\PC{0,60}", facts in facts()) {
        if let Ok(expression) = parse(&text) {
            expression.faults(&BTreeSet::from(["a", "b"]));
            expression.holds(&facts);
        }
    }

    #[test]
    fn words_of_conditions_in_any_order_do_not_panic(
        words in prop::collection::vec(prop::sample::select(vec![
            "a", "b.least", "label.x", "not", "and", "or", "(", ")", "<", "==", "~", "-", "*", "/", "3", "5m", "\"t\"", "\"", "true", "alert.", ".",
        ]), 0..40),
        facts in facts(),
    ) {
        if let Ok(expression) = parse(&words.join(" ")) {
            expression.faults(&BTreeSet::from(["a", "b"]));
            expression.holds(&facts);
        }
    }

    #[test]
    fn a_value_is_never_infinite_or_no_number(expression in expression(), facts in facts()) {
        if let Some(Value::Number(number)) = expression.value(&facts) {
            prop_assert!(number.is_finite());
        }
    }

    #[test]
    fn the_laws_of_kleene_hold(a in expression(), b in expression(), facts in facts()) {
        let holds = |expression: &Expression| expression.holds(&facts);
        // Values that are no truths are unknown as conditions: a double negation makes such a one comparable.
        let (a, b) = (not(&not(&a)), not(&not(&b)));
        prop_assert_eq!(holds(&not(&not(&a))), holds(&a));
        for (operator, other) in [(Operator::And, Operator::Or), (Operator::Or, Operator::And)] {
            prop_assert_eq!(holds(&joined(&a, operator, &b)), holds(&joined(&b, operator, &a)));
            prop_assert_eq!(holds(&joined(&a, operator, &a)), holds(&a));
            // De Morgan.
            let inside = joined(&not(&a), other, &not(&b));
            prop_assert_eq!(holds(&not(&joined(&a, operator, &b))), holds(&inside));
            // Absorption.
            prop_assert_eq!(holds(&joined(&a, operator, &joined(&a, other, &b))), holds(&a));
        }
        // What is known stays known when more is known: an unknown side decides nothing against it.
        if holds(&a) == Some(false) {
            prop_assert_eq!(holds(&joined(&a, Operator::And, &b)), Some(false));
        }
        if holds(&a) == Some(true) {
            prop_assert_eq!(holds(&joined(&a, Operator::Or, &b)), Some(true));
        }
    }
}
