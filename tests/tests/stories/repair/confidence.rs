//! Tests of the confidence on the deployed stack: what people say of a cause and what repairs show is counted once, and the card says it.

use domain::analysis::Analysis;
use domain::analysis::named_cause::{CauseSource, NamedCause, OutcomeCounts};
use domain::incident::{Incident, Status};
use futures_util::future::join_all;
use jiff::Timestamp;
use serde_json::json;
use tests::alert::{CLUSTER, TestAlert, unique};
use tests::opened::{alert, opened};
use tests::repair_fixture::{InjectedFault, RepairFixture};
use tests::stack::Stack;
use tests::target_host::TargetHost;

/// A named cause of a recipe, for which a playbook is made.
fn cause(playbook: &str) -> NamedCause {
    NamedCause {
        source: CauseSource::Recipe,
        cause: unique("cause"),
        speaks_for: vec![playbook.into()],
    }
}

fn finding(named: &NamedCause) -> Analysis {
    let finding = json!({
        "action_title": "Mend", "description": "", "root_cause": "It is stuck.", "suggested_action": "Mend it.", "suggested_command": null,
        "urgency": { "level": "P2", "grounds": [] }, "named_cause": named, "affected_services": [], "primary_responsibility": "APP",
        "optimisation_suggestions": [], "deviation": null, "provider": "recipe", "model": null, "tokens": 0, "price_micro_usd": 0, "duration_ms": 0,
        "blast_radius": { "affected_pods": 1, "estimated_downtime": "", "related_services": [], "data_impact": "NONE" },
    });
    serde_json::from_value(finding).expect("a finding")
}

async fn counts(stack: &Stack, named: &NamedCause) -> (u32, u32) {
    let OutcomeCounts { right, wrong } = stack.store.cause_counts(named).await.expect("counts");
    (right, wrong)
}

/// Says through the API, so many times at once, whether the cause is right.
async fn says(stack: &Stack, incident: &Incident, right: bool, times: usize) {
    let url = stack.url(&format!("incidents/{}/respond", incident.id));
    let said = (0..times).map(|_| {
        let request = stack
            .http
            .post(&url)
            .bearer_auth(&stack.facts.tokens["ada"]);
        let body = json!({ "action": "cause", "right": right });
        async move {
            request
                .json(&body)
                .send()
                .await
                .expect("an answer")
                .status()
        }
    });
    let answers = join_all(said).await;
    assert!(
        answers.iter().any(|status| status.is_success()),
        "{answers:?}"
    );
}

#[tokio::test]
async fn what_people_say_of_a_cause_is_counted_once_and_taken_back() {
    let stack = Stack::start();
    let named = cause("mend");
    let mut incidents = Vec::new();
    for _ in 0..2 {
        let mut change = opened(&alert(&unique("web")), 0);
        change.analysed(finding(&named), vec![], Timestamp::now());
        incidents.push(stack.store.save(change).await.expect("saved"));
    }
    let [first, second] = &incidents[..] else {
        panic!("two")
    };
    assert_eq!(
        counts(&stack, &named).await,
        (0, 0),
        "nobody has said anything"
    );
    says(&stack, first, true, 5).await;
    assert_eq!(
        counts(&stack, &named).await,
        (1, 0),
        "said five times at once, it counts once"
    );
    says(&stack, second, true, 1).await;
    assert_eq!(counts(&stack, &named).await, (2, 0));
    says(&stack, first, false, 2).await;
    assert_eq!(
        counts(&stack, &named).await,
        (1, 1),
        "they have changed their mind"
    );

    // A new analysis names a cause anew: what was said before stays with the old one.
    let other = NamedCause {
        cause: unique("cause"),
        ..named.clone()
    };
    let anew = |change: &mut domain::incident::change::IncidentChange| {
        change.analysed(finding(&other), vec![], Timestamp::now());
    };
    stack.store.change(&first.id, anew).await.expect("saved");
    says(&stack, first, true, 1).await;
    assert_eq!(counts(&stack, &named).await, (1, 1));
    assert_eq!(counts(&stack, &other).await, (1, 0));
}

#[tokio::test]
async fn repair_of_the_cause_shows_whether_it_was_right() {
    let Some(host) = TargetHost::sshd("restrict") else {
        return;
    };
    let (service, id) = (unique("web"), unique("mend"));
    let playbook = json!([{
        "id": id, "name": "Mend", "match": { "alertnames": ["TargetDown"] }, "risk": "low",
        "parameters": { "dir": { "from": "service.facts.dir", "pattern": "[A-Za-z0-9/._-]+" } },
        "steps": [{ "run": ["true"], "timeout": "5s" }],
        "verify": [{ "run": ["test", "-e", "{dir}/well"], "timeout": "5s" }],
    }]);
    let facts = json!({ "dir": host.path("").display().to_string() });
    let services = json!([{ "name": service, "level": "approval", "match": { "cluster": CLUSTER }, "facts": facts, "target": host.target() }]);
    let shop = RepairFixture::open(&playbook, &services, host.login_key(), || {
        InjectedFault::Answered
    })
    .await;
    let (right, other) = (cause(&id), cause("something-else"));
    for (well, named) in [
        (false, &right),
        (true, &right),
        (true, &right),
        (true, &other),
    ] {
        if well {
            std::fs::write(host.path("well"), "").expect("written");
        }
        let (incident, message) = shop.approved(&service, &id).await;
        let found = |change: &mut domain::incident::change::IncidentChange| {
            change.incident.analysis = Some(finding(named));
        };
        shop.stack
            .store
            .change(&incident.id, found)
            .await
            .expect("saved");
        for _ in 0..2 {
            shop.run(&message).await;
        }
    }
    assert_eq!(counts(&shop.stack, &right).await, (2, 1));
    assert_eq!(
        counts(&shop.stack, &other).await,
        (0, 0),
        "the playbook is for another cause"
    );
}

#[tokio::test]
async fn card_says_how_often_it_was_right_and_what_makes_it_urgent() {
    let stack = Stack::start();
    stack.trust_the_rule_about_targets().await;
    let service = stack.facts.target.service.clone();
    let incident = stack.awaiting_approval(&TestAlert::firing(&service)).await;
    let id = incident.id.as_str();
    let counts = incident
        .analysis
        .as_ref()
        .and_then(|found| found.confidence)
        .expect("counted")
        .counts;
    assert!(counts.right >= 10_000, "{counts:?}");
    stack
        .card(
            id,
            &format!(
                "The cause was right {} of {} times",
                counts.right,
                counts.known()
            ),
        )
        .await;
    stack
        .card(id, "Urgency: P2 (its sender calls it warning")
        .await;
    stack
        .card(id, "risk of the plan: low) · its playbook says low")
        .await;
    stack.status(id, Status::AwaitingApproval).await;
}
