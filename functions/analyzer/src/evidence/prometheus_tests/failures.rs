//! Tests of answers that are none: errors, other shapes, servers that break off or are not there.

use domain::analysis::evidence::Found;
use loopback::{Reply, Server};
use serde_json::json;

use super::{KEY, found, look, matrix, server};
use crate::evidence::stand_in::{alert, answering};

async fn failure(stand_in: &Server) -> String {
    let Found::Failed { why } = found(stand_in).await else {
        panic!("it has to fail")
    };
    let why = why.to_string();
    assert!(!why.contains(KEY) && !why.contains("127.0.0.1"), "{why}");
    why
}

#[tokio::test]
async fn documented_errors_are_told_in_their_words() {
    let error = |kind: &str, words: &str| {
        json!({ "status": "error", "errorType": kind, "error": words }).to_string()
    };
    let cases = [
        (
            400,
            error("bad_data", "1:5: parse error: unexpected end of input"),
            "bad_data: 1:5: parse error: unexpected end of input",
        ),
        (
            422,
            error("execution", "query processing would load too many samples"),
            "execution: query processing would load too many samples",
        ),
        (
            503,
            error("timeout", "query timed out in expression evaluation"),
            "timeout: query timed out in expression evaluation",
        ),
        (200, error("internal", "odd"), "internal: odd"),
        // Not documented, but in the reach of a proxy.
        (
            401,
            error("unauthorized", "no such token: not-a-real-token"),
            "unauthorized: no such token: [redacted]",
        ),
    ];
    for (status, body, words) in cases {
        let stand_in = answering(status, "application/json", &body);
        assert_eq!(
            failure(&stand_in).await,
            format!("it refused the question ({status}): {words}")
        );
    }
}

#[tokio::test]
async fn an_answer_of_another_shape_is_none() {
    let cases = [
        (502, "<html><h1>Bad Gateway</h1></html>".to_owned()),
        (200, "<html>Log in</html>".to_owned()),
        (401, "Unauthorized\n".to_owned()),
        (200, String::new()),
        (200, "null".to_owned()),
        (200, "{}".to_owned()),
        (200, json!({ "status": "success" }).to_string()),
        (
            200,
            json!({ "status": "success", "data": { "resultType": "vector", "result": [] } })
                .to_string(),
        ),
        (
            200,
            json!({ "status": "success", "data": { "resultType": "matrix", "result": {} } })
                .to_string(),
        ),
        (
            200,
            json!({ "status": "success", "data": { "resultType": "matrix", "result": null } })
                .to_string(),
        ),
        (200, matrix(&json!([{ "metric": [], "values": [] }]))),
        (
            200,
            matrix(&json!([{ "metric": { "a": 1 }, "values": [] }])),
        ),
        (
            200,
            matrix(&json!([{ "metric": {}, "values": [[1, 2.0]] }])),
        ),
        (
            200,
            matrix(&json!([{ "metric": {}, "values": [[1, "two"]] }])),
        ),
        (200, matrix(&json!([{ "metric": {}, "values": [[1]] }]))),
        (
            200,
            matrix(&json!([{ "metric": {}, "values": [["now", "1"]] }])),
        ),
        (500, matrix(&json!([]))),
    ];
    for (status, body) in cases {
        let why = failure(&answering(status, "text/html", &body)).await;
        assert!(
            why.starts_with(&format!("its answer ({status}) is none of its API: ")),
            "{body}: {why}"
        );
    }
}

#[tokio::test]
async fn values_that_are_no_numbers_and_no_values_are_nothing() {
    let histogram =
        json!({ "metric": {}, "histograms": [[1, { "count": "1", "sum": "1", "buckets": [] }]] });
    for series in [
        json!([]),
        json!([{ "metric": {}, "values": [] }]),
        json!([{ "metric": {}, "values": [[1, "NaN"], [2, "-Inf"]] }]),
        json!([histogram]),
    ] {
        assert_eq!(
            found(&answering(200, "application/json", &matrix(&series))).await,
            Found::Nothing,
            "{series}"
        );
    }
}

#[tokio::test]
async fn a_server_that_breaks_off_stalls_or_never_ends_is_given_up() {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n";
    let cut = Server::playing(vec![Reply::Cut(
        format!("{head}content-length: 1000\r\n\r\n{{\"status\":").into(),
    )]);
    assert!(failure(&cut).await.starts_with("it could not be reached: "));
    let hung_up = Server::playing(vec![Reply::Cut(Vec::new())]);
    assert!(
        failure(&hung_up)
            .await
            .starts_with("it could not be reached: ")
    );
    let no_http = Server::playing(vec![Reply::Cut("SSH-2.0-OpenSSH_9.2\r\n".into())]);
    assert!(
        failure(&no_http)
            .await
            .starts_with("it could not be reached: ")
    );
    for silent in [
        String::new(),
        head.to_owned(),
        format!("{head}content-length: 1000\r\n\r\n{{"),
    ] {
        assert_eq!(
            failure(&Server::playing(vec![Reply::Silent(silent.into())])).await,
            "it did not answer within 1 s"
        );
    }
    let huge = answering(200, "application/json", &" ".repeat(2 * 1024 * 1024 + 1));
    assert_eq!(failure(&huge).await, "its answer is longer than 2 MiB");
    let endless = Server::playing(vec![Reply::Silent(
        format!("{head}\r\n{}", " ".repeat(3 * 1024 * 1024)).into(),
    )]);
    assert_eq!(failure(&endless).await, "its answer is longer than 2 MiB");
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let elsewhere = answering(200, "application/json", &matrix(&json!([])));
    for status in [301, 302, 307, 308] {
        let redirect = format!(
            "HTTP/1.1 {status} Away\r\nlocation: {}/api/v1/query_range\r\ncontent-length: 0\r\n\r\n",
            elsewhere.url
        );
        let why = failure(&Server::playing(vec![Reply::Cut(redirect.into())])).await;
        assert!(
            why.starts_with(&format!(
                "it answered with a redirect ({status}), which is not followed"
            )),
            "{why}"
        );
    }
    assert!(elsewhere.requests().is_empty());
}

#[tokio::test]
async fn nobody_there_is_an_answer_and_one_failure_is_not_all() {
    let closed = loopback::closed();
    let prometheus = server(
        &format!("http://{closed}"),
        &[("a", "a"), ("b", "b{c='$missing'}")],
    );
    let evidence = look(&prometheus, &alert(&[])).await;
    let whys: Vec<String> = evidence
        .iter()
        .filter_map(|one| {
            if let Found::Failed { why } = &one.found {
                Some(why.to_string())
            } else {
                None
            }
        })
        .collect();
    assert!(
        whys[0].starts_with("it could not be reached: ") && whys[0].contains("refused"),
        "{whys:?}"
    );
    assert_eq!(whys[1..], ["it was not asked: the alert has no `missing`"]);
}
