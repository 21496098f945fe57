//! `no-words-executed` with a corpus of hostile texts: as the value of a parameter on a real host,
//! and in an alert.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use domain::alert::classification::AlertTables;
use domain::alert::{Alert, AlertStatus, Texts};
use domain::incident::repair::StepOutcome;
use domain::playbook::Playbook;
use domain::playbook::plan::{Phase, Plan};
use domain::playbook::service::{self, Service};
use domain::policy::matching::{Choice, PastSuccess, choose};
use domain::primitives::id::MemberId;
use jiff::Timestamp;
use serde_json::{Value, json};
use tests::bridging::{assert_exited, assert_nothing_ran, bridge_valued, run};
use tests::hostile;
use tests::target_host::TargetHost;

/// What a careful playbook lets through.
const STRICT: &str = "[a-z0-9][a-z0-9_.-]{0,62}";
/// What a careless one does: anything at all.
const LOOSE: &str = "(?s).*";

/// A host whose every command starts in an empty directory, in which whatever a hostile text runs leaves a file.
fn host() -> Option<TargetHost> {
    let host = TargetHost::sshd("restrict")?;
    fs::create_dir(host.path("canary")).expect("the directory");
    let forced = format!(
        r#"cd {} && exec /bin/sh -c "$SSH_ORIGINAL_COMMAND""#,
        host.path("canary").display()
    );
    let key = fs::read_to_string(host.path("login_key.pub")).expect("the key");
    host.admit(
        &format!(r#"restrict,command="{}""#, forced.replace('"', "\\\"")),
        &key,
    );
    Some(host)
}

fn assert_untouched(host: &TargetHost, value: &str) {
    let found: Vec<_> = fs::read_dir(host.path("canary"))
        .expect("the directory")
        .collect();
    assert!(
        found.is_empty() && !host.path("mark").exists(),
        "{value:?} made {found:?}"
    );
}

#[tokio::test]
async fn a_strict_pattern_refuses_hostile_values_by_parameter_name() {
    let Some(host) = host() else { return };
    let steps = json!([{ "run": ["printf", "%s|", "{value}"] }]);
    let app = bridge_valued(&host, STRICT, &steps, "web");
    assert_exited(&run(&app, 0, "web").await, 0);
    let values = hostile::values(&host.path("canary/mark"));
    assert!(values.len() >= 100, "{}", values.len());
    for value in &values {
        // As what a request says, and as what the registry says.
        for app in [&app, &bridge_valued(&host, STRICT, &steps, value)] {
            let reply = run(app, 0, value).await;
            assert_nothing_ran(
                &reply,
                StepOutcome::Refused,
                "the value of the parameter value",
            );
            assert!(
                reply.result.detail.to_string().len() < 200,
                "{}",
                reply.result.detail
            );
        }
    }
    // The pattern lets this through, and it is another unit than the service's.
    assert_nothing_ran(
        &run(&app, 0, "all").await,
        StepOutcome::Refused,
        "is not the one that service-registry.yaml gives web",
    );
    assert_untouched(&host, "something");
    assert_eq!(
        host.log().matches("Accepted publickey").count(),
        1,
        "a refused value got as far as the host"
    );
}

#[tokio::test]
async fn a_value_that_passes_a_loose_pattern_stays_one_argument() {
    let Some(host) = host() else { return };
    let steps = json!([{ "run": ["printf", "%s|", "{value}", "<{value}>", "--unit={value}"] }]);
    let (mut arrived, mut refused) = (0, 0);
    for value in &hostile::values(&host.path("canary/mark")) {
        let reply = run(&bridge_valued(&host, LOOSE, &steps, value), 0, value).await;
        if value.starts_with('-') || value.contains(char::is_control) || value.len() > 4096 {
            assert_nothing_ran(
                &reply,
                StepOutcome::Refused,
                "the value of the parameter value",
            );
            refused += 1;
        } else {
            assert_exited(&reply, 0);
            assert_eq!(
                reply.result.stdout,
                format!("{value}|<{value}>|--unit={value}|")
            );
            arrived += 1;
        }
        assert_untouched(&host, value);
    }
    assert!(
        arrived >= 100 && refused >= 25,
        "{arrived} arrived, {refused} were refused"
    );
}

/// What the two files say, and what an alert must not change. The service's own name and values are the operator's.
fn files() -> (Vec<Playbook>, Vec<Service>) {
    let playbook = |id: &str, matches: Value| {
        json!({
            "id": id, "name": id, "match": matches, "risk": "low",
            "parameters": { "unit": { "from": "service.unit", "pattern": LOOSE }, "name": { "from": "service.name", "pattern": LOOSE } },
            "steps": [{ "run": ["restart", "{unit}", "{name}"] }],
            "verify": [{ "run": ["check", "{unit}"] }],
            "rollback": [{ "run": ["stop", "{unit}"] }],
        })
    };
    let service = |name: &str| {
        json!({
            "name": name, "aliases": [format!("{name}-alias")], "level": "auto", "unit": format!("{name}.service"),
            "target": { "ssh": { "host": "h", "user": "u", "host_key": "ssh-ed25519 AAAA" } },
        })
    };
    let playbooks = json!([
        playbook("by-name", json!({ "alertnames": ["TargetDown"] })),
        playbook("by-type", json!({ "alert_types": ["custom"] })),
    ]);
    let services = json!([service("web"), service("db")]);
    (
        serde_json::from_value(playbooks).expect("playbooks"),
        serde_json::from_value(services).expect("services"),
    )
}

/// An alert of which a sender wrote this into every place that there is, but for those in `kept`.
fn alert(hostile: &str, kept: &[(&str, &str)]) -> Alert {
    let names = [
        "alertname",
        "service",
        "instance",
        "pod",
        "job",
        "namespace",
        "severity",
        "component",
        "unit",
        "playbook",
        "run",
    ];
    let mut labels: Texts = names
        .iter()
        .map(|name| ((*name).to_owned(), hostile.to_owned()))
        .collect();
    labels.insert(hostile.to_owned(), hostile.to_owned());
    labels.extend(
        kept.iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned())),
    );
    let annotations = BTreeMap::from([
        ("summary".to_owned(), hostile.to_owned()),
        ("command".to_owned(), hostile.to_owned()),
    ]);
    let member = MemberId::try_from("m").expect("a member id");
    AlertTables::default().alert(
        AlertStatus::Firing,
        "test",
        labels,
        annotations,
        Timestamp::UNIX_EPOCH,
        member,
    )
}

fn argv(plan: &Plan) -> Vec<&[String]> {
    [Phase::Steps, Phase::Verify, Phase::Rollback]
        .into_iter()
        .flat_map(|phase| plan.phase(phase).iter().map(|step| step.argv.as_slice()))
        .collect()
}

#[test]
fn nothing_that_an_alert_says_reaches_a_command() {
    let (playbooks, services) = files();
    let expected: [&[&str]; 3] = [
        &["restart", "web.service", "web"],
        &["check", "web.service"],
        &["stop", "web.service"],
    ];
    let mut plans = 0;
    for value in hostile::values(Path::new("/tmp/mark")) {
        // Nothing in the alert is true: there is no such service.
        let lie = alert(&value, &[]);
        assert!(
            service::find(&services, &lie).is_err(),
            "{value:?} is a service"
        );
        assert!(
            matches!(
                choose(
                    &playbooks,
                    &lie,
                    service::find(&services, &lie),
                    &PastSuccess::new(),
                    None,
                ),
                Choice::None(_)
            ),
            "{value:?}"
        );
        // All but one or two labels are hostile, and the plan is the one that the files say.
        for kept in [
            &[("component", "web"), ("alertname", "TargetDown")][..],
            &[("component", "web-alias")],
        ] {
            let half_true = alert(&value, kept);
            let service =
                service::find(&services, &half_true).expect("the service that one label names");
            match choose(
                &playbooks,
                &half_true,
                Ok(service),
                &PastSuccess::new(),
                None,
            ) {
                Choice::Plan(plan) => {
                    assert_eq!(argv(&plan), expected, "{value:?}");
                    assert_eq!(
                        (plan.target.as_str(), plan.address.as_str()),
                        ("web", "ssh u@h:22 ssh-ed25519 AAAA"),
                        "{value:?}"
                    );
                    plans += 1;
                }
                Choice::None(why) => assert!(kept.len() == 1, "{value:?}: {why}"),
            }
        }
    }
    assert!(plans >= 100, "only {plans} of the alerts led to a plan");
}

#[test]
fn a_hostile_registry_value_is_refused_or_stays_one_argument() {
    let (playbooks, services) = files();
    let strict: Vec<Playbook> = playbooks
        .iter()
        .cloned()
        .map(|mut playbook| {
            playbook
                .parameters
                .get_mut("unit")
                .expect("the parameter")
                .pattern = STRICT.to_owned();
            playbook
        })
        .collect();
    for value in hostile::values(Path::new("/tmp/mark")) {
        let service = Service {
            unit: Some(value.clone()),
            ..services[0].clone()
        };
        let alert = alert("x", &[("alertname", "TargetDown")]);
        match choose(&strict, &alert, Ok(&service), &PastSuccess::new(), None) {
            Choice::None(why) => {
                let why = why.to_string();
                assert!(
                    why.contains("the parameter unit") && why.len() < 200,
                    "{value:?}: {why}"
                );
            }
            Choice::Plan(plan) => panic!("{value:?} was planned: {plan:?}"),
        }
        if let Choice::Plan(plan) =
            choose(&playbooks, &alert, Ok(&service), &PastSuccess::new(), None)
        {
            assert_eq!(argv(&plan)[0], ["restart", value.as_str(), "web"]);
        }
    }
}
