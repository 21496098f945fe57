//! Checks an operator's files: `check-config DIRECTORY`. Prints each fault with file, line and field.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use shared::alert_tables;
use shared::analyzer_files::AnalyzerFiles;
use shared::channels_file;
use shared::fault::both;
use shared::operator_files::{OperatorFiles, limits};

fn main() -> ExitCode {
    let Some(directory) = std::env::args_os().nth(1).map(PathBuf::from) else {
        return say("usage: check-config DIRECTORY", 2);
    };
    let of_repairs = both(OperatorFiles::load(&directory), limits(&directory));
    let others = both(AnalyzerFiles::load(&directory), both(alert_tables::load(&directory), channels_file::load(&directory)));
    match both(of_repairs, others) {
        Ok(((OperatorFiles { playbooks, services }, _), (AnalyzerFiles { settings, rules, .. }, (_, channels)))) => {
            let (playbooks, services, rules, models) = (playbooks.len(), services.len(), rules.0.len(), settings.providers.len());
            let (channels, people) = (channels.channels.len(), channels.people.len());
            let counted = format!(
                "{playbooks} playbooks, {services} services, {rules} static rules, {models} models, {channels} channels, {people} people"
            );
            say(&format!("{counted}, the guardrails and the alert tables: no faults"), 0)
        }
        Err(faults) => say(&faults.to_string(), 1),
    }
}

fn say(text: &str, code: u8) -> ExitCode {
    // A closed pipe is not a fault of the files.
    let _ = writeln!(std::io::stdout(), "{text}");
    ExitCode::from(code)
}
