//! Proposes a plan: gathers the inputs of the guardrails, which then decide whether the plan runs
//! without approval.

use aws::Chain;
use domain::alert::Alert;
use domain::analysis::{Analysis, FoundCause};
use domain::incident::change::IncidentChange;
use domain::incident::guardrail::{Guardrail, GuardrailOutcome, all_passed};
use domain::phrase;
use domain::playbook::dependencies::dependents;
use domain::playbook::plan::Plan;
use domain::playbook::plan_risk::PlanRisk;
use domain::playbook::service;
use domain::policy::attempt_ledger::GuardrailInputs;
use domain::policy::limits::Limits;
use domain::policy::matching::{Choice, PastSuccess, choose, undecided};
use domain::policy::track_record::RunCounts;
use domain::primitives::phrase::Phrase;
use futures_util::future::join_all;
use jiff::{SignedDuration, Timestamp};
use playbook_files::operator_files::OperatorFiles;
use store::{ControlTable, Store};
use tracing::warn;
use wire::signed_decision::SigningKeys;

/// By what it is decided whether a plan runs by itself.
#[derive(Debug, Clone, Copy)]
pub struct ProposalRules<'a> {
    pub files: &'a OperatorFiles,
    pub limits: &'a Limits,
    /// What the store says: see [`gather`].
    pub known: &'a StoreFacts,
    /// How long a human can decide on a plan.
    pub approval_ttl: SignedDuration,
    pub signing: Signing<'a>,
}

/// How it is signed that the guardrails let a plan run.
#[derive(Debug, Clone, Copy)]
pub enum Signing<'a> {
    /// With these keys.
    With(&'a SigningKeys),
    /// The keys cannot be read: nothing runs by itself, and a human is asked.
    WithoutKeys,
    /// It is not: what is decided is only shown.
    OnlyShown,
}

/// What the store says about the plan that an alert will get.
#[derive(Debug, Clone, Default)]
pub struct StoreFacts {
    /// The past success of playbooks between which nothing else decides.
    pub past: PastSuccess,
    /// What the guardrails ask.
    pub readings: GuardrailInputs,
}

/// Reads what the choice of a playbook and the guardrails ask the store about an alert and the cause that a recipe found. Nothing is read where there will be no plan, and
/// past success only where it decides.
pub async fn gather(
    (store, control): (&Store, &ControlTable),
    files: &OperatorFiles,
    limits: &Limits,
    (alert, cause): (&Alert, Option<&FoundCause>),
    now: Timestamp,
) -> StoreFacts {
    let service = service::find(&files.services, alert);
    let asked = undecided(
        &files.playbooks,
        alert,
        service.as_ref().ok().copied(),
        cause,
    );
    let tallies = asked.into_iter().map(|playbook| async move {
        match store.runs(playbook).await {
            Ok(runs) => Some((playbook.to_owned(), RunCounts::of(&runs, &limits.autonomy, now))),
            Err(error) => {
                warn!(error = %Chain(&error), playbook, "the runs of a playbook could not be read: nothing is known of its past success");
                None
            }
        }
    });
    let past: PastSuccess = join_all(tallies).await.into_iter().flatten().collect();
    let readings = match choose(&files.playbooks, alert, service, &past, cause) {
        Choice::Plan(plan) => store.readings(files.asked(&plan), control).await,
        Choice::None(_) => GuardrailInputs::default(),
    };
    StoreFacts { past, readings }
}

/// The plan for an alert, or why there is none; with it, what its playbook has earned is noted, from which follows how many people have to
/// approve.
pub(crate) fn planned(
    change: &mut IncidentChange,
    rules: ProposalRules<'_>,
    now: Timestamp,
) -> Result<Plan, Phrase> {
    let alert = &change.incident.alert;
    let analysis = change.incident.analysis.as_ref();
    let plan = match choose(
        &rules.files.playbooks,
        alert,
        service::find(&rules.files.services, alert),
        &rules.known.past,
        analysis.and_then(|analysis| analysis.cause.as_ref()),
    ) {
        Choice::Plan(plan) => with_redundancy(*plan, rules.files, analysis),
        Choice::None(why) => return Err(why),
    };
    change.incident.earned = rules
        .files
        .context(
            &change.incident,
            &plan,
            rules.limits,
            &rules.known.readings,
            now,
        )
        .level();
    Ok(plan)
}

/// A plan with its whole risk: that of the files, raised where nothing takes over for its target meanwhile.
fn with_redundancy(plan: Plan, files: &OperatorFiles, analysis: Option<&Analysis>) -> Plan {
    let (Some(service), Some(playbook)) = (
        service::named(&files.services, &plan.target),
        files.playbook(&plan.playbook),
    ) else {
        return plan;
    };
    let dependents = dependents(&files.services, &service.name);
    let peers = analysis.and_then(|analysis| analysis.blast_radius.peers.as_ref());
    let PlanRisk { risk, because } =
        playbook
            .risk_on(service)
            .and_redundancy(service, &dependents, peers);
    Plan {
        risk,
        risk_because: because,
        ..plan
    }
}

/// Lets a plan run by itself where every guardrail passes, and asks a human where one does not.
pub(crate) fn propose(
    change: &mut IncidentChange,
    plan: Plan,
    rules: ProposalRules<'_>,
    now: Timestamp,
) {
    let mut outcomes = rules
        .files
        .context(
            &change.incident,
            &plan,
            rules.limits,
            &rules.known.readings,
            now,
        )
        .check();
    if matches!(rules.signing, Signing::WithoutKeys) && all_passed(&outcomes) {
        let why = phrase!("the keys with which it would be signed cannot be read");
        outcomes.push(GuardrailOutcome::blocked(Guardrail::SignedDecision, why));
    }
    change.propose_within(outcomes, plan, now, rules.approval_ttl);
    if let (Signing::With(keys), Some(approval)) = (rules.signing, &mut change.incident.approval)
        && approval.by_guardrails()
    {
        approval.signature = Some(keys.sign_guardrails(approval, now));
    }
}
