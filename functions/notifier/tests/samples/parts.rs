//! Parts of the sample incidents: times, alerts, findings, plans and guardrails.

use std::collections::BTreeMap;

use domain::alert::classification::AlertTables;
use domain::alert::fingerprint::fingerprint;
use domain::alert::{AlertStatus, Texts};
use domain::analysis::evidence::{Evidence, Found, Measurement, Source};
use domain::analysis::{Analysis, Risk, Severity};
use domain::episode::Firing;
use domain::incident::change::IncidentChange;
use domain::incident::guardrail::{Guardrail, GuardrailOutcome};
use domain::notification::channels::{ApprovalRule, Channels, Person};
use domain::phrase;
use domain::playbook::plan::{Plan, PlannedStep};
use domain::primitives::id::{IncidentId, MemberId};
use domain::primitives::phrase::Phrase;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

const BEGINNING: i64 = 1_795_489_920;
/// For how long a plan can be decided on.
pub(super) const VALID_FOR: SignedDuration = SignedDuration::from_mins(30);

pub(super) fn at(seconds: i64) -> Timestamp {
    Timestamp::UNIX_EPOCH + SignedDuration::from_secs(BEGINNING + seconds)
}

pub(super) fn id(number: u32) -> IncidentId {
    IncidentId::try_from(format!("01KAT5MZ6Q3V8XKJ2D7C9N{number:04}")).expect("a ULID")
}

pub(super) fn change(
    number: u32,
    tables: &AlertTables,
    labels: &[(&str, &str)],
    annotations: &[(&str, &str)],
) -> IncidentChange {
    let texts = |all: &[(&str, &str)]| {
        all.iter()
            .map(|(name, text)| ((*name).to_owned(), (*text).to_owned()))
            .collect::<Texts>()
    };
    let member = MemberId::try_from("sample").expect("letters");
    let alert = tables.alert(
        AlertStatus::Firing,
        "alertmanager",
        texts(labels),
        texts(annotations),
        at(0),
        member,
    );
    let firing = Firing::from_alert(&alert);
    IncidentChange::open(id(number), fingerprint(&alert, &[]), alert, &firing, at(0))
}

fn step(argv: &[&str]) -> PlannedStep {
    PlannedStep {
        argv: argv.iter().map(|word| (*word).to_owned()).collect(),
        timeout_seconds: 60,
        ..PlannedStep::default()
    }
}

pub(super) fn plan() -> Plan {
    Plan {
        playbook: "restart-systemd-unit".into(),
        playbook_name: "Restart a systemd unit".into(),
        risk: Risk::Medium,
        risk_because: vec![phrase!("its playbook says {risk}", risk = "medium")],
        target: "checkout-api".into(),
        address: "ssh quell@10.0.4.12:22".into(),
        unscoped: false,
        parameters: BTreeMap::from([("unit".to_owned(), "checkout-api.service".to_owned())]),
        facts: vec![],
        steps: vec![step(&[
            "sudo",
            "systemctl",
            "restart",
            "checkout-api.service",
        ])],
        verify: vec![step(&[
            "curl",
            "--fail",
            "--silent",
            "http://localhost:8080/healthz",
        ])],
        rollback: vec![step(&[
            "sudo",
            "systemctl",
            "start",
            "checkout-api-previous.service",
        ])],
        round: 1,
        score: 5,
        reasons: vec!["the alert's name fits".into()],
    }
}

pub(super) fn finding() -> Analysis {
    let finding = json!({
        "action_title": "Restart checkout-api",
        "description": "checkout-api answers with 502 since its connections to PostgreSQL are used up; requests queue behind them.",
        "root_cause": "The connection pool of checkout-api is exhausted: 200 of 200 are in use, and 180 of them idle in transaction \
            since the deployment of 02:51.",
        "suggested_action": "Restart checkout-api to free its connections, then look at the transaction handling of release 4f0c2d9.",
        "suggested_command": "kubectl rollout restart deployment/checkout-api -n shop",
        "urgency": { "level": "P1", "grounds": [{ "basis": "sender", "level": "P1", "why": "its sender calls it critical" }] },
        "confidence": { "mean": 0.87, "at_least": 0.71, "counts": { "right": 14, "wrong": 2 } },
        "affected_services": ["checkout-api", "cart"], "primary_responsibility": "APP",
        "optimisation_suggestions": ["Set idle_in_transaction_session_timeout = 30s for the role checkout."],
        "deviation": "error rate 61 times the mean of the last hour",
        "provider": "anthropic", "model": "claude-haiku-4-5", "tokens": 3_412, "price_micro_usd": 4_730, "duration_ms": 2_310,
        "blast_radius": {
            "affected_pods": 3, "estimated_downtime": "~30s", "related_services": ["postgres-shop"], "data_impact": "NONE",
        },
    });
    serde_json::from_value(finding).expect("a finding")
}

pub(super) fn evidence() -> Vec<Evidence> {
    let window = |name: &str, unit: &str, points: &[f64]| {
        Measurement::of(name, unit, points).expect("numbers")
    };
    let measurements = vec![
        window(
            "request_rate",
            "1/s",
            &[212.0, 205.0, 180.0, 149.0, 121.0, 118.0],
        ),
        window("error_rate", "%", &[0.2, 0.3, 2.9, 7.7, 11.8, 12.3]),
        window(
            "p99",
            "ms",
            &[180.0, 240.0, 900.0, 2_600.0, 4_800.0, 5_020.0],
        ),
    ];
    let link =
        Some("https://signoz.example.com/trace?service=checkout-api&start=1795489620".to_owned());
    let piece = |source, asked: &str, found| Evidence {
        source,
        asked: asked.into(),
        at: at(4),
        duration_ms: 120,
        found,
    };
    vec![
        piece(
            Source::Signoz,
            "checkout-api, 10 min",
            Found::Measured { measurements, link },
        ),
        piece(
            Source::PastIncidents,
            "the last 30 days",
            Found::Known {
                facts: vec!["2026-11-02: repaired by Restart a systemd unit".into()],
            },
        ),
        piece(
            Source::Prometheus,
            "up",
            Found::Failed {
                why: "no answer in 2 s".into(),
            },
        ),
        piece(Source::OpenIncidents, "checkout-api", Found::Nothing),
    ]
}

/// Why a guardrail lets the plan of the samples through.
fn passes(guardrail: Guardrail) -> Phrase {
    match guardrail {
        Guardrail::KillSwitch => phrase!("it is off"),
        Guardrail::AutoRepairLabel => phrase!("no label forbids it"),
        Guardrail::ServiceLevel => phrase!("{name} is auto", name = "checkout-api"),
        Guardrail::Confidence => phrase!(
            "at least {sure}, with {least} needed: right {right} of {known} times",
            sure = "0.71",
            least = "0.60",
            right = 14,
            known = 16
        ),
        Guardrail::PlaybookRecord => {
            phrase!(
                "verified {verified} times, failed {failed}",
                verified = 4,
                failed = 0
            )
        }
        Guardrail::Cooldown => phrase!("its first run here"),
        Guardrail::AttemptsPerHour => phrase!(
            "{made} on {target} within the hour, of {most}",
            made = 0,
            target = "checkout-api",
            most = 3
        ),
        Guardrail::RedundancyGroup => phrase!("the service is in none"),
        Guardrail::ChangeFreeze => phrase!("none holds"),
        _ => phrase!("the alert still fires"),
    }
}

pub(super) fn guardrails() -> Vec<GuardrailOutcome> {
    let mut outcomes = Guardrail::ALL
        .map(|guardrail| GuardrailOutcome {
            guardrail,
            passed: true,
            why: passes(guardrail),
        })
        .to_vec();
    outcomes[2] = GuardrailOutcome::never_by_itself(Severity::P1);
    outcomes[4] =
        GuardrailOutcome::blocked(Guardrail::PlaybookRisk, phrase!("medium is more than low"));
    outcomes
}

pub(super) fn analysed(number: u32) -> IncidentChange {
    let labels = [
        ("alertname", "HighErrorRate"),
        ("severity", "critical"),
        ("component", "checkout-api"),
        ("namespace", "shop"),
    ];
    let told = [(
        "summary",
        "12.3 % of the requests to checkout-api fail (limit 5 %)",
    )];
    let mut change = change(number, &AlertTables::default(), &labels, &told);
    let remembered = Some(phrase!(
        "The last {wanted} incidents of this fingerprint were repaired by \"{playbook}\" on {target} (verified), most recently {newest} at {at}.",
        wanted = 2,
        playbook = "Restart a systemd unit",
        target = "checkout-api",
        newest = "01KA0000000000000000000007",
        at = "2026-11-20T22:41:07Z"
    ));
    change.analysed(
        Analysis {
            remembered,
            ..finding()
        },
        evidence(),
        at(8),
    );
    change.incident.severity = Severity::P1;
    change
}

/// Ada may decide on everything.
pub(super) fn channels() -> Channels {
    let rule = ApprovalRule {
        people: vec!["ada".to_owned()],
        ..ApprovalRule::default()
    };
    let ada = Person {
        telegram: Some(7),
        ..Person::default()
    };
    let mut channels = Channels::default();
    (channels.people, channels.approvals) = ([("ada".to_owned(), ada)].into(), vec![rule]);
    channels
}
