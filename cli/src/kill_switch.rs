//! `quell kill-switch`: stops every repair before its next step, or lets them run again.

use std::io::Write;

use clap::{Args, ValueEnum};
use domain::policy::kill_switch::SwitchedOff;
use jiff::Timestamp;
use store::ControlTable;

use crate::aws::{Control, Environment, caller, config};
use crate::exit::{Answer, Failure};

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum To {
    /// Nothing is repaired
    On,
    /// Repairs run
    Off,
    /// Says which; the exit status is 1 while it is on
    Status,
}

#[derive(Debug, Args)]
pub(crate) struct KillSwitch {
    /// The kill switch: `on` stops repairs
    #[arg(value_enum)]
    to: To,
    /// Why; it stands on the cards of what is stopped
    #[arg(long, value_name = "TEXT")]
    why: Option<String>,
    #[command(flatten)]
    control: Control,
}

impl KillSwitch {
    pub(crate) async fn answer(
        self,
        variables: &Environment,
        out: &mut dyn Write,
    ) -> Result<Answer, Failure> {
        let aws = config(variables).await?;
        let dynamodb = aws_sdk_dynamodb::Client::new(&aws);
        let store = ControlTable::new(dynamodb, self.control.control_table);
        match self.to {
            To::On => {
                let off = SwitchedOff::now(
                    &caller(&aws, variables).await,
                    self.why.as_deref(),
                    Timestamp::now(),
                );
                store.switch_repairs(Some(&off)).await?;
            }
            To::Off => store.switch_repairs(None).await?,
            To::Status => {}
        }
        // Read back what repairs see, whatever was written.
        let switch = store.kill_switch().await?;
        match &switch {
            Some(on) => writeln!(out, "kill switch: {}", on.phrase())?,
            None => writeln!(
                out,
                "kill switch: it is off; playbooks, services and guardrails decide what runs"
            )?,
        }
        Ok(Answer::of(match self.to {
            To::On => switch.is_some(),
            To::Off | To::Status => switch.is_none(),
        }))
    }
}
