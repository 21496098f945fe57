//! `quell run --dry-run`: performs a repair up to the host, and runs only its reading steps there.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;

use clap::Args;
use domain::incident::repair::{StepOutcome, StepResult};
use domain::incident::repair_state_machine;
use domain::playbook::condition::Seen;
use domain::playbook::plan::{Phase, Plan};
use domain::playbook::service::{self, Level};
use domain::primitives::id::IncidentId;
use domain::primitives::safe_text::line;
use jiff::Timestamp;
use playbook_files::operator_files::{OperatorFiles, PLAYBOOKS};
use store::fresh_incident_id;
use wire::bridge::{BRIDGE_VERSION, BridgeRequest};
use wire::command_line;

use crate::aws::Environment;
use crate::exit::{Answer, Failure};
use crate::guard_lines::{names, no_service};
use crate::print;
use crate::step_runner::{StepRunner, Through};

/// How much of what a command printed is shown.
const SHOWN: usize = 160;

#[derive(Debug, Args)]
pub(crate) struct Run {
    /// Without it nothing is done: repairs run only through an approval
    #[arg(long)]
    dry_run: bool,
    /// The playbook's id
    #[arg(long, value_name = "ID")]
    playbook: String,
    /// The service's name in service-registry.yaml
    #[arg(long, value_name = "SERVICE")]
    target: String,
    /// The value of a parameter that comes from the alert (repeatable)
    #[arg(long = "parameter", value_name = "NAME=VALUE")]
    parameters: Vec<String>,
    /// The directory with the operator's files
    #[arg(long, value_name = "DIR", default_value = "config")]
    config: PathBuf,
    #[command(flatten)]
    through: Through,
}

impl Run {
    pub(crate) async fn answer(
        self,
        variables: &Environment,
        out: &mut dyn Write,
    ) -> Result<Answer, Failure> {
        if !self.dry_run {
            return Err(Failure::wrong(
                "repairs run only through an approval, so that each has one in its log: send the alert (`quell fire`) and approve its plan. \
                 With --dry-run everything is rendered and checked, and only commands that read are run.",
            ));
        }
        let files = OperatorFiles::load(&self.config)?;
        let plan = match self.plan(&files)? {
            Ok(plan) => plan,
            Err(why) => {
                writeln!(out, "Nothing would run: {why}.")?;
                return Ok(Answer::No);
            }
        };
        print::plan(&plan, out)?;
        let runner = self.through.runner(&files, variables).await?;
        let id = fresh_incident_id(Timestamp::now());
        writeln!(
            out,
            "Dry run on {}: only commands that read are run.",
            plan.target
        )?;
        let mut dry_run = DryRun {
            runner,
            id,
            plan,
            facts: BTreeMap::new(),
            facts_known: true,
            answer: Answer::Yes,
        };
        for (phase, name) in print::PHASES {
            for index in 0..dry_run.plan.phase(phase).len() {
                dry_run.step(phase, name, index, out).await?;
            }
        }
        dry_run.end(out)
    }

    /// The plan, or why nothing would run: by the rules by which the bridge refuses.
    fn plan(&self, files: &OperatorFiles) -> Result<Result<Plan, String>, Failure> {
        let ids = || names(files.playbooks.iter().map(|playbook| &*playbook.id));
        let playbook = files.playbook(&self.playbook).ok_or_else(|| {
            Failure::wrong(format!(
                "{PLAYBOOKS} has no playbook {}; it has {}",
                self.playbook,
                ids()
            ))
        })?;
        let service = service::named(&files.services, &self.target)
            .ok_or_else(|| no_service(files, &self.target))?;
        if service.level == Level::Manual {
            return Ok(Err(format!(
                "the service {} is repaired by hand only (level manual)",
                service.name
            )));
        }
        if !playbook.matches.allows(&service.name) {
            return Ok(Err(format!(
                "the playbook {} is not for the service {}",
                playbook.id, service.name
            )));
        }
        let given = |text: &String| {
            text.split_once('=')
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .filter(|(name, _)| {
                    let parameter = playbook.parameters.get(name);
                    parameter.is_some_and(|parameter| parameter.label().is_some())
                })
                .ok_or_else(|| {
                    Failure::wrong(format!(
                        "--parameter {text}: give NAME=VALUE, for a parameter of {} that comes from the alert",
                        playbook.id
                    ))
                })
        };
        let said = self
            .parameters
            .iter()
            .map(given)
            .collect::<Result<_, _>>()?;
        Ok(playbook
            .plan(service, &said, 1, Vec::new())
            .map_err(|why| why.to_string()))
    }
}

/// A repair on the way through its plan.
struct DryRun {
    runner: StepRunner,
    id: IncidentId,
    plan: Plan,
    facts: BTreeMap<String, Seen>,
    /// False once a fact has no answer: a repair would end there.
    facts_known: bool,
    answer: Answer,
}

impl DryRun {
    async fn step(
        &mut self,
        phase: Phase,
        name: &str,
        index: usize,
        out: &mut dyn Write,
    ) -> Result<(), Failure> {
        let step = &self.plan.phase(phase)[index];
        let place = format!("{name}[{index}]");
        if let Err(why) = command_line::line(&step.argv) {
            writeln!(out, "  {place:<12} cannot be sent: {why}")?;
            self.answer = Answer::No;
            return Ok(());
        }
        let sent = command_line::shown(&step.argv);
        let will = match phase {
            Phase::Steps | Phase::Rollback if !self.facts_known => "would not be reached".into(),
            _ if !step.wanted(&self.facts) => {
                let when = step.when.as_ref().map(ToString::to_string);
                format!("would be skipped (it runs {})", when.unwrap_or_default())
            }
            Phase::Facts | Phase::Verify => "runs".to_owned(),
            Phase::Steps => "would run".to_owned(),
            Phase::Rollback => "would run if the repair failed".to_owned(),
        };
        writeln!(out, "  {place:<12} {will}: {sent}")?;
        if will != "runs" {
            return Ok(());
        }
        let request = BridgeRequest {
            v: BRIDGE_VERSION,
            incident_id: self.id.clone(),
            playbook: self.plan.playbook.clone(),
            phase,
            step: index,
            parameters: self.plan.parameters.clone(),
            target: self.plan.target.clone(),
            round: 0,
            number: 1,
            decision: None,
        };
        let result = self.runner.run(&request, step).await;
        if phase == Phase::Verify {
            if !tell(&result, Some(symptom(&result)), out)? {
                self.answer = Answer::No;
            }
            return Ok(());
        }
        tell(&result, None, out)?;
        let fact = step.fact.clone().unwrap_or_default();
        match repair_state_machine::answer(&result, self.plan.searches(&fact)) {
            Ok(seen) => drop(self.facts.insert(fact, seen)),
            Err(why) => {
                let why = line(&why.to_string(), SHOWN * 2);
                writeln!(out, "  {:<12} a repair would fail here: {why}", "")?;
                (self.answer, self.facts_known) = (Answer::No, false);
            }
        }
        Ok(())
    }

    fn end(self, out: &mut dyn Write) -> Result<Answer, Failure> {
        const READY: &str = "=> everything renders, and the commands that read can be run";
        let nothing_to_do =
            self.facts_known && !self.plan.steps.iter().any(|step| step.wanted(&self.facts));
        match self.answer {
            Answer::Yes if nothing_to_do => writeln!(
                out,
                "{READY}; a repair would have nothing to do now: it would skip every step and ask a human"
            )?,
            Answer::Yes => writeln!(out, "{READY}")?,
            Answer::No => writeln!(out, "=> a repair would fail here: see above")?,
        }
        Ok(self.answer)
    }
}

/// What a check says of the symptom.
fn symptom(result: &StepResult) -> &'static str {
    match (result.outcome == StepOutcome::Exited, result.succeeded()) {
        (_, true) => "the symptom is not there",
        (true, false) => "the symptom is there",
        (false, _) => "whether the symptom is there is unknown",
    }
}

/// Prints the result of a command that reads, and its meaning; false if it could not be run.
fn tell(result: &StepResult, means: Option<&str>, out: &mut dyn Write) -> Result<bool, Failure> {
    let ran = result.outcome == StepOutcome::Exited;
    let means = means.map(|means| format!(": {means}")).unwrap_or_default();
    writeln!(
        out,
        "  {:<12} {} ({} ms){means}",
        "",
        line(&result.detail.to_string(), SHOWN * 2),
        result.duration_ms
    )?;
    for (stream, text) in [("stdout", &result.stdout), ("stderr", &result.stderr)] {
        let text = line(text, SHOWN);
        if !text.is_empty() {
            writeln!(out, "  {:<12} {stream}: {text}", "")?;
        }
    }
    Ok(ran)
}
