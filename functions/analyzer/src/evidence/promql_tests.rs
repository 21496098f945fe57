//! Tests of the PromQL scanner.

use reqwest::Url;

use super::super::NoAnswer;
use super::super::stand_in::alert;
use super::{filled, own_expression, value_side};

fn expression_at(server: &str, generator_url: &str) -> Option<Result<String, NoAnswer>> {
    own_expression(&Url::parse(server).expect("a URL"), generator_url)
}

#[test]
fn an_expression_is_taken_from_the_server_s_own_page() {
    let cases = [
        (
            "http://prom.example:9090",
            "http://prom.example:9090/graph?g0.expr=up+%3D%3D+0&g0.tab=1",
            "up == 0",
        ),
        (
            "http://prom.example:9090",
            "http://prom.example:9090/query?g0.tab=1&g0.expr=up%20%3D%3D%200",
            "up == 0",
        ),
        (
            "https://prom.example",
            "https://PROM.example:443/graph?g0.expr=a%3E5",
            "a>5",
        ),
        (
            "http://prom.example/metrics/",
            "http://prom.example/metrics/graph?g0.expr=a",
            "a",
        ),
        (
            "http://prom.example/metrics",
            "http://prom.example/x/../metrics/graph?g0.expr=a&g0.expr=b",
            "a",
        ),
        (
            "http://[::1]:9090",
            "http://[0:0:0:0:0:0:0:1]:9090/graph?g0.expr=a",
            "a",
        ),
    ];
    for (server, generator_url, expected) in cases {
        assert_eq!(
            expression_at(server, generator_url),
            Some(Ok(expected.to_owned())),
            "{generator_url}"
        );
    }
}

#[test]
fn another_place_s_expression_is_not_taken() {
    let elsewhere = [
        "http://prom.example.evil/p/graph?g0.expr=a",
        "http://prom.example@evil.example/p/graph?g0.expr=a",
        "http://prom.example:80@evil.example/p/graph?g0.expr=a",
        "http://evil.example/http://prom.example/p/graph?g0.expr=a",
        "http://evil.example\\@prom.example/p/graph?g0.expr=a",
        "http://user@prom.example/p/graph?g0.expr=a",
        "http://user:word@prom.example/p/graph?g0.expr=a",
        "http://:word@prom.example/p/graph?g0.expr=a",
        "https://prom.example/p/graph?g0.expr=a",
        "http://prom.example:8080/p/graph?g0.expr=a",
        "http://prom.example/graph?g0.expr=a",
        "http://prom.example/pp/graph?g0.expr=a",
        "http://prom.example/p/../graph?g0.expr=a",
        "http://prom.example/p/%2e%2e/graph?g0.expr=a",
        "http://prom.example/p/graph/?g0.expr=a",
        "http://prom.example/p/admin?g0.expr=a",
        "http://prom.example/P/graph?g0.expr=a",
        "http://prom.example./p/graph?g0.expr=a",
        "http://prom.example/p/graph#g0.expr=a",
        "http://prom.example/p/graph?g1.expr=a",
        "http://prom.example/p/graph?g0.expr=",
        "http://prom.example/p/graph?g0.expr=%20%0a",
        "//prom.example/p/graph?g0.expr=a",
        "javascript:alert(1)",
        "file:///p/graph?g0.expr=a",
        "",
    ];
    for generator_url in elsewhere {
        assert_eq!(
            expression_at("http://prom.example/p", generator_url),
            None,
            "{generator_url}"
        );
    }
}

#[test]
fn half_an_expression_is_not_asked_for() {
    let page = "http://prom.example/graph?g0.expr=";
    let room = 4_095 - page.len();
    for (expression, asked) in [
        ("a".repeat(room), true),
        ("a".repeat(room + 1), false),
        ("é".repeat(2_048), true),
        ("é".repeat(2_049), false),
        ("€".repeat(2_000), false),
    ] {
        let found = expression_at("http://prom.example", &format!("{page}{expression}"))
            .expect("it is the server's");
        assert_eq!(
            found.is_ok(),
            asked,
            "{} characters",
            expression.chars().count()
        );
    }
}

#[test]
fn the_value_is_what_stands_before_a_comparison_with_a_number() {
    let cases = [
        ("a > 5", Some("a")),
        ("a>=0.5", Some("a")),
        (" a  !=\n-1e3 ", Some("a")),
        ("up == 0", Some("up")),
        ("a > bool 5", Some("a")),
        ("a < +Inf", Some("a")),
        (
            r#"rate(http_requests_total{code=~"5..", job!="x"}[5m]) / 2 > 0.1"#,
            Some(r#"rate(http_requests_total{code=~"5..", job!="x"}[5m]) / 2"#),
        ),
        (r#"a{b="c > 1"} < 3"#, Some(r#"a{b="c > 1"}"#)),
        (r#"a{b="\" > 1"} < 3"#, Some(r#"a{b="\" > 1"}"#)),
        (r"a{b=`\`} < 3", Some(r"a{b=`\`}")),
        ("sum(a > 1) by (pod) > 2", Some("sum(a > 1) by (pod)")),
        ("(a and b) > 2", Some("(a and b)")),
        ("random_walk > 2", Some("random_walk")),
        ("a > 3 < 9", Some("a > 3")),
        ("µ > 1", Some("µ")),
        ("a and b > 5", None),
        ("a UNLESS on (x) b > 5", None),
        ("a > 5 or vector(0)", None),
        ("a > 5 and b < 3", None),
        ("a > b", None),
        ("a > 5 * 1024", None),
        ("a > 5m", None),
        ("5 < a", None),
        ("> 5", None),
        ("(a > 5)", None),
        ("a", None),
        ("absent(up)", None),
        ("a > 5 # and so on", None),
        ("a) > 5", None),
        ("(a > 5", None),
        ("a{b=\"c > 5", None),
        ("a{b=\"c\\", None),
        ("a > 5)(", None),
        ("", None),
    ];
    for (expression, expected) in cases {
        let found = value_side(expression);
        assert_eq!(found.map(|found| found.value), expected, "{expression}");
    }
}

#[test]
fn the_limit_of_an_alert_is_its_comparison_with_a_number() {
    for (expression, limit) in [
        ("a>=0.5", ">= 0.5"),
        ("up == 0", "== 0"),
        ("a > bool  5 ", "> 5"),
    ] {
        assert_eq!(value_side(expression).expect("a comparison").limit, limit);
    }
}

#[test]
fn a_query_is_filled_with_plain_values_alone() {
    let alert = alert(&[
        ("instance", "h-1:9100"),
        ("pod", "web"),
        ("_a1", "x"),
        ("empty", ""),
        ("evil", "x\"} or vector(1) #"),
    ]);
    let cases = [
        (
            r#"up{instance="$instance"}"#,
            Ok(r#"up{instance="h-1:9100"}"#),
        ),
        (
            r#"a{pod=~"$pod-.*",x="$_a1"} + b$pod"#,
            Ok(r#"a{pod=~"web-.*",x="x"} + bweb"#),
        ),
        (
            r#"label_replace(a{b=~"c$"}, "d", "$1", "e", "(.*)$")"#,
            Ok(r#"label_replace(a{b=~"c$"}, "d", "$1", "e", "(.*)$")"#),
        ),
        ("a", Ok("a")),
        ("$", Ok("$")),
        ("$$pod", Ok("$web")),
        ("${pod}", Ok("${pod}")),
        ("", Ok("")),
        (
            r#"up{x="$nobody"}"#,
            Err("it was not asked: the alert has no `nobody`"),
        ),
        (
            r#"up{x="$pods"}"#,
            Err("it was not asked: the alert has no `pods`"),
        ),
        (
            r#"up{x="$empty"}"#,
            Err("it was not asked: the alert has no `empty`"),
        ),
        (
            r#"up{x="$evil"}"#,
            Err("it was not asked: the alert's `evil` holds more than A-Z a-z 0-9 _ . : / -"),
        ),
    ];
    for (query, expected) in cases {
        let found = filled(query, &alert, None).map_err(|why| why.to_string());
        assert_eq!(
            found,
            expected.map(str::to_owned).map_err(str::to_owned),
            "{query}"
        );
    }
}
