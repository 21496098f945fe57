//! Reports a skipped test with its reason.

use std::io::{self, Write as _};

/// Says that a test is skipped, and why; in CI it fails instead.
///
/// # Panics
/// If `CI` is set.
pub fn skipped(note: &str) {
    assert!(std::env::var_os("CI").is_none(), "{note}");
    writeln!(io::stderr(), "skipped: {note}").expect("standard error");
}
