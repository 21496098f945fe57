//! Playbooks: the only commands that Quell ever runs. Every parameter value is checked
//! (`no-words-executed`).

use std::collections::BTreeMap;

use regex_lite::Regex;
use serde::Deserialize;
use thiserror::Error;

use crate::alert::labels::said;
use crate::alert::{Alert, AlertType};
use crate::analysis::{DataImpact, Risk, Severity};
use crate::phrase;
use crate::playbook::command::{Check, Fact, Step};
use crate::playbook::placeholder::fill;
use crate::playbook::plan::{Phase, Plan, PlannedStep};
use crate::playbook::plan_risk::PlanRisk;
use crate::playbook::service::Service;
use crate::primitives::duration::Length;
use crate::primitives::id::PlaybookId;
use crate::primitives::phrase::Phrase;

/// The longest that a whole plan may take in the worst case. One invocation of the repair function ends after 900 s; a longer
/// repair goes on in the next (`HandedOver`), and the queue delivers its message often enough for this.
pub const PLAN_SECONDS: u64 = 3600;

/// The longest value of a parameter, in bytes. A pattern such as `.*` has no bound of its own, and the kernel's for one
/// argument (128 KiB) would fail on the host, after the approval and with a worse message.
pub const VALUE_BYTES: usize = 4096;

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Playbook {
    /// Its id, unique in the file.
    #[cfg_attr(feature = "schema", schemars(extend("pattern" = "^[a-z0-9-]+$")))]
    pub id: PlaybookId,
    /// Its name, for people.
    pub name: String,
    /// True until a person has reviewed it: a file with a draft is refused, by quell check and by every function.
    #[serde(default)]
    pub draft: bool,
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
    /// How long a target rests between two runs of it, before it may run without a human again.
    pub cooldown: Option<Length>,
    /// Its parameters, by name.
    #[serde(default)]
    pub parameters: BTreeMap<String, Parameter>,
    /// Commands that only read. They run before the first step, in order, and steps can depend on them.
    #[serde(default)]
    pub facts: Vec<Fact>,
    /// The commands that repair.
    #[cfg_attr(feature = "schema", schemars(length(min = 1)))]
    pub steps: Vec<Step>,
    /// Commands that tell whether the symptom went. Without them a repair counts as failed.
    #[serde(default)]
    pub verify: Vec<Check>,
    /// Commands that take the repair back, if a step or a check fails.
    #[serde(default)]
    pub rollback: Vec<Step>,
}

fn no_impact() -> DataImpact {
    DataImpact::None
}

/// Which incidents a playbook is for. It fits if the alert's name or type is listed, and the service too if any is.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(extend("anyOf" = [
        { "required": ["alertnames"], "properties": { "alertnames": { "minItems": 1 } } },
        { "required": ["alert_types"], "properties": { "alert_types": { "minItems": 1 } } }
    ])))]
pub struct Match {
    /// Names of alerts; one that fits counts 4.
    #[serde(default)]
    pub alertnames: Vec<String>,
    /// Types of alerts; one that fits counts 2.
    #[serde(default)]
    pub alert_types: Vec<AlertType>,
    /// Names of services; if there are any, it is for no others. One that fits counts 1.
    #[serde(default)]
    pub services: Vec<String>,
}

impl Match {
    /// True if it may ever run on this service: none is listed, or this one is.
    pub fn allows(&self, service: &str) -> bool {
        self.services.is_empty() || self.services.iter().any(|name| name == service)
    }
}

/// When a playbook may run without a human.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Auto {
    /// The worst severity at which it may. P0 and P1 never run by themselves.
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
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Parameter {
    /// `service.name`, `service.unit` or `service.facts.<key>`; or `alert.labels.<label>`, which comes from outside: keep its pattern tight.
    #[cfg_attr(feature = "schema", schemars(extend("pattern" = r"^(service\.(name|unit|facts\..+)|alert\.labels\.[A-Za-z_][A-Za-z0-9_]*)$")))]
    pub from: String,
    /// A regular expression that the whole value has to match.
    #[cfg_attr(feature = "schema", schemars(extend("format" = "regex")))]
    pub pattern: String,
}

/// Why a playbook cannot be used as asked. It names the place; it never repeats a value, which may come from outside.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{}", self.phrase())]
pub enum Unusable {
    /// The service has no such value.
    NoValue { parameter: String, from: String },
    /// The alert has no such label.
    NotSaid { parameter: String, from: String },
    /// A parameter's value does not look as the playbook demands.
    UnfitValue(String),
    /// A parameter's value is too long.
    TooLong(String),
    /// A parameter was not given.
    NotGiven(String),
    /// A value was given that the playbook does not know.
    Unknown(String),
    /// There is no such step.
    NoStep,
}

impl Unusable {
    /// The reason, for people.
    pub fn phrase(&self) -> Phrase {
        match self {
            Self::NoValue { parameter, from } => phrase!(
                "the parameter {parameter} comes from {from}, which the service does not have",
                parameter,
                from
            ),
            Self::NotSaid { parameter, from } => phrase!(
                "the parameter {parameter} comes from {from}, which the alert does not have",
                parameter,
                from
            ),
            Self::UnfitValue(parameter) => phrase!(
                "the value of the parameter {parameter} does not match its pattern",
                parameter
            ),
            Self::TooLong(parameter) => phrase!(
                "the value of the parameter {parameter} is longer than {bytes} bytes",
                parameter,
                bytes = VALUE_BYTES
            ),
            Self::NotGiven(parameter) => {
                phrase!("the parameter {parameter} was not given", parameter)
            }
            Self::Unknown(parameter) => {
                phrase!("the playbook has no parameter {parameter}", parameter)
            }
            Self::NoStep => phrase!("the playbook has no such step"),
        }
    }
}

impl Parameter {
    /// The label of the alert from which it comes, if it comes from there.
    pub fn label(&self) -> Option<&str> {
        self.from.strip_prefix("alert.labels.")
    }

    /// All values that it can have, if its pattern is a list of them: `^(/|/var|/var/log)$`.
    fn every_value(&self) -> Option<Vec<String>> {
        let list = self.pattern.strip_prefix("^(")?.strip_suffix(")$")?;
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "/_-".contains(c);
        let values = list.split('|');
        values
            .map(|value| Some(value.to_owned()).filter(|value| value.chars().all(is_plain)))
            .collect()
    }

    fn check(&self, name: &str, value: &str) -> Result<(), Unusable> {
        if value.len() > VALUE_BYTES {
            return Err(Unusable::TooLong(name.to_owned()));
        }
        if !self.accepts(value) {
            return Err(Unusable::UnfitValue(name.to_owned()));
        }
        Ok(())
    }

    /// Checks a value. Beyond the pattern, no value may look like an option or hold a control character.
    fn accepts(&self, value: &str) -> bool {
        let whole = Regex::new(&format!("^(?:{})$", self.pattern));
        !value.starts_with('-')
            && !value.contains(char::is_control)
            && whole.is_ok_and(|regex| regex.is_match(value))
    }
}

impl Playbook {
    /// True if what it may do by itself is earned by its runs, and not declared.
    pub fn is_earned(&self) -> bool {
        self.auto.is_some_and(|auto| auto.earned)
    }

    /// True if the host itself has to say that something is wrong before anything is changed there: every step depends on a fact. And if a
    /// check says afterwards whether it is gone.
    pub fn asks_the_host_first(&self) -> bool {
        !self.steps.is_empty()
            && self.steps.iter().all(|step| step.when.is_some())
            && self.verify.iter().any(|check| check.when.is_none())
    }

    /// The values of the parameters that come from the alert, checked. They are text from outside (`no-words-executed`).
    ///
    /// # Errors
    /// If the alert lacks one, or one does not match.
    pub fn said_by(&self, alert: &Alert) -> Result<BTreeMap<String, String>, Unusable> {
        let mut values = BTreeMap::new();
        for (name, parameter) in &self.parameters {
            let Some(label) = parameter.label() else {
                continue;
            };
            let value = said(&alert.labels, label).ok_or_else(|| Unusable::NotSaid {
                parameter: name.clone(),
                from: parameter.from.clone(),
            })?;
            parameter.check(name, value)?;
            values.insert(name.clone(), value.to_owned());
        }
        Ok(values)
    }

    /// All values that alerts can give its parameters.
    ///
    /// # Errors
    /// The name of a parameter whose pattern is no list of values.
    pub fn all_said(&self) -> Result<Vec<BTreeMap<String, String>>, String> {
        let mut all = vec![BTreeMap::new()];
        let of_alert = self.parameters.iter();
        for (name, parameter) in of_alert.filter(|(_, parameter)| parameter.label().is_some()) {
            let values = parameter.every_value().ok_or_else(|| name.clone())?;
            let with = |known: &BTreeMap<String, String>| {
                let with = |value: &String| {
                    let mut more = known.clone();
                    more.insert(name.clone(), value.clone());
                    more
                };
                values.iter().map(with).collect::<Vec<_>>()
            };
            all = all.iter().flat_map(with).collect();
        }
        Ok(all)
    }

    /// The parameters' values for a service, checked; `said` has those that come from the alert.
    ///
    /// # Errors
    /// If the service lacks one, or one does not match.
    pub fn parameters_for(
        &self,
        service: &Service,
        said: &BTreeMap<String, String>,
    ) -> Result<BTreeMap<String, String>, Unusable> {
        let mut values = BTreeMap::new();
        for (name, parameter) in &self.parameters {
            let (parameter_name, from) = (name.clone(), parameter.from.clone());
            let value = if parameter.label().is_some() {
                said.get(name)
                    .map(String::as_str)
                    .ok_or(Unusable::NotSaid {
                        parameter: parameter_name,
                        from,
                    })?
            } else {
                service.value(&parameter.from).ok_or(Unusable::NoValue {
                    parameter: parameter_name,
                    from,
                })?
            };
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
        if let Some(name) = values
            .keys()
            .find(|name| !self.parameters.contains_key(*name))
        {
            return Err(Unusable::Unknown(name.chars().take(64).collect()));
        }
        for (name, parameter) in &self.parameters {
            let value = values
                .get(name)
                .ok_or_else(|| Unusable::NotGiven(name.clone()))?;
            parameter.check(name, value)?;
        }
        Ok(())
    }

    /// The steps of a part, rendered with checked values.
    ///
    /// # Errors
    /// If a value is missing or does not match.
    pub fn render(
        &self,
        phase: Phase,
        values: &BTreeMap<String, String>,
    ) -> Result<Vec<PlannedStep>, Unusable> {
        self.check(values)?;
        let planned = |run: &[String], timeout: Length| PlannedStep {
            argv: run.iter().map(|argument| fill(argument, values)).collect(),
            timeout_seconds: seconds(timeout),
            ..PlannedStep::default()
        };
        let step = |step: &Step| {
            let (when, idempotent) = (step.when.clone(), step.idempotent);
            PlannedStep {
                when,
                idempotent,
                ..planned(&step.run, step.timeout)
            }
        };
        let look = |look: &Fact| PlannedStep {
            fact: Some(look.id.clone()),
            ..planned(&look.run, look.timeout)
        };
        let check = |check: &Check| {
            let (retries, every_seconds, when) =
                (check.retries, seconds(check.every), check.when.clone());
            PlannedStep {
                retries,
                every_seconds,
                when,
                ..planned(&check.run, check.timeout)
            }
        };
        Ok(match phase {
            Phase::Facts => self.facts.iter().map(look).collect(),
            Phase::Steps => self.steps.iter().map(step).collect(),
            Phase::Rollback => self.rollback.iter().map(step).collect(),
            Phase::Verify => self.verify.iter().map(check).collect(),
        })
    }

    /// Its risk on a service, as far as both files say it.
    pub fn risk_on(&self, service: &Service) -> PlanRisk {
        // Nothing undoes its steps, and one of them may not even run twice.
        let has_way_back =
            !self.rollback.is_empty() || self.steps.iter().all(|step| step.idempotent);
        PlanRisk::of(self.risk, self.data_impact, has_way_back, service)
    }

    /// The plan of this playbook for a service; `said` has the parameters that come from the alert.
    ///
    /// # Errors
    /// If a parameter has no fitting value.
    pub fn plan(
        &self,
        service: &Service,
        said: &BTreeMap<String, String>,
        round: u32,
        reasons: Vec<Phrase>,
    ) -> Result<Plan, Unusable> {
        let parameters = self.parameters_for(service, said)?;
        let PlanRisk { risk, because } = self.risk_on(service);
        Ok(Plan {
            playbook: self.id.clone(),
            playbook_name: self.name.clone(),
            risk,
            risk_because: because,
            target: service.name.clone(),
            address: service.target.address(),
            unscoped: service.scope.is_none(),
            facts: self.render(Phase::Facts, &parameters)?,
            steps: self.render(Phase::Steps, &parameters)?,
            verify: self.render(Phase::Verify, &parameters)?,
            rollback: self.render(Phase::Rollback, &parameters)?,
            parameters,
            round,
            score: 0,
            reasons,
        })
    }
}

fn seconds(span: Length) -> u32 {
    u32::try_from(span.seconds()).unwrap_or(u32::MAX)
}

#[cfg(test)]
#[path = "playbook_tests.rs"]
pub(crate) mod tests;
