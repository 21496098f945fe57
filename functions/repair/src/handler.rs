//! Handles one approved repair: lease, guardrails, ledgers, run.

use aws::secrets::SecretError;
use domain::incident::change::IncidentChange;
use domain::incident::{Incident, Status};
use domain::policy::attempt_ledger::Attempt;
use domain::policy::evaluation::start_by;
use domain::primitives::time::Clock;
use domain::transition::decision::stop::countdown;
use jiff::{SignedDuration, Timestamp};
use wire::message::Message;
use wire::signed_decision::{InvalidDecision, Reader, SignedDecision};

use crate::admission::{Admission, AdmissionRules, CheckedDecision, admit, give_up, lapse};
use crate::delivery::RepairDelivery;
use crate::executor;
use crate::lease::{Done, Lease};
use domain::episode::Advice;
use domain::policy::attempt_ledger::GuardrailInputs;
use domain::primitives::id::PlanHash;

use crate::app::{App, ENTRANCE, Failure, GROUP_MARGIN, MOST_DELIVERIES};

impl App {
    pub(crate) fn rules<'a>(
        &'a self,
        readings: &'a GuardrailInputs,
        checked: &'a CheckedDecision,
    ) -> AdmissionRules<'a> {
        AdmissionRules {
            files: &self.files,
            limits: &self.limits,
            readings,
            starts_within: self.starts_within,
            checked,
        }
    }

    /// Checks the signatures of the decision on an incident.
    ///
    /// # Errors
    /// If the key cannot be read right now.
    async fn checked(
        &self,
        incident: &Incident,
        now: Timestamp,
    ) -> Result<CheckedDecision, Failure> {
        let approval = incident.approval.as_ref();
        let decision = approval.and_then(|approval| SignedDecision::of(approval, Reader::Repair));
        let valid = match &decision {
            None => Err(InvalidDecision::Nobody.phrase()),
            Some(decision) => match self.keys.check(&self.secrets, decision, now).await {
                Ok(checked) => checked.map_err(|invalid| invalid.phrase()),
                Err(error @ SecretError::NoValue { .. }) => Err(error.phrase()),
                Err(error) => return Err(error.into()),
            },
        };
        Ok(CheckedDecision { decision, valid })
    }

    /// Takes the approval of a plan back that waits for its target or its group, once it is too
    /// old, and asks people anew. True if it was taken back: the message has nothing to start any
    /// more.
    pub(crate) async fn lapsed(
        &self,
        incident: &Incident,
        plan_hash: &PlanHash,
        clock: Clock<'_>,
    ) -> Result<bool, Failure> {
        let over =
            start_by(incident, self.starts_within).is_some_and(|start_by| start_by < clock());
        let Some(plan) = incident.plan.as_ref().filter(|_| over) else {
            return Ok(false);
        };
        let readings = self
            .store
            .readings(self.files.asked(plan), &self.control)
            .await;
        let checked = self.checked(incident, clock()).await?;
        let rules = self.rules(&readings, &checked);
        let (incident, lapsed) = self
            .store
            .change(&incident.id, |change| {
                lapse(change, rules, plan_hash, clock())
            })
            .await?;
        if lapsed {
            self.tell_of(&incident).await?;
        }
        Ok(lapsed)
    }

    /// Notifies people of the state of an approved plan. A plan that was stopped waits anew: the
    /// answers to alerts that join have to name the new approval.
    pub(crate) async fn tell_of(&self, incident: &Incident) -> Result<(), Failure> {
        if let Some(advice) =
            Advice::from_incident(incident).filter(|advice| advice.approval_id.is_some())
        {
            self.store
                .advise(&incident.fingerprint, &incident.id, &advice)
                .await?;
        }
        self.tell(&incident.id).await
    }

    /// Handles one message.
    ///
    /// # Errors
    /// If the message has to come again.
    pub async fn handle(
        &self,
        message: &Message,
        delivery: &RepairDelivery,
        clock: Clock<'_>,
    ) -> Result<(), Failure> {
        let Message::RepairApproved {
            incident_id,
            plan_hash,
        } = message
        else {
            self.put_back(&delivery.receipt, delivery.receive_count)
                .await;
            return Err(Failure::Misdirected);
        };
        let incident = match self.store.known_incident(incident_id).await {
            Ok(incident) => incident,
            Err(error) => {
                // No lease has set a time yet, and the queue's own is an hour and a half: the approval would be too old by then.
                self.put_back(&delivery.receipt, delivery.receive_count)
                    .await;
                return Err(error.into());
            }
        };
        let Some(plan) = &incident.plan else {
            return Ok(());
        };
        if let Some(rest) = countdown(&incident, clock()) {
            // The queue counts in whole seconds.
            let time = rest + SignedDuration::from_secs(1);
            self.comes_again_in(&delivery.receipt, time).await;
            return Err(Failure::Countdown { rest });
        }
        let start_by = start_by(&incident, self.starts_within);
        let lock = self.files.lock_of(&plan.target);
        let lease = Lease {
            app: self,
            target: &plan.target,
            lock: &lock,
            incident: incident_id,
            delivery,
            start_by,
        };
        let ran = self.run(&lease, &incident, plan_hash, clock).await;
        lease.end(&ran, clock()).await;
        match ran {
            // Another worker has the run and its own delivery: this one is done.
            Err(Failure::Overtaken) => Ok(()),
            Err(Failure::Held { .. } | Failure::GroupFull { .. })
                if self.lapsed(&incident, plan_hash, clock).await? =>
            {
                Ok(())
            }
            Err(failure @ (Failure::Held { .. } | Failure::GroupFull { .. }))
                if delivery.receive_count >= MOST_DELIVERIES =>
            {
                let why = failure.phrase();
                let (incident, ()) = self
                    .store
                    .change(incident_id, |change| {
                        give_up(change, plan_hash, why.clone(), clock())
                    })
                    .await?;
                // The worker that runs it may die: this may be the only message from which the next
                // one could go on.
                if incident.status == Status::Repairing {
                    return Err(failure);
                }
                self.tell(incident_id).await
            }
            ran => ran.map(drop),
        }
    }

    pub(crate) async fn run(
        &self,
        lease: &Lease<'_>,
        incident: &Incident,
        plan_hash: &PlanHash,
        clock: Clock<'_>,
    ) -> Result<Done, Failure> {
        let (id, worker) = (&incident.id, &lease.delivery.worker);
        let (Some(plan), Some(approval)) = (&incident.plan, &incident.approval) else {
            return Ok(Done::Quiet);
        };
        // Before the guardrails' inputs are read, so that no other repair begins on the target
        // meanwhile.
        lease.take(clock(), ENTRANCE).await?;
        let asked = self.files.asked(plan);
        let (group, readings) = (asked.group, self.store.readings(asked, &self.control).await);
        let checked = self.checked(incident, clock()).await?;
        let rules = self.rules(&readings, &checked);
        let attempt = Attempt {
            approval_id: approval.id.clone(),
            playbook: plan.playbook.clone(),
            at: clock(),
        };
        // Checked on a copy first: while its group is full, an approved plan stays as it is, and
        // does not look as if it ran.
        let expected = admit(
            &mut IncidentChange::new(incident.clone()),
            rules,
            plan_hash,
            worker,
            clock(),
        );
        if expected != Admission::Nothing {
            self.enter_ledgers(group, lease, &attempt).await?;
        }
        let (incident, admission) = self
            .store
            .change(id, |change| {
                admit(change, rules, plan_hash, worker, clock())
            })
            .await?;
        self.tell_of(&incident).await?;
        let mut done = Done::Quiet;
        if let Admission::Run(plan) = admission {
            if expected == Admission::Nothing {
                // It was approved in between, and no attempt is without its entry.
                self.enter_ledgers(group, lease, &attempt).await?;
            }
            done = executor::to_the_end(lease, incident, &plan, clock).await?;
            self.tell(id).await?;
        }
        // Also without a run of this worker: an earlier one may have died before it ended the
        // silence.
        self.silencer.end(&self.store, id, clock).await?;
        // Like the lock of the host, the place in the group is kept where a command may still be at work.
        if let Some(group) = group.filter(|_| done == Done::Quiet) {
            self.store
                .leave_group(group, lease.target, &attempt.approval_id, clock())
                .await?;
        }
        Ok(done)
    }

    /// Enters the attempt, once: in the ledger of the group, which may be full (`one-hand`), then in that of the target.
    pub(crate) async fn enter_ledgers(
        &self,
        group: Option<&str>,
        lease: &Lease<'_>,
        attempt: &Attempt,
    ) -> Result<(), Failure> {
        let target = lease.target;
        if let Some(group) = group {
            let most = self.files.at_once(&self.limits, group);
            // A worker that dies keeps its place in the group for little longer than it could have
            // worked.
            let time = lease.delivery.ends.duration_since(attempt.at) + GROUP_MARGIN;
            if !self
                .store
                .enter_group(group, target, &attempt.approval_id, attempt.at, time, most)
                .await?
            {
                return Err(Failure::GroupFull {
                    group: group.to_owned(),
                    target: target.to_owned(),
                    most,
                });
            }
        }
        Ok(self.store.enter_attempt(target, attempt).await?)
    }
}
