//! Tests of an analysis: the models asked, the number of calls, their cost, and the use of memory.

use std::collections::BTreeMap;

use analyzer::Failure;
use domain::alert::Alert;
use domain::analysis::Risk;
use domain::analysis::budget::{Paid, Spending, day};
use domain::analysis::evidence::{Found, Source};
use domain::incident::Status;
use domain::incident::operation_log::Event;
use domain::incident::repair::{Repair, RepairOutcome};
use domain::playbook::plan::Plan;
use domain::policy::precedent::Near;
use futures_util::future::select;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tests::alert::{TestAlert, unique};
use tests::analysing::{PRICE, Story, WORST, asking, events, files, secret};
use tests::in_process::answer;
use tests::model_server::{ModelServer, USAGE, accepts, finding, refuses, says};
use tests::opened::{alert, opened};
use tests::runtime;
use tests::stack::{Stack, project};
use wire::message::{Message, Queued as _};

#[tokio::test]
async fn a_model_diagnoses_an_incident_and_its_key_stays_secret() {
    let stack = Stack::start();
    let (model, receiver) = (
        ModelServer::start(|_| finding()).await,
        ModelServer::start(|_| accepts()).await,
    );
    let (key, credential, provider) = (
        unique("not-a-real-key"),
        unique("not-a-real-credential"),
        unique("m"),
    );
    let mut settings = asking(&[(&provider, &model)]);
    settings["providers"][0]["key_secret"] = json!(secret(&stack, &key).await);
    let headers = secret(&stack, &format!("Authorization: Basic {credential}\n")).await;
    settings["tracing"] =
        json!({ "otlp_url": format!("{}/traces", receiver.base_url()), "headers_secret": headers });
    let files = files(&stack, &settings);
    let incident = stack
        .store
        .save(opened(&alert(&unique("web")), 0))
        .await
        .expect("saved");

    // The built function, because of what it prints.
    let example =
        std::fs::read_to_string(project().join("events/incidents-opened.json")).expect("an event");
    let mut event: Value = serde_json::from_str(&example).expect("JSON");
    event["Records"].as_array_mut().expect("a list").truncate(1);
    event["Records"][0]["body"] = json!(
        Message::IncidentOpened {
            incident_id: incident.id.clone()
        }
        .to_json()
    );
    let changed = [
        ("CONFIG_DIR", files.path().to_str().expect("text")),
        ("STORM_INCIDENTS_PER_MINUTE", "0"),
    ];
    let ran = runtime::function(&stack, "analyzer", &changed, &[event]).await;
    assert_eq!(
        ran.answers,
        [json!({ "batchItemFailures": [] })],
        "{:#?}",
        ran.lines
    );

    let id = incident.id.as_str();
    let incident = stack.status(id, Status::NeedsHuman).await;
    let analysis = incident.analysis.expect("analysed");
    assert_eq!(
        (analysis.provider.as_str(), analysis.model.as_deref()),
        (provider.as_str(), Some("model-2026"))
    );
    assert_eq!(
        (analysis.root_cause.as_str(), analysis.risk),
        ("The last release ends at its start.", Risk::High)
    );
    assert_eq!(
        (
            analysis.tokens,
            analysis.price_micro_usd,
            analysis.fell_back_because
        ),
        (USAGE.total(), PRICE, None)
    );
    let log = stack.log_with(id, Event::AnalysisCompleted).await;
    assert_eq!(
        events(&log)[..3],
        [
            Event::AlertReceived,
            Event::AnalysisStarted,
            Event::AnalysisCompleted
        ]
    );
    let spending = stack
        .store
        .spending(day(log[1].at))
        .await
        .expect("the figures");
    assert_eq!(
        spending.providers[&provider],
        Paid {
            calls: 1,
            usage: USAGE,
            price: PRICE
        }
    );

    let asked = model.calls();
    let [call] = asked.as_slice() else {
        panic!("one call: {asked:?}")
    };
    assert_eq!(
        (call.path.as_str(), call.header("authorization")),
        ("/v1/chat/completions", format!("Bearer {key}").as_str())
    );
    let traced = receiver.calls();
    let [trace] = traced.as_slice() else {
        panic!("one request: {traced:?}")
    };
    assert_eq!(
        (trace.path.as_str(), trace.header("authorization")),
        ("/v1/traces", format!("Basic {credential}").as_str())
    );
    let trace_id = hex::decode(analysis.trace_id.expect("traced")).expect("hex");
    assert!(
        trace
            .body
            .windows(trace_id.len())
            .any(|bytes| bytes == trace_id),
        "the spans are those of the incident"
    );

    let printed = ran.lines.join("\n");
    assert!(
        printed.contains("analysis_latency") && printed.contains(id),
        "{printed}"
    );
    let kept = stack.table().await;
    assert!(kept.contains(id), "the table was read");
    let sent = [call, trace]
        .map(|request| String::from_utf8_lossy(&request.body).into_owned())
        .join("\n");
    for text in [printed, kept, sent] {
        for secret in [&key, &credential] {
            assert!(
                !text.contains(secret),
                "a secret shows: {:?}",
                text.lines().find(|line| line.contains(secret))
            );
        }
    }
}

#[tokio::test]
async fn of_two_workers_one_asks_and_the_other_only_tells() {
    let model = ModelServer::start(|_| finding()).await;
    let story = Story::with(&asking(&[("one", &model)])).await;
    let (apps, incident) = (
        [story.analyzer(), story.analyzer()],
        story.opened(&alert(&unique("web"))).await,
    );
    model.hold(true);
    let [one, other] = apps
        .each_ref()
        .map(|app| Box::pin(story.handle(app, &incident, story.now)));
    // The model answers nobody, so that the first who is done is the one who may not ask.
    let (refused, asking) = select(one, other).await.factor_first();
    assert!(
        matches!(&refused, Err(Failure::Claimed { .. })),
        "{refused:?}"
    );
    model.hold(false);
    asking.await.expect("analysed");
    assert_eq!(
        (
            model.calls().len(),
            story.notifications.take_all().await.len()
        ),
        (1, 1)
    );

    let saved = story.stack.read(&incident.id).await;
    for app in &apps {
        story
            .handle(app, &incident, story.now)
            .await
            .expect("there is nothing left to do");
    }
    let tells = Message::IncidentChanged {
        incident_id: incident.id.clone(),
    }
    .to_json();
    assert_eq!(story.notifications.take_all().await, [tells.clone(), tells]);
    assert_eq!(story.stack.read(&incident.id).await, saved);
    assert_eq!(model.calls().len(), 1);
    assert_eq!(
        events(&story.log(&incident).await),
        [
            Event::AlertReceived,
            Event::AnalysisStarted,
            Event::AnalysisCompleted
        ]
    );
}

#[tokio::test]
async fn a_worker_that_dies_keeps_others_away_until_its_lease_expires() {
    let model = ModelServer::start(|_| finding()).await;
    let story = Story::with(&asking(&[("one", &model)])).await;
    let incident = story.opened(&alert(&unique("web"))).await;
    model.hold(true);
    let (dying, other) = (story.analyzer(), story.analyzer());
    tokio::select! {
        ended = story.handle(&dying, &incident, story.now) => panic!("the model has not answered: {ended:?}"),
        () = model.called(1) => {}
    }
    model.hold(false);
    let claim = story.stack.read(&incident.id).await.claim.expect("claimed");
    let refused = story
        .handle(
            &other,
            &incident,
            claim.until - SignedDuration::from_secs(1),
        )
        .await;
    assert!(
        matches!(&refused, Err(Failure::Claimed { until }) if *until == claim.until.to_string()),
        "{refused:?}"
    );
    assert_eq!(model.calls().len(), 1);

    story
        .handle(&other, &incident, claim.until)
        .await
        .expect("analysed");
    assert_eq!(
        (
            model.calls().len(),
            story.analysis(&incident).await.provider.as_str()
        ),
        (2, "one")
    );
    let log = story.log(&incident).await;
    assert_eq!(
        events(&log)[1..],
        [
            Event::AnalysisStarted,
            Event::AnalysisStarted,
            Event::AnalysisCompleted
        ]
    );
    let expired = format!(
        "attempt 1 ended without a result: its lease expired at {}",
        claim.until
    );
    assert!(log[2].detail.starts_with(&expired), "{}", log[2].detail);
    // Nobody knows what the first call came to: it counts as if it had cost the most.
    let spending = story.spending().await;
    assert_eq!(
        (spending.open(), spending.committed),
        (WORST, WORST + PRICE)
    );
}

#[tokio::test]
async fn after_two_workers_that_died_the_rules_answer() {
    let model = ModelServer::start(|_| finding()).await;
    let story = Story::with(&asking(&[("one", &model)])).await;
    let incident = story.opened(&alert(&unique("web"))).await;
    model.hold(true);
    let mut now = story.now;
    for died in 1..=2 {
        let dying = story.analyzer();
        tokio::select! {
            ended = story.handle(&dying, &incident, now) => panic!("the model has not answered: {ended:?}"),
            () = model.called(died) => {}
        }
        now = story
            .stack
            .read(&incident.id)
            .await
            .claim
            .expect("claimed")
            .until;
    }
    story
        .handle(&story.analyzer(), &incident, now)
        .await
        .expect("analysed");
    let analysis = story.analysis(&incident).await;
    let why = "2 workers ended while they asked models";
    assert_eq!(
        (
            analysis.provider.as_str(),
            analysis.fell_back_because.as_deref()
        ),
        ("static", Some(why))
    );
    assert_eq!(model.calls().len(), 2, "a third call would be billed, too");
}

#[tokio::test]
async fn beyond_the_day_budget_rules_answer_and_one_notice_is_sent() {
    let model = ModelServer::start(|_| finding()).await;
    let mut settings = asking(&[("one", &model)]);
    // Two calls at worst: 0.1 dollars each.
    settings["budget"]["day_usd"] = json!(0.2);
    let story = Story::with(&settings).await;
    let app = story.analyzer();
    let mut incidents = Vec::new();
    for _ in 0..10 {
        incidents.push(story.opened(&alert(&unique("web"))).await);
    }
    let (asking, others) = incidents.split_at(2);
    model.hold(true);
    let mut held = Box::pin(async {
        tokio::join!(
            story.handle(&app, &asking[0], story.now),
            story.handle(&app, &asking[1], story.now)
        )
    });
    tokio::select! {
        _ = &mut held => panic!("the model has not answered"),
        () = model.called(2) => {}
    }
    assert_eq!(story.spending().await.committed, 2 * WORST);
    for incident in others {
        let analysis = story.analysed(&app, incident).await;
        let why = "one: the day's budget has no room for a call";
        assert_eq!(
            (
                analysis.provider.as_str(),
                analysis.fell_back_because.as_deref()
            ),
            ("static", Some(why))
        );
        assert_eq!((analysis.tokens, analysis.price_micro_usd), (0, 0));
        assert!(events(&story.log(incident).await).contains(&Event::AnalysisFellBack));
    }
    assert_eq!(
        story.spending().await.committed,
        2 * WORST,
        "never more than the budget"
    );
    model.hold(false);
    let (one, other) = held.await;
    one.and(other).expect("analysed");
    assert_eq!(
        (model.calls().len(), story.spending().await.committed),
        (2, 2 * PRICE)
    );

    let told = story.notifications.take_all().await;
    let used_up = Message::BudgetUsedUp {
        day: day(story.now),
    }
    .to_json();
    assert_eq!(
        (
            told.len(),
            told.iter().filter(|message| **message == used_up).count()
        ),
        (11, 1),
        "{told:#?}"
    );
    // What was given back can be spent.
    assert_eq!(
        story
            .analysed(&app, &story.opened(&alert(&unique("web"))).await)
            .await
            .provider,
        "one"
    );
}

#[tokio::test]
async fn models_are_asked_in_their_order_until_one_answers() {
    let (busy, well) = (
        ModelServer::start(|_| refuses(429)).await,
        ModelServer::start(|_| finding()).await,
    );
    let spare = ModelServer::start(|_| finding()).await;
    let story = Story::with(&asking(&[
        ("busy", &busy),
        ("well", &well),
        ("spare", &spare),
    ]))
    .await;
    let analysis = story
        .analysed(
            &story.analyzer(),
            &story.opened(&alert(&unique("web"))).await,
        )
        .await;
    assert_eq!(
        (
            analysis.provider.as_str(),
            analysis.price_micro_usd,
            analysis.fell_back_because
        ),
        ("well", PRICE, None)
    );
    let asked = [&busy, &well, &spare].map(|model| model.calls().len());
    assert_eq!(asked, [2, 1, 0], "who is busy is asked once more");
    assert_eq!(
        story.spending().await.committed,
        PRICE,
        "a refusal costs nothing"
    );
}

#[tokio::test]
async fn rules_answer_where_no_model_does_and_the_bill_is_kept() {
    let (broken, wordy) = (
        ModelServer::start(|_| refuses(500)).await,
        ModelServer::start(|_| says("It is the network.")).await,
    );
    let story = Story::with(&asking(&[("broken", &broken), ("wordy", &wordy)])).await;
    let incident = story.opened(&alert(&unique("web"))).await;
    let analysis = story.analysed(&story.analyzer(), &incident).await;
    assert_eq!(
        (analysis.provider.as_str(), analysis.model),
        ("static", None)
    );
    let why = analysis.fell_back_because.expect("it fell back");
    assert!(
        why.starts_with("broken: it failed (500): not now; wordy: the answer does not fit: "),
        "{why}"
    );
    assert_eq!(
        (analysis.tokens, analysis.price_micro_usd),
        (USAGE.total(), PRICE)
    );
    let log = story.log(&incident).await;
    assert_eq!(
        events(&log)[1..],
        [
            Event::AnalysisStarted,
            Event::AnalysisFellBack,
            Event::AnalysisCompleted
        ]
    );
    assert_eq!(log[2].detail, why);
    let spending = story.spending().await;
    assert_eq!(
        (spending.committed, spending.providers["wordy"]),
        (
            PRICE,
            Paid {
                calls: 1,
                usage: USAGE,
                price: PRICE
            }
        )
    );
}

/// An incident of an alert that a playbook has repaired, and that has resolved.
async fn repaired(stack: &Stack, alert: &Alert, minutes_ago: i64) {
    let mut change = opened(alert, minutes_ago);
    let plan = Plan {
        playbook: "restart-it".into(),
        playbook_name: "Restart it".to_owned(),
        risk: Risk::Low,
        target: "web".into(),
        address: "ssh:web".to_owned(),
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
        let remembered = analysis.remembered.as_deref().unwrap_or_default();
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
        facts.clone()
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
