//! Evidence from the operator's servers, each asked with its key.

use std::collections::BTreeMap;
use std::error::Error as _;
use std::time::Duration;

use aws::Chain;
use aws::secrets::SecretError;
use domain::analysis::Peers;
use domain::analysis::evidence::{Evidence, Found, Source};
use domain::incident::Incident;
use domain::phrase;
use domain::playbook::service::Service;
use domain::primitives::phrase::Phrase;
use futures_util::future::join3;
use jiff::Timestamp;
use recipes::Recipe;
use recipes::facts::Answer;
use secrecy::SecretString;
use tokio::time::timeout;

use crate::app::App;
use crate::evidence::at_once;
use crate::evidence::recipe_questions::Consulted;
use crate::evidence::redundancy::Group;
use crate::trace::{Span, SpanKind};

/// How long Secrets Manager may take for a key: it has tries of its own, which together take longer than a server or a model is worth
/// waiting for.
const PATIENCE: Duration = Duration::from_secs(4);

/// What Prometheus was asked about an incident.
#[derive(Debug, Default)]
pub(super) struct OfPrometheus {
    /// That of the recipe's questions comes first.
    pub(super) evidence: Vec<Evidence>,
    /// The ids of those questions, in the order of their evidence.
    pub(super) questions: Vec<String>,
    pub(super) answers: BTreeMap<String, Answer>,
    /// The other members of the service's redundancy group, where they were measured.
    pub(super) peers: Option<Peers>,
}

impl App {
    pub(super) async fn prometheus(
        &self,
        incident: &Incident,
        service: Option<&Service>,
        recipe: Option<&Recipe>,
        now: Timestamp,
        span: &Span,
    ) -> OfPrometheus {
        let Some((settings, prometheus)) = self
            .analyzer
            .settings
            .evidence
            .prometheus
            .as_ref()
            .zip(self.prometheus.as_ref())
        else {
            return OfPrometheus::default();
        };
        let secret = settings.token_secret.as_deref();
        let alert = &incident.alert;
        let mut consulted = Vec::new();
        let mut peers = None;
        let group = service.and_then(|service| Group::of(&self.files.services, service));
        let look = async |key: Option<&SecretString>| {
            let consult = async {
                match recipe {
                    Some(recipe) => prometheus.consult(key, recipe, (alert, service), now).await,
                    None => Vec::new(),
                }
            };
            let ask_group = async {
                match &group {
                    Some(group) => Some(prometheus.redundancy(key, group, now).await),
                    None => None,
                }
            };
            let look = prometheus.look(key, alert, service, now);
            let (looked, redundancy);
            (consulted, looked, redundancy) = join3(consult, look, ask_group).await;
            let (of_group, measured) = redundancy.unzip();
            peers = measured.flatten();
            let of_recipe = consulted.iter().map(|one: &Consulted| one.evidence.clone());
            of_recipe.chain(looked).chain(of_group).collect()
        };
        let evidence = self
            .server(Source::Prometheus, secret, now, span, look)
            .await;
        let questions = consulted.iter().map(|one| one.question.clone()).collect();
        let answers = consulted
            .into_iter()
            .filter_map(|one| Some((one.question, one.answer?)));
        OfPrometheus {
            evidence,
            questions,
            answers: answers.collect(),
            peers,
        }
    }

    pub(super) async fn signoz(
        &self,
        incident: &Incident,
        service: Option<&Service>,
        now: Timestamp,
        span: &Span,
    ) -> Vec<Evidence> {
        let Some((settings, signoz)) = self
            .analyzer
            .settings
            .evidence
            .signoz
            .as_ref()
            .zip(self.signoz.as_ref())
        else {
            return vec![];
        };
        let secret = Some(settings.key_secret.as_str());
        let look = async |key: Option<&SecretString>| {
            signoz.look(key, &incident.alert, service, now).await
        };
        self.server(Source::Signoz, secret, now, span, look).await
    }

    /// Asks one of the operator's servers, with its key.
    async fn server(
        &self,
        source: Source,
        secret: Option<&str>,
        now: Timestamp,
        span: &Span,
        look: impl AsyncFnOnce(Option<&SecretString>) -> Vec<Evidence>,
    ) -> Vec<Evidence> {
        match self.key(secret).await {
            Ok(key) => {
                let span = span.child(format!("evidence {}", source.as_str()), SpanKind::Client);
                let evidence = look(key.as_ref()).await;
                report(span, &evidence);
                evidence
            }
            Err(why) => {
                let asked = phrase!("nothing, for want of its key");
                let why = phrase!("it could not be read: {why}", why => why);
                vec![at_once(source, asked, now, Found::Failed { why })]
            }
        }
    }

    /// The value of a secret, if one is configured.
    pub(crate) async fn key(&self, id: Option<&str>) -> Result<Option<SecretString>, Phrase> {
        match id {
            None => Ok(None),
            Some(id) => match timeout(PATIENCE, self.secrets.get(id)).await {
                Ok(read) => read.map(Some).map_err(|error| unread(&error)),
                Err(_) => Err(phrase!(
                    "the secret {id} was not read within {seconds} s",
                    id,
                    seconds = PATIENCE.as_secs()
                )),
            },
        }
    }
}

/// Why a secret could not be read, with its cause.
fn unread(error: &SecretError) -> Phrase {
    match error.source() {
        Some(cause) => phrase!("{what}: {why}", what => error.phrase(), why = Chain(cause)),
        None => error.phrase(),
    }
}

fn report(mut span: Span, evidence: &[Evidence]) {
    let failed = evidence
        .iter()
        .rev()
        .find_map(|evidence| match &evidence.found {
            Found::Failed { why } => Some(why),
            _ => None,
        });
    let asked = i64::try_from(evidence.len()).unwrap_or(i64::MAX);
    span.set("quell.evidence.questions", asked);
    match failed {
        Some(why) => span.fail("evidence", &why.to_string()),
        None => span.end(),
    }
}
