//! `quell verify-log`: verifies the hash chain of an incident's operation log; with an export and the
//! witness's anchors, that all logs are what was written, without the table.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use domain::incident::operation_log::{BrokenChain, Entry, verify};
use domain::primitives::id::IncidentId;
use domain::primitives::safe_text::line;
use evidence::anchors;
use evidence::audit::{Audit, audit};
use evidence::note::{InvalidNote, Verifier};
use store::{Store, StoreError};

use crate::aws::{self, Environment};
use crate::exit::{Answer, Failure};
use crate::input;

/// How much of an entry's texts is shown.
const SHOWN: usize = 160;
/// How often both are read again: log and incident are two reads, and the incident may change between them.
const TRIES: u32 = 5;

#[derive(Debug, Args)]
pub(crate) struct VerifyLog {
    /// The incident's id; `-` reads ids from the standard input, one a line
    #[arg(required_unless_present_any = ["all", "export"], conflicts_with_all = ["all", "export"])]
    incident: Option<String>,
    /// Every open incident
    #[arg(long, conflicts_with = "export")]
    all: bool,
    /// The table of the deployment: the stack's output TableName
    #[arg(long, value_name = "NAME", required_unless_present = "export")]
    table: Option<String>,
    /// What `quell export-log` printed: audits it offline
    #[arg(long, value_name = "FILE", requires_all = ["anchors", "key"], conflicts_with = "table")]
    export: Option<PathBuf>,
    /// What the witness printed: the lines of its log group, or the JSON of `aws logs filter-log-events`
    #[arg(long, value_name = "FILE", requires = "export")]
    anchors: Option<PathBuf>,
    /// The key of the checkpoints, as `quell evidence-key` printed it when the stack was new
    #[arg(long, value_name = "KEY", requires = "export")]
    key: Option<String>,
}

impl VerifyLog {
    pub(crate) async fn answer(
        self,
        variables: &Environment,
        out: &mut dyn Write,
    ) -> Result<Answer, Failure> {
        if let (Some(export), Some(anchors), Some(key)) = (&self.export, &self.anchors, &self.key) {
            return offline(export, anchors, key, out);
        }
        let table = self.table.unwrap_or_default();
        let store = aws::store(variables, table).await?;
        let ids = match self.incident.as_deref() {
            None => store.open_incidents().await?,
            Some("-") => listed(&input::text(Path::new("-"))?)?,
            Some(id) => {
                let id = IncidentId::try_from(id)?;
                let (entries, verdict) = verified(&store, &id).await?;
                for entry in &entries {
                    writeln!(out, "{}", shown(entry))?;
                }
                return tell(&id, &entries, verdict, out);
            }
        };
        let mut broken = 0_usize;
        for id in &ids {
            let (entries, verdict) = verified(&store, id).await?;
            broken += usize::from(tell(id, &entries, verdict, out)? == Answer::No);
        }
        writeln!(
            out,
            "{} incidents: {} intact, {broken} not",
            ids.len(),
            ids.len() - broken
        )?;
        Ok(Answer::of(broken == 0))
    }
}

/// Audits an export, and says what that proves and what not.
fn offline(
    export: &Path,
    anchors: &Path,
    key: &str,
    out: &mut dyn Write,
) -> Result<Answer, Failure> {
    let key: Verifier = key
        .parse()
        .map_err(|error: InvalidNote| Failure::wrong(format!("--key: {error}")))?;
    let mut lines = Vec::new();
    for (number, line) in (1..).zip(input::text(export)?.lines()) {
        let read = serde_json::from_str(line).map_err(|error| {
            let file = export.display();
            Failure::wrong(format!(
                "{file}, line {number}: {error}; an export is what `quell export-log` prints"
            ))
        })?;
        lines.push(read);
    }
    let anchors = anchors::read(&input::text(anchors)?);
    let found = audit(lines, anchors, &key);
    for finding in &found.findings {
        writeln!(out, "NOT intact: {finding}")?;
    }
    let Audit {
        incidents,
        entries,
        not_yet,
        expired,
        erased,
        last,
        findings,
    } = &found;
    let broken = findings.len();
    writeln!(
        out,
        "{incidents} incidents: {entries} entries as they were anchored, {expired} expired, {erased} erased, {not_yet} not anchored yet, {broken} findings"
    )?;
    match last {
        Some(last) => writeln!(
            out,
            "Proves: up to {} no entry was changed, left out or put in another order after it was written, over {} writes to {}.\n\
             Does not prove: that what was written is true, and by whom; what came later; that no anchor behind the last checkpoint was kept back.",
            last.at, last.size, last.origin
        )?,
        None => writeln!(out, "Proves nothing: no checkpoint is accepted.")?,
    }
    Ok(Answer::of(broken == 0 && last.is_some()))
}

fn listed(text: &str) -> Result<Vec<IncidentId>, Failure> {
    let words = text.lines().map(str::trim).filter(|line| !line.is_empty());
    words
        .map(|id| IncidentId::try_from(id).map_err(Failure::from))
        .collect()
}

/// What stands between a log and its being intact: the chain, or an entry that nobody can read.
type Verdict = Result<(), String>;

async fn verified(store: &Store, id: &IncidentId) -> Result<(Vec<Entry>, Verdict), Failure> {
    let mut found = (Vec::new(), Ok(()));
    for _ in 0..TRIES {
        let entries = match store.log(id).await {
            Ok(entries) => entries,
            Err(error @ StoreError::Unreadable { .. }) => {
                return Ok((Vec::new(), Err(error.to_string())));
            }
            Err(error) => return Err(error.into()),
        };
        let head = store.known_incident(id).await?.log_head;
        let verdict = verify(id, &entries, &head).map_err(|broken: BrokenChain| broken.to_string());
        let intact = verdict.is_ok();
        found = (entries, verdict);
        if intact {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Ok(found)
}

fn tell(
    id: &IncidentId,
    entries: &[Entry],
    verdict: Verdict,
    out: &mut dyn Write,
) -> Result<Answer, Failure> {
    match &verdict {
        Ok(()) => {
            let erased = entries.iter().filter(|entry| entry.erased).count();
            let of_them = match erased {
                0 => String::new(),
                erased => format!(", {erased} of them erased in part"),
            };
            writeln!(out, "{id}: intact, {} entries{of_them}", entries.len())?;
        }
        Err(why) => writeln!(out, "{id}: NOT intact: {why}")?,
    }
    Ok(Answer::of(verdict.is_ok()))
}

fn shown(entry: &Entry) -> String {
    let texts = entry
        .error
        .iter()
        .fold(entry.detail.clone(), |detail, error| {
            format!("{detail} · failed: {error}")
        });
    let at = entry.at.strftime("%Y-%m-%dT%H:%M:%S%.3fZ");
    format!(
        "{:>4}  {at}  {:<22} {:<16} {}",
        entry.sequence,
        entry.event.as_str(),
        line(&entry.actor, 40),
        line(&texts, SHOWN)
    )
}
