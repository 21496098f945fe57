//! Tests of the decision after a diagnosis: a plan that waits for approval, one that runs without,
//! or no plan.

use std::collections::BTreeMap;
use std::path::Path;

use domain::alert::classification::AlertTables;
use domain::alert::fingerprint::fingerprint;
use domain::alert::{Alert, AlertStatus, Texts};
use domain::analysis::Analysis;
use domain::analysis::named_cause::OutcomeCounts;
use domain::episode::Firing;
use domain::incident::change::IncidentChange;
use domain::incident::guardrail::{Guardrail, blocking};
use domain::incident::operation_log::Event;
use domain::incident::{Incident, Status};
use domain::playbook::service::{Level, Service};
use domain::policy::attempt_ledger::{GroupLedger, GuardrailInputs, TargetLedger};
use domain::policy::playbook_run::PlaybookRecord;
use domain::primitives::id::{IncidentId, MemberId};
use jiff::{SignedDuration, Timestamp};
use playbook_files::analyzer_files::AnalyzerFiles;
use playbook_files::operator_files::{OperatorFiles, limits};
use settings::alert_tables;

use super::{Diagnosis, decide, static_analyzer};
use secrecy::SecretString;
use wire::signed_decision::{Reader, SignedDecision, SigningKeys};

use crate::propose::{ProposalRules, Signing, StoreFacts};

fn opened(labels: Texts) -> IncidentChange {
    let member = MemberId::try_from("m1").expect("a member id");
    let alert = AlertTables::default().alert(
        AlertStatus::Firing,
        "alertmanager",
        labels,
        Texts::new(),
        Timestamp::UNIX_EPOCH,
        member,
    );
    let id = IncidentId::try_from("01ARZ3NDEKTSV4RRFFQ69G5FAV").expect("a ULID");
    let fingerprint = fingerprint(&alert, &[]);
    let firing = Firing::from_alert(&alert);
    IncidentChange::open(id, fingerprint, alert, &firing, Timestamp::UNIX_EPOCH)
}

/// What the rules that ship with the project say about an alert.
pub(crate) fn analysed(alert: &Alert) -> Analysis {
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../config");
    let rules = AnalyzerFiles::load(&shipped)
        .expect("the files that ship with the project")
        .rules;
    static_analyzer::analyse(
        rules.rule(alert, false).expect("a rule for every type"),
        alert,
        None,
    )
}

/// Every named cause was right, and often.
const TRUSTED: OutcomeCounts = OutcomeCounts {
    right: 50,
    wrong: 0,
};

/// A store that holds nothing.
pub(crate) fn nothing() -> GuardrailInputs {
    let (target, group) = (Some(TargetLedger::default()), Some(GroupLedger::default()));
    GuardrailInputs {
        killed: Some(false),
        target,
        group,
        record: Some(PlaybookRecord::default()),
        runs: Some(vec![]),
        ..GuardrailInputs::default()
    }
}

fn decided_with(
    component: &str,
    readings: &GuardrailInputs,
    change: impl FnOnce(&mut OperatorFiles),
) -> IncidentChange {
    let labels = [
        ("alertname", "TargetDown"),
        ("component", component),
        ("namespace", "shop"),
    ];
    let labels = labels.map(|(k, v)| (k.to_owned(), v.to_owned())).into();
    decided_about(labels, readings, change)
}

fn decided_about(
    labels: Texts,
    readings: &GuardrailInputs,
    change: impl FnOnce(&mut OperatorFiles),
) -> IncidentChange {
    decided_signing(labels, readings, change, Signing::OnlyShown)
}

fn decided_signing(
    labels: Texts,
    readings: &GuardrailInputs,
    change: impl FnOnce(&mut OperatorFiles),
    signing: Signing<'_>,
) -> IncidentChange {
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../config");
    let mut files = OperatorFiles::load(&shipped).expect("the files that ship with the project");
    change(&mut files);
    let limits = limits(&shipped).expect("the limits that ship with the project");
    let known = StoreFacts {
        readings: readings.clone(),
        ..StoreFacts::default()
    };
    let rules = ProposalRules {
        files: &files,
        limits: &limits,
        known: &known,
        approval_ttl: SignedDuration::from_hours(1),
        signing,
    };
    let mut change = opened(labels);
    let diagnosis = Diagnosis {
        analysis: analysed(&change.incident.alert).weighed(Some(TRUSTED)),
        evidence: vec![],
    };
    decide(&mut change, &diagnosis, rules, Timestamp::UNIX_EPOCH);
    let again = change.clone();
    decide(&mut change, &diagnosis, rules, Timestamp::UNIX_EPOCH);
    assert_eq!(change, again, "a second delivery decides nothing");
    change
}

fn decided(component: &str) -> IncidentChange {
    decided_with(component, &nothing(), |_| {})
}

fn stopped(incident: &Incident) -> Vec<Guardrail> {
    blocking(&incident.guardrails)
        .map(|outcome| outcome.guardrail)
        .collect()
}

#[test]
fn a_known_service_gets_a_plan_that_waits_for_a_human() {
    let incident = decided("checkout-web").incident;
    assert_eq!(
        (incident.status, stopped(&incident)),
        (Status::AwaitingApproval, vec![Guardrail::ServiceLevel])
    );
    assert_eq!(
        incident.plan.expect("a plan").playbook,
        "restart-supervisor-program"
    );
}

#[test]
fn what_runs_by_itself_is_signed_or_a_human_is_asked() {
    let auto = |files: &mut OperatorFiles| files.services[1].level = Level::Auto;
    let labels = || {
        [
            ("alertname", "TargetDown"),
            ("component", "checkout-web"),
            ("namespace", "shop"),
        ]
        .map(|(k, v)| (k.to_owned(), v.to_owned()))
        .into()
    };
    let keys = SigningKeys {
        repair: SecretString::from("of repair"),
        bridge: SecretString::from("of the bridge"),
    };
    let signed = decided_signing(labels(), &nothing(), auto, Signing::With(&keys)).incident;
    let approval = signed.approval.expect("approved");
    for (reader, key) in [
        (Reader::Repair, &keys.repair),
        (Reader::Bridge, &keys.bridge),
    ] {
        let decision = SignedDecision::of(&approval, reader).expect("it is approved");
        assert_eq!(decision.check(key), Ok(()));
    }
    let asked = decided_signing(labels(), &nothing(), auto, Signing::WithoutKeys).incident;
    assert_eq!(
        (asked.status, stopped(&asked)),
        (Status::AwaitingApproval, vec![Guardrail::SignedDecision])
    );
}

#[test]
fn auto_service_is_repaired_if_nothing_is_unknown() {
    let auto = |files: &mut OperatorFiles| files.services[1].level = Level::Auto;
    let change = decided_with("checkout-web", &nothing(), auto);
    assert_eq!(
        (change.incident.status, stopped(&change.incident)),
        (Status::Approved, vec![])
    );
    assert!(
        change
            .incident
            .approval
            .as_ref()
            .is_some_and(|approval| approval.by_guardrails())
    );
    assert_eq!(
        change.entries.last().map(|entry| entry.event),
        Some(Event::AutoRepairTriggered)
    );
    let incident = decided_with("checkout-web", &GuardrailInputs::default(), auto).incident;
    assert_eq!(incident.status, Status::AwaitingApproval);
    assert_eq!(
        stopped(&incident),
        [
            Guardrail::KillSwitch,
            Guardrail::PlaybookRecord,
            Guardrail::Cooldown,
            Guardrail::AttemptsPerHour
        ]
    );
}

#[test]
fn an_unknown_service_is_analysed_and_left_to_a_human() {
    let incident = decided("nobody-knows").incident;
    assert_eq!(incident.status, Status::NeedsHuman);
    assert!(
        incident.analysis.is_some()
            && incident.plan.is_none()
            && incident.no_plan_because.is_some()
    );
}

/// An alert of a developer's laptop names a service that is repaired without a human.
#[test]
fn alert_from_elsewhere_gets_no_plan_and_says_so() {
    let labels: Texts = [
        ("alertname", "SentryDown"),
        ("component", "sentry"),
        ("cluster", "dev-laptop"),
        ("namespace", "feature-4711"),
    ]
    .map(|(k, v)| (k.to_owned(), v.to_owned()))
    .into();
    let change = decided_about(labels.clone(), &nothing(), |_| {});
    let why = "sentry lives in cluster prod, namespace tools; this alert comes from cluster dev-laptop, namespace feature-4711";
    let incident = &change.incident;
    assert_eq!(
        (incident.status, &incident.plan),
        (Status::NeedsHuman, &None)
    );
    assert_eq!(
        incident
            .no_plan_because
            .as_ref()
            .map(ToString::to_string)
            .as_deref(),
        Some(why)
    );
    let last = change.entries.last().expect("an entry");
    assert_eq!((last.event, last.detail.as_str()), (Event::OutOfScope, why));

    let at_home = [("cluster", "prod"), ("namespace", "tools")];
    let at_home = at_home.map(|(k, v)| (k.to_owned(), v.to_owned()));
    let labels = labels.into_iter().chain(at_home).collect();
    let incident = decided_about(labels, &nothing(), |_| {}).incident;
    assert_eq!(incident.status, Status::Approved, "{incident:#?}");
}

/// Every shipped playbook that has `auto`, with every alert that is its own by name or type, as the shipped tables read it, about a
/// service that is `auto` and has what the playbook asks for.
fn shipped_pairs() -> Vec<(String, Alert, OperatorFiles)> {
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../config");
    let files = OperatorFiles::load(&shipped).expect("the files that ship with the project");
    let tables = alert_tables::load(&shipped).expect("the tables that ship with the project");
    let mut pairs = Vec::new();
    for playbook in files
        .playbooks
        .iter()
        .filter(|playbook| playbook.auto.is_some())
    {
        let fits = |service: &&Service| {
            playbook.matches.allows(&service.name)
                && playbook.plan(service, &BTreeMap::new(), 1, vec![]).is_ok()
        };
        let service = files
            .services
            .iter()
            .find(fits)
            .unwrap_or_else(|| panic!("no shipped service is for {}", playbook.id));
        let mut auto = files.clone();
        auto.services
            .iter_mut()
            .filter(|known| known.name == service.name)
            .for_each(|known| (known.level, known.scope) = (Level::Auto, None));
        let by_type = |name: &&str| {
            playbook
                .matches
                .alert_types
                .contains(&alert(&tables, name, "web").alert_type)
        };
        let names: Vec<&str> = playbook
            .matches
            .alertnames
            .iter()
            .map(String::as_str)
            .chain(ALERTS_OF_TYPES.into_iter().filter(by_type))
            .collect();
        for name in names {
            pairs.push((
                playbook.id.to_string(),
                alert(&tables, name, &service.name),
                auto.clone(),
            ));
        }
    }
    pairs
}

/// Alerts that lead to a playbook by their type alone.
const ALERTS_OF_TYPES: [&str; 2] = ["BlackboxProbeFailed", "BlackboxProbeHttpFailure"];

fn alert(tables: &AlertTables, name: &str, component: &str) -> Alert {
    let labels: Texts = [("alertname", name), ("component", component)]
        .map(|(k, v)| (k.to_owned(), v.to_owned()))
        .into();
    let member = MemberId::try_from("m1").expect("a member id");
    tables.alert(
        AlertStatus::Firing,
        "alertmanager",
        labels,
        Texts::new(),
        Timestamp::UNIX_EPOCH,
        member,
    )
}

#[test]
fn shipped_auto_playbooks_follow_their_history() {
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../config");
    let limits = limits(&shipped).expect("the limits that ship with the project");
    let pairs = shipped_pairs();
    assert!(pairs.len() >= 14, "{}", pairs.len());
    for (playbook, alert, files) in pairs {
        let decided = |record: PlaybookRecord, counts: Option<OutcomeCounts>| {
            let known = StoreFacts {
                readings: GuardrailInputs {
                    record: Some(record),
                    ..nothing()
                },
                ..StoreFacts::default()
            };
            let rules = ProposalRules {
                files: &files,
                limits: &limits,
                known: &known,
                approval_ttl: SignedDuration::from_hours(1),
                signing: Signing::OnlyShown,
            };
            let id = IncidentId::try_from("01ARZ3NDEKTSV4RRFFQ69G5FAV").expect("a ULID");
            let mut change = IncidentChange::open(
                id,
                fingerprint(&alert, &[]),
                alert.clone(),
                &Firing::from_alert(&alert),
                Timestamp::UNIX_EPOCH,
            );
            let diagnosis = Diagnosis {
                analysis: analysed(&alert).weighed(counts),
                evidence: vec![],
            };
            decide(&mut change, &diagnosis, rules, Timestamp::UNIX_EPOCH);
            assert_eq!(
                change
                    .incident
                    .plan
                    .as_ref()
                    .map(|plan| plan.playbook.as_str()),
                Some(playbook.as_str()),
                "{}",
                alert.name
            );
            change.incident
        };
        let good = PlaybookRecord {
            verified: 5,
            ..PlaybookRecord::default()
        };
        let proven = decided(good, Some(TRUSTED));
        assert_eq!(
            (proven.status, stopped(&proven)),
            (Status::Approved, vec![]),
            "{playbook} for {}: {:#?}",
            alert.name,
            proven.guardrails
        );
        let bad = PlaybookRecord {
            verified: 5,
            failed: 6,
            ..PlaybookRecord::default()
        };
        assert_eq!(
            stopped(&decided(bad, Some(TRUSTED))),
            [Guardrail::PlaybookRecord],
            "{playbook} for {}",
            alert.name
        );
        // A named cause has to have been right, and known to be; without one the playbook's own facts decide.
        let wrong = OutcomeCounts {
            right: 5,
            wrong: 20,
        };
        for counts in [None, Some(OutcomeCounts::default()), Some(wrong)] {
            let incident = decided(good, counts);
            let names = incident
                .analysis
                .as_ref()
                .is_some_and(|found| found.named_cause.is_some());
            let stops: &[Guardrail] = if names { &[Guardrail::Confidence] } else { &[] };
            assert_eq!(
                stopped(&incident),
                stops,
                "{playbook} for {}: {counts:?}",
                alert.name
            );
        }
    }
}
