//! Sample incidents, one for every kind of message: for tests, for the samples of `quell check`, and for the pictures of the
//! documentation.

#![allow(
    dead_code,
    unused_imports,
    unreachable_pub,
    reason = "each test and the example take what they need"
)]

mod groups;
mod parts;
mod repairs;

use std::collections::BTreeMap;

use domain::alert::classification::AlertTables;
use domain::analysis::budget::{Paid, Spending};
use domain::analysis::evidence::{Evidence, Found, Measurement, Series, Source};
use domain::analysis::price::Usage;
use domain::analysis::{Analysis, Risk, Severity};
use domain::incident::approval::Vote;
use domain::incident::change::IncidentChange;
use domain::incident::repair::RepairOutcome;
use domain::incident::{Incident, Status};
use domain::notification::channels::Identity;
use domain::notification::notice::{Notice, What};
use domain::phrase;
use domain::playbook::plan::Plan;

pub use self::groups::{pipeline, pipeline_run, storm};
pub use self::repairs::{failed, repaired, repairing, still_firing, tried_before};

use self::parts::{VALID_FOR, analysed, at, change, evidence, finding, guardrails, plan};
use self::repairs::idle;

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
            urgency: Severity::P2.into(),
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
