//! Broken files of an operator, and what `quell check` says of them. `snapshots/check__messages.snap` is the review copy: a person who
//! has never seen Rust has to know from each message what to write.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

mod cases;

use cases::{CASES, Case, Change};

/// The shipped files with the changes of a case.
fn directory(case: &Case) -> TempDir {
    let directory = tempfile::tempdir().expect("a directory");
    let config = Path::new(env!("CARGO_MANIFEST_DIR")).join("../config");
    for entry in std::fs::read_dir(config).expect("config").flatten() {
        if entry.path().is_file() {
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
            Change::Write(text) => std::fs::write(path(file), text).expect("written"),
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

#[test]
fn messages() {
    let mut all = String::new();
    let mut wrong = Vec::new();
    for case in CASES {
        let directory = directory(case);
        let (status, text) = check(directory.path(), &[]);
        writeln!(all, "# {}\n{text}", case.name).expect("a text");
        if status != i32::from(case.is_error) {
            wrong.push((case.name, status));
        }
    }
    insta::assert_snapshot!(all);
    assert_eq!(wrong, []);
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

#[test]
fn each_message_has_a_place_and_no_foreign_words() {
    for case in CASES {
        let directory = directory(case);
        let (_, text) = check(directory.path(), &["--json"]);
        let found: Value = serde_json::from_str(&text).expect("JSON");
        let told = |kind: &str| found[kind].as_array().expect(kind).clone();
        let (errors, warnings) = (told("errors"), told("warnings"));
        assert_eq!(errors.is_empty(), !case.is_error, "{}: {text}", case.name);
        assert!(!(errors.is_empty() && warnings.is_empty()), "{}", case.name);
        for message in errors.iter().chain(&warnings) {
            let text = message["text"].as_str().expect("a text");
            for word in FOREIGN {
                assert!(!text.contains(word), "{}: {word} in {text}", case.name);
            }
            // What is said of a whole file, or of one that is not there, has no line.
            let whole = ["is not there", "is empty:", "nothing reads", "UTF-8"];
            assert!(
                message["line"].is_u64() || whole.iter().any(|words| text.contains(words)),
                "{}: no line: {text}",
                case.name
            );
        }
    }
}

#[test]
fn the_shipped_files_have_neither_errors_nor_warnings() {
    let config = Path::new(env!("CARGO_MANIFEST_DIR")).join("../config");
    let (status, text) = check(&config, &["--json"]);
    assert_eq!(
        (status, text.as_str()),
        (0, "{\"errors\":[],\"warnings\":[]}\n")
    );
}
