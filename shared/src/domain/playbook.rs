//! Playbooks: the only commands that Quell ever runs, with parameters whose every value is checked (`no-words-executed`).

use std::collections::BTreeMap;

use jiff::SignedDuration;
use regex_lite::Regex;
use serde::Deserialize;
use thiserror::Error;

use super::alert::AlertType;
use super::analysis::{DataImpact, Risk, Severity};
use super::argument::{fill, placeholders};
use super::plan::{Phase, Plan, PlannedStep};
use super::service::Service;

/// The longest that one command may take: the bridge function ends after 120 s.
pub const STEP_SECONDS: u64 = 100;
/// The longest that a whole plan may take in the worst case: the repair function ends after 300 s.
pub const PLAN_SECONDS: u64 = 240;

/// The longest value of a parameter, in bytes. A pattern such as `.*` has no bound of its own, and the kernel's for one
/// argument (128 KiB) would fail on the host, after the approval and with a worse message.
pub const VALUE_BYTES: usize = 4096;

/// A length of time such as `30m` or `60s`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Span(SignedDuration);

impl TryFrom<String> for Span {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let span: SignedDuration = text.parse().map_err(|_| format!("`{text}` is not a length of time such as 90s or 30m"))?;
        if span.is_negative() { Err(format!("`{text}` is negative")) } else { Ok(Self(span)) }
    }
}

impl Span {
    pub(super) const fn of_seconds(seconds: i64) -> Self {
        Self(SignedDuration::from_secs(seconds))
    }

    /// How long it is.
    #[must_use]
    pub const fn length(self) -> SignedDuration {
        self.0
    }

    /// Whole seconds.
    #[must_use]
    pub fn seconds(self) -> u64 {
        self.0.as_secs().unsigned_abs()
    }
}

/// One playbook.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Playbook {
    /// Its id, unique in the file.
    pub id: String,
    /// Its name, for people.
    pub name: String,
    /// Which incidents it is for.
    #[serde(rename = "match")]
    pub matches: Match,
    /// What can go wrong.
    pub risk: Risk,
    /// What it does to data.
    #[serde(default = "no_impact")]
    pub data_impact: DataImpact,
    /// When it may run without a human.
    pub auto: Option<Auto>,
    /// How long a target rests between two runs.
    pub cooldown: Option<Span>,
    /// Its parameters.
    #[serde(default)]
    pub parameters: BTreeMap<String, Parameter>,
    /// What repairs.
    pub steps: Vec<Step>,
    /// What tells whether the symptom went.
    #[serde(default)]
    pub verify: Vec<Check>,
    /// What takes the repair back.
    #[serde(default)]
    pub rollback: Vec<Step>,
}

fn no_impact() -> DataImpact {
    DataImpact::None
}

/// Which incidents a playbook is for. It fits if the alert's name or type is listed, and the service too if any is.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Match {
    /// Names of alerts.
    #[serde(default)]
    pub alertnames: Vec<String>,
    /// Types of alerts.
    #[serde(default)]
    pub alert_types: Vec<AlertType>,
    /// Names of services.
    #[serde(default)]
    pub services: Vec<String>,
}

/// When a playbook may run without a human.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Auto {
    /// The worst severity at which it may.
    pub max_severity: Severity,
    /// How many verified runs it needs before it may.
    #[serde(default)]
    pub min_verified: u32,
    /// True if it has to earn it: by runs that held, from suggested to approved by one to running by itself.
    #[serde(default)]
    pub earned: bool,
}

/// A parameter: where its value comes from and what it has to look like.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Parameter {
    /// `service.name`, `service.unit` or `service.facts.<key>`.
    pub from: String,
    /// A regular expression that the whole value has to match.
    pub pattern: String,
}

/// A command.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// Its argument vector; `{name}` stands for a parameter, `{{` and `}}` for braces.
    pub run: Vec<String>,
    /// After how long it is given up.
    #[serde(default = "step_timeout")]
    pub timeout: Span,
}

/// A command that only reads, and tells by its exit status whether the symptom went.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Check {
    /// Its argument vector, as in [`Step`].
    pub run: Vec<String>,
    /// After how long it is given up.
    #[serde(default = "check_timeout")]
    pub timeout: Span,
    /// How many more tries it has.
    #[serde(default)]
    pub retries: u32,
    /// How long to wait between two tries.
    #[serde(default = "check_every")]
    pub every: Span,
}

fn step_timeout() -> Span {
    Span::of_seconds(60)
}

fn check_timeout() -> Span {
    Span::of_seconds(10)
}

fn check_every() -> Span {
    Span::of_seconds(5)
}

/// Why a playbook cannot be used as asked. It names the place; it never repeats a value, which may come from outside.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Unusable {
    /// The service has no such value.
    #[error("the parameter {parameter} comes from {from}, which the service does not have")]
    NoValue {
        /// The parameter.
        parameter: String,
        /// Its source.
        from: String,
    },
    /// A parameter's value does not look as the playbook demands.
    #[error("the value of the parameter {0} does not match its pattern")]
    UnfitValue(String),
    /// A parameter's value is too long.
    #[error("the value of the parameter {0} is longer than {VALUE_BYTES} bytes")]
    TooLong(String),
    /// A parameter was not given.
    #[error("the parameter {0} was not given")]
    NotGiven(String),
    /// A value was given that the playbook does not know.
    #[error("the playbook has no parameter {0}")]
    Unknown(String),
    /// There is no such step.
    #[error("the playbook has no such step")]
    NoStep,
}

impl Parameter {
    /// Checks a value. Beyond the pattern, no value may look like an option or hold a control character.
    fn accepts(&self, value: &str) -> bool {
        let whole = Regex::new(&format!("^(?:{})$", self.pattern));
        !value.starts_with('-') && !value.contains(char::is_control) && whole.is_ok_and(|regex| regex.is_match(value))
    }
}

impl Playbook {
    /// True if what it may do by itself is earned by its runs, and not declared.
    #[must_use]
    pub fn is_earned(&self) -> bool {
        self.auto.is_some_and(|auto| auto.earned)
    }

    /// The parameters' values for a service, checked.
    ///
    /// # Errors
    /// If the service lacks one, or one does not match.
    pub fn parameters_for(&self, service: &Service) -> Result<BTreeMap<String, String>, Unusable> {
        let mut values = BTreeMap::new();
        for (name, parameter) in &self.parameters {
            let value = service
                .value(&parameter.from)
                .ok_or_else(|| Unusable::NoValue { parameter: name.clone(), from: parameter.from.clone() })?;
            values.insert(name.clone(), value.to_owned());
        }
        self.check(&values)?;
        Ok(values)
    }

    /// Checks that `values` are exactly the parameters, each as its pattern demands.
    ///
    /// # Errors
    /// The first that is not.
    pub fn check(&self, values: &BTreeMap<String, String>) -> Result<(), Unusable> {
        if let Some(name) = values.keys().find(|name| !self.parameters.contains_key(*name)) {
            return Err(Unusable::Unknown(name.chars().take(64).collect()));
        }
        for (name, parameter) in &self.parameters {
            let value = values.get(name).ok_or_else(|| Unusable::NotGiven(name.clone()))?;
            if value.len() > VALUE_BYTES {
                return Err(Unusable::TooLong(name.clone()));
            }
            if !parameter.accepts(value) {
                return Err(Unusable::UnfitValue(name.clone()));
            }
        }
        Ok(())
    }

    /// The steps of a part, rendered with checked values.
    ///
    /// # Errors
    /// If a value is missing or does not match.
    pub fn render(&self, phase: Phase, values: &BTreeMap<String, String>) -> Result<Vec<PlannedStep>, Unusable> {
        self.check(values)?;
        let planned = |run: &[String], timeout: Span, retries: u32, every: Span| PlannedStep {
            argv: run.iter().map(|argument| fill(argument, values)).collect(),
            timeout_seconds: u32::try_from(timeout.seconds()).unwrap_or(u32::MAX),
            retries,
            every_seconds: u32::try_from(every.seconds()).unwrap_or(u32::MAX),
        };
        let none = Span::of_seconds(0);
        Ok(match phase {
            Phase::Steps => self.steps.iter().map(|step| planned(&step.run, step.timeout, 0, none)).collect(),
            Phase::Rollback => self.rollback.iter().map(|step| planned(&step.run, step.timeout, 0, none)).collect(),
            Phase::Verify => self.verify.iter().map(|check| planned(&check.run, check.timeout, check.retries, check.every)).collect(),
        })
    }

    /// The plan of this playbook for a service.
    ///
    /// # Errors
    /// If a parameter has no fitting value.
    pub fn plan(&self, service: &Service, round: u32, reasons: Vec<String>) -> Result<Plan, Unusable> {
        let parameters = self.parameters_for(service)?;
        Ok(Plan {
            playbook: self.id.clone(),
            playbook_name: self.name.clone(),
            risk: self.risk,
            target: service.name.clone(),
            address: service.target.address(),
            steps: self.render(Phase::Steps, &parameters)?,
            verify: self.render(Phase::Verify, &parameters)?,
            rollback: self.render(Phase::Rollback, &parameters)?,
            parameters,
            round,
            score: 0,
            reasons,
        })
    }

    /// What is wrong with the playbook: each a field and a sentence.
    #[must_use]
    pub fn faults(&self) -> Vec<(String, String)> {
        let mut faults = Vec::new();
        let mut fault = |field: String, text: String| faults.push((field, text));
        if self.id.is_empty() || !self.id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-') {
            fault("id".into(), "has to be made of a-z 0-9 -".into());
        }
        if self.matches.alertnames.is_empty() && self.matches.alert_types.is_empty() {
            fault("match".into(), "names no alert: give alertnames or alert_types".into());
        }
        for (name, parameter) in &self.parameters {
            let known = ["service.name", "service.unit"].contains(&parameter.from.as_str())
                || parameter.from.strip_prefix("service.facts.").is_some_and(|key| !key.is_empty());
            if !known {
                fault(format!("parameters.{name}.from"), "has to be service.name, service.unit or service.facts.<key>".into());
            }
            if let Err(error) = Regex::new(&format!("^(?:{})$", parameter.pattern)) {
                fault(format!("parameters.{name}.pattern"), format!("is not a regular expression: {error}"));
            }
        }
        if self.steps.is_empty() {
            fault("steps".into(), "is empty: a playbook does something".into());
        }
        let commands = self.steps.iter().map(|step| ("steps", &step.run, step.timeout));
        let checks = self.verify.iter().map(|check| ("verify", &check.run, check.timeout));
        let undo = self.rollback.iter().map(|step| ("rollback", &step.run, step.timeout));
        let mut index = BTreeMap::new();
        for (part, run, timeout) in commands.chain(checks).chain(undo) {
            let place = index.entry(part).and_modify(|i| *i += 1).or_insert(0);
            let field = format!("{part}[{place}]");
            if run.first().is_none_or(|program| program.is_empty() || program.contains('{')) {
                fault(format!("{field}.run"), "has to begin with the name of a program, which cannot be a parameter".into());
            }
            for (i, argument) in run.iter().enumerate() {
                for name in placeholders(argument).difference(&self.parameters.keys().cloned().collect()) {
                    fault(format!("{field}.run[{i}]"), format!("names the parameter {name}, which is not declared"));
                }
            }
            if timeout.seconds() == 0 || timeout.seconds() > STEP_SECONDS {
                fault(format!("{field}.timeout"), format!("has to be between 1s and {STEP_SECONDS}s"));
            }
        }
        let worst = self.worst_case_seconds();
        if worst > PLAN_SECONDS {
            fault("steps".into(), format!("with verify and rollback take up to {worst}s; {PLAN_SECONDS}s is the most that one repair has"));
        }
        faults
    }

    fn worst_case_seconds(&self) -> u64 {
        let steps: u64 = self.steps.iter().chain(&self.rollback).map(|step| step.timeout.seconds()).sum();
        let tries = |check: &Check| u64::from(check.retries).saturating_add(1);
        let checks = self.verify.iter().map(|check| tries(check).saturating_mul(check.timeout.seconds() + check.every.seconds()));
        checks.fold(steps, u64::saturating_add)
    }
}

#[cfg(test)]
#[path = "playbook_tests.rs"]
pub(in crate::domain) mod tests;
