//! The `quell` command: an operator's questions before, during and after Quell acts. One file for
//! each subcommand.
//!
//! It decides nothing by itself: what it says comes from the functions and the domain that decide on the deployed stack.

mod alert_quality;
mod api;
mod aws;
mod backtest;
mod check;
mod decide;
mod doctor;
mod dry_run;
mod erase;
mod evidence_key;
mod exit;
mod export;
mod export_log;
mod fire;
mod guard_lines;
mod health;
mod history;
mod http;
mod incidents;
mod input;
mod kill_switch;
mod manual;
mod markdown;
#[cfg(feature = "mcp")]
mod mcp;
mod on_duty;
mod plan;
mod playbooks;
mod print;
mod profile;
mod redrive;
mod refused;
mod report;
mod respond;
mod runbook;
mod screen;
mod secret;
mod show;
mod sign;
mod step_runner;
mod tokens;
mod verify_log;
mod watch;

use std::io::Write;
use std::sync::LazyLock;

use clap::{CommandFactory as _, Parser, Subcommand};

use crate::aws::Environment;
use crate::exit::{Answer, Failure};

/// Its version, and from which commit it was built, where that was said: `QUELL_COMMIT=$(git rev-parse --short HEAD) cargo install --path cli`.
static VERSION: LazyLock<String> = LazyLock::new(|| {
    let version = env!("CARGO_PKG_VERSION");
    match option_env!("QUELL_COMMIT") {
        Some(commit) if !commit.is_empty() => format!("{version} ({commit})"),
        _ => version.to_owned(),
    }
});

/// Lists, shows and decides on incidents; checks the operator's files, says what would happen for an alert, verifies operation logs,
/// switches repairs off and on, and sends signed test alerts.
///
/// The exit status is 0 if all is well, 1 if the answer is no, and 2 if there is no answer: wrong use, or something could not be read.
/// AWS credentials and region are found as every tool of AWS finds them: variables, profiles (`AWS_PROFILE`), SSO.
#[derive(Debug, Parser)]
#[command(name = "quell", version = VERSION.as_str())]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Checks the files of a directory, and says what is wrong with file, line and field
    Check(check::Check),
    /// Reads what is deployed, and names what does not work, or will not, with its mend; it changes nothing
    Doctor(doctor::Doctor),
    /// Says what would happen for an alert, down to every argument vector and every guardrail's answer
    Plan(plan::Planned),
    /// Renders and checks a playbook for a service, and runs only what reads
    Run(dry_run::Run),
    /// Verifies the chain of an incident's operation log, or an export of all logs against the witness's anchors
    VerifyLog(verify_log::VerifyLog),
    /// Prints every operation log of the table, one entry a line
    ExportLog(export_log::ExportLog),
    /// Prints the key with which the witness's checkpoints are checked
    EvidenceKey(evidence_key::EvidenceKey),
    /// Switches all repairs off or on, or says how they are switched
    KillSwitch(kill_switch::KillSwitch),
    /// Prints who is on duty on each level of each team, at a moment or over a span
    OnDuty(on_duty::OnDuty),
    /// Makes, lists and ends the tokens with which people's own tools decide
    Tokens(tokens::Tokens),
    /// Takes a person's data, or what commands printed, out of ended incidents and their logs
    Erase(erase::Erase),
    /// Lists incidents of the deployed stack, newest first
    Incidents(incidents::Incidents),
    /// Shows an incident: what was found, the plan with every argument, the decision, the repair, the timeline and the log
    Show(show::Show),
    #[command(flatten)]
    Decide(decide::Decide),
    #[command(flatten)]
    Respond(respond::Respond),
    /// Shows the open incidents, and changes with them
    Watch(watch::Watch),
    /// Shows dead letters, and moves back or deletes those that you name
    Redrive(redrive::Redrive),
    /// Writes an incident for its review, as Markdown or JSON, or all incidents for a backtest
    Export(export::Export),
    /// Replays what was received through changed files, and says what would have become of it
    Backtest(backtest::Backtest),
    /// Counts the incidents of a week, how long they took, and how their repairs ended
    Report(report::WeekOf),
    /// Says what the incidents of each alert rule say of the rule, and what to change
    Quality(alert_quality::Quality),
    /// Says how Quell itself is: channels, decisions, repairs, budget, heartbeats, checkpoints
    Health(health::Health),
    /// Prints the headers with which a sender signs a body
    Sign(sign::Sign),
    /// Sends a test alert, signed as a sender signs it
    Fire(fire::Fire),
    /// Prints how each playbook's runs ended, what it may do by itself, and why
    Playbooks(playbooks::Playbooks),
    /// Prints the lines that quell-guard on a service's host has to let through
    GuardLines(guard_lines::Lines),
    /// Drafts playbooks from a runbook of Ansible, Systems Manager, Rundeck or Markdown; nothing runs a draft
    ImportRunbook(runbook::ImportRunbook),
    /// Serves an assistant with the Model Context Protocol: it reads in your name, and decides nothing
    #[cfg(feature = "mcp")]
    Mcp(mcp::Mcp),
    /// Prints a script with which a shell completes this command
    Completions(manual::Completions),
    /// Prints a manual page, for `man -l -`
    Man(manual::Manual),
}

impl Cli {
    /// Does what was asked; the exit status. What was found out goes to `out`, what stood in the way to `complaints`.
    pub async fn run(
        self,
        variables: &Environment,
        out: &mut dyn Write,
        complaints: &mut dyn Write,
    ) -> u8 {
        let answered = match self.command {
            Command::Check(asked) => asked.answer(out),
            Command::Doctor(asked) => asked.answer(variables, out).await,
            Command::Plan(asked) => asked.answer(variables, out).await,
            Command::Run(asked) => asked.answer(variables, out).await,
            Command::VerifyLog(asked) => asked.answer(variables, out).await,
            Command::ExportLog(asked) => asked.answer(variables, out).await,
            Command::EvidenceKey(asked) => asked.answer(variables, out).await,
            Command::KillSwitch(asked) => asked.answer(variables, out).await,
            Command::OnDuty(asked) => asked.answer(out).await,
            Command::Tokens(asked) => asked.answer(variables, out).await,
            Command::Erase(asked) => asked.answer(variables, out).await,
            Command::Incidents(asked) => asked.answer(variables, out).await,
            Command::Show(asked) => asked.answer(variables, out).await,
            Command::Decide(asked) => asked.answer(variables, out).await,
            Command::Respond(asked) => asked.answer(variables, out).await,
            Command::Watch(asked) => asked.answer(variables, out).await,
            Command::Redrive(asked) => asked.answer(variables, out).await,
            Command::Export(asked) => asked.answer(variables, out).await,
            Command::Backtest(asked) => asked.answer(variables, out).await,
            Command::Report(asked) => asked.answer(variables, out).await,
            Command::Quality(asked) => asked.answer(variables, out).await,
            Command::Health(asked) => asked.answer(variables, out).await,
            Command::Sign(asked) => asked.answer(variables, out).await,
            Command::Fire(asked) => asked.answer(variables, out).await,
            Command::Playbooks(asked) => asked.answer(variables, out).await,
            Command::GuardLines(asked) => asked.answer(out),
            Command::ImportRunbook(asked) => asked.answer(out),
            #[cfg(feature = "mcp")]
            Command::Mcp(asked) => asked.answer(variables).await,
            Command::Completions(asked) => asked.answer(Self::command(), out),
            Command::Man(asked) => asked.answer(Self::command(), out),
        };
        match answered.and_then(|answer| out.flush().map(|()| answer).map_err(Failure::from)) {
            Ok(Answer::Yes) => 0,
            Ok(Answer::No) => 1,
            // Who closes the pipe has read enough.
            Err(Failure::Closed) => 0,
            Err(failure) => {
                // There is nobody left to tell if this fails.
                let _ = writeln!(complaints, "quell: {failure}");
                2
            }
        }
    }
}
