//! Tests of the use of earlier incidents: as an answer instead of a model, and as evidence.

use domain::alert::Alert;
use domain::analysis::Risk;
use domain::analysis::budget::Spending;
use domain::analysis::evidence::{Found, Source};
use domain::incident::Status;
use domain::incident::operation_log::Event;
use domain::incident::repair::{Repair, RepairOutcome};
use domain::playbook::plan::Plan;
use domain::policy::precedent::Near;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use std::collections::BTreeMap;
use tests::alert::{TestAlert, unique};
use tests::analysing::{Story, asking, events};
use tests::in_process::answer;
use tests::model_server::{ModelServer, finding};
use tests::opened::{alert, opened};
use tests::stack::Stack;

/// An incident of an alert that a playbook has repaired, and that has resolved.
async fn repaired(stack: &Stack, alert: &Alert, minutes_ago: i64) {
    let mut change = opened(alert, minutes_ago);
    let plan = Plan {
        playbook: "restart-it".into(),
        playbook_name: "Restart it".to_owned(),
        risk: Risk::Low,
        risk_because: vec![],
        target: "web".into(),
        address: "ssh:web".to_owned(),
        unscoped: false,
        parameters: BTreeMap::new(),
        facts: vec![],
        steps: Vec::new(),
        verify: Vec::new(),
        rollback: Vec::new(),
        round: 1,
        score: 4,
        reasons: Vec::new(),
    };
    let at = change.incident.opened_at;
    let repair = Repair {
        finished_at: Some(at),
        outcome: Some(RepairOutcome::Verified),
        ..Repair::start(plan.hash(), at)
    };
    (change.incident.plan, change.incident.repair) = (Some(plan), Some(repair));
    change.resolved(1, at);
    let incident = stack.store.save(change).await.expect("saved");
    stack
        .store
        .remember(&incident, &Near::of(alert, None))
        .await
        .expect("remembered");
}

#[tokio::test]
async fn memory_of_three_repairs_is_suggested_or_used_as_configured() {
    let model = ModelServer::start(|_| finding()).await;
    let alert = alert(&unique("web"));
    for (mode, provider, suggested, calls) in [
        ("off", "one", false, 1),
        ("suggest", "one", true, 2),
        ("use", "memory", true, 2),
    ] {
        let mut settings = asking(&[("one", &model)]);
        settings["memory"] = json!({ "mode": mode, "incidents": 3 });
        let story = Story::with(&settings).await;
        if mode == "off" {
            for minutes_ago in [30, 20, 10] {
                repaired(&story.stack, &alert, minutes_ago).await;
            }
        }
        let incident = story.opened(&alert).await;
        let analysis = story.analysed(&story.analyzer(), &incident).await;
        assert_eq!(
            (analysis.provider.as_str(), model.calls().len()),
            (provider, calls),
            "{mode}"
        );
        let remembered = analysis
            .remembered
            .as_ref()
            .map(ToString::to_string)
            .unwrap_or_default();
        assert_eq!(
            remembered.contains("repaired by \"Restart it\" on web (verified)"),
            suggested,
            "{mode}: {remembered}"
        );
        if mode == "use" {
            assert_eq!(
                (analysis.action_title.as_str(), analysis.price_micro_usd),
                ("Restart it, as before", 0)
            );
            assert!(
                !events(&story.log(&incident).await).contains(&Event::AnalysisStarted),
                "nobody was to be asked"
            );
            assert_eq!(story.spending().await, Spending::default());
        }
    }
}

#[tokio::test]
async fn earlier_and_other_open_incidents_are_kept_as_evidence() {
    let stack = Stack::start();
    let service = &stack.facts.target.service;
    let alert = TestAlert::firing(service);
    let first = stack.deliver_one(&alert).await["incident_id"]
        .as_str()
        .expect("an incident")
        .to_owned();
    stack.status(&first, Status::AwaitingApproval).await;
    stack
        .deliver_one(&TestAlert {
            ends_at: Some(Timestamp::now()),
            ..alert.clone()
        })
        .await;
    stack.status(&first, Status::Resolved).await;

    // A day later it is another incident, and beside it there is one of another kind on the same service. Ingress believes in that day;
    // what it opens goes to the deployed analyzer.
    let (ingress, later) = (
        stack.ingress(&[]),
        Timestamp::now() + SignedDuration::from_hours(24),
    );
    let deliver = async |alert: &TestAlert| -> String {
        let (status, answer) = answer(&ingress, stack.delivery(&alert.delivery()), later).await;
        assert_eq!(status, 200, "{answer}");
        answer["results"][0]["incident_id"]
            .as_str()
            .expect("an incident")
            .to_owned()
    };
    let again = TestAlert {
        starts_at: later,
        ..alert
    };
    let beside = TestAlert {
        name: "HighErrorRate",
        ..again.clone()
    };
    let beside_id = deliver(&beside).await;
    stack
        .incident(&beside_id, |incident| incident.analysis.is_some())
        .await;
    let second = deliver(&again).await;
    let incident = stack.status(&second, Status::AwaitingApproval).await;
    let facts = |source: Source| {
        let found = incident
            .evidence
            .iter()
            .find(|evidence| evidence.source == source)
            .map(|evidence| &evidence.found);
        let Some(Found::Known { facts }) = found else {
            panic!("no facts of {source:?}: {:#?}", incident.evidence)
        };
        facts.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(
        facts(Source::Registry),
        [format!(
            "the service {service} is repaired with an approval"
        )]
    );
    let past = facts(Source::PastIncidents);
    assert!(
        matches!(past.as_slice(), [line] if line.starts_with(&first) && line.contains("resolved without")),
        "{past:?}"
    );
    let open = facts(Source::OpenIncidents);
    assert!(
        open[0].starts_with(&beside_id) && open[0].contains(&format!("HighErrorRate on {service}")),
        "{open:?}"
    );
    assert!(
        !open
            .iter()
            .any(|line| line.starts_with(&first) || line.starts_with(&second)),
        "{open:?}"
    );

    // Other stories shall not find them open.
    for alert in [again, beside] {
        deliver(&TestAlert {
            ends_at: Some(later),
            ..alert
        })
        .await;
    }
}
