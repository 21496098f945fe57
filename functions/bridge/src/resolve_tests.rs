//! Tests of resolving requests, as a table.

use std::collections::BTreeMap;
use std::time::Duration;

use domain::playbook::{Unusable, VALUE_BYTES};
use playbook_files::operator_files::OperatorFiles;
use serde_json::{Value, json};
use wire::bridge::BridgeRequest;
use wire::command_line::NulByte;

use super::{Refusal, decide};

fn files() -> OperatorFiles {
    files_with("web")
}

/// Files whose services have this unit.
fn files_with(unit: &str) -> OperatorFiles {
    let playbook = |id: &str, services: Value, pattern: &str| {
        json!({
            "id": id, "name": id, "match": { "alertnames": ["Down"], "services": services }, "risk": "low",
            "parameters": { "unit": { "from": "service.unit", "pattern": pattern } },
            "steps": [{ "run": ["restart", "{unit}"], "timeout": "7s" }, { "run": ["echo", "a\0b"] }],
            "verify": [{ "run": ["curl", "http://127.0.0.1/"] }],
        })
    };
    let service = |name: &str, level: &str| {
        json!({
            "name": name, "level": level, "unit": unit,
            "target": { "ssh": { "host": "localhost", "user": "quell", "host_key": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFIqhfeamdbLvVkHEalqFKPavMnlnmOEyn+pVOuZUKhL" } },
        })
    };
    OperatorFiles {
        playbooks: serde_json::from_value(json!([
            playbook("restart", json!([]), "[a-z]+"),
            playbook("loose", json!([]), ".*"),
            playbook("restricted", json!(["db"]), "[a-z]+"),
        ]))
        .expect("playbooks"),
        services: serde_json::from_value(json!([
            service("web", "approval"),
            service("crown", "manual")
        ]))
        .expect("services"),
    }
}

fn request(change: Value) -> BridgeRequest {
    let mut request = json!({
        "v": 2, "incident_id": "01JH2V5C8Z4N6QW9X3T7RB0KDM", "playbook": "restart", "phase": "steps", "step": 0,
        "parameters": { "unit": "web" }, "target": "web",
    });
    for (field, value) in change.as_object().expect("fields") {
        request[field] = value.clone();
    }
    serde_json::from_value(request).expect("a request")
}

#[test]
fn a_step_is_rendered_from_the_files() {
    let files = files();
    let resolved = decide(&files, &request(json!({}))).expect("a resolved step");
    assert_eq!(resolved.step.argv, ["restart", "web"]);
    assert_eq!(resolved.step.limit, Duration::from_secs(7));
    assert_eq!(resolved.step.service.name, "web");
    let check = decide(&files, &request(json!({ "phase": "verify" }))).expect("a resolved step");
    assert_eq!(
        (check.step.argv[0].as_str(), check.step.limit),
        ("curl", Duration::from_secs(10))
    );
}

#[test]
fn everything_that_is_not_in_the_files_is_refused_by_name() {
    let unfit = || Refusal::Parameters(Unusable::UnfitValue("unit".into()));
    let too_long = "a".repeat(VALUE_BYTES + 1);
    let cases = [
        (json!({ "v": 1 }), Refusal::Version(1)),
        (
            json!({ "playbook": "rm\n" }),
            Refusal::Playbook("rm\\n".into()),
        ),
        (
            json!({ "target": "x".repeat(1000) }),
            Refusal::Target("x".repeat(64)),
        ),
        (
            json!({ "target": "crown" }),
            Refusal::Manual("crown".into()),
        ),
        (
            json!({ "playbook": "restricted" }),
            Refusal::OtherService {
                playbook: "restricted".into(),
                service: "web".into(),
            },
        ),
        (
            json!({ "step": 2 }),
            Refusal::Step {
                playbook: "restart".into(),
                list: "steps",
                step: 2,
            },
        ),
        (
            json!({ "phase": "rollback" }),
            Refusal::Step {
                playbook: "restart".into(),
                list: "rollback",
                step: 0,
            },
        ),
        (
            json!({ "phase": "verify", "step": 1 }),
            Refusal::Step {
                playbook: "restart".into(),
                list: "verify",
                step: 1,
            },
        ),
        (
            json!({ "parameters": {} }),
            Refusal::Parameters(Unusable::NotGiven("unit".into())),
        ),
        (
            json!({ "parameters": { "unit": "web", "run": "id" } }),
            Refusal::Parameters(Unusable::Unknown("run".into())),
        ),
        (json!({ "parameters": { "unit": "web; id" } }), unfit()),
        (json!({ "parameters": { "unit": "" } }), unfit()),
        (
            json!({ "parameters": { "unit": too_long } }),
            Refusal::Parameters(Unusable::TooLong("unit".into())),
        ),
        (
            json!({ "playbook": "loose", "parameters": { "unit": too_long } }),
            Refusal::Parameters(Unusable::TooLong("unit".into())),
        ),
        (
            json!({ "playbook": "loose", "parameters": { "unit": "--now" } }),
            unfit(),
        ),
        (
            json!({ "playbook": "loose", "parameters": { "unit": "a\0b" } }),
            unfit(),
        ),
        (
            json!({ "playbook": "loose", "parameters": { "unit": "a\nb" } }),
            unfit(),
        ),
        (json!({ "step": 1 }), Refusal::Nul(NulByte)),
    ];
    for (change, expected) in cases {
        let refusal = decide(&files(), &request(change)).expect_err("refused");
        assert_eq!(refusal, expected);
        assert!(refusal.to_string().len() < 200, "{refusal}");
    }
}

#[test]
fn values_that_a_loose_pattern_lets_through_stay_one_argument() {
    for value in ["$(id)", "a b", "`id`", "; id", "größer"] {
        let files = files_with(value);
        let values = BTreeMap::from([("unit".to_owned(), value.to_owned())]);
        let resolved = decide(
            &files,
            &BridgeRequest {
                parameters: values,
                ..request(json!({ "playbook": "loose" }))
            },
        )
        .expect("a resolved step");
        assert_eq!(resolved.step.argv, ["restart", value]);
        assert_eq!(
            shlex::split(&resolved.step.line).as_deref(),
            Some(resolved.step.argv.as_slice())
        );
    }
}

#[test]
fn value_that_is_not_the_registrys_own_is_refused() {
    let other = || Refusal::OtherValue {
        parameter: "unit".into(),
        service: "web".into(),
    };
    for (playbook, value) in [
        ("restart", "all"),
        ("restart", "db"),
        ("loose", "http://169.254.169.254/latest/meta-data/"),
    ] {
        let request = request(json!({ "playbook": playbook, "parameters": { "unit": value } }));
        let refusal = decide(&files(), &request).expect_err("refused");
        assert_eq!(refusal, other(), "{value}");
        assert!(
            !refusal.to_string().contains(value),
            "a value is never repeated: {refusal}"
        );
    }
    // A registry that gives no fitting value has no command for the service, whatever the request says.
    let refusal = decide(&files_with("WEB"), &request(json!({}))).expect_err("refused");
    assert_eq!(
        refusal,
        Refusal::Parameters(Unusable::UnfitValue("unit".into()))
    );
}
