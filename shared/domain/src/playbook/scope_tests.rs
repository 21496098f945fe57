//! Tests of where services live, and of the words for an alert from elsewhere.

use jiff::Timestamp;

use crate::alert::classification::AlertTables;
use crate::alert::{Alert, AlertStatus, Texts};
use crate::playbook::scope::{AnyOf, Scope};
use crate::playbook::service::{Service, find};
use crate::primitives::id::MemberId;

fn alert(labels: &[(&str, &str)]) -> Alert {
    let labels: Texts = labels
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    let member = MemberId::try_from("m").expect("a member id");
    AlertTables::default().alert(
        AlertStatus::Firing,
        "test",
        labels,
        Texts::new(),
        Timestamp::UNIX_EPOCH,
        member,
    )
}

fn sentry(extra: &[(&str, &str)]) -> Alert {
    let component = [("alertname", "SentryDown"), ("component", "sentry")];
    alert(&[&component, extra].concat())
}

fn scope(yaml: &str) -> Scope {
    serde_saphyr::from_str(yaml).expect("a scope")
}

fn service(name: &str, scope: &str) -> Service {
    let yaml = format!(
        "{{name: {name}, aliases: [sentry], level: approval, match: {scope}, target: {{ssm: {{tag: 'a=b'}}}}}}"
    );
    serde_saphyr::from_str(&yaml).expect("a service")
}

#[test]
fn alert_fits_if_every_given_part_is_equal() {
    let tools = scope("{cluster: prod, namespace: [tools, tools-2], labels: {team: web}}");
    let place = |cluster, namespace, team| {
        sentry(&[
            ("cluster", cluster),
            ("namespace", namespace),
            ("team", team),
        ])
    };
    assert_eq!(
        tools.mismatch("sentry", &place("prod", "tools", "web")),
        None
    );
    assert_eq!(
        tools.mismatch("sentry", &place("prod", "tools-2", "web")),
        None
    );
    for (cluster, namespace, team) in [
        ("dev", "tools", "web"),
        ("prod", "shop", "web"),
        ("prod", "tools", "db"),
        ("prod", "tools", ""),
        ("Prod", "tools", "web"),
        ("", "tools", "web"),
    ] {
        let other = place(cluster, namespace, team);
        assert!(tools.mismatch("sentry", &other).is_some(), "{other:?}");
    }
    // Prometheus has set the target's own word aside.
    let scraped = sentry(&[
        ("cluster", "prod"),
        ("namespace", "monitoring"),
        ("exported_namespace", "tools"),
        ("team", "web"),
    ]);
    assert_eq!(tools.mismatch("sentry", &scraped), None);
}

#[test]
fn alert_from_elsewhere_says_both_places() {
    let why = |scope: Scope, alert: &Alert| scope.mismatch("sentry", alert).expect("elsewhere");
    insta::assert_snapshot!(
        why(
            scope("{cluster: prod, namespace: tools}"),
            &sentry(&[("cluster", "dev-laptop"), ("namespace", "feature-4711")])
        ),
        @"sentry lives in cluster prod, namespace tools; this alert comes from cluster dev-laptop, namespace feature-4711"
    );
    insta::assert_snapshot!(
        why(scope("{cluster: [prod, prod-2], labels: {team: web}}"), &sentry(&[("team", "a\nb")])),
        @"sentry lives in cluster prod/prod-2, label team web; this alert comes from no cluster, label team a b"
    );
    // A machine is in no namespace, whatever its exporter is in.
    let node = alert(&[
        ("alertname", "KubeNodeNotReady"),
        ("node", "n1"),
        ("namespace", "monitoring"),
    ]);
    insta::assert_snapshot!(
        why(scope("{namespace: monitoring}"), &node),
        @"sentry lives in namespace monitoring; this alert comes from no namespace"
    );
}

#[test]
fn services_in_different_places_share_an_alias() {
    let services = [
        service("sentry-prod", "{cluster: prod}"),
        service("sentry-dev", "{cluster: dev}"),
    ];
    let found = |cluster| find(&services, &sentry(&[("cluster", cluster)]));
    assert_eq!(
        found("dev").map(|service| service.name.as_str()),
        Ok("sentry-dev")
    );
    assert_eq!(
        found("prod").map(|service| service.name.as_str()),
        Ok("sentry-prod")
    );
    insta::assert_snapshot!(
        found("lab").expect_err("elsewhere"),
        @"sentry-prod lives in cluster prod; this alert comes from cluster lab; sentry-dev lives in cluster dev; this alert comes from cluster lab"
    );
    insta::assert_snapshot!(
        find(&services, &alert(&[("alertname", "A"), ("component", "web")])).expect_err("unknown"),
        @"web is not in service-registry.yaml"
    );
}

#[test]
fn scopes_exclude_each_other_by_one_part() {
    let prod = scope("{cluster: [prod, prod-2], namespace: tools}");
    assert!(prod.excludes(&scope("{cluster: dev}")));
    assert!(prod.excludes(&scope("{cluster: prod, namespace: [shop, ops]}")));
    assert!(!prod.excludes(&scope("{cluster: [prod-2, dev]}")));
    assert!(!prod.excludes(&scope("{labels: {team: web}}")));
    assert!(scope("{labels: {team: web}}").excludes(&scope("{labels: {team: db}}")));
}

#[test]
fn an_empty_part_is_an_error() {
    let errors = |yaml: &str| {
        let fields = scope(yaml).errors().into_iter().map(|(field, _)| field);
        fields.collect::<Vec<_>>().join(" ")
    };
    assert_eq!(
        errors("{cluster: prod, namespace: [a, b], labels: {team: web}}"),
        ""
    );
    assert_eq!(errors("{}"), "match");
    assert_eq!(
        errors("{cluster: [], namespace: ['']}"),
        "match.cluster match.namespace"
    );
    assert_eq!(errors("{labels: {team: ''}}"), "match.labels.team");
    assert_eq!(
        scope("{cluster: a}").cluster,
        Some(AnyOf(vec!["a".to_owned()]))
    );
    for odd in ["{cluster: {a: b}}", "{zone: a}", "{labels: [a]}"] {
        assert!(serde_saphyr::from_str::<Scope>(odd).is_err(), "{odd}");
    }
}
