//! `quell check`: reports every error in an operator's files before deployment.

mod document;
mod file;
mod files;
mod json;
mod recipe_faults;
mod recipe_file;
mod references;
mod schema;
mod shape;
mod typed;
mod warnings;
pub(crate) mod words;
mod yaml;
mod yaml_hints;

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Args;
use notifier::render::check as templates_check;
use playbook_files::analyzer_files::AnalyzerFiles;
use playbook_files::operator_files::{OperatorFiles, limits};
use playbook_files::recipe_files::{RECIPES, RecipeFiles};
use recipes::trial;
use serde_json::{Value, json};
use settings::alert_tables;
use settings::config_error::{ConfigError, ConfigErrors, both};
use settings::sign_in_file;

use crate::check::files::Files;
use crate::check::warnings::unread_files;
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
        let Found {
            counted,
            errors,
            warnings,
        } = Found::in_directory(&self.directory);
        let answer = Answer::of(errors.is_empty());
        if self.json {
            let both = json!({ "errors": as_json(&errors), "warnings": as_json(&warnings) });
            writeln!(out, "{both}")?;
            return Ok(answer);
        }
        for warning in &warnings {
            writeln!(out, "warning: {warning}")?;
        }
        for error in &errors {
            writeln!(out, "{error}")?;
        }
        match (errors.len(), counted) {
            (0, counted) => writeln!(out, "{counted}: no errors")?,
            (1, _) => writeln!(out, "1 error. Fix it before you deploy.")?,
            (count, _) => writeln!(out, "{count} errors. Fix them before you deploy.")?,
        }
        Ok(answer)
    }
}

/// What is found in a directory.
struct Found {
    /// How much of everything there is, if nothing is wrong.
    counted: String,
    errors: Vec<ConfigError>,
    warnings: Vec<ConfigError>,
}

impl Found {
    /// The functions' own reader decides whether the files are refused. A reader that goes on behind each fault says what to mend; where
    /// it finds nothing, the words of the functions' reader are passed on.
    fn in_directory(directory: &Path) -> Self {
        let mut files = Files::read(directory);
        files.doubt();
        let mut warnings = files.warnings();
        let (counted, errors) = match strict(directory) {
            Ok(counted) => {
                // What the functions take, though it has another form than the one that is documented: a list for fields, say.
                warnings.extend(files.errors());
                (counted, Vec::new())
            }
            Err(ConfigErrors(refused)) => {
                let mut errors = files.errors();
                let explained =
                    |refused: &ConfigError| errors.iter().any(|error| error.file == refused.file);
                let rest: Vec<_> = refused.into_iter().filter(|one| !explained(one)).collect();
                errors.extend(rest);
                (String::new(), errors)
            }
        };
        let mut unread = unread_files(directory);
        // One for which people look has an error that says so.
        unread.retain(|one| errors.iter().all(|error| error.file != one.file));
        unread.append(&mut warnings);
        Self {
            counted,
            errors,
            warnings: unread,
        }
    }
}

/// What there is in the files and templates, as the functions read them, or why they refuse them.
fn strict(directory: &Path) -> Result<String, ConfigErrors> {
    let (files, templates) = both(strict_files(directory), templates(directory))?;
    Ok(format!(
        "{files}, {templates} own templates, the guardrails and the alert tables"
    ))
}

/// What there is in the files, as the functions read them, or why they refuse them.
fn strict_files(directory: &Path) -> Result<String, ConfigErrors> {
    let files = OperatorFiles::load(directory);
    let recipes = RecipeFiles::load(directory).and_then(|files| tested(directory, files));
    let of_repairs = both(files, limits(directory));
    let others = both(
        both(AnalyzerFiles::load(directory), recipes),
        both(alert_tables::load(directory), sign_in_file::load(directory)),
    );
    let ((files, _), ((analyzer, recipes), (_, (_, channels)))) = both(of_repairs, others)?;
    let (playbooks, services) = (files.playbooks.len(), files.services.len());
    let (rules, models) = (analyzer.rules.0.len(), analyzer.settings.providers.len());
    let (teams, recipes) = (channels.duty.teams.len(), recipes.recipes.len());
    let (channels, people) = (channels.channels.len(), channels.people.len());
    Ok(format!(
        "{playbooks} playbooks, {services} services, {rules} static rules, {recipes} recipes, {models} models, {channels} channels, \
         {people} people, {teams} teams"
    ))
}

/// The recipes, if their tests lead to the causes that they say.
fn tested(directory: &Path, files: RecipeFiles) -> Result<RecipeFiles, ConfigErrors> {
    let failures = files.recipes.iter().flat_map(|recipe| {
        let failed = trial::failures(recipe).into_iter();
        failed.map(|(field, text)| ConfigError {
            file: directory.join(format!("{RECIPES}/{}.yaml", recipe.id)),
            line: None,
            text: format!("{field} {text}"),
            field: Some(field),
        })
    });
    let failures: Vec<ConfigError> = failures.collect();
    if failures.is_empty() {
        Ok(files)
    } else {
        Err(ConfigErrors(failures))
    }
}

/// How many templates of the operator's there are. Each is rendered with samples of what it will be given.
fn templates(directory: &Path) -> Result<usize, ConfigErrors> {
    let (own, broken) = templates_check::errors(directory);
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

#[cfg(test)]
#[path = "check/agreement_tests.rs"]
mod agreement_tests;
