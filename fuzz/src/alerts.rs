//! Properties of alert bodies: an accepted body is bounded, whole and the same on every read; a
//! refusal names the place.

use domain::alert::Alert;
use domain::alert::classification::AlertTables;
use domain::alert::fingerprint::fingerprint;
use domain::episode::{Firing, FiringOutcome, ResolvedOutcome, Windows, on_firing, on_resolved};
use domain::primitives::id::{IncidentId, MemberId};
use ingress::alerts::alertmanager::{self, Read};
use ingress::alerts::signals;
use ingress::alerts::signed_alert as signed;
use ingress::body::MOST_BYTES;
use ingress::rejection::Rejection;
use jiff::SignedDuration;
use serde_json::{Value, json};
use wire::message::{Queued as _, Signal};

use crate::{now, refusal};

/// The bounds that `docs/architecture.md` and the domain give for what is kept of an alert, in characters.
const NAME_CHARACTERS: usize = 256;
const LABEL_CHARACTERS: usize = 512;
const TEXT_CHARACTERS: usize = 4_096;
/// DynamoDB takes 400 KB an item. The alert is one part of its incident; the analysis and the plan need room too.
const STORED_BYTES: usize = 300_000;

/// What the readers make of a body, in one place.
fn read_delivery(bytes: &[u8]) -> Result<Read, Rejection> {
    alertmanager::read(bytes, "alertmanager", &AlertTables::default(), now())
}

fn read_signed_alert(bytes: &[u8]) -> Result<Vec<Alert>, Rejection> {
    Ok(vec![signed::read(bytes, &AlertTables::default(), now())?])
}

fn read_signal(bytes: &[u8]) -> Result<Vec<Alert>, Rejection> {
    Ok(vec![
        signals::read(bytes, &AlertTables::default(), now())?.alert,
    ])
}

/// A delivery of Alertmanager or Grafana.
pub(crate) fn delivery(bytes: &[u8]) {
    // A delivery of which one alert is refused depends on its spelling: a field that comes twice is lost in another.
    let alerts = |bytes: &[u8]| {
        let Read {
            delivery,
            mut refused,
        } = read_delivery(bytes)?;
        match refused.pop() {
            Some((_, why)) => Err(why),
            None => Ok(delivery.alerts),
        }
    };
    let Some(value) = check(bytes, alerts) else {
        return;
    };
    let delivery = read_delivery(bytes)
        .expect("it was accepted a moment ago")
        .delivery;
    let none = Vec::new();
    let given = value["alerts"].as_array().unwrap_or(&none);
    assert_eq!(
        delivery.alerts.len(),
        given.len(),
        "every alert of the body is there"
    );
    assert_eq!(
        delivery.left_out,
        value["truncatedAlerts"].as_u64().unwrap_or_default()
    );
    for (alert, given) in delivery.alerts.iter().zip(given) {
        assert!(given.is_object(), "an alert is an object: {given}");
        assert_eq!(
            json!(alert.labels),
            as_texts(&given["labels"]),
            "no label is lost or changed"
        );
        assert_eq!(json!(alert.annotations), as_texts(&given["annotations"]));
        let own = given["fingerprint"]
            .as_str()
            .filter(|text| MemberId::try_from(*text).is_ok());
        assert!(
            own.is_none_or(|own| alert.member.as_str() == own),
            "the sender's own id is kept"
        );
    }
}

/// What labels are taken for: numbers and booleans for texts, and null for nothing.
fn as_texts(given: &Value) -> Value {
    let text = |value: &Value| match value {
        Value::Number(_) | Value::Bool(_) => json!(value.to_string()),
        other => other.clone(),
    };
    let Some(given) = given.as_object() else {
        return json!({});
    };
    let present = given.iter().filter(|(_, value)| !value.is_null());
    Value::Object(
        present
            .map(|(name, value)| (name.clone(), text(value)))
            .collect(),
    )
}

/// An alert in the original service's own format.
pub(crate) fn signed_alert(bytes: &[u8]) {
    let Some(value) = check(bytes, read_signed_alert) else {
        return;
    };
    let alert = read_signed_alert(bytes)
        .expect("it was accepted a moment ago")
        .remove(0);
    assert_eq!(json!(alert.alert_type), value["alert_type"]);
    assert_eq!(json!(alert.severity), value["severity"]);
    for (kept, field) in [
        (&alert.target, "target_resource"),
        (&alert.source, "source"),
        (&alert.namespace, "namespace"),
    ] {
        assert_kept(kept, value.get(field), "default");
    }
}

pub(crate) fn signal(bytes: &[u8]) {
    let Some(value) = check(bytes, read_signal) else {
        return;
    };
    let alert = read_signal(bytes)
        .expect("it was accepted a moment ago")
        .remove(0);
    for (kept, field, otherwise) in [
        (&alert.target, "target", ""),
        (&alert.source, "source", ""),
        (&alert.name, "alert_name", ""),
        (&alert.namespace, "namespace", "default"),
    ] {
        assert_kept(kept, value.get(field), otherwise);
    }
    let message = Signal::from(alert.clone()).to_json();
    assert!(message.len() <= 256 * 1024, "a queue takes it");
    assert_eq!(
        Signal::from_json(&message)
            .expect("a message of ours")
            .alert,
        alert,
        "what is counted is what was sent"
    );
}

/// A text is kept as it was sent, cut at most; one that is left out is `otherwise`.
fn assert_kept(kept: &str, sent: Option<&Value>, otherwise: &str) {
    let sent = sent.map_or(otherwise, |text| {
        text.as_str().expect("a text was accepted")
    });
    assert!(!sent.trim().is_empty(), "an empty text is refused: {kept}");
    assert!(
        sent.starts_with(kept),
        "{kept} is not the beginning of what was sent"
    );
}

/// What holds for every reader of alerts. Gives the body back if it was accepted and is JSON by the strict book too: ours
/// passes over what it ignores, such as a lone surrogate in a field that nobody knows.
fn check(bytes: &[u8], read: impl Fn(&[u8]) -> Result<Vec<Alert>, Rejection>) -> Option<Value> {
    let value = serde_json::from_slice::<Value>(bytes).ok();
    let alerts = match read(bytes) {
        Ok(alerts) => alerts,
        Err(rejection) => {
            // A signal can be too large for its queue already when its body is not too large to be read.
            let too_large =
                matches!(&rejection, Rejection::TooLarge { what, .. } if *what == "the body");
            assert_eq!(too_large, bytes.len() > MOST_BYTES);
            refusal::of_body(rejection, value.as_ref());
            return None;
        }
    };
    assert!(bytes.len() <= MOST_BYTES);
    assert_eq!(
        read(bytes).expect("accepted once"),
        alerts,
        "the same bytes are the same alerts"
    );
    alerts.iter().for_each(sound);
    let value = value?;
    assert!(value.is_object(), "a body is an object");
    let again = read(value.to_string().as_bytes()).expect("the same JSON in another spelling");
    assert_eq!(again, alerts, "the spelling of the JSON does not matter");
    Some(value)
}

/// What holds for every accepted alert.
fn sound(alert: &Alert) {
    for (name, text, most) in [
        ("name", &alert.name, NAME_CHARACTERS),
        ("source", &alert.source, NAME_CHARACTERS),
        ("namespace", &alert.namespace, NAME_CHARACTERS),
        ("target", &alert.target, NAME_CHARACTERS),
        (
            "normalised_target",
            &alert.normalised_target,
            NAME_CHARACTERS,
        ),
        ("message", &alert.message, TEXT_CHARACTERS),
    ] {
        assert!(
            text.chars().count() <= most,
            "{name} has {} characters",
            text.chars().count()
        );
    }
    for (name, text) in [
        ("name", &alert.name),
        ("source", &alert.source),
        ("namespace", &alert.namespace),
        ("target", &alert.target),
    ] {
        assert!(!text.is_empty(), "{name} is empty");
    }
    let member = alert.member.as_str();
    assert!(
        (1..=64).contains(&member.len())
            && member
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"_-".contains(&b)),
        "{member}"
    );
    for labels in [&[][..], &["team".to_owned()]] {
        let fingerprint = fingerprint(alert, labels).to_string();
        assert!(
            fingerprint.len() == 64
                && fingerprint
                    .bytes()
                    .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)),
            "{fingerprint}"
        );
    }
    stored(alert);
    lived(alert);
}

/// What is stored of an alert fits, and is read as it was written.
fn stored(alert: &Alert) {
    let kept = alert.clone().bounded();
    assert_eq!(
        kept.clone().bounded(),
        kept,
        "what is bounded stays as it is"
    );
    assert_eq!(
        (fingerprint(&kept, &[]), &kept.member),
        (fingerprint(alert, &[]), &alert.member),
        "bounds do not touch the identity"
    );
    assert_eq!(
        kept.allows_auto_repair(),
        alert.allows_auto_repair(),
        "what forbids a repair is kept whatever else is there"
    );
    for (texts, most) in [
        (&kept.labels, LABEL_CHARACTERS),
        (&kept.annotations, TEXT_CHARACTERS),
    ] {
        assert!(texts.len() <= 64, "{} texts are kept", texts.len());
        for (name, text) in texts {
            assert!(name.chars().count() <= NAME_CHARACTERS && text.chars().count() <= most);
        }
    }
    assert!(
        kept.generator_url
            .as_ref()
            .is_none_or(|url| url.chars().count() <= TEXT_CHARACTERS)
    );
    let json = serde_json::to_string(&kept).expect("an alert is JSON");
    assert!(
        json.len() <= STORED_BYTES,
        "{} bytes are too many for the table",
        json.len()
    );
    assert_eq!(
        serde_json::from_str::<Alert>(&json).expect("it is read again"),
        kept
    );
}

/// Whatever its times say, an alert that fires and resolves has had one incident, and its late delivery opens no second one.
fn lived(alert: &Alert) {
    let windows = Windows {
        debounce: SignedDuration::from_secs(300),
        stale: SignedDuration::from_secs(18_000),
    };
    let firing = Firing::from_alert(alert);
    let members = firing.members.keys().cloned().collect();
    let id = IncidentId::try_from("01ARZ3NDEKTSV4RRFFQ69G5FAV").expect("an id");
    let fingerprint = fingerprint(alert, &[]);
    let (outcome, opened) = on_firing(None, &fingerprint, &firing, &id, now(), windows);
    assert_eq!(outcome, FiringOutcome::Opened);
    let (outcome, ended) = on_resolved(&opened, &members, now(), windows);
    assert_eq!((outcome, ended.open), (ResolvedOutcome::Resolved, false));
    // A sender's clock may be a little ahead: what began after the resolve fires again.
    let again = if alert.starts_at > now() {
        FiringOutcome::Reopened
    } else {
        FiringOutcome::Late
    };
    assert_eq!(
        on_firing(Some(&ended), &fingerprint, &firing, &id, now(), windows).0,
        again
    );
}
