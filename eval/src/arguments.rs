//! Command-line arguments of the evaluation.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// What `--help` prints.
pub(crate) const USAGE: &str = "\
Measures how often the analyzer is right about the alerts in eval/alerts (docs/analysis.md).

  eval [--config DIR] [--key NAME=FILE]... [--only TEXT] [--report FILE]

  --config DIR     the directory whose static-rules.yaml, alert-tables.json, analyzer.yaml and model-prices.yaml are measured (config/);
                   every provider in analyzer.yaml is asked about every alert, which is paid to its vendor
  --key NAME=FILE  the file with the key of the provider NAME; its first line counts
  --only TEXT      only the alerts whose file's name contains this
  --report FILE    where the figures go (target/eval/report.json)";

#[derive(Debug, PartialEq)]
pub(crate) struct Arguments {
    /// The operator's files that are measured.
    pub(crate) config: PathBuf,
    /// The files with keys, by provider.
    pub(crate) keys: BTreeMap<String, PathBuf>,
    /// What a file's name has to contain.
    pub(crate) only: String,
    /// Where the figures go.
    pub(crate) report: PathBuf,
}

impl Arguments {
    /// Reads the arguments after the program's name; none when help is asked for.
    pub(crate) fn parse(
        mut arguments: impl Iterator<Item = String>,
        project: &Path,
    ) -> Result<Option<Self>, String> {
        let mut parsed = Self {
            config: project.join("config"),
            keys: BTreeMap::new(),
            only: String::new(),
            report: project.join("target/eval/report.json"),
        };
        while let Some(name) = arguments.next() {
            if name == "--help" {
                return Ok(None);
            }
            if !["--config", "--key", "--only", "--report"].contains(&name.as_str()) {
                return Err(format!("{name} is not known\n\n{USAGE}"));
            }
            let value = arguments
                .next()
                .ok_or_else(|| format!("{name} needs a value\n\n{USAGE}"))?;
            match name.as_str() {
                "--config" => parsed.config = PathBuf::from(value),
                "--only" => parsed.only = value,
                "--report" => parsed.report = PathBuf::from(value),
                _ => {
                    let (provider, file) = value
                        .split_once('=')
                        .ok_or_else(|| format!("--key wants NAME=FILE\n\n{USAGE}"))?;
                    parsed.keys.insert(provider.to_owned(), PathBuf::from(file));
                }
            }
        }
        Ok(Some(parsed))
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::Arguments;

    fn parse(arguments: &[&str]) -> Result<Option<Arguments>, String> {
        Arguments::parse(
            arguments.iter().map(|&argument| argument.to_owned()),
            Path::new("/project"),
        )
    }

    #[test]
    fn what_is_not_said_is_the_project_s_own() {
        let arguments = parse(&["--key", "a=/keys/a=b"])
            .expect("known")
            .expect("no help");
        assert_eq!(arguments.config, Path::new("/project/config"));
        assert_eq!(arguments.keys["a"], Path::new("/keys/a=b"));
    }

    #[test]
    fn a_mistake_is_named() {
        for (arguments, named) in [
            (&["--modle", "x"][..], "--modle is not known"),
            (&["--only"], "--only needs a value"),
            (&["--key", "x"], "NAME=FILE"),
        ] {
            assert!(
                parse(arguments).expect_err("a mistake").contains(named),
                "{arguments:?}"
            );
        }
        assert_eq!(parse(&["--help"]), Ok(None));
    }
}
