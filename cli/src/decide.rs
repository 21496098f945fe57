//! `quell approve`, `reject` and `stop`: a person's decision on a plan, through the approvals API, after the plan was shown.

use std::io::{BufRead, IsTerminal as _, Write, stdin};

use clap::{Args, Subcommand};
use domain::primitives::id::{ApprovalId, IncidentId};
use serde_json::Value;

use crate::api::model::Incident;
use crate::api::{Api, ApiOf};
use crate::aws::Environment;
use crate::exit::{Answer, Failure};
use crate::screen::{self, Output, Screen, safe};
use crate::show::{Page, time};

/// How many characters of a plan's hash a person has to type at least.
const HASH_CHARACTERS: usize = 4;

#[derive(Debug, Subcommand)]
pub(crate) enum Decide {
    /// Lets the plan of an incident run, in your name
    Approve(Decision),
    /// Does not let the plan of an incident run
    Reject(Decision),
    /// Stops the repair of an incident: before its first step, or behind the one that is under way
    Stop(Decision),
}

#[derive(Debug, Args)]
pub(crate) struct Decision {
    /// The incident's id, or the approval's, which is for one plan alone
    #[arg(value_name = "ID", value_parser = about)]
    about: About,
    /// Decide without being shown the plan and asked
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    api: ApiOf,
    /// How the answer is written
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t)]
    output: Output,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum About {
    Incident(IncidentId),
    Approval(ApprovalId),
}

fn about(text: &str) -> Result<About, String> {
    let incident = IncidentId::try_from(text).map(About::Incident);
    let approval = || ApprovalId::try_from(text).map(About::Approval);
    incident
        .or_else(|_| approval())
        .map_err(|_| "it is neither the id of an incident nor that of an approval".to_owned())
}

/// What is done, as the API calls it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verb {
    Approve,
    Reject,
    Stop,
}

impl Verb {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Approve => "approve",
            Self::Reject => "reject",
            Self::Stop => "stop",
        }
    }
}

impl Decide {
    pub(crate) async fn answer(
        self,
        variables: &Environment,
        out: &mut dyn Write,
    ) -> Result<Answer, Failure> {
        let (verb, asked) = match self {
            Self::Approve(asked) => (Verb::Approve, asked),
            Self::Reject(asked) => (Verb::Reject, asked),
            Self::Stop(asked) => (Verb::Stop, asked),
        };
        let api = asked.api.connect(variables).await?;
        let screen = Screen::of(variables);
        let approval = match (&asked.about, asked.yes) {
            // It names its plan: no other one can be meant, and a token need not have the right to look.
            (About::Approval(approval), true) => approval.clone(),
            (about, yes) => {
                let incident = read(&api, about).await?;
                match waiting(&incident, about, verb) {
                    Err(why) => {
                        writeln!(out, "{}", safe(&why))?;
                        return Ok(Answer::No);
                    }
                    Ok(approval) => {
                        let sure = yes || confirm(&incident, verb, screen, out)?;
                        if !sure {
                            writeln!(out, "nothing was decided")?;
                            return Ok(Answer::No);
                        }
                        approval
                    }
                }
            }
        };
        let path = format!("approvals/{approval}/{}", verb.as_str());
        match api.post(&path).await {
            Ok(answer) if asked.output == Output::Json => {
                writeln!(out, "{}", screen::json(&answer)?)?;
            }
            Ok(answer) => writeln!(out, "{}", done(verb, &answer))?,
            Err(failure) => return failure.or_no(out),
        }
        Ok(Answer::Yes)
    }
}

async fn read(api: &Api, about: &About) -> Result<Incident, Failure> {
    let id = match about {
        About::Incident(id) => id.clone(),
        About::Approval(approval) => approval.incident(),
    };
    api.read(&format!("incidents/{id}"), &[]).await
}

/// The approval that is meant, or why there is nothing to decide.
fn waiting(incident: &Incident, about: &About, verb: Verb) -> Result<ApprovalId, String> {
    let id = &incident.summary.id;
    let Some(approval) = &incident.approval else {
        let why = incident.no_plan_because.as_deref();
        let why = why.unwrap_or("Quell has made none yet");
        return Err(format!("{id} has no plan: {why}"));
    };
    if let About::Approval(asked) = about
        && *asked != approval.id
    {
        return Err(format!(
            "{asked} is no longer of this incident's plan; the one of today is {}",
            approval.id
        ));
    }
    let by = approval.decided_by.as_deref().unwrap_or("no one");
    match (verb, approval.state.as_str()) {
        (Verb::Stop, "approved") | (Verb::Approve | Verb::Reject, "pending") => {}
        (Verb::Stop, state) => {
            return Err(format!(
                "no repair of {id} can be stopped: its plan is {state}"
            ));
        }
        (_, "void") => {
            let why = approval
                .void_because
                .as_deref()
                .unwrap_or("it is not said why");
            return Err(format!("the plan of {id} is void: {why}"));
        }
        (_, state) => return Err(format!("the plan of {id} is {state} already, by {by}")),
    }
    if verb == Verb::Approve && !approval.takes_api {
        return Err(format!(
            "this plan needs {} people who press the button in Telegram or Slack: a token can be handed on, and does not count",
            approval.needed
        ));
    }
    Ok(approval.id.clone())
}

/// Shows the plan, and asks the person.
fn confirm(
    incident: &Incident,
    verb: Verb,
    screen: Screen,
    out: &mut dyn Write,
) -> Result<bool, Failure> {
    if !stdin().is_terminal() {
        return Err(Failure::wrong(format!(
            "`quell {}` shows the plan and asks, which takes a terminal: give --yes to decide without",
            verb.as_str()
        )));
    }
    ask(incident, verb, screen, out, &mut stdin().lock())
}

fn ask(
    incident: &Incident,
    verb: Verb,
    screen: Screen,
    out: &mut dyn Write,
    person: &mut dyn BufRead,
) -> Result<bool, Failure> {
    let one = &incident.summary;
    let (severity, name, target) = (safe(&one.severity), safe(&one.name), safe(&one.target));
    writeln!(out, "{severity} {name} on {target} ({})", one.id)?;
    if let Some(found) = &incident.analysis {
        writeln!(out, "cause: {}", safe(&found.root_cause))?;
    }
    let Some(plan) = &incident.plan else {
        return Err(Failure::wrong("the incident has no plan any more"));
    };
    Page::new(screen, out).plan(plan)?;
    if let Some(approval) = incident.approval.as_ref().filter(|_| verb != Verb::Stop) {
        writeln!(out, "\nIt waits until {}.", time(approval.expires_at))?;
    }
    let verb = verb.as_str();
    write!(
        out,
        "To {verb}, type `yes` or the first {HASH_CHARACTERS} or more characters of the hash: "
    )?;
    out.flush()?;
    let mut typed = String::new();
    let read = person.read_line(&mut typed);
    read.map_err(|error| Failure::wrong(format!("the terminal cannot be read: {error}")))?;
    Ok(agrees(typed.trim(), &plan.hash))
}

/// True if a person has typed that they want it.
fn agrees(typed: &str, hash: &str) -> bool {
    let begins = typed.len() >= HASH_CHARACTERS && hash.starts_with(&typed.to_lowercase());
    typed.eq_ignore_ascii_case("yes") || begins
}

/// What came of it, in a line.
fn done(verb: Verb, answer: &Value) -> String {
    let said = |field: &str| safe(answer[field].as_str().unwrap_or_default());
    let (id, status) = (said("incident_id"), said("status"));
    if verb == Verb::Stop {
        let came = match answer["stopped"].as_str() {
            Some("before_it_began") => "the repair stops before its first step",
            Some("behind_the_step") => "the repair ends behind the step that is under way",
            _ => "there was nothing to stop",
        };
        return format!("{came}: {id} is {status}; by {}", said("by"));
    }
    let number = |field: &str| answer["approvals"][field].as_u64();
    let approvals = match (verb, number("given"), number("needed")) {
        (Verb::Approve, Some(given), Some(needed)) => format!("; {given} of {needed} approvals"),
        _ => String::new(),
    };
    format!(
        "done: {id} is {status}; decided by {}{approvals}",
        said("decided_by")
    )
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{About, Verb, about, agrees, ask, done, waiting};
    use crate::api::model::Incident;
    use crate::screen::Screen;
    use crate::show::tests::incident;

    const ID: &str = "01M8A90ZRTN0096VT64NKT1WDQ";
    const APPROVAL: &str = "01M8A90ZRTN0096VT64NKT1WDQ-7145e68b0d603515";

    fn with(change: impl FnOnce(&mut Value)) -> Incident {
        let mut answer = incident();
        change(&mut answer);
        serde_json::from_value(answer).expect("an incident")
    }

    #[test]
    fn an_id_is_an_incidents_or_an_approvals() {
        assert!(matches!(about(ID), Ok(About::Incident(_))));
        assert!(matches!(about(APPROVAL), Ok(About::Approval(_))));
        for wrong in [
            "",
            "x",
            "../approvals",
            "01M8A90ZRTN0096VT64NKT1WDQ-",
            "7145e68b0d603515",
        ] {
            assert!(about(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_cannot_be_decided_says_why() {
        let id = about(ID).expect("an id");
        let fine = with(|_| {});
        for (verb, expected) in [
            (Verb::Approve, true),
            (Verb::Reject, true),
            (Verb::Stop, false),
        ] {
            let found = waiting(&fine, &id, verb);
            assert_eq!(found.is_ok(), expected, "{verb:?}: {found:?}");
        }
        let running = with(|one| one["approval"]["state"] = json!("approved"));
        assert!(waiting(&running, &id, Verb::Stop).is_ok());
        let other = about("01M8A90ZRTN0096VT64NKT1WDQ-0000000000000000").expect("an id");
        for (incident, about, says) in [
            (
                with(|one| one["approval"] = Value::Null),
                &id,
                "has no plan: Quell has made none yet",
            ),
            (
                with(|one| one["approval"]["takes_api"] = json!(false)),
                &id,
                "press the button in Telegram or Slack",
            ),
            (running, &id, "is approved already"),
            (
                with(|one| {
                    one["approval"]["state"] = json!("void");
                    one["approval"]["void_because"] = json!("it resolved");
                }),
                &id,
                "is void: it resolved",
            ),
            (fine, &other, "is no longer of this incident's plan"),
        ] {
            let said = waiting(&incident, about, Verb::Approve).expect_err(says);
            assert!(said.contains(says), "{said}");
        }
    }

    #[test]
    fn the_plan_is_shown_whole_before_a_person_agrees() {
        for (typed, agreed) in [
            ("yes\n", true),
            ("7145e\n", true),
            ("714\n", false),
            ("no\n", false),
            ("", false),
        ] {
            let mut out = Vec::new();
            let sure = ask(
                &with(|_| {}),
                Verb::Approve,
                Screen::PLAIN,
                &mut out,
                &mut typed.as_bytes(),
            );
            assert_eq!(sure.expect("asked"), agreed, "{typed:?}");
            let shown = String::from_utf8(out).expect("text");
            assert!(
                shown.contains("supervisorctl restart checkout-web"),
                "{shown}"
            );
            assert!(shown.ends_with("characters of the hash: "), "{shown}");
        }
        assert!(!agrees("", "") && !agrees("y", "yes"));
    }

    #[test]
    fn what_came_of_it_is_a_line() {
        let decided = |given, needed| {
            json!({
                "incident_id": ID, "status": "approved", "decided_by": "ada", "approvals": { "given": given, "needed": needed },
            })
        };
        assert_eq!(
            done(Verb::Approve, &decided(1, 2)),
            format!("done: {ID} is approved; decided by ada; 1 of 2 approvals")
        );
        assert_eq!(
            done(Verb::Reject, &decided(0, 1)),
            format!("done: {ID} is approved; decided by ada")
        );
        let stopped = json!({ "incident_id": ID, "status": "repairing", "stopped": "behind_the_step", "by": "ada" });
        assert_eq!(
            done(Verb::Stop, &stopped),
            format!("the repair ends behind the step that is under way: {ID} is repairing; by ada")
        );
    }
}
