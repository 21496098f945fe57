//! The bridge repairs a host over SSH: what arrives there, and how truthfully it is told what came of it.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use bridge::App;
use bridge::login_key::LoginKey;
use secrecy::SecretString;
use serde_json::{Value, json};
use shared::bridge::BridgeReply;
use shared::domain::repair::Outcome;
use shared::operator_files::{OperatorFiles, PLAYBOOKS, SERVICE_REGISTRY};
use tests::target_host::{TargetHost, generate_key, kill, public_key, signal};
use tokio::time::sleep;

/// What people could put into a playbook or a registry, and what a shell would make something else of.
const HOSTILE: [&str; 14] = [
    "a b",
    "'",
    "\"",
    "it's \"quoted\"",
    "\\",
    "$(touch x)",
    "`touch x`",
    "; touch x",
    "&& touch x",
    "| sh",
    "$HOME",
    "*",
    "größer ☃ 𝄞",
    "{}",
];
/// What an sshd in the field runs instead of the command that it was asked for, to choose the directory and the path.
const FORCED: &str = r#"exec /bin/sh -c "$SSH_ORIGINAL_COMMAND""#;

/// A bridge for the files as an operator would write them: one playbook with these steps, one service at this target.
fn bridge(host: &TargetHost, target: &Value, login_key: String, steps: &Value) -> App {
    let playbooks = json!([{
        "id": "repair", "name": "Repair", "match": { "alertnames": ["Down"] }, "risk": "low",
        "parameters": { "value": { "from": "service.facts.value", "pattern": ".*" } },
        "steps": steps,
    }]);
    let services = json!([{ "name": "web", "level": "approval", "target": target }]);
    // JSON is YAML.
    fs::write(host.path(PLAYBOOKS), playbooks.to_string()).expect("playbooks");
    fs::write(host.path(SERVICE_REGISTRY), services.to_string()).expect("services");
    let files = OperatorFiles::load(host.path(PLAYBOOKS).parent().expect("a directory")).expect("the files are right");
    App::new(files, LoginKey::Given(SecretString::from(login_key)))
}

async fn run(app: &App, step: usize, value: &str) -> BridgeReply {
    let request = json!({
        "v": 1, "incident_id": "01JH2V5C8Z4N6QW9X3T7RB0KDM", "playbook": "repair", "phase": "steps", "step": step,
        "parameters": { "value": value }, "target": "web",
    });
    app.answer(request).await
}

/// Runs a script as a step's only command, with `$0` being the path of `mark` on the host.
async fn run_script(host: &TargetHost, script: &str, timeout: &str) -> BridgeReply {
    let steps = json!([{ "run": ["sh", "-c", script, host.path("mark")], "timeout": timeout }]);
    run(&bridge(host, &host.target(), host.login_key(), &steps), 0, "").await
}

/// The number in a file that a command on the host writes.
async fn written(file: &Path) -> u32 {
    for _ in 0..500 {
        if let Some(number) = fs::read_to_string(file).ok().and_then(|text| text.trim().parse().ok()) {
            return number;
        }
        sleep(Duration::from_millis(10)).await;
    }
    panic!("{} was not written", file.display());
}

/// Waits until the host has no process left, as it is once a connection is closed on both ends.
async fn quiet(host: &TargetHost) {
    for _ in 0..500 {
        if host.processes().is_empty() {
            return;
        }
        sleep(Duration::from_millis(10)).await;
    }
    panic!("still running: {:?}", host.processes());
}

fn assert_exited(reply: &BridgeReply, status: u32) {
    assert_eq!((reply.result.outcome, reply.result.exit_status), (Outcome::Exited, Some(status)), "{reply:?}");
    assert_eq!(reply.result.succeeded(), status == 0);
}

/// Constants and values arrive as the arguments that they are, and nothing in them is executed.
async fn arguments_arrive(host: &TargetHost) {
    let mark = host.path("mark").display().to_string();
    let touching = format!("$(touch {mark}) `touch {mark}`; touch {mark}");
    let constants: Vec<String> =
        HOSTILE.iter().map(ToString::to_string).chain([touching.clone(), "line\nbreak".into(), String::new()]).collect();
    let written: Vec<String> = constants.iter().map(|text| text.replace('{', "{{").replace('}', "}}")).collect();
    let argv = |arguments: &[String]| ["printf".to_owned(), "%s|".to_owned()].into_iter().chain(arguments.to_vec()).collect::<Vec<_>>();
    let steps = json!([{ "run": argv(&written) }, { "run": ["printf", "%s|", "{value}", "<{value}>"] }]);
    let app = bridge(host, &host.target(), host.login_key(), &steps);

    let reply = run(&app, 0, "").await;
    assert_exited(&reply, 0);
    assert_eq!(reply.argv, argv(&constants));
    assert_eq!(reply.result.stdout, constants.iter().map(|text| format!("{text}|")).collect::<String>());
    for value in HOSTILE.into_iter().chain([touching.as_str()]) {
        let reply = run(&app, 1, value).await;
        assert_exited(&reply, 0);
        assert_eq!(reply.result.stdout, format!("{value}|<{value}>|"));
    }
    assert!(!host.path("mark").exists(), "something was executed");
}

#[tokio::test]
async fn arguments_arrive_as_they_are_through_the_login_shell() {
    let Some(host) = TargetHost::sshd("restrict") else { return };
    arguments_arrive(&host).await;
}

#[tokio::test]
async fn arguments_arrive_as_they_are_through_a_forced_command() {
    let Some(host) = TargetHost::sshd(&format!(r#"restrict,command="{}""#, FORCED.replace('"', "\\\""))) else { return };
    arguments_arrive(&host).await;
}

#[tokio::test]
async fn the_stand_in_for_sshd_serves_the_same_story() {
    let host = TargetHost::stand_in(Path::new(env!("CARGO_BIN_EXE_ssh-host")), FORCED);
    arguments_arrive(&host).await;
    let reply = run_script(&host, "echo out; echo err >&2; exit 3", "10s").await;
    assert_exited(&reply, 3);
    assert_eq!((reply.result.stdout.as_str(), reply.result.stderr.as_str()), ("out\n", "err\n"));
    let reply = run_script(&host, "yes | head -c 10000000", "30s").await;
    assert_exited(&reply, 0);
    assert!(reply.result.truncated);
    generate_key("ed25519", &host.path("other"));
    let stranger = fs::read_to_string(host.path("other")).expect("a key");
    let reply = run(&bridge(&host, &host.target(), stranger, &json!([{ "run": ["true"] }])), 0, "").await;
    assert_eq!(reply.result.outcome, Outcome::LoginRefused, "{reply:?}");
    quiet(&host).await;
    let killed = TargetHost::stand_in(Path::new(env!("CARGO_BIN_EXE_ssh-host")), "kill -9 $$");
    let reply = run_script(&killed, "true", "10s").await;
    assert_eq!((reply.result.outcome, reply.result.signal.as_deref()), (Outcome::Signalled, Some("KILL")), "{reply:?}");
}

#[tokio::test]
async fn an_exit_status_and_both_streams_are_told_as_they_were() {
    let Some(host) = TargetHost::sshd("restrict") else { return };
    let reply = run_script(&host, "echo out; echo err >&2; exit 3", "10s").await;
    assert_exited(&reply, 3);
    assert_eq!((reply.result.stdout.as_str(), reply.result.stderr.as_str()), ("out\n", "err\n"));
    assert!(!reply.result.truncated && reply.result.signal.is_none());
    assert_eq!(reply.result.detail, "sh on web ended with exit status 3.");
    let reply = run(&bridge(&host, &host.target(), host.login_key(), &json!([{ "run": ["no-such-program"] }])), 0, "").await;
    assert_exited(&reply, 127);
    quiet(&host).await;
}

#[tokio::test]
async fn every_kind_of_host_key_can_be_pinned_and_every_kind_of_key_can_log_in() {
    let Some(host) = TargetHost::sshd("restrict") else { return };
    for kind in ["ed25519", "ecdsa", "rsa"] {
        let mut target = host.target();
        target["ssh"]["host_key"] = json!(host.host_key(kind));
        let key = host.path(&format!("login_{kind}"));
        generate_key(kind, &key);
        fs::write(host.path("authorized_keys"), public_key(&key)).expect("authorized_keys");
        let key = fs::read_to_string(&key).expect("a key");
        assert_exited(&run(&bridge(&host, &target, key, &json!([{ "run": ["true"] }])), 0, "").await, 0);
    }
}

#[tokio::test]
async fn a_host_with_another_key_than_the_pinned_one_gets_nothing_to_run() {
    let Some(host) = TargetHost::sshd("restrict") else { return };
    let steps = json!([{ "run": ["touch", host.path("mark")] }]);
    for kind in ["ed25519", "ecdsa", "rsa"] {
        generate_key(kind, &host.path(&format!("other_{kind}")));
        let mut target = host.target();
        target["ssh"]["host_key"] = json!(public_key(&host.path(&format!("other_{kind}"))));
        let reply = run(&bridge(&host, &target, host.login_key(), &steps), 0, "").await;
        assert_eq!(reply.result.outcome, Outcome::HostKeyMismatch, "{reply:?}");
        assert!(reply.result.detail.contains("SHA256:") && reply.argv.is_empty(), "{reply:?}");
    }
    assert!(!host.path("mark").exists(), "it ran");
    let log = fs::read_to_string(host.path("log")).expect("sshd's log");
    assert!(!log.contains("Accepted publickey"), "it logged in: {log}");
    quiet(&host).await;
}

#[tokio::test]
async fn a_host_without_a_key_of_the_pinned_kind_is_another_host() {
    // The stand-in has an ed25519 key only.
    let host = TargetHost::stand_in(Path::new(env!("CARGO_BIN_EXE_ssh-host")), "touch mark");
    let mut target = host.target();
    target["ssh"]["host_key"] = json!(host.host_key("ecdsa"));
    let reply = run(&bridge(&host, &target, host.login_key(), &json!([{ "run": ["true"] }])), 0, "").await;
    assert_eq!(reply.result.outcome, Outcome::HostKeyMismatch, "{reply:?}");
}

#[tokio::test]
async fn a_refused_login_is_told_and_nothing_ran() {
    let Some(host) = TargetHost::sshd("restrict") else { return };
    generate_key("ed25519", &host.path("other"));
    let stranger = fs::read_to_string(host.path("other")).expect("a key");
    let steps = json!([{ "run": ["touch", host.path("mark")] }]);
    let reply = run(&bridge(&host, &host.target(), stranger, &steps), 0, "").await;
    assert_eq!(reply.result.outcome, Outcome::LoginRefused, "{reply:?}");
    let mut target = host.target();
    target["ssh"]["user"] = json!("nobody-of-that-name");
    let reply = run(&bridge(&host, &target, host.login_key(), &steps), 0, "").await;
    assert_eq!(reply.result.outcome, Outcome::LoginRefused, "{reply:?}");
    assert!(reply.argv.is_empty() && !host.path("mark").exists());
    quiet(&host).await;
}

#[tokio::test]
async fn a_hanging_command_is_given_up_in_time_and_the_connection_closed() {
    let Some(host) = TargetHost::sshd("restrict") else { return };
    let start = Instant::now();
    let reply = run_script(&host, "echo begun; echo $$ > $0; exec sleep 60", "2s").await;
    assert_eq!(reply.result.outcome, Outcome::TimedOut, "{reply:?}");
    assert!((2..5).contains(&start.elapsed().as_secs()), "{:?}", start.elapsed());
    assert_eq!(reply.result.stdout, "begun\n");
    assert!(reply.result.detail.contains("within 2 s; it may still be running") && reply.argv[0] == "sh", "{reply:?}");
    // sshd leaves a command without a terminal alone when its client goes, so the test ends it.
    kill(written(&host.path("mark")).await);
    quiet(&host).await;
}

#[tokio::test]
async fn fifty_megabytes_of_output_are_read_to_the_end_and_kept_in_part() {
    let Some(host) = TargetHost::sshd("restrict") else { return };
    let script = "echo first; yes 0123456789abcdef | head -c 50000000; echo; echo last; yes 0123456789abcdef | head -c 50000000 >&2";
    let before = peak_memory();
    let reply = run_script(&host, script, "60s").await;
    assert_exited(&reply, 0);
    assert!(reply.result.truncated);
    let (stdout, stderr) = (&reply.result.stdout, &reply.result.stderr);
    assert!(stdout.starts_with("first\n0123456789abcdef\n") && stdout.ends_with("\nlast\n"), "{stdout}");
    assert!(stdout.len() <= 16 * 1024 && stderr.len() <= 16 * 1024, "{} {}", stdout.len(), stderr.len());
    let grown = peak_memory() - before;
    assert!(grown < 32 * 1024, "{grown} KiB");
}

/// The most memory that this process ever held, in KiB. nextest gives every test a process of its own.
fn peak_memory() -> u64 {
    let status = fs::read_to_string("/proc/self/status").expect("/proc");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("VmHWM");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}

#[tokio::test]
async fn a_signal_is_told_by_name() {
    let Some(host) = TargetHost::sshd("restrict") else { return };
    for signal in ["KILL", "TERM"] {
        let reply = run_script(&host, &format!("kill -{signal} $$"), "10s").await;
        assert_eq!((reply.result.outcome, reply.result.signal.as_deref()), (Outcome::Signalled, Some(signal)), "{reply:?}");
        assert!(!reply.result.succeeded() && reply.result.exit_status.is_none());
    }
}

#[tokio::test]
async fn a_connection_that_is_cut_in_mid_command_is_not_mistaken_for_an_end() {
    let Some(host) = TargetHost::sshd("restrict") else { return };
    let command = run_script(&host, "echo begun; echo $$ > $0; exec sleep 60", "30s");
    let cut = async {
        let sleeping = written(&host.path("mark")).await;
        host.processes().into_iter().filter(|process| *process != sleeping).for_each(kill);
        sleeping
    };
    let (reply, sleeping) = tokio::join!(command, cut);
    kill(sleeping);
    assert_eq!(reply.result.outcome, Outcome::ConnectionLost, "{reply:?}");
    assert!(reply.result.duration_ms < 10_000 && reply.result.stdout == "begun\n" && reply.argv[0] == "sh", "{reply:?}");
    assert!(reply.result.detail.contains("what it did is unknown"), "{reply:?}");
}

#[tokio::test]
async fn a_host_that_falls_silent_in_mid_command_is_lost_and_not_waited_for() {
    let Some(host) = TargetHost::sshd("restrict") else { return };
    let command = run_script(&host, "echo $$ > $0; exec sleep 60", "60s");
    let stop = async {
        written(&host.path("mark")).await;
        // As if the host had lost its power: the connection stands, and nobody answers any more.
        host.processes().into_iter().for_each(|process| signal("STOP", process));
    };
    let (reply, ()) = tokio::join!(command, stop);
    assert_eq!(reply.result.outcome, Outcome::ConnectionLost, "{reply:?}");
    assert!(reply.result.duration_ms < 30_000, "{reply:?}");
}

#[tokio::test]
async fn a_daemon_that_a_command_leaves_behind_does_not_hold_it_up() {
    let Some(host) = TargetHost::sshd("restrict") else { return };
    let reply = run_script(&host, "sleep 60 & echo $! > $0; echo started", "30s").await;
    kill(written(&host.path("mark")).await);
    assert_exited(&reply, 0);
    assert!(reply.result.stdout == "started\n" && reply.result.duration_ms < 10_000, "{reply:?}");
    quiet(&host).await;
}

#[tokio::test]
async fn a_login_that_may_not_run_commands_is_told_as_such() {
    let Some(host) = TargetHost::sshd_with("restrict", "MaxSessions 0") else { return };
    let reply = run(&bridge(&host, &host.target(), host.login_key(), &json!([{ "run": ["true"] }])), 0, "").await;
    assert_eq!(reply.result.outcome, Outcome::LoginRefused, "{reply:?}");
    assert!(reply.result.detail.contains("does not let it run commands") && reply.argv.is_empty(), "{reply:?}");
}

#[tokio::test]
async fn the_key_is_in_no_reply_and_in_no_debug_output() {
    let Some(host) = TargetHost::sshd("restrict") else { return };
    let app = bridge(&host, &host.target(), host.login_key(), &json!([{ "run": ["env"] }, { "run": ["false"] }]));
    let mut shown = format!("{app:?}");
    for (step, value) in [(0, ""), (1, ""), (2, ""), (0, "-x")] {
        let reply = run(&app, step, value).await;
        shown += &format!("{reply:?} {}", serde_json::to_string(&reply).expect("JSON"));
    }
    let broken = host.login_key().replacen("b3Blbn", "!!!!!!", 1);
    shown += &format!("{:?}", run(&bridge(&host, &host.target(), broken, &json!([{ "run": ["env"] }])), 0, "").await);
    for line in host.login_key().lines().filter(|line| !line.starts_with("-----")) {
        assert!(!shown.contains(line), "the key was shown");
    }
    assert!(shown.contains("store the whole file that ssh-keygen"), "{shown}");
}
