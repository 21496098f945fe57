//! Handles one message: diagnosis, decision, advice.

use crate::diagnosis::Occasion;
use std::time::Instant;

use domain::episode::Advice;
use domain::incident::change::IncidentChange;
use domain::incident::guardrail::names;
use domain::incident::operation_log::{Event, LogRecord};
use domain::incident::{Incident, Status};
use domain::phrase;
use domain::playbook::service::{self, NoService};
use domain::primitives::id::IncidentId;
use jiff::Timestamp;
use wire::message::Message;

use crate::diagnosis::Diagnosis;
use crate::propose;
use crate::propose::{ProposalRules, Signing};
use crate::trace::{Span, SpanKind};

use crate::app::{App, Failure};

impl App {
    /// Handles one message: `holder` is its id; nothing slow is begun after `until`. A repeated
    /// message finds the work done and only sends to the notifier again.
    ///
    /// # Errors
    /// If the message has to come again.
    pub async fn handle(
        &self,
        message: &Message,
        holder: &str,
        now: Timestamp,
        until: Instant,
    ) -> Result<(), Failure> {
        let handled = match message {
            Message::IncidentOpened { incident_id } => {
                self.incident_opened(incident_id, holder, now, until).await
            }
            Message::AnalysisAsked { incident_id, round } => {
                self.analysis_asked(incident_id, *round, holder, now, until)
                    .await
            }
            _ => return Err(Failure::Misdirected),
        };
        // After everything that people wait for, and before the handler returns: a frozen function
        // sends nothing.
        if let Some(tracer) = self.tracer.get() {
            tracer.flush().await;
        }
        handled
    }

    pub(crate) async fn incident_opened(
        &self,
        id: &IncidentId,
        holder: &str,
        now: Timestamp,
        until: Instant,
    ) -> Result<(), Failure> {
        let incident = self
            .count_recurrence(self.store.known_incident(id).await?, now)
            .await?;
        match self.storm_for(&incident, now).await? {
            Some(storm) => self.join_storm(&incident, &storm, holder, now, until).await,
            None => self.analyse(incident, holder, now, until).await.map(drop),
        }
    }

    pub(crate) async fn analyse(
        &self,
        mut incident: Incident,
        holder: &str,
        now: Timestamp,
        until: Instant,
    ) -> Result<Incident, Failure> {
        // Stored before the evidence is read: of two simultaneous incidents, at least one sees the
        // other.
        let remembered = self.remember(&incident).await;
        if incident.analysis.is_none() && incident.status == Status::Open {
            let began = Instant::now();
            let (diagnosis, span) =
                Box::pin(self.diagnose(&incident, Occasion::Opened, holder, now, until)).await?;
            // The models took their time: a freeze may have begun meanwhile, and people's time to
            // decide starts now.
            let now = now + began.elapsed();
            let mut decision = span.child("decide", SpanKind::Internal);
            let known = self.known(&incident.alert, &diagnosis.analysis, now).await;
            let keys = self.signing_keys(&incident.alert).await;
            let signing = keys.as_ref().map_or(Signing::WithoutKeys, Signing::With);
            let rules = self.rules(&known, signing);
            (incident, ()) = self
                .store
                .change_loaded(incident, |change| decide(change, &diagnosis, rules, now))
                .await?;
            tell(&mut decision, &incident);
            decision.end();
            span.end();
        }
        // Also if the analysis was there before: an earlier worker may have died before this point.
        if let Some(advice) = Advice::from_incident(&incident) {
            self.store
                .advise(&incident.fingerprint, &incident.id, &advice)
                .await?;
        }
        // After the save, with the decision in the log, and after the advice, which repair replaces if it stops the plan. A message seen
        // twice sends again; repair acts once.
        self.repairs.send_repair(&incident).await?;
        self.notifications
            .send(&Message::IncidentChanged {
                incident_id: incident.id.clone(),
            })
            .await?;
        // Last, so that it delays nothing: after a failure the message comes again, finds the
        // analysis done, and stores the incident in the lists. With a gap in them, memory would
        // draw conclusions from older incidents that this one may contradict.
        remembered?;
        Ok(incident)
    }
}

/// Records the decision in a span.
pub(crate) fn tell(span: &mut Span, incident: &Incident) {
    span.set("quell.incident.status", incident.status.as_str());
    if let Some(plan) = &incident.plan {
        span.set("quell.playbook", plan.playbook.to_string());
        span.set("quell.plan.hash", plan.hash().to_string());
        span.set("quell.plan.score", i64::from(plan.score));
        span.set("quell.guardrails.blocking", names(&incident.guardrails));
    }
}

/// Takes over a diagnosis, if the incident is open and has none, and proposes a plan where a playbook fits: the guardrails decide whether
/// it runs by itself or a human is asked (`human-or-guardrails`). Which plan that is depends on the alert and the operator's files alone:
/// no word of a model has a part in it (`no-words-executed`).
pub fn decide(
    change: &mut IncidentChange,
    diagnosis: &Diagnosis,
    rules: ProposalRules<'_>,
    now: Timestamp,
) {
    if change.incident.analysis.is_some() || change.incident.status != Status::Open {
        return;
    }
    change.analysed(diagnosis.analysis.clone(), diagnosis.evidence.clone(), now);
    if change.incident.storm().is_some() {
        change.incident.no_plan_because = Some(phrase!("no playbook repairs a storm"));
        return;
    }
    match propose::planned(change, rules, now) {
        Ok(plan) => propose::propose(change, plan, rules, now),
        Err(why) => {
            let found = service::find(&rules.files.services, &change.incident.alert);
            if let Err(NoService::Elsewhere(_)) = found {
                change.record(
                    now,
                    LogRecord::new(Event::OutOfScope, "analyzer", why.to_string()),
                );
            }
            change.incident.no_plan_because = Some(why);
        }
    }
}
