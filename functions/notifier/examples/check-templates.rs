//! Checks the operator's own templates with a sample of every kind: `check-templates <config directory>`.

use std::path::PathBuf;
use std::process::ExitCode;

use notifier::check;

#[expect(clippy::print_stdout, reason = "a command says what it found")]
fn main() -> ExitCode {
    let directory = PathBuf::from(std::env::args_os().nth(1).unwrap_or_else(|| "config".into()));
    let (own, faults) = check::faults(&directory);
    for fault in &faults {
        println!("{}", directory.join(fault.file.as_str()).display().to_string() + &format!(":{}: {}", fault.line, fault.what));
    }
    if !faults.is_empty() {
        return ExitCode::FAILURE;
    }
    println!("{}: {own} own templates, all of them fine", directory.join("templates").display());
    ExitCode::SUCCESS
}
