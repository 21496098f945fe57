//! Tests of requests to services that take JSON at paths, and of how their errors are named.

use std::time::Duration;

use loopback::{Server, answer};
use settings::variables::Variables;

use super::{CallError, SES_V2, SignedClient, code};
use crate::AwsEnvironment;

fn client(url: &str) -> SignedClient {
    let variables = Variables::from_fn(|name| match name {
        "AWS_REGION" => Some("eu-west-1".to_owned()),
        "AWS_ACCESS_KEY_ID" | "AWS_SECRET_ACCESS_KEY" => Some("a-key".to_owned()),
        "AWS_ENDPOINT_URL" => Some(url.to_owned()),
        _ => None,
    });
    let aws = AwsEnvironment::from_variables(&variables).expect("a region and credentials");
    SignedClient::new(&aws, &SES_V2, Duration::from_secs(5)).without_retries()
}

#[tokio::test]
async fn an_operation_that_is_a_path_is_signed_for_its_service() {
    let server = Server::playing(vec![answer(200, &[], r#"{"MessageId":"1"}"#)]);
    client(&server.url)
        .call("/v2/email/outbound-emails", "{}")
        .await
        .expect("an answer");
    let request = server.requests().remove(0);
    assert_eq!(
        (request.method.as_str(), request.path.as_str()),
        ("POST", "/v2/email/outbound-emails")
    );
    assert_eq!(request.header("content-type"), "application/json");
    assert_eq!(request.header("x-amz-target"), "");
    let signature = request.header("authorization");
    assert!(
        signature.contains("/eu-west-1/ses/aws4_request"),
        "{signature}"
    );
}

#[tokio::test]
async fn an_error_that_a_header_names_is_a_refusal() {
    let headers = [(
        "x-amzn-errortype",
        "TooManyRequestsException:http://a.test/",
    )];
    let server = Server::playing(vec![answer(429, &headers, r#"{"message":"slow"}"#)]);
    let error = client(&server.url)
        .call("/v2/email/outbound-emails", "{}")
        .await
        .expect_err("it refuses");
    assert!(error.is_busy(), "{error:?}");
    assert!(
        matches!(&error, CallError::Refused { code, message, .. } if code == "TooManyRequestsException" && message == "slow"),
        "{error:?}"
    );
}

#[test]
fn the_code_of_an_error_is_its_bare_name() {
    for (text, expected) in [
        ("MessageRejected", "MessageRejected"),
        ("com.amazonaws.ssm#InvalidInstanceId", "InvalidInstanceId"),
        ("BadRequestException:http://a.test/b", "BadRequestException"),
        ("", ""),
    ] {
        assert_eq!(code(text), expected);
    }
}
