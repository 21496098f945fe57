//! Tests of a new analysis: the models are asked again, within the same budgets, and a decision
//! made meanwhile holds.

use analyzer::Failure;
use domain::incident::approval::Verdict;
use domain::incident::operation_log::Event;
use domain::incident::{Incident, Status};
use domain::notification::channels::Identity;
use domain::transition::decision::{self, Pressed};
use domain::transition::reanalysis::{self, APART, MOST_ROUNDS, Refusal};
use jiff::{SignedDuration, Timestamp};
use loopback::Answer;
use serde_json::json;
use settings::channels_file;
use tests::alert::unique;
use tests::analysing::{PRICE, Story, asking, events};
use tests::model_server::{ModelServer, finding, says};
use tests::opened::alert;
use wire::message::{Message, Queued as _};

const BY: &str = "telegram:7";

/// An answer with another root cause than [`finding`] has.
fn other_finding() -> Answer {
    let finding = json!({
        "action_title": "Give it more memory",
        "description": "The pod was ended by the kernel.",
        "root_cause": "Its memory is too small.",
        "suggested_action": "Raise the limit.",
        "suggested_command": null,
        "risk": "critical",
        "confidence": 0.8,
        "blast_radius": { "affected_pods": 1, "estimated_downtime": "~1m", "related_services": [], "data_impact": "NONE" },
        "affected_services": ["web"],
        "primary_responsibility": "APP",
        "optimisation_suggestions": [],
        "deviation": null,
    });
    says(&finding.to_string())
}

/// A model whose first answer is one finding, and every later one another.
async fn model() -> ModelServer {
    ModelServer::start(|place| {
        if place == 0 {
            finding()
        } else {
            other_finding()
        }
    })
    .await
}

/// Asks for a new analysis, as ingress does.
async fn doubt(story: &Story, incident: &Incident, now: Timestamp) -> Result<u32, Refusal> {
    story
        .stack
        .store
        .change(&incident.id, |change| reanalysis::ask(change, BY, now))
        .await
        .expect("saved")
        .1
}

async fn loaded(story: &Story, incident: &Incident) -> Incident {
    story.stack.read(&incident.id).await
}

#[tokio::test]
async fn models_are_asked_again_and_the_new_finding_is_kept() {
    let model = model().await;
    let mut settings = asking(&[("one", &model)]);
    settings["memory"] = json!({ "mode": "use", "incidents": 1 });
    let story = Story::with(&settings).await;
    let app = story.analyzer();
    let incident = story.opened(&alert(&unique("web"))).await;
    story
        .handle(&app, &incident, story.now)
        .await
        .expect("analysed");
    story.notifications.take_all().await;

    assert_eq!(doubt(&story, &incident, story.now).await, Ok(1));
    story
        .handle_doubt(&app, &incident, 1, story.now)
        .await
        .expect("analysed anew");
    let saved = loaded(&story, &incident).await;
    let analysis = saved.analysis.as_ref().expect("analysed");
    assert_eq!(
        (analysis.root_cause.as_str(), analysis.provider.as_str()),
        ("Its memory is too small.", "one")
    );
    assert_eq!(
        (saved.status, saved.claim.as_ref()),
        (Status::NeedsHuman, None)
    );
    assert_eq!(story.spending().await.committed, 2 * PRICE);

    // The message comes a second time: nobody is asked, nothing is saved, and the card is made true again.
    story
        .handle_doubt(
            &app,
            &incident,
            1,
            story.now + SignedDuration::from_hours(1),
        )
        .await
        .expect("there is nothing left to do");
    assert_eq!(loaded(&story, &incident).await, saved);
    assert_eq!(
        (model.calls().len(), story.spending().await.committed),
        (2, 2 * PRICE)
    );
    let tells = Message::IncidentChanged {
        incident_id: incident.id.clone(),
    }
    .to_json();
    assert_eq!(story.notifications.take_all().await, [tells.clone(), tells]);
    let log = story.log(&incident).await;
    let expected = [
        Event::AnalysisStarted,
        Event::AnalysisCompleted,
        Event::ReanalysisRequested,
        Event::AnalysisStarted,
        Event::AnalysisCompleted,
    ];
    assert_eq!(events(&log)[1..], expected);
    assert_eq!(
        (
            log[3].actor.as_str(),
            &log[2].context["round"],
            &log[5].context["round"]
        ),
        (BY, &json!(0), &json!(1))
    );
}

#[tokio::test]
async fn of_two_deliveries_of_one_request_one_is_billed() {
    let model = model().await;
    let story = Story::with(&asking(&[("one", &model)])).await;
    let incident = story.opened(&alert(&unique("web"))).await;
    let apps = [story.analyzer(), story.analyzer()];
    story
        .handle(&apps[0], &incident, story.now)
        .await
        .expect("analysed");
    doubt(&story, &incident, story.now)
        .await
        .expect("asked for");
    model.hold(true);
    let mut asking = Box::pin(story.handle_doubt(&apps[0], &incident, 1, story.now));
    tokio::select! {
        ended = &mut asking => panic!("the model has not answered: {ended:?}"),
        () = model.called(2) => {}
    }
    let other = story.handle_doubt(&apps[1], &incident, 1, story.now).await;
    assert!(matches!(other, Err(Failure::Claimed { .. })), "{other:?}");
    model.hold(false);
    asking.await.expect("analysed anew");
    story
        .handle_doubt(&apps[1], &incident, 1, story.now)
        .await
        .expect("it is done");
    assert_eq!(
        (model.calls().len(), story.spending().await.committed),
        (2, 2 * PRICE)
    );
}

#[tokio::test]
async fn beyond_the_budget_of_the_incident_the_rules_answer() {
    let model = model().await;
    let mut settings = asking(&[("one", &model)]);
    // One call at worst: it costs a tenth of that, and the rest is too little for another.
    settings["budget"]["incident_usd"] = json!(0.1);
    let story = Story::with(&settings).await;
    let (app, incident) = (story.analyzer(), story.opened(&alert(&unique("web"))).await);
    story
        .handle(&app, &incident, story.now)
        .await
        .expect("analysed");
    doubt(&story, &incident, story.now)
        .await
        .expect("asked for");
    story
        .handle_doubt(&app, &incident, 1, story.now)
        .await
        .expect("analysed anew");
    let analysis = story.analysis(&incident).await;
    let why = "one: the incident's budget has no room for a call";
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
    assert_eq!(
        (model.calls().len(), story.spending().await.committed),
        (1, PRICE)
    );
    assert!(events(&story.log(&incident).await).contains(&Event::AnalysisFellBack));
}

#[tokio::test]
async fn a_resolve_or_a_decision_meanwhile_holds() {
    for approved in [false, true] {
        let model = model().await;
        let story = Story::with(&asking(&[("one", &model)])).await;
        let (app, incident) = (
            story.analyzer(),
            story
                .opened(&alert(&story.stack.facts.target.service))
                .await,
        );
        story
            .handle(&app, &incident, story.now)
            .await
            .expect("analysed");
        let asked = loaded(&story, &incident)
            .await
            .approval
            .expect("a plan that waits");
        doubt(&story, &incident, story.now)
            .await
            .expect("asked for");
        model.hold(true);
        let mut asking = Box::pin(story.handle_doubt(&app, &incident, 1, story.now));
        tokio::select! {
            ended = &mut asking => panic!("the model has not answered: {ended:?}"),
            () = model.called(2) => {}
        }
        let channels = channels_file::load(&story.stack.facts.target.config_dir).expect("the file");
        let pressed = Pressed {
            verdict: Verdict::Approve,
            by: Identity::Api("ada".into()),
            press: "press",
        };
        let happened = story.stack.store.change(&incident.id, |change| {
            if approved {
                let incident = change.incident.clone();
                let decision =
                    decision::decide(incident, &asked.id, &pressed, &channels, story.now);
                decision.answer.expect("it waits");
                change.append(decision.change);
            } else {
                change.resolved(1, story.now);
            }
        });
        let (before, ()) = happened.await.expect("saved");
        model.hold(false);
        asking.await.expect("handled");
        let after = loaded(&story, &incident).await;
        assert_eq!(
            (after.status, &after.analysis, &after.approval),
            (before.status, &before.analysis, &before.approval)
        );
        let last = story.log(&incident).await.pop().expect("an entry");
        assert_eq!(
            (last.event, last.success, &last.context["price_micro_usd"]),
            (Event::AnalysisCompleted, false, &json!(PRICE))
        );
        // Late, too, is a message that comes when it is over: its models are not asked.
        story
            .handle_doubt(&app, &incident, 1, story.now)
            .await
            .expect("there is nothing to do");
        assert_eq!(
            (model.calls().len(), loaded(&story, &incident).await),
            (2, after)
        );
    }
}

#[tokio::test]
async fn the_plan_that_waits_goes_on_to_wait_if_it_is_the_same() {
    let model = ModelServer::start(|_| finding()).await;
    let story = Story::with(&asking(&[("one", &model)])).await;
    let (app, incident) = (
        story.analyzer(),
        story
            .opened(&alert(&story.stack.facts.target.service))
            .await,
    );
    story
        .handle(&app, &incident, story.now)
        .await
        .expect("analysed");
    let before = loaded(&story, &incident).await;
    doubt(&story, &incident, story.now)
        .await
        .expect("asked for");
    story
        .handle_doubt(&app, &incident, 1, story.now)
        .await
        .expect("analysed anew");
    let after = loaded(&story, &incident).await;
    assert_eq!(
        (after.status, &after.approval, &after.plan),
        (Status::AwaitingApproval, &before.approval, &before.plan)
    );
    assert_eq!(model.calls().len(), 2);
    story
        .stack
        .store
        .change(&incident.id, |change| change.resolved(1, story.now))
        .await
        .expect("other stories shall not find it open");
}

#[tokio::test]
async fn nobody_asks_more_often_than_the_rules_allow() {
    let model = model().await;
    let story = Story::with(&asking(&[("one", &model)])).await;
    let (app, incident) = (story.analyzer(), story.opened(&alert(&unique("web"))).await);
    assert!(
        doubt(&story, &incident, story.now).await.is_err(),
        "there is nothing to doubt yet"
    );
    story
        .handle(&app, &incident, story.now)
        .await
        .expect("analysed");
    // A round that nobody asked for is none.
    story
        .handle_doubt(&app, &incident, 1, story.now)
        .await
        .expect("there is nothing to do");
    let mut now = story.now;
    for round in 1..=MOST_ROUNDS {
        assert_eq!(doubt(&story, &incident, now).await, Ok(round));
        assert!(matches!(
            doubt(&story, &incident, now).await,
            Err(Refusal::UnderWay { .. })
        ));
        story
            .handle_doubt(&app, &incident, round, now)
            .await
            .expect("analysed anew");
        if round < MOST_ROUNDS {
            assert!(matches!(
                doubt(&story, &incident, now + APART / 2).await,
                Err(Refusal::TooSoon { .. })
            ));
        }
        now += APART;
    }
    assert_eq!(doubt(&story, &incident, now).await, Err(Refusal::UsedUp));
    assert_eq!(model.calls().len(), 4);
}
