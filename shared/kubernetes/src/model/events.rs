//! Events out of objects of the API server.

use jiff::Timestamp;
use serde_json::Value;

use super::json::{number, text};
use crate::finding::ObjectRef;
use crate::snapshot::Event;

/// An object of kind `Event`, in either of its APIs (`v1` and `events.k8s.io/v1`).
///
/// <https://kubernetes.io/docs/reference/kubernetes-api/cluster-resources/event-v1/>
pub(crate) fn event(value: &Value) -> Event {
    let about = if value.get("involvedObject").is_some() {
        "/involvedObject"
    } else {
        "/regarding"
    };
    let of = |field: &str| text(value, &format!("{about}/{field}"));
    let counts = ["/series/count", "/count", "/deprecatedCount"];
    let count = counts.iter().find_map(|at| number(value, at)).unwrap_or(1);
    let times = [
        "/series/lastObservedTime",
        "/lastTimestamp",
        "/deprecatedLastTimestamp",
        "/eventTime",
        "/metadata/creationTimestamp",
    ];
    let last_seen = times
        .iter()
        .find_map(|at| text(value, at).parse::<Timestamp>().ok());
    let message = match text(value, "/message") {
        "" => text(value, "/note"),
        message => message,
    };
    Event {
        object: ObjectRef::new(of("kind"), of("namespace"), of("name")),
        warning: text(value, "/type") == "Warning",
        reason: text(value, "/reason").to_owned(),
        message: message.to_owned(),
        count: u32::try_from(count).unwrap_or(1),
        last_seen: last_seen.map_or(0, Timestamp::as_second),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::event;

    #[test]
    fn both_apis_of_events_are_read() {
        let old = event(&json!({
            "kind": "Event", "type": "Warning", "reason": "BackOff", "message": "Back-off", "count": 4,
            "involvedObject": { "kind": "Pod", "namespace": "shop", "name": "cart-1" },
            "firstTimestamp": "2026-01-02T10:00:00Z", "lastTimestamp": "2026-01-02T10:05:00Z",
        }));
        let new = event(&json!({
            "kind": "Event", "type": "Warning", "reason": "BackOff", "note": "Back-off",
            "regarding": { "kind": "Pod", "namespace": "shop", "name": "cart-1" },
            "eventTime": "2026-01-02T10:00:00.000000Z",
            "series": { "count": 4, "lastObservedTime": "2026-01-02T10:05:00.000000Z" },
        }));
        assert_eq!(old, new);
        assert_eq!((old.count, old.warning), (4, true));
    }
}
