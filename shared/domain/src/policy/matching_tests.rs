//! Tests of the playbook that an alert gets, and of the reason that is given where none fits.

use jiff::Timestamp;

use super::{Choice, PastSuccess, choose, undecided};
use crate::alert::classification::AlertTables;
use crate::alert::{Alert, AlertStatus, Texts};
use crate::analysis::{EvidenceKind, FoundCause};
use crate::playbook::Playbook;
use crate::playbook::service::{NoService, Service};
use crate::playbook::tests::{echo, playbook};
use crate::policy::track_record::RunCounts;
use crate::primitives::id::MemberId;
use crate::primitives::language::Language;

fn service(name: &str, level: &str) -> Service {
    let yaml = format!(
        "{{name: {name}, level: {level}, unit: web, target: {{ssh: {{host: h, user: u, host_key: ssh-ed25519 AAAA}}}}}}"
    );
    serde_saphyr::from_str(&yaml).expect("a service")
}

fn alert(name: &str) -> Alert {
    let labels = Texts::from([("alertname".to_owned(), name.to_owned())]);
    let member = MemberId::try_from("m").expect("a member id");
    AlertTables::default().alert(
        AlertStatus::Firing,
        "test",
        labels,
        Texts::new(),
        Timestamp::UNIX_EPOCH,
        member,
    )
}

#[test]
fn the_best_match_wins_and_says_why() {
    let by_name = playbook(
        "{id: by-name, name: N, match: {alertnames: [TargetDown]}, risk: low, steps: [{run: [a]}]}",
    );
    let by_type = playbook(
        "{id: by-type, name: N, match: {alert_types: [service_404]}, risk: low, steps: [{run: [a]}]}",
    );
    let elsewhere = playbook(
        "{id: other, name: N, match: {alertnames: [TargetDown], services: [db]}, risk: low, steps: [{run: [a]}]}",
    );
    let chosen = |playbooks: &[Playbook], service: &Service| {
        choose(
            playbooks,
            &alert("TargetDown"),
            Ok(service),
            &PastSuccess::new(),
            None,
        )
    };
    let web = service("web", "approval");
    match chosen(&[by_type.clone(), by_name.clone(), elsewhere.clone()], &web) {
        Choice::Plan(plan) => assert_eq!(
            (plan.playbook.as_str(), plan.score, plan.reasons.len()),
            ("by-name", 4, 1)
        ),
        Choice::None(why) => panic!("{why}"),
    }
    match chosen(&[by_name.clone(), elsewhere], &service("db", "auto")) {
        Choice::Plan(plan) => assert_eq!(
            (plan.playbook.as_str(), plan.score, plan.reasons.len()),
            ("other", 5, 2)
        ),
        Choice::None(why) => panic!("{why}"),
    }
    let twin = Playbook {
        id: "twin".into(),
        ..by_name.clone()
    };
    let none = |choice| {
        if let Choice::None(why) = choice {
            why
        } else {
            panic!("a plan")
        }
    };
    insta::assert_snapshot!(none(chosen(&[by_name.clone(), twin], &web)), @"the playbooks by-name and twin fit equally well");
    insta::assert_snapshot!(none(chosen(std::slice::from_ref(&by_name), &service("web", "manual"))), @"the service web is repaired by hand only (level manual)");
    insta::assert_snapshot!(none(choose(std::slice::from_ref(&by_name), &alert("Other"), Ok(&web), &PastSuccess::new(), None)), @"no playbook fits the alert Other on the service web");
    insta::assert_snapshot!(
        none(choose(&[by_name], &alert("TargetDown"), Err(NoService::Unknown("TargetDown".to_owned())), &PastSuccess::new(), None)),
        @"TargetDown is not in service-registry.yaml"
    );
    let unfit = echo("[0-9]+");
    insta::assert_snapshot!(
        none(choose(&[unfit], &alert("A"), Ok(&web), &PastSuccess::new(), None)),
        @"the playbook echo fits, but the value of the parameter word does not match its pattern"
    );
}

/// How many runs of each playbook held, of how many.
fn past(known: &[(&str, u32, u32)]) -> PastSuccess {
    known
        .iter()
        .map(|(id, held, counted)| {
            (
                (*id).to_owned(),
                RunCounts {
                    held: *held,
                    counted: *counted,
                },
            )
        })
        .collect()
}

/// Two playbooks that fit the alert by its name, and one by its type.
fn two_equals_and_a_lesser() -> [Playbook; 3] {
    let by_name = playbook(
        "{id: by-name, name: N, match: {alertnames: [TargetDown]}, risk: low, steps: [{run: [a]}]}",
    );
    let twin = Playbook {
        id: "twin".into(),
        ..by_name.clone()
    };
    let by_type = playbook(
        "{id: by-type, name: N, match: {alert_types: [service_404]}, risk: low, steps: [{run: [a]}]}",
    );
    [by_name, twin, by_type]
}

#[test]
fn past_success_decides_between_equals_only() {
    let playbooks = two_equals_and_a_lesser();
    let (web, alert) = (service("web", "approval"), alert("TargetDown"));
    for (known, chosen) in [
        (
            past(&[]),
            Err("the playbooks by-name and twin fit equally well"),
        ),
        (
            past(&[("by-type", 50, 50)]),
            Err("the playbooks by-name and twin fit equally well"),
        ),
        (
            past(&[("twin", 3, 3)]),
            Ok(("twin", "of its runs 3 of 3 held, at least 0.53 of them")),
        ),
        (
            past(&[("twin", 3, 3), ("by-name", 8, 8)]),
            Ok(("by-name", "of its runs 8 of 8 held, at least 0.75 of them")),
        ),
        // 0.75 and 0.77: a hair's breadth.
        (
            past(&[("twin", 9, 9), ("by-name", 8, 8)]),
            Err("the playbooks twin and by-name fit equally well"),
        ),
        (
            past(&[("twin", 0, 9), ("by-name", 0, 1)]),
            Err("the playbooks by-name and twin fit equally well"),
        ),
    ] {
        match (choose(&playbooks, &alert, Ok(&web), &known, None), chosen) {
            (Choice::Plan(plan), Ok((id, why))) => {
                assert_eq!((plan.playbook.as_str(), plan.score), (id, 4), "{known:?}");
                assert_eq!(
                    plan.reasons.last().map(ToString::to_string).as_deref(),
                    Some(why)
                );
            }
            (Choice::None(why), Err(reason)) => {
                assert!(
                    why.to_string().contains("fit equally well"),
                    "{why} is not {reason}"
                )
            }
            (choice, expected) => panic!("{choice:?} is not {expected:?} by {known:?}"),
        }
    }
    assert_eq!(
        undecided(&playbooks, &alert, Some(&web), None),
        ["by-name", "twin"],
        "of no other it is read"
    );
    assert!(
        undecided(&playbooks[1..], &alert, Some(&web), None).is_empty(),
        "nothing is read where the name decides"
    );
    assert_eq!(
        undecided(&playbooks[2..], &alert, Some(&web), None),
        ["by-type"]
    );
    assert!(undecided(&playbooks, &alert, None, None).is_empty());
}

#[test]
fn a_match_by_type_alone_with_a_bad_record_is_weak() {
    let by_type = [playbook(
        "{id: by-type, name: N, match: {alert_types: [service_404]}, risk: low, steps: [{run: [a]}]}",
    )];
    let by_name = [playbook(
        "{id: by-type, name: N, match: {alertnames: [TargetDown]}, risk: low, steps: [{run: [a]}]}",
    )];
    let (web, alert) = (service("web", "approval"), alert("TargetDown"));
    for (held, counted, weak) in [
        (0, 0, false),
        (0, 2, false),
        (0, 3, true),
        (5, 10, false),
        (2, 10, true),
    ] {
        let known = past(&[("by-type", held, counted)]);
        let choice = choose(&by_type, &alert, Ok(&web), &known, None);
        assert_eq!(
            matches!(choice, Choice::None(_)),
            weak,
            "{held} of {counted}: {choice:?}"
        );
        assert!(
            matches!(
                choose(&by_name, &alert, Ok(&web), &known, None),
                Choice::Plan(_)
            ),
            "its name speaks for it"
        );
    }
    let Choice::None(why) = choose(
        &by_type,
        &alert,
        Ok(&web),
        &past(&[("by-type", 0, 3)]),
        None,
    ) else {
        panic!("a weak match")
    };
    assert_eq!(
        why,
        "only the type speaks for the playbook by-type, and 0 of 3 held, at least 0.00 of them"
    );
}

/// A cause that speaks for and against these playbooks.
fn cause(speaks_for: &[&str], speaks_against: &[&str]) -> FoundCause {
    let ids = |names: &[&str]| names.iter().map(|name| (*name).into()).collect();
    FoundCause {
        recipe: "r".to_owned(),
        id: "c".to_owned(),
        title: "It is full".to_owned(),
        titles: [(Language::TraditionalChinese, "已滿".to_owned())].into(),
        evidence: EvidenceKind::Measured,
        cites: vec![1],
        speaks_for: ids(speaks_for),
        speaks_against: ids(speaks_against),
    }
}

#[test]
fn a_cause_takes_out_what_it_speaks_against() {
    let playbooks = two_equals_and_a_lesser();
    let (web, alert) = (service("web", "approval"), alert("TargetDown"));
    let known = past(&[("by-name", 8, 8)]);
    let chosen = |cause: &FoundCause| choose(&playbooks, &alert, Ok(&web), &known, Some(cause));
    let cases: [(&[&str], &[&str], &str, &str); 4] = [
        (
            &[],
            &["by-name"],
            "twin",
            "the cause (It is full) speaks against by-name",
        ),
        (
            &[],
            &["by-name", "twin"],
            "by-type",
            "the cause (It is full) speaks against twin",
        ),
        (
            &["twin"],
            &[],
            "twin",
            "the cause (It is full) speaks for it",
        ),
        // It decides between equals alone.
        (
            &["by-type"],
            &[],
            "by-name",
            "of its runs 8 of 8 held, at least 0.75 of them",
        ),
    ];
    for (speaks_for, speaks_against, expected, reason) in cases {
        let Choice::Plan(plan) = chosen(&cause(speaks_for, speaks_against)) else {
            panic!("a plan: {expected}")
        };
        assert_eq!(plan.playbook, expected);
        let last = plan.reasons.last().expect("a reason");
        assert_eq!(*last, reason);
        let chinese = last.said(Language::TraditionalChinese, &|_| None, &|_, _| None);
        assert_eq!(chinese, reason.replace("It is full", "已滿"));
    }
    let all = cause(&[], &["by-name", "twin", "by-type"]);
    let Choice::None(why) = chosen(&all) else {
        panic!("none is left")
    };
    assert_eq!(
        why,
        "the cause (It is full) speaks against by-name, twin, by-type"
    );
    assert!(undecided(&playbooks, &alert, Some(&web), Some(&all)).is_empty());
    let one_left = cause(&[], &["twin"]);
    assert!(undecided(&playbooks, &alert, Some(&web), Some(&one_left)).is_empty());
}
