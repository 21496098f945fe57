use jiff::Timestamp;

use super::{Alert, AlertSeverity, AlertStatus, AlertType, Texts};
use crate::alert::classification::AlertTables;
use crate::primitives::id::{InvalidId, MemberId};

fn alert(labels: &[(&str, &str)], annotations: &[(&str, &str)]) -> Result<Alert, InvalidId> {
    let texts = |pairs: &[(&str, &str)]| {
        pairs
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
            .collect::<Texts>()
    };
    let member = MemberId::try_from("a1")?;
    Ok(AlertTables::default().alert(
        AlertStatus::Firing,
        "alertmanager",
        texts(labels),
        texts(annotations),
        Timestamp::UNIX_EPOCH,
        member,
    ))
}

#[test]
fn the_target_is_the_first_of_component_pod_instance_and_name() -> Result<(), InvalidId> {
    type Case<'a> = (&'a [(&'a str, &'a str)], &'a str, &'a str);
    let cases: [Case<'_>; 4] = [
        (
            &[
                ("component", "sentry"),
                ("pod", "web-1"),
                ("instance", "h:9100"),
            ],
            "sentry",
            "sentry",
        ),
        (
            &[("pod", "web-7d9c5b8f6d-x2x4z"), ("instance", "h:9100")],
            "web-7d9c5b8f6d-x2x4z",
            "web",
        ),
        (
            &[("alertname", "A"), ("instance", "h:9100")],
            "h:9100",
            "h:9100",
        ),
        (&[("alertname", "A"), ("component", "")], "A", "A"),
    ];
    for (labels, target, normalised) in cases {
        let alert = alert(labels, &[])?;
        assert_eq!(
            (alert.target.as_str(), alert.normalised_target.as_str()),
            (target, normalised),
            "{labels:?}"
        );
    }
    Ok(())
}

#[test]
fn what_is_missing_has_the_originals_defaults() -> Result<(), InvalidId> {
    let bare = alert(&[], &[])?;
    assert_eq!(
        (
            bare.name.as_str(),
            bare.namespace.as_str(),
            bare.message.as_str()
        ),
        ("UnknownAlert", "default", "UnknownAlert")
    );
    assert_eq!(
        (bare.alert_type, bare.severity),
        (AlertType::Custom, AlertSeverity::Warning)
    );
    assert!(bare.allows_auto_repair());
    let told = alert(
        &[
            ("alertname", "TargetDown"),
            ("severity", "CRITICAL"),
            ("auto_repair", "False"),
        ],
        &[("summary", ""), ("description", "down")],
    )?;
    assert_eq!(
        (told.alert_type, told.severity, told.message.as_str()),
        (AlertType::Service404, AlertSeverity::Critical, "down")
    );
    assert!(!told.allows_auto_repair());
    Ok(())
}

#[test]
fn no_alert_begins_in_the_future_or_at_an_unset_time() -> Result<(), Box<dyn std::error::Error>> {
    let now: Timestamp = "2026-11-01T10:00:00Z".parse()?;
    for (given, dated) in [
        ("2026-11-01T10:00:00Z", "2026-11-01T10:00:00Z"),
        ("2026-11-01T10:05:00Z", "2026-11-01T10:05:00Z"),
        ("2026-11-01T10:05:00.001Z", "2026-11-01T10:00:00Z"),
        ("2099-01-01T00:00:00Z", "2026-11-01T10:00:00Z"),
        ("9999-12-30T00:00:00Z", "2026-11-01T10:00:00Z"),
        // Alerts can fire for years.
        ("2019-01-01T00:00:00Z", "2019-01-01T00:00:00Z"),
        ("1970-01-01T00:00:00.001Z", "1970-01-01T00:00:00.001Z"),
        ("1970-01-01T00:00:00Z", "2026-11-01T10:00:00Z"),
        ("0001-01-01T00:00:00Z", "2026-11-01T10:00:00Z"),
        ("-000001-06-01T00:00:00Z", "2026-11-01T10:00:00Z"),
    ] {
        let alert = Alert {
            starts_at: given.parse()?,
            ..alert(&[], &[])?
        }
        .dated(now);
        assert_eq!(alert.starts_at, dated.parse()?, "{given}");
    }
    assert_eq!(
        alert(&[], &[])?.dated(Timestamp::MAX).starts_at,
        Timestamp::MAX
    );
    Ok(())
}

#[test]
fn type_names_match_their_json() -> Result<(), serde_json::Error> {
    for alert_type in AlertType::ALL {
        assert_eq!(serde_json::to_value(alert_type)?, alert_type.as_str());
    }
    Ok(())
}

#[test]
fn what_forbids_a_repair_is_kept() -> Result<(), InvalidId> {
    let names: Vec<String> = (0..100).map(|i| format!("A{i}")).collect();
    let mut labels: Vec<(&str, &str)> = names
        .iter()
        .map(|name| (name.as_str(), "before it in the alphabet"))
        .collect();
    labels.push(("auto_repair", "false"));
    let stored = alert(&labels, &[])?.bounded();
    assert!(!stored.allows_auto_repair());
    assert_eq!(stored.labels.len(), 64);
    Ok(())
}

#[test]
fn only_whole_labels_lead_to_the_group() -> Result<(), InvalidId> {
    let long = "x".repeat(600);
    let labels = [("alertname", "A"), ("pod", &long), ("team", "b")];
    let stored = Alert {
        grouped_by: ["alertname", "gone", "pod"].map(str::to_owned).to_vec(),
        ..alert(&labels, &[])?
    }
    .bounded();
    assert_eq!(stored.grouped_by, ["alertname"]);
    Ok(())
}

#[test]
fn alerts_of_one_group_share_its_digest() -> Result<(), InvalidId> {
    let group = |namespace: &str, pod: &str, by: &[&str]| {
        let labels = [("alertname", "A"), ("namespace", namespace), ("pod", pod)];
        let grouped_by = by.iter().map(|&name| name.to_owned()).collect();
        let alert = Alert {
            grouped_by,
            ..alert(&labels, &[])?
        };
        Ok(alert.alert_group())
    };
    let by = ["alertname", "namespace"];
    let first = group("shop", "a", &by)?;
    assert!(first.is_some());
    assert_eq!(first, group("shop", "b", &by)?);
    assert_ne!(first, group("tools", "a", &by)?);
    assert_ne!(first, group("shop", "a", &["alertname"])?);
    // Each alert by itself is no group, and neither is what came in none.
    assert_eq!(
        group("shop", "a", &["alertname", "namespace", "pod"])?,
        None
    );
    assert_eq!(group("shop", "a", &[])?, None);
    Ok(())
}

#[test]
fn bytes_are_bounded_and_not_only_characters() -> Result<(), Box<dyn std::error::Error>> {
    for text in ["警", "\u{1}", "\"", "x", "\u{10ffff}", "\n"] {
        let long = text.repeat(5_000);
        let names: Vec<String> = (0..64).map(|i| format!("a{i:02}")).collect();
        let mut annotations: Vec<(&str, &str)> = names
            .iter()
            .map(|name| (name.as_str(), long.as_str()))
            .collect();
        annotations.push(("z", "short"));
        annotations.remove(63);
        let stored = alert(&[], &annotations)?.bounded();
        let bytes = serde_json::to_string(&stored.annotations)?.len();
        assert!(bytes <= super::TEXT_BYTES + 2, "{text:?}: {bytes}");
        assert_eq!(
            super::json_bytes(&long),
            serde_json::to_string(&long)?.len() + 1,
            "{text:?}"
        );
        assert_eq!(
            stored.annotations["z"], "short",
            "what is short still finds room behind what is too long"
        );
    }
    Ok(())
}

#[test]
fn a_hundred_thousand_labels_are_bounded() -> Result<(), InvalidId> {
    let labels: Vec<(String, String)> = (0..100_000)
        .map(|i| (format!("l{i}"), "v".repeat(2_000)))
        .collect();
    let pairs: Vec<(&str, &str)> = labels
        .iter()
        .map(|(k, v)| (k.as_str(), v.as_str()))
        .collect();
    let stored = alert(&pairs, &[])?.bounded();
    assert_eq!(stored.labels.len(), 64);
    assert!(stored.labels.values().all(|value| value.len() == 512));
    Ok(())
}
