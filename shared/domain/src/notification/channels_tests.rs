//! Tests of routes, approval rules and identities in `channels.json`.

use jiff::Timestamp;
use serde_json::json;

use super::{Channels, Identity, Language};
use crate::analysis::{Risk, Severity};
use crate::incident::approval::Reach;
use crate::incident::parts::IncidentKind;
use crate::playbook::plan::tests::plan;
use crate::transition::lifecycle::tests::incident;

fn channels(value: serde_json::Value) -> Channels {
    serde_json::from_value(value).expect("the shape of the file")
}

fn chat(name: &str, chat_id: i64) -> serde_json::Value {
    json!({ "name": name, "to": { "telegram": { "chat_id": chat_id } } })
}

#[test]
fn the_first_route_that_fits_says_where_unless_it_goes_on() {
    let file = channels(json!({
        "channels": [chat("pay", 1), chat("bad", 2), chat("rest", 3), chat("ci", 4)],
        "routes": [
            { "cicd": true, "channels": ["ci"] },
            { "severities": ["P0", "P1"], "channels": ["bad"], "continue": true },
            { "namespaces": ["pay*"], "labels": { "team": "?" }, "channels": ["pay", "bad"] },
            { "services": ["web"], "channels": ["pay"] },
            { "channels": ["rest"] },
        ],
    }));
    let names = |incident: &crate::incident::Incident| {
        file.routed(incident)
            .into_iter()
            .map(|channel| channel.name.clone())
            .collect::<Vec<_>>()
    };
    let mut one = incident();
    (one.severity, one.alert.target, one.alert.normalised_target) =
        (Severity::P3, "db-1".into(), "db".into());
    assert_eq!(names(&one), ["rest"]);
    one.severity = Severity::P1;
    assert_eq!(names(&one), ["bad", "rest"]);
    one.alert.namespace = "payments".into();
    assert_eq!(
        names(&one),
        ["bad", "rest"],
        "a label that is not there fits nothing"
    );
    one.alert.labels.insert("team".into(), "a".into());
    assert_eq!(
        names(&one),
        ["pay", "bad"],
        "each channel once, in the order of the file"
    );
    let mut planned = incident();
    (planned.severity, planned.plan) = (Severity::P3, Some(plan()));
    assert_eq!(names(&planned), ["pay"], "the plan's target is a service");
    planned.kind = IncidentKind::Pipeline;
    assert_eq!(names(&planned), ["ci"]);
    assert_eq!(file.for_notices().len(), 1);
    assert!(Channels::default().routed(&one).is_empty());
}

#[test]
fn the_first_rule_that_fits_says_who_may_decide() {
    let file = channels(json!({
        "people": { "ada": { "telegram": 7, "slack": "U7", "pagerduty": "P7" }, "bob": { "api": true }, "carol": {} },
        "approvals": [
            { "services": ["pay*"], "risks": ["high", "critical"], "people": ["ada"], "then": ["carol"], "escalate_after_seconds": 600 },
            { "services": ["web"], "people": ["ada", "bob"] },
        ],
    }));
    assert_eq!(file.errors(), []);
    let may = |service, risk, person, escalated| {
        file.rule(service, risk).is_some_and(|rule| {
            let reach = Reach {
                second_list: escalated,
                level: 0,
            };
            rule.may(person, reach, 1, &file.duty, Timestamp::UNIX_EPOCH)
        })
    };
    assert!(
        may("payments", Risk::High, "ada", false) && !may("payments", Risk::High, "bob", false)
    );
    assert!(
        !may("payments", Risk::High, "carol", false) && may("payments", Risk::High, "carol", true)
    );
    assert!(
        !may("payments", Risk::Low, "ada", true),
        "no rule is for this"
    );
    assert!(may("web", Risk::Critical, "bob", false));

    assert_eq!(file.person(&Identity::Telegram(7)), Some("ada"));
    assert_eq!(file.person(&Identity::Slack("U7".into())), Some("ada"));
    assert_eq!(file.person(&Identity::PagerDuty("P7".into())), Some("ada"));
    assert_eq!(file.person(&Identity::Api("bob".into())), Some("bob"));
    assert_eq!(file.person(&Identity::Oidc("bob".into())), Some("bob"));
    assert_eq!(file.person(&Identity::Link("carol".into())), Some("carol"));
    for stranger in [
        Identity::Telegram(8),
        Identity::Slack("U8".into()),
        Identity::Slack("".into()),
        Identity::Slack("P7".into()),
        Identity::PagerDuty("U7".into()),
        Identity::PagerDuty("".into()),
        Identity::Api("ada".into()),
        Identity::Api("eve".into()),
        Identity::Oidc("ada".into()),
        Identity::Oidc("eve".into()),
        Identity::Link("eve".into()),
    ] {
        assert_eq!(file.person(&stranger), None, "{stranger:?}");
    }
}

#[test]
fn a_channel_speaks_its_own_language_or_the_files() {
    let own = json!({ "name": "own", "language": "en", "to": { "telegram": { "chat_id": 2 } } });
    let file = channels(json!({ "language": "zh-TW", "channels": [chat("one", 1), own] }));
    let of = |name| file.language_of(file.channel(name).expect("a channel"));
    assert_eq!(
        (of("one"), of("own")),
        (Language::TraditionalChinese, Language::English)
    );
}

#[test]
fn what_cannot_be_meant_is_named() {
    let cases = [
        (
            json!({ "channels": [chat("A b", 1)], "routes": [{ "channels": ["A b"] }] }),
            "channels[0].name",
            "a-z",
        ),
        (
            json!({ "channels": [chat("a", 1), chat("a", 2)], "routes": [{ "channels": ["a"] }] }),
            "channels[1].name",
            "another",
        ),
        (
            json!({ "channels": [chat("a", 1), chat("b", 1)], "routes": [{ "channels": ["a"] }] }),
            "channels[1].to",
            "another channel is",
        ),
        (
            json!({ "channels": [chat("a", 0)], "routes": [{ "channels": ["a"] }] }),
            "channels[0].to.telegram.chat_id",
            "numeric",
        ),
        (
            json!({ "channels": [{ "name": "a", "charts": true, "to": { "teams": { "url_secret": "s" } } }] }),
            "channels[0].charts",
            "take no pictures",
        ),
        (
            json!({ "channels": [chat("a", 1)] }),
            "routes",
            "what is told where",
        ),
        (
            json!({ "routes": [{ "channels": ["b"] }] }),
            "routes[0].channels[0]",
            "none of the channels",
        ),
        (json!({ "routes": [{}] }), "routes[0].channels", "nowhere"),
        (json!({ "people": { "a b": {} } }), "people.a b", "name"),
        (
            json!({ "people": { "a": { "telegram": 1 }, "b": { "telegram": 1 } } }),
            "people.b",
            "as two",
        ),
        (
            json!({ "people": { "a": { "pagerduty": "P1" }, "b": { "pagerduty": "P1" } } }),
            "people.b",
            "as two",
        ),
        (
            json!({ "people": { "a": { "pagerduty": "ada@example.com" } } }),
            "people.a.pagerduty",
            "such as PLH1HKV",
        ),
        (
            json!({ "people": { "a": { "email": "a@x.test" }, "b": { "email": "A@x.test" } } }),
            "people.b",
            "as two",
        ),
        (
            json!({ "people": { "a": { "email": "Ada <ada@example.com>" } } }),
            "people.a.email",
            "such as ada@example.com",
        ),
        (
            json!({ "approvals": [{ "people": ["x"] }] }),
            "approvals[0].people[0]",
            "none of the people",
        ),
        (
            json!({ "approvals": [{}] }),
            "approvals[0].people",
            "unless the rule names a team",
        ),
        (
            json!({ "people": { "a": {} }, "approvals": [{ "people": ["a"], "then": ["a"] }] }),
            "approvals[0].then",
            "together",
        ),
    ];
    for (file, field, words) in cases {
        let errors = channels(file).errors();
        assert!(
            errors
                .iter()
                .any(|(at, sentence)| at == field && sentence.contains(words)),
            "{field}: {errors:?}"
        );
    }
    let webhook = |url: &str, private: bool| {
        let to = json!({ "webhook": { "url": url, "key_secret": "k", "private": private } });
        channels(
            json!({ "channels": [{ "name": "a", "to": to }], "routes": [{ "channels": ["a"] }] }),
        )
        .errors()
        .len()
    };
    assert_eq!(
        [
            webhook("https://a.test/x", false),
            webhook("http://a.test", false),
            webhook("http://10.0.0.1", true)
        ],
        [0, 1, 0]
    );
    let alertmanager = |url: &str, private: bool| {
        channels(json!({ "alertmanager": { "url": url, "private": private } })).errors()
    };
    assert_eq!(alertmanager("https://a.test/am", false), []);
    assert_eq!(alertmanager("http://10.0.0.1:9093", true), []);
    for (url, words) in [
        ("http://a.test", "https://"),
        ("https://a.test/", "without a slash"),
    ] {
        let errors = alertmanager(url, false);
        assert!(
            matches!(errors.as_slice(), [(at, sentence)] if at == "alertmanager.url" && sentence.contains(words)),
            "{errors:?}"
        );
    }
    let many: Vec<_> = (1..=31).map(|i| chat(&format!("c{i}"), i)).collect();
    let errors = channels(json!({ "channels": many, "routes": [{ "channels": ["c1"] }] })).errors();
    assert!(
        errors.iter().any(|(field, _)| field == "channels"),
        "{errors:?}"
    );
}

#[test]
fn an_unknown_field_is_refused() {
    for text in [
        r#"{"channel":[]}"#,
        r#"{"people":{"a":{"telegramm":1}}}"#,
        r#"{"approvals":[{"risk":["low"]}]}"#,
        r#"{"language":"fr"}"#,
    ] {
        assert!(serde_json::from_str::<Channels>(text).is_err(), "{text}");
    }
    assert!(
        serde_json::from_str::<Channels>(r#"{"$schema":"schemas/channels.schema.json"}"#).is_ok()
    );
}

#[test]
fn a_rule_and_a_route_name_a_team() {
    let mut file = channels(json!({
        "channels": [chat("all", 1)],
        "routes": [
            { "namespaces": ["pay*"], "channels": ["all"], "team": "payments", "continue": true },
            { "namespaces": ["other"], "channels": ["all"], "team": "search" },
            { "channels": ["all"], "team": "web" },
            { "channels": ["all"], "team": "payments" },
        ],
        "people": { "ada": {}, "bob": {}, "carol": {} },
        "approvals": [{ "team": "web", "people": ["carol", "ada"] }],
    }));
    let missing: Vec<String> = file.errors().into_iter().map(|(field, _)| field).collect();
    assert_eq!(
        missing,
        [
            "routes[0].team",
            "routes[1].team",
            "routes[2].team",
            "routes[3].team",
            "approvals[0].team"
        ]
    );
    let level = json!({ "levels": [{ "people": ["ada", "bob"] }] });
    file.duty = serde_json::from_value(
        json!({ "teams": { "payments": level, "search": level, "web": level } }),
    )
    .expect("teams");
    assert_eq!(file.errors(), []);
    let rule = file.rule("any", Risk::Low).expect("a rule");
    assert_eq!(
        rule.who(Reach::default(), 1, &file.duty, Timestamp::UNIX_EPOCH),
        ["ada", "bob", "carol"]
    );
    let mut one = incident();
    one.alert.namespace = "payments".into();
    assert_eq!(file.teams_of(&one).collect::<Vec<_>>(), ["payments", "web"]);
    one.alert.namespace = "shop".into();
    assert_eq!(file.teams_of(&one).collect::<Vec<_>>(), ["web"]);
}

#[test]
fn a_route_names_people_beside_its_team() {
    let mut file = channels(json!({
        "channels": [chat("all", 1)],
        "routes": [
            { "channels": ["all"], "people": ["carol", "dora"], "team": "web", "continue": true },
            { "channels": ["all"], "people": ["ada", "carol"] },
            { "channels": ["all"], "people": ["nobody"] },
        ],
        "people": { "ada": {}, "carol": {}, "dora": {} },
    }));
    let levels = json!([{ "people": ["ada"], "wait_seconds": 60 }, { "people": ["dora"] }]);
    file.duty =
        serde_json::from_value(json!({ "teams": { "web": { "levels": levels } } })).expect("teams");
    let at = Timestamp::UNIX_EPOCH;
    assert_eq!(file.people_of(&incident(), at), ["carol", "dora", "ada"]);
    let wrong: Vec<String> = file.errors().into_iter().map(|(field, _)| field).collect();
    assert_eq!(wrong, ["routes[2].people[0]"]);
}

#[test]
fn quiet_hours_without_a_zone_are_refused() {
    let hours = json!({ "from": "22:00", "until": "07:00" });
    let file = channels(json!({ "people": {
        "ada": { "quiet": hours },
        "bob": { "quiet": hours, "time_zone": "Asia/Taipei" },
    } }));
    let wrong: Vec<String> = file.errors().into_iter().map(|(field, _)| field).collect();
    assert_eq!(wrong, ["people.ada.quiet.zone"]);
}

#[test]
fn charts_are_for_channels_that_take_pictures_unless_switched_off() {
    let telegram = json!({ "telegram": { "chat_id": 1 } });
    let slack = json!({ "slack": { "channel_id": "C1", "token_secret": "t" } });
    let teams = json!({ "teams": { "url_secret": "s" } });
    let null = serde_json::Value::Null;
    for (to, charts, expected) in [
        (&telegram, &null, true),
        (&slack, &null, true),
        (&slack, &json!(true), true),
        (&telegram, &json!(false), false),
        (&teams, &null, false),
        (&teams, &json!(true), false),
    ] {
        let file = channels(json!({ "channels": [{ "name": "a", "charts": charts, "to": to }] }));
        assert_eq!(file.channels[0].has_charts(), expected, "{to} {charts}");
    }
}
