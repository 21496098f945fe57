//! Broken queues: event sources that deliver nothing, and messages that were given up or wait.

use super::named::{fine, names};
use crate::doctor::finding::Verdict;
use crate::doctor::queues::{self, QueueFacts, Source};

fn good_queues() -> Vec<QueueFacts> {
    let queue = |name: &'static str| QueueFacts {
        name,
        arn: format!("arn:{name}"),
        redrives_to: Some(format!("arn:{name}-dead")),
        dead_letter_arn: format!("arn:{name}-dead"),
        ..QueueFacts::default()
    };
    ["Incidents", "Notifications", "Repairs", "Signals"]
        .map(queue)
        .into()
}

fn good_sources() -> Vec<Source> {
    let source = |(role, arn): (&'static str, &str)| Source {
        role,
        uuid: format!("uuid-{role}"),
        arn: arn.to_owned(),
        state: "Enabled".to_owned(),
        last_result: "OK".to_owned(),
        reports_items: !["Witness", "Board"].contains(&role),
    };
    [
        ("Analyzer", "arn:Incidents"),
        ("Notifier", "arn:Notifications"),
        ("Repair", "arn:Repairs"),
        ("Signals", "arn:Signals"),
        ("Witness", "arn:table/x/stream/1"),
        ("Board", "arn:table/x/stream/1"),
    ]
    .map(source)
    .into()
}

pub(super) fn event_sources_that_deliver_nothing() -> Vec<String> {
    let mut broken = Vec::new();
    let queues = good_queues();
    fine(&queues::judge_sources(&queues, &good_sources()));
    let changed = |role: &str, change: fn(&mut Source)| {
        let mut sources = good_sources();
        let one = sources.iter_mut().find(|one| one.role == role);
        change(one.expect("a source"));
        queues::judge_sources(&queues, &sources)
    };
    let without = |role: &str| {
        let mut sources = good_sources();
        sources.retain(|one| one.role != role);
        queues::judge_sources(&queues, &sources)
    };
    names(
        &mut broken,
        "a queue that is not read",
        &without("Notifier"),
        Verdict::Fault,
        &[
            "NotifierFunction takes nothing from the queue Notifications",
            "deploy",
        ],
    );
    names(
        &mut broken,
        "a stream that is not read",
        &without("Witness"),
        Verdict::Fault,
        &["WitnessFunction reads no stream", "deploy"],
    );
    names(
        &mut broken,
        "a board that is not projected",
        &without("Board"),
        Verdict::Fault,
        &["BoardFunction reads no stream", "deploy"],
    );
    let off = changed("Repair", |one| one.state = "Disabled".into());
    names(
        &mut broken,
        "an event source that is off",
        &off,
        Verdict::Fault,
        &[
            "RepairFunction takes nothing",
            "Disabled",
            "--uuid uuid-Repair --enabled",
        ],
    );
    let refused = changed("Analyzer", |one| {
        one.last_result = "PROBLEM: not authorized".into()
    });
    names(
        &mut broken,
        "an event source that is refused",
        &refused,
        Verdict::Fault,
        &["AnalyzerFunction cannot read", "not authorized", "role"],
    );
    let whole = changed("Signals", |one| one.reports_items = false);
    names(
        &mut broken,
        "a source that fails whole batches",
        &whole,
        Verdict::Fault,
        &["SignalsFunction", "whole batch", "ReportBatchItemFailures"],
    );
    let other = changed("Signals", |one| one.arn = "arn:other".into());
    names(
        &mut broken,
        "a source of another queue",
        &other,
        Verdict::Fault,
        &["SignalsFunction takes nothing from the queue Signals"],
    );
    broken
}

pub(super) fn messages_that_were_given_up_or_wait() -> Vec<String> {
    let mut broken = Vec::new();
    fine(&queues::judge_dead_letters(&good_queues()));
    fine(&queues::judge_backlog(&good_queues()));
    let mut queues = good_queues();
    queues[1].dead_letters = 3;
    names(
        &mut broken,
        "messages that were given up",
        &queues::judge_dead_letters(&queues),
        Verdict::Fault,
        &[
            "3 messages of the queue Notifications failed",
            "quell redrive notifications",
        ],
    );
    let mut queues = good_queues();
    queues[2].redrives_to = None;
    names(
        &mut broken,
        "a queue without dead letters",
        &queues::judge_dead_letters(&queues),
        Verdict::Fault,
        &["Repairs", "no dead-letter queue", "RedrivePolicy"],
    );
    let mut queues = good_queues();
    queues[0].waiting = 5_000;
    names(
        &mut broken,
        "messages that wait",
        &queues::judge_backlog(&queues),
        Verdict::Warning,
        &["5000 messages wait in the queue Incidents", "log"],
    );
    broken
}
