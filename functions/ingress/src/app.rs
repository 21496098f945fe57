//! State of ingress: clients, configuration, and the secrets that were read.

use std::sync::OnceLock;
use std::time::Duration;

use aws::lazy_client::LazyClient;
use aws::queue::Queue;
use aws::secrets::Secrets;
use aws::signed::{SECRETS_MANAGER, SignedClient};
use aws::{AwsEnvironment, Chain};
use domain::alert::classification::AlertTables;
use domain::notification::channels::Channels;
use intake::Intake;
use jiff::Timestamp;
use secrecy::SecretString;
use settings::alert_tables;
use settings::channels_file;
use store::{ControlTable, Joins, Receipt, Store};
use tracing::warn;

use crate::authentication;
use crate::authentication::{SignatureForm, SignedRequest};
use crate::config::Config;
use crate::rejection::Rejection;

/// How long one try of a request to AWS may take.
pub(crate) const ATTEMPT: Duration = Duration::from_secs(5);
/// How long a request may take where Lambda does not say; API Gateway waits for 30 s.
pub(crate) const PATIENCE: Duration = Duration::from_secs(23);

/// The function's state between requests: clients, configuration, and the secrets that were read.
#[derive(Debug)]
pub struct App {
    pub(crate) config: Config,
    pub(crate) tables: OnceLock<AlertTables>,
    pub(crate) secrets: Secrets,
    pub(crate) intake: Intake,
    pub(crate) control: ControlTable,
    pub(crate) signals: Queue,
    pub(crate) repairs: Queue,
    pub(crate) channels: OnceLock<Channels>,
}

impl App {
    /// Nothing is read yet and no client of the SDK is made: the first request does what it needs.
    pub fn new(config: Config, environment: &AwsEnvironment) -> Self {
        let for_sqs = environment.sdk_config(ATTEMPT);
        let for_dynamodb = for_sqs.clone();
        let sqs = LazyClient::new(move || aws_sdk_sqs::Client::new(&for_sqs));
        let dynamodb = LazyClient::new(move || aws_sdk_dynamodb::Client::new(&for_dynamodb));
        let queue = |url: &str| Queue::new(sqs.clone(), url.to_owned());
        let settings = &config.intake;
        let intake = Intake {
            store: Store::new(dynamodb.clone(), settings.table.clone())
                .kept_for(settings.retention),
            joins: Joins::new(environment, settings.table.clone()),
            incidents: queue(&settings.incidents_queue),
            notifications: queue(&settings.notifications_queue),
            windows: settings.windows,
            fingerprint_labels: settings.fingerprint_labels.clone(),
        };
        Self {
            tables: OnceLock::new(),
            secrets: Secrets::new(
                SignedClient::new(environment, &SECRETS_MANAGER, ATTEMPT).apart(),
            )
            .accepting_previous_for(config.previous_secret),
            signals: queue(&config.signals_queue),
            repairs: queue(&config.repairs_queue),
            channels: OnceLock::new(),
            control: ControlTable::new(dynamodb, config.control_table.clone()),
            intake,
            config,
        }
    }

    /// The operator's tables and the rules about alerts, read by the first request with alerts while its connections are made.
    pub(crate) fn tables(&self) -> Result<&AlertTables, Rejection> {
        if let Some(tables) = self.tables.get() {
            return Ok(tables);
        }
        let read = alert_tables::load(&self.config.config_dir)
            .map_err(|errors| Rejection::Passing(Box::new(errors)))?;
        Ok(self.tables.get_or_init(|| read))
    }

    /// The people who may decide, read at the first decision: no alert waits for it.
    pub(crate) fn channels(&self) -> Result<&Channels, Rejection> {
        if let Some(channels) = self.channels.get() {
            return Ok(channels);
        }
        let read = channels_file::load(&self.config.config_dir)
            .map_err(|errors| Rejection::Passing(Box::new(errors)))?;
        Ok(self.channels.get_or_init(|| read))
    }

    /// Lets in who has signed, or who knows the secret of the alert senders. What is given tells a signed
    /// request from every other one ([`authentication::replay_id`]).
    pub(crate) async fn signed_or_known(
        &self,
        form: SignatureForm,
        request: SignedRequest<'_>,
        now: Timestamp,
    ) -> Result<Option<String>, Rejection> {
        if form.is_claimed(request.headers) {
            return self.signed(form, request, now).await;
        }
        self.admit_alert(&self.config.alertmanager_secret, now, |secret| {
            authentication::credential(secret, request.headers, true)
        })
        .await?;
        Ok(None)
    }

    pub(crate) async fn signed(
        &self,
        form: SignatureForm,
        request: SignedRequest<'_>,
        now: Timestamp,
    ) -> Result<Option<String>, Rejection> {
        let required = self.config.signatures_cover;
        let check =
            |secret: &SecretString| authentication::signature(form, secret, request, now, required);
        self.admit_alert(&self.config.webhook_secret, now, check)
            .await?;
        Ok(authentication::replay_id(form, request.headers))
    }

    /// True if this very request was counted before.
    pub(crate) async fn is_replay(&self, id: Option<&str>) -> Result<bool, Rejection> {
        match id {
            Some(id) => Ok(self.intake.store.receipt(id).await? == Receipt::Closed),
            None => Ok(false),
        }
    }

    /// Notes that a request was counted. That its sender must not send it again matters more than that a
    /// replay of it would be counted.
    pub(crate) async fn note_counted(&self, id: Option<&str>, now: Timestamp) {
        let Some(id) = id else { return };
        if let Err(error) = self.intake.store.close_receipt(id, now).await {
            warn!(error = %Chain(&error), "a signed request could not be noted as counted");
        }
    }

    /// Admits an alert whose credential fits a secret. Where the secret has no value, a development environment admits every alert,
    /// and production none.
    pub(crate) async fn admit_alert(
        &self,
        id: &str,
        now: Timestamp,
        check: impl Fn(&SecretString) -> Result<(), Rejection>,
    ) -> Result<(), Rejection> {
        match self.admit(id, now, check).await {
            Err(Rejection::NoSecret) if self.config.development => {
                warn!(
                    secret = id,
                    "authentication is skipped: the secret has no value and ENVIRONMENT is dev"
                );
                Ok(())
            }
            admitted => admitted,
        }
    }

    /// Admits a request whose credential fits a secret; without a value it admits no request, in
    /// development too. Every route on which people decide comes through here: a decision runs
    /// commands on hosts, wherever they are (`human-or-guardrails`).
    pub(crate) async fn admit(
        &self,
        id: &str,
        now: Timestamp,
        check: impl Fn(&SecretString) -> Result<(), Rejection>,
    ) -> Result<(), Rejection> {
        self.secrets.check(id, now, check).await?
    }
}
