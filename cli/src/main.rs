//! The `quell` command: wiring only.

use std::io::{stderr, stdout};
use std::process::ExitCode;

use clap::Parser as _;
use quell::Cli;
use settings::variables::Variables;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let variables = Variables::of_process();
    ExitCode::from(
        Cli::parse()
            .run(&variables, &mut stdout(), &mut stderr())
            .await,
    )
}
