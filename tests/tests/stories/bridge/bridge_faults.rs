//! Tests of faults between the bridge and a host, with the real sshd: each is reported as what it
//! is, in time.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use bridge::ssh::login_key::LoginKey;
use domain::incident::repair::StepOutcome;
use secrecy::SecretString;
use serde_json::json;
use tests::bridging::{
    SLEEPER, assert_exited, assert_nothing_ran, bridge, bridge_with, peak_memory, quiet, run,
    run_on, run_script, written,
};
use tests::namespace::Namespace;
use tests::target_host::{KINDS, TargetHost, generate_key, kill, public_key, signal};

#[tokio::test]
async fn a_host_with_a_key_that_is_not_pinned_runs_nothing() {
    let Some(host) = TargetHost::sshd("restrict") else {
        return;
    };
    let steps = json!([{ "run": ["touch", host.path("mark")] }]);
    for kind in KINDS {
        generate_key(kind, &host.path(&format!("other_{kind}")));
        let mut target = host.target();
        target["ssh"]["host_key"] = json!(public_key(&host.path(&format!("other_{kind}"))));
        let reply = run(&bridge(&host, &target, host.login_key(), &steps), 0, "").await;
        assert_nothing_ran(&reply, StepOutcome::HostKeyMismatch, "the host key of web");
        assert!(
            reply.result.detail.to_string().contains("SHA256:"),
            "{reply:?}"
        );
    }
    assert!(!host.path("mark").exists(), "it ran");
    assert!(
        !host.log().contains("Accepted publickey"),
        "it logged in: {}",
        host.log()
    );
    quiet(&host).await;
}

#[tokio::test]
async fn a_host_whose_key_changes_gets_no_second_step() {
    let Some(mut host) = TargetHost::sshd("restrict") else {
        return;
    };
    let app = bridge(
        &host,
        &host.target(),
        host.login_key(),
        &json!([{ "run": ["true"] }, { "run": ["touch", host.path("mark")] }]),
    );
    assert_exited(&run(&app, 0, "").await, 0);
    host.change_host_keys();
    let told = format!("ssh-ed25519 {}", fingerprint(&host.path("host_ed25519")));
    assert_nothing_ran(&run(&app, 1, "").await, StepOutcome::HostKeyMismatch, &told);
    assert!(!host.path("mark").exists(), "it ran");
    // Somebody looked, and pinned the new key.
    let app = bridge(
        &host,
        &host.target(),
        host.login_key(),
        &json!([{ "run": ["true"] }]),
    );
    assert_exited(&run(&app, 0, "").await, 0);
}

/// The fingerprint of a key, as OpenSSH shows it.
fn fingerprint(file: &Path) -> String {
    let output = Command::new("ssh-keygen")
        .arg("-lf")
        .arg(file)
        .output()
        .expect("ssh-keygen");
    String::from_utf8(output.stdout)
        .expect("text")
        .split(' ')
        .nth(1)
        .expect("a fingerprint")
        .to_owned()
}

#[tokio::test]
async fn a_host_without_a_key_of_the_pinned_kind_is_another_host() {
    // The stand-in has an ed25519 key only.
    let host = TargetHost::stand_in(Path::new(env!("CARGO_BIN_EXE_ssh-host")), "touch mark");
    let mut target = host.target();
    target["ssh"]["host_key"] = json!(host.host_key("ecdsa"));
    let reply = run(
        &bridge(
            &host,
            &target,
            host.login_key(),
            &json!([{ "run": ["true"] }]),
        ),
        0,
        "",
    )
    .await;
    assert_nothing_ran(
        &reply,
        StepOutcome::HostKeyMismatch,
        "it has none of the pinned one's algorithm",
    );
}

#[tokio::test]
async fn a_refused_login_is_told_and_nothing_ran() {
    let Some(host) = TargetHost::sshd("restrict") else {
        return;
    };
    generate_key("ed25519", &host.path("other"));
    let stranger = fs::read_to_string(host.path("other")).expect("a key");
    let steps = json!([{ "run": ["touch", host.path("mark")] }]);
    let reply = run(&bridge(&host, &host.target(), stranger, &steps), 0, "").await;
    let told = format!(
        "web did not accept Quell's key for the user {}",
        host.user()
    );
    assert_nothing_ran(&reply, StepOutcome::LoginRefused, &told);
    let mut target = host.target();
    target["ssh"]["user"] = json!("nobody-of-that-name");
    let reply = run(&bridge(&host, &target, host.login_key(), &steps), 0, "").await;
    assert_nothing_ran(
        &reply,
        StepOutcome::LoginRefused,
        "for the user nobody-of-that-name",
    );
    assert!(!host.path("mark").exists());
    quiet(&host).await;
}

#[tokio::test]
async fn a_hanging_command_is_given_up_and_its_connection_closed() {
    let Some(host) = TargetHost::sshd("restrict") else {
        return;
    };
    let start = Instant::now();
    let reply = run_script(&host, "echo begun; echo $$ > $0; exec sleep 60", "2s").await;
    assert_eq!(reply.result.outcome, StepOutcome::TimedOut, "{reply:?}");
    assert!(
        (2..5).contains(&start.elapsed().as_secs()),
        "{:?}",
        start.elapsed()
    );
    assert_eq!(reply.result.stdout, "begun\n");
    assert!(
        reply
            .result
            .detail
            .to_string()
            .contains("within 2 s; it may still be running")
            && reply.argv[0] == "sh",
        "{reply:?}"
    );
    // sshd leaves a command without a terminal alone when its client goes, so the test ends it.
    kill(written(&host.path("mark")).await);
    quiet(&host).await;
}

#[tokio::test]
async fn a_gigabyte_of_output_is_read_to_the_end_and_kept_in_part() {
    let Some(host) = TargetHost::sshd("restrict") else {
        return;
    };
    let script = "echo first; yes 0123456789abcdef | head -c 1000000000; echo; echo last; yes 0123456789abcdef | head -c 50000000 >&2";
    let before = peak_memory();
    let reply = run_script(&host, script, "100s").await;
    assert_exited(&reply, 0);
    assert!(reply.result.truncated);
    let (stdout, stderr) = (&reply.result.stdout, &reply.result.stderr);
    assert!(
        stdout.starts_with("first\n0123456789abcdef\n") && stdout.ends_with("\nlast\n"),
        "{stdout}"
    );
    assert!(
        stdout.len() <= 16 * 1024 && stderr.len() <= 16 * 1024,
        "{} {}",
        stdout.len(),
        stderr.len()
    );
    let grown = peak_memory() - before;
    assert!(grown < 32 * 1024, "{grown} KiB");
}

#[tokio::test]
async fn a_connection_cut_in_mid_command_is_no_end_of_it() {
    let Some(host) = TargetHost::sshd("restrict") else {
        return;
    };
    let command = run_script(&host, SLEEPER, "30s");
    let cut = async {
        let sleeping = written(&host.path("mark")).await;
        host.processes()
            .into_iter()
            .filter(|process| *process != sleeping)
            .for_each(kill);
        sleeping
    };
    let (reply, sleeping) = tokio::join!(command, cut);
    kill(sleeping);
    assert_eq!(
        reply.result.outcome,
        StepOutcome::ConnectionLost,
        "{reply:?}"
    );
    assert!(
        reply.result.duration_ms < 10_000
            && reply.result.stdout == "begun\n"
            && reply.argv[0] == "sh",
        "{reply:?}"
    );
    assert!(
        reply
            .result
            .detail
            .to_string()
            .contains("what it did is unknown"),
        "{reply:?}"
    );
}

#[tokio::test]
async fn a_host_that_falls_silent_is_lost_and_not_waited_for() {
    let Some(host) = TargetHost::sshd("restrict") else {
        return;
    };
    let command = run_script(&host, "echo $$ > $0; exec sleep 60", "60s");
    let stop = async {
        written(&host.path("mark")).await;
        // As if the host had lost its power: the connection stands, and nobody answers any more.
        host.processes()
            .into_iter()
            .for_each(|process| signal("STOP", process));
    };
    let (reply, ()) = tokio::join!(command, stop);
    assert_eq!(
        reply.result.outcome,
        StepOutcome::ConnectionLost,
        "{reply:?}"
    );
    assert!(reply.result.duration_ms < 30_000, "{reply:?}");
}

#[tokio::test]
async fn a_login_that_may_not_run_commands_is_told_as_such() {
    let Some(host) = TargetHost::sshd_with("restrict", "MaxSessions 0") else {
        return;
    };
    let reply = run(
        &bridge(
            &host,
            &host.target(),
            host.login_key(),
            &json!([{ "run": ["true"] }]),
        ),
        0,
        "",
    )
    .await;
    assert_nothing_ran(
        &reply,
        StepOutcome::LoginRefused,
        "web let Quell in, but does not let it run commands",
    );
}

#[tokio::test]
async fn a_host_that_is_down_is_reported_and_delays_no_other() {
    let (Some(one), Some(mut other)) = (TargetHost::sshd("restrict"), TargetHost::sshd("restrict"))
    else {
        return;
    };
    other.admit("restrict", &public_key(&one.path("login_key")));
    let key = LoginKey::Given(SecretString::from(one.login_key()));
    let targets = [("one", one.target()), ("other", other.target())];
    let app = bridge_with(
        &one,
        &targets,
        key,
        "",
        &json!([{ "run": ["sh", "-c", "echo $SSH_CONNECTION"] }]),
    );
    for host in [&one, &other] {
        let service = if host.port() == one.port() {
            "one"
        } else {
            "other"
        };
        let reply = run_on(&app, service, 0, "").await;
        assert_exited(&reply, 0);
        assert!(
            reply
                .result
                .stdout
                .trim_end()
                .ends_with(&format!(" {}", host.port())),
            "{service}: {reply:?}"
        );
    }
    other.stop();
    let (up, down) = tokio::join!(run_on(&app, "one", 0, ""), run_on(&app, "other", 0, ""));
    assert_exited(&up, 0);
    let told = format!(
        "other could not be reached at 127.0.0.1 port {}: Connection refused",
        other.port()
    );
    assert_nothing_ran(&down, StepOutcome::Unreachable, &told);
}

#[tokio::test]
async fn a_port_that_answers_nothing_is_given_up_after_ten_seconds() {
    let Some(network) = Namespace::create() else {
        return;
    };
    let Some(host) = TargetHost::sshd_in(&network, "restrict") else {
        return;
    };
    assert_exited(&run_script(&host, "true", "10s").await, 0);
    network.swallow();
    let start = Instant::now();
    let reply = run_script(&host, "true", "10s").await;
    let told = format!(
        "web did not answer at {} port {} within 10 seconds: it is down, or a packet filter",
        network.address(),
        host.port()
    );
    assert_nothing_ran(&reply, StepOutcome::Unreachable, &told);
    assert!(
        (10..12).contains(&start.elapsed().as_secs()),
        "{:?}",
        start.elapsed()
    );
}

#[tokio::test]
async fn packets_dropped_in_mid_command_are_a_lost_connection() {
    let Some(network) = Namespace::create() else {
        return;
    };
    let Some(host) = TargetHost::sshd_in(&network, "restrict") else {
        return;
    };
    let command = run_script(&host, SLEEPER, "60s");
    let filter = async {
        written(&host.path("mark")).await;
        network.swallow();
    };
    let (reply, ()) = tokio::join!(command, filter);
    assert_eq!(
        (reply.result.outcome, reply.result.stdout.as_str()),
        (StepOutcome::ConnectionLost, "begun\n"),
        "{reply:?}"
    );
    assert!(reply.result.duration_ms < 30_000, "{reply:?}");
}
