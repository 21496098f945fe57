//! `quell export history`: every incident with its operation log, one a line, in the order in which they were opened.

use std::io::Write;

use clap::Args;
use domain::primitives::id::IncidentId;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use jiff::Timestamp;
use store::{IncidentList, Store, first_id_of, last_id_of};

use crate::aws::{self, Environment, Table};
use crate::exit::{Answer, Failure};
use crate::history::HistoryLine;
use crate::respond::incident;
use crate::screen;

/// How many ids are read at a time, and how many incidents.
const IDS: u32 = 1_000;
const AT_ONCE: usize = 16;

/// Which incidents.
#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
pub(crate) struct Span {
    /// Only those that were opened at this time or later, such as 2026-11-01T00:00:00Z
    #[arg(long, value_name = "TIME")]
    from: Option<Timestamp>,
    /// Only those that were opened at this time or earlier
    #[arg(long, value_name = "TIME")]
    to: Option<Timestamp>,
    /// Go on behind this incident: the last one of an export that broke off
    #[arg(long, value_name = "INCIDENT", value_parser = incident)]
    after: Option<IncidentId>,
}

#[derive(Debug, Args)]
pub(crate) struct History {
    #[command(flatten)]
    table: Table,
    #[command(flatten)]
    span: Span,
}

impl History {
    pub(crate) async fn answer(
        self,
        variables: &Environment,
        out: &mut dyn Write,
    ) -> Result<Answer, Failure> {
        let store = aws::store(variables, self.table.table).await?;
        let write = |line: HistoryLine| Ok(writeln!(out, "{}", screen::json_line(&line)?)?);
        each(&store, &self.span, write).await?;
        Ok(Answer::Yes)
    }
}

/// Reads the incidents of a table, oldest first, and their logs. An incident that changes meanwhile has at least the entries of when it was
/// read.
///
/// # Errors
/// If the table does not answer or an item cannot be read, or what `take` says.
pub(crate) async fn each(
    store: &Store,
    span: &Span,
    mut take: impl FnMut(HistoryLine) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let read = async |id: IncidentId| -> Result<HistoryLine, Failure> {
        let incident = store.known_incident(&id).await?;
        let log = store.log(&id).await?;
        Ok(HistoryLine::Incident {
            incident: Box::new(incident),
            log,
        })
    };
    let ids = stream::iter(ids(store, span).await?);
    let mut lines = ids.map(read).buffered(AT_ONCE);
    while let Some(line) = lines.try_next().await? {
        take(line)?;
    }
    Ok(())
}

/// The ids of the incidents, oldest first. The index gives the newest first.
async fn ids(store: &Store, span: &Span) -> Result<Vec<IncidentId>, Failure> {
    let first = match &span.after {
        Some(after) => after.clone(),
        None => first_id_of(span.from.unwrap_or(Timestamp::UNIX_EPOCH)),
    };
    let mut last = last_id_of(span.to.unwrap_or_else(Timestamp::now));
    let mut ids: Vec<IncidentId> = Vec::new();
    loop {
        let page = store.list(IncidentList::All, (&first, &last), IDS).await?;
        // Both ends belong to a page: the last one of the page before comes again.
        let known = ids.last().cloned();
        let more = page.ids.into_iter().filter(|id| Some(id) != known.as_ref());
        let before = ids.len();
        ids.extend(more);
        match ids.last() {
            Some(oldest) if !page.ends && ids.len() > before => last = oldest.clone(),
            _ => break,
        }
    }
    ids.retain(|id| Some(id) != span.after.as_ref());
    ids.reverse();
    Ok(ids)
}
