//! SSH: one connection, one login, one command, no pty, no agent, no forwarding, no environment; then it hangs up.

use std::net::Shutdown;
use std::sync::Arc;
use std::time::Duration;

use russh::client::{Config, Handle, Msg, connect_stream};
use russh::keys::{PrivateKey, PrivateKeyWithHashAlg, PublicKey};
use russh::{AlgorithmKind, Channel, ChannelMsg, Disconnect, Sig};
use shared::domain::repair::{Outcome, StepResult};
use shared::domain::service::SshTarget;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::errand::Errand;
use crate::output::Output;
use crate::ssh_peer::{Broken, Peer};

/// How long everything before the command may take: the name, the connection, the keys, the login.
const CONNECT: Duration = Duration::from_secs(10);
/// How often a silent target is asked whether it is still there; three unanswered questions end the connection, so that a
/// host that lost its power in the middle of a command is not mistaken for a slow command.
const ASK_EVERY: Duration = Duration::from_secs(5);
/// How long after the exit status, and in silence, more output is awaited. sshd may send the status before the last of the
/// output; a command that left a daemon behind, which still holds its output open, never closes the channel at all.
const LINGER: Duration = Duration::from_secs(1);

/// Why no command was sent: the outcome, and a sentence.
type NotSent = (Outcome, String);

/// Runs an errand on a host.
pub(crate) async fn run(errand: &Errand<'_>, target: &SshTarget, key: PrivateKey) -> StepResult {
    let name = &errand.service.name;
    let too_slow = || (Outcome::Unreachable, format!("{name} did not let Quell in within {} seconds.", CONNECT.as_secs()));
    let opened = timeout(CONNECT, open(name, target, key)).await.unwrap_or_else(|_| Err(too_slow()));
    let mut session = match opened {
        Ok(session) => session,
        Err((outcome, detail)) => return StepResult::without_output(outcome, detail, 0),
    };
    let mut seen = Seen::default();
    let in_time = timeout(errand.limit, follow(&mut session.channel, &errand.line, &mut seen)).await.is_ok();
    session.hang_up().await;
    seen.result(errand, in_time)
}

/// A logged-in connection with one open channel.
struct Session {
    handle: Handle<Peer>,
    channel: Channel<Msg>,
    socket: Socket,
}

impl Session {
    /// Says goodbye for as long as that takes no time worth mentioning, then closes the connection.
    async fn hang_up(self) {
        let Self { handle, channel, socket } = self;
        let goodbye = async {
            let _ = channel.close().await;
            let _ = handle.disconnect(Disconnect::ByApplication, "", "").await;
            let _ = handle.await;
        };
        let _ = timeout(LINGER, goodbye).await;
        drop(socket);
    }
}

/// The connection's socket, once more. The library keeps a connection in a task of its own, which outlives whoever gave up
/// waiting for it; shutting the socket down ends that task in every case, also when the host stalls in the handshake.
struct Socket(std::net::TcpStream);

impl Drop for Socket {
    fn drop(&mut self) {
        let _ = self.0.shutdown(Shutdown::Both);
    }
}

async fn open(name: &str, target: &SshTarget, key: PrivateKey) -> Result<Session, NotSent> {
    let host_key = PublicKey::from_openssh(&target.host_key).map_err(|_| {
        let detail = format!("Nothing ran: the field target.ssh.host_key of {name} in service-registry.yaml is not a public key.");
        (Outcome::Refused, detail)
    })?;
    let unreachable = |why: &dyn std::fmt::Display| {
        (Outcome::Unreachable, format!("{name} could not be reached at {} port {}: {why}.", target.host, target.port))
    };
    let (stream, socket) = dial(target).await.map_err(|error| unreachable(&error))?;
    let peer = Peer::new(host_key);
    let config = Config { preferred: peer.preferred(), keepalive_interval: Some(ASK_EVERY), ..Config::default() };
    let mut handle = connect_stream(Arc::new(config), stream, peer).await.map_err(|error| match error {
        Broken::OtherHostKey(shown) => other_host_key(name, &format!("it showed {shown}")),
        Broken::Ssh(russh::Error::NoCommonAlgo { kind: AlgorithmKind::Key, .. }) => {
            other_host_key(name, "it has none of the pinned one's algorithm")
        }
        Broken::Ssh(error) => unreachable(&error),
    })?;
    let rsa_hash = if key.algorithm().is_rsa() {
        handle.best_supported_rsa_hash().await.map_err(|error| unreachable(&error))?.flatten()
    } else {
        None
    };
    let login = PrivateKeyWithHashAlg::new(Arc::new(key), rsa_hash);
    if !handle.authenticate_publickey(&target.user, login).await.map_err(|error| unreachable(&error))?.success() {
        return Err((Outcome::LoginRefused, format!("{name} did not accept Quell's key for the user {}.", target.user)));
    }
    match handle.channel_open_session().await {
        Ok(channel) => Ok(Session { handle, channel, socket }),
        Err(russh::Error::ChannelOpenFailure(_)) => Err(no_commands(name)),
        Err(error) => Err(unreachable(&error)),
    }
}

async fn dial(target: &SshTarget) -> std::io::Result<(TcpStream, Socket)> {
    let stream = TcpStream::connect((target.host.as_str(), target.port)).await?;
    // Small packets go back and forth in turns here; waiting to fill them would cost 40 ms a turn.
    stream.set_nodelay(true)?;
    let stream = stream.into_std()?;
    let socket = Socket(stream.try_clone()?);
    Ok((TcpStream::from_std(stream)?, socket))
}

fn other_host_key(name: &str, what: &str) -> NotSent {
    let detail = format!("The host key of {name} is not the one in service-registry.yaml ({what}); nothing ran.");
    (Outcome::HostKeyMismatch, detail)
}

fn no_commands(name: &str) -> NotSent {
    (Outcome::LoginRefused, format!("{name} let Quell in, but does not let it run commands; nothing ran."))
}

/// Sends the command and takes in what comes back, until there is nothing more to expect. What it has seen stands in
/// `seen` at any time, so that it can be cut off.
async fn follow(channel: &mut Channel<Msg>, line: &str, seen: &mut Seen) {
    if channel.exec(true, line).await.is_err() {
        return;
    }
    loop {
        let patience = if seen.end.is_some() { LINGER } else { Duration::MAX };
        match timeout(patience, channel.wait()).await {
            Ok(Some(ChannelMsg::Close) | None) | Err(_) => return,
            Ok(Some(message)) => seen.take(message),
        }
        if matches!(seen.end, Some(End::NotStarted)) {
            return;
        }
    }
}

/// How a command ended, as the target says.
enum End {
    Status(u32),
    Signal(String),
    NotStarted,
}

/// What came back so far.
#[derive(Default)]
struct Seen {
    stdout: Output,
    stderr: Output,
    end: Option<End>,
}

impl Seen {
    /// Takes one message. Output past the bound is read and dropped: a target that may not send blocks the command.
    fn take(&mut self, message: ChannelMsg) {
        match message {
            ChannelMsg::Data { data } => self.stdout.push(&data),
            // The only extended data there is (RFC 4254, section 5.2).
            ChannelMsg::ExtendedData { data, ext: 1 } => self.stderr.push(&data),
            ChannelMsg::ExitStatus { exit_status } => self.end = Some(End::Status(exit_status)),
            ChannelMsg::ExitSignal { signal_name, .. } => self.end = Some(End::Signal(signal(&signal_name))),
            ChannelMsg::Failure => self.end = Some(End::NotStarted),
            _ => {}
        }
    }

    fn result(self, errand: &Errand<'_>, in_time: bool) -> StepResult {
        let name = &errand.service.name;
        let program = errand.argv.first().map_or("", String::as_str);
        let (mut exit_status, mut signal) = (None, None);
        let (outcome, detail) = match self.end {
            // The status decides even if the time ran out after it, because it says how the command ended.
            Some(End::Status(status)) => {
                exit_status = Some(status);
                (Outcome::Exited, format!("{program} on {name} ended with exit status {status}."))
            }
            Some(End::Signal(ended_by)) => {
                let detail = format!("{program} on {name} was ended by the signal {ended_by}.");
                signal = Some(ended_by);
                (Outcome::Signalled, detail)
            }
            Some(End::NotStarted) => no_commands(name),
            None if in_time => {
                let detail = format!("The connection to {name} was lost before {program} ended; what it did is unknown.");
                (Outcome::ConnectionLost, detail)
            }
            None => {
                let seconds = errand.limit.as_secs();
                (Outcome::TimedOut, format!("{program} on {name} did not end within {seconds} s; it may still be running there."))
            }
        };
        StepResult {
            outcome,
            exit_status,
            signal,
            truncated: self.stdout.truncated() || self.stderr.truncated(),
            stdout: self.stdout.text(),
            stderr: self.stderr.text(),
            duration_ms: 0,
            detail,
        }
    }
}

/// A signal's name without `SIG`. A target may send any text as one.
fn signal(signal: &Sig) -> String {
    match signal {
        Sig::Custom(name) => name.chars().filter(char::is_ascii_alphanumeric).take(16).collect(),
        known => format!("{known:?}"),
    }
}
