//! SSH transport: one connection, one login, one command, no pty, no agent, no environment; then it
//! hangs up.

pub(crate) mod connect_error;
pub(crate) mod host_key;
pub mod login_key;
pub mod probe;
pub(crate) mod session;

use std::sync::Arc;
use std::time::Duration;

use domain::incident::repair::{StepOutcome, StepResult};
use domain::phrase;
use domain::playbook::target::SshTarget;
use russh::client::Msg;
use russh::{Channel, ChannelMsg, Sig};
use tokio::time::timeout;

use crate::output::Output;
use crate::resolve::ResolvedStep;
use crate::sentences::exited;
use crate::ssh::connect_error::ConnectError;
use crate::ssh::login_key::LoginKey;
use crate::ssh::session::Session;

/// How long after the exit status, and in silence, more output is awaited. sshd may send the status before the last of the
/// output; a command that left a daemon behind, which still holds its output open, never closes the channel at all.
const LINGER: Duration = Duration::from_secs(1);

/// Runs a resolved step on a host.
pub(crate) async fn run(
    resolved: &ResolvedStep<'_>,
    target: &SshTarget,
    login_key: &LoginKey,
) -> StepResult {
    let mut session = match open(&resolved.service.name, target, login_key).await {
        Ok(session) => session,
        Err(no_entry) => return no_entry.result(),
    };
    let mut seen = Seen::default();
    let in_time = timeout(
        resolved.limit,
        follow(&mut session.channel, &resolved.line, &mut seen),
    )
    .await
    .is_ok();
    session.hang_up().await;
    seen.result(resolved, target, in_time)
}

/// Opens a session. A key that is refused may have been replaced since it was read, also between two steps of one repair: nothing
/// ran yet, so a newer one gets a try.
async fn open(
    service: &str,
    target: &SshTarget,
    login_key: &LoginKey,
) -> Result<Session, ConnectError> {
    let key = Arc::new(login_key.get().await?);
    match Session::open(service, target, &key).await {
        Err(refused @ ConnectError::KeyRefused { .. }) => match login_key.newer_than(&key).await? {
            Some(newer) => Session::open(service, target, &Arc::new(newer)).await,
            None => Err(refused),
        },
        opened => opened,
    }
}

/// Sends the command and takes in what comes back, until there is nothing more to expect. What it has seen stands in
/// `seen` at any time, so that it can be cut off.
async fn follow(channel: &mut Channel<Msg>, line: &str, seen: &mut Seen) {
    // The end of its input comes with the command: one that reads would wait for it until its time is up.
    if channel.exec(true, line).await.is_err() || channel.eof().await.is_err() {
        return;
    }
    loop {
        let wait = if seen.end.is_some() {
            LINGER
        } else {
            Duration::MAX
        };
        match timeout(wait, channel.wait()).await {
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
            ChannelMsg::ExitSignal { signal_name, .. } => {
                self.end = Some(End::Signal(signal(&signal_name)))
            }
            ChannelMsg::Failure => self.end = Some(End::NotStarted),
            _ => {}
        }
    }

    fn result(self, resolved: &ResolvedStep<'_>, target: &SshTarget, in_time: bool) -> StepResult {
        let name = &resolved.service.name;
        let program = resolved.argv.first().map_or("", String::as_str);
        let (mut exit_status, mut signal) = (None, None);
        let (outcome, detail) = match self.end {
            // The status decides even if the time ran out after it, because it says how the command ended.
            Some(End::Status(status)) => {
                exit_status = Some(status);
                (StepOutcome::Exited, exited(program, name, status))
            }
            Some(End::Signal(ended_by)) => {
                let detail = phrase!(
                    "{program} on {name} was ended by the signal {signal}.",
                    program,
                    name,
                    signal = ended_by
                );
                signal = Some(ended_by);
                (StepOutcome::Signalled, detail)
            }
            Some(End::NotStarted) => {
                let who = name.to_string().into();
                return ConnectError::NoCommands { who }.result();
            }
            None if in_time => {
                let detail = if target.bastion.is_some() {
                    phrase!(
                        "The connection to {name} through its bastion was lost before {program} ended; what it did is unknown.",
                        name,
                        program
                    )
                } else {
                    phrase!(
                        "The connection to {name} was lost before {program} ended; what it did is unknown.",
                        name,
                        program
                    )
                };
                (StepOutcome::ConnectionLost, detail)
            }
            None => {
                let detail = phrase!(
                    "{program} on {name} did not end within {seconds} s; it may still be running there.",
                    program,
                    name,
                    seconds = resolved.limit.as_secs()
                );
                (StepOutcome::TimedOut, detail)
            }
        };
        StepResult {
            outcome,
            exit_status,
            signal,
            truncated: self.stdout.truncated() || self.stderr.truncated(),
            not_utf8: self.stdout.is_not_utf8(),
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
        Sig::Custom(name) => name
            .chars()
            .filter(char::is_ascii_alphanumeric)
            .take(16)
            .collect(),
        known => format!("{known:?}"),
    }
}
