//! Broken functions: their state, their concurrency, and the loops that AWS stops.

use super::named::{fine, names};
use crate::doctor::finding::Verdict;
use crate::doctor::functions::{self, Function};
use crate::doctor::stack::FUNCTIONS;

fn good_functions() -> Vec<Function> {
    let function = |role: &'static str| Function {
        role,
        name: format!("quell-{role}"),
        state: "Active".to_owned(),
        last_update: "Successful".to_owned(),
        architecture: "arm64".to_owned(),
        recursion: Some(
            if role == "Notifier" {
                "Allow"
            } else {
                "Terminate"
            }
            .to_owned(),
        ),
        ..Function::default()
    };
    FUNCTIONS.map(function).into()
}

/// The good functions, of which one is changed.
fn with(role: &str, change: impl FnOnce(&mut Function)) -> Vec<Function> {
    let mut functions = good_functions();
    let one = functions.iter_mut().find(|one| one.role == role);
    change(one.expect("a function"));
    functions
}

pub(super) fn functions_that_cannot_run() -> Vec<String> {
    let mut broken = Vec::new();
    fine(&functions::judge(&good_functions()));
    let failed = with("Bridge", |one| {
        (one.state, one.state_reason) =
            ("Failed".into(), "the subnet has no addresses left".into());
    });
    names(
        &mut broken,
        "a function that failed",
        &functions::judge(&failed),
        Verdict::Fault,
        &["quell-Bridge is Failed", "no addresses", "deploy"],
    );
    let pending = with("Bridge", |one| one.state = "Pending".into());
    names(
        &mut broken,
        "a function that is being made",
        &functions::judge(&pending),
        Verdict::Warning,
        &["quell-Bridge is being made", "wait"],
    );
    let asleep = with("Repair", |one| one.state = "Inactive".into());
    names(
        &mut broken,
        "a function that sleeps",
        &functions::judge(&asleep),
        Verdict::Warning,
        &["quell-Repair is inactive", "invoke it once"],
    );
    let old = with("Ingress", |one| {
        (one.last_update, one.last_update_reason) = ("Failed".into(), "the layer is gone".into());
    });
    names(
        &mut broken,
        "a function whose update failed",
        &functions::judge(&old),
        Verdict::Fault,
        &[
            "quell-Ingress runs an older version",
            "layer is gone",
            "deploy",
        ],
    );
    let mixed = with("Signals", |one| one.architecture = "x86_64".into());
    names(
        &mut broken,
        "functions for two processors",
        &functions::judge(&mixed),
        Verdict::Warning,
        &["different processors", "arm64, x86_64", "Architecture"],
    );
    broken
}

pub(super) fn concurrency_that_keeps_alerts_out() -> Vec<String> {
    let mut broken = Vec::new();
    fine(&functions::judge_concurrency(&good_functions(), 1_000));
    let new = functions::judge_concurrency(&good_functions(), 10);
    names(
        &mut broken,
        "the quota of a new account",
        &new,
        Verdict::Warning,
        &["10 functions at once", "503", "Service Quotas"],
    );
    let off = with("Ingress", |one| one.reserved = Some(0));
    let off = functions::judge_concurrency(&off, 1_000);
    names(
        &mut broken,
        "a function that may not run",
        &off,
        Verdict::Fault,
        &["quell-Ingress may not run", "delete-function-concurrency"],
    );
    broken
}

pub(super) fn loops_that_aws_stops_or_nobody_stops() -> Vec<String> {
    let mut broken = Vec::new();
    fine(&functions::judge_recursion(&good_functions()));
    let stopped = with("Notifier", |one| one.recursion = Some("Terminate".into()));
    names(
        &mut broken,
        "a notifier that AWS stops",
        &functions::judge_recursion(&stopped),
        Verdict::Fault,
        &["AWS stops quell-Notifier", "--recursive-loop Allow"],
    );
    let free = with("Repair", |one| one.recursion = Some("Allow".into()));
    names(
        &mut broken,
        "a loop that nothing stops",
        &functions::judge_recursion(&free),
        Verdict::Warning,
        &["quell-Repair may loop", "--recursive-loop Terminate"],
    );
    let unknown = with("Repair", |one| one.recursion = None);
    names(
        &mut broken,
        "recursion that may not be read",
        &functions::judge_recursion(&unknown),
        Verdict::Unknown,
        &["lambda:GetFunctionRecursionConfig"],
    );
    broken
}
