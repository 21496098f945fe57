//! Logs as JSON lines on standard output, where Lambda takes them from. What may stand in them: docs/operations.md.

use tracing::Level;
use tracing_subscriber::filter::LevelFilter;

use crate::variables::{InvalidVariable, Variables};

/// Starts logging at the level of `RUST_LOG` (`error`, `warn`, `info`, `debug` or `trace`; default `info`).
///
/// # Errors
/// If `RUST_LOG` is something else.
pub fn init<F: Fn(&str) -> Option<String>>(variables: &Variables<F>) -> Result<(), InvalidVariable> {
    let level = variables.parsed("RUST_LOG", "one of error, warn, info, debug, trace", Level::INFO)?;
    // A second call, as tests make it, keeps the first subscriber.
    let _ = tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_current_span(true)
        .with_span_list(false)
        .with_max_level(LevelFilter::from_level(level))
        .try_init();
    Ok(())
}

/// Logs why a function does not start, readably; what `main` returns is printed as Rust sees it.
///
/// # Errors
/// What it was given.
pub fn or_log<T, E: std::fmt::Display>(started: Result<T, E>) -> Result<T, E> {
    started.inspect_err(|error| tracing::error!(%error, "the function does not start"))
}
