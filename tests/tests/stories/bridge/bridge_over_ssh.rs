//! Tests of the bridge over SSH: the commands that arrive at the host, and the reported results.

use std::fs;
use std::path::Path;
use std::process::Command;

use domain::incident::repair::StepOutcome;
use serde_json::json;
use tests::bridging::{
    FORCED, assert_exited, assert_nothing_ran, bridge, bridge_valued, quiet, run, run_script,
    written,
};
use tests::hostile::ARGUMENTS;
use tests::target_host::{KINDS, TargetHost, generate_key, kill, public_key};

/// Constants and values arrive as the arguments that they are, and nothing in them is executed.
async fn arguments_arrive(host: &TargetHost) {
    let mark = host.path("mark").display().to_string();
    let touching = format!("$(touch {mark}) `touch {mark}`; touch {mark}");
    let constants: Vec<String> = ARGUMENTS
        .iter()
        .map(ToString::to_string)
        .chain([touching.clone(), "line\nbreak".into(), String::new()])
        .collect();
    let written: Vec<String> = constants
        .iter()
        .map(|text| text.replace('{', "{{").replace('}', "}}"))
        .collect();
    let argv = |arguments: &[String]| {
        ["printf".to_owned(), "%s|".to_owned()]
            .into_iter()
            .chain(arguments.to_vec())
            .collect::<Vec<_>>()
    };
    let steps =
        json!([{ "run": argv(&written) }, { "run": ["printf", "%s|", "{value}", "<{value}>"] }]);
    let app = bridge(host, &host.target(), host.login_key(), &steps);

    let reply = run(&app, 0, "").await;
    assert_exited(&reply, 0);
    assert_eq!(reply.argv, argv(&constants));
    assert_eq!(
        reply.result.stdout,
        constants
            .iter()
            .map(|text| format!("{text}|"))
            .collect::<String>()
    );
    for value in ARGUMENTS.into_iter().chain([touching.as_str()]) {
        let reply = run(&bridge_valued(host, "(?s).*", &steps, value), 1, value).await;
        assert_exited(&reply, 0);
        assert_eq!(reply.result.stdout, format!("{value}|<{value}>|"));
    }
    assert!(!host.path("mark").exists(), "something was executed");
}

#[tokio::test]
async fn arguments_arrive_as_they_are_through_the_login_shell() {
    let Some(host) = TargetHost::sshd("restrict") else {
        return;
    };
    arguments_arrive(&host).await;
}

#[tokio::test]
async fn arguments_arrive_as_they_are_through_a_forced_command() {
    let Some(host) = TargetHost::sshd(&format!(
        r#"restrict,command="{}""#,
        FORCED.replace('"', "\\\"")
    )) else {
        return;
    };
    arguments_arrive(&host).await;
}

#[tokio::test]
async fn the_stand_in_for_sshd_serves_the_same_story() {
    let host = TargetHost::stand_in(Path::new(env!("CARGO_BIN_EXE_ssh-host")), FORCED);
    arguments_arrive(&host).await;
    let reply = run_script(&host, "echo out; echo err >&2; exit 3", "10s").await;
    assert_exited(&reply, 3);
    assert_eq!(
        (reply.result.stdout.as_str(), reply.result.stderr.as_str()),
        ("out\n", "err\n")
    );
    let reply = run_script(&host, "yes | head -c 10000000", "30s").await;
    assert_exited(&reply, 0);
    assert!(reply.result.truncated);
    generate_key("ed25519", &host.path("other"));
    let stranger = fs::read_to_string(host.path("other")).expect("a key");
    let reply = run(
        &bridge(
            &host,
            &host.target(),
            stranger,
            &json!([{ "run": ["true"] }]),
        ),
        0,
        "",
    )
    .await;
    assert_eq!(reply.result.outcome, StepOutcome::LoginRefused, "{reply:?}");
    quiet(&host).await;
    let killed = TargetHost::stand_in(Path::new(env!("CARGO_BIN_EXE_ssh-host")), "kill -9 $$");
    let reply = run_script(&killed, "true", "10s").await;
    assert_eq!(
        (reply.result.outcome, reply.result.signal.as_deref()),
        (StepOutcome::Signalled, Some("KILL")),
        "{reply:?}"
    );
}

#[tokio::test]
async fn an_exit_status_and_both_streams_are_told_as_they_were() {
    let Some(host) = TargetHost::sshd("restrict") else {
        return;
    };
    let reply = run_script(&host, "echo out; echo err >&2; exit 3", "10s").await;
    assert_exited(&reply, 3);
    assert_eq!(
        (reply.result.stdout.as_str(), reply.result.stderr.as_str()),
        ("out\n", "err\n")
    );
    assert!(!reply.result.truncated && reply.result.signal.is_none());
    assert_eq!(reply.result.detail, "sh on web ended with exit status 3.");
    let reply = run(
        &bridge(
            &host,
            &host.target(),
            host.login_key(),
            &json!([{ "run": ["no-such-program"] }]),
        ),
        0,
        "",
    )
    .await;
    assert_exited(&reply, 127);
    quiet(&host).await;
}

#[tokio::test]
async fn a_command_gets_no_terminal_agent_input_or_environment() {
    // Everything that a client could ask for would be given.
    let Some(host) = TargetHost::sshd_with(
        "",
        "AcceptEnv *\nAllowAgentForwarding yes\nPermitTTY yes\nX11Forwarding yes\n",
    ) else {
        return;
    };
    let reply = run_script(
        &host,
        "env | cut -d= -f1 | sort; test -t 0 || test -t 1 || echo 'no terminal'; wc -c",
        "10s",
    )
    .await;
    assert_exited(&reply, 0);
    let lines: Vec<&str> = reply.result.stdout.lines().map(str::trim).collect();
    let (names, printed) = lines.split_at(lines.len() - 2);
    assert_eq!(printed, ["no terminal", "0"]);
    // Some come from the user's shell; none may come from here.
    let foreign = |name: &&&str| {
        let of_ssh = name.starts_with("SSH_") && !["SSH_CLIENT", "SSH_CONNECTION"].contains(*name);
        of_ssh
            || name.starts_with("CARGO")
            || ["DISPLAY", "LANG", "TERM", "XAUTHORITY"].contains(*name)
    };
    assert!(
        names.contains(&"SSH_CONNECTION") && !names.iter().any(|name| foreign(&name)),
        "{names:?}"
    );
}

#[tokio::test]
async fn every_kind_of_key_can_be_pinned_and_can_log_in() {
    let Some(host) = TargetHost::sshd("restrict") else {
        return;
    };
    for kind in KINDS {
        let mut target = host.target();
        target["ssh"]["host_key"] = json!(host.host_key(kind));
        let key = host.path(&format!("login_{kind}"));
        generate_key(kind, &key);
        host.admit("restrict", &public_key(&key));
        let key = fs::read_to_string(&key).expect("a key");
        assert_exited(
            &run(
                &bridge(&host, &target, key, &json!([{ "run": ["true"] }])),
                0,
                "",
            )
            .await,
            0,
        );
    }
}

#[tokio::test]
async fn an_rsa_key_to_log_in_with_is_refused_with_what_to_do() {
    let Some(host) = TargetHost::sshd("restrict") else {
        return;
    };
    for format in ["RFC4716", "PEM", "PKCS8"] {
        let file = host.path(&format!("login_{format}"));
        generate_key("rsa", &file);
        let converted = Command::new("ssh-keygen")
            .args(["-q", "-p", "-P", "", "-N", "", "-m", format, "-f"])
            .arg(&file)
            .output();
        assert!(converted.expect("ssh-keygen is installed").status.success());
        host.admit("restrict", &public_key(&file));
        let key = fs::read_to_string(&file).expect("a key");
        let reply = run(
            &bridge(
                &host,
                &host.target(),
                key,
                &json!([{ "run": ["touch", host.path("mark")] }]),
            ),
            0,
            "",
        )
        .await;
        assert_nothing_ran(
            &reply,
            StepOutcome::Refused,
            "is an RSA key, which Quell does not sign with; make one with ssh-keygen -t ed25519",
        );
    }
    assert!(!host.path("mark").exists(), "it ran");
}

#[tokio::test]
async fn a_signal_is_told_by_name() {
    let Some(host) = TargetHost::sshd("restrict") else {
        return;
    };
    for signal in ["KILL", "TERM"] {
        let reply = run_script(&host, &format!("kill -{signal} $$"), "10s").await;
        assert_eq!(
            (reply.result.outcome, reply.result.signal.as_deref()),
            (StepOutcome::Signalled, Some(signal)),
            "{reply:?}"
        );
        assert!(!reply.result.succeeded() && reply.result.exit_status.is_none());
    }
}

#[tokio::test]
async fn a_daemon_that_a_command_leaves_behind_does_not_hold_it_up() {
    let Some(host) = TargetHost::sshd("restrict") else {
        return;
    };
    let reply = run_script(&host, "sleep 60 & echo $! > $0; echo started", "30s").await;
    kill(written(&host.path("mark")).await);
    assert_exited(&reply, 0);
    assert!(
        reply.result.stdout == "started\n" && reply.result.duration_ms < 10_000,
        "{reply:?}"
    );
    quiet(&host).await;
}

#[tokio::test]
async fn the_key_is_in_no_reply_and_in_no_debug_output() {
    let Some(host) = TargetHost::sshd("restrict") else {
        return;
    };
    let app = bridge(
        &host,
        &host.target(),
        host.login_key(),
        &json!([{ "run": ["env"] }, { "run": ["false"] }]),
    );
    let mut shown = format!("{app:?}");
    for (step, value) in [(0, ""), (1, ""), (2, ""), (0, "-x")] {
        let reply = run(&app, step, value).await;
        shown += &format!("{reply:?} {}", serde_json::to_string(&reply).expect("JSON"));
    }
    let broken = host.login_key().replacen("b3Blbn", "!!!!!!", 1);
    shown += &format!(
        "{:?}",
        run(
            &bridge(&host, &host.target(), broken, &json!([{ "run": ["env"] }])),
            0,
            ""
        )
        .await
    );
    for line in host
        .login_key()
        .lines()
        .filter(|line| !line.starts_with("-----"))
    {
        assert!(!shown.contains(line), "the key was shown");
    }
    assert!(
        shown.contains("store the whole file that ssh-keygen"),
        "{shown}"
    );
}
