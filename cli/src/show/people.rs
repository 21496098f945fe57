//! The decision on an incident's plan, its repairs, and what people did about it, on a terminal.

use super::{Page, time};
use crate::api::model::{Approval, Incident, Ran, Repair, Response};
use crate::exit::Failure;
use crate::screen::{Style, safe, safe_lines};

impl Page<'_> {
    pub(super) fn decision(&mut self, incident: &Incident) -> Result<(), Failure> {
        let Some(approval) = &incident.approval else {
            return Ok(());
        };
        self.section("Decision")?;
        self.field("approval", approval.id.as_str())?;
        self.field("state", &decision(approval))?;
        if approval.needed > 1 {
            let given = format!("{} of {}", approval.given, approval.needed);
            let people = safe(&approval.approved_by.join(", "));
            self.field("approvals", format!("{given} {people}").trim_end())?;
        }
        Ok(())
    }

    pub(super) fn repairs(&mut self, incident: &Incident) -> Result<(), Failure> {
        for repair in incident.earlier_repairs.iter().chain(&incident.repair) {
            self.repair(repair)?;
        }
        Ok(())
    }

    fn repair(&mut self, repair: &Repair) -> Result<(), Failure> {
        self.section(match &repair.playbook {
            Some(_) => "Earlier repair",
            None => "Repair",
        })?;
        self.optional("playbook", repair.playbook.as_deref())?;
        let ended = match (repair.finished_at, &repair.outcome) {
            (Some(at), Some(outcome)) => format!(", {outcome} {}", time(at)),
            (_, Some(outcome)) => format!(", {outcome}"),
            _ => ", it runs".to_owned(),
        };
        let began = format!("{}{ended}", time(repair.started_at));
        self.field("began", &began)?;
        self.optional("stopped by", repair.stop_asked_by.as_deref())?;
        for step in &repair.steps {
            self.ran(step)?;
        }
        Ok(())
    }

    fn ran(&mut self, step: &Ran) -> Result<(), Failure> {
        let name = format!("{}[{}]", safe(&step.part), step.number.saturating_sub(1));
        let style = match step.state.as_str() {
            "failed" => Style::Red,
            "succeeded" => Style::Green,
            _ => Style::Plain,
        };
        let state = self.screen.paint(style, &safe(&step.state));
        let tries = match step.tries {
            0 | 1 => String::new(),
            tries => format!(" after {tries} tries"),
        };
        writeln!(
            self.out,
            "  {name:<11} {state}{tries}: {}",
            safe(&step.detail)
        )?;
        self.printed("stdout", &step.stdout)?;
        self.printed("stderr", &step.stderr)
    }

    /// What a command printed. Each line begins with a bar, so that none looks like a line of the page.
    pub(super) fn printed(&mut self, stream: &str, text: &str) -> Result<(), Failure> {
        for line in safe_lines(text) {
            writeln!(self.out, "      {stream} | {line}")?;
        }
        Ok(())
    }

    pub(super) fn people(&mut self, response: &Response) -> Result<(), Failure> {
        let Response {
            responder,
            since,
            snoozed_until,
            notes,
            closed,
            cause_is_right,
        } = response;
        if responder.is_none() && notes.is_empty() && closed.is_none() && cause_is_right.is_none() {
            return Ok(());
        }
        self.section("People")?;
        if let Some(responder) = responder {
            let since = since.map(|at| format!(", since {}", time(at)));
            let until = snoozed_until.map(|at| format!(", put off until {}", time(at)));
            let on_it = [
                responder.clone(),
                since.unwrap_or_default(),
                until.unwrap_or_default(),
            ];
            self.field("on it", &on_it.concat())?;
        }
        for note in notes {
            let said = format!("{} ({}): {}", note.person, time(note.at), note.text);
            self.field("note", &said)?;
        }
        if let Some(closed) = closed {
            let reason = closed.reason.as_str();
            let by = format!("{} by {}, {}", reason, closed.person, time(closed.at));
            self.field("closed", &by)?;
        }
        let verdict = |right| {
            if right {
                "right, people say"
            } else {
                "wrong, people say"
            }
        };
        self.optional("cause", cause_is_right.map(verdict))
    }
}

/// How far the decision on a plan has come.
pub(crate) fn decision(approval: &Approval) -> String {
    let by = approval.decided_by.as_deref().unwrap_or("no one");
    let at = approval.decided_at.map(|at| format!(", {}", time(at)));
    let at = at.unwrap_or_default();
    match approval.state.as_str() {
        "pending" => format!(
            "it waits since {} until {}",
            time(approval.requested_at),
            time(approval.expires_at)
        ),
        "void" => {
            let why = approval
                .void_because
                .as_deref()
                .unwrap_or("it is not said why");
            format!("void: {why}")
        }
        state => format!("{state} by {by}{at}"),
    }
}
