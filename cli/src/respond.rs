//! `quell ack`, `assign`, `note`, `snooze`, `close`, `reopen`, `cause`: a responder's actions, through the API and in the name of the token's
//! person.

use std::io::Write;

use clap::{Args, Subcommand, ValueEnum};
use domain::incident::response::{CloseReason, ResponderAction, SNOOZE_MINUTES};
use domain::primitives::id::IncidentId;
use domain::primitives::safe_text::line;
use jiff::SignedDuration;
use serde_json::{Number, Value};

use crate::api::ApiOf;
use crate::aws::Environment;
use crate::exit::{Answer, Failure};

/// How much of the API's answer is shown.
const SHOWN_CHARACTERS: usize = 1_000;

#[derive(Debug, Subcommand)]
pub(crate) enum Respond {
    /// Says that you work on an incident
    Ack(AboutIncident),
    /// Gives an incident to a person, who is told
    Assign {
        #[command(flatten)]
        about: AboutIncident,
        /// Their name in channels.json
        #[arg(value_name = "PERSON")]
        to: String,
    },
    /// Puts a note on the card and into the operation log of an incident
    Note {
        #[command(flatten)]
        about: AboutIncident,
        #[arg(value_name = "TEXT")]
        text: String,
    },
    /// Puts an incident off: you are on it until then, and then people are called again
    Snooze {
        #[command(flatten)]
        about: AboutIncident,
        /// For how long, such as 90m or 2h: at most a week
        #[arg(long = "for", value_name = "TIME", value_parser = minutes)]
        minutes: u32,
    },
    /// Closes an incident with a reason; a plan that waits becomes void
    Close {
        #[command(flatten)]
        about: AboutIncident,
        /// Why
        #[arg(long, value_enum)]
        reason: Reason,
        /// The incident that it repeats, for the reason duplicate
        #[arg(long, value_name = "INCIDENT", value_parser = incident)]
        of: Option<IncidentId>,
    },
    /// Opens an incident again that was closed
    Reopen(AboutIncident),
    /// Says whether the cause that the analysis found is the right one
    Cause {
        #[command(flatten)]
        about: AboutIncident,
        #[arg(value_enum)]
        verdict: CauseIs,
    },
}

#[derive(Debug, Args)]
pub(crate) struct AboutIncident {
    /// The incident's id, as on its card
    #[arg(value_name = "INCIDENT", value_parser = incident)]
    incident_id: IncidentId,
    #[command(flatten)]
    api: ApiOf,
    /// Does the same for every other incident of its alert group
    #[arg(long)]
    group: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Reason {
    /// Somebody fixed it
    FixedByHand,
    /// Nothing is wrong
    FalseAlarm,
    /// Another incident is about the same
    Duplicate,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum CauseIs {
    Right,
    Wrong,
}

pub(crate) fn incident(text: &str) -> Result<IncidentId, String> {
    IncidentId::try_from(text).map_err(|error| error.to_string())
}

fn minutes(text: &str) -> Result<u32, String> {
    let time: SignedDuration = text
        .parse()
        .map_err(|error| format!("{error}: write it as 90m or 2h"))?;
    u32::try_from(time.as_mins())
        .ok()
        .filter(|minutes| (1..=SNOOZE_MINUTES).contains(minutes))
        .ok_or_else(|| "it has to be between a minute and a week (168h)".to_owned())
}

/// What an action came to in an alert group.
fn in_group(changed: &Number, refused: &Value) -> String {
    let done = format!("done in {changed} incidents of its alert group");
    match refused.as_u64() {
        Some(0) | None => done,
        Some(refused) => format!("{done} ({refused} others do not allow it now)"),
    }
}

impl Respond {
    pub(crate) async fn answer(
        self,
        variables: &Environment,
        out: &mut dyn Write,
    ) -> Result<Answer, Failure> {
        let (about, action) = self.action();
        let api = about.api.connect(variables).await?;
        let path = format!(
            "incidents/{}/{}respond",
            about.incident_id,
            if about.group { "group/" } else { "" }
        );
        let answer = match api.post_json(&path, &action).await {
            Ok(answer) => answer,
            Err(failure) => return failure.or_no(out),
        };
        let said = |field: &str| {
            answer[field]
                .as_str()
                .map(|text| line(text, SHOWN_CHARACTERS))
        };
        let state = match &answer["changed"] {
            Value::Bool(true) => "done".to_owned(),
            Value::Number(changed) => in_group(changed, &answer["refused"]),
            _ => "it was so already".to_owned(),
        };
        let responder = said("responder").unwrap_or_else(|| "no one".to_owned());
        let incident_status = said("status").unwrap_or_default();
        writeln!(
            out,
            "{state}: {} is {incident_status}; on it: {responder}",
            about.incident_id
        )?;
        Ok(Answer::Yes)
    }

    fn action(self) -> (AboutIncident, ResponderAction) {
        match self {
            Self::Ack(about) => (about, ResponderAction::Acknowledge {}),
            Self::Assign { about, to } => (about, ResponderAction::Assign { to }),
            Self::Note { about, text } => (about, ResponderAction::Note { text }),
            Self::Snooze { about, minutes } => (about, ResponderAction::Snooze { minutes }),
            Self::Close { about, reason, of } => {
                let reason = match reason {
                    Reason::FixedByHand => CloseReason::FixedByHand,
                    Reason::FalseAlarm => CloseReason::FalseAlarm,
                    Reason::Duplicate => CloseReason::Duplicate,
                };
                let duplicate_of = of;
                (
                    about,
                    ResponderAction::Close {
                        reason,
                        duplicate_of,
                    },
                )
            }
            Self::Reopen(about) => (about, ResponderAction::Reopen {}),
            Self::Cause { about, verdict } => {
                let right = verdict == CauseIs::Right;
                (about, ResponderAction::Cause { right })
            }
        }
    }
}
