//! Common form of all runbooks: commands as argument vectors, and what could not be read as one.

use serde_json::Value;

use super::words;
use crate::exit::Failure;

/// A runbook.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Runbook {
    pub(super) name: String,
    /// The alerts that it is for, where it says so.
    pub(super) alerts: Vec<String>,
    pub(super) steps: Vec<Command>,
    pub(super) verify: Vec<Command>,
    pub(super) rollback: Vec<Command>,
    /// What whoever reviews it has to know.
    pub(super) notes: Vec<String>,
    /// What keeps it from being drafted.
    pub(super) refused: Vec<Refusal>,
}

/// A command that a shell, or no shell at all, would run with exactly these arguments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Command {
    pub(super) argv: Vec<String>,
    /// How long it may take, where the runbook says so.
    pub(super) timeout_seconds: Option<u64>,
    /// True if running it twice does no more than running it once.
    pub(super) idempotent: bool,
}

impl Command {
    pub(super) fn new(argv: Vec<String>) -> Self {
        Self {
            argv,
            timeout_seconds: None,
            idempotent: false,
        }
    }
}

/// Why a runbook is not drafted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    /// Where in the runbook.
    pub(super) place: String,
    pub(super) why: String,
}

impl Runbook {
    pub(super) fn refuse(&mut self, place: impl Into<String>, why: impl Into<String>) {
        let (place, why) = (place.into(), why.into());
        self.refused.push(Refusal { place, why });
    }

    /// Refuses the fields of a mapping that are not among those that are understood.
    pub(super) fn refuse_others(&mut self, place: &str, mapping: &Value, known: &[&str]) {
        for name in mapping
            .as_object()
            .into_iter()
            .flat_map(|fields| fields.keys())
        {
            if !known.contains(&name.as_str()) {
                self.refuse(place, format!("`{name}` has no equivalent here"));
            }
        }
    }

    /// Adds the lines of a shell script as steps; `root` if it runs as root.
    pub(super) fn script(&mut self, place: &str, script: &str, root: bool) -> Vec<Command> {
        let mut commands = Vec::new();
        let mut stops = false;
        let joined = script.replace("\\\n", " ");
        for line in joined.lines().map(str::trim) {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            if words::is_strict_mode(line) {
                stops = true;
                continue;
            }
            match words::simple(line) {
                Ok(argv) if root => commands.push(Command::new(words::as_root(argv))),
                Ok(argv) => commands.push(Command::new(argv)),
                Err(why) => self.refuse(place, format!("`{line}`: {why}")),
            }
        }
        if !stops && commands.len() > 1 {
            self.notes.push(format!(
                "{place}: the script goes on after a line that fails; a repair stops there, and runs the rollback"
            ));
        }
        commands
    }
}

/// A YAML or JSON document as values.
pub(super) fn value(text: &str) -> Result<Value, Failure> {
    serde_saphyr::from_str(text)
        .map_err(|error| Failure::wrong(format!("the runbook is neither YAML nor JSON: {error}")))
}

/// A text field, also where it was written as a number.
pub(super) fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// Whether a field is on, in any of YAML 1.1's words: Ansible's files have them.
pub(super) fn is_on(value: &Value) -> bool {
    match value {
        Value::Bool(on) => *on,
        Value::String(word) => ["yes", "true", "on", "y"].contains(&word.to_lowercase().as_str()),
        _ => false,
    }
}
