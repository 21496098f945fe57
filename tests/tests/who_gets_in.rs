//! Who gets in, where it depends on the deployment: source addresses, base64 bodies, and secrets that nobody has put.

use jiff::Timestamp;
use lambda_http::Request;
use serde_json::{Value, json};
use tests::alert::{TestAlert, unique};
use tests::stack::{Stack, project};

/// An event of API Gateway with this body, from this address.
fn event(body: &str, source: &str, headers: &Value) -> Value {
    let recorded = std::fs::read_to_string(project().join("events/alertmanager-single.json")).expect("the event");
    let mut event: Value = serde_json::from_str(&recorded).expect("JSON");
    event["body"] = json!(body);
    event["requestContext"]["http"]["sourceIp"] = json!(source);
    event["headers"] = headers.clone();
    event
}

fn request(event: &Value) -> Request {
    lambda_http::request::from_str(&event.to_string()).expect("a request")
}

async fn answer(app: &ingress::App, event: &Value) -> (u16, Value) {
    let response = app.answer(request(event), Timestamp::now()).await.expect("always an answer");
    (response.status().as_u16(), serde_json::from_slice(response.body()).expect("JSON"))
}

#[tokio::test]
async fn the_address_that_counts_is_the_one_that_api_gateway_saw() {
    let stack = Stack::start();
    let app = stack.ingress(&[("INTERNAL_CIDRS", "10.0.0.0/8, fd00::/8")]);
    let body = TestAlert::firing(unique("source")).delivery().to_string();
    let none = json!({ "content-type": "application/json" });
    let spoofed = json!({ "x-forwarded-for": "10.0.0.1", "x-real-ip": "10.0.0.1", "forwarded": "for=10.0.0.1" });
    for (source, headers, status) in [
        ("203.0.113.7", &none, 401),
        ("203.0.113.7", &spoofed, 401),
        ("not an address", &none, 401),
        ("10.1.2.3", &none, 200),
        ("fd00::7", &none, 200),
        ("::ffff:10.1.2.3", &spoofed, 200),
    ] {
        assert_eq!(answer(&app, &event(&body, source, headers)).await.0, status, "{source} {headers}");
    }
    // Without a list nobody is internal.
    let strict = stack.ingress(&[]);
    assert_eq!(answer(&strict, &event(&body, "10.1.2.3", &none)).await.0, 401);
}

#[tokio::test]
async fn base64_bodies_are_decoded_before_they_are_looked_at() {
    use base64::Engine as _;
    let stack = Stack::start();
    let app = stack.ingress(&[]);
    let body = TestAlert::firing(unique("base64")).delivery().to_string();
    let headers = json!({ "authorization": format!("Bearer {}", stack.facts.secrets["alertmanager"]) });
    let mut encoded = event(&base64::engine::general_purpose::STANDARD.encode(&body), "203.0.113.7", &headers);
    encoded["isBase64Encoded"] = json!(true);
    let (status, taken) = answer(&app, &encoded).await;
    assert_eq!((status, taken["outcome"].as_str()), (200, Some("opened")), "{taken}");
}

#[tokio::test]
async fn without_a_secret_everyone_is_refused_except_in_development() {
    let stack = Stack::start();
    let body = TestAlert::firing(unique("secretless")).delivery().to_string();
    let bearer = json!({ "authorization": "Bearer anything" });
    let missing = ("ALERTMANAGER_SECRET_ID", "no-such-secret");
    let (status, problem) = answer(&stack.ingress(&[missing]), &event(&body, "203.0.113.7", &bearer)).await;
    assert_eq!((status, problem["type"].as_str()), (503, Some("urn:quell:problem:no-secret")));
    let (status, _) = answer(&stack.ingress(&[missing, ("ENVIRONMENT", "dev")]), &event(&body, "203.0.113.7", &bearer)).await;
    assert_eq!(status, 200);
    // A secret that is there counts in development too.
    let dev = stack.ingress(&[("ENVIRONMENT", "dev")]);
    assert_eq!(answer(&dev, &event(&body, "203.0.113.7", &bearer)).await.0, 401);
}

#[tokio::test]
async fn a_rotated_secret_passes_together_with_the_one_before() {
    let stack = Stack::start();
    let client = aws_sdk_secretsmanager::Client::new(&stack.aws());
    let name = unique("rotated");
    client.create_secret().name(&name).secret_string("first").send().await.expect("created");
    let app = stack.ingress(&[("ALERTMANAGER_SECRET_ID", &name)]);
    let body = TestAlert::firing(unique("rotation")).delivery().to_string();
    let status = async |token: &str| {
        let headers = json!({ "authorization": format!("Bearer {token}") });
        answer(&app, &event(&body, "203.0.113.7", &headers)).await.0
    };
    assert_eq!(status("first").await, 200);
    client.put_secret_value().secret_id(&name).secret_string("second").send().await.expect("rotated");
    // The secret in memory is the first; both fit, without waiting for it to age.
    assert_eq!((status("second").await, status("first").await, status("third").await), (200, 200, 401));
    client.put_secret_value().secret_id(&name).secret_string("third").send().await.expect("rotated");
    let fresh = stack.ingress(&[("ALERTMANAGER_SECRET_ID", &name)]);
    for (token, expected) in [("third", 200), ("second", 200), ("first", 401)] {
        let headers = json!({ "authorization": format!("Bearer {token}") });
        assert_eq!(answer(&fresh, &event(&body, "203.0.113.7", &headers)).await.0, expected, "{token}");
    }
}
