//! `quell report`: a week in numbers, from the read API: how many incidents of which kind, how long people and repairs took, what made the
//! most noise, and how repairs ended.

mod counts;
pub(crate) mod length;
mod story;
mod week;

use std::io::Write;

use clap::Args;
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};

use self::counts::{Report, Told};
use self::story::Story;
use self::week::Week;
use crate::api::lists::{MOST, all_incidents};
use crate::api::model::{Page, Summary};
use crate::api::{Api, ApiOf, typed};
use crate::aws::Environment;
use crate::exit::{Answer, Failure};
use crate::screen::{self, Output};

/// How many logs are read at once.
const AT_ONCE: usize = 8;

#[derive(Debug, Args)]
pub(crate) struct WeekOf {
    /// A week of ISO 8601, such as 2026-W48: from its Monday to its Sunday, by UTC
    #[arg(long, value_name = "WEEK")]
    week: Week,
    #[command(flatten)]
    api: ApiOf,
    /// How the answer is written
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t)]
    output: Output,
}

impl WeekOf {
    pub(crate) async fn answer(
        self,
        variables: &Environment,
        out: &mut dyn Write,
    ) -> Result<Answer, Failure> {
        let api = self.api.connect(variables).await?;
        let (from, to) = self.week.days();
        let query = vec![("from", from.to_string()), ("to", to.to_string())];
        let page: Page = typed(all_incidents(&api, &query).await?)?;
        if page.next.is_some() {
            return Err(Failure::wrong(format!(
                "the week has more than {MOST} incidents: list them with `quell incidents --from {from} --to {to}` and a filter"
            )));
        }
        let told = stories(&api, page.incidents).await?;
        let report = Report::of(&self.week, &told);
        match self.output {
            Output::Json => writeln!(out, "{}", screen::json(&report)?)?,
            Output::Table => report.write(out)?,
        }
        Ok(Answer::Yes)
    }
}

/// The incidents with their stories. The members of a storm have one in common, which is the storm's.
async fn stories(api: &Api, incidents: Vec<Summary>) -> Result<Vec<Told>, Failure> {
    let read = incidents.into_iter().map(async |summary| {
        let story = match summary.kind.as_str() {
            "storm_member" | "pipeline" => Story::default(),
            _ => Story::read(api, &summary.id).await?,
        };
        Ok::<_, Failure>(Told { summary, story })
    });
    stream::iter(read).buffered(AT_ONCE).try_collect().await
}
