//! Signing in to the console on the deployed stack: who gets in, what ends a session, and that no other site's page changes anything.

use domain::incident::operation_log::Event;
use domain::incident::{Incident, Status};
use jiff::Timestamp;
use reqwest::{Method, StatusCode};
use serde_json::json;
use tests::alert::TestAlert;
use tests::stack::Stack;
use tests::visitor::{Visitor, is_session};

async fn waiting(stack: &Stack) -> Incident {
    stack
        .awaiting_approval(&TestAlert::firing(&stack.facts.target.service))
        .await
}

async fn signed_in<'a>(stack: &'a Stack, person: &str) -> Visitor<'a> {
    let mut visitor = Visitor::new(stack);
    visitor.signs_in(&stack.facts.tokens[person]).await;
    assert!(visitor.cookie().is_some_and(is_session), "{person} is in");
    visitor
}

#[tokio::test]
async fn nothing_is_readable_without_signing_in() {
    let stack = Stack::start();
    let nobody = Visitor::new(&stack);
    for path in [
        "console",
        "console/history",
        "console/wall",
        "console/repairs",
        "console/quality",
        "console/health",
    ] {
        let answer = nobody
            .asks(Method::GET, path)
            .send()
            .await
            .expect("an answer");
        assert_eq!(answer.status(), StatusCode::SEE_OTHER, "{path}");
        let location = answer.headers()["location"].to_str().expect("text");
        assert!(
            location.contains("console/sign-in?next=console"),
            "{location}"
        );
    }
    for path in [
        "incidents",
        "stats",
        "quality",
        "health",
        "repairs",
        "playbooks",
    ] {
        let url = format!("api/v1/{path}");
        let answer = nobody
            .asks(Method::GET, &url)
            .send()
            .await
            .expect("an answer");
        assert_eq!(answer.status(), StatusCode::UNAUTHORIZED, "{path}");
    }
}

#[tokio::test]
async fn a_token_is_exchanged_for_a_cookie_that_no_script_sees() {
    let stack = Stack::start();
    let mut visitor = Visitor::new(&stack);
    let token = &stack.facts.tokens["ada"];
    let (begin, last) = token.split_at(token.len() - 1);
    let wrong = format!("{begin}{}", if last == "0" { "1" } else { "0" });
    let refused = visitor.signs_in(&wrong).await;
    let location = refused.headers()["location"].to_str().expect("text");
    assert!(
        location.contains("sign-in?refused=true&next=console"),
        "{location}"
    );
    assert_eq!(visitor.cookie(), None);

    let begun = visitor.signs_in(token).await;
    assert_eq!(begun.status(), StatusCode::SEE_OTHER);
    assert_eq!(begun.headers()["location"], "../../console/history");
    let cookie = begun.headers()["set-cookie"].to_str().expect("text");
    for part in ["Secure", "HttpOnly", "SameSite=Strict", "Path=/"] {
        assert!(cookie.contains(part), "{cookie}");
    }
    let page = visitor.reads("console").await;
    assert!(page.contains(">ada<"), "{page}");
}

#[tokio::test]
async fn a_session_ends_by_hand_and_with_its_token() {
    let stack = Stack::start();
    let visitor = signed_in(&stack, "bob").await;
    let out = visitor
        .asks(Method::POST, "api/v1/sessions/end")
        .header("origin", visitor.origin());
    assert_eq!(
        out.send().await.expect("an answer").status(),
        StatusCode::SEE_OTHER
    );
    let after = visitor
        .asks(Method::GET, "api/v1/incidents")
        .send()
        .await
        .expect("an answer");
    assert_eq!(after.status(), StatusCode::UNAUTHORIZED);

    let visitor = signed_in(&stack, "eve").await;
    visitor.reads("console").await;
    let token = stack.facts.tokens["eve"]
        .split('_')
        .nth(1)
        .expect("its id")
        .to_owned();
    let mut known = stack
        .control
        .person_token(&token)
        .await
        .expect("an answer")
        .expect("a token");
    known.ended_at = Some(Timestamp::now());
    stack
        .control
        .save_person_token(&known)
        .await
        .expect("it is ended");
    let after = visitor
        .asks(Method::GET, "console")
        .send()
        .await
        .expect("an answer");
    known.ended_at = None;
    stack
        .control
        .save_person_token(&known)
        .await
        .expect("it is as before");
    assert_eq!(after.status(), StatusCode::SEE_OTHER);
    let location = after.headers()["location"].to_str().expect("text");
    assert!(
        location.contains("console/sign-in?refused=ended&next=console"),
        "{location}"
    );
}

#[tokio::test]
async fn a_plan_is_approved_from_its_page_once() {
    let stack = Stack::start();
    let incident = waiting(&stack).await;
    let visitor = signed_in(&stack, "ada").await;
    let path = format!("console/incidents/{}", incident.id);
    let page = visitor.reads(&path).await;
    assert!(page.contains("What would run"), "{page}");
    let approval = incident.approval.expect("it waits").id;
    let approve = format!("approvals/{approval}/approve");

    // Another site's page has neither the origin nor the token.
    let forged = visitor
        .asks(Method::POST, &format!("api/v1/{approve}"))
        .header("origin", "https://evil.example")
        .header("x-quell-one-time", visitor.one_time(&path).await);
    assert_eq!(
        forged.send().await.expect("an answer").status(),
        StatusCode::FORBIDDEN
    );
    let (status, refused) = visitor.acts(&approve, &json!({}), "").await;
    assert_eq!(status, StatusCode::FORBIDDEN, "{refused}");
    let bob = signed_in(&stack, "bob").await;
    let (status, refused) = visitor
        .acts(&approve, &json!({}), &bob.one_time(&path).await)
        .await;
    assert_eq!(status, StatusCode::FORBIDDEN, "{refused}");

    let one_time = visitor.one_time(&path).await;
    let (status, taken) = visitor.acts(&approve, &json!({}), &one_time).await;
    assert_eq!(
        (status, &taken["decided_by"]),
        (StatusCode::OK, &json!("ada"))
    );
    let id = incident.id.to_string();
    stack.log_with(&id, Event::ApprovalDecided).await;
    stack
        .incident(&id, |incident| incident.status != Status::AwaitingApproval)
        .await;
}

#[tokio::test]
async fn an_action_with_a_used_token_changes_nothing() {
    let stack = Stack::start();
    let incident = waiting(&stack).await;
    let visitor = signed_in(&stack, "ada").await;
    let respond = format!("incidents/{}/respond", incident.id);
    let one_time = visitor
        .one_time(&format!("console/incidents/{}", incident.id))
        .await;
    let note = |text: &str| json!({ "action": "note", "text": text });
    let (_, first) = visitor.acts(&respond, &note("first"), &one_time).await;
    assert_eq!(first["changed"], true, "{first}");
    let (_, again) = visitor.acts(&respond, &note("again"), &one_time).await;
    assert_eq!(again["changed"], false, "{again}");
    let notes = stack.read(&incident.id).await.response.notes;
    assert_eq!(notes.len(), 1, "{notes:?}");
}
