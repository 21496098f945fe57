//! SSH session on a target: a logged-in connection, direct or through its bastion, and one open
//! channel.

use std::net::Shutdown;
use std::sync::Arc;
use std::time::Duration;

use domain::phrase;
use domain::playbook::target::{Bastion, SshTarget};
use domain::primitives::phrase::Phrase;
use russh::client::{Config, Handle, Msg, connect_stream};
use russh::keys::{PrivateKey, PrivateKeyWithHashAlg, PublicKey};
use russh::{AlgorithmKind, Channel, ChannelOpenFailure, Disconnect};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout, timeout_at};

use crate::ssh::connect_error::ConnectError;
use crate::ssh::host_key::{Broken, Peer};

/// How long everything before the command may take: names, connections, keys and logins, those of a bastion included.
pub(crate) const CONNECT: Duration = Duration::from_secs(10);
/// How often a silent host is asked whether it is still there; three unanswered questions end the connection, so that a
/// host that lost its power in the middle of a command is not mistaken for a slow command.
const ASK_EVERY: Duration = Duration::from_secs(5);
/// How long saying goodbye may take.
const GOODBYE: Duration = Duration::from_secs(1);

/// A logged-in connection with one open channel.
pub(crate) struct Session {
    /// Where the command goes.
    pub(crate) channel: Channel<Msg>,
    target: Handle<Peer>,
    /// The connection that carries the one to the target, if there is a bastion.
    bastion: Option<Handle<Peer>>,
    socket: Socket,
}

impl Session {
    /// Lets Quell into a target.
    ///
    /// # Errors
    /// The first fault. Every connection that was open by then is closed.
    pub(crate) async fn open(
        service: &str,
        target: &SshTarget,
        key: &Arc<PrivateKey>,
    ) -> Result<Self, ConnectError> {
        let deadline = Instant::now() + CONNECT;
        let host = Host::target(service, target);
        let (target, bastion, socket) = match &target.bastion {
            None => {
                let (stream, socket) = host.dial(deadline).await?;
                (host.log_in(stream, key, deadline).await?, None, socket)
            }
            Some(through) => {
                let gate = Host::bastion(service, through);
                let (stream, socket) = gate.dial(deadline).await?;
                let bastion = gate.log_in(stream, key, deadline).await?;
                let stream = gate.forward(&bastion, &host, deadline).await?.into_stream();
                (
                    host.log_in(stream, key, deadline).await?,
                    Some(bastion),
                    socket,
                )
            }
        };
        let channel = host.session(&target, deadline).await?;
        Ok(Self {
            channel,
            target,
            bastion,
            socket,
        })
    }

    /// Says goodbye for as long as that takes no time worth mentioning, then closes the connection.
    pub(crate) async fn hang_up(self) {
        let Self {
            channel,
            target,
            bastion,
            socket,
        } = self;
        let goodbye = async {
            let _ = channel.close().await;
            for handle in [Some(target), bastion].into_iter().flatten() {
                let _ = handle.disconnect(Disconnect::ByApplication, "", "").await;
                let _ = handle.await;
            }
        };
        let _ = timeout(GOODBYE, goodbye).await;
        drop(socket);
    }
}

/// The connection's socket, once more. The library keeps a connection in a task of its own, which outlives whoever gave up
/// waiting for it; shutting the socket down ends that task in every case, also when the host stalls in the handshake. With a
/// bastion there is one socket all the same: the connection to the target ends with the one that carries it.
struct Socket(std::net::TcpStream);

impl Drop for Socket {
    fn drop(&mut self) {
        let _ = self.0.shutdown(Shutdown::Both);
    }
}

/// A host to log in to.
pub(crate) struct Host<'a> {
    service: &'a str,
    /// What it is called in sentences.
    who: Phrase,
    /// The registry's field with its host key.
    field: &'static str,
    host: &'a str,
    port: u16,
    user: &'a str,
    host_key: &'a str,
}

impl<'a> Host<'a> {
    pub(crate) fn target(
        service: &'a str,
        SshTarget {
            host,
            port,
            user,
            host_key,
            bastion: _,
        }: &'a SshTarget,
    ) -> Self {
        Self {
            service,
            who: service.into(),
            field: "target.ssh.host_key",
            host,
            port: *port,
            user,
            host_key,
        }
    }

    pub(crate) fn bastion(
        service: &'a str,
        Bastion {
            host,
            port,
            user,
            host_key,
        }: &'a Bastion,
    ) -> Self {
        let who = phrase!("the bastion of {service}", service);
        Self {
            service,
            who,
            field: "target.ssh.bastion.host_key",
            host,
            port: *port,
            user,
            host_key,
        }
    }

    /// The pinned key. It is read before any connection is made: without it no host could be
    /// trusted.
    fn pinned(&self) -> Result<PublicKey, ConnectError> {
        let unusable = |_| ConnectError::NoHostKey {
            service: self.service.to_owned(),
            field: self.field,
        };
        PublicKey::from_openssh(self.host_key).map_err(unusable)
    }

    async fn dial(&self, deadline: Instant) -> Result<(TcpStream, Socket), ConnectError> {
        self.pinned()?;
        let connected = timeout_at(deadline, connect(self.host, self.port)).await;
        connected
            .map_err(|_| self.silent())?
            .map_err(|error| self.unreachable(&error))
    }

    /// Connects, and hangs up once the host has shown the pinned key.
    ///
    /// # Errors
    /// If it shows another key, or is not reached.
    pub(crate) async fn show_key(&self, deadline: Instant) -> Result<(), ConnectError> {
        let (stream, socket) = self.dial(deadline).await?;
        let shown = timeout_at(deadline, self.connect(stream)).await;
        drop(socket);
        shown.map_err(|_| self.slow())?.map(drop)
    }

    /// Exchanges keys: what answers is the host.
    async fn connect<S>(&self, stream: S) -> Result<Handle<Peer>, ConnectError>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let peer = Peer::new(self.pinned()?);
        let config = Config {
            preferred: peer.preferred(),
            keepalive_interval: Some(ASK_EVERY),
            ..Config::default()
        };
        connect_stream(Arc::new(config), stream, peer)
            .await
            .map_err(|broken| self.broken(broken))
    }

    /// Makes sure that it is the host, and that it knows Quell.
    async fn log_in<S>(
        &self,
        stream: S,
        key: &Arc<PrivateKey>,
        deadline: Instant,
    ) -> Result<Handle<Peer>, ConnectError>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let login = async {
            let mut handle = self.connect(stream).await?;
            let key = PrivateKeyWithHashAlg::new(Arc::clone(key), None);
            let answer = handle
                .authenticate_publickey(self.user, key)
                .await
                .map_err(|error| self.unreachable(&error))?;
            let refused = || ConnectError::KeyRefused {
                who: self.who.clone(),
                user: self.user.to_owned(),
            };
            if answer.success() {
                Ok(handle)
            } else {
                Err(refused())
            }
        };
        timeout_at(deadline, login).await.map_err(|_| self.slow())?
    }

    /// Has this host, a bastion, connect to a host behind it.
    async fn forward(
        &self,
        handle: &Handle<Peer>,
        behind: &Host<'_>,
        deadline: Instant,
    ) -> Result<Channel<Msg>, ConnectError> {
        let Host { host, port, .. } = *behind;
        // The last two say for whom the bastion connects. It only logs them.
        let opening = handle.channel_open_direct_tcpip(host, port.into(), "127.0.0.1", 0);
        let bastion = || self.who.clone();
        timeout_at(deadline, opening)
            .await
            .map_err(|_| behind.silent())?
            .map_err(|error| match error {
                russh::Error::ChannelOpenFailure(ChannelOpenFailure::ConnectFailed) => {
                    ConnectError::UnreachableBehind {
                        bastion: bastion(),
                        who: Box::new(behind.who.clone()),
                        host: host.to_owned(),
                        port,
                    }
                }
                russh::Error::ChannelOpenFailure(_) => ConnectError::NotForwarded {
                    bastion: bastion(),
                    host: host.to_owned(),
                    port,
                },
                error => self.unreachable(&error),
            })
    }

    /// Opens the channel for the command.
    async fn session(
        &self,
        handle: &Handle<Peer>,
        deadline: Instant,
    ) -> Result<Channel<Msg>, ConnectError> {
        let opened = timeout_at(deadline, handle.channel_open_session())
            .await
            .map_err(|_| self.slow())?;
        opened.map_err(|error| match error {
            russh::Error::ChannelOpenFailure(_) => ConnectError::NoCommands {
                who: self.who.clone(),
            },
            error => self.unreachable(&error),
        })
    }

    fn broken(&self, broken: Broken) -> ConnectError {
        let other = |what: Phrase| ConnectError::OtherHostKey {
            who: self.who.clone(),
            what,
        };
        match broken {
            Broken::OtherHostKey(what) => other(what),
            Broken::Ssh(russh::Error::NoCommonAlgo {
                kind: AlgorithmKind::Key,
                ..
            }) => other(phrase!("it has none of the pinned one's algorithm")),
            Broken::Ssh(error) => self.unreachable(&error),
        }
    }

    fn unreachable(&self, why: &dyn std::fmt::Display) -> ConnectError {
        ConnectError::Unreachable {
            who: self.who.clone(),
            host: self.host.to_owned(),
            port: self.port,
            why: why.to_string(),
        }
    }

    fn silent(&self) -> ConnectError {
        ConnectError::Silent {
            who: self.who.clone(),
            host: self.host.to_owned(),
            port: self.port,
            seconds: CONNECT.as_secs(),
        }
    }

    fn slow(&self) -> ConnectError {
        ConnectError::Slow {
            who: self.who.clone(),
            seconds: CONNECT.as_secs(),
        }
    }
}

async fn connect(host: &str, port: u16) -> std::io::Result<(TcpStream, Socket)> {
    let stream = TcpStream::connect((host, port)).await?;
    // Small packets go back and forth in turns here; waiting to fill them would cost 40 ms a turn.
    stream.set_nodelay(true)?;
    let stream = stream.into_std()?;
    let socket = Socket(stream.try_clone()?);
    Ok((TcpStream::from_std(stream)?, socket))
}
