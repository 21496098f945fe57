//! Network namespace of a test host: one address that can be reached from here, deleted after the
//! test.

use std::process::{Command, Stdio, id};
use std::sync::atomic::{AtomicU32, Ordering};

use crate::skip::skipped;

/// A namespace at the other end of a cable.
#[derive(Debug)]
pub struct Namespace {
    name: String,
    /// The address of this end of the cable.
    here: String,
    address: String,
}

impl Namespace {
    /// A namespace that is reached from the namespace of the test.
    ///
    /// Without root or iproute2 the answer is none, and the test says on standard error what it needs; in CI it fails instead.
    #[must_use]
    pub fn create() -> Option<Self> {
        Self::linked(None)
    }

    /// A namespace that is reached from another one only.
    #[must_use]
    pub fn behind(&self) -> Option<Self> {
        Self::linked(Some(self))
    }

    /// `198.18.0.0/15` is for tests of networks (RFC 2544); the process and a counter keep those of a time apart.
    fn linked(from: Option<&Self>) -> Option<Self> {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let number = id()
            .wrapping_mul(8)
            .wrapping_add(MADE.fetch_add(1, Ordering::Relaxed))
            % (1 << 14);
        let [_, _, high, low] = (number * 4).to_be_bytes();
        let address = |last: u8| format!("198.18.{high}.{}", low + last);
        let namespace = Self {
            name: format!("quell-{number}"),
            here: address(1),
            address: address(2),
        };
        let Self {
            name,
            here,
            address,
        } = &namespace;
        let (near, far) = (format!("quell-a{number}"), format!("quell-b{number}"));
        let from = from
            .map(|other| format!("-n {}", other.name))
            .unwrap_or_default();
        let made = ip(&format!("netns add {name}"))
            && ip(&format!(
                "{from} link add {near} type veth peer name {far} netns {name}"
            ))
            && ip(&format!("{from} address add {here}/30 dev {near}"))
            && ip(&format!("{from} link set {near} up"))
            && ip(&format!("-n {name} address add {address}/30 dev {far}"))
            && ip(&format!("-n {name} link set {far} up"))
            && ip(&format!("-n {name} link set lo up"));
        if !made {
            skipped(
                "no network namespaces: run as root, with iproute2, to run the tests with networks of their own",
            );
            return None;
        }
        Some(namespace)
    }

    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// From now on nothing that it sends arrives, as behind a packet filter that drops: no answer and no refusal.
    ///
    /// # Panics
    /// If the route cannot be set.
    pub fn swallow(&self) {
        assert!(
            ip(&format!(
                "-n {} route add blackhole {}/32",
                self.name, self.here
            )),
            "the route cannot be set"
        );
    }

    /// A command in it.
    #[must_use]
    pub(crate) fn command(&self, program: &str) -> Command {
        // `ip` puts the program in its own place: it has the id that a caller sees.
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.name, program]);
        command
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        // The cable goes with it.
        let _ = ip(&format!("netns delete {}", self.name));
    }
}

fn ip(arguments: &str) -> bool {
    let command = Command::new("ip")
        .args(arguments.split_whitespace())
        .stderr(Stdio::null())
        .status();
    command.is_ok_and(|status| status.success())
}
