//! Tests of the commands that read and decide through the API, as processes, against an API on loopback.

use std::path::Path;
use std::process::{Command, Output, Stdio};

use loopback::{Reply, Request, Server, answer};
use serde_json::{Value, json};
use tempfile::TempDir;

const INCIDENT: &str = "01M8A90ZRTN0096VT64NKT1WDQ";
const REPAIRED: &str = "01M8A91580F560Z3W56RBNWNVF";
const APPROVAL: &str = "01M8A90ZRTN0096VT64NKT1WDQ-7145e68b0d603515";
const TOKEN: &str = "quell_01M8KQ2W8XJ5D0F6V1T4R7N9CB_5f0c";

fn fixture(name: &str) -> Value {
    let file = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/api")
        .join(name);
    let text = std::fs::read_to_string(&file).expect("a file");
    serde_json::from_str(&text).expect("JSON")
}

/// What the API answers: two open incidents, in two pages where the page is small, and one that was repaired.
fn api() -> Server {
    Server::start(|request, _| -> Reply {
        let (path, query) = request.path.split_once('?').unwrap_or((&request.path, ""));
        if request.header("authorization") != format!("Bearer {TOKEN}") {
            return answer(
                401,
                &[],
                json!({ "detail": "the token is not known" }).to_string(),
            );
        }
        match path.strip_prefix("/api/v1/").unwrap_or_default() {
            "incidents" => answer(200, &[], list(query).to_string()),
            path => of(request, path),
        }
    })
}

fn list(query: &str) -> Value {
    let mut page = fixture("incidents.json");
    let incidents = page["incidents"].as_array_mut().expect("a list");
    if query.contains("from=2026-11-23") {
        incidents.push(fixture("repaired.json"));
    } else if query.contains("limit=1&") || query.ends_with("limit=1") {
        incidents.truncate(1);
        page["next"] = json!(INCIDENT);
    } else if query.contains("service=pages") {
        // Two pages of one.
        if query.contains("cursor=") {
            incidents.remove(0);
        } else {
            incidents.truncate(1);
            page["next"] = json!(INCIDENT);
        }
    }
    page
}

fn of(request: &Request, path: &str) -> Reply {
    let found = |name: &str| answer(200, &[], fixture(name).to_string());
    match (request.method.as_str(), path) {
        ("GET", "stats") => found("stats.json"),
        ("GET", "quality") => found("quality.json"),
        ("GET", "health") => found("health.json"),
        ("GET", "playbooks") => found("playbooks.json"),
        ("GET", path) if path == format!("incidents/{INCIDENT}") => found("incident.json"),
        ("GET", path) if path == format!("incidents/{REPAIRED}") => found("repaired.json"),
        ("GET", path) if path == format!("incidents/{REPAIRED}/log") => found("repaired-log.json"),
        ("GET", path) if path.ends_with("/log") => found("log.json"),
        ("POST", path) if path == format!("approvals/{APPROVAL}/approve") => {
            let decided = json!({
                "success": true, "approval_id": APPROVAL, "incident_id": INCIDENT, "status": "approved", "decided_by": "ada",
                "approvals": { "given": 1, "needed": 1 },
            });
            answer(200, &[], decided.to_string())
        }
        ("POST", path) if path == format!("approvals/{APPROVAL}/reject") => {
            let problem = json!({ "type": "urn:quell:problem:undecidable", "detail": "the plan was approved already" });
            answer(409, &[], problem.to_string())
        }
        _ => {
            let problem = json!({ "type": "urn:quell:problem:no-incident", "detail": "there is no incident with this id" });
            answer(404, &[], problem.to_string())
        }
    }
}

/// A person's machine with a profile.
struct Machine {
    home: TempDir,
}

impl Machine {
    fn with(config: &str) -> Self {
        let home = tempfile::tempdir().expect("a directory");
        let directory = home.path().join(".config/quell");
        std::fs::create_dir_all(&directory).expect("a directory");
        std::fs::write(directory.join("config.toml"), config).expect("written");
        std::fs::write(home.path().join("token"), format!("{TOKEN}\n")).expect("written");
        Self { home }
    }

    fn of(api: &Server) -> Self {
        Self::with(&format!(
            "[profiles.prod]\nurl = \"{}/\"\ntoken_file = \"~/token\"\n",
            api.url
        ))
    }

    fn runs(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_quell"));
        command
            .args(arguments)
            .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(".."))
            .env_clear()
            .env("HOME", self.home.path())
            .stdin(Stdio::null());
        command.output().expect("it runs")
    }

    /// The exit status, what was found out, and what was complained.
    fn told(&self, arguments: &[&str]) -> (Option<i32>, String, String) {
        let output = self.runs(arguments);
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
        (
            output.status.code(),
            text(output.stdout),
            text(output.stderr),
        )
    }

    /// What a command that goes well prints.
    fn prints(&self, arguments: &[&str]) -> String {
        let (status, found, complaint) = self.told(arguments);
        assert_eq!(
            (status, complaint.as_str()),
            (Some(0), ""),
            "{arguments:?}: {found}"
        );
        found
    }
}

/// The blocks of a page that begin with a command, as the command's words and what is shown below it.
fn blocks(page: &str, command: &str) -> Vec<(Vec<String>, String)> {
    let mut blocks = Vec::new();
    for block in page.split("\n```").skip(1).step_by(2) {
        // Behind the fence stands the name of a language, or nothing.
        let block = block.split_once('\n').map_or("", |(_, text)| text);
        let (first, shown) = block.split_once('\n').unwrap_or((block, ""));
        let Some(arguments) = first.strip_prefix("$ quell ") else {
            continue;
        };
        let words: Vec<String> = arguments.split(' ').map(str::to_owned).collect();
        if words[0] == command {
            blocks.push((words, shown.to_owned()));
        }
    }
    blocks
}

/// True if a text is these lines; a line with `…` alone stands for any lines.
fn has(found: &str, shown: &str) -> bool {
    // The last line of a block has no end.
    let (mut rest, shown) = (found, format!("{shown}\n"));
    // What leaves nothing out is all of it.
    if !shown.contains('…') {
        return found == shown;
    }
    let mut parts = shown.split("…\n").map(str::trim_end);
    parts.all(|part| match rest.split_once(part) {
        Some((_, after)) => {
            rest = after;
            true
        }
        None => false,
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_commands_print_what_the_documents_show() {
    let api = api();
    let machine = Machine::of(&api);
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/command.md");
    let page = std::fs::read_to_string(page).expect("the page");
    for (command, times) in [
        ("incidents", 1),
        ("show", 1),
        ("watch", 1),
        ("export", 1),
        ("report", 1),
        ("quality", 1),
        ("health", 1),
    ] {
        let shown = blocks(&page, command);
        assert_eq!(shown.len(), times, "{command}");
        for (arguments, shown) in shown {
            let mut arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
            if command == "watch" {
                arguments.extend(["--looks", "1"]);
            }
            let found = machine.prints(&arguments);
            let found = match command {
                // When it was looked is another time today.
                "watch" => format!("as of 21:16:00 UTC{}", &found["as of 21:16:00 UTC".len()..]),
                _ => found.replace(
                    &api.url,
                    "https://a1b2c3.execute-api.eu-central-1.amazonaws.com",
                ),
            };
            assert!(
                has(&found, &shown),
                "{arguments:?}\n{shown}\nis not in\n{found}"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_list_follows_its_cursor_or_says_how_to() {
    let api = api();
    let machine = Machine::of(&api);
    let first = machine.prints(&["incidents", "--limit", "1"]);
    assert!(
        first.ends_with(&format!(
            "more: the same with --cursor {INCIDENT}, or with --all\n"
        )),
        "{first}"
    );
    let all = machine.prints(&[
        "incidents",
        "--all",
        "--service",
        "pages",
        "--output",
        "json",
    ]);
    let all: Value = serde_json::from_str(&all).expect("JSON");
    let ids: Vec<&Value> = all["incidents"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|one| &one["id"])
        .collect();
    assert_eq!(ids, [INCIDENT, "01M8A8Z0M50B4S0C2H7V3Y6K1E"]);
    assert_eq!(all["next"], Value::Null);
    let asked: Vec<String> = api
        .requests()
        .into_iter()
        .map(|request| request.path)
        .collect();
    assert_eq!(
        asked,
        [
            "/api/v1/incidents?limit=1".to_owned(),
            "/api/v1/incidents?service=pages&limit=100".to_owned(),
            format!("/api/v1/incidents?service=pages&limit=100&cursor={INCIDENT}"),
        ]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_decision_is_sent_for_the_plan_that_is_meant() {
    let api = api();
    let machine = Machine::of(&api);
    // Without a terminal nobody can be asked, and nothing is sent.
    let (status, found, complaint) = machine.told(&["approve", INCIDENT]);
    assert_eq!((status, found.as_str()), (Some(2), ""));
    assert!(complaint.contains("give --yes"), "{complaint}");
    let done = machine.prints(&["approve", INCIDENT, "--yes"]);
    assert_eq!(
        done,
        format!("done: {INCIDENT} is approved; decided by ada; 1 of 1 approvals\n")
    );
    let json = machine.prints(&["approve", APPROVAL, "--yes", "--output", "json"]);
    let json: Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(json["decided_by"], "ada");
    let (status, found, _) = machine.told(&["reject", INCIDENT, "--yes"]);
    assert_eq!(
        (status, found.as_str()),
        (Some(1), "the plan was approved already\n")
    );
    let (status, found, _) = machine.told(&["stop", INCIDENT, "--yes"]);
    assert!(status == Some(1) && found.contains("no repair"), "{found}");
    let posted = api
        .requests()
        .into_iter()
        .filter(|request| request.method == "POST");
    let posted: Vec<String> = posted.map(|request| request.path).collect();
    let approve = format!("/api/v1/approvals/{APPROVAL}/approve");
    assert_eq!(
        posted,
        [
            approve.clone(),
            approve,
            format!("/api/v1/approvals/{APPROVAL}/reject")
        ]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_review_as_json_has_the_incident_and_its_log() {
    let api = api();
    let machine = Machine::of(&api);
    for arguments in [
        &["export", "incident", REPAIRED, "--format", "json"][..],
        &["show", REPAIRED, "--output", "json"],
    ] {
        let json: Value = serde_json::from_str(&machine.prints(arguments)).expect("JSON");
        assert_eq!(
            (&json["id"], json["entries"].as_array().map(Vec::len)),
            (&json!(REPAIRED), Some(14))
        );
    }
    let report = machine.prints(&["report", "--week", "2026-W48", "--output", "json"]);
    let report: Value = serde_json::from_str(&report).expect("JSON");
    assert_eq!(
        report["repairs"],
        json!({ "restart-supervisor-program": { "verified": 1 } })
    );
    assert_eq!(report["to_repair"]["median_seconds"], 134);
    let (status, _, complaint) = machine.told(&["report", "--week", "2026-48"]);
    assert!(
        status == Some(2) && complaint.contains("2026-W48"),
        "{complaint}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_watch_writes_a_line_for_each_change() {
    let api = api();
    let found = Machine::of(&api).prints(&[
        "watch", "--looks", "1", "--output", "json", "--team", "payments",
    ]);
    let line: Value = serde_json::from_str(&found).expect("one line of JSON");
    assert_eq!(
        (&line["stats"]["open"], &line["stale_because"]),
        (&json!(2), &Value::Null)
    );
    assert_eq!(
        api.requests()[0].path,
        "/api/v1/incidents?open=true&team=payments&limit=100"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_read_says_what_to_do() {
    let api = api();
    let machine = Machine::of(&api);
    let nowhere = Machine::with("");
    let other = Machine::with(&format!(
        "[profiles.prod]\nurl = \"{}\"\ntoken_command = [\"echo\", \"quell_other\"]\n",
        api.url
    ));
    let unnamed = Machine::with(
        "[profiles.a]\nurl = \"http://a.test\"\n[profiles.b]\nurl = \"http://b.test\"\n",
    );
    let closed = format!("http://{}", loopback::closed());
    for (machine, arguments, says) in [
        (
            &nowhere,
            &["incidents"][..],
            "no stack is named: give --url and --token-file, or write into ",
        ),
        (
            &nowhere,
            &["incidents", "--url", &api.url],
            "no token is named: give --token-file",
        ),
        // A profile's token goes to its own stack alone.
        (
            &machine,
            &["incidents", "--url", &closed],
            "no token is named: give --token-file",
        ),
        (&other, &["incidents"], "quell tokens make NAME --may look"),
        (
            &unnamed,
            &["incidents"],
            "several profiles: name one of a, b",
        ),
        (
            &unnamed,
            &["incidents", "--profile", "c"],
            "has no profile c; it has a, b",
        ),
        (
            &machine,
            &["incidents", "--profile", "prod", "--url", &closed],
            "No answer from the route",
        ),
        (
            &machine,
            &["show", "01ARZ3NDEKTSV4RRFFQ69G5FAV"],
            "there is no incident with this id: check it",
        ),
        (&machine, &["show", "../x"], "not a ULID"),
        (
            &machine,
            &["approve", "7145e68b"],
            "neither the id of an incident nor that of an approval",
        ),
    ] {
        let (status, found, complaint) = machine.told(arguments);
        assert!(
            status == Some(2) && found.is_empty() && complaint.contains(says),
            "{arguments:?}: {status:?} {found}{complaint}"
        );
    }
}

#[test]
fn completions_manual_and_version_need_nothing() {
    let machine = Machine::with("");
    assert!(
        machine
            .prints(&["completions", "zsh"])
            .starts_with("#compdef quell")
    );
    assert!(
        machine
            .prints(&["man", "incidents"])
            .contains(".TH quell-incidents")
    );
    let version = machine.prints(&["--version"]);
    assert!(
        version.starts_with(concat!("quell ", env!("CARGO_PKG_VERSION"))),
        "{version}"
    );
}
