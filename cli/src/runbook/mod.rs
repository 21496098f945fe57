//! `quell import-runbook`: drafts of playbooks from runbooks that people have elsewhere. Whatever cannot be proven to do the same is refused,
//! with the reason: a draft has every step of its runbook, or there is none.

mod ansible;
mod document;
mod draft;
mod markdown;
mod rundeck;
mod ssm;
mod words;

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use playbook_files::operator_files::{GUARDRAILS, PLAYBOOKS, SERVICE_REGISTRY};

use self::document::{Runbook, value};
use crate::exit::{Answer, Failure};
use crate::input;
use crate::screen::safe;

#[derive(Debug, Args)]
pub(crate) struct ImportRunbook {
    /// The runbook: an Ansible playbook, a document of Systems Manager, jobs of Rundeck (YAML), or Markdown; `-` reads the standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Its form; without it, it is told from the file
    #[arg(long, value_name = "FORM", value_enum)]
    form: Option<Form>,
    /// An alert that the drafts are for (repeatable); without it, whoever reviews them fills it in
    #[arg(long, value_name = "NAME")]
    alert: Vec<String>,
    /// Where the drafts go: a file that is not there yet
    #[arg(long, value_name = "FILE", default_value = "draft-playbooks.yaml")]
    out: PathBuf,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Form {
    Ansible,
    Ssm,
    Rundeck,
    Markdown,
}

impl ImportRunbook {
    pub(crate) fn answer(self, out: &mut dyn Write) -> Result<Answer, Failure> {
        let text = input::text(&self.file)?;
        let origin = self.file.display().to_string();
        let mut runbooks = read(&text, &self.file, self.form)?;
        for runbook in &mut runbooks {
            if !self.alert.is_empty() {
                runbook.alerts.clone_from(&self.alert);
            }
        }
        let (drafts, refused) = draft::drafts(runbooks, &origin);
        for draft in &drafts {
            writeln!(out, "drafted  {}: {}", draft.id, safe(&draft.told))?;
        }
        for runbook in &refused {
            writeln!(out, "refused  {}", safe(&runbook.name))?;
            for refusal in &runbook.refused {
                writeln!(
                    out,
                    "         {}: {}",
                    safe(&refusal.place),
                    safe(&refusal.why)
                )?;
            }
        }
        if drafts.is_empty() {
            writeln!(out, "nothing was written")?;
            return Ok(Answer::No);
        }
        let texts: Vec<&str> = drafts.iter().map(|draft| draft.text.as_str()).collect();
        write_new(&self.out, &texts.join("\n"))?;
        writeln!(
            out,
            "{} of {} are in {}. Nothing runs them: review each, take its line `draft: true` away, and move it to {PLAYBOOKS}.",
            drafts.len(),
            drafts.len() + refused.len(),
            self.out.display()
        )?;
        Ok(Answer::of(refused.is_empty()))
    }
}

/// The runbooks of a text.
fn read(text: &str, file: &Path, form: Option<Form>) -> Result<Vec<Runbook>, Failure> {
    let is_markdown = file
        .extension()
        .is_some_and(|end| end == "md" || end == "markdown");
    if form == Some(Form::Markdown) || (form.is_none() && is_markdown) {
        return Ok(vec![markdown::read(text)]);
    }
    let value = value(text)?;
    let form = form.or_else(|| told(&value)).ok_or_else(|| {
        Failure::wrong(
            "no known form of a runbook: plays have `hosts`, a document of Systems Manager `schemaVersion`, jobs of Rundeck `sequence`; or give --form",
        )
    })?;
    match form {
        Form::Ansible => ansible::read(&value),
        Form::Ssm => ssm::read(&value),
        Form::Rundeck => rundeck::read(&value),
        Form::Markdown => Ok(vec![markdown::read(text)]),
    }
}

/// The form of a document, by a field that only this form has.
fn told(value: &serde_json::Value) -> Option<Form> {
    if value.get("schemaVersion").is_some() {
        return Some(Form::Ssm);
    }
    let first = value.get(0)?;
    if first.get("hosts").is_some() || first.get("import_playbook").is_some() {
        Some(Form::Ansible)
    } else if first.get("sequence").is_some() {
        Some(Form::Rundeck)
    } else {
        None
    }
}

/// Writes a file that is not there yet, and is none that functions read.
fn write_new(file: &Path, text: &str) -> Result<(), Failure> {
    let shown = file.display();
    let name = file
        .file_name()
        .and_then(|name| name.to_str())
        .unwrap_or_default();
    if [PLAYBOOKS, SERVICE_REGISTRY, GUARDRAILS].contains(&name) {
        return Err(Failure::wrong(format!(
            "functions read files that are called {name}: give drafts a file of their own with --out"
        )));
    }
    let mut options = std::fs::OpenOptions::new();
    let opened = options.write(true).create_new(true).open(file);
    let mut opened = opened.map_err(|error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => Failure::wrong(format!(
            "{shown} is there already, and somebody may be reviewing it: give another name with --out"
        )),
        _ => Failure::wrong(format!("{shown} cannot be written: {error}")),
    })?;
    let written = opened.write_all(text.as_bytes());
    written.map_err(|error| Failure::wrong(format!("{shown} cannot be written: {error}")))
}

#[cfg(test)]
#[path = "runbook_tests.rs"]
mod tests;
