//! Alertmanager's webhook body (version 4), as its source writes it, and Grafana's, which has the
//! same shape with more fields (version 1). Unknown and newer fields are ignored.

use domain::alert::classification::AlertTables;
use domain::alert::{Alert, AlertStatus, Texts};
use domain::primitives::digest::Digest;
use domain::primitives::id::MemberId;
use intake::Delivery;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::body::{self, Object};
use crate::rejection::Rejection;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", bound(deserialize = "A: Deserialize<'de>"))]
struct Payload<A> {
    // The state of the group. Each alert has its own, but without it this is no delivery.
    #[serde(rename = "status")]
    _status: AlertStatus,
    // Go writes an empty list as null, and so an empty map.
    truncated_alerts: Option<u64>,
    #[serde(default, rename = "externalURL", deserialize_with = "body::text")]
    external_url: Option<String>,
    // Labels and values that all alerts of the group have. They lead people to its page, and refuse no delivery.
    #[serde(default, deserialize_with = "body::measurements")]
    group_labels: Texts,
    // A number before version 4.
    group_key: Option<Box<RawValue>>,
    // It has to be there, so that a body of another service is not taken for a delivery without alerts.
    #[serde(deserialize_with = "Option::deserialize")]
    alerts: Option<Vec<A>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PayloadAlert {
    status: AlertStatus,
    #[serde(default, deserialize_with = "body::texts")]
    labels: Texts,
    #[serde(default, deserialize_with = "body::texts")]
    annotations: Texts,
    starts_at: Option<Timestamp>,
    #[serde(rename = "generatorURL")]
    generator_url: Option<String>,
    fingerprint: Option<String>,
    // Grafana's: the panel that the rule belongs to.
    #[serde(default, rename = "panelURL", deserialize_with = "body::text")]
    panel_url: Option<String>,
    // Grafana's: a number for each expression of the rule.
    #[serde(default, deserialize_with = "body::measurements")]
    values: Texts,
}

/// The alerts of a delivery.
#[derive(Debug)]
pub struct Read {
    /// Those that can be counted.
    pub delivery: Delivery,
    /// The others, each with its place in the delivery and what is wrong with it.
    pub refused: Vec<(usize, Rejection)>,
}

/// Reads a delivery of `source`. One odd alert loses none of the others: it is refused by itself.
///
/// # Errors
/// The place in the body that is not as Alertmanager writes it, if it is not in one alert of several. The delivery is then refused whole:
/// nothing is written.
pub fn read(
    bytes: &[u8],
    source: &str,
    tables: &AlertTables,
    now: Timestamp,
) -> Result<Read, Rejection> {
    let (payload, refused) = match body::json::<Payload<Object<PayloadAlert>>>(bytes) {
        Ok(payload) => (payload, Vec::new()),
        Err(malformed @ Rejection::Malformed { .. }) => one_by_one(bytes, malformed)?,
        Err(rejection) => return Err(rejection),
    };
    let left_out = payload.truncated_alerts.unwrap_or_default();
    let alerts = payload.alerts.unwrap_or_default().into_iter();
    // Grafana's is Grafana's own, whose pages are other ones.
    let sender = payload
        .external_url
        .filter(|url| source == "alertmanager" && !url.is_empty())
        .map(|url| (url, payload.group_labels));
    Ok(Read {
        delivery: Delivery {
            alerts: alerts
                .map(|Object(alert)| normalise(alert, source, sender.as_ref(), tables, now))
                .collect(),
            left_out,
            group_key: payload.group_key.as_ref().map(|key| key.get().to_owned()),
        },
        refused,
    })
}

type OneByOne = (Payload<Object<PayloadAlert>>, Vec<(usize, Rejection)>);

/// Reads a delivery again that cannot be read whole, each alert by itself.
fn one_by_one(bytes: &[u8], whole: Rejection) -> Result<OneByOne, Rejection> {
    // Raw, because a value that was read would have lost that a field came twice.
    let Ok(payload) = serde_json::from_slice::<Payload<&RawValue>>(bytes) else {
        return Err(whole);
    };
    let (mut alerts, mut refused) = (Vec::new(), Vec::new());
    for (at, value) in payload.alerts.unwrap_or_default().into_iter().enumerate() {
        match body::value(value, &format!("alerts[{at}]")) {
            Ok(alert) => alerts.push(Object(alert)),
            Err(rejection) => refused.push((at, rejection)),
        }
    }
    if alerts.is_empty() {
        return Err(whole);
    }
    let payload = Payload {
        _status: payload._status,
        truncated_alerts: payload.truncated_alerts,
        external_url: payload.external_url,
        group_labels: payload.group_labels,
        group_key: payload.group_key,
        alerts: Some(alerts),
    };
    Ok((payload, refused))
}

fn normalise(
    mut alert: PayloadAlert,
    source: &str,
    sender: Option<&(String, Texts)>,
    tables: &AlertTables,
    now: Timestamp,
) -> Alert {
    if let Some(url) = alert.panel_url.take().filter(|url| !url.is_empty()) {
        alert
            .annotations
            .entry("dashboard_url".to_owned())
            .or_insert(url);
    }
    // A sender of numbered alerts cannot pass for one that does not number them.
    let named = alert
        .fingerprint
        .and_then(|text| MemberId::try_from(text).ok())
        .filter(|member| !member.is_unnumbered());
    let member = named.unwrap_or_else(|| member(&alert.labels));
    let starts_at = alert.starts_at.unwrap_or(now);
    let normalised = tables.alert(
        alert.status,
        source,
        alert.labels,
        alert.annotations,
        starts_at,
        member,
    );
    Alert {
        generator_url: alert.generator_url.filter(|url| !url.is_empty()),
        sender_url: sender.map(|(url, _)| url.clone()),
        grouped_by: sender
            .iter()
            .flat_map(|(_, labels)| labels.keys().cloned())
            .collect(),
        measurements: alert.values,
        ..normalised
    }
}

/// A member id for senders that give none: 16 hex over the labels, as Alertmanager's own is.
fn member(labels: &Texts) -> MemberId {
    let digest = labels.iter().fold(Digest::new(), |digest, (name, value)| {
        digest.field(name).field(value)
    });
    let hex: String = digest.hex().chars().take(16).collect();
    match MemberId::try_from(hex) {
        Ok(member) => member,
        Err(_) => unreachable!("16 characters of hex are a member id"),
    }
}

#[cfg(test)]
mod tests {
    use domain::alert::classification::AlertTables;
    use jiff::Timestamp;

    use super::read;

    fn refusal(body: &str) -> String {
        read(
            body.as_bytes(),
            "alertmanager",
            &AlertTables::default(),
            Timestamp::UNIX_EPOCH,
        )
        .expect_err("refused")
        .to_string()
    }

    #[test]
    fn the_refusal_names_the_place() {
        insta::assert_snapshot!(refusal("{"), @"the body is not JSON: EOF while parsing an object at line 1 column 1");
        insta::assert_snapshot!(refusal("[]"), @"invalid type: sequence, expected an object at line 1 column 0");
        insta::assert_snapshot!(refusal(r#"{"status":"firing"}"#), @"missing field `alerts` at line 1 column 19");
        insta::assert_snapshot!(refusal(r#"{"alerts":[]}"#), @"missing field `status` at line 1 column 13");
        insta::assert_snapshot!(
            refusal(r#"{"status":"firing","alerts":[{"status":"firing","labels":{"a":[]}},{"status":"on"}]}"#),
            @"alerts[0].labels.a: invalid type: sequence, expected a string, a number or a boolean at line 1 column 64"
        );
        insta::assert_snapshot!(
            refusal(r#"{"status":"firing","alerts":[{"status":"firing","labels":{"pod":[7]}}]}"#),
            @"alerts[0].labels.pod: invalid type: sequence, expected a string, a number or a boolean at line 1 column 65"
        );
        insta::assert_snapshot!(
            refusal(r#"{"status":"firing","alerts":[{"status":"firing","startsAt":"yesterday"}]}"#),
            @"alerts[0].startsAt: failed to parse four digit integer as year: invalid digit, expected 0-9 but got y at line 1 column 70"
        );
    }

    #[test]
    fn values_of_grafana_are_kept() {
        let body = r#"{"status":"firing","alerts":[{"status":"firing","values":{"A":93.5,"B":1,"C":null}},{"status":"firing","values":null}]}"#;
        let (tables, now) = (AlertTables::default(), Timestamp::UNIX_EPOCH);
        let read = read(body.as_bytes(), "grafana", &tables, now).expect("accepted");
        let [one, other] = read.delivery.alerts.as_slice() else {
            panic!("two alerts")
        };
        let expected =
            [("A", "93.5"), ("B", "1")].map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(one.measurements, expected.into());
        assert!(other.measurements.is_empty());
    }

    #[test]
    fn labels_of_the_group_are_named_with_its_alertmanager() {
        let (tables, now) = (AlertTables::default(), Timestamp::UNIX_EPOCH);
        let grouped = |url: &str, labels: &str, source| {
            let body = format!(
                r#"{{"status":"firing","externalURL":{url},"groupLabels":{labels},"alerts":[{{"status":"firing"}}]}}"#
            );
            let read = read(body.as_bytes(), source, &tables, now).expect("accepted");
            read.delivery.alerts[0].grouped_by.clone()
        };
        let (url, labels) = (r#""http://am:9093""#, r#"{"job":"web","alertname":"A"}"#);
        assert_eq!(grouped(url, labels, "alertmanager"), ["alertname", "job"]);
        for (url, labels, source) in [
            (url, labels, "grafana"),
            (r#""""#, labels, "alertmanager"),
            (url, "null", "alertmanager"),
            (url, "[7]", "alertmanager"),
        ] {
            assert_eq!(grouped(url, labels, source), [""; 0], "{url} {labels}");
        }
    }

    #[test]
    fn unknown_fields_and_missing_optional_ones_are_accepted() {
        let body = r#"{"version":"9","status":"firing","future":{"a":1},"alerts":[{"status":"firing","labels":{"alertname":"A"},"x":null}]}"#;
        let delivery = read(
            body.as_bytes(),
            "alertmanager",
            &AlertTables::default(),
            Timestamp::UNIX_EPOCH,
        )
        .expect("accepted")
        .delivery;
        assert_eq!(delivery.alerts.len(), 1);
        assert_eq!(delivery.alerts[0].member.as_str().len(), 16);
        assert!(
            read(
                br#"{"status":"resolved","alerts":[]}"#,
                "alertmanager",
                &AlertTables::default(),
                Timestamp::UNIX_EPOCH
            )
            .expect("accepted")
            .delivery
            .alerts
            .is_empty()
        );
    }

    #[test]
    fn what_the_sender_left_out_is_counted() {
        let body = r#"{"status":"resolved","truncatedAlerts":3,"alerts":[]}"#;
        let delivery = read(
            body.as_bytes(),
            "alertmanager",
            &AlertTables::default(),
            Timestamp::UNIX_EPOCH,
        )
        .expect("accepted")
        .delivery;
        assert_eq!(delivery.left_out, 3);
    }

    #[test]
    fn the_zero_time_of_go_is_a_time() {
        let body = r#"{"status":"firing","alerts":[{"status":"firing","startsAt":"2026-11-01T10:00:00.123456789Z","endsAt":"0001-01-01T00:00:00Z"}]}"#;
        assert!(
            read(
                body.as_bytes(),
                "alertmanager",
                &AlertTables::default(),
                Timestamp::UNIX_EPOCH
            )
            .is_ok()
        );
    }

    #[test]
    fn nothing_is_empty_and_numbers_are_texts() {
        let body = r#"{"status":"firing","truncatedAlerts":null,"alerts":[
            {"status":"firing","labels":null,"annotations":null},
            {"status":"firing","labels":{"alertname":"A","host":7,"up":false,"load":0.5,"none":null}}]}"#;
        let tables = AlertTables::default();
        let read = read(
            body.as_bytes(),
            "alertmanager",
            &tables,
            Timestamp::UNIX_EPOCH,
        );
        let read = read.expect("accepted");
        assert!(read.refused.is_empty(), "{read:?}");
        let labels: Vec<(&str, &str)> = read.delivery.alerts[1]
            .labels
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        assert_eq!(
            labels,
            [
                ("alertname", "A"),
                ("host", "7"),
                ("load", "0.5"),
                ("up", "false")
            ]
        );
        let empty = r#"{"status":"firing","alerts":null}"#;
        assert!(
            super::read(
                empty.as_bytes(),
                "alertmanager",
                &tables,
                Timestamp::UNIX_EPOCH
            )
            .is_ok_and(|read| read.delivery.alerts.is_empty())
        );
    }

    #[test]
    fn one_odd_alert_loses_none_of_the_others() {
        let body = r#"{"status":"resolved","alerts":[{"status":"resolved","labels":{"alertname":"A"}},
            {"status":"on"},{"status":"resolved","labels":{"alertname":"C"}}]}"#;
        let read = read(
            body.as_bytes(),
            "alertmanager",
            &AlertTables::default(),
            Timestamp::UNIX_EPOCH,
        )
        .expect("accepted");
        let names: Vec<&str> = read
            .delivery
            .alerts
            .iter()
            .map(|alert| alert.name.as_str())
            .collect();
        assert_eq!(names, ["A", "C"]);
        let [(1, rejection)] = read.refused.as_slice() else {
            panic!("one is refused: {:?}", read.refused)
        };
        insta::assert_snapshot!(rejection.to_string(), @"alerts[1].status: unknown variant `on`, expected `firing` or `resolved`");
    }
}
