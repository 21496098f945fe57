//! Check of a host's key without a login, for `quell doctor`.

use domain::playbook::target::SshTarget;
use tokio::time::Instant;

use crate::ssh::connect_error::ConnectError;
use crate::ssh::session::{CONNECT, Host};

/// What a host shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shown {
    /// The key that the registry pins.
    Pinned,
    /// Another one.
    Other(String),
    /// The registry has no key that can be read.
    Unusable(String),
    /// It cannot be reached from here.
    Unreachable(String),
}

/// Connects to a target as a step would, and hangs up once its key is known. Of a target behind a bastion, the bastion
/// is looked at: further it goes only with a login.
pub async fn host_key(service: &str, target: &SshTarget) -> Shown {
    let host = match &target.bastion {
        Some(bastion) => Host::bastion(service, bastion),
        None => Host::target(service, target),
    };
    match host.show_key(Instant::now() + CONNECT).await {
        Ok(()) => Shown::Pinned,
        Err(error @ ConnectError::OtherHostKey { .. }) => Shown::Other(error.to_string()),
        Err(error @ ConnectError::NoHostKey { .. }) => Shown::Unusable(error.to_string()),
        Err(error) => Shown::Unreachable(error.to_string()),
    }
}
