//! The audit of an export with the witness's anchors, and what it proves and what not.

use std::io::Write;
use std::path::Path;

use evidence::anchors;
use evidence::audit::{Audit, audit};
use evidence::checkpoint::Checkpoint;
use evidence::export::ExportLine;
use evidence::note::{InvalidNote, Verifier};

use super::erasures::{KnownErasures, tell_unknown};
use crate::exit::{Answer, Failure};
use crate::input;

/// Audits an export.
pub(super) fn answer(
    export: &Path,
    anchors: &Path,
    key: &str,
    known: &KnownErasures,
    out: &mut dyn Write,
) -> Result<Answer, Failure> {
    let key: Verifier = key
        .parse()
        .map_err(|error: InvalidNote| Failure::wrong(format!("--key: {error}")))?;
    let anchors = anchors::read(&input::text(anchors)?);
    let found = audit(lines(export)?, anchors, &key);
    let unknown = known.list(&found.erased, out)?;
    for finding in &found.findings {
        writeln!(out, "NOT intact: {finding}")?;
    }
    tell_unknown(unknown, out)?;
    counts(&found, out)?;
    match &found.last {
        Some(last) => proves(&found, last, out)?,
        None => writeln!(out, "Proves nothing: no checkpoint is accepted.")?,
    }
    let intact = found.findings.is_empty() && found.last.is_some();
    Ok(Answer::of(intact && unknown == 0))
}

fn lines(export: &Path) -> Result<Vec<ExportLine>, Failure> {
    let text = input::text(export)?;
    let line = |(number, line): (u32, &str)| {
        serde_json::from_str(line).map_err(|error| {
            let file = export.display();
            Failure::wrong(format!(
                "{file}, line {number}: {error}; an export is what `quell export-log` prints"
            ))
        })
    };
    (1..).zip(text.lines()).map(line).collect()
}

fn counts(found: &Audit, out: &mut dyn Write) -> Result<(), Failure> {
    let Audit {
        incidents,
        without_incident,
        entries,
        not_yet,
        expired,
        erased,
        findings,
        ..
    } = found;
    let (erased, broken) = (erased.len(), findings.len());
    writeln!(
        out,
        "{incidents} incidents: {entries} entries as they were written, {expired} expired, {erased} erased, {not_yet} not anchored yet, {broken} findings"
    )?;
    if *without_incident > 0 {
        writeln!(
            out,
            "{without_incident} of them are gone and their logs are not: retention deletes ended incidents by a time of their own"
        )?;
    }
    Ok(())
}

/// What an audit with a checkpoint proves, and what not.
fn proves(found: &Audit, last: &Checkpoint, out: &mut dyn Write) -> Result<(), Failure> {
    let but = match found.findings.is_empty() {
        true => "",
        false => "of all that is not named NOT intact, ",
    };
    writeln!(
        out,
        "Proves: {but}up to {}, over {} writes to {}, every entry of the logs is in its place and says what it said when it was written; \
         only the texts are gone that are listed as erased, and entries whose time, as promised when they were written, was over.",
        last.at, last.size, last.origin
    )?;
    if found.older > 0 {
        writeln!(
            out,
            "Proves less: of {} erased or expired entries the hash or the anchors are of an older form. What else such an erasure took or changed, and when such an entry should have expired, is not proven.",
            found.older
        )?;
    }
    writeln!(
        out,
        "Does not prove: that what was written is true, and by whom; that who is named has erased, and what was erased; what came later; \
         that no anchor behind the last checkpoint was kept back; anything of the incidents beside their logs."
    )?;
    Ok(())
}
