//! A plan on a terminal: the command line of each step, one below the other.

use std::io::{Error, Write};

use domain::playbook::plan::{Phase, Plan, PlannedStep};
use serde::Serialize;
use wire::command_line;

/// The phases, in the order in which a repair goes through them.
pub(crate) const PHASES: [(Phase, &str); 4] = [
    (Phase::Facts, "facts"),
    (Phase::Steps, "steps"),
    (Phase::Verify, "verify"),
    (Phase::Rollback, "rollback"),
];

/// Writes a plan.
pub(crate) fn plan(plan: &Plan, out: &mut dyn Write) -> Result<(), Error> {
    writeln!(
        out,
        "  plan         {}: {}, risk {}",
        plan.playbook,
        plan.playbook_name,
        plan.risk.as_str()
    )?;
    writeln!(out, "    address    {}", plan.address)?;
    writeln!(out, "    hash       {}", plan.hash())?;
    for (name, value) in &plan.parameters {
        writeln!(out, "    {:<10} {name} = {value:?}", "parameter")?;
    }
    for (phase, name) in PHASES {
        let steps = plan.phase(phase);
        if steps.is_empty() && phase != Phase::Facts {
            writeln!(out, "    {name:<10} none")?;
        }
        for (index, step) in steps.iter().enumerate() {
            writeln!(
                out,
                "    {:<10} {}  ({})",
                format!("{name}[{index}]"),
                command_line::shown(&step.argv),
                limits(step)
            )?;
        }
    }
    Ok(())
}

fn limits(step: &PlannedStep) -> String {
    let mut limits = vec![format!("up to {} s", step.timeout_seconds)];
    if step.retries > 0 {
        let (tries, every) = (step.retries + 1, step.every_seconds);
        limits.push(format!("{tries} tries, {every} s apart"));
    }
    limits.extend(step.fact.as_ref().map(|fact| format!("the fact {fact}")));
    limits.extend(step.when.as_ref().map(ToString::to_string));
    limits.extend(step.idempotent.then(|| "may run again".to_owned()));
    limits.join(", ")
}

/// A value as it is called in files and in JSON.
pub(crate) fn word(value: impl Serialize) -> String {
    serde_json::to_value(value)
        .ok()
        .and_then(|value| value.as_str().map(str::to_owned))
        .unwrap_or_default()
}
