//! What the template gives a function is what the function reads: no more, no less.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use shared::variables::{InvalidVariable, Variables};
use tests::stack::project;

/// The variables that the template sets, by function.
fn given() -> BTreeMap<String, BTreeSet<String>> {
    let template = std::fs::read_to_string(project().join("template.yaml")).expect("the template");
    let mut given: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut function = None;
    let mut inside = false;
    for line in template.lines() {
        let indent = line.len() - line.trim_start().len();
        if indent == 2 && line.ends_with("Function:") {
            function = Some(line.trim().trim_end_matches("Function:").to_lowercase());
        } else if indent == 2 && line.trim_end().ends_with(':') {
            function = None;
        }
        if line.trim() == "Variables:" {
            inside = true;
            continue;
        }
        inside = inside && indent >= 10;
        if let (true, Some(function)) = (inside, &function)
            && let Some((name, _)) = line.trim().split_once(':')
        {
            given.entry(function.clone()).or_default().insert(name.to_owned());
        }
    }
    given
}

/// The variables that a function asks for. Those that it cannot do without are found by leaving them out.
fn asked(read: impl Fn(&dyn Fn(&str) -> Option<String>) -> Result<(), InvalidVariable>) -> BTreeSet<String> {
    let asked = RefCell::new(BTreeSet::new());
    let mut required: BTreeSet<&str> = BTreeSet::new();
    loop {
        let answer = |name: &str| {
            asked.borrow_mut().insert(name.to_owned());
            // The one required variable that takes two words only.
            required.contains(name).then(|| if name == "ENVIRONMENT" { "prod".to_owned() } else { "x".to_owned() })
        };
        match read(&answer) {
            // What Lambda sets by itself is not the template's to give.
            Ok(()) => return asked.take().into_iter().filter(|name| !name.starts_with("AWS_LAMBDA_")).collect(),
            Err(InvalidVariable::Missing { name, .. }) => assert!(required.insert(name), "{name} is still missing"),
            Err(unfit) => panic!("{unfit}"),
        }
    }
}

/// The number that a resource of the template has at a key, in seconds.
fn seconds(resource: &str, key: &str) -> i64 {
    let template = std::fs::read_to_string(project().join("template.yaml")).expect("the template");
    let lines = template.lines().skip_while(|line| *line != format!("  {resource}:")).skip(1);
    let mut inside = lines.take_while(|line| line.is_empty() || line.starts_with("   "));
    let value = inside.find_map(|line| line.trim().strip_prefix(&format!("{key}: "))).unwrap_or_else(|| panic!("{resource} has no {key}"));
    value.parse().expect("a number of seconds")
}

#[test]
fn the_lease_of_an_analysis_ends_after_its_worker_and_before_its_message_comes_again() {
    let (timeout, lease, again) =
        (seconds("AnalyzerFunction", "Timeout"), analyzer::LEASE.as_secs(), seconds("IncidentsQueue", "VisibilityTimeout"));
    // A lease that ended earlier would let two workers pay for one analysis; one that ended later would keep the next one out.
    assert!(timeout < lease && lease < again, "{timeout} s, {lease} s, {again} s");
}

#[test]
fn every_function_is_given_exactly_the_variables_that_it_reads() {
    let reads = BTreeMap::from([
        ("ingress".to_owned(), asked(|from| ingress::config::Config::from_variables(&Variables::from_fn(from)).map(drop))),
        ("signals".to_owned(), asked(|from| signals::config::Config::from_variables(&Variables::from_fn(from)).map(drop))),
        ("analyzer".to_owned(), asked(|from| analyzer::config::Config::from_variables(&Variables::from_fn(from)).map(drop))),
        ("notifier".to_owned(), asked(|from| notifier::config::Config::from_variables(&Variables::from_fn(from)).map(drop))),
        ("repair".to_owned(), asked(|from| repair::config::Config::from_variables(&Variables::from_fn(from)).map(drop))),
        ("bridge".to_owned(), asked(|from| bridge::config::Config::from_variables(&Variables::from_fn(from)).map(drop))),
    ]);
    assert_eq!(given(), reads);
}
