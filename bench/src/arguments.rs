//! Command-line arguments of the bench.

use std::path::{Path, PathBuf};

/// What `--help` prints.
pub(crate) const USAGE: &str = "\
Measures what a cold start, a warm alert and a million alerts cost (docs/performance.md).

  bench [--starts N] [--warm N] [--prices FILE] [--binaries DIR]

  --starts N      how often each program is started (15)
  --warm N        how many warm requests each program gets in all its starts (300)
  --prices FILE   the price list (bench/prices.json of the project)
  --binaries DIR  where the release binaries are (the directory of this program)";

#[derive(Debug, PartialEq)]
pub(crate) struct Arguments {
    /// How often each program is started.
    pub(crate) starts: usize,
    /// How many warm requests each program gets in all its starts.
    pub(crate) warm: usize,
    pub(crate) prices: PathBuf,
    /// Where the programs are.
    pub(crate) binaries: PathBuf,
}

impl Arguments {
    /// Reads the arguments after the program's name; none when help is asked for.
    pub(crate) fn parse(
        mut arguments: impl Iterator<Item = String>,
        project: &Path,
        binaries: &Path,
    ) -> Result<Option<Self>, String> {
        let mut parsed = Self {
            starts: 15,
            warm: 300,
            prices: project.join("bench/prices.json"),
            binaries: binaries.to_owned(),
        };
        while let Some(name) = arguments.next() {
            if name == "--help" {
                return Ok(None);
            }
            if !["--starts", "--warm", "--prices", "--binaries"].contains(&name.as_str()) {
                return Err(format!("{name} is not known\n\n{USAGE}"));
            }
            let value = arguments
                .next()
                .ok_or_else(|| format!("{name} needs a value\n\n{USAGE}"))?;
            match name.as_str() {
                "--starts" => parsed.starts = number(&name, &value)?,
                "--warm" => parsed.warm = number(&name, &value)?,
                "--prices" => parsed.prices = PathBuf::from(value),
                _ => parsed.binaries = PathBuf::from(value),
            }
        }
        Ok(Some(parsed))
    }
}

fn number(name: &str, value: &str) -> Result<usize, String> {
    value
        .parse()
        .ok()
        .filter(|number| *number > 0)
        .ok_or_else(|| format!("{name} {value}: give a whole number from 1 up"))
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use super::Arguments;

    fn parse(arguments: &[&str]) -> Result<Option<Arguments>, String> {
        Arguments::parse(
            arguments.iter().map(|text| (*text).to_owned()),
            Path::new("/project"),
            Path::new("/built"),
        )
    }

    #[test]
    fn every_argument_has_a_default() {
        let default = Arguments {
            starts: 15,
            warm: 300,
            prices: PathBuf::from("/project/bench/prices.json"),
            binaries: PathBuf::from("/built"),
        };
        assert_eq!(parse(&[]), Ok(Some(default)));
        let all = [
            "--warm",
            "20",
            "--binaries",
            "b",
            "--prices",
            "p.json",
            "--starts",
            "2",
        ];
        let given = Arguments {
            starts: 2,
            warm: 20,
            prices: PathBuf::from("p.json"),
            binaries: PathBuf::from("b"),
        };
        assert_eq!(parse(&all), Ok(Some(given)));
        assert_eq!(parse(&["--help"]), Ok(None));
    }

    #[test]
    fn a_wrong_argument_is_named() {
        for (arguments, named) in [
            (&["50"][..], "50 is not known"),
            (&["--starts"], "--starts needs a value"),
            (
                &["--starts", "0"],
                "--starts 0: give a whole number from 1 up",
            ),
            (
                &["--warm", "many"],
                "--warm many: give a whole number from 1 up",
            ),
        ] {
            assert!(
                parse(arguments).is_err_and(|error| error.starts_with(named)),
                "{named}"
            );
        }
    }
}
