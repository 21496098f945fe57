//! Tests of rendering, and of the parameter values that are refused.

use std::collections::BTreeMap;

use super::{Playbook, Unusable};
use crate::playbook::plan::Phase;

pub(crate) fn playbook(yaml: &str) -> Playbook {
    serde_saphyr::from_str(yaml).expect("a playbook")
}

pub(crate) fn echo(pattern: &str) -> Playbook {
    playbook(&format!(
        "{{id: echo, name: Echo, match: {{alertnames: [A]}}, risk: low, parameters: {{word: {{from: service.unit, pattern: '{pattern}'}}}}, \
         steps: [{{run: [echo, '{{word}}', 'x{{word}}y', '{{{{word}}}}', '{{']}}]}}"
    ))
}

fn values(word: &str) -> BTreeMap<String, String> {
    BTreeMap::from([("word".to_owned(), word.to_owned())])
}

#[test]
fn a_value_fills_its_place_and_nothing_else() {
    let argv = echo(".*")
        .render(Phase::Steps, &values("a b;c"))
        .expect("rendered")
        .remove(0)
        .argv;
    assert_eq!(argv, ["echo", "a b;c", "xa b;cy", "{word}", "{"]);
    // A value that looks like a parameter is not filled in again.
    let argv = echo(".*")
        .render(Phase::Steps, &values("{word}"))
        .expect("rendered")
        .remove(0)
        .argv;
    assert_eq!(argv[1], "{word}");
}

#[test]
fn hostile_values_are_refused_by_name_and_not_repeated() {
    let strict = echo("[a-z0-9-]{1,20}");
    let hostile = [
        "",
        "-rf",
        "a b",
        "$(id)",
        "`id`",
        "a;b",
        "a|b",
        "a&b",
        "a\nb",
        "a\0b",
        "../a",
        "a/b",
        "Ａ",
        "ａbc",
        "a\u{202e}b",
        "'a'",
        "{word}",
    ];
    for value in hostile {
        let refused = strict
            .render(Phase::Steps, &values(value))
            .expect_err("refused");
        assert_eq!(refused, Unusable::UnfitValue("word".into()), "{value:?}");
    }
    let endless = echo(".*").render(Phase::Steps, &values(&"a".repeat(65_536)));
    assert_eq!(endless, Err(Unusable::TooLong("word".into())));
    // Whatever the pattern says, a value is never an option and never holds control characters.
    for value in ["--force", "a\nb", "a\u{7f}b", "a\u{0}b"] {
        assert!(
            echo("(?s).*").render(Phase::Steps, &values(value)).is_err(),
            "{value:?}"
        );
    }
    // Half of a value matching is not enough, in whatever way the pattern is written.
    for pattern in ["^web|db$", "web|db"] {
        assert!(
            echo(pattern)
                .render(Phase::Steps, &values("web;reboot"))
                .is_err()
        );
        assert!(
            echo(pattern)
                .render(Phase::Steps, &values("reboot;db"))
                .is_err()
        );
    }
}

#[test]
fn parameters_have_to_be_exactly_those_of_the_playbook() {
    let echo = echo("[a-z]+");
    assert_eq!(
        echo.check(&BTreeMap::new()),
        Err(Unusable::NotGiven("word".into()))
    );
    let mut more = values("web");
    more.insert("command".into(), "reboot".into());
    assert_eq!(echo.check(&more), Err(Unusable::Unknown("command".into())));
}
