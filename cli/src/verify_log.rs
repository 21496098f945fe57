//! `quell verify-log`: verifies the hash chain of an incident's operation log; with an export and the
//! witness's anchors, that all logs are what was written, without the table.

mod erasures;
mod offline;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use domain::incident::operation_log::{BrokenChain, Entry, verify};
use domain::primitives::id::IncidentId;
use domain::primitives::safe_text::line;
use evidence::erased::Erased;
use store::{Store, StoreError};

use self::erasures::{KnownErasures, tell_unknown};
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
    /// Erasures that you have looked at: lines that this command printed. One that is not among them ends it with 1
    #[arg(long, value_name = "FILE")]
    erasures_known: Option<PathBuf>,
}

impl VerifyLog {
    pub(crate) async fn answer(
        self,
        variables: &Environment,
        out: &mut dyn Write,
    ) -> Result<Answer, Failure> {
        let known = KnownErasures::read(self.erasures_known.as_deref())?;
        if let (Some(export), Some(anchors), Some(key)) = (&self.export, &self.anchors, &self.key) {
            return offline::answer(export, anchors, key, &known, out);
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
                let unknown = known.list(&erased(&id, &entries), out)?;
                tell(&id, &entries, &verdict, out)?;
                tell_unknown(unknown, out)?;
                return Ok(Answer::of(verdict.is_ok() && unknown == 0));
            }
        };
        let (mut broken, mut unknown) = (0_usize, 0);
        for id in &ids {
            let (entries, verdict) = verified(&store, id).await?;
            unknown += known.list(&erased(id, &entries), out)?;
            tell(id, &entries, &verdict, out)?;
            broken += usize::from(verdict.is_err());
        }
        writeln!(
            out,
            "{} incidents: {} intact, {broken} not",
            ids.len(),
            ids.len() - broken
        )?;
        tell_unknown(unknown, out)?;
        Ok(Answer::of(broken == 0 && unknown == 0))
    }
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

/// The entries of a log out of which something was taken.
fn erased(id: &IncidentId, entries: &[Entry]) -> Vec<Erased> {
    let erased = entries.iter().filter(|entry| entry.erased);
    erased.map(|entry| Erased::of(id, entry, entries)).collect()
}

fn tell(
    id: &IncidentId,
    entries: &[Entry],
    verdict: &Verdict,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    match verdict {
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
    Ok(())
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
