//! Login host for the bench: the real sshd on loopback with keys of its own, the files with which
//! the bridge finds it, and `ssh` beside it.

use std::fs::{self, File};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::Failure;
use crate::process::reaped_cpu_ms;

const SSHD: &str = "/usr/sbin/sshd";
const LOOPBACK: &str = "127.0.0.1";
/// How long sshd may take to listen, and to end a session after its client.
const PATIENCE: Duration = Duration::from_secs(10);

/// The secret with the key that logs in.
pub(crate) const LOGIN_KEY_ID: &str = "quell/ssh-private-key";
/// The service in the registry whose target is the host.
pub(crate) const SERVICE: &str = "checkout-web";
/// The playbook whose only step is `true`.
pub(crate) const PLAYBOOK: &str = "look-busy";

/// The package that has to be installed before anything can be measured; none if all is there.
pub(crate) fn missing() -> Option<&'static str> {
    if !Path::new(SSHD).exists() {
        return Some("openssh-server");
    }
    Command::new("ssh")
        .arg("-V")
        .output()
        .is_err()
        .then_some("openssh-client")
}

/// A running sshd; it ends with this value.
#[derive(Debug)]
pub(crate) struct SshHost {
    directory: PathBuf,
    sshd: Child,
    port: u16,
    user: String,
}

impl SshHost {
    /// Makes keys and files in a directory, which is emptied, and starts sshd.
    pub(crate) fn start(directory: PathBuf) -> Result<Self, Failure> {
        if directory.exists() {
            fs::remove_dir_all(&directory)?;
        }
        fs::create_dir_all(&directory)?;
        let (host_key, login_key) = (
            key_pair(&directory.join("host_key"))?,
            key_pair(&directory.join("login_key"))?,
        );
        let user = String::from_utf8(Command::new("id").arg("-un").output()?.stdout)?
            .trim()
            .to_owned();
        let port = TcpListener::bind((LOOPBACK, 0))?.local_addr()?.port();
        fs::write(
            directory.join("authorized_keys"),
            format!("restrict {login_key}\n"),
        )?;
        fs::write(
            directory.join("known_hosts"),
            format!("[{LOOPBACK}]:{port} {host_key}\n"),
        )?;
        fs::write(directory.join("sshd_config"), sshd_config(&directory, port))?;
        // JSON is YAML.
        let playbook = json!({
            "id": PLAYBOOK, "name": "Look busy", "match": { "alertnames": ["TargetDown"] }, "risk": "low", "steps": [{ "run": ["true"] }],
        });
        let target = json!({ "ssh": { "host": LOOPBACK, "port": port, "user": user, "host_key": host_key } });
        fs::write(
            directory.join("playbooks.yaml"),
            json!([playbook]).to_string(),
        )?;
        let service = json!({ "name": SERVICE, "level": "approval", "target": target });
        fs::write(
            directory.join("service-registry.yaml"),
            json!([service]).to_string(),
        )?;
        // Started as root, sshd wants this directory, which the service's start would have made.
        let _ = fs::create_dir_all("/run/sshd");
        let mut command = Command::new(SSHD);
        command
            .args(["-D", "-e", "-f"])
            .arg(directory.join("sshd_config"))
            .stdin(Stdio::null())
            .stdout(Stdio::null());
        let sshd = command
            .stderr(File::create(directory.join("log"))?)
            .spawn()?;
        let mut host = Self {
            directory,
            sshd,
            port,
            user,
        };
        host.listens()?;
        Ok(host)
    }

    /// The directory of `playbooks.yaml` and `service-registry.yaml`.
    pub(crate) fn config(&self) -> &Path {
        &self.directory
    }

    /// The private key that it lets in.
    pub(crate) fn login_key(&self) -> Result<String, Failure> {
        Ok(fs::read_to_string(self.directory.join("login_key"))?)
    }

    /// `ssh` that runs `true` there: with nothing of its user's configuration, with the same keys as the bridge, and on a connection of
    /// its own; with this key exchange, where one is given.
    pub(crate) fn ssh(&self, key_exchange: Option<&str>) -> Command {
        let mut command = Command::new("ssh");
        command
            .args([
                "-F",
                "none",
                "-T",
                "-p",
                &self.port.to_string(),
                "-l",
                &self.user,
                "-i",
            ])
            .arg(self.directory.join("login_key"));
        for option in [
            "BatchMode=yes",
            "IdentitiesOnly=yes",
            "IdentityAgent=none",
            "StrictHostKeyChecking=yes",
        ] {
            command.args(["-o", option]);
        }
        for option in [
            "ControlMaster=no",
            "ControlPath=none",
            "GlobalKnownHostsFile=/dev/null",
        ] {
            command.args(["-o", option]);
        }
        command.arg("-o").arg(format!(
            "UserKnownHostsFile=\"{}\"",
            self.directory.join("known_hosts").display()
        ));
        if let Some(algorithm) = key_exchange {
            command.arg("-o").arg(format!("KexAlgorithms={algorithm}"));
        }
        command.args([LOOPBACK, "true"]).stdin(Stdio::null());
        command
    }

    /// The key exchange of the newest connection, by its name in SSH.
    pub(crate) fn key_exchange(&self) -> Result<String, Failure> {
        let log = self.log()?;
        let algorithm = log
            .rsplit_once("kex: algorithm: ")
            .and_then(|(_, rest)| rest.split_whitespace().next());
        Ok(algorithm.ok_or("sshd logs no key exchange")?.to_owned())
    }

    /// Waits until every session has ended, so that the end of one falls on no other; then the CPU time of all of them, in milliseconds.
    pub(crate) fn sessions_cpu_ms(&self) -> Result<f64, Failure> {
        let (id, start) = (self.sshd.id(), Instant::now());
        while !fs::read_to_string(format!("/proc/{id}/task/{id}/children"))?
            .trim()
            .is_empty()
        {
            if start.elapsed() > PATIENCE {
                return Err("sshd does not end a session".into());
            }
            sleep(Duration::from_millis(1));
        }
        reaped_cpu_ms(&id.to_string())
    }

    fn listens(&mut self) -> Result<(), Failure> {
        let start = Instant::now();
        while start.elapsed() < PATIENCE && self.sshd.try_wait()?.is_none() {
            if self.log()?.contains("listening on") {
                return Ok(());
            }
            sleep(Duration::from_millis(20));
        }
        Err(format!("sshd does not start:\n{}", self.log()?).into())
    }

    fn log(&self) -> Result<String, Failure> {
        Ok(fs::read_to_string(self.directory.join("log"))?)
    }
}

impl Drop for SshHost {
    fn drop(&mut self) {
        let _ = self.sshd.kill();
        let _ = self.sshd.wait();
    }
}

/// Makes a key pair without a passphrase; the public one as a registry wants it.
fn key_pair(file: &Path) -> Result<String, Failure> {
    let mut command = Command::new("ssh-keygen");
    let made = command
        .args(["-q", "-t", "ed25519", "-N", "", "-C", "", "-f"])
        .arg(file)
        .output()?;
    if !made.status.success() {
        return Err(format!("ssh-keygen: {}", String::from_utf8_lossy(&made.stderr)).into());
    }
    Ok(fs::read_to_string(file.with_extension("pub"))?
        .trim()
        .to_owned())
}

fn sshd_config(directory: &Path, port: u16) -> String {
    let file = |name| directory.join(name).display().to_string();
    let lines = [
        format!("ListenAddress {LOOPBACK}:{port}"),
        format!("HostKey \"{}\"", file("host_key")),
        format!("AuthorizedKeysFile \"{}\"", file("authorized_keys")),
        // bash, asked by sshd, reads the .bashrc of its user, which can be anything and take long.
        format!("SetEnv \"HOME={}\"", directory.display()),
        "PidFile none\nUsePAM no\nStrictModes no\nPasswordAuthentication no\nKbdInteractiveAuthentication no".to_owned(),
        // Which key exchange was chosen is logged at this level only.
        "PermitRootLogin prohibit-password\nLogLevel DEBUG1\n".to_owned(),
    ];
    lines.join("\n")
}
