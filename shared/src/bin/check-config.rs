//! Checks an operator's files: `check-config DIRECTORY`. Prints each fault with file, line and field.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use shared::alert_tables;
use shared::analyzer_files::AnalyzerFiles;
use shared::fault::Faults;
use shared::operator_files::OperatorFiles;

fn main() -> ExitCode {
    let Some(directory) = std::env::args_os().nth(1).map(PathBuf::from) else {
        return say("usage: check-config DIRECTORY", 2);
    };
    match (OperatorFiles::load(&directory), AnalyzerFiles::load(&directory), alert_tables::load(&directory)) {
        (Ok(OperatorFiles { playbooks, services }), Ok(AnalyzerFiles { settings, rules, .. }), Ok(_)) => {
            let (playbooks, services, rules, models) = (playbooks.len(), services.len(), rules.0.len(), settings.providers.len());
            say(
                &format!(
                    "{playbooks} playbooks, {services} services, {rules} static rules, {models} models and the alert tables: no faults"
                ),
                0,
            )
        }
        (files, analyzer, tables) => {
            let faults = [files.err(), analyzer.err(), tables.err()].into_iter().flatten().flat_map(|faults| faults.0).collect();
            say(&Faults(faults).to_string(), 1)
        }
    }
}

fn say(text: &str, code: u8) -> ExitCode {
    // A closed pipe is not a fault of the files.
    let _ = writeln!(std::io::stdout(), "{text}");
    ExitCode::from(code)
}
