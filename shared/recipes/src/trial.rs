//! Tests of recipes: the answers that a file gives lead to the cause that it says.

use domain::alert::AlertSeverity;
use domain::analysis::evidence::Trend;

use crate::facts::{Answer, Aspect, Fact, Facts};
use crate::file::{Given, Recipe, Trial};

/// What a test says where no cause holds.
pub const NO_CAUSE: &str = "none";

/// What is wrong with the tests of a recipe: each a field and a sentence.
pub fn failures(recipe: &Recipe) -> Vec<(String, String)> {
    let mut failures = Vec::new();
    for (index, trial) in recipe.tests.iter().enumerate() {
        let (facts, unread) = facts(trial);
        failures.extend(
            unread
                .into_iter()
                .map(|(name, why)| (format!("tests[{index}].answers.{name}"), why)),
        );
        let found = recipe.cause(&facts).map_or(NO_CAUSE, |cause| &cause.id);
        if found != trial.cause {
            let text = format!(
                "is {}, and the answers lead to {found}: {}",
                trial.cause,
                explained(recipe, &facts)
            );
            failures.push((format!("tests[{index}].cause"), text));
        }
    }
    failures
}

/// What each condition is with these facts, as far as the first that is true.
fn explained(recipe: &Recipe, facts: &Facts) -> String {
    let mut said = Vec::new();
    for cause in &recipe.causes {
        let holds = cause
            .when
            .read
            .as_ref()
            .ok()
            .and_then(|read| read.holds(facts));
        let word = match holds {
            Some(true) => "true",
            Some(false) => "false",
            None => "unknown",
        };
        said.push(format!("{} is {word}", cause.id));
        if holds == Some(true) {
            break;
        }
    }
    said.join(", ")
}

/// The facts of a test, and what of its answers cannot be read.
fn facts(trial: &Trial) -> (Facts, Vec<(String, String)>) {
    let mut facts = Facts {
        labels: trial.labels.clone(),
        annotations: trial.annotations.clone(),
        ..Facts::default()
    };
    let mut unread = Vec::new();
    // A name goes before its parts, which are behind it in the order of texts: `x`, then `x.least`.
    for (name, given) in &trial.answers {
        let taken = match Fact::read(name) {
            Some(fact) => take(&mut facts, fact, given),
            None => Err("is no name of a question or a fact"),
        };
        if let Err(why) = taken {
            unread.push((name.clone(), why.to_owned()));
        }
    }
    (facts, unread)
}

fn take(facts: &mut Facts, fact: Fact, given: &Given) -> Result<(), &'static str> {
    match (fact, given) {
        (Fact::Answer(question, Aspect::Newest), given) => {
            let answer = match given {
                Given::Number(number) => Answer::of(&[*number]),
                Given::Points(points) if points.is_empty() => Answer::nothing(),
                Given::Points(points) => Answer::of(points),
                Given::Text(word) if word == "empty" => Answer::nothing(),
                _ => return Err("has to be a number, a list of points, or empty"),
            };
            facts.answers.insert(question, answer);
        }
        (Fact::Answer(question, aspect), given) => {
            part(facts.answers.entry(question).or_default(), aspect, given)?;
        }
        (Fact::AlertValue, Given::Number(number)) => facts.value = Some(*number),
        (Fact::FiringFor, Given::Number(number)) => facts.firing_for = Some(*number),
        (Fact::Past, Given::Number(number)) => facts.past = Some(counted(*number)?),
        (Fact::Open, Given::Number(number)) => facts.open = Some(counted(*number)?),
        (Fact::ServiceKnown, Given::Truth(truth)) => facts.service_known = Some(*truth),
        (Fact::Severity, Given::Text(word)) => {
            facts.severity = Some(match word.as_str() {
                "critical" => AlertSeverity::Critical,
                "warning" => AlertSeverity::Warning,
                "info" => AlertSeverity::Info,
                _ => return Err("has to be critical, warning or info"),
            });
        }
        (Fact::Label(_) | Fact::Annotation(_), _) => {
            return Err("belongs into labels or annotations of the test");
        }
        _ => return Err("has another kind of value"),
    }
    Ok(())
}

/// Sets a part of an answer, which is then there.
fn part(answer: &mut Answer, aspect: Aspect, given: &Given) -> Result<(), &'static str> {
    let number = |place: &mut Option<f64>| match given {
        Given::Number(number) => {
            *place = Some(*number);
            Ok(())
        }
        _ => Err("has to be a number"),
    };
    match (aspect, given) {
        (Aspect::Least, _) => number(&mut answer.least),
        (Aspect::Most, _) => number(&mut answer.most),
        (Aspect::Oldest, _) => number(&mut answer.oldest),
        (Aspect::Newest, _) => number(&mut answer.newest),
        (Aspect::Empty, Given::Truth(truth)) => {
            answer.empty = Some(*truth);
            Ok(())
        }
        (Aspect::Rising, Given::Truth(true)) => {
            answer.trend = Some(Trend::Rising);
            Ok(())
        }
        (Aspect::Falling, Given::Truth(true)) => {
            answer.trend = Some(Trend::Falling);
            Ok(())
        }
        (Aspect::Stable, Given::Truth(true)) => {
            answer.trend = Some(Trend::Stable);
            Ok(())
        }
        // What does not rise is as good as steady to a condition that asks whether it rises.
        (Aspect::Rising | Aspect::Falling, Given::Truth(false)) => {
            answer.trend = answer.trend.or(Some(Trend::Stable));
            Ok(())
        }
        _ => Err("has to be true, or for empty and trends true or false"),
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "it is a whole number between 0 and 1000"
)]
fn counted(number: f64) -> Result<usize, &'static str> {
    if number.fract() == 0.0 && (0.0..=1000.0).contains(&number) {
        Ok(number as usize)
    } else {
        Err("has to be a whole number")
    }
}

#[cfg(test)]
mod tests {
    use super::failures;
    use crate::fixtures::{recipe, recipes};

    #[test]
    fn tests_of_recipes_pass_or_say_what_holds() {
        for recipe in recipes() {
            assert_eq!(failures(&recipe), [], "{}", recipe.id);
        }
        let mut wrong = recipe("file-system");
        wrong.tests[0].cause = "volume_full".to_owned();
        let [(field, text)] = &failures(&wrong)[..] else {
            panic!("one test fails")
        };
        assert_eq!(field, "tests[0].cause");
        assert_eq!(
            text,
            "is volume_full, and the answers lead to inodes_used_up: inodes_used_up is true"
        );
    }

    #[test]
    fn a_test_can_give_every_fact_that_a_condition_reads() {
        let text = "{ id: t, name: T, for: {}, ask: [{ id: x, query: up }], causes: [{ id: a, evidence: stated, says: s, action: a, responsibility: APP, when: \
                    'x == 3 and x.least == 1 and x.oldest == 1 and x.rising and alert.severity == \"critical\" and past.count == 2 and open.count == 0 \
                    and service.known and alert.value > 90 and alert.firing_for >= 1h and annotation.a == \"b\"' }], tests: [{ name: all, \
                    annotations: { a: b }, answers: { x: [1, 2, 3], alert.severity: critical, past.count: 2, open.count: 0, service.known: true, \
                    alert.value: 90.5, alert.firing_for: 3600 }, cause: a }, { name: bad, answers: { x: soon, y.: 1, label.a: 1 }, cause: none }] }";
        let recipe = serde_saphyr::from_str(text).expect("a recipe");
        let fields: Vec<String> = failures(&recipe)
            .into_iter()
            .map(|(field, _)| field)
            .collect();
        assert_eq!(
            fields,
            [
                "tests[1].answers.label.a",
                "tests[1].answers.x",
                "tests[1].answers.y."
            ]
        );
    }
}
