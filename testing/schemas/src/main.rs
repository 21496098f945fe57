//! `make schemas`: writes config/schemas.

use std::process::ExitCode;

#[expect(
    clippy::print_stderr,
    reason = "this is where people look for what went wrong"
)]
fn main() -> ExitCode {
    for (name, schema) in schemas::all() {
        let file = schemas::directory().join(name);
        if let Err(error) = std::fs::write(&file, format!("{schema:#}\n")) {
            eprintln!("{}: {error}", file.display());
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}
