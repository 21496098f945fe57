//! The target of a service: a host that is reached over SSH, or hosts that are reached through SSM Run Command.

use serde::Deserialize;

use crate::playbook::ssm_target::SsmTarget;

/// Where a service runs.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Target {
    /// A host that is reached over SSH.
    Ssh(SshTarget),
    /// Hosts that are reached through SSM Run Command.
    Ssm(SsmTarget),
}

/// A host that is reached over SSH.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SshTarget {
    /// Its name or address.
    #[cfg_attr(feature = "schema", schemars(extend("pattern" = r"^\S+$")))]
    pub host: String,
    /// Its port.
    #[serde(default = "ssh_port")]
    #[cfg_attr(feature = "schema", schemars(range(min = 1)))]
    pub port: u16,
    /// Who to log in as.
    #[cfg_attr(feature = "schema", schemars(extend("pattern" = r"^\S+$")))]
    pub user: String,
    /// The only host key that is accepted: a line of ssh-keyscan without the host, ed25519 or ecdsa.
    #[cfg_attr(feature = "schema", schemars(extend("pattern" = "^(ssh-ed25519 AAAAC3NzaC1lZDI1NTE5|ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTY|ecdsa-sha2-nistp384 AAAAE2VjZHNhLXNoYTItbmlzdHAzODQ|ecdsa-sha2-nistp521 AAAAE2VjZHNhLXNoYTItbmlzdHA1MjE)[A-Za-z0-9+/=]+( .*)?$")))]
    pub host_key: String,
    /// The host through which it is reached, where it cannot be reached directly.
    pub bastion: Option<Bastion>,
}

/// A host that passes connections on to hosts behind it (`ProxyJump`). Quell logs in there with the same key.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Bastion {
    /// Its name or address.
    #[cfg_attr(feature = "schema", schemars(extend("pattern" = r"^\S+$")))]
    pub host: String,
    /// Its port.
    #[serde(default = "ssh_port")]
    #[cfg_attr(feature = "schema", schemars(range(min = 1)))]
    pub port: u16,
    /// Who to log in as.
    #[cfg_attr(feature = "schema", schemars(extend("pattern" = r"^\S+$")))]
    pub user: String,
    /// The only host key that is accepted: a line of ssh-keyscan without the host, ed25519 or ecdsa.
    #[cfg_attr(feature = "schema", schemars(extend("pattern" = "^(ssh-ed25519 AAAAC3NzaC1lZDI1NTE5|ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTY|ecdsa-sha2-nistp384 AAAAE2VjZHNhLXNoYTItbmlzdHAzODQ|ecdsa-sha2-nistp521 AAAAE2VjZHNhLXNoYTItbmlzdHA1MjE)[A-Za-z0-9+/=]+( .*)?$")))]
    pub host_key: String,
}

fn ssh_port() -> u16 {
    22
}

impl Target {
    /// Everything that identifies the place, in one line. It is hashed into the plan.
    pub fn address(&self) -> String {
        match self {
            Self::Ssh(ssh) => {
                let direct = format!(
                    "ssh {}@{}:{} {}",
                    ssh.user, ssh.host, ssh.port, ssh.host_key
                );
                let through = |Bastion {
                                   host,
                                   port,
                                   user,
                                   host_key,
                               }: &Bastion| {
                    format!(" through {user}@{host}:{port} {host_key}")
                };
                direct + &ssh.bastion.as_ref().map(through).unwrap_or_default()
            }
            Self::Ssm(ssm) => ssm.address(),
        }
    }

    /// What is wrong with it: each a field below `target` and a sentence.
    pub(super) fn errors(&self) -> Vec<(String, String)> {
        let mut errors = Vec::new();
        if let Self::Ssh(SshTarget {
            host,
            port,
            user,
            host_key,
            bastion,
        }) = self
        {
            errors.extend(faults_of_host("ssh", host, *port, user, host_key));
            if let Some(Bastion {
                host,
                port,
                user,
                host_key,
            }) = bastion
            {
                errors.extend(faults_of_host("ssh.bastion", host, *port, user, host_key));
            }
        }
        if let Self::Ssm(ssm) = self {
            errors.extend(
                ssm.errors()
                    .into_iter()
                    .map(|(field, error)| (format!("ssm.{field}"), error.to_owned())),
            );
        }
        errors
    }
}

/// What is wrong with a host that is logged in to: each a field below `place` and a sentence.
fn faults_of_host(
    place: &str,
    host: &str,
    port: u16,
    user: &str,
    host_key: &str,
) -> Vec<(String, String)> {
    let mut errors = Vec::new();
    let mut error =
        |field: &str, text: &str| errors.push((format!("{place}.{field}"), text.to_owned()));
    if host_key.starts_with("ssh-rsa ") {
        error(
            "host_key",
            "is an RSA key, which Quell does not check: pin another one of the host (ssh-keyscan -t ed25519,ecdsa HOST)",
        );
    } else if !is_host_key(host_key) {
        error(
            "host_key",
            "has to be a line of ssh-keyscan without the host: an algorithm, a space and base64",
        );
    }
    for (field, value) in [("host", host), ("user", user)] {
        if value.is_empty()
            || value.contains(|c: char| c.is_whitespace() || c.is_control() || c == '@')
        {
            error(
                field,
                "has to be there, without spaces, control characters and @",
            );
        }
    }
    if port == 0 {
        error("port", "has to be between 1 and 65535");
    }
    errors
}

/// True if a text looks like a host key: a known algorithm, and base64 that begins with that algorithm's name (RFC 4253, 6.6).
fn is_host_key(text: &str) -> bool {
    const BEGINNINGS: [(&str, &str); 4] = [
        ("ssh-ed25519", "AAAAC3NzaC1lZDI1NTE5"),
        ("ecdsa-sha2-nistp256", "AAAAE2VjZHNhLXNoYTItbmlzdHAyNTY"),
        ("ecdsa-sha2-nistp384", "AAAAE2VjZHNhLXNoYTItbmlzdHAzODQ"),
        ("ecdsa-sha2-nistp521", "AAAAE2VjZHNhLXNoYTItbmlzdHA1MjE"),
    ];
    let mut words = text.split(' ');
    let (algorithm, key) = (
        words.next().unwrap_or_default(),
        words.next().unwrap_or_default(),
    );
    let base64 = key.len() % 4 == 0
        && key
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"+/=".contains(&b));
    base64
        && BEGINNINGS.iter().any(|(name, beginning)| {
            *name == algorithm && key.starts_with(beginning) && key.len() > 60
        })
}
