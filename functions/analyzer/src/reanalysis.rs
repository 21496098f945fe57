//! A new analysis at a person's request: the models are asked again, and a human decides on the
//! result.

use crate::diagnosis::Occasion;
use std::time::Instant;

use domain::episode::Advice;
use domain::incident::change::IncidentChange;
use domain::primitives::id::IncidentId;
use jiff::Timestamp;
use wire::message::Message;

use crate::app::{App, Failure};
use crate::diagnosis::Diagnosis;
use crate::handler::tell;
use crate::propose;
use crate::propose::{ProposalRules, Signing};
use crate::trace::SpanKind;

impl App {
    /// Analyses an incident anew. A message that comes twice, or whose analysis is no longer
    /// awaited, asks no model, and only notifies.
    pub(crate) async fn analysis_asked(
        &self,
        id: &IncidentId,
        round: u32,
        holder: &str,
        now: Timestamp,
        until: Instant,
    ) -> Result<(), Failure> {
        let (mut incident, occasion) = (
            self.store.known_incident(id).await?,
            Occasion::Doubted(round),
        );
        if occasion.is_awaited(&incident) {
            let began = Instant::now();
            let (diagnosis, span) =
                Box::pin(self.diagnose(&incident, occasion, holder, now, until)).await?;
            // Who is asked about a plan has the whole time for it, whatever the models took.
            let now = now + began.elapsed();
            let mut decision = span.child("decide", SpanKind::Internal);
            let known = self.known(&incident.alert, &diagnosis.analysis, now).await;
            let decide = |change: &mut IncidentChange| {
                decide_anew(
                    change,
                    round,
                    &diagnosis,
                    self.rules(&known, Signing::WithoutKeys),
                    now,
                )
            };
            (incident, ()) = self.store.change_loaded(incident, decide).await?;
            tell(&mut decision, &incident);
            decision.end();
            span.end();
        }
        if let Some(advice) =
            Advice::from_incident(&incident).filter(|_| incident.storm().is_none())
        {
            self.store
                .advise(&incident.fingerprint, &incident.id, &advice)
                .await?;
        }
        self.notifications
            .send(&Message::IncidentChanged {
                incident_id: incident.id,
            })
            .await?;
        Ok(())
    }
}

/// Takes over a new diagnosis, and the plan that today's files give for the alert. Nothing runs by itself here, whatever the guardrails say.
pub(crate) fn decide_anew(
    change: &mut IncidentChange,
    round: u32,
    diagnosis: &Diagnosis,
    rules: ProposalRules<'_>,
    now: Timestamp,
) {
    let finding = (diagnosis.analysis.clone(), diagnosis.evidence.clone());
    change.reanalysed(
        round,
        finding,
        |change| propose::planned(change, rules, now),
        now,
        rules.approval_ttl,
    );
}
