//! Evidence from the table: earlier incidents of the fingerprint, and open ones nearby.

use std::time::{Duration, Instant};

use aws::Chain;
use domain::analysis::evidence::{Evidence, Found, Source};
use domain::analysis::settings::EvidenceSettings;
use domain::incident::Incident;
use domain::phrase;
use domain::policy::precedent::{Near, open_facts, past_facts};
use domain::primitives::phrase::Phrase;
use jiff::Timestamp;
use redaction::redact;
use store::{History, StoreError};
use tokio::time::timeout;
use tracing::warn;

use crate::app::App;
use crate::evidence::milliseconds;
use crate::trace::{Span, SpanKind};

/// How long the table may take: it has tries of its own, which together take longer than evidence is worth waiting for.
const PATIENCE: Duration = Duration::from_secs(4);

impl App {
    pub(super) async fn past(
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
        let asked = phrase!(
            "the last {count} incidents of the fingerprint",
            count = settings.past_incidents
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
                ..
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
            Err(error) => (Vec::new(), unread(&error)),
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

    pub(super) async fn open(
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
        let asked = phrase!("other open incidents on the target or in its redundancy group");
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
                ..
            }) => {
                report_unreadable(&unreadable);
                known(open_facts(&redacted(incidents)))
            }
            Err(error) => unread(&error),
        };
        Some(Evidence {
            source: Source::OpenIncidents,
            asked,
            at: now,
            duration_ms,
            found,
        })
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

fn unread(error: &StoreError) -> Found {
    Found::Failed {
        why: phrase!("it could not be read: {why}", why = Chain(error)),
    }
}

fn known(facts: Vec<Phrase>) -> Found {
    if facts.is_empty() {
        Found::Nothing
    } else {
        Found::Known { facts }
    }
}
