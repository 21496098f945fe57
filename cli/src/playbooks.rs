//! `quell playbooks`: the outcomes of each playbook's runs, its earned level, and the reason for
//! it.

use std::io::Write;
use std::path::PathBuf;

use clap::Args;
use domain::playbook::Playbook;
use domain::policy::limits::Limits;
use domain::policy::track_record::TrackRecord;
use jiff::Timestamp;
use playbook_files::operator_files::{OperatorFiles, limits};
use settings::config_error::both;
use store::Store;

use crate::aws::{self, Environment, Table};
use crate::exit::{Answer, Failure};

/// How many steps of its way are shown of each playbook: the last ones.
const SHOWN: usize = 10;

#[derive(Debug, Args)]
pub(crate) struct Playbooks {
    /// The directory with the operator's files
    #[arg(long, value_name = "DIR", default_value = "config")]
    config: PathBuf,
    #[command(flatten)]
    table: Table,
}

impl Playbooks {
    pub(crate) async fn answer(
        self,
        variables: &Environment,
        out: &mut dyn Write,
    ) -> Result<Answer, Failure> {
        let (files, limits) = both(OperatorFiles::load(&self.config), limits(&self.config))?;
        let store = aws::store(variables, self.table.table).await?;
        for playbook in &files.playbooks {
            tell(playbook, &limits, &store, out).await?;
        }
        Ok(Answer::Yes)
    }
}

async fn tell(
    playbook: &Playbook,
    limits: &Limits,
    store: &Store,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let record = store.playbook_record(&playbook.id).await?;
    let last = record.last_run.map_or_else(
        || "it never ran".to_owned(),
        |at| format!("its last run ended {at:.0}"),
    );
    writeln!(
        out,
        "{}: verified {}, failed {}, recurred {}; {last}",
        playbook.id, record.verified, record.failed, record.recurred
    )?;
    let Some(auto) = playbook.auto else {
        writeln!(out, "  needs approval: this playbook is never automatic")?;
        return Ok(());
    };
    if !auto.earned {
        writeln!(
            out,
            "  declared auto: down to {:?}, after {} verified runs",
            auto.max_severity, auto.min_verified
        )?;
        return Ok(());
    }
    let earned = TrackRecord::by(
        &store.runs(&playbook.id).await?,
        &limits.autonomy,
        Timestamp::now(),
    );
    writeln!(
        out,
        "  {earned}; {} more are verified and may still recur",
        earned.pending
    )?;
    for step in earned
        .steps
        .iter()
        .skip(earned.steps.len().saturating_sub(SHOWN))
    {
        writeln!(out, "    {step}")?;
    }
    Ok(())
}
