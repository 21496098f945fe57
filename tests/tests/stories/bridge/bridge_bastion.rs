//! Tests of a target behind a bastion, with two real servers: both host keys are verified, and an
//! error names the server that has the fault.

use std::fs;
use std::net::TcpListener;
use std::time::Duration;

use domain::incident::repair::StepOutcome;
use serde_json::{Value, json};
use tests::bridging::{
    SLEEPER, assert_exited, assert_nothing_ran, bridge, peak_memory, quiet, run, run_script,
    run_script_at, written,
};
use tests::namespace::Namespace;
use tests::target_host::{KINDS, TargetHost, generate_key, kill, public_key, signal};
use tokio::runtime::Handle;
use tokio::time::{sleep, timeout};

/// A bastion as it should be set up for Quell: it forwards, to this host only, and runs nothing.
fn bastion_for(host: &TargetHost, more_config: &str) -> Option<TargetHost> {
    let gate = TargetHost::sshd_with("", more_config)?;
    let options = format!(
        r#"restrict,port-forwarding,permitopen="127.0.0.1:{}",command="/bin/false""#,
        host.port()
    );
    gate.admit(&options, &public_key(&host.path("login_key")));
    Some(gate)
}

/// A host and its bastion.
fn pair() -> Option<(TargetHost, TargetHost)> {
    let host = TargetHost::sshd("restrict")?;
    let gate = bastion_for(&host, "")?;
    Some((host, gate))
}

/// The target of a host behind a bastion.
fn behind(gate: &TargetHost, host: &TargetHost) -> Value {
    let mut target = host.target();
    target["ssh"]["bastion"] = gate.bastion();
    target
}

/// Waits until the library has no task left, as it is once both connections are closed.
async fn no_task_left() {
    for _ in 0..200 {
        if Handle::current().metrics().num_alive_tasks() == 0 {
            return;
        }
        sleep(Duration::from_millis(10)).await;
    }
    panic!(
        "{} tasks are left",
        Handle::current().metrics().num_alive_tasks()
    );
}

#[tokio::test]
async fn a_step_runs_behind_a_bastion_with_every_kind_of_pinned_key() {
    let Some((host, gate)) = pair() else { return };
    for kind in KINDS {
        let mut target = behind(&gate, &host);
        target["ssh"]["host_key"] = json!(host.host_key(kind));
        target["ssh"]["bastion"]["host_key"] = json!(gate.host_key(kind));
        let reply = run_script_at(&host, &target, "echo out; echo err >&2; exit 3", "10s").await;
        assert_exited(&reply, 3);
        assert_eq!(
            (reply.result.stdout.as_str(), reply.result.stderr.as_str()),
            ("out\n", "err\n")
        );
    }
    no_task_left().await;
    quiet(&host).await;
    quiet(&gate).await;
}

#[tokio::test]
async fn a_host_that_only_its_bastion_can_reach_is_repaired() {
    let Some(outer) = Namespace::create() else {
        return;
    };
    let Some(inner) = outer.behind() else { return };
    let (Some(gate), Some(host)) = (
        TargetHost::sshd_in(&outer, ""),
        TargetHost::sshd_in(&inner, "restrict"),
    ) else {
        return;
    };
    gate.admit(
        "restrict,port-forwarding",
        &public_key(&host.path("login_key")),
    );
    let reply = run_script_at(&host, &behind(&gate, &host), "echo $SSH_CONNECTION", "10s").await;
    assert_exited(&reply, 0);
    assert!(reply.result.stdout.contains(inner.address()), "{reply:?}");
    assert_eq!(
        run_script(&host, "true", "10s").await.result.outcome,
        StepOutcome::Unreachable,
        "there is another way to it"
    );
}

#[tokio::test]
async fn each_fault_is_told_of_the_host_that_has_it() {
    let Some((host, gate)) = pair() else { return };
    generate_key("ed25519", &host.path("other"));
    let other = json!(public_key(&host.path("other")));
    let closed = TcpListener::bind("127.0.0.1:0")
        .and_then(|listener| listener.local_addr())
        .expect("a port")
        .port();
    let changed = |change: &dyn Fn(&mut Value)| {
        let mut target = behind(&gate, &host);
        change(&mut target["ssh"]);
        target
    };
    let unpinned = json!(format!(
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5{}",
        "A".repeat(48)
    ));
    let cases: [(Value, StepOutcome, String); 8] = [
        (
            changed(&|ssh| ssh["bastion"]["port"] = json!(closed)),
            StepOutcome::Unreachable,
            format!("the bastion of web could not be reached at 127.0.0.1 port {closed}: "),
        ),
        (
            changed(&|ssh| ssh["bastion"]["host_key"] = other.clone()),
            StepOutcome::HostKeyMismatch,
            "the host key of the bastion of web is not the one in service-registry.yaml (it showed ssh-ed25519 SHA256:".to_owned(),
        ),
        (
            changed(&|ssh| ssh["bastion"]["user"] = json!("nobody-of-that-name")),
            StepOutcome::LoginRefused,
            "the bastion of web did not accept Quell's key for the user nobody-of-that-name".to_owned(),
        ),
        (
            changed(&|ssh| ssh["port"] = json!(closed)),
            StepOutcome::LoginRefused,
            format!("the bastion of web let Quell in, but does not let it forward to 127.0.0.1 port {closed}"),
        ),
        (
            changed(&|ssh| ssh["host_key"] = other.clone()),
            StepOutcome::HostKeyMismatch,
            "the host key of web is not the one in service-registry.yaml (it showed ssh-ed25519 SHA256:".to_owned(),
        ),
        (
            changed(&|ssh| ssh["user"] = json!("nobody-of-that-name")),
            StepOutcome::LoginRefused,
            "Nothing ran: web did not accept Quell's key for the user nobody-of-that-name".to_owned(),
        ),
        (changed(&|ssh| ssh["host_key"] = unpinned.clone()), StepOutcome::Refused, "the field target.ssh.host_key of web".to_owned()),
        (
            changed(&|ssh| ssh["bastion"]["host_key"] = unpinned.clone()),
            StepOutcome::Refused,
            "the field target.ssh.bastion.host_key of web".to_owned(),
        ),
    ];
    for (target, outcome, told) in cases {
        let steps = json!([{ "run": ["touch", host.path("mark")] }]);
        let reply = run(&bridge(&host, &target, host.login_key(), &steps), 0, "").await;
        assert_nothing_ran(&reply, outcome, &told);
        no_task_left().await;
        quiet(&gate).await;
    }
    assert!(!host.path("mark").exists(), "something ran");
    quiet(&host).await;
}

#[tokio::test]
async fn a_bastion_that_refuses_differs_from_one_that_cannot_reach() {
    let Some(mut host) = TargetHost::sshd("restrict") else {
        return;
    };
    for forbidding in [
        "PermitOpen none",
        "AllowTcpForwarding no",
        "DisableForwarding yes",
        "MaxSessions 0\nAllowTcpForwarding remote",
    ] {
        let Some(gate) = bastion_for(&host, forbidding) else {
            return;
        };
        let reply = run_script_at(&host, &behind(&gate, &host), "true", "10s").await;
        assert_nothing_ran(
            &reply,
            StepOutcome::LoginRefused,
            "the bastion of web let Quell in, but does not let it forward to",
        );
    }
    let Some(gate) = bastion_for(&host, "") else {
        return;
    };
    gate.admit("restrict", &public_key(&host.path("login_key")));
    let reply = run_script_at(&host, &behind(&gate, &host), "true", "10s").await;
    assert_nothing_ran(
        &reply,
        StepOutcome::LoginRefused,
        "does not let it forward to",
    );
    gate.admit(
        "restrict,port-forwarding",
        &public_key(&host.path("login_key")),
    );
    assert_exited(
        &run_script_at(&host, &behind(&gate, &host), "true", "10s").await,
        0,
    );
    host.stop();
    let reply = run_script_at(&host, &behind(&gate, &host), "true", "10s").await;
    let told = format!(
        "the bastion of web let Quell in, but could not reach web at 127.0.0.1 port {}",
        host.port()
    );
    assert_nothing_ran(&reply, StepOutcome::Unreachable, &told);
}

#[tokio::test]
async fn a_stalled_target_behind_a_bastion_is_given_up_and_closed() {
    let Some((host, gate)) = pair() else { return };
    let stalling = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = stalling.local_addr().expect("an address").port();
    gate.admit(
        "restrict,port-forwarding",
        &public_key(&host.path("login_key")),
    );
    let mut target = behind(&gate, &host);
    target["ssh"]["port"] = json!(port);
    let app = bridge(
        &host,
        &target,
        host.login_key(),
        &json!([{ "run": ["true"] }]),
    );
    // Whoever asked gives up, in the middle of the handshake with the target.
    assert!(
        timeout(Duration::from_secs(2), run(&app, 0, ""))
            .await
            .is_err(),
        "it answered"
    );
    no_task_left().await;
    quiet(&gate).await;
    let reply = run(&app, 0, "").await;
    assert_nothing_ran(
        &reply,
        StepOutcome::Unreachable,
        "Nothing ran: web answered, but did not let Quell in within 10 seconds",
    );
    no_task_left().await;
    quiet(&gate).await;
}

#[tokio::test]
async fn an_abandoned_command_leaves_no_connection_open() {
    let Some((host, gate)) = pair() else { return };
    let target = behind(&gate, &host);
    let command = run_script_at(&host, &target, "echo $$ > $0; exec sleep 60", "30s");
    assert!(
        timeout(Duration::from_secs(2), command).await.is_err(),
        "it answered"
    );
    no_task_left().await;
    quiet(&gate).await;
    kill(written(&host.path("mark")).await);
    quiet(&host).await;
    fs::remove_file(host.path("mark")).expect("the mark");
    // The same where the command does not end in time.
    let reply = run_script_at(&host, &target, "echo $$ > $0; exec sleep 60", "1s").await;
    assert_eq!(reply.result.outcome, StepOutcome::TimedOut, "{reply:?}");
    no_task_left().await;
    quiet(&gate).await;
    kill(written(&host.path("mark")).await);
    quiet(&host).await;
}

#[tokio::test]
async fn a_bastion_that_dies_in_mid_command_leaves_its_effect_unknown() {
    let Some((host, mut gate)) = pair() else {
        return;
    };
    let target = behind(&gate, &host);
    let command = run_script_at(&host, &target, SLEEPER, "30s");
    let (reply, sleeping) = tokio::join!(command, async {
        let sleeping = written(&host.path("mark")).await;
        gate.stop();
        sleeping
    });
    kill(sleeping);
    assert_eq!(
        (reply.result.outcome, reply.result.stdout.as_str()),
        (StepOutcome::ConnectionLost, "begun\n"),
        "{reply:?}"
    );
    assert!(
        reply.result.duration_ms < 10_000 && reply.argv[0] == "sh",
        "{reply:?}"
    );
    assert!(
        reply
            .result
            .detail
            .to_string()
            .contains("through its bastion was lost"),
        "{reply:?}"
    );
    no_task_left().await;
    quiet(&host).await;
}

#[tokio::test]
async fn much_output_passes_a_bastion_in_bounded_memory() {
    let Some((host, gate)) = pair() else { return };
    let before = peak_memory();
    let reply = run_script_at(
        &host,
        &behind(&gate, &host),
        "yes 0123456789abcdef | head -c 100000000; echo last",
        "60s",
    )
    .await;
    assert_exited(&reply, 0);
    assert!(
        reply.result.truncated && reply.result.stdout.ends_with("last\n"),
        "{reply:?}"
    );
    let grown = peak_memory() - before;
    assert!(grown < 48 * 1024, "{grown} KiB");
}

#[tokio::test]
async fn a_bastion_that_falls_silent_is_a_lost_connection() {
    let Some((host, gate)) = pair() else { return };
    let target = behind(&gate, &host);
    let command = run_script_at(&host, &target, SLEEPER, "60s");
    let stop = async {
        let sleeping = written(&host.path("mark")).await;
        // As if it had lost its power: both connections stand, and nothing goes through them any more.
        gate.processes()
            .into_iter()
            .for_each(|process| signal("STOP", process));
        sleeping
    };
    let (reply, sleeping) = tokio::join!(command, stop);
    kill(sleeping);
    assert_eq!(
        (reply.result.outcome, reply.result.stdout.as_str()),
        (StepOutcome::ConnectionLost, "begun\n"),
        "{reply:?}"
    );
    assert!(
        reply.result.duration_ms < 30_000 && reply.argv[0] == "sh",
        "{reply:?}"
    );
}
