//! Verification of a host's key: the connection goes on only with the pinned key, and requests of
//! the server are refused.

use std::borrow::Cow;

use domain::phrase;
use domain::primitives::phrase::Phrase;
use russh::client::{ChannelOpenHandle, Handler, Msg, Session};
use russh::keys::{HashAlg, PublicKey, PublicKeyOrCertificate};
use russh::{Channel, Preferred};

/// Why a connection broke.
#[derive(Debug)]
pub(crate) enum Broken {
    /// The peer showed another host key than the pinned one: which, in words.
    OtherHostKey(Phrase),
    Ssh(russh::Error),
}

impl From<russh::Error> for Broken {
    fn from(error: russh::Error) -> Self {
        Self::Ssh(error)
    }
}

/// A target, known by its host key.
#[derive(Debug)]
pub(crate) struct Peer {
    host_key: PublicKey,
}

impl Peer {
    /// The target with this host key.
    pub(crate) const fn new(host_key: PublicKey) -> Self {
        Self { host_key }
    }

    /// The algorithms to offer. Of the host keys only the pinned one's: a host with several kinds would otherwise show
    /// the kind that it prefers, and be refused although it holds the pinned key too.
    pub(crate) fn preferred(&self) -> Preferred {
        Preferred {
            key: Cow::Owned(vec![self.host_key.algorithm()]),
            ..Preferred::DEFAULT
        }
    }
}

/// Handlers of the channels that a server may open to a client: Quell asked for none, so each drops its handle, which
/// rejects the channel. The library's defaults accept them.
macro_rules! reject {
    ($($open:ident($($detail:ty),*);)*) => {$(
        async fn $open(
            &mut self,
            _: Channel<Msg>,
            $(_: $detail,)*
            _: ChannelOpenHandle,
            _: &mut Session,
        ) -> Result<(), Broken> {
            Ok(())
        }
    )*};
}

impl Handler for Peer {
    type Error = Broken;

    async fn check_server_key(&mut self, shown: &PublicKeyOrCertificate) -> Result<bool, Broken> {
        match shown {
            PublicKeyOrCertificate::PublicKey { key, .. }
                if key.key_data() == self.host_key.key_data() =>
            {
                Ok(true)
            }
            PublicKeyOrCertificate::PublicKey { key, .. } => Err(Broken::OtherHostKey(phrase!(
                "it showed {algorithm} {fingerprint}",
                algorithm = key.algorithm(),
                fingerprint = key.fingerprint(HashAlg::Sha256)
            ))),
            PublicKeyOrCertificate::Certificate(_) => {
                Err(Broken::OtherHostKey(phrase!("it showed a certificate")))
            }
        }
    }

    reject! {
        server_channel_open_session();
        server_channel_open_agent_forward();
        server_channel_open_x11(&str, u32);
        server_channel_open_forwarded_tcpip(&str, u32, &str, u32);
        server_channel_open_forwarded_streamlocal(&str);
        server_channel_open_direct_tcpip(&str, u32, &str, u32);
        server_channel_open_direct_streamlocal(&str);
    }
}
