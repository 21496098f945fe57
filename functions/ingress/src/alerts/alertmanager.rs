//! Alertmanager's webhook body (version 4), as its source writes it, and Grafana's, which has the
//! same shape with more fields (version 1). Unknown and newer fields are ignored.

use domain::alert::classification::AlertTables;
use domain::alert::{Alert, AlertStatus, Texts};
use domain::primitives::digest::Digest;
use domain::primitives::id::MemberId;
use intake::Delivery;
use jiff::Timestamp;
use serde::Deserialize;

use crate::body::{self, Object};
use crate::rejection::Rejection;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Payload {
    status: AlertStatus,
    #[serde(default)]
    truncated_alerts: u64,
    alerts: Vec<Object<PayloadAlert>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PayloadAlert {
    status: AlertStatus,
    #[serde(default)]
    labels: Texts,
    #[serde(default)]
    annotations: Texts,
    starts_at: Option<Timestamp>,
    #[serde(rename = "generatorURL")]
    generator_url: Option<String>,
    fingerprint: Option<String>,
}

/// Reads a delivery of `source`.
///
/// # Errors
/// The place in the body that is not as Alertmanager writes it. The delivery is then refused whole: nothing is written.
pub fn read(
    bytes: &[u8],
    source: &str,
    tables: &AlertTables,
    now: Timestamp,
) -> Result<Delivery, Rejection> {
    let payload: Payload = body::json(bytes)?;
    let alerts = payload.alerts.into_iter().map(|Object(alert)| {
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
            ..normalised
        }
    });
    Ok(Delivery {
        alerts: alerts.collect(),
        whole_group_resolved: payload.status == AlertStatus::Resolved
            && payload.truncated_alerts == 0,
        left_out: payload.truncated_alerts,
    })
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
            refusal(r#"{"status":"firing","alerts":[{"status":"firing"},{"status":"on"}]}"#),
            @"alerts[1].status: unknown variant `on`, expected `firing` or `resolved` at line 1 column 63"
        );
        insta::assert_snapshot!(
            refusal(r#"{"status":"firing","alerts":[{"status":"firing","labels":{"pod":7}}]}"#),
            @"alerts[0].labels.pod: invalid type: integer `7`, expected a string at line 1 column 65"
        );
        insta::assert_snapshot!(
            refusal(r#"{"status":"firing","alerts":[{"status":"firing","startsAt":"yesterday"}]}"#),
            @"alerts[0].startsAt: failed to parse four digit integer as year: invalid digit, expected 0-9 but got y at line 1 column 70"
        );
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
        .expect("accepted");
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
            .alerts
            .is_empty()
        );
    }

    #[test]
    fn a_truncated_delivery_never_counts_as_the_whole_group() {
        let body = r#"{"status":"resolved","truncatedAlerts":3,"alerts":[]}"#;
        let delivery = read(
            body.as_bytes(),
            "alertmanager",
            &AlertTables::default(),
            Timestamp::UNIX_EPOCH,
        )
        .expect("accepted");
        assert_eq!(
            (delivery.whole_group_resolved, delivery.left_out),
            (false, 3)
        );
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
}
