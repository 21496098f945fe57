//! Conditions that decide whether a step runs, based on facts that are read right before the first
//! step.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How much of what a fact printed is kept and searched, in bytes. A fact that conditions search must not print more.
pub const FACT_BYTES: usize = 4096;

/// A condition on a fact. What the fact printed is only searched: it never becomes a value, a path or a part of a command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(extend("anyOf" = [{ "required": ["exits"] }, { "required": ["prints"] }])))]
pub struct When {
    /// The id of a fact of this playbook.
    pub fact: String,
    /// The exit status that it has to have. 126, 127 and 129 to 192 say that the command did not run to its end: a fact that ends so ends
    /// the repair.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(extend("not" = { "anyOf": [{ "enum": [126, 127] }, { "minimum": 129, "maximum": 192 }] })))]
    pub exits: Option<u32>,
    /// A regular expression that is found in the first 4096 bytes of what it printed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(extend("format" = "regex")))]
    pub prints: Option<String>,
    /// True if the opposite is asked for.
    #[serde(default)]
    pub not: bool,
}

impl fmt::Display for When {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} {}",
            if self.not { "unless" } else { "only if" },
            self.fact
        )?;
        if let Some(status) = self.exits {
            write!(f, " exits with {status}")?;
        }
        if self.exits.is_some() && self.prints.is_some() {
            f.write_str(" and")?;
        }
        match &self.prints {
            Some(pattern) => write!(f, " prints {pattern}"),
            None => Ok(()),
        }
    }
}

/// Why an exit status is no answer of a fact, but says that its command did not run to its end.
///
/// A shell gives 126 for a command that could not be executed, 127 for one that was not found, and more than 128 for one that a signal
/// ended (POSIX.1-2017, XCU 2.8.2, "Exit Status for Commands"); the shells in use add the signal's number, of which Linux has 64.
pub fn no_answer(exit_status: u32) -> Option<&'static str> {
    match exit_status {
        126 => Some("this status says that the command could not be executed"),
        127 => Some("this status says that the command was not found"),
        129..=192 => Some("this status says that a signal ended the command"),
        _ => None,
    }
}

/// What a fact turned out to be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// The exit status of its command.
    pub exit_status: u32,
    /// The beginning of what it printed.
    pub printed: String,
}
