//! Tests of every shipped playbook on a host: the alert selects it, the real programs accept its
//! commands, it fixes its fault, and it reports failure where it does not help.
//!
//! sshd, bridge, curl, openssl, find, logrotate and supervisord are real. Programs that would touch this machine or a cluster are
//! stand-ins (`stand-ins/`), which know their programs' documented invocations and no others.

mod host;
mod play;
mod scenes;
mod supervisor;

use std::collections::BTreeSet;
use std::fs;

use bridge::App;
use bridge::ssh::login_key::LoginKey;
use domain::alert::classification::AlertTables;
use domain::alert::{Alert, AlertStatus, Texts};
use domain::incident::repair::{RepairOutcome, StepOutcome};
use domain::playbook::plan::{Phase, Plan};
use domain::playbook::service::{Service, named};
use domain::playbook::{Playbook, Unusable};
use domain::policy::matching::{Choice, PastSuccess, choose};
use domain::primitives::id::{IncidentId, MemberId};
use jiff::Timestamp;
use playbook_files::operator_files::{OperatorFiles, PLAYBOOKS, SERVICE_REGISTRY};
use secrecy::SecretString;
use serde_json::json;
use tests::stack::project;

use self::play::{can_play, play, request};
use self::scenes::SCENES;

/// What no pattern of the library may take as a value.
const HOSTILE: [&str; 22] = [
    "",
    " ",
    "-",
    "--force",
    "..",
    "/",
    "../../etc/shadow",
    "/etc/../srv/x",
    "x y",
    "x;reboot",
    "x&&reboot",
    "x|sh",
    "$(reboot)",
    "`reboot`",
    "x\nreboot",
    "x\0y",
    "{unit}",
    "x*",
    "x'y",
    "\u{443}nit.service",
    "unit\u{202e}.service",
    "x=y,z",
];

fn an_id() -> IncidentId {
    IncidentId::try_from("01JH2V5C8Z4N6QW9X3T7RB0KDM").expect("a ULID")
}

fn alert(name: &str, about: &[(&str, &str)]) -> Alert {
    let mut labels = Texts::from([("alertname".to_owned(), name.to_owned())]);
    let about = about.iter();
    labels.extend(about.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
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

fn shipped() -> OperatorFiles {
    OperatorFiles::load(&project().join("config")).expect("the files that ship have no faults")
}

#[test]
fn every_playbook_has_its_scene() {
    let ids: Vec<String> = shipped()
        .playbooks
        .into_iter()
        .map(|playbook| playbook.id.into())
        .collect();
    let scenes: BTreeSet<&str> = SCENES.iter().map(|scene| scene.playbook).collect();
    assert_eq!(
        ids.iter().map(String::as_str).collect::<BTreeSet<_>>(),
        scenes
    );
    assert!(ids.len() >= 12, "{ids:?}");
}

#[tokio::test]
async fn every_playbook_heals_what_it_is_for() {
    for scene in SCENES.iter().filter(|scene| can_play(scene)) {
        let Some(ran) = play(scene, &[]).await else {
            return;
        };
        assert_eq!(
            ran.outcome,
            RepairOutcome::Verified,
            "{}: {:#?}",
            scene.playbook,
            ran.repair
        );
        assert_eq!(ran.done, scene.done, "{}", scene.playbook);
    }
}

#[tokio::test]
async fn a_host_that_it_does_not_help_is_not_called_repaired() {
    for scene in SCENES.iter().filter(|scene| can_play(scene)) {
        let Some(ran) = play(scene, &[scene.stubborn]).await else {
            return;
        };
        assert_eq!(
            ran.outcome,
            RepairOutcome::NotVerified,
            "{}: {:#?}",
            scene.playbook,
            ran.repair
        );
        assert_eq!(
            ran.done,
            [scene.done, scene.undone].concat(),
            "{}: everything was tried, and taken back",
            scene.playbook
        );
        let last = ran.repair.steps.last().expect("a check");
        let expected = if scene.undone.is_empty() {
            (Phase::Verify, false)
        } else {
            (Phase::Rollback, true)
        };
        assert_eq!(
            (last.phase, last.succeeded),
            expected,
            "{}: {:#?}",
            scene.playbook,
            ran.repair
        );
    }
}

#[tokio::test]
async fn what_somebody_else_has_set_is_not_taken_back() {
    let scene = SCENES
        .iter()
        .find(|scene| scene.playbook == "scale-out-deployment")
        .expect("a scene");
    let Some(ran) = play(scene, &[("replicas", "9")]).await else {
        return;
    };
    assert_eq!(ran.outcome, RepairOutcome::StepFailed, "{:#?}", ran.repair);
    assert_eq!(ran.done, [""; 0], "neither direction changed anything");
    assert!(
        ran.repair
            .steps
            .iter()
            .any(|step| step.phase == Phase::Rollback && step.succeeded),
        "{:#?}",
        ran.repair
    );
}

#[tokio::test]
async fn a_fact_spares_a_host_what_it_does_not_need() {
    let mut conditions = 0;
    for scene in &SCENES {
        for (state, done) in scene.spared {
            let Some(ran) = play(scene, state).await else {
                return;
            };
            assert_eq!(ran.done, *done, "{} where {state:?}", scene.playbook);
            assert!(
                ran.repair.steps.iter().any(|step| step.skipped),
                "{} where {state:?}",
                scene.playbook
            );
            let nothing = ran.outcome == RepairOutcome::NothingToDo;
            assert_eq!(
                nothing,
                done.is_empty(),
                "{} where {state:?}: {:?}",
                scene.playbook,
                ran.outcome
            );
            conditions += 1;
        }
    }
    let with_facts = shipped()
        .playbooks
        .iter()
        .filter(|playbook| !playbook.facts.is_empty())
        .count();
    assert!(conditions >= with_facts, "{conditions} of {with_facts}");
}

#[tokio::test]
async fn a_collector_with_a_broken_file_is_left_alone_and_says_why() {
    let scene = SCENES
        .iter()
        .find(|scene| scene.playbook == "restart-collector")
        .expect("a scene");
    let Some(ran) = play(scene, &[("broken-config", "")]).await else {
        return;
    };
    assert_eq!(
        (ran.outcome, ran.done.len()),
        (RepairOutcome::StepFailed, 0),
        "{:#?}",
        ran.repair
    );
}

#[test]
fn every_alert_of_the_library_leads_to_its_playbook() {
    let files = shipped();
    for playbook in &files.playbooks {
        let scene = SCENES
            .iter()
            .find(|scene| playbook.id == scene.playbook)
            .expect("a scene");
        let target =
            json!({ "ssh": { "host": "h", "user": "u", "host_key": files_host_key(&files) } });
        let entry = scene.service(&target, &[("HEALTH", 1), ("HTTPS", 1), ("SUPERVISED", 1)]);
        let service: Service = serde_json::from_value(entry).expect("a service");
        for name in &playbook.matches.alertnames {
            match choose(
                &files.playbooks,
                &alert(name, scene.labels),
                Ok(&service),
                &PastSuccess::new(),
                None,
            ) {
                Choice::Plan(plan) => assert_eq!(plan.playbook, playbook.id, "{name}"),
                Choice::None(why) => panic!("{name}: {why}"),
            }
        }
    }
}

#[test]
fn disk_whose_directories_are_elsewhere_gets_no_plan() {
    let files = shipped();
    let service = named(&files.services, "edge-proxy").expect("the shipped example");
    for (mount, why) in [
        (
            Some("/home"),
            "the value of the parameter mount does not match its pattern",
        ),
        (
            Some("/var; reboot"),
            "the value of the parameter mount does not match its pattern",
        ),
        (
            None,
            "the parameter mount comes from alert.labels.mountpoint, which the alert does not have",
        ),
    ] {
        let place = [
            ("cluster", "prod"),
            ("mountpoint", mount.unwrap_or_default()),
        ];
        let alert = alert("NodeFilesystemAlmostOutOfSpace", &place);
        match choose(
            &files.playbooks,
            &alert,
            Ok(service),
            &PastSuccess::new(),
            None,
        ) {
            Choice::None(said) => assert_eq!(
                said.to_string(),
                format!(
                    "no playbook fits the alert NodeFilesystemAlmostOutOfSpace on the service edge-proxy: free-disk-space does not, because {why}"
                )
            ),
            Choice::Plan(plan) => panic!("{mount:?}: {plan:?}"),
        }
    }
}

fn files_host_key(files: &OperatorFiles) -> String {
    let address = files.services[0].target.address();
    address
        .split_once(' ')
        .and_then(|(_, rest)| rest.split_once(' '))
        .map(|(_, key)| key.to_owned())
        .expect("a host key")
}

#[tokio::test]
async fn a_hostile_value_is_refused_with_the_name_of_its_parameter() {
    let directory = tempfile::tempdir().expect("a directory");
    fs::copy(
        project().join("config").join(PLAYBOOKS),
        directory.path().join(PLAYBOOKS),
    )
    .expect("copied");
    // Nobody is there: a value that was taken would be unreachable instead of refused.
    let target = json!({ "ssh": { "host": "127.0.0.1", "port": 1, "user": "u", "host_key": files_host_key(&shipped()) } });
    let mut tried = 0;
    for scene in &SCENES {
        let entry = scene.service(&target, &[("HEALTH", 1), ("HTTPS", 1), ("SUPERVISED", 1)]);
        fs::write(
            directory.path().join(SERVICE_REGISTRY),
            json!([entry]).to_string(),
        )
        .expect("written");
        let files = OperatorFiles::load(directory.path()).expect("the files are right");
        let playbook = files.playbook(scene.playbook).expect("shipped").clone();
        let said = playbook.said_by(&alert(scene.alert, scene.labels));
        let said = said.expect("the alert says what it is about");
        let plan = playbook
            .plan(&files.services[0], &said, 1, Vec::new())
            .expect("its own values fit");
        let app = App::for_operator(files, LoginKey::Given(SecretString::from("none")));
        for parameter in plan.parameters.keys() {
            let long = "a".repeat(64 << 10);
            for hostile in HOSTILE.into_iter().chain([long.as_str()]) {
                refuses(&app, &playbook, &plan, parameter, hostile).await;
                tried += 1;
            }
        }
    }
    assert!(tried > 400, "{tried}");
}

/// Both the check and the bridge refuse a value, and name its parameter without repeating it.
async fn refuses(app: &App, playbook: &Playbook, plan: &Plan, parameter: &str, hostile: &str) {
    // The root of the file system is where /var is on most machines.
    if hostile == "/" && playbook.id == "free-disk-space" {
        return;
    }
    let mut plan = plan.clone();
    plan.parameters
        .insert(parameter.to_owned(), hostile.to_owned());
    let place = format!("{} {parameter} {hostile:.40?}", playbook.id);
    let refusal = playbook.check(&plan.parameters).expect_err(&place);
    assert!(
        matches!(&refusal, Unusable::UnfitValue(name) | Unusable::TooLong(name) if name == parameter),
        "{place}: {refusal}"
    );
    let reply = app.handle(&request(&plan, Phase::Steps, 0)).await;
    assert_eq!(reply.result.outcome, StepOutcome::Refused, "{place}");
    assert!(
        reply
            .result
            .detail
            .to_string()
            .contains(&format!("the parameter {parameter}"))
            && reply.argv.is_empty(),
        "{place}: {reply:?}"
    );
}

/// What a host needs beyond the user's own rights stands in the documentation, and nothing else does.
#[test]
fn the_documentation_has_the_sudo_rules_of_the_library() {
    let mut needed = BTreeSet::new();
    for playbook in &shipped().playbooks {
        let commands = playbook
            .facts
            .iter()
            .map(|look| &look.run)
            .chain(playbook.steps.iter().map(|step| &step.run));
        for run in commands
            .chain(playbook.verify.iter().map(|check| &check.run))
            .filter(|run| run[0] == "sudo")
        {
            let (who, command) = if run[2] == "-u" {
                (run[3].as_str(), &run[4..])
            } else {
                ("root", &run[2..])
            };
            needed.insert(format!("{who} {}", command.join(" ")));
        }
    }
    let text = fs::read_to_string(project().join("docs/playbooks.md")).expect("the documentation");
    let rules = text
        .lines()
        .filter_map(|line| line.strip_prefix("quell ALL=(")?.split_once(") NOPASSWD: "));
    // In sudoers a program has its whole path, and `:`, `=`, `,` and a backslash inside an argument are escaped.
    let plain = |command: &str| {
        let command = command.replace('\\', "");
        command
            .rsplit_once("bin/")
            .filter(|(path, _)| !path.contains(' '))
            .map_or(command.clone(), |(_, rest)| rest.to_owned())
    };
    let documented: BTreeSet<String> = rules
        .map(|(who, command)| format!("{who} {}", plain(command)))
        .collect();
    assert_eq!(documented, needed);
}
