//! Tests of the error messages for broken files of an operator.

use std::path::PathBuf;

use super::{GUARDRAILS, OperatorFiles, PLAYBOOKS, SERVICE_REGISTRY, limits};

const GOOD_PLAYBOOK: &str =
    "- id: a\n  name: A\n  match: { alertnames: [X] }\n  risk: low\n  steps: [{ run: [a] }]\n";

/// Loads two files and gives the errors with the directory's name taken off.
fn errors(name: &str, playbooks: &str, services: &str) -> String {
    let directory = std::env::temp_dir().join(format!(
        "quell-operator-files-{name}-{}",
        std::process::id()
    ));
    std::fs::create_dir_all(&directory).expect("a directory");
    std::fs::write(directory.join(PLAYBOOKS), playbooks).expect("written");
    std::fs::write(directory.join(SERVICE_REGISTRY), services).expect("written");
    let loaded = OperatorFiles::load(&directory);
    std::fs::remove_dir_all(&directory).expect("removed");
    let prefix = format!("{}/", directory.display());
    loaded.map_or_else(
        |errors| errors.to_string().replace(&prefix, ""),
        |_| "no errors".to_owned(),
    )
}

#[test]
fn the_files_that_ship_with_the_project_have_no_faults() {
    let shipped = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../config");
    let files = OperatorFiles::load(&shipped).expect("no errors");
    assert!(files.playbooks.len() >= 3 && files.services.len() >= 3);
    limits(&shipped).expect("no errors");
}

#[test]
fn a_fault_of_shape_names_file_line_and_field() {
    insta::assert_snapshot!(errors("type", &GOOD_PLAYBOOK.replace("low", "none"), ""), @"playbooks.yaml:4: [0].risk: unknown variant `none`, expected one of low, medium, high, critical at line 4, column 9");
    insta::assert_snapshot!(errors("unknown", &GOOD_PLAYBOOK.replace("steps", "step"), ""), @"playbooks.yaml:5: [0].step: unknown field `step`, expected one of id, name, draft, match, risk, data_impact, auto, cooldown, parameters, facts, steps, verify, rollback at line 5, column 3");
    insta::assert_snapshot!(errors("nested", &GOOD_PLAYBOOK.replace("run: [a]", "run: [a], timeout: soon"), ""), @"playbooks.yaml:5: [0].steps[0].timeout: `soon` is not a length of time such as 90s or 30m at line 5, column 32");
    insta::assert_snapshot!(errors("yaml", "- id: [", ""), @"playbooks.yaml:1: [0].id: expected string scalar at line 1, column 7");
}

#[test]
fn a_fault_of_sense_names_file_line_and_field() {
    let second = "- id: a\n  name: B\n  match: {}\n  risk: low\n  parameters: { p: { from: alert.name, pattern: '(' } }\n  \
                  facts: [{ id: up, run: [a] }, { id: up, run: [a] }]\n  \
                  steps: [{ run: ['{q}'], timeout: 900s, when: { fact: down, prints: '(' } }, { run: [b], when: { fact: up } }]\n  \
                  verify: [{ run: [c], retries: 100, every: 301s }]\n";
    insta::assert_snapshot!(errors("sense", &format!("{GOOD_PLAYBOOK}{second}"), ""), @r"
    playbooks.yaml:6: [1] a: match names no alert: give alertnames or alert_types
    playbooks.yaml:6: [1] a: parameters.p.from has to be service.name, service.unit, service.facts.<key> or alert.labels.<label>
    playbooks.yaml:6: [1] a: parameters.p.pattern is not a regular expression: found open group without closing ')'
    playbooks.yaml:6: [1] a: facts[1].id is up, which another fact is called already
    playbooks.yaml:6: [1] a: steps[0].run has to begin with the name of a program, which cannot be a parameter
    playbooks.yaml:6: [1] a: steps[0].run[0] names the parameter q, which is not declared
    playbooks.yaml:6: [1] a: steps[0].timeout has to be between 1s and 800s
    playbooks.yaml:6: [1] a: steps[0].when names the fact down, which is not among the playbook's facts
    playbooks.yaml:6: [1] a: steps[0].when prints is not a regular expression: found open group without closing ')'
    playbooks.yaml:6: [1] a: steps[1].when asks nothing of the fact: give exits or prints
    playbooks.yaml:6: [1] a: verify[0].every is 301s; 300s is the longest wait
    playbooks.yaml:6: [1] a: steps with facts, verify and rollback take up to 32391s; 3600s is the most that one repair has
    playbooks.yaml:6: [1] the name a stands in line 1 already
    ");
    let services = "- name: a b\n  aliases: [x, x]\n  level: auto\n  match: { namespace: [] }\n  redundancy_group: 'a/b'\n  target: { ssh: { host: h, port: 0, user: u, host_key: AAAA } }\n";
    insta::assert_snapshot!(errors("services", GOOD_PLAYBOOK, services), @r"
    service-registry.yaml:1: [0] a b: name has to be made of A-Z a-z 0-9 _ . - (it becomes part of keys)
    service-registry.yaml:1: [0] a b: redundancy_group has to be made of A-Z a-z 0-9 _ . - (it becomes part of keys)
    service-registry.yaml:1: [0] a b: match.namespace has to be a name, or a list of names, none of them empty
    service-registry.yaml:1: [0] a b: target.ssh.host_key has to be a line of ssh-keyscan without the host: an algorithm, a space and base64
    service-registry.yaml:1: [0] a b: target.ssh.port has to be between 1 and 65535
    service-registry.yaml:1: [0] the name x stands in line 1 already
    ");
    let rsa = format!(
        "- name: a\n  level: approval\n  target: {{ ssh: {{ host: h, user: u, host_key: ssh-rsa AAAAB3NzaC1yc2E{} }} }}\n",
        "A".repeat(64)
    );
    insta::assert_snapshot!(errors("rsa", GOOD_PLAYBOOK, &rsa), @"service-registry.yaml:1: [0] a: target.ssh.host_key is an RSA key, which Quell does not check: pin another one of the host (ssh-keyscan -t ed25519,ecdsa HOST)");
}

#[test]
fn words_of_an_alert_are_no_part_of_a_script() {
    let playbook = |step: &str| {
        let parameter = "parameters: { p: { from: alert.labels.mountpoint, pattern: '[a-z]+' } }";
        GOOD_PLAYBOOK.replace(
            "steps: [{ run: [a] }]",
            &format!("{parameter}\n  steps: [{{ run: [{step}] }}]"),
        )
    };
    let errors = |step: &str| errors("script", &playbook(step), "");
    assert_eq!(errors("sh, -c, 'df \"$0\"', '{p}'"), "no errors");
    assert_eq!(errors("df, '--type={p}'"), "no errors");
    insta::assert_snapshot!(errors("bash, -ec, 'df {p}'"), @"playbooks.yaml:1: [0] a: steps[0].run[2] has the parameter p in a script, and its value comes from the alert: give it to the script as an argument");
}

#[test]
fn a_fault_of_a_target_behind_ssm_names_its_field() {
    let errors = |ssm: &str| {
        errors(
            "ssm",
            GOOD_PLAYBOOK,
            &format!("- name: a\n  level: approval\n  target: {{ ssm: {ssm} }}\n"),
        )
    };
    assert_eq!(
        errors("{ tag: 'Service=web', max_concurrency: '25%' }"),
        "no errors"
    );
    insta::assert_snapshot!(errors("{ tag: web }"), @"service-registry.yaml:1: [0] a: target.ssm.tag has to be Name=Value, made of letters, digits, spaces and _ . : / + - @");
    insta::assert_snapshot!(errors("{ instance_id: i-0, tag: 'a=b' }"), @"service-registry.yaml:3: [0].target.ssm: give either instance_id or tag at line 3, column 18");
}

/// A service behind SSM, with fields before its target.
fn entry(name: &str, fields: &str) -> String {
    format!("- name: {name}\n  {fields}\n  target: {{ ssm: {{ tag: 'a=b' }} }}\n")
}

#[test]
fn a_service_that_repairs_itself_says_where_it_lives() {
    let errors = |services: &str| errors("scope", GOOD_PLAYBOOK, services);
    assert_eq!(
        errors(&entry("a", "level: auto\n  match: { cluster: prod }")),
        "no errors"
    );
    assert_eq!(errors(&entry("a", "level: approval")), "no errors");
    assert_eq!(errors(&entry("a", "level: manual")), "no errors");
    insta::assert_snapshot!(errors(&entry("a", "level: auto")), @"service-registry.yaml:1: [0] a: match is missing: a service of the level auto has to say where it lives, or a repair without a human could run for an alert from elsewhere. Give match: { cluster, namespace, labels }, or level: approval");
    insta::assert_snapshot!(errors(&entry("a", "level: auto\n  match: {}")), @"service-registry.yaml:1: [0] a: match says nothing: give cluster, namespace or labels, or leave it out");
    insta::assert_snapshot!(errors(&entry("a", "level: auto\n  match: { cluster: { a: b } }")), @"service-registry.yaml:3: [0].match.cluster: invalid type: map, expected a text or a list of texts at line 3, column 21");
    insta::assert_snapshot!(errors(&entry("a", "level: auto\n  match: { region: eu }")), @"service-registry.yaml:3: [0].match.region: unknown field `region`, expected one of cluster, namespace, labels at line 3, column 12");
}

#[test]
fn a_name_is_given_twice_only_in_different_places() {
    let two = |one: &str, other: &str| errors("places", GOOD_PLAYBOOK, &format!("{one}{other}"));
    let prod = entry(
        "web",
        "aliases: [shop]\n  level: auto\n  match: { cluster: prod }",
    );
    assert_eq!(
        two(
            &prod,
            &entry(
                "web-dev",
                "aliases: [shop, web]\n  level: auto\n  match: { cluster: dev }"
            )
        ),
        "no errors"
    );
    // Locks and counts of repairs are kept by the name.
    insta::assert_snapshot!(two(&prod, &entry("web", "level: auto\n  match: { cluster: dev }")), @"service-registry.yaml:6: [1] the name web stands in line 1 already");
    insta::assert_snapshot!(two(&prod, &entry("b", "aliases: [shop]\n  level: auto\n  match: { cluster: [dev, prod] }")), @"service-registry.yaml:6: [1] the name shop stands in line 1 already");
    insta::assert_snapshot!(two(&prod, &entry("b", "aliases: [shop]\n  level: approval")), @"service-registry.yaml:6: [1] the name shop stands in line 1 already");
}

#[test]
fn a_missing_file_is_named_and_an_empty_one_is_empty() {
    assert_eq!(errors("empty", "# nothing yet\n", ""), "no errors");
    let missing = OperatorFiles::load(&PathBuf::from("/nonexistent"))
        .expect_err("not there")
        .to_string();
    assert!(
        missing.starts_with("/nonexistent/playbooks.yaml: cannot be read"),
        "{missing}"
    );
    assert!(
        missing.contains("/nonexistent/service-registry.yaml"),
        "{missing}"
    );
}

/// Loads a file of limits and gives its errors with the directory's name taken off.
fn limit_errors(name: &str, guardrails: &str) -> String {
    let directory =
        std::env::temp_dir().join(format!("quell-guardrails-{name}-{}", std::process::id()));
    std::fs::create_dir_all(&directory).expect("a directory");
    std::fs::write(directory.join(GUARDRAILS), guardrails).expect("written");
    let loaded = limits(&directory);
    std::fs::remove_dir_all(&directory).expect("removed");
    let prefix = format!("{}/", directory.display());
    loaded.map_or_else(
        |errors| errors.to_string().replace(&prefix, ""),
        |_| "no errors".to_owned(),
    )
}

#[test]
fn a_fault_of_the_limits_names_file_line_and_field() {
    const GOOD: &str = "min_confidence: 0.6\nattempts_per_hour: 3\nmax_in_group: 1\n";
    assert_eq!(limit_errors("good", GOOD), "no errors");
    let frozen = |from: &str, to: &str| {
        format!("{GOOD}freezes:\n  - {{ from: {from}, to: {to}, why: sale }}\n")
    };
    assert_eq!(
        limit_errors(
            "frozen",
            &frozen("2026-11-27T00:00:00Z", "2026-11-30T06:00:00+01:00")
        ),
        "no errors"
    );
    insta::assert_snapshot!(limit_errors("share", &GOOD.replace("0.6", "60")), @"guardrails.yaml:1: min_confidence: 60 is not between 0 and 1 at line 1, column 17");
    insta::assert_snapshot!(limit_errors("nan", &GOOD.replace("0.6", ".nan")), @"guardrails.yaml:1: min_confidence: NaN is not between 0 and 1 at line 1, column 17");
    insta::assert_snapshot!(limit_errors("zero", &GOOD.replace("hour: 3", "hour: 0")), @"guardrails.yaml:2: attempts_per_hour: invalid value: integer `0`, expected a nonzero u32 at line 2, column 1");
    insta::assert_snapshot!(limit_errors("missing", &GOOD.replace("max_in_group: 1\n", "")), @"guardrails.yaml:2: missing field `max_in_group` at line 2, column 1");
    insta::assert_snapshot!(limit_errors("unknown", &format!("{GOOD}cooldown: 5m\n")), @"guardrails.yaml:4: cooldown: unknown field `cooldown`, expected one of min_confidence, attempts_per_hour, max_in_group, groups, autonomy, freezes at line 4, column 1");
    insta::assert_snapshot!(limit_errors("empty", "# nothing yet\n"), @"guardrails.yaml:1: missing field `min_confidence` at line 1, column 1");
    insta::assert_snapshot!(limit_errors("backwards", &frozen("2026-11-30T00:00:00Z", "2026-11-27T00:00:00Z")), @"guardrails.yaml:5: freezes[0]: a freeze from 2026-11-30T00:00:00Z to 2026-11-27T00:00:00Z has no time in it at line 5, column 5");
    insta::assert_snapshot!(limit_errors("zone", &frozen("2026-11-27T00:00:00", "2026-11-30T00:00:00Z")), @"guardrails.yaml:5: freezes[0].from: failed to find offset component, which is required for parsing a timestamp at line 5, column 13");
    let groups = |groups: &str| format!("{GOOD}groups: {groups}\n");
    assert_eq!(
        limit_errors(
            "groups",
            &groups("{ monitoring: { at_most: 1 }, web: { share: 0.25 } }")
        ),
        "no errors"
    );
    assert!(
        limit_errors("portion", &groups("{ web: { share: 2 } }"))
            .contains("guardrails.yaml:4: groups.web.share: 2 is not between 0 and 1")
    );
    assert!(
        limit_errors("none-at-once", &groups("{ web: { at_most: 0 } }"))
            .contains("guardrails.yaml:4: groups.web")
    );
    let autonomy = |autonomy: &str| format!("{GOOD}autonomy: {autonomy}\n");
    assert_eq!(
        limit_errors(
            "autonomy",
            &autonomy("{ auto_from: 0.9, recurrence_window: 2h }")
        ),
        "no errors"
    );
    assert!(
        limit_errors("order", &autonomy("{ approve_from: 0.9 }")).contains(
            "guardrails.yaml:4: autonomy: auto_from (0.8) is less than approve_from (0.9)"
        )
    );
    assert!(
        limit_errors("window", &autonomy("{ recurrence_window: soon }"))
            .contains("autonomy.recurrence_window: `soon` is not a length of time")
    );
    assert!(
        limit_errors(
            "for-nothing",
            &autonomy("{ approve_from: 0, auto_from: 0 }")
        )
        .contains("auto_from is 0")
    );
    let weekly = |from: &str, zone: &str| {
        format!(
            "{GOOD}freezes:\n  - {{ weekly: {{ from: '{from}', to: 'Mon 07:00', zone: {zone} }}, why: x }}\n"
        )
    };
    assert_eq!(
        limit_errors("weekly", &weekly("Fri 16:00", "Europe/Berlin")),
        "no errors"
    );
    for (name, text, place) in [
        (
            "day",
            weekly("Fre 16:00", "UTC"),
            "from: `Fre 16:00` is not a time of the week",
        ),
        (
            "place",
            weekly("Fri 16:00", "Mars"),
            "zone: `Mars` is not a time zone",
        ),
    ] {
        let error = limit_errors(name, &text);
        assert!(
            error.contains(&format!("guardrails.yaml:5: freezes[0].weekly.{place}")),
            "{error}"
        );
    }
    let missing = limits(&PathBuf::from("/nonexistent"))
        .expect_err("not there")
        .to_string();
    assert!(
        missing.starts_with("/nonexistent/guardrails.yaml: cannot be read"),
        "{missing}"
    );
}
