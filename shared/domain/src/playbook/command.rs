//! The commands of a playbook as its file writes them: facts that are read first, steps, and
//! checks.

use std::collections::BTreeMap;

use regex_lite::Regex;
use serde::Deserialize;

use crate::playbook::condition::{FACT_BYTES, Seen, When, no_answer};
use crate::playbook::plan::PlannedStep;
use crate::primitives::duration::Length;

/// The longest that one command may take: the bridge function ends after 900 s, connecting included.
pub const STEP_SECONDS: u64 = 800;
/// The longest wait between two tries of a check.
pub const EVERY_SECONDS: u64 = 300;

/// A command that only reads, and whose exit status and output decide which steps run. It runs before the first of them.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Fact {
    /// The name of the fact, unique in the playbook.
    #[cfg_attr(feature = "schema", schemars(extend("pattern" = "^[a-z0-9_]+$")))]
    pub id: String,
    /// Its argument vector: no shell reads it. {name} stands for a parameter, {{ and }} for braces. The program itself cannot be a
    /// parameter.
    #[cfg_attr(feature = "schema", schemars(length(min = 1), extend("prefixItems" = [{ "type": "string", "pattern": "^[^{]+$" }])))]
    pub run: Vec<String>,
    /// After how long it is given up: 10s by default, 800s at most.
    #[serde(default = "check_timeout")]
    pub timeout: Length,
}

/// A command.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Step {
    /// Its argument vector: no shell reads it. {name} stands for a parameter, {{ and }} for braces. The program itself cannot be a
    /// parameter.
    #[cfg_attr(feature = "schema", schemars(length(min = 1), extend("prefixItems" = [{ "type": "string", "pattern": "^[^{]+$" }])))]
    pub run: Vec<String>,
    /// After how long it is given up: 60s by default, 800s at most.
    #[serde(default = "step_timeout")]
    pub timeout: Length,
    /// On which fact it depends whether it runs.
    pub when: Option<When>,
    /// True if running it twice does no more than running it once: then it may run again if it is
    /// unknown whether it ran.
    #[serde(default)]
    pub idempotent: bool,
}

/// A command that only reads, and tells by its exit status whether the symptom went.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Check {
    /// Its argument vector: no shell reads it. {name} stands for a parameter, {{ and }} for braces. The program itself cannot be a
    /// parameter.
    #[cfg_attr(feature = "schema", schemars(length(min = 1), extend("prefixItems" = [{ "type": "string", "pattern": "^[^{]+$" }])))]
    pub run: Vec<String>,
    /// After how long it is given up: 10s by default, 800s at most.
    #[serde(default = "check_timeout")]
    pub timeout: Length,
    /// How many more tries it has.
    #[serde(default)]
    pub retries: u32,
    /// How long to wait between two tries: 5s by default, 300s at most.
    #[serde(default = "check_every")]
    pub every: Length,
    /// On which fact it depends whether it is made.
    pub when: Option<When>,
}

fn step_timeout() -> Length {
    Length::of_seconds(60)
}

fn check_timeout() -> Length {
    Length::of_seconds(10)
}

fn check_every() -> Length {
    Length::of_seconds(5)
}

impl When {
    /// True if what was seen of the fact is what it asks for. A pattern that is none never matches.
    pub fn holds(&self, seen: &Seen) -> bool {
        let exits = self.exits.is_none_or(|status| seen.exit_status == status);
        let prints = self.prints.as_ref().is_none_or(|pattern| {
            Regex::new(pattern).is_ok_and(|pattern| pattern.is_match(&seen.printed))
        });
        (exits && prints) != self.not
    }

    /// What is wrong with it, in a playbook that has these facts.
    pub(crate) fn errors(&self, facts: &[Fact]) -> Vec<String> {
        let mut errors = Vec::new();
        if !facts.iter().any(|look| look.id == self.fact) {
            errors.push(format!(
                "names the fact {}, which is not among the playbook's facts",
                self.fact
            ));
        }
        if self.exits.is_none() && self.prints.is_none() {
            errors.push("asks nothing of the fact: give exits or prints".to_owned());
        }
        if let Some(why) = self.exits.and_then(no_answer) {
            errors.push(format!(
                "can never hold: {why}, and a fact that ends so ends the repair"
            ));
        }
        if let Some(Err(error)) = self.prints.as_ref().map(|pattern| Regex::new(pattern)) {
            errors.push(format!("prints is not a regular expression: {error}"));
        }
        errors
    }
}

impl PlannedStep {
    /// True if the facts do not keep it from running. One that is not known holds for nothing.
    pub fn wanted(&self, facts: &BTreeMap<String, Seen>) -> bool {
        self.when
            .as_ref()
            .is_none_or(|when| facts.get(&when.fact).is_some_and(|seen| when.holds(seen)))
    }
}

impl Seen {
    /// What a fact turned out to be: of what it printed, as much as conditions look at.
    pub fn of(exit_status: u32, printed: &str) -> Self {
        Self {
            exit_status,
            printed: printed[..printed.floor_char_boundary(FACT_BYTES)].to_owned(),
        }
    }
}
