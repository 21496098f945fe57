//! `quell check`: reports every error in an operator's files before deployment.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Args;
use notifier::render::check;
use playbook_files::analyzer_files::AnalyzerFiles;
use playbook_files::operator_files::{OperatorFiles, limits};
use serde_json::{Value, json};
use settings::alert_tables;
use settings::channels_file;
use settings::config_error::{ConfigError, ConfigErrors, both};

use crate::exit::{Answer, Failure};

#[derive(Debug, Args)]
pub(crate) struct Check {
    /// The directory with the operator's files
    #[arg(value_name = "DIR", default_value = "config")]
    directory: PathBuf,
    /// Print JSON: `errors` and `warnings`, each with `file`, `line`, `field` and `text`
    #[arg(long)]
    json: bool,
}

impl Check {
    pub(crate) fn answer(self, out: &mut dyn Write) -> Result<Answer, Failure> {
        let found = errors(&self.directory);
        let warnings = OperatorFiles::warnings(&self.directory);
        let answer = Answer::of(found.is_ok());
        if self.json {
            let errors = found.err().map(|errors| errors.0).unwrap_or_default();
            let both = json!({ "errors": as_json(&errors), "warnings": as_json(&warnings) });
            writeln!(out, "{both}")?;
            return Ok(answer);
        }
        for warning in &warnings {
            writeln!(out, "warning: {warning}")?;
        }
        match found {
            Ok(counted) => writeln!(out, "{counted}: no errors")?,
            Err(errors) => {
                writeln!(out, "{errors}")?;
                match errors.0.len() {
                    1 => writeln!(out, "1 error. Fix it before you deploy.")?,
                    count => writeln!(out, "{count} errors. Fix them before you deploy.")?,
                }
            }
        }
        Ok(answer)
    }
}

/// What there is in the files, or everything that is wrong with them.
fn errors(directory: &Path) -> Result<String, ConfigErrors> {
    let of_repairs = both(OperatorFiles::load(directory), limits(directory));
    let others = both(
        AnalyzerFiles::load(directory),
        both(
            alert_tables::load(directory),
            channels_file::load(directory),
        ),
    );
    let (((files, _), (analyzer, (_, channels))), templates) =
        both(both(of_repairs, others), templates(directory))?;
    let (playbooks, services) = (files.playbooks.len(), files.services.len());
    let (rules, models) = (analyzer.rules.0.len(), analyzer.settings.providers.len());
    let (channels, people) = (channels.channels.len(), channels.people.len());
    Ok(format!(
        "{playbooks} playbooks, {services} services, {rules} static rules, {models} models, {channels} channels, {people} people, \
         {templates} own templates, the guardrails and the alert tables"
    ))
}

/// How many templates of the operator's there are. Each is rendered with samples of what it will be given.
fn templates(directory: &Path) -> Result<usize, ConfigErrors> {
    let (own, broken) = check::errors(directory);
    let error = |broken: notifier::render::engine::Broken| ConfigError {
        file: directory.join(broken.file),
        line: u64::try_from(broken.line).ok(),
        field: None,
        text: broken.what,
    };
    if broken.is_empty() {
        Ok(own)
    } else {
        Err(ConfigErrors(broken.into_iter().map(error).collect()))
    }
}

fn as_json(errors: &[ConfigError]) -> Vec<Value> {
    let one = |error: &ConfigError| json!({ "file": error.file, "line": error.line, "field": error.field, "text": error.text });
    errors.iter().map(one).collect()
}
