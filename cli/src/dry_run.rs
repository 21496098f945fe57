//! `quell run --dry-run`: performs a repair up to the host, and runs only its reading steps there.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;

use clap::Args;
use domain::incident::repair::{StepOutcome, StepResult};
use domain::incident::repair_state_machine;
use domain::playbook::plan::{Phase, Plan};
use domain::playbook::service::{self, Level};
use domain::primitives::id::IncidentId;
use domain::primitives::safe_text::line;
use jiff::Timestamp;
use playbook_files::operator_files::{OperatorFiles, PLAYBOOKS};
use settings::variables::Variables;
use store::fresh_incident_id;
use wire::bridge::{BRIDGE_VERSION, BridgeRequest};
use wire::command_line;

use crate::exit::{Answer, Failure};
use crate::guard_lines::no_service;
use crate::print;
use crate::step_runner::Through;

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
    /// The directory with the operator's files
    #[arg(long, value_name = "DIR", default_value = "config")]
    config: PathBuf,
    #[command(flatten)]
    through: Through,
}

impl Run {
    pub(crate) async fn answer<F>(
        self,
        variables: &Variables<F>,
        out: &mut dyn Write,
    ) -> Result<Answer, Failure>
    where
        F: Fn(&str) -> Option<String>,
    {
        if !self.dry_run {
            return Err(Failure::wrong(
                "repairs run only through an approval, so that each has one in its log: send the alert (`quell fire`) and approve its plan. \
                 With --dry-run everything is rendered and checked, and only what reads is run.",
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
        let hands = self.through.hands(&files, variables).await?;
        let id = fresh_incident_id(Timestamp::now());
        writeln!(out, "dry run on {}: only what reads is run", plan.target)?;
        let mut answer = Answer::Yes;
        let mut facts = BTreeMap::new();
        let mut all_known = true;
        for (phase, name) in print::PHASES {
            for (index, step) in plan.phase(phase).iter().enumerate() {
                let place = format!("{name}[{index}]");
                if let Err(why) = command_line::line(&step.argv) {
                    writeln!(out, "  {place:<12} cannot be sent: {why}")?;
                    answer = Answer::No;
                    continue;
                }
                let sent = command_line::shown(&step.argv);
                match phase {
                    Phase::Steps | Phase::Rollback if !all_known => {
                        writeln!(out, "  {place:<12} would not be reached: {sent}")?;
                    }
                    _ if !step.wanted(&facts) => {
                        let when = step
                            .when
                            .as_ref()
                            .map(ToString::to_string)
                            .unwrap_or_default();
                        writeln!(
                            out,
                            "  {place:<12} would be skipped (it runs {when}): {sent}"
                        )?;
                    }
                    Phase::Facts => {
                        writeln!(out, "  {place:<12} runs: {sent}")?;
                        let result = hands.run(&request(&id, &plan, phase, index), step).await;
                        tell(&result, None, out)?;
                        let fact = step.fact.as_deref().unwrap_or_default();
                        match repair_state_machine::answer(&result, plan.searches(fact)) {
                            Ok(seen) => drop(facts.insert(fact.to_owned(), seen)),
                            Err(why) => {
                                writeln!(
                                    out,
                                    "  {:<12} a repair would fail here: {}",
                                    "",
                                    line(&why, SHOWN * 2)
                                )?;
                                (answer, all_known) = (Answer::No, false);
                            }
                        }
                    }
                    Phase::Steps => writeln!(out, "  {place:<12} would run: {sent}")?,
                    Phase::Rollback => {
                        writeln!(out, "  {place:<12} would run if the repair failed: {sent}")?
                    }
                    Phase::Verify => {
                        writeln!(out, "  {place:<12} runs: {sent}")?;
                        let result = hands.run(&request(&id, &plan, phase, index), step).await;
                        answer = if tell(&result, Some(symptom(&result)), out)? {
                            answer
                        } else {
                            Answer::No
                        };
                    }
                }
            }
        }
        let nothing_to_do = all_known && !plan.steps.iter().any(|step| step.wanted(&facts));
        match answer {
            Answer::Yes if nothing_to_do => writeln!(
                out,
                "=> everything renders, and what reads can be run there; now a repair would have nothing to do: every step would be skipped, \
                 and a human asked"
            )?,
            Answer::Yes => writeln!(
                out,
                "=> everything renders, and what reads can be run there"
            )?,
            Answer::No => writeln!(out, "=> a repair would fail here: see above")?,
        }
        Ok(answer)
    }

    /// The plan, or why nothing would run: by the rules by which the bridge refuses.
    fn plan(&self, files: &OperatorFiles) -> Result<Result<Plan, String>, Failure> {
        let ids = || {
            files
                .playbooks
                .iter()
                .map(|playbook| playbook.id.as_str())
                .collect::<Vec<_>>()
                .join(", ")
        };
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
        Ok(playbook
            .plan(service, 1, Vec::new())
            .map_err(|why| why.to_string()))
    }
}

fn request(id: &IncidentId, plan: &Plan, phase: Phase, step: usize) -> BridgeRequest {
    BridgeRequest {
        v: BRIDGE_VERSION,
        incident_id: id.clone(),
        playbook: plan.playbook.clone(),
        phase,
        step,
        parameters: plan.parameters.clone(),
        target: plan.target.clone(),
    }
}

/// What a check says of the symptom.
fn symptom(result: &StepResult) -> &'static str {
    match (result.outcome == StepOutcome::Exited, result.succeeded()) {
        (_, true) => "the symptom is not there",
        (true, false) => "the symptom is there",
        (false, _) => "nobody knows whether the symptom is there",
    }
}

/// Tells what came of a command that reads, and what it means; false if it could not be run.
fn tell(result: &StepResult, means: Option<&str>, out: &mut dyn Write) -> Result<bool, Failure> {
    let ran = result.outcome == StepOutcome::Exited;
    let means = means.map(|means| format!(": {means}")).unwrap_or_default();
    writeln!(
        out,
        "  {:<12} {} ({} ms){means}",
        "",
        line(&result.detail, SHOWN * 2),
        result.duration_ms
    )?;
    for (stream, text) in [("printed", &result.stdout), ("complained", &result.stderr)] {
        let text = line(text, SHOWN);
        if !text.is_empty() {
            writeln!(out, "  {:<12} {stream}: {text}", "")?;
        }
    }
    Ok(ran)
}
