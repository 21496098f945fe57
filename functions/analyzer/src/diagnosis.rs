//! Diagnosis of an incident: evidence first, then the recipe's cause, then memory, then the models in
//! their order, and the static analyzer if no model answers.

use domain::alert::Alert;
use domain::phrase;
use domain::primitives::time::expired;
use std::time::{Duration, Instant};

use aws::Chain;
use aws::metrics::MetricsLine;
use domain::analysis::evidence::{Evidence, Found};
use domain::analysis::named_cause::{CauseSource, NamedCause};
use domain::analysis::settings::MemoryMode;
use domain::analysis::{Analysis, BlastRadius};
use domain::incident::Incident;
use domain::playbook::service;
use domain::policy::precedent::{Memory, recall};
use domain::transition::analysis_lease::Claimed;
use jiff::{SignedDuration, Timestamp};
use tracing::warn;

use crate::app::{App, Failure};
use crate::evidence::deviation::deviation;
use crate::evidence::gather::Gathered;
use crate::evidence::milliseconds;
use crate::models::Asked;
use crate::prompt::Subject;
use crate::recipe;
use crate::static_analyzer;
use crate::surroundings::Surroundings;
use crate::trace::Span;

/// How long a worker may ask models: longer than the function runs, so that an expired lease means that its worker has ended.
pub const LEASE: SignedDuration = SignedDuration::from_secs(100);
/// Time between the deadline of the models and the function's own end: an answer that is not saved
/// was paid for nothing. Settling its price and saving it take milliseconds, and a few seconds each
/// while the table is too busy.
const ROOM_TO_SAVE: Duration = Duration::from_secs(8);

/// Workers that may end without a result while they ask models, before the static analysis is used.
/// Each may have been billed, and people wait meanwhile.
const MOST_ATTEMPTS: u32 = 2;

/// The analysis of an incident, and its evidence.
#[derive(Debug, Clone, PartialEq)]
pub struct Diagnosis {
    pub analysis: Analysis,
    /// The evidence of the analysis.
    pub evidence: Vec<Evidence>,
}

impl App {
    /// Diagnoses an incident, and returns the root span of its trace, to which the decision is
    /// added. A storm is diagnosed by its rule alone: its members are known only when it is over.
    ///
    /// # Errors
    /// [`Failure::Claimed`] while another worker asks models about it, or if the store or a queue failed.
    pub(crate) async fn diagnose(
        &self,
        incident: &Incident,
        occasion: Occasion,
        holder: &str,
        now: Timestamp,
        until: Instant,
    ) -> Result<(Diagnosis, Span), Failure> {
        let started = Instant::now();
        let alert = &incident.alert;
        let rule = self
            .analyzer
            .rules
            // What came together under one rule has that rule's type; only a storm over many rules is of none.
            .rule(
                alert,
                incident.storm().is_some() && incident.group.is_none(),
            )
            .ok_or(Failure::NoRule)?;
        let service = service::find(&self.files.services, alert).ok();
        let mut span = self.tracer().await.begin("analyse", now);
        span.set("quell.incident.id", incident.id.as_str().to_owned());
        span.set("quell.fingerprint", incident.fingerprint.to_string());
        span.set("quell.alert.type", alert.alert_type.as_str());
        span.set("quell.analysis.round", i64::from(occasion.round()));
        let mut analysis = static_analyzer::analyse(rule, alert, service);
        analysis.trace_id = span.trace_id();
        let mut evidence = Vec::new();
        if incident.storm().is_none() {
            let mut gathered = self.gather(incident, service, now, &span).await;
            let peers = gathered.peers.take();
            let around = Surroundings::of(&self.files.services, service, incident, peers);
            analysis = around.over(analysis, alert, &gathered.evidence);
            analysis = match self
                .conclude(
                    analysis,
                    incident,
                    &gathered,
                    (occasion, holder),
                    (now, until),
                    &span,
                )
                .await
            {
                Ok(analysis) => analysis,
                Err(failure) => {
                    span.fail("failure", &failure.to_string());
                    return Err(failure);
                }
            };
            evidence = gathered.evidence;
        } else {
            analysis = self.weighed(analysis).await;
        }
        span.set("quell.provider", analysis.provider.clone());
        if let Some(cause) = &analysis.cause {
            span.set("quell.recipe", cause.recipe.clone());
            span.set("quell.cause", cause.id.clone());
        }
        span.set("quell.urgency", format!("{:?}", analysis.urgency.level));
        // Set last, so that it covers the evidence and the models too.
        analysis.duration_ms = milliseconds(started);
        measure(&analysis, &evidence, incident, now);
        Ok((Diagnosis { analysis, evidence }, span))
    }

    async fn conclude(
        &self,
        mut base: Analysis,
        incident: &Incident,
        gathered: &Gathered<'_>,
        (occasion, holder): (Occasion, &str),
        (now, until): (Timestamp, Instant),
        span: &Span,
    ) -> Result<Analysis, Failure> {
        let settings = &self.analyzer.settings;
        base.deviation = deviation(&gathered.evidence);
        let memory = recall(&gathered.past, settings.memory.incidents)
            .filter(|_| settings.memory.mode != MemoryMode::Off);
        base.remembered = memory.as_ref().map(|memory| memory.sentence.clone());
        if let Some(consultation) = &gathered.consultation {
            base = consultation.over(base, &gathered.evidence, &self.recipes.causes);
        }
        base = self.weighed(base).await;
        // It was measured just now: neither what helped last time nor a model's word takes its place, also where a person doubts it.
        if recipe::is_clear(&base) {
            return Ok(base);
        }
        // A person who asks for a new analysis doubts the old one: memory would only repeat it.
        if let Some(memory) = memory
            .filter(|_| settings.memory.mode == MemoryMode::Use && occasion == Occasion::Opened)
        {
            return Ok(self
                .weighed(remembered(base, &memory, &gathered.past))
                .await);
        }
        // Before the claim, which only workers that ask models need.
        if self.models.is_empty() {
            return Ok(base);
        }
        // An expired claim without an analysis: its worker ended while it asked models.
        if incident
            .claim
            .as_ref()
            .is_some_and(|claim| claim.attempt >= MOST_ATTEMPTS && expired(claim.until, now))
        {
            base.fell_back_because = Some(phrase!(
                "{workers} workers ended while they asked models",
                workers = MOST_ATTEMPTS
            ));
            return Ok(base);
        }
        self.claim(incident, occasion, holder, now).await?;
        let service = service::find(&self.files.services, &incident.alert).ok();
        let subject = Subject {
            incident,
            service,
            evidence: &gathered.evidence,
            base: &base,
        };
        let until = until.checked_sub(ROOM_TO_SAVE).unwrap_or(until);
        let asked = self.ask(subject, now, until.into(), span).await?;
        let answered = with_answer(base, asked);
        if answered.model.is_none() {
            return Ok(answered);
        }
        let provider = self
            .models
            .iter()
            .find(|model| model.settings.name == answered.provider);
        // By the configured name: what a model calls itself is its own word.
        let name = provider.map_or(&answered.provider, |model| &model.settings.model);
        let name = name.clone();
        Ok(self
            .weighed(named_by_model(name, answered, &incident.alert))
            .await)
    }

    /// An analysis with how sure its named cause is, by what the table has counted of such causes.
    async fn weighed(&self, analysis: Analysis) -> Analysis {
        let Some(named) = &analysis.named_cause else {
            return analysis.weighed(None);
        };
        let counts = self.store.cause_counts(named).await;
        let counts = counts.inspect_err(|error| {
            warn!(error = %Chain(error), "how often a cause was right could not be read: nothing runs by itself because of it");
        });
        analysis.weighed(counts.ok())
    }

    /// Claims the right to ask models, or fails, so that the message comes again when the holder
    /// has surely ended.
    async fn claim(
        &self,
        incident: &Incident,
        occasion: Occasion,
        holder: &str,
        now: Timestamp,
    ) -> Result<(), Failure> {
        let providers: Vec<&str> = self
            .models
            .iter()
            .map(|model| model.settings.name.as_str())
            .collect();
        let (_, claimed) = self
            .store
            .change(&incident.id, |change| {
                // Another worker may have finished since this incident was loaded.
                occasion
                    .is_awaited(&change.incident)
                    .then(|| change.claim_analysis(holder, &providers, LEASE, now))
            })
            .await?;
        match claimed {
            Some(Claimed::Mine) => Ok(()),
            Some(Claimed::Theirs { until }) => Err(Failure::Claimed {
                until: until.to_string(),
            }),
            // The message comes again, and then finds the result of the other worker.
            None => Err(Failure::Claimed {
                until: "now: it has just ended".to_owned(),
            }),
        }
    }
}

/// The static analysis with a model's finding over it, or with the reason why there is none.
pub(crate) fn with_answer(base: Analysis, mut asked: Asked) -> Analysis {
    let (tokens, price_micro_usd) = (asked.tokens, asked.price);
    let analysis = match asked.finding.take() {
        Some((finding, provider, model)) => Analysis {
            provider,
            model: Some(model),
            ..finding.over(base)
        },
        None => Analysis {
            fell_back_because: Some(asked.fell_back_because()),
            ..base
        },
    };
    Analysis {
        tokens,
        price_micro_usd,
        ..analysis
    }
}

/// A model's finding with the cause as one of its own. What it says of the cause is in its own words: it is counted by the type of the alert.
pub(crate) fn named_by_model(model: String, analysis: Analysis, alert: &Alert) -> Analysis {
    let named = NamedCause {
        source: CauseSource::Model(model),
        cause: alert.alert_type.as_str().to_owned(),
        speaks_for: Vec::new(),
    };
    Analysis {
        named_cause: Some(named),
        confidence: None,
        ..analysis
    }
}

/// The analysis from memory: the repair of the last incidents. How urgent it is now is not remembered.
pub(crate) fn remembered(base: Analysis, memory: &Memory, past: &[Incident]) -> Analysis {
    let impact = base.blast_radius.data_impact;
    let last = past
        .iter()
        .find(|incident| memory.incidents.contains(&incident.id))
        .and_then(|incident| incident.analysis.as_ref());
    let named = NamedCause {
        source: CauseSource::Memory,
        cause: memory.playbook.to_string(),
        speaks_for: vec![memory.playbook.clone()],
    };
    Analysis {
        action_title: format!("{}, as before", memory.playbook_name),
        root_cause: last.map_or_else(
            || base.root_cause.clone(),
            |analysis| analysis.root_cause.clone(),
        ),
        translations: last.map_or_else(
            || base.translations.clone(),
            |analysis| analysis.translations.clone(),
        ),
        blast_radius: BlastRadius {
            data_impact: last.map_or(impact, |analysis| {
                analysis.blast_radius.data_impact.max(impact)
            }),
            ..base.blast_radius.clone()
        },
        named_cause: Some(named),
        confidence: None,
        provider: "memory".to_owned(),
        ..base
    }
}

/// One line of metrics for each analysis.
fn measure(analysis: &Analysis, evidence: &[Evidence], incident: &Incident, now: Timestamp) {
    let mut line = MetricsLine::new("provider", &analysis.provider);
    line.metric("analysis_latency", analysis.duration_ms, "Milliseconds");
    line.metric("tokens", analysis.tokens, "Count");
    line.metric("price_micro_usd", analysis.price_micro_usd, "Count");
    line.metric(
        "fell_back",
        u8::from(analysis.fell_back_because.is_some()),
        "Count",
    );
    let failed = evidence
        .iter()
        .filter(|evidence| matches!(evidence.found, Found::Failed { .. }))
        .count();
    line.metric("evidence_failed", failed, "Count");
    line.field("incident_id", &incident.id);
    line.field("fingerprint", &incident.fingerprint);
    line.field("trace_id", &analysis.trace_id);
    line.write(now);
}

/// Occasion of an analysis: the opening of the incident, or a person's doubt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Occasion {
    Opened,
    /// A new one, of this round.
    Doubted(u32),
}

impl Occasion {
    /// True if the analysis is still awaited.
    pub(crate) fn is_awaited(self, incident: &Incident) -> bool {
        match self {
            Self::Opened => incident.analysis.is_none(),
            Self::Doubted(round) => incident.awaits_reanalysis(round),
        }
    }

    /// Number of the new analysis, from 1; 0 for the first analysis.
    pub(crate) fn round(self) -> u32 {
        match self {
            Self::Opened => 0,
            Self::Doubted(round) => round,
        }
    }
}
