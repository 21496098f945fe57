//! Dependencies between services of the registry, from their `depends_on`.

use std::collections::{BTreeMap, BTreeSet};

use crate::playbook::service::Service;

/// The services that depend on one, also through others, in the order of the file.
pub fn dependents<'a>(services: &'a [Service], name: &str) -> Vec<&'a Service> {
    let mut reached = BTreeSet::from([name]);
    // Each round reaches at least one more: a loop, which the check of the file refuses, ends as well.
    loop {
        let needs_reached = |service: &&Service| {
            let needs = &service.depends_on;
            needs.iter().any(|needed| reached.contains(needed.as_str()))
        };
        let more: Vec<&str> = services
            .iter()
            .filter(needs_reached)
            .map(|service| service.name.as_str())
            .filter(|name| !reached.contains(name))
            .collect();
        if more.is_empty() {
            break;
        }
        reached.extend(more);
    }
    reached.remove(name);
    let found = services.iter();
    found
        .filter(|service| reached.contains(service.name.as_str()))
        .collect()
}

/// The other members of a service's redundancy group.
pub fn peers<'a>(services: &'a [Service], service: &Service) -> Vec<&'a Service> {
    let Some(group) = &service.redundancy_group else {
        return Vec::new();
    };
    let others = services.iter().filter(|other| {
        other.redundancy_group.as_ref() == Some(group) && other.name != service.name
    });
    others.collect()
}

/// What is wrong with the dependencies: each the place of a service, a field below it, and a sentence.
pub fn dependency_errors(services: &[&Service]) -> Vec<(usize, String, String)> {
    let names: BTreeMap<&str, usize> = services
        .iter()
        .enumerate()
        .map(|(index, service)| (service.name.as_str(), index))
        .collect();
    let mut errors = Vec::new();
    for (index, service) in services.iter().enumerate() {
        for (place, needed) in service.depends_on.iter().enumerate() {
            if !names.contains_key(needed.as_str()) {
                errors.push((
                    index,
                    format!("depends_on[{place}]"),
                    format!(
                        "names {needed}, which is no service of this file: give the `name` of one, or take it away"
                    ),
                ));
            }
        }
    }
    let mut seen = BTreeSet::new();
    for (index, service) in services.iter().enumerate() {
        let name = service.name.as_str();
        if seen.contains(name) {
            continue;
        }
        if let Some(way) = way_back(services, &names, name) {
            // One message for a loop, at the first of its services.
            seen.extend(way.iter().copied());
            errors.push((
                index,
                "depends_on".to_owned(),
                format!(
                    "leads back to itself ({}): say which of them is needed by the other, and take one dependency away",
                    way.join(" needs ")
                ),
            ));
        }
    }
    errors
}

/// The shortest way from a service along its dependencies back to itself, with its name at both ends.
fn way_back<'a>(
    services: &[&'a Service],
    names: &BTreeMap<&'a str, usize>,
    start: &'a str,
) -> Option<Vec<&'a str>> {
    let mut ways = vec![vec![start]];
    let mut reached = BTreeSet::new();
    while !ways.is_empty() {
        let mut longer = Vec::new();
        for way in ways {
            let service = services[*names.get(way.last()?)?];
            for needed in &service.depends_on {
                let needed = needed.as_str();
                let way = [way.as_slice(), &[needed]].concat();
                if needed == start {
                    return Some(way);
                }
                if names.contains_key(needed) && reached.insert(needed) {
                    longer.push(way);
                }
            }
        }
        ways = longer;
    }
    None
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{dependency_errors, dependents, peers};
    use crate::playbook::service::Service;

    /// Services with what each depends on.
    fn services(all: &[(&str, &[&str])]) -> Vec<Service> {
        all.iter()
            .map(|(name, needs)| {
                let group = name.split_once('-').map(|(group, _)| group);
                serde_json::from_value(json!({
                    "name": name, "level": "approval", "depends_on": needs, "redundancy_group": group,
                    "target": { "ssm": { "tag": "a=b" } },
                }))
                .expect("a service")
            })
            .collect()
    }

    fn errors(all: &[(&str, &[&str])]) -> Vec<String> {
        let services = services(all);
        let services: Vec<&Service> = services.iter().collect();
        dependency_errors(&services)
            .into_iter()
            .map(|(index, field, text)| format!("[{index}].{field} {text}"))
            .collect()
    }

    #[test]
    fn dependents_are_found_through_others_and_once() {
        let all = services(&[
            ("shop", &["web-1", "db"]),
            ("web-1", &["db"]),
            ("web-2", &["db"]),
            ("db", &[]),
            ("mail", &[]),
        ]);
        let of = |name| -> Vec<&str> {
            let found = dependents(&all, name).into_iter();
            found.map(|service| service.name.as_str()).collect()
        };
        assert_eq!(of("db"), ["shop", "web-1", "web-2"]);
        assert_eq!(of("web-1"), ["shop"]);
        assert_eq!(of("mail"), [""; 0]);
        let others: Vec<&str> = peers(&all, &all[1])
            .into_iter()
            .map(|service| service.name.as_str())
            .collect();
        assert_eq!(others, ["web-2"]);
        assert!(peers(&all, &all[3]).is_empty());
    }

    #[test]
    fn dependents_of_a_loop_end() {
        let all = services(&[("a", &["b"]), ("b", &["a"])]);
        assert_eq!(dependents(&all, "a").len(), 1);
    }

    #[test]
    fn unknown_names_and_loops_are_errors() {
        assert_eq!(errors(&[("a", &["b"]), ("b", &[])]), [""; 0]);
        assert_eq!(
            errors(&[("a", &["b", "c"]), ("b", &[])]),
            [
                "[0].depends_on[1] names c, which is no service of this file: give the `name` of one, or take it away"
            ]
        );
        let own = errors(&[("a", &["a"])]);
        assert_eq!(own.len(), 1);
        assert!(own[0].contains("(a needs a)"), "{own:?}");
        let three = errors(&[
            ("x", &["a"]),
            ("a", &["b"]),
            ("b", &["c"]),
            ("c", &["a", "d"]),
            ("d", &[]),
        ]);
        assert_eq!(three.len(), 1, "{three:?}");
        assert!(
            three[0].starts_with("[1].depends_on leads back to itself (a needs b needs c needs a)"),
            "{three:?}"
        );
        let two = errors(&[("a", &["b"]), ("b", &["a"]), ("c", &["d"]), ("d", &["c"])]);
        assert_eq!(two.len(), 2, "{two:?}");
    }
}
