//! `quell show`: one incident in the terminal, from its alert to the verified repair, with its operation log.

pub(crate) mod finding;
pub(crate) mod people;
mod plan;
pub(crate) mod story;

use std::io::Write;

use clap::Args;
use domain::primitives::id::IncidentId;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::api::lists;
use crate::api::model::{Entry, Incident};
use crate::api::{Api, ApiOf};
use crate::aws::Environment;
use crate::exit::{Answer, Failure};
use crate::respond::incident;
use crate::screen::{self, Output, Screen, Style, safe};

#[derive(Debug, Args)]
pub(crate) struct Show {
    /// The incident's id, as on its card and in `quell incidents`
    #[arg(value_name = "INCIDENT", value_parser = incident)]
    id: IncidentId,
    #[command(flatten)]
    api: ApiOf,
    /// How the answer is written; `json` is the incident as the API answers it, with its log as `entries`
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t)]
    output: Output,
}

impl Show {
    pub(crate) async fn answer(
        self,
        variables: &Environment,
        out: &mut dyn Write,
    ) -> Result<Answer, Failure> {
        let api = self.api.connect(variables).await?;
        if self.output == Output::Json {
            let whole = whole(&api, &self.id).await?;
            writeln!(out, "{}", screen::json(&whole)?)?;
            return Ok(Answer::Yes);
        }
        let (incident, entries) = read(&api, &self.id).await?;
        let mut page = Page::new(Screen::of(variables), out);
        page.incident(&incident, &entries)?;
        Ok(Answer::Yes)
    }
}

/// An incident and its operation log.
///
/// # Errors
/// If there is none, or no answer.
pub(crate) async fn read(api: &Api, id: &IncidentId) -> Result<(Incident, Vec<Entry>), Failure> {
    let incident = api.read(&format!("incidents/{id}"), &[]).await?;
    Ok((incident, lists::log(api, id).await?))
}

/// The same as the API answers it: the incident, with the entries of its log as `entries`.
///
/// # Errors
/// If there is none, or no answer.
pub(crate) async fn whole(api: &Api, id: &IncidentId) -> Result<Value, Failure> {
    let mut whole = api.get(&format!("incidents/{id}"), &[]).await?;
    let (mut entries, mut after) = (Vec::new(), 0);
    loop {
        let query = [("after", after.to_string())];
        let mut part = api.get(&format!("incidents/{id}/log"), &query).await?;
        if let Value::Array(some) = part["entries"].take() {
            entries.extend(some);
        }
        match part["next"].as_u64() {
            Some(next) if next > after => after = next,
            _ => break,
        }
    }
    whole["entries"] = json!(entries);
    Ok(whole)
}

/// A page that is written to the terminal.
pub(crate) struct Page<'a> {
    screen: Screen,
    out: &'a mut dyn Write,
}

impl<'a> Page<'a> {
    pub(crate) fn new(screen: Screen, out: &'a mut dyn Write) -> Self {
        Self { screen, out }
    }

    fn incident(&mut self, incident: &Incident, entries: &[Entry]) -> Result<(), Failure> {
        self.head(incident)?;
        self.finding(incident)?;
        if let Some(plan) = &incident.plan {
            self.plan(plan)?;
        }
        self.no_plan(incident)?;
        self.guardrails(&incident.guardrails)?;
        self.decision(incident)?;
        self.repairs(incident)?;
        self.people(&incident.response)?;
        self.timeline(entries)?;
        self.log(entries, &incident.log)
    }

    fn head(&mut self, incident: &Incident) -> Result<(), Failure> {
        let one = &incident.summary;
        let severity = self
            .screen
            .paint(Style::of_severity(&one.severity), &safe(&one.severity));
        let status = self
            .screen
            .paint(Style::of_status(&one.status), &safe(&one.status));
        let (name, target) = (safe(&one.name), safe(&one.target));
        writeln!(self.out, "{severity} {name} on {target}: {status}")?;
        self.field("id", one.id.as_str())?;
        let mut opened = time(one.opened_at);
        if let Some(ended) = one.ended_at {
            opened = format!("{opened}, ended {}", time(ended));
        }
        self.field("opened", &opened)?;
        if let Some(until) = one.decide_until {
            self.field("decide by", &time(until))?;
        }
        let flaps = match one.flaps {
            0 => String::new(),
            flaps => format!(", fired again {flaps} times after it had resolved"),
        };
        self.field("sightings", &format!("{}{flaps}", one.hit_count))?;
        self.field("says", &one.message)?;
        for (name, value) in [
            ("service", &one.service),
            ("namespace", &one.namespace),
            ("cluster", &one.cluster),
        ] {
            self.optional(name, value.as_deref())?;
        }
        if !one.teams.is_empty() {
            self.field("teams", &one.teams.join(", "))?;
        }
        if let Some(members) = one.members {
            let of = format!("{} incidents, {} of them open", members.all, members.open);
            self.field("storm of", &of)?;
        }
        self.optional("in storm", one.storm.as_ref().map(IncidentId::as_str))?;
        let alert = &incident.alert;
        let began = format!(
            "{} of {} ({}), since {}",
            alert.name,
            alert.source,
            alert.severity,
            time(alert.starts_at)
        );
        self.field("alert", &began)?;
        for (name, value) in &alert.labels {
            self.field("label", &format!("{name} = {value}"))?;
        }
        for (name, value) in &alert.annotations {
            self.field("annotation", &format!("{name} = {value}"))?;
        }
        if alert.targets.len() > 1 {
            self.field("all of", &alert.targets.join(", "))?;
        }
        self.field("fingerprint", &incident.fingerprint)
    }

    /// A heading.
    fn section(&mut self, name: &str) -> Result<(), Failure> {
        let name = self.screen.paint(Style::Bold, name);
        writeln!(self.out, "\n{name}")?;
        Ok(())
    }

    /// A name with its value.
    fn field(&mut self, name: &str, value: &str) -> Result<(), Failure> {
        writeln!(self.out, "  {name:<11} {}", safe(value))?;
        Ok(())
    }

    fn optional(&mut self, name: &str, value: Option<&str>) -> Result<(), Failure> {
        value.map_or(Ok(()), |value| self.field(name, value))
    }
}

/// A time to the second, in UTC.
pub(crate) fn time(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

#[cfg(test)]
#[path = "show_tests.rs"]
pub(crate) mod tests;
