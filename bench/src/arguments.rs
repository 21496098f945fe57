//! Command-line arguments of the bench.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::Parser;

/// Measures what a cold start, a warm alert and a million alerts cost (docs/performance.md)
#[derive(Debug, Parser)]
#[command(name = "bench")]
pub(crate) struct Arguments {
    /// How often each program is started
    #[arg(long, value_name = "N", default_value = "15")]
    pub(crate) starts: NonZeroUsize,
    /// How many warm requests each program gets in all its starts
    #[arg(long, value_name = "N", default_value = "300")]
    pub(crate) warm: NonZeroUsize,
    /// The price list (default: bench/prices.json of the project)
    #[arg(long, value_name = "FILE", hide_default_value = true, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/prices.json"))]
    pub(crate) prices: PathBuf,
    /// The directory with the release binaries (default: the directory of this program)
    #[arg(long, value_name = "DIR")]
    pub(crate) binaries: Option<PathBuf>,
    /// The ingress of another build, measured in turns with this one's: a program, or a directory with `ingress` in it
    #[arg(long, value_name = "PATH")]
    pub(crate) baseline: Option<PathBuf>,
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory as _, Parser as _};

    use super::Arguments;

    #[test]
    fn arguments_have_defaults() {
        Arguments::command().debug_assert();
        let default = Arguments::try_parse_from(["bench"]).expect("nothing is required");
        assert_eq!((default.starts.get(), default.warm.get()), (15, 300));
        assert!(default.prices.is_file(), "{default:?}");
        assert_eq!((default.binaries, default.baseline), (None, None));
    }

    #[test]
    fn counts_are_whole_numbers_from_1_up() {
        for count in ["0", "many", "-1", ""] {
            let error = Arguments::try_parse_from(["bench", &format!("--starts={count}")])
                .expect_err("no count")
                .to_string();
            assert!(error.contains("--starts <N>"), "{error}");
        }
    }
}
