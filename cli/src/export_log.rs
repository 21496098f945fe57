//! `quell export-log`: every operation log of the table, for an audit without the table.

use std::io::Write;

use clap::Args;
use evidence::export::ExportLine;
use store::Exported;

use crate::aws::{Environment, Table, store};
use crate::exit::{Answer, Failure};

#[derive(Debug, Args)]
pub(crate) struct ExportLog {
    #[command(flatten)]
    table: Table,
}

impl ExportLog {
    pub(crate) async fn answer(
        self,
        variables: &Environment,
        out: &mut dyn Write,
    ) -> Result<Answer, Failure> {
        let store = store(variables, self.table.table).await?;
        let mut unreadable = 0_usize;
        for item in store.export().await? {
            let line = match item {
                Exported::Entry(incident_id, entry) => ExportLine::Entry {
                    incident_id,
                    entry: *entry,
                },
                Exported::Head(incident_id, head) => ExportLine::Head { incident_id, head },
                Exported::Unreadable(error) => {
                    unreadable += 1;
                    ExportLine::Unreadable {
                        why: error.to_string(),
                    }
                }
            };
            let json =
                serde_json::to_string(&line).map_err(|error| Failure::wrong(error.to_string()))?;
            writeln!(out, "{json}")?;
        }
        Ok(Answer::of(unreadable == 0))
    }
}
