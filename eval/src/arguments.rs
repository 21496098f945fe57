//! Command-line arguments of the evaluation.

use std::path::PathBuf;

use clap::Parser;

/// Measures how often the analyzer is right about the alerts in eval/alerts (docs/analysis.md)
#[derive(Debug, Parser)]
#[command(name = "eval")]
pub(crate) struct Arguments {
    /// The directory whose static-rules.yaml, alert-tables.json, analyzer.yaml and model-prices.yaml are measured (default: config/ of
    /// the project). Every provider in analyzer.yaml is asked about every alert, which is paid to its vendor
    #[arg(long, value_name = "DIR", hide_default_value = true, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/../config"))]
    pub(crate) config: PathBuf,
    /// The file with the key of the provider NAME; its first line counts. Can be given for every provider
    #[arg(long = "key", value_name = "NAME=FILE", value_parser = key)]
    pub(crate) keys: Vec<(String, PathBuf)>,
    /// Only the alerts whose file's name, or the cases whose path, contains this
    #[arg(
        long,
        value_name = "TEXT",
        default_value = "",
        hide_default_value = true
    )]
    pub(crate) only: String,
    /// Where the figures go (default: target/eval/report.json of the project)
    #[arg(long, value_name = "FILE", hide_default_value = true, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/eval/report.json"))]
    pub(crate) report: PathBuf,
    /// Measures the diagnosis of Kubernetes with the cases of Cloud-OpsBench in this directory instead (docs/diagnosis.md)
    #[arg(long, value_name = "DIR")]
    pub(crate) cloud_opsbench: Option<PathBuf>,
    /// Takes out the rules of a class or of a cause, by the benchmark's name or ours; `each` takes out one after the other and counts
    /// how often a cause is invented. Can be given several times
    #[arg(long, value_name = "CLASS", requires = "cloud_opsbench")]
    pub(crate) without: Vec<String>,
    /// Lists the wrong answers
    #[arg(long, requires = "cloud_opsbench")]
    pub(crate) misses: bool,
}

fn key(text: &str) -> Result<(String, PathBuf), &'static str> {
    let (provider, file) = text.split_once('=').ok_or("expected NAME=FILE")?;
    Ok((provider.to_owned(), PathBuf::from(file)))
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use clap::{CommandFactory as _, Parser as _};

    use super::Arguments;

    #[test]
    fn the_default_configuration_is_the_project_s() {
        Arguments::command().debug_assert();
        let arguments = ["eval", "--key", "a=/keys/a=b", "--key", "c=d"];
        let arguments = Arguments::try_parse_from(arguments).expect("known");
        assert!(arguments.config.join("analyzer.yaml").is_file());
        let keys = [("a", "/keys/a=b"), ("c", "d")];
        let keys = keys.map(|(name, file)| (name.to_owned(), PathBuf::from(file)));
        assert_eq!(arguments.keys, keys);
    }

    #[test]
    fn rules_are_taken_out_for_the_benchmark_alone() {
        let of = |arguments: &[&str]| Arguments::try_parse_from(["eval"].iter().chain(arguments));
        let given = of(&["--cloud-opsbench", "/cases", "--without", "each"]).expect("known");
        assert_eq!(given.without, ["each"]);
        assert!(of(&["--without", "each"]).is_err());
    }

    #[test]
    fn a_key_without_its_provider_is_refused() {
        let error = Arguments::try_parse_from(["eval", "--key", "x"])
            .expect_err("no provider")
            .to_string();
        assert!(error.contains("NAME=FILE"), "{error}");
    }
}
