//! `quell plan`: shows the plan for an alert, made by the code that decides on the deployed stack.

mod alert_plan;
mod finding_report;
mod parse;
mod report;

use std::io::Write;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use jiff::Timestamp;
use playbook_files::analyzer_files::AnalyzerFiles;
use playbook_files::operator_files::{OperatorFiles, limits};
use playbook_files::recipe_files::RecipeFiles;
use settings::alert_tables;
use settings::config_error::both;

use self::alert_plan::By;
use crate::aws::{self, Environment};
use crate::exit::{Answer, Failure};
use crate::input;

#[derive(Debug, Args)]
pub(crate) struct Planned {
    /// An Alertmanager or Grafana webhook body, one alert or signal as signed senders send it, or an event of `events/`; `-` reads the
    /// standard input
    #[arg(value_name = "ALERT.json")]
    alert: PathBuf,
    /// The directory with the operator's files
    #[arg(long, value_name = "DIR", default_value = "config")]
    config: PathBuf,
    /// Labels that are a part of the identity, as the parameter FingerprintLabels has them
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    fingerprint_labels: Vec<String>,
    /// Take what the guardrails ask from this table; without it, nothing has ever run and the kill switch is off
    #[arg(long, value_name = "NAME", requires = "control_table")]
    table: Option<String>,
    /// The table with the kill switch
    #[arg(long, value_name = "NAME", requires = "table")]
    control_table: Option<String>,
    /// How the answer is written: `text` for people, `json` as a list with one object for each alert
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    output: Output,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Output {
    Text,
    Json,
}

impl Planned {
    pub(crate) async fn answer(
        self,
        variables: &Environment,
        out: &mut dyn Write,
    ) -> Result<Answer, Failure> {
        let files = OperatorFiles::load(&self.config);
        let recipes = RecipeFiles::load(&self.config);
        let of_alerts = both(
            both(AnalyzerFiles::load(&self.config), recipes),
            alert_tables::load(&self.config),
        );
        let of_repairs = both(files, limits(&self.config));
        let ((files, limits), ((analyzer, recipes), tables)) = both(of_repairs, of_alerts)?;
        let now = Timestamp::now();
        let delivery = parse::delivery(&input::bytes(&self.alert)?, &tables, now)?;
        let store = match (self.table, self.control_table) {
            (Some(table), Some(control)) => Some((
                aws::store(variables, table).await?,
                aws::control(variables, control).await?,
            )),
            _ => None,
        };
        let has_table = store.is_some();
        let by = By {
            files,
            limits,
            analyzer,
            recipes,
            tables,
            store,
            labels: self.fingerprint_labels,
        };
        let left_out = delivery.left_out;
        let plans = by.plans(delivery, now).await?;
        match self.output {
            Output::Json => report::json(&plans, out)?,
            Output::Text => {
                report::head(has_table, left_out, out)?;
                let settings = &by.analyzer.settings;
                let asked = report::Asked {
                    models: settings.providers.len(),
                    prometheus: settings.evidence.prometheus.is_some(),
                };
                for plan in &plans {
                    report::text(plan, asked, out)?;
                }
            }
        }
        Ok(Answer::Yes)
    }
}
