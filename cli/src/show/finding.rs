//! The finding of an incident on a terminal, with the evidence for it.

use domain::analysis::evidence::{Evidence, Found, Measurement, figure};
use domain::analysis::price::dollars;
use domain::analysis::urgency::Urgency;

use super::Page;
use crate::api::model::Incident;
use crate::exit::Failure;
use crate::print::word;
use crate::screen::safe;

impl Page<'_> {
    pub(super) fn finding(&mut self, incident: &Incident) -> Result<(), Failure> {
        if let Some(found) = &incident.analysis {
            self.section("Finding")?;
            self.field("cause", &found.root_cause)?;
            self.field("to do", &found.suggested_action)?;
            self.optional("command", found.suggested_command.as_deref())?;
            let impact = word(found.blast_radius.data_impact);
            self.field("urgency", &urgency(&found.urgency))?;
            let counted = found.confidence.filter(|sure| sure.counts.known() > 0);
            let counted = counted.map(|sure| {
                let (right, known) = (sure.counts.right, sure.counts.known());
                format!("right {right} of {known} times")
            });
            self.optional("confidence", counted.as_deref())?;
            let radius = &found.blast_radius;
            let needed_by = radius.related_services.join(", ");
            self.optional(
                "needed by",
                Some(needed_by.as_str()).filter(|names| !names.is_empty()),
            )?;
            let peers = radius
                .peers
                .as_ref()
                .map(|peers| peers.phrase().to_string());
            self.optional("others", peers.as_deref())?;
            self.field("data impact", &impact)?;
            let by = match &found.model {
                Some(model) => format!(
                    "{}, {model}, {}",
                    found.provider,
                    dollars(found.price_micro_usd)
                ),
                None => found.provider.clone(),
            };
            self.field("by", &by)?;
            let fell_back = found.fell_back_because.as_ref().map(ToString::to_string);
            self.optional("no model", fell_back.as_deref())?;
            let remembered = found.remembered.as_ref().map(ToString::to_string);
            self.optional("before", remembered.as_deref())?;
        }
        if !incident.evidence.is_empty() {
            self.section("Evidence")?;
            for piece in &incident.evidence {
                self.evidence(piece)?;
            }
        }
        Ok(())
    }

    fn evidence(&mut self, piece: &Evidence) -> Result<(), Failure> {
        let asked = safe(&piece.asked.to_string());
        writeln!(self.out, "  {}: {asked}", piece.source.as_str())?;
        for line in answers(&piece.found) {
            writeln!(self.out, "    {}", safe(&line))?;
        }
        Ok(())
    }
}

/// How soon somebody has to act, and what decides it.
pub(crate) fn urgency(urgency: &Urgency) -> String {
    let because: Vec<String> = urgency
        .deciding()
        .map(|ground| ground.why.to_string())
        .collect();
    match because.as_slice() {
        [] => format!("{:?}", urgency.level),
        because => format!("{:?}: {}", urgency.level, because.join("; ")),
    }
}

/// What came back to a question, a line for each answer.
pub(crate) fn answers(found: &Found) -> Vec<String> {
    match found {
        Found::Measured { measurements, link } => {
            let link = link.as_ref().map(|link| format!("see {link}"));
            measurements.iter().map(measured).chain(link).collect()
        }
        Found::Known { facts } => facts.iter().map(ToString::to_string).collect(),
        Found::Nothing => vec!["nothing was found".to_owned()],
        Found::Failed { why } => vec![format!("no answer: {why}")],
    }
}

fn measured(one: &Measurement) -> String {
    let unit = match one.unit.as_str() {
        "" => String::new(),
        unit => format!(" {unit}"),
    };
    let limit = one
        .limit
        .as_ref()
        .map(|limit| format!(", fires at {limit}"));
    format!(
        "{} = {}{unit} ({}, {} to {}{})",
        one.name,
        figure(one.value),
        word(one.trend),
        figure(one.least),
        figure(one.most),
        limit.unwrap_or_default()
    )
}
