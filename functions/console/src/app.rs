//! State of the console: clients, and the operator's files once they were read.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use aws::AwsEnvironment;
use aws::lazy_client::LazyClient;
use domain::analysis::price::MicroUsd;
use domain::notification::channels::Channels;
use domain::policy::limits::Limits;
use jiff::{SignedDuration, Timestamp};
use playbook_files::analyzer_files::AnalyzerFiles;
use playbook_files::operator_files::{self, OperatorFiles};
use settings::channels_file;
use store::{ControlTable, Store};

use crate::alert_quality::{Kept, Quality, Window};
use crate::config::Config;
use crate::incidents::Open;
use crate::refusal::Refusal;

/// How long one try of a request to AWS may take.
const ATTEMPT: Duration = Duration::from_secs(5);
/// How long the open incidents are kept in memory: everybody who looks meanwhile costs one read.
const OPEN_KEPT_FOR: SignedDuration = SignedDuration::from_millis(2_500);

/// The function's state between requests.
#[derive(Debug)]
pub struct App {
    pub(crate) store: Store,
    pub(crate) control: ControlTable,
    config: Config,
    channels: OnceLock<Channels>,
    files: OnceLock<OperatorFiles>,
    limits: OnceLock<Limits>,
    analyzer: OnceLock<AnalyzerFiles>,
    quality: Kept,
    open: Mutex<Option<Arc<Open>>>,
}

impl App {
    /// Nothing is read yet and no client of the SDK is made: the first request does what it needs.
    pub fn new(config: Config, environment: &AwsEnvironment) -> Self {
        let aws = environment.sdk_config(ATTEMPT);
        let dynamodb = LazyClient::new(move || aws_sdk_dynamodb::Client::new(&aws));
        Self {
            store: Store::new(dynamodb.clone(), config.table.clone()),
            control: ControlTable::new(dynamodb, config.control_table.clone()),
            config,
            channels: OnceLock::new(),
            files: OnceLock::new(),
            limits: OnceLock::new(),
            analyzer: OnceLock::new(),
            quality: Kept::default(),
            open: Mutex::new(None),
        }
    }

    /// True if people may sign in at an identity provider too.
    pub(crate) fn has_provider(&self) -> bool {
        self.config.issuer.is_some()
    }

    /// People, teams and routes.
    pub(crate) fn channels(&self) -> Result<&Channels, Refusal> {
        if let Some(channels) = self.channels.get() {
            return Ok(channels);
        }
        let read = channels_file::load(&self.config.config_dir)
            .map_err(|errors| Refusal::Passing(Box::new(errors)))?;
        Ok(self.channels.get_or_init(|| read))
    }

    /// Playbooks and services.
    pub(crate) fn files(&self) -> Result<&OperatorFiles, Refusal> {
        if let Some(files) = self.files.get() {
            return Ok(files);
        }
        let read = OperatorFiles::load(&self.config.config_dir)
            .map_err(|errors| Refusal::Passing(Box::new(errors)))?;
        Ok(self.files.get_or_init(|| read))
    }

    /// What guardrails.yaml says of groups and freezes.
    pub(crate) fn limits(&self) -> Result<&Limits, Refusal> {
        if let Some(limits) = self.limits.get() {
            return Ok(limits);
        }
        let read = operator_files::limits(&self.config.config_dir)
            .map_err(|errors| Refusal::Passing(Box::new(errors)))?;
        Ok(self.limits.get_or_init(|| read))
    }

    /// What models may cost in a day; none where no model is configured.
    pub(crate) fn budget(&self) -> Result<Option<MicroUsd>, Refusal> {
        let analyzer = match self.analyzer.get() {
            Some(analyzer) => analyzer,
            None => {
                let read = AnalyzerFiles::load(&self.config.config_dir)
                    .map_err(|errors| Refusal::Passing(Box::new(errors)))?;
                self.analyzer.get_or_init(|| read)
            }
        };
        let settings = &analyzer.settings;
        Ok((!settings.providers.is_empty()).then_some(settings.budget.day))
    }

    /// The quality of the alert rules, as of some minutes ago at most.
    pub(crate) async fn quality(
        &self,
        window: Window,
        now: Timestamp,
    ) -> Result<Arc<Quality>, Refusal> {
        if let Some(quality) = self.quality.get(window, now) {
            return Ok(quality);
        }
        let read = Quality::read(&self.store, self.channels()?, window, now).await?;
        let quality = Arc::new(read);
        self.quality.put(&quality);
        Ok(quality)
    }

    /// After which silence a heartbeat is overdue whose interval is not known.
    pub(crate) fn stale(&self) -> SignedDuration {
        self.config.stale
    }

    /// Where the stack's dashboard is, and where the documents are.
    pub(crate) fn links(&self) -> (Option<&str>, Option<&str>) {
        let Config {
            dashboard_url,
            documents_url,
            ..
        } = &self.config;
        (dashboard_url.as_deref(), documents_url.as_deref())
    }

    /// The open incidents, as of a moment ago at most.
    pub(crate) async fn open(&self, now: Timestamp) -> Result<Arc<Open>, Refusal> {
        if let Some(open) = self.kept_open(now) {
            return Ok(open);
        }
        let open = Arc::new(Open::read(&self.store, self.channels()?, now).await?);
        *self.open.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&open));
        Ok(open)
    }

    fn kept_open(&self, now: Timestamp) -> Option<Arc<Open>> {
        let kept = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = |open: &&Arc<Open>| now.duration_since(open.read_at).abs() < OPEN_KEPT_FOR;
        kept.as_ref().filter(fresh).cloned()
    }
}
