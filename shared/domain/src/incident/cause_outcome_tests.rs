//! Tests of the outcome of a named cause: what counts, and that it counts once.

use jiff::Timestamp;

use crate::analysis::named_cause::{CauseSource, NamedCause};
use crate::analysis::{Analysis, tests};
use crate::incident::Incident;
use crate::incident::cause_outcome::OutcomeChange;
use crate::incident::repair::{Repair, RepairOutcome};
use crate::incident::response::CauseVerdict;
use crate::playbook::plan::tests::plan;
use crate::transition::lifecycle::tests::incident;

fn named(speaks_for: &[&str]) -> NamedCause {
    NamedCause {
        source: CauseSource::Recipe,
        cause: "file_system_full".into(),
        speaks_for: speaks_for.iter().map(|id| (*id).into()).collect(),
    }
}

/// An incident that names a cause, with a plan whose repair has ended.
fn ended(speaks_for: &[&str], outcome: Option<RepairOutcome>) -> Incident {
    let start = Repair::start(plan().hash(), Timestamp::UNIX_EPOCH);
    Incident {
        analysis: Some(Analysis {
            named_cause: Some(named(speaks_for)),
            ..tests::analysis()
        }),
        plan: Some(plan()),
        repair: Some(Repair { outcome, ..start }),
        ..incident()
    }
}

fn says(incident: &mut Incident, right: bool) {
    incident.response.cause = Some(CauseVerdict {
        person: "ada".into(),
        at: Timestamp::UNIX_EPOCH,
        right,
    });
}

/// The changes of the counts: of right ones, and of wrong ones.
fn counted(incident: &mut Incident) -> Option<(i64, i64)> {
    incident.count_cause().map(|change: OutcomeChange| {
        assert_eq!(change.named_cause.cause, "file_system_full");
        (change.right, change.wrong)
    })
}

#[test]
fn repair_shows_the_cause_that_its_playbook_is_for() {
    for outcome in RepairOutcome::VARIANTS {
        let expected = match outcome {
            RepairOutcome::Verified => Some((1, 0)),
            RepairOutcome::NotVerified | RepairOutcome::StillFiring => Some((0, 1)),
            _ => None,
        };
        let mut one = ended(&["restart"], Some(outcome));
        assert_eq!(counted(&mut one), expected, "{outcome:?}");
        assert_eq!(counted(&mut one), None, "{outcome:?} counts once");
        let mut other = ended(&["other"], Some(outcome));
        assert_eq!(counted(&mut other), None, "{outcome:?} of another playbook");
    }
    let mut running = ended(&["restart"], None);
    assert_eq!(counted(&mut running), None);
}

#[test]
fn repair_of_another_plan_shows_nothing() {
    let mut incident = ended(&["restart"], Some(RepairOutcome::Verified));
    incident.plan.as_mut().expect("a plan").round += 1;
    assert_eq!(counted(&mut incident), None);
}

#[test]
fn person_is_believed_before_the_repair_and_may_change_their_mind() {
    let mut incident = ended(&[], None);
    says(&mut incident, true);
    assert_eq!(counted(&mut incident), Some((1, 0)));
    says(&mut incident, true);
    assert_eq!(counted(&mut incident), None, "said twice, it counts once");
    says(&mut incident, false);
    assert_eq!(counted(&mut incident), Some((-1, 1)));
    let mut incident = ended(&["restart"], Some(RepairOutcome::Verified));
    assert_eq!(counted(&mut incident), Some((1, 0)));
    says(&mut incident, false);
    assert_eq!(counted(&mut incident), Some((-1, 1)));
}

#[test]
fn verified_repair_that_did_not_end_the_alert_is_taken_back() {
    let mut incident = ended(&["restart"], Some(RepairOutcome::Verified));
    assert_eq!(counted(&mut incident), Some((1, 0)));
    incident.repair.as_mut().expect("a repair").outcome = Some(RepairOutcome::StillFiring);
    assert_eq!(counted(&mut incident), Some((-1, 1)));
}

#[test]
fn without_a_claim_nothing_is_counted() {
    let mut incident = ended(&[], None);
    says(&mut incident, true);
    incident.analysis.as_mut().expect("a finding").named_cause = None;
    assert_eq!(incident.count_cause(), None);
    assert_eq!(incident.cause_counted, None);
}
