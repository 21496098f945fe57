//! Properties of ingress for any input, as plain functions over bytes that panic if a promise is
//! broken.
//!
//! Two thin drivers call them: `tests/bounded.rs` replays the seeds and a bounded number of mutations of them in every test
//! run, and `main.rs` hands them to libFuzzer (`make fuzz`).

mod alerts;
mod credential;
mod large;
pub mod mutate;
mod ranges;
mod refusal;
mod request;
mod signature;
mod starts_at;

use std::path::PathBuf;

use jiff::Timestamp;

/// One door to fuzz.
#[derive(Debug)]
pub struct Target {
    /// Its name, which is also the name of the directory with its seeds.
    pub name: &'static str,
    /// Panics if a promise is broken for this input.
    pub check: fn(&[u8]),
    /// How long a mutated input may be, in bytes. Headers and variables are short; a body has to be able to pass its bounds.
    pub most_bytes: usize,
    /// Inputs that are too large to be committed. They are replayed and never mutated.
    pub large: fn() -> Vec<Vec<u8>>,
}

pub const TARGETS: [Target; 7] = [
    Target {
        name: "delivery",
        check: alerts::delivery,
        most_bytes: 65_536,
        large: large::deliveries,
    },
    Target {
        name: "signed-alert",
        check: alerts::signed_alert,
        most_bytes: 65_536,
        large: large::signed_alerts,
    },
    Target {
        name: "signal",
        check: alerts::signal,
        most_bytes: 65_536,
        large: large::signals,
    },
    Target {
        name: "signature",
        check: signature::check,
        most_bytes: 4_096,
        large: Vec::new,
    },
    Target {
        name: "credential",
        check: credential::check,
        most_bytes: 4_096,
        large: Vec::new,
    },
    Target {
        name: "ranges",
        check: ranges::check,
        most_bytes: 4_096,
        large: Vec::new,
    },
    Target {
        name: "starts-at",
        check: starts_at::check,
        most_bytes: 4_096,
        large: Vec::new,
    },
];

impl Target {
    /// The target with this name.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        TARGETS.iter().find(|target| target.name == name)
    }

    /// Where its seeds are.
    #[must_use]
    pub fn seeds(&self) -> PathBuf {
        [env!("CARGO_MANIFEST_DIR"), "seeds", self.name]
            .iter()
            .collect()
    }
}

/// The time at which every input arrives, in seconds since 1970.
const NOW: i64 = 1_800_000_000;

fn now() -> Timestamp {
    match Timestamp::from_second(NOW) {
        Ok(now) => now,
        Err(_) => unreachable!("a second of the year 2027 is a time"),
    }
}
