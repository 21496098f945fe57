//! `quell verify-log`: verifies the hash chain of an incident's operation log.

use std::io::Write;
use std::path::Path;
use std::time::Duration;

use clap::Args;
use domain::incident::operation_log::{BrokenChain, Entry, verify};
use domain::primitives::id::IncidentId;
use domain::primitives::safe_text::line;
use store::{Store, StoreError};

use crate::aws::{self, Environment, Table};
use crate::exit::{Answer, Failure};
use crate::input;

/// How much of an entry's texts is shown.
const SHOWN: usize = 160;
/// How often both are read again: log and incident are two reads, and the incident may change between them.
const TRIES: u32 = 5;

#[derive(Debug, Args)]
pub(crate) struct VerifyLog {
    /// The incident's id; `-` reads ids from the standard input, one a line
    #[arg(required_unless_present = "all", conflicts_with = "all")]
    incident: Option<String>,
    /// Every open incident
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    table: Table,
}

impl VerifyLog {
    pub(crate) async fn answer(
        self,
        variables: &Environment,
        out: &mut dyn Write,
    ) -> Result<Answer, Failure> {
        let store = aws::store(variables, self.table.table).await?;
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
        Ok(()) => writeln!(out, "{id}: intact, {} entries", entries.len())?,
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
