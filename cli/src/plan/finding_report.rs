//! Report of the finding in a plan: urgency, confidence and blast radius, each with its reasons.

use std::io::Write;

use domain::analysis::{Analysis, BlastRadius};
use domain::incident::Incident;
use domain::primitives::safe_text::line;

use crate::exit::Failure;
use crate::print;

/// How much of a text from outside is shown.
pub(super) const SHOWN: usize = 120;

/// Writes the finding; `models` is how many models the stack asks before.
pub(super) fn finding(
    incident: &Incident,
    models: usize,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let Some(analysis) = &incident.analysis else {
        return Ok(());
    };
    writeln!(
        out,
        "  finding      {} (a static rule)",
        analysis.action_title
    )?;
    urgency(incident, analysis, out)?;
    confidence(analysis, out)?;
    blast_radius(&analysis.blast_radius, out)?;
    match models {
        0 => {}
        _ => writeln!(
            out,
            "    on the stack {models} models are asked first: they can raise the urgency, never lower it"
        )?,
    }
    Ok(())
}

/// Writes how soon somebody has to act, and every ground for it.
fn urgency(incident: &Incident, analysis: &Analysis, out: &mut dyn Write) -> Result<(), Failure> {
    let level = incident.severity;
    writeln!(out, "  urgency      {level:?}, the worst of:")?;
    for ground in &analysis.urgency.grounds {
        let (basis, alone) = (ground.basis.as_str(), ground.level);
        let why = line(&ground.why.to_string(), SHOWN);
        writeln!(out, "    {alone:?}         {basis}: {why}")?;
    }
    if analysis.urgency.is_lowered() {
        writeln!(out, "    what was measured lowers it by one level")?;
    }
    Ok(())
}

/// Writes how sure the finding is, and what that rests on.
fn confidence(analysis: &Analysis, out: &mut dyn Write) -> Result<(), Failure> {
    let (Some(named), Some(confidence), Some(prior)) =
        (&analysis.named_cause, analysis.confidence, analysis.prior())
    else {
        writeln!(out, "  confidence   none: no cause is claimed")?;
        return Ok(());
    };
    let (source, cause) = (named.source.key(), line(&named.cause, SHOWN));
    writeln!(
        out,
        "  confidence   {:.2}, and at least {:.2} with 95 % probability: {source}, {cause}",
        confidence.mean, confidence.at_least
    )?;
    let counts = confidence.counts;
    match counts.known() {
        0 => writeln!(out, "    counted    nothing yet")?,
        known => writeln!(
            out,
            "    counted    right {} of {known} times",
            counts.right
        )?,
    }
    writeln!(
        out,
        "    prior      {} of {}, which count as {}: {} ({})",
        prior.right, prior.of, prior.weight, prior.origin, prior.as_of
    )?;
    Ok(())
}

/// Writes what suffers with the service, and what is known to be well.
fn blast_radius(radius: &BlastRadius, out: &mut dyn Write) -> Result<(), Failure> {
    let impact = print::word(radius.data_impact);
    let needed_by = match radius.related_services.as_slice() {
        [] => "nothing depends on it".to_owned(),
        names => format!("needed by {}", line(&names.join(", "), SHOWN)),
    };
    let peers = radius
        .peers
        .as_ref()
        .map(|peers| format!(", {}", peers.phrase()));
    let peers = peers.unwrap_or_default();
    writeln!(
        out,
        "  blast radius {needed_by}{peers}; the suggested action's data impact is {impact}"
    )?;
    Ok(())
}
