//! Playbooks: what is chosen, what is rendered, and what is refused.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{Choice, Playbook, Unusable, choose};
use crate::domain::alert::{Alert, AlertStatus, Texts};
use crate::domain::id::MemberId;
use crate::domain::repair::Phase;
use crate::domain::service::Service;

fn playbook(yaml: &str) -> Playbook {
    serde_saphyr::from_str(yaml).expect("a playbook")
}

fn echo(pattern: &str) -> Playbook {
    playbook(&format!(
        "{{id: echo, name: Echo, match: {{alertnames: [A]}}, risk: low, parameters: {{word: {{from: service.unit, pattern: '{pattern}'}}}}, \
         steps: [{{run: [echo, '{{word}}', 'x{{word}}y', '{{{{word}}}}', '{{']}}]}}"
    ))
}

fn service(name: &str, level: &str) -> Service {
    let yaml = format!("{{name: {name}, level: {level}, unit: web, target: {{ssh: {{host: h, user: u, host_key: ssh-ed25519 AAAA}}}}}}");
    serde_saphyr::from_str(&yaml).expect("a service")
}

fn alert(name: &str) -> Alert {
    let labels = Texts::from([("alertname".to_owned(), name.to_owned())]);
    let member = MemberId::try_from("m").expect("a member id");
    Alert::from_labels(AlertStatus::Firing, "test", labels, Texts::new(), Timestamp::UNIX_EPOCH, member)
}

fn values(word: &str) -> BTreeMap<String, String> {
    BTreeMap::from([("word".to_owned(), word.to_owned())])
}

#[test]
fn a_value_fills_its_place_and_nothing_else() {
    let argv = echo(".*").render(Phase::Steps, &values("a b;c")).expect("rendered").remove(0).argv;
    assert_eq!(argv, ["echo", "a b;c", "xa b;cy", "{word}", "{"]);
    // A value that looks like a parameter is not filled in again.
    let argv = echo(".*").render(Phase::Steps, &values("{word}")).expect("rendered").remove(0).argv;
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
        let refused = strict.render(Phase::Steps, &values(value)).expect_err("refused");
        assert_eq!(refused, Unusable::UnfitValue("word".into()), "{value:?}");
    }
    let endless = echo(".*").render(Phase::Steps, &values(&"a".repeat(65_536)));
    assert_eq!(endless, Err(Unusable::TooLong("word".into())));
    // Whatever the pattern says, a value is never an option and never holds control characters.
    for value in ["--force", "a\nb", "a\u{7f}b", "a\u{0}b"] {
        assert!(echo("(?s).*").render(Phase::Steps, &values(value)).is_err(), "{value:?}");
    }
    // Half of a value matching is not enough, in whatever way the pattern is written.
    for pattern in ["^web|db$", "web|db"] {
        assert!(echo(pattern).render(Phase::Steps, &values("web;reboot")).is_err());
        assert!(echo(pattern).render(Phase::Steps, &values("reboot;db")).is_err());
    }
}

#[test]
fn parameters_have_to_be_exactly_those_of_the_playbook() {
    let echo = echo("[a-z]+");
    assert_eq!(echo.check(&BTreeMap::new()), Err(Unusable::NotGiven("word".into())));
    let mut more = values("web");
    more.insert("command".into(), "reboot".into());
    assert_eq!(echo.check(&more), Err(Unusable::Unknown("command".into())));
}

#[test]
fn the_best_match_wins_and_says_why() {
    let by_name = playbook("{id: by-name, name: N, match: {alertnames: [TargetDown]}, risk: low, steps: [{run: [a]}]}");
    let by_type = playbook("{id: by-type, name: N, match: {alert_types: [service_404]}, risk: low, steps: [{run: [a]}]}");
    let elsewhere = playbook("{id: other, name: N, match: {alertnames: [TargetDown], services: [db]}, risk: low, steps: [{run: [a]}]}");
    let chosen = |playbooks: &[Playbook], service: &Service| choose(playbooks, &alert("TargetDown"), Some(service));
    let web = service("web", "approval");
    match chosen(&[by_type.clone(), by_name.clone(), elsewhere.clone()], &web) {
        Choice::Plan(plan) => assert_eq!((plan.playbook.as_str(), plan.reasons.len()), ("by-name", 1)),
        Choice::None(why) => panic!("{why}"),
    }
    match chosen(&[by_name.clone(), elsewhere], &service("db", "auto")) {
        Choice::Plan(plan) => assert_eq!((plan.playbook.as_str(), plan.reasons.len()), ("other", 2)),
        Choice::None(why) => panic!("{why}"),
    }
    let twin = Playbook { id: "twin".into(), ..by_name.clone() };
    let none = |choice| if let Choice::None(why) = choice { why } else { panic!("a plan") };
    insta::assert_snapshot!(none(chosen(&[by_name.clone(), twin], &web)), @"the playbooks by-name and twin fit equally well");
    insta::assert_snapshot!(none(chosen(std::slice::from_ref(&by_name), &service("web", "manual"))), @"the service web is repaired by hand only (level manual)");
    insta::assert_snapshot!(none(choose(std::slice::from_ref(&by_name), &alert("Other"), Some(&web))), @"no playbook fits the alert Other on the service web");
    insta::assert_snapshot!(
        none(choose(&[by_name], &alert("TargetDown"), None)),
        @"the service registry has no service with the name of the alert's target"
    );
    let unfit = echo("[0-9]+");
    insta::assert_snapshot!(
        none(choose(&[unfit], &alert("A"), Some(&web))),
        @"the playbook echo fits, but the value of the parameter word does not match its pattern"
    );
}
