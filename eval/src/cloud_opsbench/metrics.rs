//! Metrics before and during a fault, and the calls between services.

use kubernetes::finding::ObjectRef;
use kubernetes::snapshot::{Call, Change, Measure};
use serde_json::Value;

/// The deviations in the answer of `GetAlerts`.
pub(crate) fn changes(namespace: &str, alerts: &Value) -> Vec<Change> {
    let all = alerts.get("alerts").and_then(Value::as_array);
    all.into_iter()
        .flatten()
        .flat_map(|alert| {
            let text = |field: &str| alert.get(field).and_then(Value::as_str).unwrap_or_default();
            let object = match text("type") {
                "Node" => ObjectRef::new("Node", "", text("name")),
                _ => ObjectRef::new("Service", namespace, text("name")),
            };
            let evidence = alert.get("evidence").and_then(Value::as_array);
            let lines = evidence.into_iter().flatten().filter_map(Value::as_str);
            lines
                .flat_map(|line| of_line(&object, line))
                .collect::<Vec<_>>()
        })
        .collect()
}

/// `LATENCY_DEGRADATION [Slow Response] | a-p50latency: Normal=3.06ms -> Current=54.12ms (+1670.7%) | …`
fn of_line(object: &ObjectRef, line: &str) -> Vec<Change> {
    let mut parts = line.split(" | ");
    let title = parts.next().unwrap_or_default();
    parts
        .filter_map(|part| {
            let (measure, scale) = measure(title, part)?;
            let (before, now) = values(part)?;
            let of = |value: f64| {
                let value = value * scale;
                // A share of successes is written where the share of errors is meant.
                if measure == Measure::Errors {
                    1.0 - value
                } else {
                    value
                }
            };
            Some(Change {
                object: object.clone(),
                measure,
                before: of(before),
                now: of(now),
                quote: format!("{title} {part}"),
            })
        })
        .collect()
}

/// What a part measures, and the factor to its base unit.
fn measure(title: &str, part: &str) -> Option<(Measure, f64)> {
    let kind = title.split_whitespace().next()?;
    Some(match kind {
        "LATENCY_DEGRADATION" if part.contains("p50latency") => (Measure::MedianLatency, 1e-3),
        "LATENCY_DEGRADATION" => (Measure::TailLatency, 1e-3),
        "ERROR_SPIKE" => (Measure::Errors, 1e-2),
        "THROUGHPUT_DROP" | "THROUGHPUT_SURGE" => (Measure::Requests, 1.0),
        "TRAFFIC_ANOMALY" => (Measure::Packets, 1.0),
        "NETWORK_QUALITY_DEGRADED" if title.contains("Retransmission") => {
            (Measure::Retransmissions, 1.0)
        }
        "RESOURCE_SATURATION" if title.contains("cpu_cfs") => (Measure::Throttled, 1.0),
        "RESOURCE_SATURATION" if title.contains("cpu") => (Measure::Cpu, 1.0),
        "RESOURCE_SATURATION" if title.contains("memory") => (Measure::Memory, 1.0),
        _ => return None,
    })
}

/// `Normal=5.63ms -> Current=205.27ms (…)`, `Normal=100.0% -> Cur=25.0% (…)`, `Val: 0.824s (Throttled)`.
fn values(part: &str) -> Option<(f64, f64)> {
    let number = |after: &str| -> Option<f64> {
        let (_, rest) = part.split_once(after)?;
        let end = rest
            .find(|c: char| !(c.is_ascii_digit() || c == '.'))
            .unwrap_or(rest.len());
        rest[..end].parse().ok()
    };
    match number("Val: ") {
        Some(value) => Some((0.0, value)),
        None => Some((
            number("Normal=")?,
            number("Current=").or_else(|| number("Cur="))?,
        )),
    }
}

/// The calls in the answer of `GetServiceDependencies`: a line with the callers, and a tree of who is called.
pub(crate) fn calls(service: &str, text: &str) -> Vec<Call> {
    let mut found = Vec::new();
    let mut below: Vec<(usize, &str)> = Vec::new();
    for line in text.lines() {
        if let Some(callers) = line.strip_prefix("[Upstream (Called By)]:") {
            let callers = callers
                .split(',')
                .map(str::trim)
                .filter(|name| !name.starts_with('('));
            found.extend(callers.map(|caller| call(caller, service)));
            continue;
        }
        let Some(at) = line.find("── ") else {
            continue;
        };
        let name = line[at + "── ".len()..]
            .split_whitespace()
            .next()
            .unwrap_or_default();
        // Each level is four characters wide, of which some have several bytes.
        let depth = line[..at].chars().count();
        while below.last().is_some_and(|(above, _)| *above >= depth) {
            below.pop();
        }
        let caller = below.last().map_or(service, |(_, name)| name);
        found.push(call(caller, name));
        below.push((depth, name));
    }
    found
}

fn call(caller: &str, callee: &str) -> Call {
    let [caller, callee] = [caller, callee].map(str::to_owned);
    Call { caller, callee }
}

#[cfg(test)]
mod tests {
    use kubernetes::finding::ObjectRef;
    use kubernetes::snapshot::Measure;

    use super::{calls, of_line};

    #[test]
    fn a_line_falls_into_its_measurements() {
        let object = ObjectRef::new("Service", "shop", "cart");
        let line = "LATENCY_DEGRADATION [Slow Response] | p50latency: Normal=20.00ms -> Current=2500.00ms (+1%) | \
                    Peak=3000.00ms | p90latency: Normal=40.00ms -> Current=4000.00ms (+1%)";
        let found: Vec<_> = of_line(&object, line)
            .iter()
            .map(|change| (change.measure, change.before, change.now))
            .collect();
        assert_eq!(
            found,
            [
                (Measure::MedianLatency, 0.02, 2.5),
                (Measure::TailLatency, 0.04, 4.0)
            ]
        );
        let throttled = of_line(
            &object,
            "RESOURCE_SATURATION [cpu_cfs] | Val: 0.824s (Throttled)",
        );
        assert_eq!(
            (throttled[0].measure, throttled[0].now),
            (Measure::Throttled, 0.824)
        );
        let errors = of_line(
            &object,
            "ERROR_SPIKE [Success Rate Drop] | Normal=100.0% -> Cur=25.0% (-75.0%)",
        );
        assert_eq!((errors[0].before, errors[0].now), (0.0, 0.75));
    }

    #[test]
    fn the_tree_says_who_calls_whom() {
        let text = "[Service]: a\n[Upstream (Called By)]: x, y\n[Downstream (Calls)]:\na\n├── b\n│   └── c      <-- (Database)\n└── d\n";
        let pairs: Vec<_> = calls("a", text)
            .into_iter()
            .map(|call| format!("{} {}", call.caller, call.callee))
            .collect();
        assert_eq!(pairs, ["x a", "y a", "a b", "b c", "a d"]);
    }
}
