//! All files of a directory, each read past its faults, and what the domain says about them.

use std::path::Path;

use domain::alert::alert_rules::AlertRules;
use domain::alert::classification::AlertTables;
use domain::analysis::settings::{AnalyzerSettings, ModelPrice};
use domain::analysis::static_rule::StaticRules;
use domain::duty::Duty;
use domain::notification::channels::Channels;
use domain::notification::sign_in::SignIn;
use domain::playbook::Playbook;
use domain::playbook::dependencies::dependency_errors;
use domain::playbook::service::Service;
use domain::policy::limits::Limits;
use playbook_files::analyzer_files::{PRICES, RULES, SETTINGS};
use playbook_files::operator_files::{
    GUARDRAILS, PLAYBOOKS, RepeatedName, SERVICE_REGISTRY, repeated_playbooks, repeated_services,
};
use playbook_files::recipe_files::CAUSES;
use recipes::KnownCause;
use settings::alert_tables::{ALERT_RULES, ALERT_TABLES};
use settings::channels_file::{CHANNELS, PEOPLE};
use settings::config_error::ConfigError;
use settings::sign_in_file::SIGN_IN;

use crate::check::file::{Empty, File};
use crate::check::recipe_file::RecipeFile;

/// The names of the files that the functions read, beside the recipes.
pub(crate) const NAMES: [&str; 12] = [
    PLAYBOOKS,
    SERVICE_REGISTRY,
    GUARDRAILS,
    SETTINGS,
    PRICES,
    RULES,
    ALERT_TABLES,
    ALERT_RULES,
    CHANNELS,
    PEOPLE,
    SIGN_IN,
    CAUSES,
];

/// The files.
pub(crate) struct Files {
    pub(crate) playbooks: File<Vec<Playbook>>,
    pub(crate) services: File<Vec<Service>>,
    pub(crate) limits: File<Limits>,
    settings: File<AnalyzerSettings>,
    prices: File<Vec<ModelPrice>>,
    pub(crate) rules: File<StaticRules>,
    pub(crate) tables: File<AlertTables>,
    pub(crate) alert_rules: File<AlertRules>,
    pub(crate) channels: File<Channels>,
    pub(crate) people: File<Duty>,
    sign_in: File<SignIn>,
    pub(crate) causes: File<Vec<KnownCause>>,
    pub(crate) recipes: Vec<RecipeFile>,
}

/// The generated schema of a file.
macro_rules! schema {
    ($name:literal) => {
        include_str!(concat!("../../../config/schemas/", $name, ".schema.json"))
    };
}

impl Files {
    /// Reads and checks the files of a directory.
    pub(crate) fn read(dir: &Path) -> Self {
        let (list, fields, refused) = (&Empty::List, &Empty::Fields, &Empty::Refused);
        let mut files = Self {
            playbooks: File::read(dir, PLAYBOOKS, schema!("playbooks"), list),
            services: File::read(dir, SERVICE_REGISTRY, schema!("service-registry"), list),
            limits: File::read(dir, GUARDRAILS, schema!("guardrails"), fields),
            settings: File::read(dir, SETTINGS, schema!("analyzer"), fields),
            prices: File::read(dir, PRICES, schema!("model-prices"), list),
            rules: File::read(dir, RULES, schema!("static-rules"), list),
            tables: File::read(dir, ALERT_TABLES, schema!("alert-tables"), refused),
            alert_rules: File::read(dir, ALERT_RULES, schema!("alert-rules"), refused),
            channels: File::read(dir, CHANNELS, schema!("channels"), refused),
            people: File::read(dir, PEOPLE, schema!("people"), refused),
            sign_in: File::read(dir, SIGN_IN, schema!("sign-in"), refused),
            causes: File::read(dir, CAUSES, schema!("causes"), &Empty::Optional),
            recipes: RecipeFile::all(dir, schema!("recipe")),
        };
        files.check_playbooks();
        files.check_services();
        files.check_analyzer();
        files.check_json();
        files.check_people();
        files.check_sign_in();
        files.check_recipes();
        files
    }

    fn check_playbooks(&mut self) {
        let Some(playbooks) = self.playbooks.value() else {
            return;
        };
        let errors = playbooks.iter().map(Playbook::errors);
        let mut errors = in_items(errors);
        let repeated = repeated_playbooks(playbooks.iter());
        errors.extend(repeated.iter().map(|name| self.repeated(name, "id")));
        self.playbooks.take(errors, &[]);
    }

    fn check_services(&mut self) {
        let Some(services) = self.services.value() else {
            return;
        };
        let errors = services.iter().map(Service::errors);
        let mut errors = in_items(errors);
        let warnings = in_items(services.iter().map(Service::warnings));
        for RepeatedName { name, first, again } in repeated_services(services.iter()) {
            let line = self.services.at(&format!("[{first}].name"));
            let line = line.map_or(0, |node| node.line);
            let text = format!(
                "the name {name} belongs to the service in line {line}: give each service names of its own, or a match that tells where each lives"
            );
            errors.push((format!("[{again}].name"), text));
        }
        let of_dependencies = dependency_errors(&services.iter().collect::<Vec<_>>());
        let in_item =
            |(index, field, text): (usize, String, String)| (format!("[{index}].{field}"), text);
        errors.extend(of_dependencies.into_iter().map(in_item));
        self.services.take(errors, &[]);
        for (field, text) in warnings {
            self.services.doubt(&field, text);
        }
    }

    fn repeated(
        &self,
        RepeatedName { name, first, again }: &RepeatedName,
        field: &str,
    ) -> (String, String) {
        let line = self.playbooks.at(&format!("[{first}].{field}"));
        let line = line.map_or(0, |node| node.line);
        let text =
            format!("{name} is the {field} of the playbook in line {line}: give this one another");
        (format!("[{again}].{field}"), text)
    }

    fn check_analyzer(&mut self) {
        let prices = self.prices.value().map(Vec::as_slice).unwrap_or_default();
        let models: Vec<&str> = prices.iter().map(|price| price.model.as_str()).collect();
        if let Some(settings) = self.settings.value() {
            let mut errors = settings.errors(prices);
            if self.prices.value().is_none() {
                // Which models have a price is not known.
                errors.retain(|(field, _)| !field.ends_with("].model"));
            }
            self.settings.take(errors, &models);
        }
        if let Some(rules) = self.rules.value() {
            let errors = rules.errors();
            self.rules.take(errors, &[]);
        }
    }

    fn check_json(&mut self) {
        if let Some(tables) = self.tables.value() {
            let errors = tables.errors();
            self.tables.take(errors, &[]);
        }
        if let Some(rules) = self.alert_rules.value() {
            let errors = rules.errors();
            self.alert_rules.take(errors, &[]);
        }
    }

    /// The two files that name each other's people and teams.
    fn check_people(&mut self) {
        let duty = self.people.value().cloned();
        let channels = self.channels.value().cloned();
        if let Some(mut channels) = channels.clone() {
            channels.duty = duty.clone().unwrap_or_default();
            let mut errors = channels.errors();
            if duty.is_none() {
                // Which teams there are is not known.
                errors.retain(|(field, _)| !field.ends_with(".team"));
            }
            let teams = channels.duty.teams.keys().map(String::as_str);
            self.channels.take(errors, &teams.collect::<Vec<_>>());
        }
        if let Some(duty) = duty {
            let people = channels.as_ref().map(|channels| &channels.people);
            let known = |name: &str| people.is_none_or(|people| people.contains_key(name));
            let names = people.into_iter().flatten().map(|(name, _)| name.as_str());
            self.people
                .take(duty.errors(known), &names.collect::<Vec<_>>());
        }
    }

    /// Who signs in at the identity provider, by the people and teams of the two files before.
    fn check_sign_in(&mut self) {
        let (Some(sign_in), Some(channels)) = (self.sign_in.value(), self.channels.value()) else {
            return;
        };
        let mut channels = channels.clone();
        let duty = self.people.value().cloned();
        let are_known = duty.is_some();
        channels.duty = duty.unwrap_or_default();
        let mut errors = sign_in.errors(&channels);
        // Which teams there are may not be known.
        errors.retain(|(field, _)| are_known || !field.contains(".teams["));
        self.sign_in.take(errors, &[]);
    }

    /// Everything that is wrong.
    pub(crate) fn errors(&self) -> Vec<ConfigError> {
        self.each(|file| file.errors())
    }

    /// Everything that is doubtful.
    pub(crate) fn warnings(&self) -> Vec<ConfigError> {
        self.each(|file| file.warnings())
    }

    fn each(&self, of: impl Fn(&dyn Told) -> Vec<ConfigError>) -> Vec<ConfigError> {
        let files: [&dyn Told; 12] = [
            &self.playbooks,
            &self.services,
            &self.limits,
            &self.settings,
            &self.prices,
            &self.rules,
            &self.tables,
            &self.alert_rules,
            &self.channels,
            &self.people,
            &self.sign_in,
            &self.causes,
        ];
        let recipes = self.recipes.iter().map(|recipe| &recipe.file as &dyn Told);
        files.into_iter().chain(recipes).flat_map(of).collect()
    }
}

/// What is told of a file, whatever its type.
trait Told {
    fn errors(&self) -> Vec<ConfigError>;
    fn warnings(&self) -> Vec<ConfigError>;
}

impl<T: serde::de::DeserializeOwned> Told for File<T> {
    fn errors(&self) -> Vec<ConfigError> {
        self.errors()
    }

    fn warnings(&self) -> Vec<ConfigError> {
        self.warnings()
    }
}

/// What is said of the items of a list, with their places.
fn in_items(said: impl Iterator<Item = Vec<(String, String)>>) -> Vec<(String, String)> {
    let of_item = |(index, said): (usize, Vec<(String, String)>)| {
        let placed = move |(field, text)| (format!("[{index}].{field}"), text);
        said.into_iter().map(placed)
    };
    said.enumerate().flat_map(of_item).collect()
}
