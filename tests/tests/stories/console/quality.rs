//! Alert quality on the deployed stack: which rules are said to call people for nothing, on the page and in the API.

use domain::incident::{Incident, Status};
use jiff::Timestamp;
use lambda_http::Body;
use reqwest::StatusCode;
use serde_json::{Value, json};
use tests::alert::{TestAlert, unique};
use tests::read_api::ReadApi;
use tests::stack::{Stack, wait_for};

/// No other story fires these.
const CAUSE: &str = "StoryNodeDown";
const FOLLOWS: &str = "StoryTargetDown";
const NO_ALARM: &str = "StoryDiskSlow";
const FLAPS: &str = "StoryLinkFlaps";

/// Fires a rule's alert about a component, and gives its incident's id.
async fn fires(stack: &Stack, name: &'static str, component: &str, namespace: &str) -> String {
    let alert = TestAlert {
        name,
        namespace: namespace.to_owned(),
        ..TestAlert::firing(component)
    };
    let answer = stack.deliver_one(&alert).await;
    answer["incident_id"]
        .as_str()
        .expect("an incident")
        .to_owned()
}

async fn responds(stack: &Stack, incident: &str, action: &Value) {
    let request = stack
        .http
        .post(stack.url(&format!("incidents/{incident}/respond")))
        .bearer_auth(&stack.facts.tokens["ada"])
        .json(action);
    let answer = request.send().await.expect("an answer");
    let (status, said) = (answer.status(), answer.text().await.expect("text"));
    assert_eq!(status, StatusCode::OK, "{action}: {said}");
}

/// What a console says that has kept nothing: the answer of a route, as text.
async fn asks(stack: &Stack, api: &ReadApi<'_>, path: &str, language: &str) -> String {
    let request = api.request(path, language);
    let answer = stack.console(&[]).answer(request, Timestamp::now()).await;
    let answer = answer.expect("always an answer");
    assert_eq!(answer.status(), StatusCode::OK.as_u16(), "{path}");
    match answer.into_body() {
        Body::Text(text) => text,
        other => panic!("{path}: {other:?}"),
    }
}

/// The rule of this name, once its incidents are in the index.
async fn rule(stack: &Stack, api: &ReadApi<'_>, name: &str, incidents: u64) -> Value {
    wait_for(name, async || {
        let text = asks(stack, api, "api/v1/quality?since=7d", "en").await;
        let found: Value = serde_json::from_str(&text).expect("JSON");
        api.fits("quality", &found);
        let rules = found["rules"].as_array().expect("rules");
        let rule = rules.iter().find(|rule| rule["name"] == name)?;
        (rule["incidents"].as_u64() >= Some(incidents)).then(|| rule.clone())
    })
    .await
}

fn verdicts(rule: &Value) -> Vec<&str> {
    let verdicts = rule["verdicts"].as_array().expect("verdicts");
    verdicts
        .iter()
        .filter_map(|verdict| verdict["verdict"].as_str())
        .collect()
}

#[tokio::test]
async fn a_rule_is_judged_by_what_its_incidents_say() {
    let stack = Stack::start();
    let api = ReadApi::of(&stack);
    let mut alarms = Vec::new();
    for _ in 0..3 {
        let (component, namespace) = (unique("judged"), unique("shop"));
        fires(&stack, CAUSE, &component, &namespace).await;
        fires(&stack, FOLLOWS, &component, &namespace).await;
        alarms.push(fires(&stack, NO_ALARM, &unique("judged"), &namespace).await);
    }
    for incident in &alarms {
        let decided = |incident: &Incident| incident.status != Status::Open;
        stack.incident(incident, decided).await;
    }
    for incident in &alarms[..2] {
        let action = json!({ "action": "close", "reason": "false_alarm" });
        responds(&stack, incident, &action).await;
    }
    responds(&stack, &alarms[2], &json!({ "action": "acknowledge" })).await;

    let follows = rule(&stack, &api, FOLLOWS, 3).await;
    assert_eq!(verdicts(&follows), ["always_with"], "{follows:#}");
    let change = follows["verdicts"][0]["change"].as_str().expect("a change");
    assert!(
        change.contains(CAUSE) && change.contains("equal: ['cluster', 'namespace', 'component']"),
        "{change}"
    );
    // Of the two, one gives way.
    let cause = rule(&stack, &api, CAUSE, 3).await;
    assert_eq!(verdicts(&cause), Vec::<&str>::new(), "{cause:#}");

    let no_alarm = rule(&stack, &api, NO_ALARM, 3).await;
    assert_eq!(verdicts(&no_alarm), ["false_alarm"], "{no_alarm:#}");
    let counted =
        ["false_alarms", "acknowledged", "untouched", "open"].map(|name| no_alarm[name].as_u64());
    assert_eq!(
        counted,
        [Some(2), Some(1), Some(0), Some(1)],
        "{no_alarm:#}"
    );

    for (language, title, said) in [
        (
            "en",
            "Alert quality",
            "False alarms: people closed 2 of 3 incidents",
        ),
        ("zh-TW", "告警品質", "誤報：3 個事件中有 2 個"),
    ] {
        let page = asks(&stack, &api, "console/quality?since=30d", language).await;
        assert!(page.contains(title) && page.contains(said), "{page}");
        assert!(
            page.contains(NO_ALARM) && page.contains("inhibit_rules:"),
            "{page}"
        );
    }
}

#[tokio::test]
async fn a_rule_that_fires_again_and_again_flaps() {
    let stack = Stack::start();
    let api = ReadApi::of(&stack);
    let ingress = stack.ingress(&[]);
    let start = Timestamp::now();
    let at = |minutes: i64| start + jiff::SignedDuration::from_mins(minutes);
    let alert = TestAlert {
        name: FLAPS,
        ..TestAlert::firing(unique("flaps"))
    };
    let mut id = String::new();
    for round in 0..4 {
        let firing = TestAlert {
            starts_at: at(2 * round),
            ..alert.clone()
        };
        let ended = TestAlert {
            ends_at: Some(at(2 * round + 1)),
            ..firing.clone()
        };
        for (alert, now) in [(&firing, at(2 * round)), (&ended, at(2 * round + 1))] {
            let request = stack.delivery(&alert.delivery());
            let (status, answer) = tests::in_process::answer(&ingress, request, now).await;
            assert_eq!(status, 200, "{answer}");
            let incident = answer["results"][0]["incident_id"].as_str();
            id = incident.unwrap_or(&id).to_owned();
        }
    }
    let flaps = rule(&stack, &api, FLAPS, 1).await;
    assert_eq!(flaps["flaps"], 3, "{flaps:#} of {id}");
    assert_eq!(verdicts(&flaps), ["flaps"], "{flaps:#}");
}

#[tokio::test]
async fn a_window_is_a_week_or_a_month() {
    let stack = Stack::start();
    let api = ReadApi::of(&stack);
    let month = api.reads("quality", "quality?since=30d").await;
    assert_eq!(month["since"], "30d");
    let wrong = api.answer("quality?since=1y", None).await;
    assert_eq!(wrong.status(), StatusCode::BAD_REQUEST);
    let problem: Value = wrong.json().await.expect("JSON");
    assert_eq!(problem["at"], "since", "{problem}");
    let stats = api.reads("stats", "stats").await;
    assert_eq!(stats["alert_quality"]["since"], "7d", "{stats}");
}
