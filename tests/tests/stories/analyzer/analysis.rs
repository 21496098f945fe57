//! Tests of an analysis: the models asked, the number of calls, and their cost.

use domain::analysis::Severity;
use domain::analysis::budget::Paid;
use domain::incident::Status;
use domain::incident::operation_log::Event;
use domain::primitives::time::utc_day;
use serde_json::{Value, json};
use tests::alert::unique;
use tests::analysing::{PRICE, Story, WORST, asking, events, files, secret};
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
        (analysis.root_cause.as_str(), analysis.urgency.level),
        ("The last release ends at its start.", Severity::P1)
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
        .spending(utc_day(log[1].at))
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
                analysis
                    .fell_back_because
                    .as_ref()
                    .map(ToString::to_string)
                    .as_deref()
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
        day: utc_day(story.now),
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
    let why = analysis
        .fell_back_because
        .expect("it fell back")
        .to_string();
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
