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
                    .errors(&prices)
                    .into_iter()
                    .map(|error| (SETTINGS, error));
                let of_rules = rules.errors().into_iter().map(|error| (RULES, error));
                let error = |(file, (field, sentence)): (&str, (String, String))| ConfigError {
                    file: directory.join(file),
                    line: None,
                    text: format!("{field} {sentence}"),
                    field: Some(field),
                };
                let errors: Vec<_> = of_settings.chain(of_rules).map(error).collect();
                if errors.is_empty() {
                    Ok(Self {
                        settings,
                        prices,
                        rules,
                    })
                } else {
                    Err(ConfigErrors(errors))
                }
            }
            (settings, prices, rules) => {
                let errors = [settings.err(), prices.err(), rules.err()];
                Err(ConfigErrors(
                    errors
                        .into_iter()
                        .flatten()
                        .flat_map(|errors| errors.0)
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
