//! A stand-in for sshd, for demonstrations and tests on machines without one. Not a server for any
//! other use.
//!
//! It knows one thing: a forced command. Whoever holds the one authorised key may ask for a command; as sshd does, it runs
//! the script that it was started with, with what was asked for in `SSH_ORIGINAL_COMMAND`.

use std::error::Error;
use std::io::Write;
use std::net::SocketAddr;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;

use russh::keys::ssh_key::authorized_keys::Entry;
use russh::keys::{PublicKey, load_secret_key};
use russh::server::{
    Auth, ChannelOpenHandle, Config, Handle, Handler, Msg, PublicKeyOffer, Server, Session,
    VerifiedPublicKey,
};
use russh::{Channel, ChannelId, ChannelMsg, MethodKind, MethodSet, Sig};
use tokio::net::TcpListener;
use tokio::process::Command;

const USAGE: &str = "usage: ssh-host --listen 127.0.0.1:PORT --host-key FILE --authorized-key FILE --command SCRIPT";

/// What every connection is served with.
#[derive(Clone)]
struct Host {
    authorized: PublicKey,
    script: Arc<str>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let value = |flag: &str| {
        let pair = arguments.chunks_exact(2).find(|pair| pair[0] == flag);
        pair.map(|pair| pair[1].as_str())
            .ok_or_else(|| format!("{flag} is missing\n{USAGE}"))
    };
    let listener = TcpListener::bind(value("--listen")?).await?;
    let authorized = std::fs::read_to_string(value("--authorized-key")?)?;
    // A line of an authorized_keys file or a .pub file; options in front of the key are sshd's and mean nothing here.
    let authorized = authorized.trim().parse::<Entry>()?.public_key().clone();
    let config = Config {
        methods: MethodSet::from(&[MethodKind::PublicKey][..]),
        keys: vec![load_secret_key(Path::new(value("--host-key")?), None)?],
        inactivity_timeout: None,
        nodelay: true,
        ..Config::default()
    };
    let mut host = Host {
        authorized,
        script: value("--command")?.into(),
    };
    writeln!(
        std::io::stdout(),
        "ssh-host (a stand-in for sshd) is listening on {}",
        listener.local_addr()?
    )?;
    Ok(host.run_on_socket(Arc::new(config), &listener).await?)
}

impl Server for Host {
    type Handler = Self;

    fn new_client(&mut self, _: Option<SocketAddr>) -> Self {
        self.clone()
    }
}

impl Host {
    fn admits(&self, key: &PublicKey) -> Auth {
        if key.key_data() == self.authorized.key_data() {
            Auth::Accept
        } else {
            Auth::reject()
        }
    }
}

/// Passwords, forwarding and environments are refused by the library's defaults.
impl Handler for Host {
    type Error = russh::Error;

    async fn auth_publickey_offered(
        &mut self,
        _: &str,
        offer: PublicKeyOffer<'_>,
    ) -> Result<Auth, russh::Error> {
        Ok(self.admits(offer.public_key))
    }

    async fn auth_publickey(
        &mut self,
        _: &str,
        key: VerifiedPublicKey<'_>,
    ) -> Result<Auth, russh::Error> {
        Ok(self.admits(key.public_key))
    }

    async fn channel_open_session(
        &mut self,
        channel: Channel<Msg>,
        reply: ChannelOpenHandle,
        session: &mut Session,
    ) -> Result<(), russh::Error> {
        tokio::spawn(serve(channel, session.handle(), Arc::clone(&self.script)));
        reply.accept().await;
        Ok(())
    }
}

/// Waits for the first request of a channel and serves it if it is for a command.
async fn serve(mut channel: Channel<Msg>, handle: Handle, script: Arc<str>) {
    let id = channel.id();
    while let Some(message) = channel.wait().await {
        match message {
            ChannelMsg::Exec { command, .. } => {
                let asked = String::from_utf8_lossy(&command).into_owned();
                // Whatever goes wrong in here, the other side sees a channel that closed without an exit status.
                let _ = run(&script, asked, channel, &handle).await;
                let _ = handle.close(id).await;
                return;
            }
            ChannelMsg::RequestShell { .. }
            | ChannelMsg::RequestPty { .. }
            | ChannelMsg::RequestSubsystem { .. } => {
                let _ = handle.channel_failure(id).await;
            }
            _ => {}
        }
    }
}

async fn run(
    script: &str,
    asked: String,
    channel: Channel<Msg>,
    handle: &Handle,
) -> Result<(), Box<dyn Error + Send + Sync>> {
    let mut command = Command::new("/bin/sh");
    command
        .arg("-c")
        .arg(script)
        .env("SSH_ORIGINAL_COMMAND", asked);
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    let mut child = command.spawn()?;
    let (stdout, stderr) = child
        .stdout
        .take()
        .zip(child.stderr.take())
        .ok_or("a pipe is missing")?;
    let (mut incoming, outgoing) = channel.split();
    let id = outgoing.id();
    let _ = handle.channel_success(id).await;
    let ended = async {
        // The status goes out when the script ends, also if a process that it left behind still holds the pipes: so does sshd.
        let status = async { report(handle, id, child.wait().await?).await };
        let (out, err, told) = tokio::join!(
            outgoing.data(stdout),
            outgoing.extended_data(1, stderr),
            status
        );
        out.and(err)?;
        told?;
        let _ = handle.eof(id).await;
        Ok(())
    };
    // Nobody waits for the script any more once the client is gone; returning ends it.
    let gone = async { while incoming.wait().await.is_some() {} };
    tokio::select! { ended = ended => ended, () = gone => Ok(()) }
}

async fn report(handle: &Handle, id: ChannelId, status: ExitStatus) -> std::io::Result<()> {
    let Some(number) = status.signal() else {
        let _ = handle
            .exit_status_request(id, status.code().unwrap_or_default().unsigned_abs())
            .await;
        return Ok(());
    };
    let signal = match number {
        1 => Sig::HUP,
        2 => Sig::INT,
        3 => Sig::QUIT,
        6 => Sig::ABRT,
        9 => Sig::KILL,
        11 => Sig::SEGV,
        13 => Sig::PIPE,
        15 => Sig::TERM,
        other => Sig::Custom(other.to_string()),
    };
    let _ = handle
        .exit_signal_request(
            id,
            signal,
            status.core_dumped(),
            String::new(),
            String::new(),
        )
        .await;
    Ok(())
}
