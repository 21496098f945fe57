//! Logs as JSON lines on standard output, where Lambda collects them. Allowed contents:
//! docs/operations.md.

use tracing::{Level, Metadata};
use tracing_subscriber::filter::{LevelFilter, filter_fn};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use settings::variables::{InvalidVariable, Variables};

use crate::Chain;
use crate::metrics::use_namespace;

/// The crates whose lines are written at any level that is asked for: our own, which log no secret (`secrets-stay`).
const OWN_CRATES: [&str; 18] = [
    "analyzer",
    "aws",
    "board",
    "bridge",
    "domain",
    "evidence",
    "ingress",
    "intake",
    "notifier",
    "outbound",
    "playbook_files",
    "redaction",
    "repair",
    "settings",
    "signals",
    "store",
    "wire",
    "witness",
];
/// The least important lines that are written of all other crates. Below it they tell what they handle: `lambda_runtime` prints every
/// event whole at `trace`, with the bearer tokens in its headers, and HTTP clients print requests.
const OTHERS_LEVEL: Level = Level::INFO;

/// Starts logging at the level of `RUST_LOG` (`error`, `warn`, `info`, `debug` or `trace`; default `info`). Other crates than our own
/// write nothing below `info`, whatever it is. `METRICS_NAMESPACE` is where the metrics go.
///
/// Each line has the `timestamp` and `level` by which Lambda filters JSON
/// (<https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-log-level.html>); its `AWS_LAMBDA_LOG_LEVEL` is not read,
/// because the template sets it to let pass what is written here.
///
/// # Errors
/// If `RUST_LOG` is something else.
pub fn init<F: Fn(&str) -> Option<String>>(
    variables: &Variables<F>,
) -> Result<(), InvalidVariable> {
    if let Some(namespace) = variables.optional("METRICS_NAMESPACE") {
        use_namespace(namespace);
    }
    let level = variables.parsed(
        "RUST_LOG",
        "one of error, warn, info, debug, trace",
        Level::INFO,
    )?;
    // A second call, as tests make it, keeps the first subscriber.
    let _ = tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_current_span(true)
        .with_span_list(false)
        .with_max_level(LevelFilter::from_level(level))
        .finish()
        .with(filter_fn(is_written).with_max_level_hint(level))
        .try_init();
    Ok(())
}

/// True if a line or span may be written at all, at the most verbose level.
fn is_written(metadata: &Metadata<'_>) -> bool {
    let (name, _) = metadata
        .target()
        .split_once("::")
        .unwrap_or((metadata.target(), ""));
    *metadata.level() <= OTHERS_LEVEL || OWN_CRATES.contains(&name)
}

/// Logs why a function does not start, readably; what `main` returns is printed as Rust sees it.
///
/// # Errors
/// What it was given.
pub fn or_log<T, E: std::error::Error + 'static>(started: Result<T, E>) -> Result<T, E> {
    started
        .inspect_err(|error| tracing::error!(error = %Chain(error), "the function does not start"))
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex, PoisonError};

    use tracing::subscriber::with_default;
    use tracing_subscriber::filter::filter_fn;
    use tracing_subscriber::layer::SubscriberExt as _;

    use super::is_written;

    /// The lines that are written, as bytes.
    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl std::io::Write for Written {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn other_crates_write_nothing_below_info() {
        let written = Written::default();
        let writer = written.clone();
        let lines = tracing_subscriber::fmt()
            .with_max_level(tracing::Level::TRACE)
            .with_writer(move || writer.clone())
            .finish();
        with_default(lines.with(filter_fn(is_written)), || {
            tracing::trace!(target: "lambda_runtime::layers::api_response", "theirs-trace");
            tracing::debug!(target: "hyper::proto", "theirs-debug");
            // The name of a crate is a whole name, not how one begins.
            tracing::trace!(target: "aws_smithy_runtime::x", "theirs-trace");
            tracing::debug!(target: "repairer", "theirs-debug");
            tracing::info!(target: "lambda_runtime", "theirs-info");
            tracing::error!(target: "rustls", "theirs-error");
            tracing::trace!(target: "intake", "ours-trace");
            tracing::debug!(target: "ingress", "ours-debug");
        });
        let written = String::from_utf8(
            written
                .0
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .clone(),
        )
        .expect("text");
        for (line, is_there) in [
            ("theirs-trace", false),
            ("theirs-debug", false),
            ("theirs-info", true),
            ("theirs-error", true),
            ("ours-trace", true),
            ("ours-debug", true),
        ] {
            assert_eq!(written.contains(line), is_there, "{line}: {written}");
        }
    }
}
