//! Tests of what is stored apart from an incident, and when it is written.

use domain::incident::change::IncidentChange;
use domain::incident::{Incident, Status};
use jiff::Timestamp;
use serde_json::json;

use super::{Item, NAME, apart, fit, named_by};
use crate::incident::{head, read};
use crate::keys;

/// An incident that was opened, and analysed or not.
fn incident(analysed: bool) -> Incident {
    let analysis = json!({
        "action_title": "Restart it", "description": "It does not answer.", "root_cause": "unknown", "suggested_action": "", "risk": "low",
        "confidence": 0.1, "rule_confidence": 0.3,
        "blast_radius": { "affected_pods": 1, "estimated_downtime": "~30s", "related_services": [], "data_impact": "NONE" },
        "affected_services": [], "primary_responsibility": "APP", "optimisation_suggestions": [], "provider": "static", "tokens": 0,
        "price_micro_usd": 0, "duration_ms": 1,
    });
    let mut document = json!({
        "id": "01ARZ3NDEKTSV4RRFFQ69G5FAV", "kind": { "type": "alert" }, "fingerprint": "a".repeat(64), "status": "open", "severity": "P3",
        "alert": {
            "name": "Down", "alert_type": "custom", "severity": "warning", "status": "firing", "source": "alertmanager", "namespace": "default",
            "target": "web", "normalised_target": "web", "message": "It is \"down\": \\ ü", "labels": { "a": "b" }, "annotations": {},
            "starts_at": "2026-11-30T00:00:00Z", "member": "8c3f1a6e9b2d4507",
        },
        "hit_count": 1, "flaps": 0, "opened_at": "2026-11-30T00:00:00Z", "log_head": { "sequence": 1, "hash": "aa" }, "version": 3,
    });
    if analysed {
        document["analysis"] = analysis;
    }
    serde_json::from_value(document).expect("an incident")
}

/// The items of an incident after a save, by the keys that the store gives them.
fn items(incident: &mut Incident, end: Option<Timestamp>) -> (Item, Option<Item>) {
    let documents = apart(incident).expect("documents");
    let put = documents.details.and_then(|details| {
        let put = details.put_unless_stored(incident, end);
        incident.stored_details = Some(details.stored(end));
        put
    });
    let details = put.map(|put| {
        let put = put.table_name("table").build().expect("a put");
        put.item
    });
    let fields = [
        ("doc", crate::attributes::text(documents.state)),
        ("version", crate::attributes::number(incident.version)),
    ];
    let digest = incident.stored_details.as_ref();
    let digest = digest.map(|stored| (NAME, crate::attributes::text(&stored.digest)));
    let item = keys::incident(&incident.id).item(fields.into_iter().chain(digest));
    (item, details)
}

#[test]
fn an_incident_that_is_not_analysed_is_one_item() {
    let mut before = incident(false);
    let (item, details) = items(&mut before, None);
    assert!(details.is_none() && named_by(&item).is_none());
    assert_eq!(read(&item, None).expect("an incident"), before);
}

#[test]
fn an_analysed_incident_is_read_as_it_was_written() {
    let mut before = incident(true);
    let (item, details) = items(&mut before, None);
    let details = details.expect("its details");
    assert!(fit(&item, Some(&details)) && !fit(&item, None));
    assert_eq!(read(&item, Some(&details)).expect("an incident"), before);
    let document = |item: &Item| item["doc"].as_s().expect("text").clone();
    assert!(!document(&item).contains("Restart it"));
    assert!(!document(&details).contains("log_head"));
    let (id, end) = head(&item).expect("its head");
    assert_eq!((id, end), (before.id, before.log_head));
}

#[test]
fn details_are_written_only_where_they_changed() {
    let mut incident = incident(true);
    assert!(items(&mut incident, None).1.is_some(), "they are new");
    let mut change = IncidentChange::new(incident);
    change.incident.status = Status::NeedsHuman;
    change.incident.hit_count += 1;
    assert!(items(&mut change.incident, None).1.is_none());
    change.incident.alert.message = "another".to_owned();
    assert!(items(&mut change.incident, None).1.is_some());
}

#[test]
fn details_end_when_their_incident_does() {
    let mut incident = incident(true);
    let end = Some(Timestamp::UNIX_EPOCH);
    let ends = |item: Option<Item>| item.map(|item| item.contains_key("expires_at"));
    assert_eq!(ends(items(&mut incident, None).1), Some(false));
    assert_eq!(ends(items(&mut incident, end).1), Some(true), "it closed");
    let later = items(&mut incident, end).1;
    assert_eq!(ends(later), Some(true), "its end moves");
    let again = items(&mut incident, None).1;
    assert_eq!(ends(again), Some(false), "it opened again");
    assert_eq!(ends(items(&mut incident, None).1), None);
}

#[test]
fn details_of_another_version_do_not_fit() {
    let mut incident = incident(true);
    let (before, details) = items(&mut incident, None);
    incident.alert.message = "another".to_owned();
    let (after, changed) = items(&mut incident, None);
    let (details, changed) = (details.expect("details"), changed.expect("details"));
    assert!(!fit(&before, Some(&changed)) && !fit(&after, Some(&details)));
    // One that is stored as a whole, as before there were details.
    let whole = crate::attributes::json(&incident).expect("a document");
    let fields = [("doc", whole), ("version", crate::attributes::number(3))];
    let old = keys::incident(&incident.id).item(fields);
    let read = read(&old, None).expect("an incident");
    assert_eq!((read.alert, read.stored_details), (incident.alert, None));
}
