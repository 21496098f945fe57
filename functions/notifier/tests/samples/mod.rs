//! Sample incidents, one for every kind of message: for tests, for the samples of `quell check`, and for the pictures of the
//! documentation.

#![allow(
    dead_code,
    unreachable_pub,
    reason = "each test and the example take what they need"
)]

use std::collections::BTreeMap;

use domain::alert::classification::AlertTables;
use domain::alert::fingerprint::fingerprint;
use domain::alert::{AlertStatus, Texts};
use domain::analysis::budget::{Paid, Spending};
use domain::analysis::evidence::{Evidence, Found, Measurement, Series, Source};
use domain::analysis::price::Usage;
use domain::analysis::{Analysis, Risk, Severity};
use domain::episode::Firing;
use domain::incident::approval::{Verdict, Vote};
use domain::incident::change::IncidentChange;
use domain::incident::guardrail::{Guardrail, GuardrailOutcome};
use domain::incident::parts::Storm;
use domain::incident::parts::StormMember;
use domain::incident::repair::{OutputEnd, Repair, RepairOutcome, StepRun};
use domain::incident::{Incident, Status};
use domain::notification::channels::{ApprovalRule, Channels, Identity, Person};
use domain::notification::notice::{Notice, What};
use domain::notification::pipeline_run::{PipelineRun, Stage, State};
use domain::phrase;
use domain::playbook::plan::{Phase, Plan, PlannedStep};
use domain::primitives::id::{IncidentId, MemberId};
use domain::primitives::phrase::Phrase;
use domain::transition::decision::{Pressed, decide};
use domain::transition::reanalysis;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

const BEGINNING: i64 = 1_795_489_920;
/// For how long a plan can be decided on.
const VALID_FOR: SignedDuration = SignedDuration::from_mins(30);

fn at(seconds: i64) -> Timestamp {
    Timestamp::UNIX_EPOCH + SignedDuration::from_secs(BEGINNING + seconds)
}

fn id(number: u32) -> IncidentId {
    IncidentId::try_from(format!("01KAT5MZ6Q3V8XKJ2D7C9N{number:04}")).expect("a ULID")
}

fn change(
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

fn plan() -> Plan {
    Plan {
        playbook: "restart-systemd-unit".into(),
        playbook_name: "Restart a systemd unit".into(),
        risk: Risk::Medium,
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

fn finding() -> Analysis {
    let finding = json!({
        "action_title": "Restart checkout-api",
        "description": "checkout-api answers with 502 since its connections to PostgreSQL are used up; requests queue behind them.",
        "root_cause": "The connection pool of checkout-api is exhausted: 200 of 200 are in use, and 180 of them idle in transaction \
            since the deployment of 02:51.",
        "suggested_action": "Restart checkout-api to free its connections, then look at the transaction handling of release 4f0c2d9.",
        "suggested_command": "kubectl rollout restart deployment/checkout-api -n shop",
        "risk": "high", "confidence": 0.87, "rule_confidence": 0.7,
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

fn evidence() -> Vec<Evidence> {
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
            "{confidence} and {rule} of {least}",
            confidence = "0.87",
            rule = "0.70",
            least = "0.60"
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

fn guardrails() -> Vec<GuardrailOutcome> {
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

fn analysed(number: u32) -> IncidentChange {
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

/// Six hours of a value that stays below its limit, has a gap, and rises above the limit in the end.
pub fn series() -> Series {
    let point = |n: u32| {
        let n = f64::from(n);
        let calm = 2.1 + 0.5 * (n / 5.0).sin() + 0.3 * (n / 1.7).cos();
        let rise = (n - 62.0).max(0.0) * 0.93;
        let gap = (31.0..36.0).contains(&n);
        (!gap).then_some(calm + rise)
    };
    let points: Vec<Option<f64>> = (0..73).map(point).collect();
    Series::of(at(8), 300, &points).expect("numbers")
}

/// What that value is called.
pub fn charted_name() -> &'static str {
    "100 * sum(rate(http_requests_total{job=\"checkout-api\",code=~\"5..\"}[5m])) / sum(rate(http_requests_total{job=\"checkout-api\"}[5m]))"
}

/// An incident with a chart.
pub fn charted() -> IncidentChange {
    let mut change = waiting();
    let series = series();
    let values: Vec<f64> = series.values().collect();
    let name = charted_name();
    let measurement = Measurement {
        limit: Some("> 5".to_owned()),
        series: Some(series),
        ..Measurement::of(name, "%", &values).expect("numbers")
    };
    change.incident.evidence.push(Evidence {
        source: Source::Prometheus,
        asked: name.into(),
        at: at(8),
        duration_ms: 80,
        found: Found::Measured {
            measurements: vec![measurement],
            link: None,
        },
    });
    change.incident.alert.starts_at = at(-1_080);
    change
}

/// An incident whose plan waits for a decision.
pub fn waiting() -> IncidentChange {
    let mut change = analysed(1);
    change.propose_within(guardrails(), plan(), at(9), VALID_FOR);
    change.converged(14, at(60));
    change.incident.hit_count = 14;
    change
}

/// One whose plan needs two people, one of whom has approved, and that was escalated.
pub fn half_approved() -> IncidentChange {
    let mut change = analysed(2);
    change.propose_within(
        guardrails(),
        Plan {
            risk: Risk::Critical,
            unscoped: true,
            ..plan()
        },
        at(9),
        VALID_FOR,
    );
    if let Some(approval) = &mut change.incident.approval {
        approval.needed = 2;
        approval.votes.push(Vote {
            person: "ada".into(),
            by: Identity::Telegram(7),
            at: at(240),
            signature: None,
        });
        approval.escalated_at = Some(at(909));
    }
    change
}

/// One whose repair is at its check.
pub fn repairing() -> IncidentChange {
    let mut change = repaired();
    change.incident.status = Status::Repairing;
    if let Some(repair) = &mut change.incident.repair {
        (repair.finished_at, repair.outcome) = (None, None);
        repair.steps.truncate(1);
        repair.steps.push(StepRun {
            finished: false,
            ..StepRun::ended(Phase::Verify, 0, false)
        });
    }
    change.repair_silenced(
        &plan().hash(),
        Ok(("7c5e2a90-5c0e-4f4b-9a51-0d6a5f3a1c11", at(320))),
        at(140),
    );
    change
}

/// One that was approved and repaired.
pub fn repaired() -> IncidentChange {
    let mut change = approved();
    let ran = |phase, detail: &str| StepRun {
        detail: detail.into(),
        ..StepRun::ended(phase, 0, true)
    };
    change.incident.repair = Some(Repair {
        finished_at: Some(at(149)),
        outcome: Some(RepairOutcome::Verified),
        steps: vec![
            ran(Phase::Steps, "exited with 0 after 4.1 s"),
            ran(Phase::Verify, "exited with 0 after 0.2 s"),
        ],
        ..Repair::start(plan().hash(), at(140))
    });
    change.incident.status = Status::Repaired;
    change
}

/// Ada may decide on everything.
fn channels() -> Channels {
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

fn approved() -> IncidentChange {
    let mut change = analysed(3);
    change.propose_within(guardrails(), plan(), at(9), VALID_FOR);
    if let Some(id) = change
        .incident
        .approval
        .as_ref()
        .map(|approval| approval.id.clone())
    {
        let pressed = Pressed {
            verdict: Verdict::Approve,
            by: Identity::Telegram(7),
            press: "press",
        };
        let decision = decide(change.incident.clone(), &id, &pressed, &channels(), at(130));
        decision.answer.expect("it is pending");
        change.append(decision.change);
    }
    change
}

/// One whose repair failed and was taken back.
pub fn failed() -> IncidentChange {
    let mut change = approved();
    let ran = |phase, succeeded, detail: &str| StepRun {
        detail: detail.into(),
        ..StepRun::ended(phase, 0, succeeded)
    };
    change.incident.repair = Some(Repair {
        finished_at: Some(at(175)),
        outcome: Some(RepairOutcome::NotVerified),
        steps: vec![
            ran(Phase::Steps, true, "exited with 0 after 4.1 s"),
            StepRun {
                output: OutputEnd {
                    stdout: String::new(),
                    stderr: "curl: (22) The requested URL returned error: 503".to_owned(),
                },
                ..ran(Phase::Verify, false, "exited with 22 after 30.0 s")
            },
            ran(Phase::Rollback, true, "exited with 0 after 0.3 s"),
        ],
        ..Repair::start(plan().hash(), at(140))
    });
    change.incident.status = Status::RepairFailed;
    change.incident.flaps = 2;
    change
}

/// One whose repair failed, where a new analysis came to another plan.
pub fn tried_before() -> IncidentChange {
    let mut change = failed();
    if let Ok(round) = reanalysis::ask(&mut change, "telegram:7", at(600)) {
        change.reanalysed(
            round,
            (finding(), evidence()),
            |_| Ok(plan()),
            at(608),
            VALID_FOR,
        );
    }
    change
}

/// What of an incident people have to hear, of every kind.
pub fn notices() -> Vec<(Incident, Notice)> {
    let notice = |what| Notice {
        sequence: 1,
        at: at(2_000),
        what,
        deciders: vec!["ada".to_owned()],
    };
    let ended = |outcome, automatic| notice(What::Ended { outcome, automatic });
    vec![
        (repaired().incident, ended(RepairOutcome::Verified, true)),
        (failed().incident, ended(RepairOutcome::NotVerified, false)),
        (
            still_firing().incident,
            notice(What::StillFiring { automatic: false }),
        ),
        (waiting().incident, notice(What::FiresAgain)),
        (storm().incident, notice(What::FiresAgain)),
        (waiting().incident, notice(What::SeverityRaised)),
        (tried_before().incident, notice(What::DecisionNeeded)),
        (
            needs_human().incident,
            notice(What::PlanVoid {
                why: "there was no decision in time".to_owned(),
            }),
        ),
        (idle(), ended(RepairOutcome::NothingToDo, false)),
    ]
}

/// One whose repair had nothing to do.
fn idle() -> Incident {
    let mut incident = failed().incident;
    incident.status = Status::NeedsHuman;
    if let Some(repair) = &mut incident.repair {
        repair.outcome = Some(RepairOutcome::NothingToDo);
        repair.steps.clear();
    }
    incident
}

/// One whose repair was verified, but whose alert went on.
pub fn still_firing() -> IncidentChange {
    let mut change = repaired();
    if let Some(id) = change
        .incident
        .approval
        .as_ref()
        .map(|approval| approval.id.clone())
    {
        change.still_fires(&id, SignedDuration::from_secs(900), at(1_060));
    }
    change
}

/// One that no playbook fits, and whose models did not answer.
pub fn needs_human() -> IncidentChange {
    let labels = [
        ("alertname", "CertificateExpiresSoon"),
        ("severity", "warning"),
        ("component", "shop.example.com"),
        ("namespace", "edge"),
    ];
    let told = [(
        "summary",
        "the certificate of shop.example.com expires in 6 days",
    )];
    let mut change = change(4, &AlertTables::default(), &labels, &told);
    let fell_back_because = Some(phrase!(
        "{model}: the day's budget has no room for a call",
        model = "anthropic"
    ));
    change.analysed(
        Analysis {
            root_cause: "The certificate was not renewed.".into(),
            suggested_action: "Renew it, and look at why the renewal failed.".into(),
            suggested_command: Some("kubectl describe certificate shop-tls -n edge".into()),
            optimisation_suggestions: vec![],
            risk: Risk::Medium,
            provider: "static".into(),
            model: None,
            tokens: 0,
            price_micro_usd: 0,
            fell_back_because,
            ..finding()
        },
        vec![],
        at(8),
    );
    change.incident.severity = Severity::P2;
    change.incident.targets = ["shop.example.com", "www.example.com"]
        .map(str::to_owned)
        .to_vec();
    change.incident.status = Status::NeedsHuman;
    change.incident.no_plan_because = Some(phrase!(
        "no playbook fits the alert {alert} on the service {service}",
        alert = "CertificateExpires",
        service = "shop.example.com"
    ));
    change
}

/// A storm of a thousand incidents.
pub fn storm() -> IncidentChange {
    let names = [
        "TargetDown",
        "TargetDown",
        "HighErrorRate",
        "KubePodNotReady",
        "TargetDown",
        "HighLatency",
        "KubePodNotReady",
    ];
    let line = |n: usize| StormMember {
        incident_id: id(u32::try_from(n).unwrap_or_default()),
        name: if n.is_multiple_of(331) {
            format!("Custom{n}")
        } else {
            names[n % names.len()].to_owned()
        },
        target: format!("node-{:02}", n % 40),
        open: !n.is_multiple_of(5),
        critical: n % 250 == 7,
    };
    let mut change = IncidentChange::storm(id(9_000), 1, 20, at(0));
    change.storm_is(
        Storm::summarise(&(0..1_000).map(line).collect::<Vec<_>>()),
        at(30),
    );
    let root_cause =
        "The switch of rack 4 does not forward: every node behind it is unreachable.".to_owned();
    let suggested_action = "Look at rack 4's switch before anything else.".to_owned();
    change.analysed(
        Analysis {
            root_cause,
            suggested_action,
            suggested_command: None,
            ..finding()
        },
        vec![],
        at(31),
    );
    change.incident.status = Status::NeedsHuman;
    change.incident.no_plan_because = Some(phrase!("no playbook repairs a storm"));
    change
}

/// A report of a delivery pipeline.
pub fn pipeline() -> IncidentChange {
    let tables: AlertTables =
        serde_json::from_str(r#"{"cicd":{"patterns":["CI_*"]}}"#).expect("tables");
    let labels = [
        ("alertname", "CI_Deploy"),
        ("severity", "info"),
        ("stage", "production"),
        ("commit", "4f0c2d9"),
        ("triggered_by", "mira"),
    ];
    let told = [
        ("summary", "checkout-api 2.14.0 is deployed"),
        ("workflow_url", "https://ci.example.com/runs/5120"),
    ];
    change(5, &tables, &labels, &told)
}

/// A run of a pipeline, one stage of which failed.
pub fn pipeline_run() -> PipelineRun {
    let stage = |name: &str, state, message: &str| Stage {
        name: name.to_owned(),
        state,
        message: message.to_owned(),
        incident_id: pipeline().incident.id,
        at: Timestamp::UNIX_EPOCH,
    };
    let stages = vec![
        stage("build", State::Passed, "built in 48 s"),
        stage("test", State::Failed, "2 of 311 tests failed"),
        stage(
            "deploy (staging)",
            State::Running,
            "checkout 2.14.0 is being deployed",
        ),
    ];
    PipelineRun {
        name: "checkout".to_owned(),
        commit: "4f0c2d9".to_owned(),
        by: "mira".to_owned(),
        url: "https://ci.example/shop/checkout/runs/5120".to_owned(),
        stages,
        left_out: 0,
        newest: pipeline().incident.id,
    }
}

/// Every one of them that is no storm and no report.
pub fn incidents() -> Vec<Incident> {
    [
        waiting(),
        half_approved(),
        repairing(),
        repaired(),
        failed(),
        tried_before(),
        still_firing(),
        needs_human(),
    ]
    .map(|change| change.incident)
    .into()
}

/// Earlier incidents of one fingerprint, newest first.
pub fn earlier() -> Vec<Incident> {
    let over = |change: IncidentChange, minutes: i64| {
        let mut incident = change.incident;
        incident.status = Status::Resolved;
        incident.resolved_at = Some(at(minutes * 60));
        incident
    };
    vec![
        over(repaired(), 4),
        over(failed(), 95),
        over(waiting(), 1_700),
        needs_human().incident,
    ]
}

/// A day on which the budget for models was used up.
pub fn spending() -> Spending {
    let paid = |calls, input, output, price| Paid {
        calls,
        usage: Usage { input, output },
        price,
    };
    let providers = BTreeMap::from([
        ("one".to_owned(), paid(12, 40_000, 9_000, 3_900_000)),
        ("own".to_owned(), paid(3, 900, 100, 0)),
    ]);
    Spending {
        committed: 4_990_000,
        unsettled: 250_000,
        providers,
    }
}
