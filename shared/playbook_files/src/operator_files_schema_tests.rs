//! Tests that the editor schemas and the functions accept the same files of an operator.

use std::collections::BTreeSet;
use std::path::Path;

use jsonschema::Validator;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use domain::playbook::command::{Check, Fact, Step};
use domain::playbook::condition::When;
use domain::playbook::scope::Scope;
use domain::playbook::service::Service;
use domain::playbook::target::{Bastion, SshTarget};
use domain::playbook::{Auto, Match, Parameter, Playbook};
use domain::policy::limits::Limits;

fn text(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../config")
        .join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn schema(name: &str) -> Value {
    serde_json::from_str(&text(&format!("schemas/{name}.schema.json"))).expect("JSON")
}

fn shipped(name: &str) -> Value {
    serde_saphyr::from_str(&text(&format!("{name}.yaml"))).expect("YAML")
}

fn playbooks(file: &Value) -> bool {
    serde_json::from_value::<Vec<Playbook>>(file.clone())
        .is_ok_and(|all| all.iter().all(|playbook| playbook.errors().is_empty()))
}

fn services(file: &Value) -> bool {
    serde_json::from_value::<Vec<Service>>(file.clone())
        .is_ok_and(|all| all.iter().all(|service| service.errors().is_empty()))
}

fn limits(file: &Value) -> bool {
    serde_json::from_value::<Limits>(file.clone()).is_ok()
}

/// Takes the file as it is, and refuses each of the changes; so does the schema.
fn agree(name: &str, file: &Value, read: fn(&Value) -> bool, broken: &[(&str, Value)]) {
    let validator: Validator = jsonschema::draft202012::new(&schema(name)).expect("a schema");
    let errors: Vec<String> = validator
        .iter_errors(file)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    assert_eq!(errors, [""; 0], "{name}");
    assert!(read(file), "{name}");
    for (place, value) in broken {
        let mut file = file.clone();
        let (parent, field) = place.rsplit_once('/').expect("a place");
        match file
            .pointer_mut(parent)
            .unwrap_or_else(|| panic!("{place}"))
        {
            Value::Object(fields) => drop(fields.insert(field.to_owned(), value.clone())),
            _ => *file.pointer_mut(place).unwrap_or_else(|| panic!("{place}")) = value.clone(),
        }
        assert!(
            !validator.is_valid(&file),
            "the schema takes {value} at {place} of {name}"
        );
        assert!(
            !read(&file),
            "the functions take {value} at {place} of {name}"
        );
    }
}

#[test]
fn playbooks_are_the_same_to_both() {
    agree("playbooks", &shipped("playbooks"), playbooks, &[]);
    let file = json!([{
        "id": "a", "name": "A", "match": { "alertnames": ["X"], "alert_types": ["custom"], "services": ["s"] }, "risk": "low",
        "data_impact": "NONE", "auto": { "max_severity": "P2", "min_verified": 1 }, "cooldown": "1h 30m",
        "parameters": { "p": { "from": "service.unit", "pattern": "[a-z]+" }, "q": { "from": "alert.labels.mountpoint", "pattern": "[a-z]+" } },
        "facts": [{ "id": "up", "run": ["a"], "timeout": "5s" }],
        "steps": [{ "run": ["a", "{p}"], "timeout": "60s", "when": { "fact": "up", "exits": 0, "not": true }, "idempotent": true }],
        "verify": [{ "run": ["a"], "retries": 2, "every": "5s", "when": { "fact": "up", "prints": "y" } }],
        "rollback": [{ "run": ["a"] }],
    }]);
    agree(
        "playbooks",
        &file,
        playbooks,
        &[
            ("/0/id", json!("A b")),
            ("/0/nmae", json!("a")),
            ("/0/match", json!({})),
            ("/0/match", json!({ "alertnames": [], "services": ["s"] })),
            ("/0/match/alert_types", json!(["none"])),
            ("/0/risk", json!("none")),
            ("/0/data_impact", json!("none")),
            ("/0/auto", json!({})),
            ("/0/auto/max_severity", json!("warning")),
            ("/0/auto/min_verified", json!(-1)),
            ("/0/cooldown", json!("soon")),
            ("/0/cooldown", json!(30)),
            ("/0/parameters/p/from", json!("alert.name")),
            ("/0/parameters/q/from", json!("alert.labels.")),
            ("/0/parameters/q/from", json!("alert.labels.a-b")),
            ("/0/facts/0/id", json!("Up")),
            ("/0/facts/0/idempotent", json!(true)),
            ("/0/steps", json!([])),
            ("/0/steps/0/run", json!([])),
            ("/0/steps/0/run", json!("a b")),
            ("/0/steps/0/run", json!(["{p}"])),
            ("/0/steps/0/timeout", json!("-1s")),
            ("/0/steps/0/when", json!({ "fact": "up" })),
            ("/0/steps/0/when", json!({ "exits": 0 })),
            ("/0/steps/0/when/exits", json!(-1)),
            ("/0/steps/0/when/exits", json!(127)),
            ("/0/steps/0/when/exits", json!(137)),
            ("/0/steps/0/idempotent", json!("yes")),
            ("/0/steps/0/retries", json!(1)),
            ("/0/verify/0/idempotent", json!(true)),
            ("/0/verify/0/retries", json!(-1)),
        ],
    );
}

#[test]
fn services_are_the_same_to_both() {
    agree(
        "service-registry",
        &shipped("service-registry"),
        services,
        &[],
    );
    let key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFIqhfeamdbLvVkHEalqFKPavMnlnmOEyn+pVOuZUKhL";
    let bastion = json!({ "host": "b", "user": "u", "host_key": key });
    let file = json!([
        {
            "name": "web", "aliases": ["w"], "level": "auto", "unit": "web", "facts": { "a": "b" }, "redundancy_group": "g",
            "match": { "cluster": ["prod", "prod-2"], "namespace": "tools", "labels": { "team": "web" } },
            "target": { "ssh": { "host": "h", "port": 22, "user": "u", "host_key": key, "bastion": bastion } },
        },
        { "name": "one", "level": "approval", "target": { "ssm": { "instance_id": "i-0abcdef1234567890" } } },
        { "name": "all", "level": "approval", "target": { "ssm": { "tag": "Service=all", "max_concurrency": "25%", "max_errors": "1" } } },
    ]);
    agree(
        "service-registry",
        &file,
        services,
        &[
            ("/0/name", json!("a b")),
            ("/0/level", json!("automatic")),
            ("/0/facts/a", json!({})),
            ("/0/redundancy_group", json!("a/b")),
            ("/0/match", Value::Null),
            ("/0/match", json!({})),
            ("/0/match", json!("prod")),
            ("/0/match/region", json!("eu")),
            ("/0/match/cluster", json!("")),
            ("/0/match/cluster", json!([])),
            ("/0/match/namespace", json!([""])),
            ("/0/match/namespace", json!([7])),
            ("/0/match/labels", json!({ "team": "" })),
            ("/0/match/labels", json!({ "team": ["a", "b"] })),
            ("/0/target", json!({})),
            (
                "/0/target",
                json!({ "ssh": file[0]["target"]["ssh"], "ssm": { "tag": "a=b" } }),
            ),
            ("/0/target/ssh/host", json!("a b")),
            ("/0/target/ssh/port", json!(0)),
            ("/0/target/ssh/host_key", json!("AAAA")),
            ("/0/target/ssh/bastion/user", json!("")),
            ("/0/target/ssh/bastion/bastion", bastion),
            ("/1/target/ssm", json!({})),
            ("/1/target/ssm/tag", json!("a=b")),
            ("/1/target/ssm/max_errors", json!("1")),
            ("/1/target/ssm/instance_id", json!("web-1")),
            ("/2/target/ssm/tag", json!("Service")),
            ("/2/target/ssm/max_concurrency", json!("0")),
            ("/2/target/ssm/max_errors", json!("some")),
        ],
    );
}

#[test]
fn limits_are_the_same_to_both() {
    agree("guardrails", &shipped("guardrails"), limits, &[]);
    let freeze = json!({ "from": "2026-12-20T18:00:00+01:00", "to": "2027-01-02T06:00:00+01:00", "why": "holidays" });
    let weekly = json!({ "weekly": { "from": "Fri 16:00", "to": "Mon 07:00", "zone": "Europe/Berlin" }, "why": "weekend" });
    let file = json!({
        "min_confidence": 0.6, "attempts_per_hour": 3, "max_in_group": 1, "groups": { "web": { "share": 0.25 }, "db": { "at_most": 1 } },
        "autonomy": { "approve_from": 0.5, "auto_from": 0.8, "recurrence_window": "24h" }, "freezes": [freeze, weekly],
    });
    agree(
        "guardrails",
        &file,
        limits,
        &[
            ("/min_confidence", json!(6)),
            ("/attempts_per_hour", json!(0)),
            ("/max_in_group", json!(0.5)),
            ("/max_in_grup", json!(1)),
            ("/freezes/0/from", json!("2026-12-20")),
            ("/freezes/0/why", json!(1)),
            ("/freezes/0/until", json!("2027")),
            ("/freezes/1/weekly/from", json!("Friday 16:00")),
            ("/freezes/1/weekly/from", json!("Fri 25:00")),
            ("/freezes/1/from", json!("2026-12-20T18:00:00+01:00")),
            ("/groups/web", json!({})),
            ("/groups/web/at_most", json!(1)),
            ("/groups/db/at_most", json!(0)),
            ("/autonomy/auto_from", json!(0)),
            ("/autonomy/recurrence_window", json!("a day")),
        ],
    );
}

/// The names that serde says it expects instead of one that is not there.
fn fields<T: DeserializeOwned>() -> BTreeSet<String> {
    let error = serde_json::from_value::<T>(json!({ "zzz": 1 }))
        .err()
        .expect("it knows its names")
        .to_string();
    let (_, names) = error.split_once("expected ").expect("a list of names");
    names
        .split('`')
        .skip(1)
        .step_by(2)
        .map(str::to_owned)
        .collect()
}

#[test]
fn every_field_that_is_read_is_in_a_schema_and_explained() {
    let (playbooks, services, limits) = (
        schema("playbooks"),
        schema("service-registry"),
        schema("guardrails"),
    );
    for (schema, place, fields) in [
        (&playbooks, "/$defs/Playbook", fields::<Playbook>()),
        (&playbooks, "/$defs/Match", fields::<Match>()),
        (&playbooks, "/$defs/Auto", fields::<Auto>()),
        (&playbooks, "/$defs/Parameter", fields::<Parameter>()),
        (&playbooks, "/$defs/Fact", fields::<Fact>()),
        (&playbooks, "/$defs/Step", fields::<Step>()),
        (&playbooks, "/$defs/Check", fields::<Check>()),
        (&playbooks, "/$defs/When", fields::<When>()),
        (&services, "/$defs/Service", fields::<Service>()),
        (&services, "/$defs/Scope", fields::<Scope>()),
        (&services, "/$defs/SshTarget", fields::<SshTarget>()),
        (&services, "/$defs/Bastion", fields::<Bastion>()),
        (&limits, "", fields::<Limits>()),
    ] {
        let properties = schema
            .pointer(place)
            .and_then(|part| part["properties"].as_object())
            .expect(place);
        for field in fields {
            let property = properties
                .get(&field)
                .unwrap_or_else(|| panic!("{place}/{field} is not in the schema"));
            assert!(
                property.get("description").is_some() || property.get("$ref").is_some(),
                "{place}/{field} is not explained"
            );
        }
    }
}
