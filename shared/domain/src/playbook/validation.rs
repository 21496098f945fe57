//! Validation of playbooks before they are used.

use std::collections::BTreeSet;

use regex_lite::Regex;

use crate::playbook::command::{Check, EVERY_SECONDS, STEP_SECONDS};
use crate::playbook::condition::When;
use crate::playbook::placeholder::placeholders;
use crate::playbook::{PLAN_SECONDS, Playbook};
use crate::primitives::duration::Length;

/// Where something is wrong, and what: a field and a sentence.
type FieldError = (String, String);

/// One command of a playbook, in any of its lists.
struct Command<'a> {
    field: String,
    run: &'a [String],
    timeout: Length,
    when: Option<&'a When>,
}

impl Playbook {
    /// What is wrong with the playbook: each a field and a sentence.
    pub fn errors(&self) -> Vec<(String, String)> {
        let mut errors = Vec::new();
        let mut error = |field: &str, text: &str| errors.push((field.to_owned(), text.to_owned()));
        if self.id.is_empty()
            || !self
                .id
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        {
            error("id", "has to be made of a-z 0-9 -");
        }
        if self.draft {
            error(
                "draft",
                "is true: a draft is not deployed. Review every command of it, then take this line away",
            );
        }
        if self.matches.alertnames.is_empty() && self.matches.alert_types.is_empty() {
            error("match", "names no alert: give alertnames or alert_types");
        }
        if self.steps.is_empty() {
            error("steps", "is empty: a playbook does something");
        }
        self.parameter_errors(&mut errors);
        self.fact_errors(&mut errors);
        for command in self.commands() {
            self.command_errors(&command, &mut errors);
        }
        for (i, check) in self
            .verify
            .iter()
            .enumerate()
            .filter(|(_, check)| check.every.seconds() > EVERY_SECONDS)
        {
            errors.push((
                format!("verify[{i}].every"),
                format!(
                    "is {}s; {EVERY_SECONDS}s is the longest wait",
                    check.every.seconds()
                ),
            ));
        }
        let worst = self.worst_case_seconds();
        if worst > PLAN_SECONDS {
            let text = format!(
                "with facts, verify and rollback take up to {worst}s; {PLAN_SECONDS}s is the most that one repair has"
            );
            errors.push(("steps".to_owned(), text));
        }
        errors
    }

    fn parameter_errors(&self, errors: &mut Vec<FieldError>) {
        for (name, parameter) in &self.parameters {
            let known = ["service.name", "service.unit"].contains(&parameter.from.as_str())
                || parameter
                    .from
                    .strip_prefix("service.facts.")
                    .is_some_and(|key| !key.is_empty())
                || parameter.label().is_some_and(is_label);
            if !known {
                let text = "has to be service.name, service.unit, service.facts.<key> or alert.labels.<label>"
                    .to_owned();
                errors.push((format!("parameters.{name}.from"), text));
            }
            if let Err(error) = Regex::new(&format!("^(?:{})$", parameter.pattern)) {
                errors.push((
                    format!("parameters.{name}.pattern"),
                    format!("is not a regular expression: {error}"),
                ));
            }
        }
    }

    fn fact_errors(&self, errors: &mut Vec<FieldError>) {
        let mut names = BTreeSet::new();
        for (i, look) in self.facts.iter().enumerate() {
            if look.id.is_empty()
                || !look
                    .id
                    .bytes()
                    .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
            {
                errors.push((
                    format!("facts[{i}].id"),
                    "has to be made of a-z 0-9 _".to_owned(),
                ));
            }
            if !names.insert(&look.id) {
                errors.push((
                    format!("facts[{i}].id"),
                    format!("is {}, which another fact is called already", look.id),
                ));
            }
        }
    }

    fn command_errors(
        &self,
        Command {
            field,
            run,
            timeout,
            when,
        }: &Command<'_>,
        errors: &mut Vec<FieldError>,
    ) {
        if run
            .first()
            .is_none_or(|program| program.is_empty() || program.contains('{'))
        {
            let text = "has to begin with the name of a program, which cannot be a parameter";
            errors.push((format!("{field}.run"), text.to_owned()));
        }
        let declared = self.parameters.keys().cloned().collect();
        for (i, argument) in run.iter().enumerate() {
            for name in placeholders(argument).difference(&declared) {
                errors.push((
                    format!("{field}.run[{i}]"),
                    format!("names the parameter {name}, which is not declared"),
                ));
            }
        }
        // What an alert says is an argument of a script, and never a part of one.
        let of_alert = |name: &String| {
            let parameter = self.parameters.get(name);
            parameter.is_some_and(|parameter| parameter.label().is_some())
        };
        for (i, pair) in run
            .windows(2)
            .enumerate()
            .filter(|(_, pair)| is_script(pair))
        {
            for name in placeholders(&pair[1]).iter().filter(|name| of_alert(name)) {
                errors.push((
                    format!("{field}.run[{}]", i + 1),
                    format!(
                        "has the parameter {name} in a script, and its value comes from the alert: give it to the script as an argument"
                    ),
                ));
            }
        }
        if timeout.seconds() == 0 || timeout.seconds() > STEP_SECONDS {
            errors.push((
                format!("{field}.timeout"),
                format!("has to be between 1s and {STEP_SECONDS}s"),
            ));
        }
        for text in when.iter().flat_map(|when| when.errors(&self.facts)) {
            errors.push((format!("{field}.when"), text));
        }
    }

    /// Every command, with its place.
    fn commands(&self) -> impl Iterator<Item = Command<'_>> {
        let facts = self
            .facts
            .iter()
            .map(|look| ("facts", &look.run, look.timeout, None));
        let steps = self
            .steps
            .iter()
            .map(|step| ("steps", &step.run, step.timeout, step.when.as_ref()));
        let checks = self
            .verify
            .iter()
            .map(|check| ("verify", &check.run, check.timeout, check.when.as_ref()));
        let undo = self
            .rollback
            .iter()
            .map(|step| ("rollback", &step.run, step.timeout, step.when.as_ref()));
        let numbered = facts
            .enumerate()
            .chain(steps.enumerate())
            .chain(checks.enumerate())
            .chain(undo.enumerate());
        numbered.map(|(i, (part, run, timeout, when))| Command {
            field: format!("{part}[{i}]"),
            run,
            timeout,
            when,
        })
    }

    fn worst_case_seconds(&self) -> u64 {
        let once = self.facts.iter().map(|look| look.timeout).chain(
            self.steps
                .iter()
                .chain(&self.rollback)
                .map(|step| step.timeout),
        );
        let tries = |check: &Check| u64::from(check.retries).saturating_add(1);
        let checks = self.verify.iter().map(|check| {
            tries(check).saturating_mul(check.timeout.seconds() + check.every.seconds())
        });
        once.map(Length::seconds)
            .chain(checks)
            .fold(0, u64::saturating_add)
    }
}

/// True if a text can be the name of a label of Prometheus.
fn is_label(text: &str) -> bool {
    !text.is_empty()
        && !text.starts_with(|c: char| c.is_ascii_digit())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// True if the second of two arguments is a script, as after `sh -c`, `bash -ec` or `python3 -c`.
fn is_script(pair: &[String]) -> bool {
    pair[0].starts_with('-') && !pair[0].starts_with("--") && pair[0].ends_with(['c', 'e'])
}
