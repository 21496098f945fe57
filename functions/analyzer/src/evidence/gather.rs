//! Gathers the evidence for an incident: every source at once, each with its own deadline, none of them needed.

use std::time::{Duration, Instant};

use aws::Chain;
use domain::analysis::evidence::{Evidence, Found, Source, Trend, figure};
use domain::analysis::settings::EvidenceSettings;
use domain::incident::Incident;
use domain::playbook::service::{Level, Service};
use domain::policy::precedent::{Near, open_facts, past_facts};
use jiff::Timestamp;
use redaction::redact;
use secrecy::SecretString;
use store::{History, StoreError};
use tokio::time::timeout;
use tracing::warn;

use crate::app::App;
use crate::evidence::kept;
use crate::trace::{Span, SpanKind};

/// How long the table may take for evidence, and Secrets Manager for a key: each has tries of its own, which together take longer than a
/// model is worth waiting for.
const PATIENCE: Duration = Duration::from_secs(4);

/// How many measurements the deviation names.
const DEVIATIONS_NAMED: usize = 3;

/// What was found out about an incident.
#[derive(Debug)]
pub(crate) struct Gathered {
    /// Everything that was asked, and what came back.
    pub(crate) evidence: Vec<Evidence>,
    /// The earlier incidents of its fingerprint, newest first; none if one of them could not be read, because nothing can be concluded then.
    pub(crate) past: Vec<Incident>,
}

impl App {
    /// Asks every source. A source that fails is evidence too: it says so.
    pub(crate) async fn gather(
        &self,
        incident: &Incident,
        service: Option<&Service>,
        now: Timestamp,
        span: &Span,
    ) -> Gathered {
        let settings = &self.analyzer.settings.evidence;
        let near = self.near(&incident.alert);
        let ((past, past_evidence), open, prometheus, signoz) = tokio::join!(
            self.past(incident, settings, now, span),
            self.open(incident, &near, settings, now, span),
            self.prometheus(incident, service, now, span),
            self.signoz(incident, service, now, span),
        );
        let registry = service.map(|service| registry(service, now));
        let evidence = prometheus
            .into_iter()
            .chain(signoz)
            .chain(past_evidence)
            .chain(open)
            .chain(registry);
        Gathered {
            evidence: evidence.map(kept).collect(),
            past,
        }
    }

    async fn past(
        &self,
        incident: &Incident,
        settings: &EvidenceSettings,
        now: Timestamp,
        span: &Span,
    ) -> (Vec<Incident>, Option<Evidence>) {
        // Memory needs as many as it compares, whatever is shown.
        let wanted = settings
            .past_incidents
            .max(self.analyzer.settings.memory.incidents);
        let asked = format!(
            "the last {} incidents of the fingerprint",
            settings.past_incidents
        );
        let (found, duration_ms) = timed(
            span,
            Source::PastIncidents,
            self.store.past(&incident.fingerprint, &incident.id, wanted),
        )
        .await;
        let (past, found) = match found {
            Ok(History {
                incidents,
                unreadable,
            }) => {
                report_unreadable(&unreadable);
                let incidents = redacted(incidents);
                let shown = &incidents[..incidents.len().min(settings.past_incidents as usize)];
                let found = known(past_facts(shown));
                (
                    if unreadable.is_empty() {
                        incidents
                    } else {
                        Vec::new()
                    },
                    found,
                )
            }
            Err(error) => (
                Vec::new(),
                Found::Failed {
                    why: Chain(&error).to_string(),
                },
            ),
        };
        let evidence = Evidence {
            source: Source::PastIncidents,
            asked,
            at: now,
            duration_ms,
            found,
        };
        (past, (settings.past_incidents > 0).then_some(evidence))
    }

    async fn open(
        &self,
        incident: &Incident,
        near: &Near,
        settings: &EvidenceSettings,
        now: Timestamp,
        span: &Span,
    ) -> Option<Evidence> {
        if settings.open_incidents == 0 {
            return None;
        }
        let asked = "other open incidents on the target or in its redundancy group".to_owned();
        let (found, duration_ms) = timed(
            span,
            Source::OpenIncidents,
            self.store
                .open_near(near, &incident.id, settings.open_incidents),
        )
        .await;
        let found = match found {
            Ok(History {
                incidents,
                unreadable,
            }) => {
                report_unreadable(&unreadable);
                known(open_facts(&redacted(incidents)))
            }
            Err(error) => Found::Failed {
                why: Chain(&error).to_string(),
            },
        };
        Some(Evidence {
            source: Source::OpenIncidents,
            asked,
            at: now,
            duration_ms,
            found,
        })
    }

    async fn prometheus(
        &self,
        incident: &Incident,
        service: Option<&Service>,
        now: Timestamp,
        span: &Span,
    ) -> Vec<Evidence> {
        let Some((settings, prometheus)) = self
            .analyzer
            .settings
            .evidence
            .prometheus
            .as_ref()
            .zip(self.prometheus.as_ref())
        else {
            return vec![];
        };
        let secret = settings.token_secret.as_deref();
        let look = async |key: Option<&SecretString>| {
            prometheus.look(key, &incident.alert, service, now).await
        };
        self.server(Source::Prometheus, secret, now, span, look)
            .await
    }

    async fn signoz(
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
                let asked = "nothing, for want of its key".to_owned();
                vec![at_once(source, asked, now, Found::Failed { why })]
            }
        }
    }

    /// The value of a secret, if one is configured.
    pub(crate) async fn key(&self, id: Option<&str>) -> Result<Option<SecretString>, String> {
        match id {
            None => Ok(None),
            Some(id) => match timeout(PATIENCE, self.secrets.get(id)).await {
                Ok(read) => read.map(Some).map_err(|error| Chain(&error).to_string()),
                Err(_) => Err(format!("the secret {id} was not read within {PATIENCE:?}")),
            },
        }
    }
}

/// Awaits an answer of the store inside of a span; how long it took, in milliseconds.
async fn timed<T>(
    span: &Span,
    source: Source,
    answer: impl Future<Output = Result<T, StoreError>>,
) -> (Result<T, StoreError>, u64) {
    let span = span.child(format!("evidence {}", source.as_str()), SpanKind::Client);
    let started = Instant::now();
    let late = |_| {
        let why = format!("nothing came within {PATIENCE:?}");
        Err(StoreError::Unavailable(why.into()))
    };
    let answer = timeout(PATIENCE, answer).await.unwrap_or_else(late);
    match &answer {
        Ok(_) => span.end(),
        Err(error) => span.fail("store", &Chain(error).to_string()),
    }
    (answer, milliseconds(started))
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
        Some(why) => span.fail("evidence", why),
        None => span.end(),
    }
}

pub(crate) fn milliseconds(started: Instant) -> u64 {
    u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX)
}

fn report_unreadable(unreadable: &[StoreError]) {
    for error in unreadable {
        warn!(error = %Chain(error), "an incident that would be evidence could not be read");
    }
}

/// Incidents of which facts are made, without the secrets in what the facts show. A fact is one line and cut: a secret in it would not
/// look like one any more when the question is made.
pub(crate) fn redacted(mut incidents: Vec<Incident>) -> Vec<Incident> {
    for incident in &mut incidents {
        let root_cause = incident
            .analysis
            .as_mut()
            .map(|analysis| &mut analysis.root_cause);
        for text in [&mut incident.alert.name, &mut incident.alert.target]
            .into_iter()
            .chain(root_cause)
        {
            *text = redact(text).into_owned();
        }
    }
    incidents
}

fn known(facts: Vec<String>) -> Found {
    if facts.is_empty() {
        Found::Nothing
    } else {
        Found::Known { facts }
    }
}

/// Evidence that took no time.
fn at_once(source: Source, asked: String, at: Timestamp, found: Found) -> Evidence {
    Evidence {
        source,
        asked,
        at,
        duration_ms: 0,
        found,
    }
}

fn registry(service: &Service, now: Timestamp) -> Evidence {
    let level = match service.level {
        Level::Auto => "may be repaired without a human",
        Level::Approval => "is repaired with an approval",
        Level::Manual => "is repaired by hand only",
    };
    let mut facts = vec![format!("the service {} {level}", service.name)];
    facts.extend(
        service
            .redundancy_group
            .as_ref()
            .map(|group| format!("it is a member of the redundancy group {group}")),
    );
    at_once(
        Source::Registry,
        service.name.to_string(),
        now,
        Found::Known { facts },
    )
}

/// How far the measurements are from normal: those that move, in words.
pub(crate) fn deviation(evidence: &[Evidence]) -> Option<String> {
    let measured = evidence
        .iter()
        .filter_map(|evidence| match &evidence.found {
            Found::Measured { measurements, .. } => Some(measurements),
            _ => None,
        });
    let moving = measured.flatten().filter_map(|measurement| {
        let going = match measurement.trend {
            Trend::Rising => "rising",
            Trend::Falling => "falling",
            Trend::Stable => return None,
        };
        let (value, least, most) = (
            figure(measurement.value),
            figure(measurement.least),
            figure(measurement.most),
        );
        Some(format!(
            "{} {going}: {value} {} (between {least} and {most})",
            measurement.name, measurement.unit
        ))
    });
    let named: Vec<String> = moving.take(DEVIATIONS_NAMED).collect();
    (!named.is_empty()).then(|| named.join("; "))
}
