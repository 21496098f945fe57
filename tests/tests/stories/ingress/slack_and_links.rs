//! Tests of decisions by Slack's buttons and by signed links, on the deployed stack: once, and only
//! by the people they are for.

use domain::incident::approval::{ApprovalState, Verdict};
use domain::incident::operation_log::Event;
use domain::incident::{Incident, Status};
use domain::primitives::id::ApprovalId;
use jiff::{SignedDuration, Timestamp};
use lambda_http::{Body, Request, http};
use reqwest::Response;
use secrecy::SecretString;
use serde_json::{Value, json};
use tests::alert::{TestAlert, unique};
use tests::slack::{Interaction, MEMBER};
use tests::stack::Stack;
use wire::approval_link::sign;

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

/// A link's URL, without the API's.
fn link(
    stack: &Stack,
    approval: &ApprovalId,
    verdict: Verdict,
    person: &str,
    minutes: i64,
) -> String {
    let key = SecretString::from(stack.facts.secrets["approval_link"].as_str());
    let token = sign(
        &key,
        approval,
        verdict,
        person,
        Timestamp::now() + SignedDuration::from_mins(minutes),
    );
    format!("approvals/{approval}/link?token={token}")
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

async fn open(stack: &Stack, link: &str) -> (u16, String) {
    page(
        stack
            .http
            .get(stack.url(link))
            .send()
            .await
            .expect("an answer"),
    )
    .await
}

/// Presses the page's button, with Ada's token in its form.
async fn press(stack: &Stack, link: &str) -> (u16, String) {
    press_with(stack, link, &stack.facts.tokens["ada"]).await
}

async fn press_with(stack: &Stack, link: &str, token: &str) -> (u16, String) {
    let request = stack
        .http
        .post(stack.url(link))
        .header("content-type", "application/x-www-form-urlencoded")
        .body(format!("token={token}"));
    page(request.send().await.expect("an answer")).await
}

#[tokio::test]
async fn a_link_shows_first_and_decides_once() {
    let stack = Stack::start();
    let (incident, approval) = waiting(&stack).await;
    let reject = link(&stack, &approval, Verdict::Reject, "ada", 10);

    // Previews open it as often as they like: nothing changes.
    for _ in 0..3 {
        let (status, shown) = open(&stack, &reject).await;
        assert_eq!(status, 200, "{shown}");
        assert!(
            shown.contains("<form method=\"post\">")
                && shown.contains("Reject: run nothing")
                && shown.contains("ada"),
            "{shown}"
        );
        // The registry of the local stack says of one of its services only where it lives.
        let origin = "; this alert comes from cluster demo, ";
        assert!(shown.contains(origin), "{shown}");
        for step in &incident.plan.as_ref().expect("a plan").steps {
            assert!(shown.contains(&step.argv[0]), "{shown}");
        }
    }
    let chinese = stack
        .http
        .get(stack.url(&reject))
        .header("accept-language", "zh-TW,zh;q=0.9,en;q=0.8");
    let (_, chinese) = page(chinese.send().await.expect("an answer")).await;
    assert!(
        chinese.contains("lang=\"zh-TW\"")
            && chinese.contains("駁回：不執行")
            && chinese.contains("這個警報來自叢集 demo"),
        "{chinese}"
    );
    pending(&stack, &incident).await;
    assert_eq!(decisions(&stack, &incident).await, 0);

    let (status, told) = press(&stack, &reject).await;
    assert_eq!(status, 200, "{told}");
    let decided = stack.status(incident.id.as_str(), Status::Rejected).await;
    assert!(
        matches!(decided.approval.expect("kept").state, ApprovalState::Decided { by, .. } if by.to_string() == "link:ada")
    );
    // It counts once, and so does every other link of that person for this plan.
    let approve = link(&stack, &approval, Verdict::Approve, "ada", 10);
    for used in [&reject, &approve] {
        for (status, told) in [press(&stack, used).await, open(&stack, used).await] {
            assert!(
                status == 409 && told.contains("was used"),
                "{status} {told}"
            );
        }
    }
    // Somebody else's comes too late.
    let late = link(&stack, &approval, Verdict::Approve, "bob", 10);
    let bob = &stack.facts.tokens["bob"];
    for (status, told) in [
        press_with(&stack, &late, bob).await,
        open(&stack, &late).await,
    ] {
        assert!(
            status == 409 && told.contains("link:ada has already decided"),
            "{status} {told}"
        );
    }
    assert_eq!(decisions(&stack, &incident).await, 1);
}

#[tokio::test]
async fn nobody_else_decides_with_a_link() {
    let stack = Stack::start();
    let (incident, approval) = waiting(&stack).await;
    let (_, other) = waiting(&stack).await;
    let good = link(&stack, &approval, Verdict::Approve, "ada", 10);
    let token = good.split_once('=').expect("a token").1;
    let mut forged = good.clone();
    // The last character but one, because some bits of the last one say nothing.
    let place = forged.len() - 2..forged.len() - 1;
    let other_character = if &forged[place.clone()] == "A" {
        "E"
    } else {
        "A"
    };
    forged.replace_range(place, other_character);
    let cases = [
        (format!("approvals/{other}/link?token={token}"), 401),
        (format!("approvals/{approval}/link"), 401),
        (format!("approvals/{approval}/link?token="), 401),
        (format!("{good}&token={token}"), 401),
        (forged, 401),
        (link(&stack, &approval, Verdict::Approve, "eve", 10), 403),
        (link(&stack, &approval, Verdict::Approve, "ada", -1), 410),
    ];
    for (link, expected) in cases {
        for (status, told) in [open(&stack, &link).await, press(&stack, &link).await] {
            assert!(
                status == expected && !told.contains("<form"),
                "{link}: {status} {told}"
            );
        }
    }
    // Who has a link, or can make them, has nothing without the token of its person.
    let tokens = &stack.facts.tokens;
    let ended = tokens["ada"].replace("quell_", "quell_x");
    for token in ["", "no-token", &tokens["bob"], &tokens["eve"], &ended] {
        let (status, told) = press_with(&stack, &good, token).await;
        assert!(
            status == 401 && told.contains("no token of yours") && !told.contains(&tokens["ada"]),
            "{status} {told}"
        );
    }
    let large = format!("{}&x={}", tokens["ada"], "x".repeat(5_000));
    assert_eq!(press_with(&stack, &good, &large).await.0, 401);
    pending(&stack, &incident).await;
    assert_eq!(decisions(&stack, &incident).await, 0);
}

#[tokio::test]
async fn a_fault_behind_a_link_is_a_page_that_can_be_tried_again() {
    let stack = Stack::start();
    let approval =
        ApprovalId::try_from("01ARZ3NDEKTSV4RRFFQ69G5FAV-0000000000000000").expect("an id");
    let url = link(&stack, &approval, Verdict::Approve, "ada", 10);
    assert_eq!(open(&stack, &url).await.0, 404);
    for changed in [
        ("TABLE_NAME", "no-such-table"),
        ("APPROVAL_LINK_SECRET_ID", "quell/channels/no-such-secret"),
    ] {
        let app = stack.ingress(&[changed]);
        let request: Request = http::Request::get(format!("https://api.test/api/v1/{url}"))
            .body(Body::Empty)
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
            "{changed:?}"
        );
        assert_eq!(
            response.headers()["content-type"],
            "text/html; charset=utf-8"
        );
    }
}
