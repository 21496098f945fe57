//! `quell export`: an incident for its review, as Markdown or JSON, made from the API's answers; the history for a backtest, from the table.

pub(crate) mod history;
mod review;

use std::io::Write;

use clap::{Args, Subcommand, ValueEnum};
use domain::primitives::id::IncidentId;

use crate::api::ApiOf;
use crate::aws::Environment;
use crate::exit::{Answer, Failure};
use crate::respond::incident;
use crate::screen;
use crate::show::{read, whole};

#[derive(Debug, Args)]
pub(crate) struct Export {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Writes one incident: timeline, cause, impact, actions, follow-ups to fill in, and the operation log
    Incident {
        /// The incident's id, as on its card
        #[arg(value_name = "INCIDENT", value_parser = incident)]
        id: IncidentId,
        /// `markdown` for a review, `json` for programs
        #[arg(long, value_name = "FORMAT", value_enum, default_value_t)]
        format: Format,
        #[command(flatten)]
        api: ApiOf,
    },
    /// Writes every incident with its operation log, one JSON object a line, oldest first: what `quell backtest` replays
    History(history::History),
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
enum Format {
    #[default]
    Markdown,
    Json,
}

impl Export {
    pub(crate) async fn answer(
        self,
        variables: &Environment,
        out: &mut dyn Write,
    ) -> Result<Answer, Failure> {
        let (id, format, api) = match self.what {
            What::Incident { id, format, api } => (id, format, api),
            What::History(asked) => return asked.answer(variables, out).await,
        };
        let api = api.connect(variables).await?;
        match format {
            Format::Json => {
                let whole = whole(&api, &id).await?;
                writeln!(out, "{}", screen::json(&whole)?)?;
            }
            Format::Markdown => {
                let (incident, entries) = read(&api, &id).await?;
                let page = api.page_of(id.as_str());
                write!(out, "{}", review::review(&incident, &entries, &page))?;
            }
        }
        Ok(Answer::Yes)
    }
}
