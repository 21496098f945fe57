//! Tests of decisions by Slack's buttons and by the page of a decision, on the deployed stack: once, and only
//! by the people they are for.

use domain::incident::approval::{ApprovalState, Verdict};
use domain::incident::operation_log::Event;
use domain::incident::{Incident, Status};
use domain::primitives::id::ApprovalId;
use jiff::Timestamp;
use lambda_http::{Body, Request, http};
use reqwest::Response;
use serde_json::{Value, json};
use tests::alert::{TestAlert, unique};
use tests::slack::{Interaction, MEMBER};
use tests::stack::Stack;

/// An incident whose plan waits for a decision.
async fn waiting(stack: &Stack) -> (Incident, ApprovalId) {
    let incident = stack
        .awaiting_approval(&TestAlert::firing(&stack.facts.target.service))
        .await;
    let approval = incident.approval.as_ref().expect("asked").id.clone();
    (incident, approval)
}

/// How often a plan of this incident was decided on.
async fn decisions(stack: &Stack, incident: &Incident) -> usize {
    let log = stack.store.log(&incident.id).await.expect("the log");
    log.iter()
        .filter(|entry| entry.event == Event::ApprovalDecided)
        .count()
}

async fn pending(stack: &Stack, incident: &Incident) {
    let now = stack
        .store
        .incident(&incident.id)
        .await
        .expect("the store answers")
        .expect("the incident is there");
    assert_eq!(now.approval.expect("asked").state, ApprovalState::Pending);
}

#[tokio::test]
async fn a_press_in_slack_decides_once() {
    let stack = Stack::start();
    let (incident, approval) = waiting(&stack).await;
    let press = Interaction::press(&format!("reject:{approval}"));

    // What Slack did not sign, or signed long ago, or another body than that.
    let status = async |request: reqwest::RequestBuilder| {
        request.send().await.expect("an answer").status().as_u16()
    };
    assert_eq!(
        status(press.clone().with_key("another key").request(&stack)).await,
        401
    );
    for age in [-400, 400] {
        assert_eq!(
            status(press.clone().aged(age).request(&stack)).await,
            401,
            "{age}"
        );
    }
    assert_eq!(
        status(press.request(&stack).body("payload=%7B%7D")).await,
        401
    );
    assert_eq!(
        status(
            stack
                .http
                .post(stack.url("webhooks/slack"))
                .body(press.form())
        )
        .await,
        401
    );
    // A channel that channels.json does not name, and somebody who is not on its list.
    // Each is a press of its own: one that comes again is told what it came to before.
    let another = || press.clone().with("/trigger_id", json!(unique("trigger")));
    assert_eq!(
        status(
            another()
                .with("/channel/id", json!("C9999999999"))
                .request(&stack)
        )
        .await,
        403
    );
    assert_eq!(
        status(
            another()
                .with("/user/id", json!("U9999999999"))
                .request(&stack)
        )
        .await,
        200
    );
    // Another kind of interaction.
    assert_eq!(
        status(
            press
                .clone()
                .with("/type", json!("view_closed"))
                .request(&stack)
        )
        .await,
        200
    );
    pending(&stack, &incident).await;

    for _ in 0..2 {
        let taken = press.request(&stack).send().await.expect("an answer");
        assert_eq!(
            (taken.status().as_u16(), taken.text().await.expect("text")),
            (200, String::new()),
            "Slack wants an empty answer"
        );
    }
    let decided = stack.status(incident.id.as_str(), Status::Rejected).await;
    let by = format!("slack:{MEMBER}");
    assert!(
        matches!(decided.approval.expect("kept").state, ApprovalState::Decided { verdict: Verdict::Reject, by: who, .. } if who.to_string() == by)
    );
    assert_eq!(decisions(&stack, &incident).await, 1);
}

#[tokio::test]
async fn a_slack_app_without_its_secret_lets_nobody_in() {
    let stack = Stack::start();
    let app = stack.ingress(&[("SLACK_SIGNING_SECRET_ID", "quell/channels/no-such-secret")]);
    let request = Interaction::press("approve:x").in_process(&stack);
    let response = app
        .answer(request, Timestamp::now())
        .await
        .expect("always an answer");
    let problem: Value = serde_json::from_slice(response.body()).expect("JSON");
    assert_eq!(
        (response.status().as_u16(), problem["type"].as_str()),
        (503, Some("urn:quell:problem:no-secret")),
        "{problem}"
    );
}

/// The status and the page, which has to be one that no other page can use.
async fn page(response: Response) -> (u16, String) {
    let header = |name: &str| response.headers()[name].to_str().expect("text").to_owned();
    assert_eq!(header("content-type"), "text/html; charset=utf-8");
    for (name, value) in [
        ("cache-control", "no-store"),
        ("referrer-policy", "no-referrer"),
        ("x-frame-options", "DENY"),
    ] {
        assert_eq!(header(name), value);
    }
    let policy = header("content-security-policy");
    for part in [
        "default-src 'none'",
        "style-src 'unsafe-inline'",
        "form-action 'self'",
    ] {
        assert!(policy.contains(part), "{policy}");
    }
    (
        response.status().as_u16(),
        response.text().await.expect("text"),
    )
}

fn url(stack: &Stack, approval: &ApprovalId) -> String {
    stack.url(&format!("approvals/{approval}/link"))
}

/// Opens the page, as a preview does, or somebody who follows its address.
async fn open(stack: &Stack, approval: &ApprovalId) -> (u16, String) {
    let request = stack.http.get(url(stack, approval));
    page(request.send().await.expect("an answer")).await
}

/// Sends the page's form.
async fn send(stack: &Stack, approval: &ApprovalId, form: &str) -> (u16, String) {
    let request = stack
        .http
        .post(url(stack, approval))
        .header("content-type", "application/x-www-form-urlencoded")
        .header("accept-language", "en")
        .body(form.to_owned());
    page(request.send().await.expect("an answer")).await
}

/// Looks at the plan with somebody's token, or decides with it.
async fn press(stack: &Stack, approval: &ApprovalId, person: &str, verdict: &str) -> (u16, String) {
    let form = format!("token={}&verdict={verdict}", stack.facts.tokens[person]);
    send(stack, approval, &form).await
}

#[tokio::test]
async fn a_page_shows_to_whom_it_knows_and_decides_once() {
    let stack = Stack::start();
    let (incident, approval) = waiting(&stack).await;
    let steps = &incident.plan.as_ref().expect("a plan").steps;

    // Previews open it as often as they like: they see no plan, and nothing changes.
    for _ in 0..3 {
        let (status, shown) = open(&stack, &approval).await;
        assert!(
            status == 200
                && shown.contains("type=\"password\" name=\"token\"")
                && steps.iter().all(|step| !shown.contains(&step.argv[0]))
                && !shown.contains(incident.id.as_str()),
            "{status} {shown}"
        );
    }
    // Whoever may decide sees the plan, and has not decided yet.
    let (status, shown) = press(&stack, &approval, "ada", "").await;
    assert!(
        status == 200
            && shown.contains("value=\"approve\"")
            && shown.contains("Reject: run nothing")
            && shown.contains("ada"),
        "{status} {shown}"
    );
    // The registry of the local stack says of one of its services only where it lives.
    let origin = "; this alert comes from cluster demo, ";
    assert!(shown.contains(origin), "{shown}");
    for step in steps {
        assert!(shown.contains(&step.argv[0]), "{shown}");
    }
    let chinese = stack
        .http
        .post(url(&stack, &approval))
        .header("accept-language", "zh-TW,zh;q=0.9,en;q=0.8")
        .body(format!("token={}", stack.facts.tokens["ada"]));
    let (_, chinese) = page(chinese.send().await.expect("an answer")).await;
    assert!(
        chinese.contains("lang=\"zh-TW\"")
            && chinese.contains("駁回：不執行")
            && chinese.contains("這則告警來自叢集 demo"),
        "{chinese}"
    );
    pending(&stack, &incident).await;
    assert_eq!(decisions(&stack, &incident).await, 0);

    let (status, told) = press(&stack, &approval, "ada", "reject").await;
    assert_eq!(status, 200, "{told}");
    let decided = stack.status(incident.id.as_str(), Status::Rejected).await;
    assert!(
        matches!(decided.approval.expect("kept").state, ApprovalState::Decided { by, .. } if by.to_string() == "link:ada")
    );
    // It was decided once, whoever comes now, and whatever they want.
    // It changes nothing to say the same again.
    assert_eq!(press(&stack, &approval, "ada", "reject").await.0, 200);
    for (person, verdicts) in [
        ("ada", &["", "approve"][..]),
        ("bob", &["", "approve", "reject"]),
    ] {
        for verdict in verdicts {
            let (status, told) = press(&stack, &approval, person, verdict).await;
            assert!(
                status == 409 && told.contains("ada has already decided"),
                "{person} {verdict}: {status} {told}"
            );
        }
    }
    assert_eq!(decisions(&stack, &incident).await, 1);
}

#[tokio::test]
async fn a_page_shows_and_decides_nothing_without_a_token() {
    let stack = Stack::start();
    let (incident, approval) = waiting(&stack).await;
    let tokens = &stack.facts.tokens;
    let changed = tokens["ada"].replace("quell_", "quell_x");
    let large = format!("{}&x={}", tokens["ada"], "x".repeat(5_000));
    for verdict in ["", "&verdict=approve"] {
        for token in ["", "no-token", &changed, &large] {
            let form = format!("token={token}{verdict}");
            let (status, told) = send(&stack, &approval, &form).await;
            assert!(
                status == 401
                    && told.contains("no token that may decide")
                    && !told.contains("<form"),
                "{status} {told}"
            );
        }
        // A token of somebody whom channels.json does not let decide so.
        let form = format!("token={}{verdict}", tokens["eve"]);
        let (status, told) = send(&stack, &approval, &form).await;
        assert!(status == 403 && !told.contains("<form"), "{status} {told}");
    }
    assert_eq!(press(&stack, &approval, "ada", "both").await.0, 400);
    pending(&stack, &incident).await;
    assert_eq!(decisions(&stack, &incident).await, 0);
}

#[tokio::test]
async fn a_fault_behind_a_page_is_a_page_that_can_be_tried_again() {
    let stack = Stack::start();
    let approval =
        ApprovalId::try_from("01ARZ3NDEKTSV4RRFFQ69G5FAV-0000000000000000").expect("an id");
    assert_eq!(press(&stack, &approval, "ada", "").await.0, 404);
    for table in ["TABLE_NAME", "CONTROL_TABLE_NAME"] {
        let app = stack.ingress(&[(table, "no-such-table")]);
        let form = format!("token={}", stack.facts.tokens["ada"]);
        let url = format!("https://api.test/api/v1/approvals/{approval}/link");
        let request: Request = http::Request::post(url)
            .body(Body::Text(form))
            .expect("a request");
        let response = app
            .answer(request, Timestamp::now())
            .await
            .expect("always an answer");
        assert_eq!(
            (
                response.status().as_u16(),
                response.headers()["retry-after"].as_bytes()
            ),
            (503, b"2".as_slice()),
            "{table}"
        );
        assert_eq!(
            response.headers()["content-type"],
            "text/html; charset=utf-8"
        );
    }
}
