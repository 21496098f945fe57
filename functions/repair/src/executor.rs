//! Step loop of a run: records each step before it starts and after it ends, so that a crash leaves
//! no step unaccounted for.

use domain::primitives::time::Clock;
use std::time::Duration;

use domain::incident::Incident;
use domain::incident::repair::Repair;
use domain::incident::repair_state_machine::Next;
use domain::playbook::plan::{Phase, Plan};
use jiff::SignedDuration;
use wire::bridge::{BRIDGE_VERSION, BridgeRequest};
use wire::signed_decision::{Reader, SignedDecision};

use crate::app::{App, ENTRANCE, Failure};
use crate::journal::{Begun, begin, end, stop};
use crate::lease::{Done, Lease};

/// Runs the remaining steps of a repair until it has ended, or until the next step would take
/// longer than the worker's remaining time.
///
/// # Errors
/// [`Failure::HandedOver`] if another worker has to go on, [`Failure::Overtaken`] if another one
/// does already, and if the store or a queue fails: the message then comes again, and the run goes
/// on from the recorded steps.
pub(crate) async fn to_the_end(
    lease: &Lease<'_>,
    mut incident: Incident,
    plan: &Plan,
    clock: Clock<'_>,
) -> Result<Done, Failure> {
    let (app, worker) = (lease.app, &lease.delivery.worker);
    loop {
        let next = incident
            .repair
            .as_ref()
            .map(|repair| (repair.next(plan), repair.rest(plan, clock())));
        if let Some((Next::Run(phase, index), rest)) = next {
            // The first repairing step runs in silence, and a rollback does not.
            incident = app
                .silencer
                .keep(&app.store, incident, phase, clock)
                .await?;
            let longest = plan
                .phase(phase)
                .get(index)
                .map_or(SignedDuration::ZERO, |step| step.longest());
            // Lambda would end the worker in the middle of the step, and the result would be lost.
            if clock() + rest + longest > lease.delivery.ends {
                return Err(Failure::HandedOver { rest });
            }
            // Read before every step, so that the kill switch also stops a run that has begun.
            if app.control.killed().await? {
                let (stopped, ()) = app
                    .store
                    .change_loaded(incident, |change| stop(change, plan, worker, clock()))
                    .await?;
                return Ok(done(&stopped));
            }
            // Renewed for the rest and the step together: the lease has to outlast both.
            lease.take(clock(), rest + longest).await?;
            tokio::time::sleep(rest.try_into().unwrap_or(Duration::ZERO)).await;
        }
        if let Some((Next::GiveUp, _)) = next {
            // A worker that was held up behind its lock finds the next one at work: the step is not lost then.
            lease.take(clock(), ENTRANCE).await?;
        }
        let (begun, happened) = app
            .store
            .change_loaded(incident, |change| begin(change, plan, worker, clock()))
            .await?;
        incident = match happened {
            Begun::Step(phase, index) => finish(lease, begun, plan, (phase, index), clock).await?,
            Begun::Noted => begun,
            Begun::Ended => return Ok(done(&begun)),
            Begun::Overtaken => return Err(Failure::Overtaken),
        };
    }
}

fn done(incident: &Incident) -> Done {
    let unsure = incident
        .repair
        .as_ref()
        .is_some_and(Repair::may_still_be_at_work);
    // An unsure end keeps the lock until it expires: a command may still be at work.
    if unsure { Done::Unsure } else { Done::Quiet }
}

/// Which try of its step is under way.
fn tries(incident: &Incident) -> u32 {
    let steps = incident.repair.as_ref().map(|repair| &repair.steps);
    steps
        .and_then(|steps| steps.last())
        .map_or(1, |step| step.tries)
}

/// Has the bridge run a step, and records its result.
async fn finish(
    lease: &Lease<'_>,
    incident: Incident,
    plan: &Plan,
    (phase, index): (Phase, usize),
    clock: Clock<'_>,
) -> Result<Incident, Failure> {
    let App { store, bridge, .. } = lease.app;
    let Some(step) = plan.phase(phase).get(index) else {
        return Err(Failure::Overtaken);
    };
    let request = BridgeRequest {
        v: BRIDGE_VERSION,
        incident_id: incident.id.clone(),
        playbook: plan.playbook.clone(),
        phase,
        step: index,
        parameters: plan.parameters.clone(),
        target: plan.target.clone(),
        round: plan.round,
        number: tries(&incident),
        decision: incident
            .approval
            .as_ref()
            .and_then(|approval| SignedDecision::of(approval, Reader::Bridge)),
    };
    let result = bridge.run(&request, step.longest()).await;
    let (incident, recorded) = store
        .change_loaded(incident, |change| {
            end(change, plan, &result, &lease.delivery.worker, clock())
        })
        .await?;
    // Another worker has taken the run over, and records its own results.
    if !recorded {
        return Err(Failure::Overtaken);
    }
    // Of the end of the run, the caller notifies.
    if incident
        .repair
        .as_ref()
        .is_some_and(|repair| repair.outcome.is_none())
    {
        lease.app.tell(&incident.id).await?;
    }
    Ok(incident)
}
