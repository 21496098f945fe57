//! Tests of `quell-guard`, the forced command for hosts: the lines of its file run, and nothing
//! else, whoever holds Quell's key.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, chown, symlink};
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use tests::bridging::{assert_exited, bridge, bridge_valued, run};
use tests::hostile::ARGUMENTS;
use tests::skip::skipped;
use tests::stack::project;
use tests::target_host::TargetHost;

/// A file that only root can change has to be made by root.
fn host(options: &str, more_config: &str) -> Option<TargetHost> {
    let host = TargetHost::sshd_with(options, more_config)?;
    if host.user() != "root" {
        skipped("not root: the file of quell-guard has to belong to root");
        return None;
    }
    Some(host)
}

fn guard() -> PathBuf {
    project().join("infra/quell-guard/quell-guard")
}

/// Puts the guard in front of a host, with these lines allowed.
fn guarded(host: &TargetHost, lines: &[&str]) {
    fs::write(host.path("allowed"), lines.join("\n")).expect("the file");
    let key = fs::read_to_string(host.path("login_key.pub")).expect("the key");
    let command = format!(
        "{} --allowed {}",
        guard().display(),
        host.path("allowed").display()
    );
    host.admit(&format!(r#"restrict,command="{command}""#), &key);
}

/// What OpenSSH's own client gets for a line that it sends as it is; without one it asks for a shell.
fn ask(host: &TargetHost, line: &str, more: &[&str]) -> Output {
    let mut ssh = Command::new("ssh");
    ssh.args([
        "-F",
        "none",
        "-o",
        "BatchMode=yes",
        "-o",
        "LogLevel=ERROR",
        "-o",
        "StrictHostKeyChecking=no",
    ]);
    ssh.args([
        "-o",
        "UserKnownHostsFile=/dev/null",
        "-o",
        "ControlPath=none",
        "-i",
    ])
    .arg(host.path("login_key"));
    ssh.args(more).args([
        "-p",
        &host.port().to_string(),
        "--",
        &format!("{}@127.0.0.1", host.user()),
    ]);
    if !line.is_empty() {
        ssh.arg(line);
    }
    ssh.stdin(Stdio::null())
        .output()
        .expect("ssh is installed (openssh-client)")
}

/// The guard as SSM Run Command starts it.
fn ask_base64(host: &TargetHost, encoded: &str) -> Output {
    let mut command = Command::new(guard());
    command
        .arg("--allowed")
        .arg(host.path("allowed"))
        .args(["--line-base64", encoded]);
    // An argument is asked for before a variable.
    command
        .env("SSH_ORIGINAL_COMMAND", "echo allowed")
        .stdin(Stdio::null())
        .output()
        .expect("the guard runs")
}

fn assert_refused(output: &Output, asked: &str) {
    let (stdout, stderr) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert_eq!(
        output.status.code(),
        Some(126),
        "{asked:?}: {stdout} {stderr}"
    );
    assert!(
        stdout.is_empty() && stderr.starts_with("quell-guard: nothing ran: "),
        "{asked:?}: {stdout} {stderr}"
    );
}

fn assert_ran(output: &Output, printed: &str) {
    assert!(output.status.success(), "{output:?}");
    assert_eq!(String::from_utf8_lossy(&output.stdout), printed);
}

#[tokio::test]
async fn lines_from_the_bridge_run_with_their_arguments_unchanged() {
    let Some(host) = host("", "") else { return };
    let argv: Vec<String> = ["printf", "%s|"]
        .into_iter()
        .chain(ARGUMENTS)
        .map(|text| text.replace('{', "{{").replace('}', "}}"))
        .collect();
    let steps = json!([{ "run": argv }, { "run": ["printf", "%s|", "{value}"] }, { "run": ["printf", "%s|", "{value}", "x"] }]);
    let app = bridge(&host, &host.target(), host.login_key(), &steps);
    // The lines, by a host that only says what it was asked for.
    let key = fs::read_to_string(host.path("login_key.pub")).expect("the key");
    host.admit(
        r#"restrict,command="printf %s \"$SSH_ORIGINAL_COMMAND\"""#,
        &key,
    );
    let mut lines = vec![run(&app, 0, "").await.result.stdout];
    for value in ARGUMENTS {
        lines.push(
            run(&bridge_valued(&host, "(?s).*", &steps, value), 1, value)
                .await
                .result
                .stdout,
        );
    }
    guarded(&host, &lines.iter().map(String::as_str).collect::<Vec<_>>());
    let reply = run(&app, 0, "").await;
    assert_exited(&reply, 0);
    assert_eq!(
        reply.result.stdout,
        ARGUMENTS.map(|argument| format!("{argument}|")).concat()
    );
    for (value, line) in ARGUMENTS.into_iter().zip(&lines[1..]) {
        let app = bridge_valued(&host, "(?s).*", &steps, value);
        let reply = run(&app, 1, value).await;
        assert_exited(&reply, 0);
        assert_eq!(reply.result.stdout, format!("{value}|"));
        assert_ran(
            &ask_base64(&host, &STANDARD.encode(line)),
            &format!("{value}|"),
        );
        // A step that the file does not have fails, and its output says why.
        let reply = run(&app, 2, value).await;
        assert_exited(&reply, 126);
        assert!(
            reply
                .result
                .stderr
                .starts_with("quell-guard: nothing ran: this command line is not one of those in"),
            "{reply:?}"
        );
    }
}

#[tokio::test]
async fn anything_but_the_very_line_is_refused() {
    let Some(host) = host("", "") else { return };
    let mark = host.path("mark").display().to_string();
    let line = "printf '%s|' 'a b' plain";
    guarded(&host, &["# a comment", line, "", "id -un"]);
    assert_ran(&ask(&host, line, &[]), "a b|plain|");
    let near = [
        format!("true; {line}"),
        format!("{line}; touch {mark}"),
        format!("{line} && touch {mark}"),
        format!("{line} > {mark}"),
        format!("{line}\n"),
        format!("{line}\ntouch {mark}"),
        format!("\n{line}"),
        format!("touch {mark}\n{line}"),
        format!("{line}\nid -un"),
        format!("{line}\r"),
        format!(" {line}"),
        format!("{line} "),
        format!("{line}\t"),
        format!("{line} #"),
        format!("{line} $(touch {mark})"),
        format!("env {line}"),
        format!("exec {line}"),
        format!("sh -c \"{line}\""),
        format!("$({line})"),
        "printf %s\\| 'a b' plain".to_owned(),
        "printf '%s|' \"a b\" plain".to_owned(),
        "printf '%s|' 'a b' 'plain'".to_owned(),
        "printf '%s|' a\\ b plain".to_owned(),
        "'printf' '%s|' 'a b' plain".to_owned(),
        "printf  '%s|' 'a b' plain".to_owned(),
        "printf '%s|' 'a b' plai".to_owned(),
        "printf".to_owned(),
        "PRINTF '%s|' 'a b' plain".to_owned(),
        "printf '%s|' 'a b' pl\u{430}in".to_owned(),
        "printf '%s|' 'a?b' plain".to_owned(),
        "*".to_owned(),
        "# a comment".to_owned(),
        format!("touch {mark}"),
        format!("x=$(touch {mark})"),
        "--allowed /dev/stdin".to_owned(),
        "-n".to_owned(),
        "!".to_owned(),
        "(".to_owned(),
        "a".repeat(64 * 1024),
    ];
    for asked in &near {
        assert_refused(&ask(&host, asked, &[]), asked);
        assert_refused(&ask_base64(&host, &STANDARD.encode(asked)), asked);
        assert!(!host.path("mark").exists(), "{asked:?} ran something");
    }
    assert_refused(&ask(&host, "", &[]), "a shell");
    assert_ran(&ask_base64(&host, &STANDARD.encode(line)), "a b|plain|");
    let nul = STANDARD.encode("printf '%s|'\0 'a b' plain");
    for encoded in [
        "",
        "!",
        "cHJpbnRm!",
        &nul,
        &format!("{} ", STANDARD.encode(line)),
        &format!("{}\n", STANDARD.encode(line)),
    ] {
        assert_refused(&ask_base64(&host, encoded), encoded);
    }
}

#[tokio::test]
async fn the_client_chooses_neither_environment_nor_input() {
    let Some(host) = host("", "AcceptEnv *\nPermitUserEnvironment yes\n") else {
        return;
    };
    guarded(&host, &["env", "cat", "true"]);
    let bin = host.path("bin");
    fs::create_dir(&bin).expect("the directory");
    for program in [
        "find", "env", "base64", "cat", "dirname", "logger", "tr", "id",
    ] {
        fs::write(
            bin.join(program),
            format!("#!/bin/sh\ntouch {}\n", host.path("mark").display()),
        )
        .expect("the program");
        fs::set_permissions(bin.join(program), Permissions::from_mode(0o755)).expect("its mode");
    }
    let path = format!(
        "SetEnv=PATH={} ENV={} QUELL_ALLOWED=/dev/null IFS=/ allowed=/dev/null",
        bin.display(),
        host.path("mark").display()
    );
    let output = ask(&host, "env", &["-o", &path]);
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).expect("text");
    for line in text.lines() {
        let (name, value) = line.split_once('=').expect("a variable");
        // The last three are the shell's own.
        assert!(
            ["PATH", "HOME", "USER", "LOGNAME", "PWD", "SHLVL", "_"].contains(&name),
            "{text}"
        );
        assert!(
            name != "PATH"
                || value == "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "{text}"
        );
    }
    assert_refused(&ask(&host, "false", &["-o", &path]), "false");
    assert!(!host.path("mark").exists(), "the client chose a program");
    assert_ran(&ask(&host, "cat", &[]), "");
}

#[tokio::test]
async fn a_file_that_others_than_root_can_change_is_not_believed() {
    let Some(host) = host("", "") else { return };
    let directory = host.path("etc");
    fs::create_dir(&directory).expect("the directory");
    let file = directory.join("allowed");
    let believed = |file: &Path| {
        let mut command = Command::new(guard());
        command
            .arg("--allowed")
            .arg(file)
            .env("SSH_ORIGINAL_COMMAND", "echo allowed")
            .output()
            .expect("the guard runs")
    };
    let told = |output: &Output, why: &str| {
        assert_refused(output, why);
        assert!(
            String::from_utf8_lossy(&output.stderr).contains(why),
            "{why}: {output:?}"
        );
    };
    told(&believed(&file), "there is no file");
    fs::write(&file, "echo allowed").expect("the file");
    assert_ran(&believed(&file), "allowed\n");
    let modes = [
        (&file, 0o664),
        (&file, 0o646),
        (&file, 0o1646),
        (&directory, 0o775),
        (&directory, 0o757),
    ];
    for (path, mode) in modes {
        let before = fs::metadata(path).expect("it is there").permissions();
        fs::set_permissions(path, Permissions::from_mode(mode)).expect("its mode");
        told(
            &believed(&file),
            &format!("{} can be changed by others than root", path.display()),
        );
        fs::set_permissions(path, before).expect("its mode");
    }
    for path in [&file, &directory] {
        chown(path, Some(65_534), None).expect("its owner");
        told(
            &believed(&file),
            &format!("{} can be changed by others than root", path.display()),
        );
        chown(path, Some(0), None).expect("its owner");
    }
    let link = directory.join("link");
    symlink(&file, &link).expect("a link");
    told(
        &believed(&link),
        "can be changed by others than root (or is a link)",
    );
    told(&believed(Path::new("allowed")), "its whole path");
    assert_ran(&believed(&file), "allowed\n");
}

#[tokio::test]
async fn a_refusal_is_in_syslog_and_cannot_forge_a_line() {
    let Some(host) = host("", "") else { return };
    guarded(&host, &["true"]);
    let socket = UnixDatagram::bind(host.path("log_socket")).expect("a socket");
    socket
        .set_read_timeout(Some(Duration::from_secs(5)))
        .expect("a limit");
    // A /dev of its own, so that the machine's syslog hears nothing of it.
    let script = r#"mount -t tmpfs none /dev && mknod /dev/null c 1 3 && ln -s "$1" /dev/log && shift && exec "$@""#;
    let mut command = Command::new("unshare");
    command
        .args(["--mount", "sh", "-c", script, "sh"])
        .arg(host.path("log_socket"))
        .arg(guard());
    command.arg("--allowed").arg(host.path("allowed"));
    let asked = format!(
        "rm -rf /\nNov 25 00:00:00 sshd: forged \u{1b}[2J\u{202e}{}",
        "x".repeat(10_000)
    );
    let output = command
        .env("SSH_ORIGINAL_COMMAND", asked)
        .stdin(Stdio::null())
        .output()
        .expect("unshare (util-linux)");
    assert_refused(&output, "through unshare");
    let mut message = [0; 4096];
    let length = socket.recv(&mut message).expect("a message");
    let message = std::str::from_utf8(&message[..length]).expect("text");
    assert!(
        message.starts_with("<36>") && message.contains("quell-guard"),
        "auth.warning: {message}"
    );
    assert!(
        message.contains("asked for: rm -rf /?Nov 25 00:00:00 sshd: forged ?[2J???xxx")
            && message.len() < 700,
        "{message}"
    );
    assert!(
        message.trim_end().chars().all(|c| !c.is_control()),
        "{message:?}"
    );
    socket.set_nonblocking(true).expect("a mode");
    assert!(socket.recv(&mut [0; 16]).is_err(), "there is a second line");
}
