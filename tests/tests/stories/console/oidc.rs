//! Signing in to the console at a real identity provider: who gets in, what they may do, and that nothing of it can be used again.

use domain::incident::operation_log::Event;
use domain::notification::person_token::Right;
use domain::notification::session::{AT_PROVIDER, Grant, LASTS, Session, written};
use jiff::Timestamp;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use store::fresh_incident_id;
use tests::alert::TestAlert;
use tests::identity_provider::{AtProvider, CLIENT_ID, IdentityProvider, REDIRECT_URI};
use tests::own_function::log_lines;
use tests::quell::quell;
use tests::stack::Stack;
use tests::visitor::{Visitor, is_session};

const ADA: &str = "1001";
const BOB: &str = "1002";
const STRANGER: &str = "1003";
const NO_GROUP: &str = "1004";

/// What the provider says of its accounts.
fn accounts() -> Value {
    json!({
        ADA: { "email": "ada@example.com", "email_verified": true, "groups": ["everyone", "on-call"] },
        BOB: { "email": "bob@example.com", "email_verified": true, "groups": ["everyone"] },
        STRANGER: { "groups": ["everyone", "on-call"] },
        NO_GROUP: { "groups": ["visitors"] },
    })
}

fn sign_in_file() -> Value {
    json!({
        "scopes": ["email", "groups"],
        "groups": { "everyone": { "may": ["look"] }, "on-call": { "may": ["look", "decide"] } },
        "people": { ADA: "ada", BOB: "bob", NO_GROUP: "ada" },
    })
}

/// A stack with a provider, which is there as long as the stack.
async fn start() -> (Stack, IdentityProvider) {
    let issuer = IdentityProvider::issuer();
    let parameters = [
        format!("OidcIssuer={issuer}"),
        format!("OidcClientId={CLIENT_ID}"),
        format!("OidcRedirectUri={REDIRECT_URI}"),
    ];
    let mut arguments = vec!["--without", "witness"];
    for parameter in &parameters {
        arguments.extend(["--param", parameter]);
    }
    let stack = Stack::start_with(&arguments);
    let file = stack.facts.target.config_dir.join("sign-in.json");
    std::fs::write(file, sign_in_file().to_string()).expect("written");
    let secret = &stack.facts.secrets["oidc_client"];
    let provider = IdentityProvider::start(&issuer, secret, &accounts()).await;
    (stack, provider)
}

/// A browser that has signed in at the provider, with what that has sent it back with.
async fn sent_back<'a>(stack: &'a Stack, account: &str) -> (Visitor<'a>, String) {
    let mut visitor = Visitor::new(stack);
    let to = visitor.begins("console/history?text=disk").await;
    let query = AtProvider::default().signs_in(&to, account).await;
    (visitor, query)
}

async fn signed_in<'a>(stack: &'a Stack, account: &str) -> Visitor<'a> {
    let (mut visitor, query) = sent_back(stack, account).await;
    let (to, _) = visitor.comes_back(&query).await;
    assert_eq!(to, "../../../console/history?text=disk");
    assert!(visitor.cookie().is_some_and(is_session), "{account} is in");
    visitor
}

/// Asserts that the sign-in is refused, and that the form says why.
async fn refused(visitor: &mut Visitor<'_>, query: &str, why: &str) {
    let (to, cookies) = visitor.comes_back(query).await;
    assert_eq!(to, format!("../../../console/sign-in?refused={why}"));
    assert!(!cookies.iter().any(|cookie| is_session(cookie)), "{why}");
    assert_eq!(visitor.cookie(), None, "{why}");
}

async fn decides(stack: &Stack) {
    let alert = TestAlert::firing(&stack.facts.target.service);
    let incident = stack.awaiting_approval(&alert).await;
    let (ada, bob) = (signed_in(stack, ADA).await, signed_in(stack, BOB).await);
    let page = ada.reads("console").await;
    assert!(page.contains(">ada<"), "{page}");

    let path = format!("console/incidents/{}", incident.id);
    let approve = format!(
        "approvals/{}/approve",
        incident.approval.expect("it waits").id
    );
    // The group of those who may look alone.
    let one_time = bob.one_time(&path).await;
    let (status, answer) = bob.acts(&approve, &json!({}), &one_time).await;
    assert_eq!(status, StatusCode::FORBIDDEN, "{answer}");
    let one_time = ada.one_time(&path).await;
    let (status, answer) = ada.acts(&approve, &json!({}), &one_time).await;
    assert_eq!(
        (status, &answer["decided_by"]),
        (StatusCode::OK, &json!("ada")),
        "{answer}"
    );
    let log = stack
        .log_with(&incident.id.to_string(), Event::ApprovalDecided)
        .await;
    let decided = log
        .iter()
        .find(|entry| entry.event == Event::ApprovalDecided);
    assert_eq!(decided.expect("it is there").actor, "oidc:ada");

    // By hand: one by its person, and one by an operator.
    let out = bob
        .asks(Method::POST, "api/v1/sessions/end")
        .header("origin", bob.origin());
    let out = out.send().await.expect("an answer");
    assert_eq!(out.status(), StatusCode::SEE_OTHER);
    let ended = quell(Some(stack))
        .args(["tokens", "end-sessions", "ada", "--control-table"])
        .arg(&stack.facts.outputs["ControlTableName"])
        .output()
        .expect("the command");
    let said = String::from_utf8_lossy(&ended.stdout).into_owned();
    assert_eq!(said, "1 sessions of ada ended\n", "{ended:?}");
    for person in [&ada, &bob] {
        let after = person.asks(Method::GET, "api/v1/incidents").send().await;
        let after = after.expect("an answer").status();
        assert_eq!(after, StatusCode::UNAUTHORIZED);
    }
}

async fn keeps_out(stack: &Stack) {
    for (account, why) in [(STRANGER, "person"), (NO_GROUP, "group")] {
        let (mut visitor, query) = sent_back(stack, account).await;
        refused(&mut visitor, &query, why).await;
    }
    let mut visitor = Visitor::new(stack);
    let to = visitor.begins("console").await;
    let query = AtProvider::default().goes_away(&to).await;
    assert!(query.contains("error=access_denied"), "{query}");
    refused(&mut visitor, &query, "denied").await;

    // The form shows the way, and what it says of a refusal is ours.
    let form = Visitor::new(stack)
        .reads("console/sign-in?refused=group")
        .await;
    assert!(form.contains("console/sign-in/oidc?next=console"), "{form}");
    assert!(form.contains("in no group that may look"), "{form}");
}

async fn takes_an_answer_once(stack: &Stack) {
    let (mut visitor, query) = sent_back(stack, ADA).await;
    // In another browser, which has no sign-in under way or one of its own, the answer is worth nothing.
    refused(&mut Visitor::new(stack), &query, "expired").await;
    let mut other = Visitor::new(stack);
    other.begins("console").await;
    refused(&mut other, &query, "expired").await;
    let forged = query.replace("code=", "code=x");
    let mut again = visitor.clone();
    let iss = query.replace("iss=http%3A%2F%2F", "iss=http%3A%2F%2Fevil.");
    assert_ne!(iss, query);
    refused(&mut visitor.clone(), &iss, "untrusted").await;

    let (_, cookies) = visitor.comes_back(&query).await;
    assert!(cookies.iter().any(|cookie| is_session(cookie)));
    // Whoever finds the address and the cookie later gets nothing, with whichever code.
    refused(&mut again.clone(), &query, "expired").await;
    refused(&mut again, &forged, "expired").await;

    // The code, in a sign-in that is right otherwise: the provider takes it once.
    let mut new = Visitor::new(stack);
    let to = new.begins("console").await;
    let state = to.split("state=").nth(1).expect("a state");
    let state = state.split('&').next().unwrap_or_default();
    let old_state = query.split("state=").nth(1).expect("a state");
    let old_state = old_state.split('&').next().unwrap_or_default();
    let query = query.replace(old_state, state);
    refused(&mut new, &query, "expired").await;
}

/// A session has a token or a grant: with both, or with neither, it lets no one in.
async fn keeps_tokens_and_grants_apart(stack: &Stack) {
    let (now, secret) = (Timestamp::now(), "0a".repeat(32));
    let own = stack.facts.tokens["ada"].split('_').nth(1);
    let grant = Grant {
        person: "ada".to_owned(),
        may: vec![Right::Look],
    };
    for (token, grant, status) in [
        (own, None, StatusCode::OK),
        (own, Some(grant.clone()), StatusCode::UNAUTHORIZED),
        (Some(AT_PROVIDER), Some(grant), StatusCode::OK),
        (Some(AT_PROVIDER), None, StatusCode::UNAUTHORIZED),
    ] {
        let session = Session {
            id: fresh_incident_id(now).to_string(),
            token: token.expect("an id").to_owned(),
            grant,
            digest: hex::encode(Sha256::digest(secret.as_bytes())),
            made_at: now,
            expires_at: now + LASTS,
            ended_at: None,
        };
        stack.control.save_session(&session).await.expect("saved");
        let cookie = format!("__Host-quell-session={}", written(&session, &secret));
        let request = stack
            .http
            .get(stack.url("incidents"))
            .header("cookie", cookie);
        let answer = request.send().await.expect("an answer").status();
        assert_eq!(answer, status, "{session:?}");
    }
}

async fn logs_why(stack: &Stack, codes: &[&str]) {
    let lines = log_lines(stack, "/aws/lambda/quell-signin")
        .await
        .join("\n");
    for said in [
        "a session has begun at the identity provider",
        "the account is none of the people of sign-in.json",
        "the account is in no group of sign-in.json that lets it look",
        "the provider refuses (access_denied)",
        "the answer was used before",
        "invalid_grant",
        "the answer is of another issuer",
    ] {
        assert!(lines.contains(said), "{said}: {lines}");
    }
    assert!(lines.contains("\"refused\":1"), "{lines}");
    for secret in [&stack.facts.secrets["oidc_client"].as_str()]
        .into_iter()
        .chain(codes)
    {
        assert!(!lines.contains(*secret), "a secret is in the log");
    }
}

#[tokio::test]
async fn people_sign_in_at_their_identity_provider() {
    if !IdentityProvider::is_installed("people_sign_in_at_their_identity_provider") {
        return;
    }
    let (stack, _provider) = start().await;
    decides(&stack).await;
    keeps_out(&stack).await;
    takes_an_answer_once(&stack).await;
    keeps_tokens_and_grants_apart(&stack).await;
    logs_why(&stack, &["eyJ"]).await;
}
