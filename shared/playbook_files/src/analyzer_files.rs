//! The operator's files that only the analyzer reads: `analyzer.yaml`, `model-prices.yaml` and
//! `static-rules.yaml`.

use std::path::Path;

use crate::yaml;
use domain::analysis::price::Price;
use domain::analysis::settings::{AnalyzerSettings, ModelPrice};
use domain::analysis::static_rule::StaticRules;
use settings::config_error::{ConfigError, ConfigErrors};

/// The name of the file with the settings.
pub const SETTINGS: &str = "analyzer.yaml";
/// The name of the file with the models' prices.
pub const PRICES: &str = "model-prices.yaml";
/// The name of the file with the rules of the static analyzer.
pub const RULES: &str = "static-rules.yaml";

/// What the three files say.
#[derive(Debug, Clone, PartialEq)]
pub struct AnalyzerFiles {
    pub settings: AnalyzerSettings,
    pub prices: Vec<ModelPrice>,
    pub rules: StaticRules,
}

impl AnalyzerFiles {
    /// Reads the files from a directory.
    ///
    /// # Errors
    /// Everything that is wrong with any of them.
    pub fn load(directory: &Path) -> Result<Self, ConfigErrors> {
        let settings = yaml::read::<AnalyzerSettings>(&directory.join(SETTINGS), "{}");
        let prices = yaml::read::<Vec<ModelPrice>>(&directory.join(PRICES), "[]");
        let rules = yaml::read::<StaticRules>(&directory.join(RULES), "[]");
        match (settings, prices, rules) {
            (Ok(settings), Ok(prices), Ok(rules)) => {
                let of_settings = settings
                    .faults(&prices)
                    .into_iter()
                    .map(|fault| (SETTINGS, fault));
                let of_rules = rules.faults().into_iter().map(|fault| (RULES, fault));
                let fault = |(file, (field, sentence)): (&str, (String, String))| ConfigError {
                    file: directory.join(file),
                    line: None,
                    text: format!("{field} {sentence}"),
                    field: Some(field),
                };
                let faults: Vec<_> = of_settings.chain(of_rules).map(fault).collect();
                if faults.is_empty() {
                    Ok(Self {
                        settings,
                        prices,
                        rules,
                    })
                } else {
                    Err(ConfigErrors(faults))
                }
            }
            (settings, prices, rules) => {
                let faults = [settings.err(), prices.err(), rules.err()];
                Err(ConfigErrors(
                    faults
                        .into_iter()
                        .flatten()
                        .flat_map(|faults| faults.0)
                        .collect(),
                ))
            }
        }
    }

    /// The price of a model. Every model in the settings has one.
    pub fn price(&self, model: &str) -> Option<Price> {
        self.prices
            .iter()
            .find(|price| price.model == model)
            .map(ModelPrice::price)
    }
}

#[cfg(test)]
#[path = "analyzer_files_tests.rs"]
mod tests;
