//! A configuration as the functions have it: the operator's files, and those parameters of the template that decide with them.

use std::path::Path;

use domain::alert::classification::AlertTables;
use domain::episode::Windows;
use domain::notification::channels::Channels;
use domain::policy::limits::Limits;
use domain::primitives::language::Language;
use jiff::SignedDuration;
use playbook_files::analyzer_files::AnalyzerFiles;
use playbook_files::operator_files::{OperatorFiles, limits};
use settings::alert_tables;
use settings::channels_file;
use settings::config_error::both;

use crate::exit::Failure;

/// The parameters of the template that change what becomes of alerts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Parameters {
    pub(crate) windows: Windows,
    /// `FingerprintLabels`.
    pub(crate) labels: Vec<String>,
    /// `StormIncidentsPerMinute`: 0 means that there are no storms.
    pub(crate) storm_limit: u32,
}

/// As the template has them: a test compares them with it.
impl Default for Parameters {
    fn default() -> Self {
        Self {
            windows: Windows {
                debounce: SignedDuration::from_secs(300),
                stale: SignedDuration::from_secs(18_000),
            },
            labels: Vec::new(),
            storm_limit: 10,
        }
    }
}

/// The names of the parameters that a backtest knows.
pub(crate) const NAMES: [&str; 4] = [
    "DebounceSeconds",
    "EpisodeStaleSeconds",
    "FingerprintLabels",
    "StormIncidentsPerMinute",
];

impl Parameters {
    /// Sets a parameter to the value that a deployment would give it.
    pub(crate) fn set(&mut self, name: &str, value: &str) -> Result<(), Failure> {
        let number = || {
            value.parse::<u32>().map_err(|_| {
                Failure::wrong(format!("the parameter {name} has to be a whole number"))
            })
        };
        let seconds = || Ok::<_, Failure>(SignedDuration::from_secs(i64::from(number()?)));
        match name {
            "DebounceSeconds" => self.windows.debounce = seconds()?,
            "EpisodeStaleSeconds" => self.windows.stale = seconds()?,
            "StormIncidentsPerMinute" => self.storm_limit = number()?,
            "FingerprintLabels" => {
                let labels = value.split(',').filter(|label| !label.is_empty());
                self.labels = labels.map(str::to_owned).collect();
            }
            _ => {
                return Err(Failure::wrong(format!(
                    "the parameter {name} changes nothing that is replayed: give one of {}",
                    NAMES.join(", ")
                )));
            }
        }
        Ok(())
    }

    /// Sets those that are given as `NAME=VALUE`.
    pub(crate) fn with(mut self, given: &[String]) -> Result<Self, Failure> {
        for one in given {
            let (name, value) = one.split_once('=').ok_or_else(|| {
                Failure::wrong(format!(
                    "write {one} as NAME=VALUE, such as DebounceSeconds=600"
                ))
            })?;
            self.set(name, value)?;
        }
        Ok(self)
    }
}

/// What decides about alerts.
#[derive(Debug)]
pub(crate) struct Configuration {
    pub(crate) files: OperatorFiles,
    pub(crate) limits: Limits,
    pub(crate) analyzer: AnalyzerFiles,
    pub(crate) tables: AlertTables,
    pub(crate) channels: Channels,
    /// The languages beside English in which a finding is asked for.
    pub(crate) languages: Vec<Language>,
    pub(crate) parameters: Parameters,
}

impl Configuration {
    /// Reads a directory as the functions do.
    pub(crate) fn load(directory: &Path, parameters: Parameters) -> Result<Self, Failure> {
        let of_repairs = both(OperatorFiles::load(directory), limits(directory));
        let of_alerts = both(
            AnalyzerFiles::load(directory),
            both(
                alert_tables::load(directory),
                channels_file::load(directory),
            ),
        );
        let ((files, limits), (analyzer, (tables, channels))) = both(of_repairs, of_alerts)?;
        Ok(Self {
            languages: analyzer::languages_of(&channels),
            files,
            limits,
            analyzer,
            tables,
            channels,
            parameters,
        })
    }
}
