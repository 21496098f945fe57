//! Tests of a recipe against the real Prometheus (Debian's package): its questions are answered, the cause that they show is the finding,
//! and the playbook that the cause speaks against is not proposed.

use domain::alert::Alert;
use domain::analysis::evidence::{Found, Source};
use domain::analysis::named_cause::OutcomeCounts;
use domain::analysis::{CLEAR_CAUSE, EvidenceKind};
use domain::incident::Incident;
use jiff::Timestamp;
use notifier::render::view::Names;
use notifier::render::view::details::Details;
use notifier::render::view::incident::Card;
use serde_json::{Value, json};
use tests::alert::unique;
use tests::analysing::Story;
use tests::prometheus::{Prometheus, delivered};

const CAUSES: &str = "
- { id: no_worker, class: queue, title: No worker runs, translations: { zh-TW: 沒有 worker 在執行 } }
- { id: more_is_put, class: queue, title: More is put than is done, translations: { zh-TW: 進入多於完成 } }
- { id: workers_stuck, class: application, title: The workers are stuck, translations: { zh-TW: worker 卡住 } }
";

const RECIPE: &str = r#"
id: queue
name: A queue is stuck
for: { alertnames: [QueueStuck] }
ask:
  - { id: workers, query: 'sum(queue_workers{$matchers(queue)})' }
  - { id: waiting, query: 'max(queue_waiting{$matchers(queue)})' }
  - { id: others, query: 'count(queue_workers{queue!="$queue"} == 0) or vector(0)' }
  - { id: never_measured, query: 'no_such_metric{$matchers(queue)}' }
causes:
  - id: more_is_put
    when: never_measured > 0 and waiting.rising
    evidence: measured
    says: More is put than is done.
    action: Find the sender.
    responsibility: APP
    translations: { zh-TW: { says: 進入多於完成。, action: 找出來源。 } }
  - id: no_worker
    when: workers == 0 and waiting.most > 50 and others == 0
    evidence: stated
    says: 'No worker takes from {label.queue}, and {waiting} wait.'
    action: Find out who stopped the workers.
    responsibility: APP
    speaks_against: [restart-worker]
    translations: { zh-TW: { says: '沒有 worker 處理 {label.queue}，{waiting} 筆在等待。', action: 查明是誰停止了 worker。 } }
  - id: workers_stuck
    when: workers > 0
    evidence: inferred
    says: Workers run, and nothing is done.
    action: Look at what they wait for.
    responsibility: APP
    translations: { zh-TW: { says: worker 在執行，但沒有進展。, action: 檢查它們在等待什麼。 } }
tests:
  - { name: nobody, labels: { queue: mail }, answers: { workers: 0, waiting: 59, others: 0 }, cause: no_worker }
  - { name: a flood, answers: { never_measured: 1, waiting: [1, 1, 1, 9, 9, 9] }, cause: more_is_put }
  - { name: stuck, answers: { workers: 1 }, cause: workers_stuck }
  - { name: it moves, answers: { waiting: 3 }, cause: none }
"#;

/// An hour of a queue that fills up since nothing takes from it, in the OpenMetrics format.
fn history(now: Timestamp) -> String {
    let mut text = "# TYPE queue_waiting gauge\n".to_owned();
    let seconds = |minute: i64| now.as_second() - (60 - minute) * 60 + 50;
    for minute in 0..60 {
        let at = seconds(minute);
        text.push_str(&format!("queue_waiting{{queue=\"mail\"}} {minute} {at}\n"));
    }
    text.push_str("# TYPE queue_workers gauge\n");
    for (queue, workers) in [("mail", 0), ("news", 2)] {
        for minute in 0..60 {
            let at = seconds(minute);
            text.push_str(&format!(
                "queue_workers{{queue=\"{queue}\"}} {workers} {at}\n"
            ));
        }
    }
    text + "# EOF\n"
}

/// Two playbooks for the alert, of which the one that names the service fits better.
fn playbooks(service: &str) -> String {
    format!(
        "- {{ id: restart-worker, name: Restart the worker, match: {{ alertnames: [QueueStuck], services: [{service}] }}, risk: low, steps: [{{ run: ['true'] }}], verify: [{{ run: ['true'] }}] }}
- {{ id: drain-queue, name: Drain the queue, match: {{ alertnames: [QueueStuck] }}, risk: low, steps: [{{ run: ['true'] }}], verify: [{{ run: ['true'] }}] }}\n"
    )
}

fn registry(service: &str) -> String {
    let key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFIqhfeamdbLvVkHEalqFKPavMnlnmOEyn+pVOuZUKhL";
    format!(
        "- {{ name: {service}, level: approval, target: {{ ssh: {{ host: worker.example, user: quell, host_key: {key} }} }} }}\n"
    )
}

/// The incident of an alert after its analysis with these settings.
async fn analysed(settings: &Value, alert: &Alert, service: &str) -> (Story, Incident) {
    let story = Story::with(settings).await;
    story.write("causes.yaml", CAUSES);
    story.write("recipes/queue.yaml", RECIPE);
    story.write("playbooks.yaml", &playbooks(service));
    story.write("service-registry.yaml", &registry(service));
    let incident = story.opened(alert).await;
    // At the time of the history: the story's own day is far away.
    story
        .handle(&story.analyzer(), &incident, Timestamp::now())
        .await
        .expect("handled");
    let incident = story.stack.read(&incident.id).await;
    (story, incident)
}

#[tokio::test]
async fn answers_of_prometheus_become_the_cause_and_choose_the_plan() {
    if !Prometheus::is_installed("recipes") {
        return;
    }
    let service = unique("worker");
    let rules = json!([{
        "alert": "QueueStuck", "expr": "queue_waiting > 50",
        "labels": { "severity": "warning", "component": service },
    }]);
    let prometheus = Prometheus::start(&rules, &history(Timestamp::now())).await;
    let alert = delivered(&prometheus.sent("QueueStuck").await);
    let settings = json!({ "evidence": { "prometheus": { "url": prometheus.url } } });
    let (story, incident) = analysed(&settings, &alert, &service).await;

    let analysis = incident.analysis.as_ref().expect("analysed");
    let cause = analysis
        .cause
        .as_ref()
        .unwrap_or_else(|| panic!("{:?}", incident.evidence));
    assert_eq!(
        (cause.recipe.as_str(), cause.id.as_str()),
        ("queue", "no_worker")
    );
    assert_eq!(
        (cause.evidence, &cause.cites[..]),
        (EvidenceKind::Stated, &[1, 2, 3][..])
    );
    let sure = analysis.confidence.expect("counted");
    assert_eq!(analysis.provider, "recipe");
    assert!(
        sure.mean >= CLEAR_CAUSE && sure.counts == OutcomeCounts::default(),
        "{sure:?}"
    );
    let says = "No worker runs. No worker takes from mail, and 59 wait.";
    assert_eq!(analysis.root_cause, says);
    let [workers, waiting, others, never, ..] = &incident.evidence[..] else {
        panic!(
            "a piece of evidence for each question: {:?}",
            incident.evidence
        )
    };
    assert_eq!(workers.asked, "sum(queue_workers{queue=\"mail\"})");
    assert!(matches!(never.found, Found::Nothing), "{never:?}");
    for piece in [workers, waiting, others] {
        assert_eq!(piece.source, Source::Prometheus);
        assert!(matches!(piece.found, Found::Measured { .. }), "{piece:?}");
    }

    let plan = incident.plan.as_ref().expect("a plan");
    assert_eq!(
        plan.playbook, "drain-queue",
        "the better fit would not help"
    );
    let reason = "the cause (No worker runs) speaks against restart-worker";
    assert!(
        plan.reasons.iter().any(|said| said == reason),
        "{:?}",
        plan.reasons
    );

    let card = Card::of(&incident, Some(incident.opened_at), Names::default());
    let card = serde_json::to_value(card).expect("JSON");
    assert_eq!(card["cause"], says);
    let details = Details::of(&incident, &story.log(&incident).await, 20, Names::default());
    assert_eq!(
        (details.known_cause.as_str(), details.cites.as_str()),
        ("No worker runs", "E1, E2, E3")
    );
}

#[tokio::test]
async fn recipe_without_a_prometheus_changes_nothing() {
    let service = unique("worker");
    let labels = json!({ "alertname": "QueueStuck", "queue": "mail", "component": service });
    let alert = delivered(&json!({ "labels": labels }));
    let (_, incident) = analysed(&json!({}), &alert, &service).await;
    let analysis = incident.analysis.expect("analysed");
    assert_eq!(
        (analysis.provider.as_str(), &analysis.cause),
        ("static", &None)
    );
    assert_eq!(analysis.no_cause_because, None);
    assert_eq!(incident.plan.expect("a plan").playbook, "restart-worker");
}
