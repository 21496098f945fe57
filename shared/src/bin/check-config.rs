//! Checks an operator's two files: `check-config DIRECTORY`. Prints each fault with file, line and field.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use shared::operator_files::OperatorFiles;

fn main() -> ExitCode {
    let Some(directory) = std::env::args_os().nth(1).map(PathBuf::from) else {
        return say("usage: check-config DIRECTORY", 2);
    };
    match OperatorFiles::load(&directory) {
        Ok(files) => say(&format!("{} playbooks and {} services: no faults", files.playbooks.len(), files.services.len()), 0),
        Err(faults) => say(&faults.to_string(), 1),
    }
}

fn say(text: &str, code: u8) -> ExitCode {
    // A closed pipe is not a fault of the files.
    let _ = writeln!(std::io::stdout(), "{text}");
    ExitCode::from(code)
}
