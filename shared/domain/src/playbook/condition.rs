//! Conditions that decide whether a step runs, based on facts that are read right before the first
//! step.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::phrase;
use crate::primitives::phrase::Phrase;

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

impl When {
    /// The condition in words: behind a command, and as the reason why a step was skipped.
    pub fn phrase(&self) -> Phrase {
        let fact = &self.fact;
        let prints = self.prints.as_deref().unwrap_or_default();
        match (self.not, self.exits, &self.prints) {
            (false, Some(status), None) => {
                phrase!("only if {fact} exits with {status}", fact, status)
            }
            (true, Some(status), None) => {
                phrase!("unless {fact} exits with {status}", fact, status)
            }
            (false, Some(status), Some(_)) => phrase!(
                "only if {fact} exits with {status} and prints {pattern}",
                fact,
                status,
                pattern = prints
            ),
            (true, Some(status), Some(_)) => phrase!(
                "unless {fact} exits with {status} and prints {pattern}",
                fact,
                status,
                pattern = prints
            ),
            (false, None, _) => {
                phrase!("only if {fact} prints {pattern}", fact, pattern = prints)
            }
            (true, None, _) => phrase!("unless {fact} prints {pattern}", fact, pattern = prints),
        }
    }
}

impl fmt::Display for When {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.phrase().fmt(f)
    }
}

/// Why an exit status is no answer of a fact, but says that its command did not run to its end.
///
/// A shell gives 126 for a command that could not be executed, 127 for one that was not found, and more than 128 for one that a signal
/// ended (POSIX.1-2017, XCU 2.8.2, "Exit Status for Commands"); the shells in use add the signal's number, of which Linux has 64.
pub fn no_answer(exit_status: u32) -> Option<Phrase> {
    Some(match exit_status {
        126 => phrase!("this status says that the command could not be executed"),
        127 => phrase!("this status says that the command was not found"),
        129..=192 => phrase!("this status says that a signal ended the command"),
        _ => return None,
    })
}

/// What a fact turned out to be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// The exit status of its command.
    pub exit_status: u32,
    /// The beginning of what it printed.
    pub printed: String,
}
