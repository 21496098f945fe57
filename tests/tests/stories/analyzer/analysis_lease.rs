//! Tests of the lease of an analysis: one worker asks models, and one that dies gives way to the next.

use analyzer::Failure;
use domain::incident::operation_log::Event;
use futures_util::future::select;
use jiff::SignedDuration;
use tests::alert::unique;
use tests::analysing::{PRICE, Story, WORST, asking, events};
use tests::model_server::{ModelServer, finding};
use tests::opened::alert;
use wire::message::{Message, Queued as _};

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
            analysis
                .fell_back_because
                .as_ref()
                .map(ToString::to_string)
                .as_deref()
        ),
        ("static", Some(why))
    );
    assert_eq!(model.calls().len(), 2, "a third call would be billed, too");
}
