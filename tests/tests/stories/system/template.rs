//! Compares the variables that the template sets for each function with those that the function
//! reads.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use aws::chain::LONGEST_CHAIN;
use aws_sdk_sqs::error::ProvideErrorMetadata as _;
use aws_sdk_sqs::types::QueueAttributeName;
use domain::playbook::command::STEP_SECONDS;
use domain::playbook::plan::PlannedStep;
use settings::variables::{InvalidVariable, Variables};
use tests::stack::{Stack, project};

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
            given
                .entry(function.clone())
                .or_default()
                .insert(name.to_owned());
        }
    }
    given
}

/// The variables that a function asks for. Those that it cannot do without are found by leaving them out.
fn asked(
    read: impl Fn(&dyn Fn(&str) -> Option<String>) -> Result<(), InvalidVariable>,
) -> BTreeSet<String> {
    let asked = RefCell::new(BTreeSet::new());
    let mut required: BTreeSet<&str> = BTreeSet::new();
    loop {
        let answer = |name: &str| {
            asked.borrow_mut().insert(name.to_owned());
            // The one required variable that takes two words only.
            required.contains(name).then(|| {
                if name == "ENVIRONMENT" {
                    "prod".to_owned()
                } else {
                    "x".to_owned()
                }
            })
        };
        match read(&answer) {
            // What Lambda sets by itself is not the template's to give.
            Ok(()) => {
                return asked
                    .take()
                    .into_iter()
                    .filter(|name| !name.starts_with("AWS_LAMBDA_"))
                    .collect();
            }
            Err(InvalidVariable::Missing { name, .. }) => {
                assert!(required.insert(name), "{name} is still missing")
            }
            Err(unfit) => panic!("{unfit}"),
        }
    }
}

/// The lines of a resource or a parameter of the template, without their comments.
fn lines_of(name: &str) -> Vec<String> {
    let template = std::fs::read_to_string(project().join("template.yaml")).expect("the template");
    let lines = template
        .lines()
        .skip_while(|line| *line != format!("  {name}:"))
        .skip(1);
    let inside = lines.take_while(|line| line.is_empty() || line.starts_with("   "));
    inside
        .filter(|line| !line.trim_start().starts_with('#'))
        .map(str::to_owned)
        .collect()
}

/// The number that a resource of the template has at a key, in seconds.
fn seconds(resource: &str, key: &str) -> i64 {
    let lines = lines_of(resource);
    let value = lines
        .iter()
        .find_map(|line| line.trim().strip_prefix(&format!("{key}: ")));
    value
        .unwrap_or_else(|| panic!("{resource} has no {key}"))
        .parse()
        .expect("a number of seconds")
}

/// What a function has to do with queues.
#[derive(Debug, Default)]
struct Traffic {
    takes_from: BTreeSet<String>,
    /// By what its role lets it do.
    sends_to: BTreeSet<String>,
    /// True if AWS lets it be invoked by a chain of messages of any length.
    allows_loops: bool,
}

/// The resources whose ARN a text names with `!GetAtt`.
fn arns(text: &str) -> BTreeSet<String> {
    let named = text
        .split("!GetAtt ")
        .skip(1)
        .filter_map(|rest| rest.split_once(".Arn"));
    named
        .map(|(name, _)| name.to_owned())
        .filter(|name| name.bytes().all(|b| b.is_ascii_alphanumeric()))
        .collect()
}

fn traffic() -> BTreeMap<String, Traffic> {
    let function = |name: String| {
        let lines = lines_of(&format!(
            "{}{}Function",
            name[..1].to_uppercase(),
            &name[1..]
        ));
        let of = |prefix: &str| {
            lines
                .iter()
                .find_map(|line| line.trim().strip_prefix(prefix).map(str::to_owned))
                .unwrap_or_default()
        };
        let role = arns(&of("Role: ")).pop_first().expect("a role of its own");
        let policies = lines_of(&role).join("\n");
        let sends = policies
            .split("- Effect: Allow")
            .filter(|statement| statement.contains("sqs:SendMessage"));
        let traffic = Traffic {
            takes_from: arns(&of("Queue: ")),
            sends_to: sends.flat_map(arns).collect(),
            allows_loops: of("RecursiveLoop: ") == "Allow",
        };
        (name, traffic)
    };
    given().into_keys().map(function).collect()
}

#[test]
fn an_analysis_lease_outlives_its_worker_but_not_the_message() {
    let (timeout, lease, again) = (
        seconds("AnalyzerFunction", "Timeout"),
        analyzer::LEASE.as_secs(),
        seconds("IncidentsQueue", "VisibilityTimeout"),
    );
    // A lease that ended earlier would let two workers pay for one analysis; one that ended later would keep the next one out.
    assert!(
        timeout < lease && lease < again,
        "{timeout} s, {lease} s, {again} s"
    );
}

#[test]
fn the_longest_step_fits_into_repair_and_bridge() {
    let timeout_seconds = u32::try_from(STEP_SECONDS).expect("minutes");
    let longest = PlannedStep {
        timeout_seconds,
        ..PlannedStep::default()
    }
    .longest()
    .as_secs();
    let (bridge, repair, again) = (
        seconds("BridgeFunction", "Timeout"),
        seconds("RepairFunction", "Timeout"),
        seconds("RepairsQueue", "VisibilityTimeout"),
    );
    // A worker that has just begun has not used up more than half a minute when it asks for the step.
    assert!(
        longest <= bridge && longest + 30 <= repair,
        "{longest} s of a step, {bridge} s of the bridge, {repair} s of repair"
    );
    assert!(
        6 * repair <= again,
        "Lambda asks for six times the function's timeout: {again} s"
    );
}

#[test]
fn every_function_is_given_exactly_the_variables_that_it_reads() {
    let reads = BTreeMap::from([
        (
            "ingress".to_owned(),
            asked(|from| {
                ingress::config::Config::from_variables(&Variables::from_fn(from)).map(drop)
            }),
        ),
        (
            "signals".to_owned(),
            asked(|from| {
                signals::config::Config::from_variables(&Variables::from_fn(from)).map(drop)
            }),
        ),
        (
            "analyzer".to_owned(),
            asked(|from| {
                analyzer::config::Config::from_variables(&Variables::from_fn(from)).map(drop)
            }),
        ),
        (
            "notifier".to_owned(),
            asked(|from| {
                notifier::config::Config::from_variables(&Variables::from_fn(from)).map(drop)
            }),
        ),
        (
            "repair".to_owned(),
            asked(|from| {
                repair::config::Config::from_variables(&Variables::from_fn(from)).map(drop)
            }),
        ),
        (
            "bridge".to_owned(),
            asked(|from| {
                bridge::config::Config::from_variables(&Variables::from_fn(from)).map(drop)
            }),
        ),
        (
            "witness".to_owned(),
            asked(|from| {
                witness::config::Config::from_variables(&Variables::from_fn(from)).map(drop)
            }),
        ),
        (
            "console".to_owned(),
            asked(|from| {
                console::config::Config::from_variables(&Variables::from_fn(from)).map(drop)
            }),
        ),
        (
            "board".to_owned(),
            asked(|from| {
                board::config::Config::from_variables(&Variables::from_fn(from)).map(drop)
            }),
        ),
        (
            "signin".to_owned(),
            asked(|from| {
                signin::config::Config::from_variables(&Variables::from_fn(from)).map(drop)
            }),
        ),
    ]);
    assert_eq!(given(), reads);
}

/// A message to oneself is stopped by AWS after about sixteen in a row, unless the function may loop, and then it needs a bound of its own
/// (<https://docs.aws.amazon.com/lambda/latest/dg/invocation-recursion.html>).
#[test]
fn a_function_that_feeds_its_own_queue_may_loop_and_counts() {
    let traffic = traffic();
    let notifier = &traffic["notifier"];
    assert!(
        notifier.takes_from.contains("NotificationsQueue")
            && notifier.sends_to.contains("SignalsQueue"),
        "the template is read"
    );
    let mut looping = Vec::new();
    for (
        name,
        Traffic {
            takes_from,
            sends_to,
            allows_loops,
        },
    ) in &traffic
    {
        let to_itself = !takes_from.is_disjoint(sends_to);
        assert_eq!(
            to_itself, *allows_loops,
            "{name} takes from {takes_from:?} and sends to {sends_to:?}: RecursiveLoop: Allow is for those that loop"
        );
        if to_itself {
            looping.push(name.as_str());
            let main =
                std::fs::read_to_string(project().join(format!("functions/{name}/src/main.rs")))
                    .expect("its main");
            assert!(
                main.contains("use aws::batch::") && main.contains("take("),
                "{name} takes its messages past the bound of a chain"
            );
        }
    }
    assert_eq!(looping, ["notifier"]);
    // An approval is looked at every 15 minutes, the longest delay of a message.
    let looks = seconds("ApprovalTtlSeconds", "MaxValue") / 900;
    assert!(
        looks < i64::from(LONGEST_CHAIN),
        "{looks} looks at an approval that waits as long as it may"
    );
}

/// Over several functions messages go one way, so that no chain comes back to a function; but for the notifier, which puts a resolve that
/// nobody has told onto the queue of signals. A resolve opens nothing.
#[test]
fn no_chain_of_messages_goes_in_a_circle_over_several_functions() {
    let mut traffic = traffic();
    traffic
        .get_mut("notifier")
        .expect("the notifier")
        .sends_to
        .remove("SignalsQueue");
    let next = |name: &str| -> Vec<&str> {
        let sends_to = &traffic[name].sends_to;
        let others = traffic.iter().filter(|(other, _)| other.as_str() != name);
        others
            .filter(|(_, other)| !other.takes_from.is_disjoint(sends_to))
            .map(|(other, _)| other.as_str())
            .collect()
    };
    assert_eq!(next("analyzer"), ["notifier", "repair"]);
    for start in traffic.keys() {
        let (mut seen, mut open) = (BTreeSet::new(), next(start));
        while let Some(name) = open.pop() {
            assert_ne!(name, start, "a message of {start} comes back to it");
            if seen.insert(name) {
                open.extend(next(name));
            }
        }
    }
}

#[tokio::test]
async fn the_queues_refuse_who_comes_without_tls() {
    // The emulator is asked over plain HTTP, with the rights of its root user.
    let stack = Stack::start_with(&[
        "--without",
        "witness,board",
        "--param",
        "QueuesOverTls=true",
    ]);
    let queues = stack.facts.outputs.iter();
    let queues = queues.filter(|(name, _)| name.ends_with("QueueUrl"));
    let sqs = aws_sdk_sqs::Client::new(&stack.aws());
    let mut refused = 0;
    for (name, url) in queues {
        let asked = sqs
            .get_queue_attributes()
            .queue_url(url)
            .attribute_names(QueueAttributeName::QueueArn)
            .send()
            .await;
        let code = asked
            .err()
            .and_then(|error| error.code().map(str::to_owned));
        assert!(
            code.as_deref()
                .is_some_and(|code| code.contains("AccessDenied")),
            "{name}: {code:?}"
        );
        refused += 1;
    }
    assert_eq!(refused, 8);
}
