//! The models configured in `analyzer.yaml`, each with its price.

use crate::providers::Provider;
use aws_types::SdkConfig;
use domain::analysis::price::Price;
use domain::analysis::settings::ProviderSettings;
use playbook_files::analyzer_files::AnalyzerFiles;
use reqwest::Client;

/// A model that can be asked.
#[derive(Debug)]
pub(crate) struct Model {
    pub(crate) settings: ProviderSettings,
    pub(crate) provider: Provider,
    pub(crate) price: Price,
}

/// The models of the settings, each with its price. The check of the files has seen to it that each has one.
pub(crate) fn models(files: &AnalyzerFiles, http: &Client, aws: &SdkConfig) -> Vec<Model> {
    let model = |settings: &ProviderSettings| {
        let price = files.price(&settings.model)?;
        Some(Model {
            settings: settings.clone(),
            provider: Provider::new(settings, http.clone(), aws),
            price,
        })
    };
    files.settings.providers.iter().filter_map(model).collect()
}
