//! Tests of the error messages for broken analyzer files.

use std::path::PathBuf;

use super::{AnalyzerFiles, PRICES, RULES, SETTINGS};

const PRICE: &str = "- { model: m, input_usd_per_million: 1, output_usd_per_million: 2 }\n";
/// A rule for storms. The first of a file's lines is the rule's own.
const STORM: &str = "- { for: storm, title: t, root_cause: c, action: a, risk: low, data_impact: NONE, downtime: d, responsibility: APP }\n";

fn shipped(file: &str) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../../config")
        .join(file);
    std::fs::read_to_string(path).expect("a file that ships with the project")
}

/// Loads three files and gives the errors with the directory's name taken off.
fn errors(name: &str, settings: &str, prices: &str, rules: &str) -> String {
    let directory = std::env::temp_dir().join(format!(
        "quell-analyzer-files-{name}-{}",
        std::process::id()
    ));
    std::fs::create_dir_all(&directory).expect("a directory");
    for (file, text) in [(SETTINGS, settings), (PRICES, prices), (RULES, rules)] {
        std::fs::write(directory.join(file), text).expect("written");
    }
    let loaded = AnalyzerFiles::load(&directory);
    std::fs::remove_dir_all(&directory).expect("removed");
    let prefix = format!("{}/", directory.display());
    loaded.map_or_else(
        |errors| errors.to_string().replace(&prefix, ""),
        |_| "no errors".to_owned(),
    )
}

fn settings_faults(name: &str, settings: &str) -> String {
    errors(name, settings, PRICE, &shipped(RULES))
}

fn rules_faults(name: &str, rules: &str) -> String {
    errors(name, "", "", rules)
}

#[test]
fn the_files_that_ship_with_the_project_have_no_faults() {
    assert_eq!(
        errors(
            "shipped",
            &shipped(SETTINGS),
            &shipped(PRICES),
            &shipped(RULES)
        ),
        "no errors"
    );
    // What stands in comments there is an example to copy.
    let examples: String = shipped(SETTINGS)
        .replace("providers: []\n", "providers:\n")
        .lines()
        .map(|line| match line.strip_prefix('#') {
            Some(example) if example.starts_with("  ") => format!("{example}\n"),
            Some(example) if example.starts_with(" tracing:") || example.starts_with("   ") => {
                format!("{}\n", &example[1..])
            }
            _ => format!("{line}\n"),
        })
        .collect();
    assert!(
        examples.contains("\n  - name: bedrock\n") && examples.contains("\n  prometheus:\n"),
        "{examples}"
    );
    assert_eq!(
        errors("examples", &examples, &shipped(PRICES), &shipped(RULES)),
        "no errors"
    );
}

#[test]
fn a_fault_of_shape_names_file_line_and_field() {
    insta::assert_snapshot!(settings_faults("unknown", "budget: { day_usd: 1, incident_usd: 1 }\nmemry: {}\n"), @"analyzer.yaml:2: memry: unknown field `memry`, expected one of evidence, providers, budget, memory, tracing at line 2, column 1");
    insta::assert_snapshot!(settings_faults("mode", "memory:\n  mode: always\n"), @"analyzer.yaml:2: memory.mode: unknown variant `always`, expected one of off, suggest, use at line 2, column 9");
    insta::assert_snapshot!(settings_faults("timeout", "evidence:\n  prometheus:\n    url: http://h\n    timeout: soon\n"), @"analyzer.yaml:4: evidence.prometheus.timeout: `soon` is not a length of time such as 90s or 30m at line 4, column 14");
    insta::assert_snapshot!(settings_faults("type", "evidence:\n  prometheus:\n    url: http://h\n    queries: { high_cpo: [] }\n"), @"analyzer.yaml:4: evidence.prometheus.queries.?: unknown variant `high_cpo`, expected one of k8s_node_failure, k8s_pod_crash, db_connection_timeout, service_404, high_cpu, high_memory, disk_full, ssl_expiry, custom at line 4, column 16");
    insta::assert_snapshot!(settings_faults("money", "budget: { day_usd: -1, incident_usd: 1 }\n"), @"analyzer.yaml:1: budget.day_usd: it has to be dollars between 0 and a million at line 1, column 20");
    insta::assert_snapshot!(errors("price", "", "- { model: m, input_usd_per_million: cheap, output_usd_per_million: 2 }\n", &shipped(RULES)), @"model-prices.yaml:1: [0].input_usd_per_million: invalid floating point at line 1, column 38");
    insta::assert_snapshot!(rules_faults("risk", &STORM.replace("low", "none")), @"static-rules.yaml:1: [0].risk: unknown variant `none`, expected one of low, medium, high, critical at line 1, column 59");
    insta::assert_snapshot!(rules_faults("subject", &format!("{STORM}{}", STORM.replace("storm", "strom"))), @"static-rules.yaml:2: [1].for: `strom` is not one of k8s_node_failure, k8s_pod_crash, db_connection_timeout, service_404, high_cpu, high_memory, disk_full, ssl_expiry, custom, storm at line 2, column 10");
}

#[test]
fn every_file_is_read_before_the_faults_are_told() {
    insta::assert_snapshot!(errors("all", "providers: 1\n", "- 1\n", "- 1\n"), @r"
    analyzer.yaml:1: providers: expected sequence start at line 1, column 12
    model-prices.yaml:1: [0]: expected mapping start at line 1, column 3
    static-rules.yaml:1: [0]: expected mapping start at line 1, column 3
    ");
    let missing = AnalyzerFiles::load(&PathBuf::from("/nonexistent"))
        .expect_err("not there")
        .to_string();
    for file in [SETTINGS, PRICES, RULES] {
        assert!(
            missing.contains(&format!("/nonexistent/{file}: cannot be read")),
            "{missing}"
        );
    }
}

#[test]
fn a_fault_of_sense_in_the_settings_names_file_and_field() {
    let queries = "{ name: n, query: up }, ".repeat(9);
    let evidence = format!(
        "evidence:\n  prometheus: {{ url: 'http://u:secret@h', timeout: 11s, queries: {{ high_cpu: [{queries}], disk_full: [] }} }}\n  \
         signoz: {{ url: 'https://h/', key_secret: k, timeout: 0s }}\ntracing: {{ otlp_url: 'http://h?secret' }}\nmemory: {{ incidents: 0 }}\n"
    );
    insta::assert_snapshot!(settings_faults("evidence", &evidence), @r"
    analyzer.yaml: evidence.prometheus.url holds a user or a password: name a secret with a key instead
    analyzer.yaml: evidence.prometheus.timeout has to be between 1s and 10s
    analyzer.yaml: evidence.signoz.url has to end without a slash
    analyzer.yaml: evidence.signoz.timeout has to be between 1s and 10s
    analyzer.yaml: evidence.prometheus.queries.high_cpu has 9 queries; 8 is the most that one alert may ask at once
    analyzer.yaml: tracing.otlp_url has to end before ? and #
    analyzer.yaml: memory.incidents has to be between 1 and 20
    ");
    let providers = "\
providers:
  - { name: m, api: openai, model: m }
  - { name: m, api: anthropic, model: other, base_url: ops.example, timeout: 121s, max_output_tokens: 63 }
  - { name: static, api: bedrock, model: m, key_secret: k }
  - { name: Über, api: openai, model: m }
";
    let twice = errors(
        "twice",
        "providers: [{ name: m, api: openai, model: m }]",
        &PRICE.repeat(2),
        &shipped(RULES),
    );
    assert_eq!(
        twice,
        "analyzer.yaml: providers[0].model has more than one price in model-prices.yaml"
    );
    insta::assert_snapshot!(settings_faults("providers", providers), @r"
    analyzer.yaml: providers[1].name is taken
    analyzer.yaml: providers[1].base_url has to begin with http:// or https://
    analyzer.yaml: providers[1].timeout has to be between 1s and 120s
    analyzer.yaml: providers[1].max_output_tokens has to be between 64 and 32000
    analyzer.yaml: providers[1].model has no price in model-prices.yaml; a model of one's own that costs nothing has the price 0
    analyzer.yaml: providers[2].name is taken
    analyzer.yaml: providers[2].api bedrock takes neither base_url nor key_secret: the function's role is allowed to call it
    analyzer.yaml: providers[3].name has to be 1 to 32 of a-z 0-9 _ - (it becomes a name in the budget)
    ");
}

#[test]
fn a_fault_of_sense_in_the_rules_names_file_and_field() {
    let doubled = format!(
        "{STORM}{}{}{}",
        shipped(RULES),
        named(""),
        named(", claims_no_cause: true, speaks_for: [p]")
    );
    insta::assert_snapshot!(rules_faults("rules", &doubled), @r"
    static-rules.yaml: [13].speaks_for names playbooks for a cause, and claims_no_cause says that there is none: take one of the two away
    static-rules.yaml: [13].alertnames has the alert A, for which a rule above is
    static-rules.yaml: the rules have 2 rules with for: storm and without alertnames: keep one
    ");
    let without_storm = shipped(RULES).replace("for: storm", "for: storm\n  alertnames: [A]");
    insta::assert_snapshot!(rules_faults("none", &without_storm), @"static-rules.yaml: the rules have no rule with for: storm and without alertnames: add one");
}

/// A rule for one alert by its name.
fn named(more: &str) -> String {
    STORM
        .replace("for: storm", "for: custom, alertnames: [A]")
        .replace("risk: low", &format!("risk: low{more}"))
}
