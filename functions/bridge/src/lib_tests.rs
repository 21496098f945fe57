//! Tests of the bridge's answers and log lines for requests that send no command.

use std::io::{self, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use aws::AwsEnvironment;
use domain::incident::repair::StepOutcome;
use playbook_files::operator_files::OperatorFiles;
use secrecy::SecretString;
use serde_json::{Value, json};
use settings::variables::Variables;
use tracing::subscriber::set_default;
use wire::bridge::BridgeReply;

use crate::App;
use crate::ssh::login_key::LoginKey;
use crate::ssh::login_key::tests::{key, key_file};
use crate::ssm::RunCommand;

/// A bridge with one playbook and one service at this target.
fn app(target: Value, login_key: String) -> App {
    app_for("web", target, login_key)
}

/// The same, whose service has this unit.
fn app_for(unit: &str, target: Value, login_key: String) -> App {
    let playbooks = json!([{
        "id": "restart", "name": "Restart", "match": { "alertnames": ["Down"] }, "risk": "low",
        "parameters": { "unit": { "from": "service.unit", "pattern": ".*" } },
        "steps": [{ "run": ["restart", "{unit}"] }],
    }]);
    let services = json!([{ "name": "web", "level": "approval", "unit": unit, "target": target }]);
    let files = OperatorFiles {
        playbooks: serde_json::from_value(playbooks).expect("playbooks"),
        services: serde_json::from_value(services).expect("services"),
    };
    App::for_operator(files, LoginKey::Given(SecretString::from(login_key)))
}

/// Run Command where there is none.
fn run_command() -> RunCommand {
    let variables = Variables::from_fn(|name| match name {
        "AWS_ENDPOINT_URL" => Some("http://127.0.0.1:1".to_owned()),
        "AWS_CA_BUNDLE" => None,
        _ => Some("x".to_owned()),
    });
    let aws = AwsEnvironment::from_variables(&variables).expect("a region and credentials");
    RunCommand::new(&aws, Duration::from_secs(1), "Quell-RunStep".to_owned())
}

fn ssh(host: &str, port: u16) -> Value {
    json!({ "ssh": { "host": host, "port": port, "user": "quell", "host_key": key().public_key().to_openssh().expect("a host key") } })
}

/// A target where an attempt to connect would be seen, because it is not `refused`.
fn nowhere() -> Value {
    ssh("127.0.0.1", 1)
}

fn request(change: Value) -> Value {
    let mut request = json!({
        "v": 2, "incident_id": "01JH2V5C8Z4N6QW9X3T7RB0KDM", "playbook": "restart", "phase": "steps", "step": 0,
        "parameters": { "unit": "web" }, "target": "web",
    });
    for (field, value) in change.as_object().expect("fields") {
        request[field] = value.clone();
    }
    request
}

/// Checks that nothing ran and that the detail names what was wrong.
fn assert_nothing_ran(reply: &BridgeReply, outcome: StepOutcome, named: &str) {
    assert_eq!(reply.result.outcome, outcome, "{reply:?}");
    let detail = reply.result.detail.to_string();
    assert!(
        detail.contains(named) && detail.len() < 400,
        "{named}: {reply:?}"
    );
    assert!(
        reply.argv.is_empty() && reply.result.exit_status.is_none() && !reply.result.succeeded(),
        "{reply:?}"
    );
}

#[tokio::test]
async fn payloads_that_are_no_request_are_answered_with_the_field() {
    let app = app(nowhere(), key_file());
    let cases = [
        (json!(null), "null"),
        (json!("restart web"), "restart web"),
        (json!([]), "v"),
        (json!({}), "missing field `v`"),
        (request(json!({ "v": "1" })), "the field v"),
        (request(json!({ "step": -1 })), "the field step"),
        (request(json!({ "phase": "shell" })), "the field phase"),
        (
            request(json!({ "incident_id": "1" })),
            "the field incident_id: not a ULID",
        ),
        (
            request(json!({ "parameters": { "unit": 7 } })),
            "the field parameters.unit",
        ),
        (
            request(json!({ "command": "id" })),
            "the field command: unknown field",
        ),
        (
            request(json!({ "phase": "x".repeat(100_000) })),
            "the field phase",
        ),
    ];
    for (payload, named) in cases {
        assert_nothing_ran(&app.answer(payload).await, StepOutcome::Refused, named);
    }
}

#[tokio::test]
async fn request_that_does_not_fit_the_files_dials_nothing() {
    let app = app(nowhere(), key_file());
    let mut cases = vec![
        (json!({ "v": 9 }), "the field v is 9".to_owned()),
        (
            json!({ "playbook": "format-disk" }),
            "the playbook format-disk".to_owned(),
        ),
        (
            json!({ "target": "localhost" }),
            "the target localhost".to_owned(),
        ),
        (json!({ "step": 7 }), "has no steps[7]".to_owned()),
        (
            json!({ "parameters": {} }),
            "the parameter unit was not given".to_owned(),
        ),
        (
            json!({ "parameters": { "unit": "web", "argv": "id" } }),
            "no parameter argv".to_owned(),
        ),
    ];
    for hostile in ["-rf", "a\nb", "a\0b", "\u{1b}[31m", &"a".repeat(64 * 1024)] {
        cases.push((
            json!({ "parameters": { "unit": hostile } }),
            "the parameter unit".to_owned(),
        ));
    }
    for (change, named) in cases {
        assert_nothing_ran(
            &app.answer(request(change)).await,
            StepOutcome::Refused,
            &named,
        );
    }
}

#[tokio::test]
async fn a_target_that_cannot_be_used_is_said_so() {
    // No key is needed where nobody logs in.
    let without = || {
        app(
            json!({ "ssm": { "instance_id": "i-01234567" } }),
            "not a key".to_owned(),
        )
    };
    assert_nothing_ran(
        &without().answer(request(json!({}))).await,
        StepOutcome::Refused,
        "which the deployed bridge does",
    );
    let ssm = without().with_run_command(run_command());
    assert_nothing_ran(
        &ssm.answer(request(json!({}))).await,
        StepOutcome::Unreachable,
        "Systems Manager could not be reached",
    );
    let mut unpinned = nowhere();
    // It begins like a key, which is all that the registry's check can see.
    unpinned["ssh"]["host_key"] = json!(format!(
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5{}",
        "A".repeat(48)
    ));
    assert_nothing_ran(
        &app(unpinned, key_file()).answer(request(json!({}))).await,
        StepOutcome::Refused,
        "target.ssh.host_key of web",
    );
}

#[tokio::test]
async fn a_host_that_is_not_there_is_unreachable() {
    let closed = TcpListener::bind("127.0.0.1:0")
        .and_then(|listener| listener.local_addr())
        .expect("a port");
    for (target, named) in [
        (ssh("127.0.0.1", closed.port()), "refused"),
        (ssh("host.invalid", 22), "host.invalid"),
    ] {
        assert_nothing_ran(
            &app(target, key_file()).answer(request(json!({}))).await,
            StepOutcome::Unreachable,
            named,
        );
    }
}

#[tokio::test]
async fn silent_host_is_given_up_after_ten_seconds() {
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
    let stalling = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = |listener: &TcpListener| listener.local_addr().expect("an address").port();
    let (a, b) = (
        app(ssh("127.0.0.1", port(&silent)), key_file()),
        app(ssh("127.0.0.1", port(&stalling)), key_file()),
    );
    let (sender, hung_up) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let (mut peer, _) = stalling.accept().expect("a connection");
        peer.write_all(b"SSH-2.0-stalling\r\n").expect("a greeting");
        // Ends when the bridge hangs up, which it has to do although the library still waits for the handshake.
        io::copy(&mut peer, &mut io::sink()).expect("the rest");
        sender.send(()).expect("somebody waits");
    });
    let start = Instant::now();
    let (first, second) = tokio::join!(a.answer(request(json!({}))), b.answer(request(json!({}))));
    for reply in [first, second] {
        assert_nothing_ran(&reply, StepOutcome::Unreachable, "within 10 seconds");
    }
    assert!(
        start.elapsed() < Duration::from_secs(12),
        "{:?}",
        start.elapsed()
    );
    hung_up
        .recv_timeout(Duration::from_secs(5))
        .expect("the bridge hung up");
}

/// Where a test's log lines go.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("the lines").write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn each_request_is_one_log_line_without_values_or_keys() {
    let lines = Lines::default();
    let writer = lines.clone();
    let subscriber = tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_writer(move || writer.clone())
        .finish();
    let guard = set_default(subscriber);
    let app = app_for("private value", nowhere(), key_file());
    app.answer(request(
        json!({ "parameters": { "unit": "private value" } }),
    ))
    .await;
    app.answer(json!({})).await;
    drop(guard);
    let text = String::from_utf8(lines.0.lock().expect("the lines").clone()).expect("UTF-8");
    let [first, second] = text.lines().collect::<Vec<_>>()[..] else {
        panic!("two lines, not {text}")
    };
    let first: Value = serde_json::from_str(first).expect("JSON");
    for (field, value) in [
        ("incident_id", json!("01JH2V5C8Z4N6QW9X3T7RB0KDM")),
        ("playbook", json!("restart")),
        ("phase", json!("steps")),
        ("step", json!(0)),
        ("service", json!("web")),
        ("outcome", json!("unreachable")),
    ] {
        assert_eq!(first[field], value, "{field} in {first}");
    }
    assert!(first["duration_ms"].is_u64(), "{first}");
    assert!(second.contains("missing field"), "{second}");
    let secret = key_file();
    assert!(
        !text.contains("private value")
            && secret
                .lines()
                .all(|line| line.is_empty() || !text.contains(line)),
        "{text}"
    );
    assert!(
        secret
            .lines()
            .all(|line| line.is_empty() || !format!("{app:?}").contains(line)),
        "the key is in Debug output"
    );
}
