//! State and errors of the analyzer.

use std::collections::BTreeSet;
use std::path::Path;

use aws::Chain;
use aws::batch::Unhandled;
use aws::decision_keys::SigningKeyIds;
use aws::queue::{Queue, QueueError};
use aws::secrets::Secrets;
use aws_types::SdkConfig;
use domain::alert::Alert;
use domain::analysis::Analysis;
use domain::analysis::settings::TracingSettings;
use domain::incident::Incident;
use domain::notification::channels::Channels;
use domain::playbook::service::{self, Level};
use domain::policy::limits::Limits;
use domain::policy::precedent::Near;
use domain::primitives::language::Language;
use jiff::{SignedDuration, Timestamp};
use playbook_files::analyzer_files::AnalyzerFiles;
use playbook_files::operator_files::{OperatorFiles, limits};
use playbook_files::recipe_files::RecipeFiles;
use reqwest::Client;
use settings::channels_file;
use settings::config_error::both;
use settings::startup::StartupError;
use store::{ControlTable, Store, StoreError};
use thiserror::Error;
use tokio::sync::OnceCell;
use tracing::warn;
use wire::signed_decision::SigningKeys;

use crate::config::Config;
use crate::evidence::InvalidUrl;
use crate::evidence::prometheus::Prometheus;
use crate::evidence::signoz::Signoz;
use crate::propose::{self, ProposalRules, Signing, StoreFacts};
use crate::providers::configured::{Model, models};
use crate::trace::{OtlpSettings, Tracer};

/// Why a message has to come again.
#[derive(Debug, Error)]
pub enum Failure {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Queue(#[from] QueueError),
    /// No rule of the static analyzer is for the alert, which the check of the files excludes.
    #[error("static-rules.yaml has no rule for this type of alert")]
    NoRule,
    /// Another worker asks models about the incident.
    #[error("another worker asks models about it, until {until}")]
    Claimed {
        /// Until when at the latest.
        until: String,
    },
    /// The message is for another function.
    #[error("this message does not belong on the queue of incidents to be analysed")]
    Misdirected,
}

impl Unhandled for Failure {
    fn is_permanent(&self) -> bool {
        match self {
            Self::Store(error) => !error.is_transient(),
            Self::Queue(error) => !error.transient,
            _ => false,
        }
    }
}

impl From<InvalidUrl> for StartupError {
    fn from(error: InvalidUrl) -> Self {
        Self::Client(error.into())
    }
}

/// The languages beside English that the channels of `channels.json` speak. A file that cannot be read is no reason to leave an alert
/// without an analysis: its finding is in English then, and the notifier says what is wrong with the file.
fn languages(config_dir: &Path) -> Vec<Language> {
    let channels = channels_file::load(config_dir).unwrap_or_else(|errors| {
        warn!(error = %errors, "models are asked for English texts alone");
        Channels::default()
    });
    languages_of(&channels)
}

/// The languages beside English that channels speak, in which a finding is asked for too.
pub fn languages_of(channels: &Channels) -> Vec<Language> {
    let spoken: BTreeSet<Language> = channels
        .channels
        .iter()
        .map(|channel| channels.language_of(channel))
        .filter(|language| *language != Language::English)
        .collect();
    spoken.into_iter().collect()
}

/// The function's state between messages.
#[derive(Debug)]
pub struct App {
    pub(crate) store: Store,
    pub(crate) control: ControlTable,
    pub(crate) notifications: Queue,
    pub(crate) repairs: Queue,
    pub(crate) files: OperatorFiles,
    pub(crate) analyzer: AnalyzerFiles,
    pub(crate) recipes: RecipeFiles,
    pub(crate) limits: Limits,
    pub(crate) secrets: Secrets,
    pub(crate) http: Client,
    pub(crate) prometheus: Option<Prometheus>,
    pub(crate) signoz: Option<Signoz>,
    pub(crate) models: Vec<Model>,
    /// The languages beside English in which channels read a finding.
    pub(crate) languages: Vec<Language>,
    pub(crate) tracer: OnceCell<Tracer>,
    pub(crate) function_name: Option<String>,
    pub(crate) approval_ttl: SignedDuration,
    pub(crate) storm_limit: u32,
    pub(crate) signing_keys: SigningKeyIds,
}

impl App {
    /// Reads the operator's files and builds the clients.
    ///
    /// # Errors
    /// Everything that is wrong with the files.
    pub fn new(config: Config, aws: &SdkConfig) -> Result<Self, StartupError> {
        let directory = &config.config_dir;
        let files = OperatorFiles::load(directory);
        let of_analysis = both(AnalyzerFiles::load(directory), RecipeFiles::load(directory));
        let of_repairs = both(files, limits(directory));
        let ((files, limits), (analyzer, recipes)) = both(of_repairs, of_analysis)?;
        let http = outbound::client()?;
        let servers = &analyzer.settings.evidence;
        let prometheus = servers
            .prometheus
            .as_ref()
            .map(|settings| Prometheus::new(settings, http.clone()))
            .transpose()?;
        let signoz = servers
            .signoz
            .as_ref()
            .map(|settings| Signoz::new(settings, http.clone()))
            .transpose()?;
        let sqs = aws_sdk_sqs::Client::new(aws);
        let dynamodb = aws_sdk_dynamodb::Client::new(aws);
        Ok(Self {
            store: Store::new(dynamodb.clone(), config.table).kept_for(config.retention),
            control: ControlTable::new(dynamodb, config.control_table),
            notifications: Queue::new(sqs.clone(), config.notifications_queue),
            repairs: Queue::new(sqs, config.repairs_queue),
            secrets: Secrets::new(aws_sdk_secretsmanager::Client::new(aws)),
            models: models(&analyzer, &http, aws),
            languages: languages(&config.config_dir),
            tracer: OnceCell::new(),
            function_name: config.function_name,
            prometheus,
            signoz,
            http,
            files,
            analyzer,
            recipes,
            limits,
            approval_ttl: config.approval_ttl,
            storm_limit: config.storm_limit,
            signing_keys: config.signing_keys,
        })
    }

    /// What the store says about the plan that an alert will get.
    pub(crate) async fn known(
        &self,
        alert: &Alert,
        analysis: &Analysis,
        now: Timestamp,
    ) -> StoreFacts {
        let tables = (&self.store, &self.control);
        let about = (alert, analysis.cause.as_ref());
        propose::gather(tables, &self.files, &self.limits, about, now).await
    }

    /// By what it is decided, with what the store says.
    pub(crate) fn rules<'a>(
        &'a self,
        known: &'a StoreFacts,
        signing: Signing<'a>,
    ) -> ProposalRules<'a> {
        ProposalRules {
            files: &self.files,
            limits: &self.limits,
            known,
            approval_ttl: self.approval_ttl,
            signing,
        }
    }

    /// The keys with which it is signed that a plan runs by itself, read only where that can be.
    pub(crate) async fn signing_keys(&self, alert: &Alert) -> Option<SigningKeys> {
        let service = service::find(&self.files.services, alert).ok()?;
        if service.level != Level::Auto {
            return None;
        }
        match self.signing_keys.read(&self.secrets).await {
            Ok(keys) => Some(keys),
            Err(error) => {
                warn!(error = %Chain(&error), "a decision cannot be signed: a human is asked instead");
                None
            }
        }
    }

    /// Puts an incident on the lists by which others find it. A storm repeats no fingerprint and is on no target.
    pub(crate) async fn remember(&self, incident: &Incident) -> Result<(), StoreError> {
        if incident.storm().is_some() {
            return Ok(());
        }
        self.store
            .remember(incident, &self.near(&incident.alert))
            .await
    }

    /// What other incidents have to share with an alert to stand near it.
    pub(crate) fn near(&self, alert: &Alert) -> Near {
        let service = service::find(&self.files.services, alert).ok();
        Near::of(
            alert,
            service.map(|service| (service.name.as_str(), service.redundancy_group.as_deref())),
        )
    }

    /// What records spans. Its headers are a secret, which is read when the first spans are recorded.
    pub(crate) async fn tracer(&self) -> &Tracer {
        self.tracer
            .get_or_init(|| async {
                let otlp = match &self.analyzer.settings.tracing {
                    None => Ok(None),
                    Some(settings) => self.otlp(settings).await.map(Some),
                };
                let otlp = otlp.unwrap_or_else(|why| {
                    warn!(
                        error = why,
                        "there are no traces until the function starts anew"
                    );
                    None
                });
                Tracer::new(otlp, self.http.clone())
            })
            .await
    }

    pub(crate) async fn otlp(&self, settings: &TracingSettings) -> Result<OtlpSettings, String> {
        let headers = self.key(settings.headers_secret.as_deref()).await;
        let headers = headers.map_err(|why| why.to_string())?;
        OtlpSettings::new(
            &settings.otlp_url,
            headers.as_ref(),
            self.function_name.clone(),
        )
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use aws::batch::Unhandled as _;
    use aws::queue::QueueError;
    use domain::primitives::language::Language;
    use store::StoreError;

    use super::{Failure, languages};

    #[test]
    fn a_finding_is_asked_for_in_the_languages_of_channels() {
        let directory = tempfile::tempdir().expect("a directory");
        let read = |text: &str| {
            fs::write(directory.path().join("channels.json"), text).expect("written");
            languages(directory.path())
        };
        assert_eq!(languages(directory.path()), [], "there is no file");
        let channel = |name: &str, chat: u8, language: &str| {
            let to = format!(r#""to": {{"telegram": {{"chat_id": {chat}}}}}"#);
            format!(r#"{{"name": "{name}", {language} {to}}}"#)
        };
        let english = channel("a", 1, "");
        let chinese = channel("b", 2, r#""language": "zh-TW","#);
        let channels = |top: &str, all: &[&str]| {
            format!(
                r#"{{{top} "channels": [{}], "routes": [{{"channels": ["a"]}}]}}"#,
                all.join(",")
            )
        };
        let both = channels("", &[&english, &chinese]);
        let all = channels(r#""language": "zh-TW","#, &[&english]);
        let cases: [(&str, &[Language]); 5] = [
            (&channels("", &[&english]), &[]),
            (&both, &[Language::TraditionalChinese]),
            (&all, &[Language::TraditionalChinese]),
            (r#"{"language": "zh-TW"}"#, &[]),
            ("{", &[]),
        ];
        for (text, expected) in cases {
            assert_eq!(read(text), expected, "{text}");
        }
    }

    #[test]
    fn a_failure_is_permanent_where_no_retry_helps() {
        let queue = |transient| QueueError {
            queue: "q".to_owned(),
            cause: "test".into(),
            transient,
        };
        let missing = StoreError::Missing {
            key: "k".to_owned(),
        };
        let cases: [(Failure, bool); 4] = [
            (queue(false).into(), true),
            (queue(true).into(), false),
            (missing.into(), true),
            (StoreError::Conflict.into(), false),
        ];
        for (failure, permanent) in cases {
            assert_eq!(failure.is_permanent(), permanent, "{failure:?}");
        }
    }
}
