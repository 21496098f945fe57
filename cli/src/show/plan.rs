//! The plan of an incident on a terminal, with every argument, and what each guardrail says of it.

use domain::primitives::safe_text::without_hidden;

use super::Page;
use crate::api::model::{Guardrail, Incident, Plan, Step};
use crate::exit::Failure;
use crate::screen::{Style, safe};

impl Page<'_> {
    /// A plan, as people read it who decide on it.
    pub(crate) fn plan(&mut self, plan: &Plan) -> Result<(), Failure> {
        self.section("Plan")?;
        let playbook = format!(
            "{}: {}, risk {}",
            plan.playbook, plan.playbook_name, plan.risk
        );
        self.field("playbook", &playbook)?;
        for why in &plan.risk_because {
            self.field("risk", why)?;
        }
        self.field("target", &plan.target)?;
        if plan.unscoped {
            self.field("take care", "the registry does not say where this service lives: compare cluster and namespace of the alert")?;
        }
        self.field("address", &plan.address)?;
        self.field("hash", &plan.hash)?;
        for (name, value) in &plan.parameters {
            let parameter = exact(&format!("{name} = {value:?}"));
            writeln!(self.out, "  {:<11} {parameter}", "parameter")?;
        }
        for part in &plan.parts {
            for (at, step) in part.steps.iter().enumerate() {
                let name = format!("{}[{at}]", safe(&part.part));
                let (command, limits) = (exact(&step.command), limits(step));
                writeln!(self.out, "  {name:<11} {command}  ({limits})")?;
            }
        }
        for reason in &plan.reasons {
            self.field("because", reason)?;
        }
        Ok(())
    }

    pub(super) fn no_plan(&mut self, incident: &Incident) -> Result<(), Failure> {
        if let (None, Some(why)) = (&incident.plan, &incident.no_plan_because) {
            self.section("Plan")?;
            self.field("none", why)?;
        }
        Ok(())
    }

    pub(super) fn guardrails(&mut self, guardrails: &[Guardrail]) -> Result<(), Failure> {
        if guardrails.is_empty() {
            return Ok(());
        }
        self.section("Guardrails")?;
        for one in guardrails {
            let verdict = if one.passed {
                "passes".to_owned()
            } else {
                self.screen.paint(Style::Red, "STOPS ")
            };
            let name = safe(&one.guardrail);
            writeln!(self.out, "  {verdict} {name:<19} {}", safe(&one.why))?;
        }
        Ok(())
    }
}

/// A text whole and with all of its spaces: whoever decides has to see every argument. What cannot be seen is escaped in it already.
fn exact(text: &str) -> String {
    without_hidden(text).replace('\n', " ")
}

fn limits(step: &Step) -> String {
    let time = format!("up to {} s", step.timeout_seconds);
    match step.retries {
        0 => time,
        retries => format!("{time}, {} tries", u64::from(retries) + 1),
    }
}
