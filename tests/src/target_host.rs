//! A host to repair: an sshd of its own on a free port, with its own keys, removed after the test.

use crate::skip::skipped;
use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::namespace::Namespace;

const SSHD: &str = "/usr/sbin/sshd";
const LOOPBACK: &str = "127.0.0.1";
/// What sshd and its stand-in write when they can be reached.
const LISTENING: &str = "listening on";
/// The kinds of keys that the bridge takes.
pub const KINDS: [&str; 2] = ["ed25519", "ecdsa"];
/// The kinds of host keys that a host has, as a host has them: the bridge does not take them all.
const HOST_KINDS: [&str; 3] = [KINDS[0], KINDS[1], "rsa"];

#[derive(Debug)]
pub struct TargetHost {
    directory: TempDir,
    server: Child,
    address: String,
    port: u16,
    user: String,
}

impl TargetHost {
    /// The real sshd. `options` stand before the key in its `authorized_keys`, such as `command="…"`.
    ///
    /// # Panics
    /// As [`TargetHost::sshd_with`].
    #[must_use]
    pub fn sshd(options: &str) -> Option<Self> {
        Self::sshd_with(options, "")
    }

    /// The real sshd, with more lines for its `sshd_config`.
    ///
    /// Without sshd the answer is none, and the test says on standard error what to install; in CI it fails instead.
    ///
    /// # Panics
    /// If it does not start, or is not installed and `CI` is set.
    #[must_use]
    pub fn sshd_with(options: &str, more_config: &str) -> Option<Self> {
        Self::sshd_at(LOOPBACK, None, options, more_config)
    }

    /// The real sshd in a network namespace.
    ///
    /// # Panics
    /// As [`TargetHost::sshd_with`].
    #[must_use]
    pub fn sshd_in(namespace: &Namespace, options: &str) -> Option<Self> {
        Self::sshd_at(namespace.address(), Some(namespace), options, "")
    }

    fn sshd_at(
        address: &str,
        namespace: Option<&Namespace>,
        options: &str,
        more_config: &str,
    ) -> Option<Self> {
        if !Path::new(SSHD).exists() {
            skipped("no sshd: install openssh-server to run the tests with a real one");
            return None;
        }
        // Started as root, sshd wants this directory, which the service's start would have made.
        let _ = fs::create_dir_all("/run/sshd");
        Some(Self::start(address, |directory, port| {
            admit(
                directory,
                options,
                &public_key(&directory.join("login_key")),
            );
            let mut config = format!(
                "ListenAddress {address}:{port}\nPidFile none\nUsePAM no\nStrictModes no\n"
            );
            // bash, asked by sshd, reads the .bashrc of its user, which is none of a story's business and can take long.
            config += &format!("SetEnv HOME={}\n", directory.display());
            config += "PasswordAuthentication no\nKbdInteractiveAuthentication no\nPermitRootLogin prohibit-password\n";
            config += &format!(
                "AuthorizedKeysFile {}\n",
                directory.join("authorized_keys").display()
            );
            for kind in HOST_KINDS {
                config += &format!(
                    "HostKey {}\n",
                    directory.join(format!("host_{kind}")).display()
                );
            }
            config += more_config;
            fs::write(directory.join("sshd_config"), config).expect("sshd_config");
            let mut command =
                namespace.map_or_else(|| Command::new(SSHD), |namespace| namespace.command(SSHD));
            command
                .args(["-D", "-e", "-f"])
                .arg(directory.join("sshd_config"));
            command
        }))
    }

    /// The project's own stand-in for sshd, `ssh-host`, with a script as its forced command.
    ///
    /// # Panics
    /// If it does not start.
    #[must_use]
    pub fn stand_in(program: &Path, script: &str) -> Self {
        Self::start(LOOPBACK, |directory, port| {
            let mut command = Command::new(program);
            command
                .arg("--listen")
                .arg(format!("{LOOPBACK}:{port}"))
                .arg("--host-key")
                .arg(directory.join("host_ed25519"));
            command
                .arg("--authorized-key")
                .arg(directory.join("login_key.pub"))
                .args(["--command", script]);
            command
        })
    }

    fn start(address: &str, command: impl Fn(&Path, u16) -> Command) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        for kind in HOST_KINDS {
            generate_key(kind, &directory.path().join(format!("host_{kind}")));
        }
        generate_key("ed25519", &directory.path().join("login_key"));
        let user = Command::new("id")
            .arg("-un")
            .output()
            .expect("id is installed");
        let user = String::from_utf8(user.stdout)
            .expect("a name")
            .trim()
            .to_owned();
        // The port is free when it is chosen; another process can still take it before the server does.
        for _ in 0..5 {
            let port = TcpListener::bind((LOOPBACK, 0))
                .and_then(|listener| listener.local_addr())
                .expect("a free port")
                .port();
            let log = fs::File::create(directory.path().join("log")).expect("a log");
            let output = log.try_clone().expect("a log");
            let mut command = command(directory.path(), port);
            let mut server = command
                .stdin(Stdio::null())
                .stdout(output)
                .stderr(log)
                .spawn()
                .expect("the server starts");
            if listens(&directory.path().join("log"), 1, &mut server) {
                return Self {
                    directory,
                    server,
                    address: address.to_owned(),
                    port,
                    user,
                };
            }
            let _ = server.kill();
            let _ = server.wait();
        }
        panic!(
            "the server does not start:\n{}",
            fs::read_to_string(directory.path().join("log")).unwrap_or_default()
        );
    }

    /// The host as the `target` of a service.
    #[must_use]
    pub fn target(&self) -> Value {
        json!({ "ssh": { "host": self.address, "port": self.port, "user": self.user, "host_key": self.host_key("ed25519") } })
    }

    /// The host as the `bastion` of another one.
    #[must_use]
    pub fn bastion(&self) -> Value {
        self.target()["ssh"].take()
    }

    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    #[must_use]
    pub fn user(&self) -> &str {
        &self.user
    }

    /// Lets this key in, and no other, with these options before it in `authorized_keys`.
    ///
    /// # Panics
    /// If its directory is gone.
    pub fn admit(&self, options: &str, public_key: &str) {
        admit(self.directory.path(), options, public_key);
    }

    /// Gives it new host keys, as somebody who installs it anew does.
    ///
    /// # Panics
    /// If it does not come back with them.
    pub fn change_host_keys(&mut self) {
        for kind in HOST_KINDS {
            let file = self.path(&format!("host_{kind}"));
            fs::remove_file(&file).expect("the old key");
            generate_key(kind, &file);
        }
        // sshd starts itself anew, on the same port.
        let before = self.log().matches(LISTENING).count();
        signal("HUP", self.server.id());
        assert!(
            listens(&self.path("log"), before + 1, &mut self.server),
            "the server is not back: {}",
            self.log()
        );
    }

    /// What it wrote to its log.
    ///
    /// # Panics
    /// If it has none.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read_to_string(self.path("log")).expect("a log")
    }

    /// Ends the server and what it started, as if somebody had pulled the plug.
    pub fn stop(&mut self) {
        self.processes().into_iter().for_each(kill);
        let _ = self.server.kill();
        let _ = self.server.wait();
    }

    /// One of its host keys, as the registry wants it: algorithm and base64. Kinds are `ed25519`, `ecdsa` and `rsa`.
    ///
    /// # Panics
    /// If there is none of this kind.
    #[must_use]
    pub fn host_key(&self, kind: &str) -> String {
        public_key(&self.directory.path().join(format!("host_{kind}")))
    }

    /// The file of the private key that it lets in.
    ///
    /// # Panics
    /// If it is gone.
    #[must_use]
    pub fn login_key(&self) -> String {
        fs::read_to_string(self.directory.path().join("login_key")).expect("the login key")
    }

    /// A path in its directory, for what commands leave behind.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// The processes that it started and that still run, directly or not.
    #[must_use]
    pub fn processes(&self) -> Vec<u32> {
        descendants(self.server.id())
    }
}

impl Drop for TargetHost {
    fn drop(&mut self) {
        self.stop();
    }
}

fn admit(directory: &Path, options: &str, public_key: &str) {
    fs::write(
        directory.join("authorized_keys"),
        format!("{options} {public_key}\n").trim_start(),
    )
    .expect("authorized_keys");
}

/// Makes a key pair without a passphrase.
///
/// # Panics
/// If ssh-keygen is not there or fails.
pub fn generate_key(kind: &str, file: &Path) {
    let mut command = Command::new("ssh-keygen");
    // Small keys are made faster, and these protect nothing. The size matters to RSA only.
    let size = if kind == "rsa" { "2048" } else { "256" };
    command
        .args(["-q", "-t", kind, "-b", size, "-N", "", "-C", "", "-f"])
        .arg(file);
    assert!(
        command
            .status()
            .expect("ssh-keygen is installed (openssh-client)")
            .success()
    );
}

/// The public key beside a private one: algorithm and base64.
///
/// # Panics
/// If it is not there.
#[must_use]
pub fn public_key(private: &Path) -> String {
    fs::read_to_string(private.with_extension("pub"))
        .expect("a public key")
        .trim()
        .to_owned()
}

/// Ends a process at once.
pub fn kill(process: u32) {
    signal("KILL", process);
}

/// Sends a signal to a process, which may be gone already.
pub fn signal(name: &str, process: u32) {
    let _ = Command::new("sh")
        .arg("-c")
        .arg(format!("kill -{name} {process}"))
        .stderr(Stdio::null())
        .status();
}

/// True once the log says so many times that the server listens; false if it ends before. Nobody connects to see: a host in a
/// network of its own need not be reachable from here.
fn listens(log: &Path, times: usize, server: &mut Child) -> bool {
    let deadline = Instant::now() + Duration::from_secs(10);
    while Instant::now() < deadline && matches!(server.try_wait(), Ok(None)) {
        if fs::read_to_string(log).is_ok_and(|log| log.matches(LISTENING).count() >= times) {
            return true;
        }
        sleep(Duration::from_millis(20));
    }
    false
}

fn descendants(root: u32) -> Vec<u32> {
    let parents: Vec<(u32, u32)> = fs::read_dir("/proc")
        .expect("/proc")
        .filter_map(|entry| {
            let process: u32 = entry.ok()?.file_name().to_str()?.parse().ok()?;
            let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
            // The name in the second field can hold spaces and brackets; what follows the last one is the state and the parent.
            let mut rest = stat.rsplit_once(')')?.1.split_whitespace();
            let alive = rest.next()? != "Z";
            let parent = rest.next()?.parse().ok()?;
            alive.then_some((process, parent))
        })
        .collect();
    let mut found = vec![root];
    let mut at = 0;
    while let Some(&parent) = found.get(at) {
        found.extend(
            parents
                .iter()
                .filter(|(_, of)| *of == parent)
                .map(|(process, _)| *process),
        );
        at += 1;
    }
    found.split_off(1)
}
