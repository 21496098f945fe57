//! Events out of the tables that `kubectl describe` and `kubectl get events` print.

use kubernetes::finding::ObjectRef;
use kubernetes::snapshot::Event;

use super::outline::columns;

/// The lines below `Events:` of a described object: type, reason, age, from, message.
pub(crate) fn described(of: &ObjectRef, text: &str) -> Vec<Event> {
    let Some((_, table)) = text.split_once("\nEvents:") else {
        return Vec::new();
    };
    table
        .lines()
        .filter_map(|line| {
            let parts = columns(line);
            let [kind @ ("Normal" | "Warning"), reason, age, _, message @ ..] = parts.as_slice()
            else {
                return None;
            };
            Some(event(of.clone(), kind, reason, age, &message.join("  ")))
        })
        .collect()
}

/// `kubectl get events`: last seen, type, reason, object, message.
pub(crate) fn listed(namespace: &str, table: &str) -> Vec<Event> {
    table
        .lines()
        .filter_map(|line| {
            let parts = columns(line);
            let [
                age,
                kind @ ("Normal" | "Warning"),
                reason,
                object,
                message @ ..,
            ] = parts.as_slice()
            else {
                return None;
            };
            let (resource, name) = object.split_once('/')?;
            let kind_of_object = object_kind(resource)?;
            let namespace = if kind_of_object == "Node" {
                ""
            } else {
                namespace
            };
            let of = ObjectRef::new(kind_of_object, namespace, name);
            Some(event(of, kind, reason, age, &message.join("  ")))
        })
        .collect()
}

fn object_kind(resource: &str) -> Option<&'static str> {
    Some(match resource {
        "pod" => "Pod",
        "replicaset" => "ReplicaSet",
        "deployment" => "Deployment",
        "statefulset" => "StatefulSet",
        "daemonset" => "DaemonSet",
        "job" => "Job",
        "node" => "Node",
        "persistentvolumeclaim" => "PersistentVolumeClaim",
        "persistentvolume" => "PersistentVolume",
        "service" => "Service",
        _ => return None,
    })
}

fn event(object: ObjectRef, kind: &str, reason: &str, age: &str, message: &str) -> Event {
    let (last, rest) = age.split_once(" (x").unwrap_or((age, "1 "));
    let count = rest.split_once(' ').map_or(rest, |(count, _)| count);
    Event {
        object,
        warning: kind == "Warning",
        reason: reason.to_owned(),
        message: message.to_owned(),
        count: count.parse().unwrap_or(1),
        last_seen: -seconds(last),
    }
}

/// An age as kubectl writes it: `95s`, `2m3s`, `4h10m`, `12d`.
fn seconds(age: &str) -> i64 {
    let mut total = 0;
    let mut number = 0;
    for c in age.chars() {
        let unit = match c {
            '0'..='9' => {
                number = number * 10 + i64::from(c as u32 - '0' as u32);
                continue;
            }
            's' => 1,
            'm' => 60,
            'h' => 3_600,
            'd' => 86_400,
            'y' => 31_536_000,
            _ => 0,
        };
        total += number * unit;
        number = 0;
    }
    total
}

#[cfg(test)]
mod tests {
    use kubernetes::finding::ObjectRef;

    use super::{described, listed, seconds};

    #[test]
    fn both_tables_give_the_same_event() {
        let of = ObjectRef::new("Pod", "shop", "cart-1");
        let text = "Name: cart-1\nEvents:\n  Type     Reason     Age                From     Message\n  \
                    ----     ------     ----               ----     -------\n  \
                    Warning  Unhealthy  95s (x3 over 2m)  kubelet  Readiness probe failed: timeout\n";
        let by_object = described(&of, text);
        assert_eq!(
            (by_object.len(), by_object[0].count, by_object[0].last_seen),
            (1, 3, -95)
        );
        let table = "95s         Warning   Unhealthy           pod/cart-1          Readiness probe failed: timeout\n";
        let all = listed("shop", table);
        assert_eq!(
            (&all[0].object, &all[0].message),
            (&of, &by_object[0].message)
        );
    }

    #[test]
    fn ages_are_in_seconds() {
        assert_eq!(
            ["95s", "2m3s", "4h10m", "12d"].map(seconds),
            [95, 123, 15_000, 1_036_800]
        );
    }
}
