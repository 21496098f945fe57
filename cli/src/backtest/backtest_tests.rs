use std::collections::BTreeSet;
use std::path::Path;

use domain::incident::operation_log::verify;
use tempfile::TempDir;

use super::configuration::{Configuration, NAMES, Parameters};
use super::difference::Kind;
use super::replay::Replay;
use super::report::Report;
use super::scenes::{two_days, with_two_teams};
use super::side_by_side::SideBySide;
use crate::history::HistoryLine;
use crate::screen::Screen;

/// A change of one of the files: its name, a text of it, and what takes its place.
type Change = (&'static str, &'static str, &'static str);

/// What the shipped files leave to whoever deploys them.
const OWN: [Change; 3] = [
    (
        "analyzer.yaml",
        "providers: []",
        "providers: [{ name: openai, api: openai, model: gpt-5-mini, key_secret: quell/analyzer/openai, timeout: 25s, max_output_tokens: 4000 }]",
    ),
    (
        "playbooks.yaml",
        "auto: { max_severity: P2, min_verified: 1 }\n  cooldown: 15m",
        "auto: { max_severity: P2, min_verified: 0 }\n  cooldown: 15m",
    ),
    // A service of the examples that its team repairs at night.
    ("channels.json", "\"payments-*\"", "\"checkout*\""),
];

/// The shipped files with the documents' channels and people, and with these changes.
fn files(changes: &[Change]) -> TempDir {
    let directory = tempfile::tempdir().expect("a directory");
    let project = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let copy = |from: &str, to: &str| {
        let text = std::fs::read_to_string(project.join(from)).expect(from);
        std::fs::write(directory.path().join(to), text).expect("written");
    };
    for entry in std::fs::read_dir(project.join("config"))
        .expect("config")
        .flatten()
    {
        let name = entry.file_name().into_string().expect("a name");
        if entry.path().is_file() {
            copy(&format!("config/{name}"), &name);
        }
    }
    copy("docs/channels.example.json", "channels.json");
    copy("docs/people.example.json", "people.json");
    for (file, from, to) in changes {
        let path = directory.path().join(file);
        let text = std::fs::read_to_string(&path).expect("text");
        assert!(text.contains(from), "{file} has no {from}");
        std::fs::write(path, text.replacen(from, to, 1)).expect("written");
    }
    directory
}

fn configuration(changes: &[Change], parameters: &[&str]) -> Configuration {
    let all: Vec<Change> = OWN.iter().chain(changes).copied().collect();
    let parameters: Vec<String> = parameters.iter().map(|&one| one.to_owned()).collect();
    let parameters = Parameters::default().with(&parameters).expect("parameters");
    Configuration::load(files(&all).path(), parameters).expect("a configuration")
}

fn compared(base: &Configuration, changed: &Configuration, history: Vec<HistoryLine>) -> Report {
    let mut both = SideBySide::new(base, changed);
    for line in history {
        both.add(line).expect("a history in order");
    }
    both.end().expect("a report")
}

#[test]
fn an_unchanged_configuration_gives_no_difference() {
    let (base, same) = (configuration(&[], &[]), configuration(&[], &[]));
    let report = compared(&base, &same, two_days());
    assert!(report.is_empty(), "{:?}", report.differences);
    // Nothing that a configuration decides about is missing in the history.
    let totals = &report.base;
    for (what, count) in [
        ("incidents", totals.incidents),
        ("merged", totals.merged),
        ("left out", totals.left_out),
        ("storms", totals.storms),
        ("in storms", totals.in_storms),
        ("cards", totals.cards),
        ("rings", totals.rings),
        ("approvals", totals.approvals),
        ("repairs", totals.repairs),
        ("calls", totals.model_calls),
        ("dollars", totals.micro_usd),
    ] {
        assert!(count > 0, "the history has no {what}: {totals:?}");
    }
    assert!(
        totals.rings > totals.cards,
        "something is heard after the card: {totals:?}"
    );
}

/// A mutant of the configuration, and what has to differ because of it.
struct Mutant {
    name: &'static str,
    change: &'static [Change],
    parameters: &'static [&'static str],
    found_as: &'static [Kind],
}

const fn file(name: &'static str, change: &'static [Change], found_as: &'static [Kind]) -> Mutant {
    Mutant {
        name,
        change,
        parameters: &[],
        found_as,
    }
}

const fn parameter(given: &'static [&'static str], found_as: &'static [Kind]) -> Mutant {
    Mutant {
        name: given[0],
        change: &[],
        parameters: given,
        found_as,
    }
}

const MUTANTS: &[Mutant] = &[
    file(
        "another label names the subject",
        &[("alert-tables.json", "[\"component\"]", "[\"team\"]")],
        &[Kind::Service, Kind::Merged, Kind::Split, Kind::Handling],
    ),
    file(
        "a report of a pipeline is an alert",
        &[("alert-tables.json", "\"BuildFailed\",", "")],
        &[Kind::Handling],
    ),
    file(
        "a heartbeat is an alert",
        &[("alert-rules.json", "\"Watchdog\",", "")],
        &[Kind::New],
    ),
    file(
        "noise is an alert",
        &[("alert-rules.json", "\"InfoInhibitor\",", "")],
        &[Kind::New],
    ),
    file(
        "an alert is noise",
        &[(
            "alert-rules.json",
            "\"InfoInhibitor\",",
            "\"InfoInhibitor\", \"QueueLag\",",
        )],
        &[Kind::Missing],
    ),
    file(
        "a severity has another meaning",
        &[(
            "alert-tables.json",
            "\"subject_labels\"",
            "\"severities\": { \"info\": \"critical\" }, \"subject_labels\"",
        )],
        &[Kind::Severity],
    ),
    file(
        "a rule of the static analyzer is milder",
        &[(
            "static-rules.yaml",
            "command: kubectl describe node {target}\n  risk: high",
            "command: kubectl describe node {target}\n  risk: low",
        )],
        &[Kind::Severity],
    ),
    file(
        "fewer attempts within an hour",
        &[(
            "guardrails.yaml",
            "attempts_per_hour: 3",
            "attempts_per_hour: 1",
        )],
        &[Kind::Handling],
    ),
    file(
        "more of a group at once",
        &[("guardrails.yaml", "max_in_group: 1", "max_in_group: 2")],
        &[Kind::Handling],
    ),
    file(
        "a freeze at the weekend",
        &[(
            "guardrails.yaml",
            "freezes: []",
            "freezes: [{ weekly: { from: 'Fri 16:00', to: 'Mon 07:00', zone: Europe/Berlin }, why: weekend }]",
        )],
        &[Kind::Handling],
    ),
    file(
        "a playbook is for no alert any more",
        &[(
            "playbooks.yaml",
            "alertnames: [SentryDown]",
            "alertnames: [SentryGone]",
        )],
        &[Kind::Handling],
    ),
    file(
        "a playbook is never automatic",
        &[(
            "playbooks.yaml",
            "  auto: { max_severity: P2, min_verified: 0 }\n",
            "",
        )],
        &[Kind::Handling],
    ),
    file(
        "a playbook rests for longer",
        &[("playbooks.yaml", "cooldown: 30m", "cooldown: 3h")],
        &[Kind::Handling],
    ),
    file(
        "a playbook is riskier",
        &[("playbooks.yaml", "risk: low", "risk: high")],
        &[Kind::Handling],
    ),
    file(
        "a parameter takes other values",
        &[(
            "playbooks.yaml",
            "{ from: service.unit, pattern: '^[a-z0-9][a-z0-9_.-]{0,62}$' }",
            "{ from: service.unit, pattern: '^x$' }",
        )],
        &[Kind::Handling],
    ),
    file(
        "a service asks first",
        &[("service-registry.yaml", "level: auto", "level: approval")],
        &[Kind::Handling],
    ),
    file(
        "a service lives elsewhere",
        &[(
            "service-registry.yaml",
            "namespace: tools",
            "namespace: other",
        )],
        &[Kind::Service],
    ),
    file(
        "a service has another name",
        &[(
            "service-registry.yaml",
            "- name: checkout-web\n",
            "- name: checkout-front\n",
        )],
        &[Kind::Service],
    ),
    file(
        "a service is in no group",
        &[(
            "service-registry.yaml",
            "  redundancy_group: monitoring\n",
            "",
        )],
        &[Kind::Handling],
    ),
    file(
        "criticals go to fewer channels",
        &[(
            "channels.json",
            "\"pager\",\n        \"tickets\"",
            "\"tickets\"",
        )],
        &[Kind::Cards],
    ),
    file(
        "a route ends the search",
        &[("channels.json", "\"continue\": true", "\"continue\": false")],
        &[Kind::Cards],
    ),
    file(
        "a route is for other namespaces",
        &[("channels.json", "\"payments*\"", "\"billing*\"")],
        &[Kind::Cards],
    ),
    file(
        "nobody of the team is mentioned",
        &[(
            "channels.json",
            "      \"team\": \"payments\",\n      \"people\"",
            "      \"people\"",
        )],
        &[Kind::People],
    ),
    file(
        "somebody else is mentioned",
        &[(
            "channels.json",
            "\"people\": [\n        \"carol\"\n      ]",
            "\"people\": [\n        \"bob\"\n      ]",
        )],
        &[Kind::People],
    ),
    file(
        "other people decide",
        &[(
            "channels.json",
            "\"people\": [\n        \"ada\",\n        \"bob\"\n      ]",
            "\"people\": [\n        \"bob\"\n      ]",
        )],
        &[Kind::Approval],
    ),
    file(
        "another person is on duty",
        &[(
            "people.json",
            "\"first\": \"2026-01-05\"",
            "\"first\": \"2026-01-12\"",
        )],
        &[Kind::People],
    ),
    file(
        "no channel reads Chinese",
        &[(
            "channels.json",
            "\"language\": \"zh-TW\"",
            "\"language\": \"en\"",
        )],
        &[Kind::Price],
    ),
    file(
        "no model is asked",
        &[(
            "analyzer.yaml",
            "providers: [{ name: openai, api: openai, model: gpt-5-mini, key_secret: quell/analyzer/openai, timeout: 25s, max_output_tokens: 4000 }]",
            "providers: []",
        )],
        &[Kind::Price],
    ),
    file(
        "answers may be longer",
        &[(
            "analyzer.yaml",
            "max_output_tokens: 4000",
            "max_output_tokens: 8000",
        )],
        &[Kind::Price],
    ),
    file(
        "a day has less to spend",
        &[("analyzer.yaml", "day_usd: 5.00", "day_usd: 0.05")],
        &[Kind::Price],
    ),
    file(
        "a model is dearer",
        &[(
            "model-prices.yaml",
            "output_usd_per_million: 2.00",
            "output_usd_per_million: 4.00",
        )],
        &[Kind::Price],
    ),
    parameter(&["DebounceSeconds=30"], &[Kind::Split, Kind::Flaps]),
    parameter(&["DebounceSeconds=3600"], &[Kind::Merged, Kind::Flaps]),
    parameter(&["EpisodeStaleSeconds=300"], &[Kind::Split, Kind::Cards]),
    parameter(&["FingerprintLabels=team"], &[Kind::Split]),
    parameter(&["StormIncidentsPerMinute=0"], &[Kind::Handling]),
    parameter(&["StormIncidentsPerMinute=5"], &[Kind::Handling]),
];

#[test]
fn every_seeded_mutant_is_found() {
    let base = configuration(&[], &[]);
    let mut wrong = Vec::new();
    for mutant in MUTANTS {
        let changed = configuration(mutant.change, mutant.parameters);
        let report = compared(&base, &changed, with_two_teams());
        let kinds: BTreeSet<Kind> = report.differences.iter().map(|one| one.kind).collect();
        if !mutant.found_as.iter().any(|kind| kinds.contains(kind)) {
            wrong.push(format!("{}: {kinds:?}", mutant.name));
        }
    }
    assert!(
        MUTANTS.len() >= 37 && wrong.is_empty(),
        "not found: {wrong:#?}"
    );
}

/// What a replay does not look at, because people, hosts and servers are not there: a change of it has to be no difference, or the
/// documents, which name these, are wrong.
#[test]
fn what_is_not_replayed_makes_no_difference() {
    let base = configuration(&[], &[]);
    for change in [
        (
            "guardrails.yaml",
            "# The limits for repairs",
            "# Limits for repairs",
        ),
        (
            "channels.json",
            "\"escalate_after_seconds\": 900",
            "\"escalate_after_seconds\": 60",
        ),
        (
            "people.json",
            "\"wait_seconds\": 600",
            "\"wait_seconds\": 60",
        ),
        ("analyzer.yaml", "past_incidents: 5", "past_incidents: 1"),
        ("analyzer.yaml", "mode: suggest", "mode: use"),
        ("playbooks.yaml", "timeout: 60s", "timeout: 50s"),
        // How often causes were right is counted on the stack: a replay has the priors alone, with which no cause is sure enough.
        (
            "guardrails.yaml",
            "min_confidence: 0.6",
            "min_confidence: 0.95",
        ),
    ] {
        let report = compared(&base, &configuration(&[change], &[]), two_days());
        assert!(report.is_empty(), "{change:?}: {:?}", report.differences);
    }
}

#[test]
fn incidents_and_their_logs_come_to_the_same_incidents_again() {
    let base = configuration(&[], &["StormIncidentsPerMinute=0"]);
    let mut replay = SideBySide::new(&base, &base);
    for line in two_days() {
        replay.add(line).expect("in order");
    }
    let stored = replay.stored();
    let mut recorded = 0;
    for line in &stored {
        let HistoryLine::Incident { incident, log } = line else {
            panic!("an incident")
        };
        recorded += u64::from(incident.storm().is_none());
        assert_eq!(
            verify(&incident.id, log, &incident.log_head),
            Ok(()),
            "a log as the functions write it"
        );
    }
    assert!(recorded > 100, "{recorded}");
    let report = compared(&base, &base, stored);
    assert!(report.is_empty(), "{:?}", report.differences);
    assert_eq!(
        (report.recorded, report.base.incidents),
        (Some(recorded), recorded)
    );
    assert!(
        report.base.repairs > 0 && report.base.approvals > 0,
        "{:?}",
        report.base
    );
    let changed = configuration(
        &[(
            "playbooks.yaml",
            "alertnames: [SentryDown]",
            "alertnames: [SentryGone]",
        )],
        &["StormIncidentsPerMinute=0"],
    );
    let mut replay = SideBySide::new(&base, &base);
    two_days()
        .into_iter()
        .for_each(|line| replay.add(line).expect("in order"));
    let report = compared(&base, &changed, replay.stored());
    assert!(
        report
            .differences
            .iter()
            .any(|one| one.kind == Kind::Handling),
        "{:?}",
        report.differences
    );
}

#[test]
fn a_history_out_of_order_or_of_two_kinds_is_refused() {
    let base = configuration(&[], &[]);
    let mut lines = two_days();
    lines.swap(0, 10);
    let mut both = SideBySide::new(&base, &base);
    let refused = lines
        .into_iter()
        .map(|line| both.add(line))
        .find_map(Result::err);
    let refused = refused.expect("out of order").to_string();
    assert!(
        refused.starts_with("line 2 of the history is of ")
            && refused.contains("sort the lines by time"),
        "{refused}"
    );

    let mut replay = SideBySide::new(&base, &base);
    two_days()
        .into_iter()
        .for_each(|line| replay.add(line).expect("in order"));
    let mut mixed = replay.stored();
    mixed.truncate(1);
    let mut both = SideBySide::new(&base, &base);
    let deliveries = two_days().into_iter().take(1);
    let refused = mixed
        .into_iter()
        .chain(deliveries)
        .map(|line| both.add(line))
        .find_map(Result::err);
    assert!(
        refused
            .expect("mixed")
            .to_string()
            .contains("of another kind")
    );
    let empty = SideBySide::new(&base, &base).end();
    assert!(empty.is_err_and(|error| error.to_string().contains("is empty")));
}

#[test]
fn parameters_are_those_of_the_template() {
    let template =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../template.yaml"))
            .expect("the template");
    let default = |name: &str| {
        let (_, after) = template.split_once(&format!("\n  {name}:\n")).expect(name);
        let line = after
            .lines()
            .find_map(|line| line.trim().strip_prefix("Default: "));
        line.expect("a default").trim_matches('\'').to_owned()
    };
    let mut of_template = Parameters::default();
    for name in NAMES {
        of_template.set(name, &default(name)).expect("a value");
    }
    assert_eq!(of_template, Parameters::default());
    for (given, says) in [
        ("DebounceSeconds=soon", "whole number"),
        ("DebounceSecond=1", "changes nothing that is replayed"),
        ("DebounceSeconds", "NAME=VALUE"),
    ] {
        let refused = Parameters::default()
            .with(&[given.to_owned()])
            .expect_err("wrong")
            .to_string();
        assert!(refused.contains(says), "{refused}");
    }
}

#[test]
fn the_report_says_what_differs_in_lines() {
    let base = configuration(&[], &[]);
    let changed = configuration(
        &[(
            "playbooks.yaml",
            "alertnames: [SentryDown]",
            "alertnames: [SentryGone]",
        )],
        &["StormIncidentsPerMinute=0"],
    );
    let report = compared(&base, &changed, two_days());
    let mut out = Vec::new();
    report.write(3, Screen::PLAIN, &mut out).expect("written");
    let text = String::from_utf8(out).expect("text");
    insta::assert_snapshot!("report", text);
    let page = include_str!("../../../docs/command.md");
    assert!(page.contains(&text), "docs/command.md lacks\n{text}");
}

/// Memory of a replay does not grow with alerts that join: only incidents are kept.
#[test]
fn what_joins_keeps_nothing() {
    let base = configuration(&[], &[]);
    let replay = Replay::new(&base, true);
    assert_eq!(replay.kept(), (0, 0));
    let mut both = SideBySide::new(&base, &base);
    let lines = two_days();
    let count = lines.len();
    lines
        .into_iter()
        .for_each(|line| both.add(line).expect("in order"));
    let (episodes, incidents) = both.kept();
    assert!(
        incidents <= episodes + 10 && incidents < count / 2,
        "{incidents} of {episodes} episodes and {count} lines"
    );
}
