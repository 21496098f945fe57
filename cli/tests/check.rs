//! Broken files of an operator, and what `quell check` says of them. `snapshots/check__messages.snap` is the review copy: a person who
//! has never seen Rust has to know from each message what to write.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

mod cases;

use cases::{Case, Change};

const ALERT_RULES: &str = "alert-rules.json";

fn shipped() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../config")
}

/// The shipped files with the changes of a case.
fn directory(case: &Case) -> TempDir {
    let directory = tempfile::tempdir().expect("a directory");
    for entry in std::fs::read_dir(shipped()).expect("config").flatten() {
        let changed = |file: &str| case.changes.iter().any(|(name, _)| *name == file);
        // The largest of them by far: it is read where it is what a case is about.
        let left_out = entry.file_name() == ALERT_RULES && !changed(ALERT_RULES);
        if entry.path().is_file() && !left_out {
            let copy = directory.path().join(entry.file_name());
            std::fs::copy(entry.path(), copy).expect("copied");
        }
    }
    let path = |file: &str| directory.path().join(file);
    for (file, change) in case.changes {
        let text = || std::fs::read_to_string(path(file)).expect("text");
        match change {
            Change::Replace(from, to) => {
                let text = text();
                assert!(text.contains(from), "{}: {file} has no {from}", case.name);
                std::fs::write(path(file), text.replacen(from, to, 1)).expect("written");
            }
            Change::Append(more) => std::fs::write(path(file), text() + more).expect("written"),
            Change::Write(text) => {
                let directory = path(file).parent().map(Path::to_owned);
                std::fs::create_dir_all(directory.expect("a directory")).expect("made");
                std::fs::write(path(file), text).expect("written");
            }
            Change::Remove => std::fs::remove_file(path(file)).expect("removed"),
        }
    }
    directory
}

/// The exit status and the output, with the directory left out.
fn check(directory: &Path, arguments: &[&str]) -> (i32, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_quell"))
        .arg("check")
        .arg(directory)
        .args(arguments)
        .env_clear()
        .output()
        .expect("it runs");
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    let place = format!("{}/", directory.display());
    (
        output.status.code().expect("a status"),
        text.replace(&place, ""),
    )
}

/// Words of the programs below, which say nothing to those who write the files.
const FOREIGN: [&str; 16] = [
    "serde",
    "u16",
    "u32",
    "u64",
    "i64",
    "f64",
    "Option",
    "variant",
    "deserializ",
    "untagged",
    "invalid type",
    "expected a ",
    "expected struct",
    "expected sequence",
    "expected mapping",
    "scalar",
];

/// What is said of a whole file, or of one that is not there, has no line.
const WHOLE: [&str; 5] = [
    "is not there",
    "is empty:",
    "nothing reads",
    "is not read:",
    "UTF-8",
];

#[test]
fn each_message_says_where_and_what_to_write() {
    let (mut all, mut wrong) = (String::new(), Vec::new());
    let (_, of_shipped) = check(&shipped(), &[]);
    let of_shipped: Vec<&str> = of_shipped.lines().collect();
    for case in cases::all() {
        let directory = directory(case);
        let (status, text) = check(directory.path(), &[]);
        // What the shipped files are warned of is no part of a case.
        let own = text
            .lines()
            .filter(|line| !of_shipped.contains(line) || line.ends_with("no errors"));
        let text: String = own.flat_map(|line| [line, "\n"]).collect();
        writeln!(all, "# {}\n{text}", case.name).expect("a text");
        if status != i32::from(case.is_error) {
            wrong.push(format!("{}: status {status}", case.name));
        }
        let mut lines: Vec<&str> = text.lines().collect();
        lines.pop();
        if lines.is_empty() {
            wrong.push(format!("{}: no message", case.name));
        }
        for line in lines {
            let place = line.strip_prefix("warning: ").unwrap_or(line);
            let (_, rest) = place.split_once(':').expect("a file");
            let has_line = rest.starts_with(|c: char| c.is_ascii_digit());
            if !has_line && !WHOLE.iter().any(|words| rest.contains(words)) {
                wrong.push(format!("{}: no line: {line}", case.name));
            }
            let foreign = FOREIGN.into_iter().filter(|word| rest.contains(word));
            wrong.extend(foreign.map(|word| format!("{}: {word} in {line}", case.name)));
        }
    }
    assert_eq!(wrong, [""; 0]);
    insta::assert_snapshot!("messages", all);
}

#[test]
fn each_block_of_the_cookbook_fits_the_shipped_files() {
    let book = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/cookbook.md");
    let book = std::fs::read_to_string(book).expect("the cookbook");
    let blocks = book.split("```yaml\n").skip(1);
    let blocks: Vec<&str> = blocks
        .filter_map(|rest| Some(rest.split_once("```")?.0))
        .collect();
    assert!(blocks.len() >= 6, "{}", blocks.len());
    let nothing = Case {
        name: "the cookbook",
        is_error: false,
        changes: &[],
    };
    let directory = directory(&nothing);
    for block in blocks {
        let file = match block.split_once(':').map(|(field, _)| field) {
            Some("- id") => "playbooks.yaml",
            Some("- name") => "service-registry.yaml",
            other => panic!("neither a playbook nor a service: {other:?}"),
        };
        let file = directory.path().join(file);
        let before = std::fs::read_to_string(&file).expect("text");
        std::fs::write(&file, before + "\n" + block).expect("written");
    }
    // All of them at once: they have to get along with each other, too.
    let (status, text) = check(directory.path(), &[]);
    assert_eq!(status, 0, "{text}");
}

#[test]
fn machines_are_told_the_same() {
    let directory = directory(cases::all().next().expect("a case"));
    let (_, text) = check(directory.path(), &[]);
    let (status, json) = check(directory.path(), &["--json"]);
    let found: Value = serde_json::from_str(&json).expect("JSON");
    let lines = |list: &str| -> Vec<String> {
        let of_one = |found: &Value| {
            let part = |name: &str| found[name].as_str().expect(name);
            format!("{}:{}: {}", part("file"), found["line"], part("text"))
        };
        let list = found[list].as_array().expect("a list");
        list.iter().map(of_one).collect()
    };
    let warnings = lines("warnings").into_iter();
    let mut told: Vec<String> = warnings.map(|line| format!("warning: {line}")).collect();
    told.extend(lines("errors"));
    let mut lines: Vec<&str> = text.lines().collect();
    lines.pop();
    assert_eq!(status, 1);
    assert_eq!(told, lines);
}

#[test]
fn the_shipped_files_lack_channels_and_approvers_alone() {
    let (status, text) = check(&shipped(), &[]);
    let lines: Vec<&str> = text.lines().collect();
    let [channels, approvals, _] = lines[..] else {
        panic!("two warnings: {text}")
    };
    assert_eq!(status, 0, "whoever deploys says where people read");
    assert!(
        channels.starts_with(
            "warning: channels.json:4: channels: is empty: incidents are told nowhere."
        )
    );
    assert!(approvals.starts_with("warning: channels.json:7: approvals: is empty: repairs that need a decision have no approver."));
}
