//! Tests of the command as a process, where no AWS is needed.

mod check;
mod on_duty;
mod plan;
mod run;

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use ingress::authentication::{self, Covered, SIGNED, SignedRequest};
use jiff::Timestamp;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use tempfile::TempDir;

/// Runs the command in the project's directory, with nothing of this machine's AWS.
fn quell(arguments: &[&str], stdin: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_quell"));
    command
        .args(arguments)
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(".."))
        .env_clear();
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it runs");
    // What does not read its input may be gone already.
    let _ = child
        .stdin
        .take()
        .expect("a pipe")
        .write_all(stdin.as_bytes());
    child.wait_with_output().expect("it ends")
}

/// The exit status, what was found out, and what was complained.
fn told(arguments: &[&str], stdin: &str) -> (Option<i32>, String, String) {
    let output = quell(arguments, stdin);
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    (
        output.status.code(),
        text(output.stdout),
        text(output.stderr),
    )
}

/// The project's files, with one word of one of them replaced.
fn changed(file: &str, from: &str, to: &str) -> TempDir {
    let directory = tempfile::tempdir().expect("a directory");
    let config = Path::new(env!("CARGO_MANIFEST_DIR")).join("../config");
    for entry in std::fs::read_dir(config)
        .expect("config")
        .flatten()
        .filter(|entry| entry.path().is_file())
    {
        let mut text = std::fs::read_to_string(entry.path()).expect("text");
        if entry.file_name() == file {
            assert!(text.contains(from), "{file} has no {from}");
            text = text.replacen(from, to, 1);
        }
        std::fs::write(directory.path().join(entry.file_name()), text).expect("written");
    }
    directory
}

fn secret(text: &str) -> (TempDir, String) {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("secret");
    std::fs::write(&file, text).expect("written");
    let path = file.display().to_string();
    (directory, path)
}

/// A directory with the documents' examples of channels.json and people.json.
fn examples() -> TempDir {
    let directory = tempfile::tempdir().expect("a directory");
    for file in ["channels", "people"] {
        let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs");
        let example = docs.join(format!("{file}.example.json"));
        let copy = directory.path().join(format!("{file}.json"));
        std::fs::copy(example, copy).expect("it is copied");
    }
    directory
}

#[test]
fn sign_writes_what_ingress_checks() {
    let (_kept, file) = secret("Jefe\n");
    let url = "https://api.test/api/v1/webhooks/alerts";
    let (status, found, _) = told(
        &["sign", "--secret-file", &file, "--url", url, "-"],
        "what do ya want for nothing?",
    );
    assert_eq!(status, Some(0));
    let headers: Vec<(&str, &str)> = found
        .lines()
        .filter_map(|line| line.split_once(": "))
        .collect();
    let [
        ("X-Signature-256", signature),
        ("X-Signature-Timestamp", time),
    ] = headers.as_slice()
    else {
        panic!("{found}")
    };
    let given = [
        ("x-signature-256", signature),
        ("x-signature-timestamp", time),
    ];
    let given = given.map(|(name, value)| {
        (
            HeaderName::from_static(name),
            HeaderValue::from_str(value).expect("ASCII"),
        )
    });
    let headers = HeaderMap::from_iter(given);
    let all = Covered {
        time: true,
        route: true,
    };
    let check = |url: &str| {
        let request = SignedRequest::new(&headers, url, b"what do ya want for nothing?");
        authentication::signature(SIGNED, &"Jefe".into(), request, Timestamp::now(), all).is_ok()
    };
    assert!(check(url) && !check("https://api.test/api/v1/webhooks/signals"));
}

#[test]
fn a_secret_has_to_be_named_and_is_never_an_argument() {
    let (_kept, empty) = secret(" \n");
    for (arguments, says) in [
        (
            vec!["sign", "--url", "x", "-"],
            "--secret-file FILE or --secret-id ID",
        ),
        (
            vec!["sign", "--url", "x", "--secret-file", &empty, "-"],
            "holds no secret",
        ),
        (
            vec![
                "sign",
                "--url",
                "x",
                "--secret-file",
                "/nowhere/at/all",
                "-",
            ],
            "/nowhere/at/all cannot be read",
        ),
        (
            vec!["sign", "--url", "x", "--secret", "hunter2", "-"],
            "unexpected argument",
        ),
        (
            vec!["fire", "--url", "http://127.0.0.1:9/api/v1/webhooks/alerts"],
            "--secret-file, --secret-id or --bearer-file",
        ),
        (
            vec!["fire", "--url", "http://127.0.0.1:9/other"],
            "--url has to end with",
        ),
    ] {
        let (status, _, complaint) = told(&arguments, "body");
        assert!(
            status == Some(2) && complaint.contains(says),
            "{arguments:?}: {complaint}"
        );
    }
}

#[test]
fn guard_lines_are_the_file_for_the_host() {
    let (status, found, _) = told(&["guard-lines", "sentry"], "");
    assert_eq!(status, Some(0));
    assert!(
        found.contains("# restart-compose-service: steps[0]\ndocker compose -p sentry restart\n"),
        "{found}"
    );
    for (service, says) in [
        ("ledger-db", "level manual"),
        (
            "nowhere",
            "service-registry.yaml has no service nowhere; it has ",
        ),
    ] {
        let (status, found, complaint) = told(&["guard-lines", service], "");
        assert!(
            status == Some(2) && found.is_empty() && complaint.contains(says),
            "{service}: {complaint}"
        );
    }
}

#[test]
fn what_needs_aws_says_what_is_missing() {
    for (arguments, says) in [
        (vec!["kill-switch", "status"], "--control-table <NAME>"),
        (
            vec!["kill-switch", "status", "--control-table", "t"],
            "no region is set",
        ),
        (vec!["verify-log", "--table", "t"], "<INCIDENT>"),
        (
            vec![
                "verify-log",
                "--all",
                "01ARZ3NDEKTSV4RRFFQ69G5FAV",
                "--table",
                "t",
            ],
            "cannot be used with",
        ),
    ] {
        let (status, _, complaint) = told(&arguments, "");
        assert!(
            status == Some(2) && complaint.contains(says),
            "{arguments:?}: {complaint}"
        );
    }
}
