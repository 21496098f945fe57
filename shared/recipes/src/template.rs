//! Texts of causes with values in them: `{space_free}`, `{label.mountpoint}`.

use std::collections::BTreeMap;

use domain::analysis::evidence::figure;
use domain::playbook::placeholder::{fill, placeholders};
use domain::primitives::safe_text::{is_plain_word, line};

use crate::expression::Value;
use crate::facts::{Aspect, Fact, Facts};
use crate::file::{Question, Unit};

/// How much of a label or an annotation a text shows.
const VALUE_CHARACTERS: usize = 120;

/// A sentence for people. A value that is not known is a question mark.
pub(crate) fn sentence(text: &str, questions: &[Question], facts: &Facts) -> String {
    with_values(text, |fact, _| {
        shown(fact, questions, facts).unwrap_or_else(|| "?".to_owned())
    })
}

/// A command for a human. Only what a shell reads as one word is filled in; anything else is its name in angle brackets.
pub(crate) fn command(text: &str, questions: &[Question], facts: &Facts) -> String {
    with_values(text, |fact, name| {
        let word = shown(fact, questions, facts).filter(|value| is_plain_word(value));
        word.unwrap_or_else(|| {
            let name = name.rsplit_once("label.").map_or(name, |(_, label)| label);
            format!("<{name}>")
        })
    })
}

fn with_values(text: &str, value: impl Fn(&Fact, &str) -> String) -> String {
    let values = placeholders(text).into_iter().map(|name| {
        let value = match Fact::read(&name) {
            Some(fact) => value(&fact, &name),
            None => "?".to_owned(),
        };
        (name, value)
    });
    fill(text, &values.collect::<BTreeMap<_, _>>())
}

/// The names in a text that are no facts, and the facts in it.
pub(crate) fn named(text: &str) -> (Vec<String>, Vec<Fact>) {
    let (mut unknown, mut facts) = (Vec::new(), Vec::new());
    for name in placeholders(text) {
        match Fact::read(&name) {
            Some(fact) => facts.push(fact),
            None => unknown.push(name),
        }
    }
    (unknown, facts)
}

/// A fact for people, if it is known.
fn shown(fact: &Fact, questions: &[Question], facts: &Facts) -> Option<String> {
    let unit = match fact {
        Fact::Answer(id, Aspect::Newest | Aspect::Least | Aspect::Most | Aspect::Oldest) => {
            let question = questions.iter().find(|question| question.id == *id);
            question.and_then(|question| question.unit)
        }
        Fact::FiringFor => Some(Unit::Seconds),
        _ => None,
    };
    Some(match facts.value(fact)? {
        Value::Number(number) => with_unit(number, unit),
        Value::Text(text) => line(&text, VALUE_CHARACTERS),
        Value::Truth(truth) => truth.to_string(),
    })
}

/// A figure with its unit. Bytes and seconds are shown in the unit in which they are a small number.
fn with_unit(number: f64, unit: Option<Unit>) -> String {
    let scaled = |steps: &[(f64, &str)]| {
        let fits = |step: &&(f64, &str)| number.abs() >= step.0;
        let (size, sign) = steps.iter().rev().find(fits).unwrap_or(&steps[0]);
        let size = if *size > 0.0 { *size } else { 1.0 };
        format!("{} {sign}", figure(number / size))
    };
    match unit {
        None => figure(number),
        Some(Unit::Percent) => format!("{} %", figure(number)),
        Some(Unit::PerSecond) => format!("{}/s", figure(number)),
        Some(Unit::Bytes) => scaled(&[
            (0.0, "B"),
            (1_024.0, "KiB"),
            (1_048_576.0, "MiB"),
            (1_073_741_824.0, "GiB"),
            (1_099_511_627_776.0, "TiB"),
        ]),
        Some(Unit::Seconds) => {
            scaled(&[(0.0, "s"), (60.0, "min"), (3_600.0, "h"), (86_400.0, "d")])
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{command, sentence, with_unit};
    use crate::facts::{Answer, Facts};
    use crate::file::Unit;
    use crate::fixtures::recipes;

    #[test]
    fn a_text_has_the_values_that_are_known() {
        let questions = &recipes()[0].ask;
        let mut facts = Facts::default();
        facts
            .labels
            .insert("mountpoint".into(), "/var\u{202e}\n x".into());
        facts.labels.insert("device".into(), "/dev/sda1".into());
        facts
            .answers
            .insert("space_free".into(), Answer::of(&[9.0, 4.0]));
        assert_eq!(
            sentence(
                "{space_free} ({space_free.most}) of {label.mountpoint}, {inodes_free}, {{x}}",
                questions,
                &facts
            ),
            "4 % (9 %) of /var x, ?, {x}"
        );
        assert_eq!(
            command(
                "df {label.device} {label.mountpoint} {label.none}",
                questions,
                &facts
            ),
            "df /dev/sda1 <mountpoint> <none>"
        );
    }

    #[test]
    fn bytes_and_seconds_are_small_numbers() {
        for (number, unit, text) in [
            (0.0, Unit::Bytes, "0 B"),
            (1.5e9, Unit::Bytes, "1.4 GiB"),
            (0.25, Unit::Seconds, "0.250 s"),
            (900.0, Unit::Seconds, "15 min"),
            (-7200.0, Unit::Seconds, "-2 h"),
            (0.5, Unit::PerSecond, "0.500/s"),
            (99.0, Unit::Percent, "99 %"),
        ] {
            assert_eq!(with_unit(number, Some(unit)), text);
        }
        assert_eq!(with_unit(12.0, None), "12");
    }
}
