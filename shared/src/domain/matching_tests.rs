//! What is chosen for an alert, and what is said where nothing is.

use jiff::Timestamp;

use super::{Choice, choose};
use crate::domain::alert::{Alert, AlertStatus, Texts};
use crate::domain::id::MemberId;
use crate::domain::playbook::Playbook;
use crate::domain::playbook::tests::{echo, playbook};
use crate::domain::service::Service;
use crate::domain::tables::AlertTables;

fn service(name: &str, level: &str) -> Service {
    let yaml = format!("{{name: {name}, level: {level}, unit: web, target: {{ssh: {{host: h, user: u, host_key: ssh-ed25519 AAAA}}}}}}");
    serde_saphyr::from_str(&yaml).expect("a service")
}

fn alert(name: &str) -> Alert {
    let labels = Texts::from([("alertname".to_owned(), name.to_owned())]);
    let member = MemberId::try_from("m").expect("a member id");
    AlertTables::default().alert(AlertStatus::Firing, "test", labels, Texts::new(), Timestamp::UNIX_EPOCH, member)
}

#[test]
fn the_best_match_wins_and_says_why() {
    let by_name = playbook("{id: by-name, name: N, match: {alertnames: [TargetDown]}, risk: low, steps: [{run: [a]}]}");
    let by_type = playbook("{id: by-type, name: N, match: {alert_types: [service_404]}, risk: low, steps: [{run: [a]}]}");
    let elsewhere = playbook("{id: other, name: N, match: {alertnames: [TargetDown], services: [db]}, risk: low, steps: [{run: [a]}]}");
    let chosen = |playbooks: &[Playbook], service: &Service| choose(playbooks, &alert("TargetDown"), Some(service));
    let web = service("web", "approval");
    match chosen(&[by_type.clone(), by_name.clone(), elsewhere.clone()], &web) {
        Choice::Plan(plan) => assert_eq!((plan.playbook.as_str(), plan.score, plan.reasons.len()), ("by-name", 4, 1)),
        Choice::None(why) => panic!("{why}"),
    }
    match chosen(&[by_name.clone(), elsewhere], &service("db", "auto")) {
        Choice::Plan(plan) => assert_eq!((plan.playbook.as_str(), plan.score, plan.reasons.len()), ("other", 5, 2)),
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
