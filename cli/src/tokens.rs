//! `quell tokens`: makes the tokens with which people's own tools decide, lists and ends them.

use std::io::Write;
use std::path::{Path, PathBuf};

use aws_sdk_dynamodb::Client;
use clap::{Args, Subcommand};
use domain::notification::person_token::{PersonToken, Right, written};
use jiff::{SignedDuration, Timestamp};
use rustls::crypto::ring::default_provider;
use settings::channels_file;
use sha2::{Digest as _, Sha256};
use store::{ControlTable, fresh_incident_id};

use crate::aws::{Control, Environment, caller, config};
use crate::check::words::suggestion;
use crate::exit::{Answer, Failure};

/// How long a token is accepted at most.
const LONGEST_DAYS: u16 = 366;
/// How many random bytes a secret has.
const SECRET_BYTES: usize = 32;

#[derive(Debug, Args)]
pub(crate) struct Tokens {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Makes a token for a person of channels.json, and prints it once
    Make {
        /// The person's name
        person: String,
        /// What its holder may do (repeatable): look, decide or administer
        #[arg(long, value_name = "RIGHT", default_value = "decide", value_parser = right)]
        may: Vec<Right>,
        /// For how many days it is accepted
        #[arg(long, value_name = "N", default_value_t = 90, value_parser = clap::value_parser!(u16).range(1..=i64::from(LONGEST_DAYS)))]
        days: u16,
        /// The directory with channels.json, which has to name the person
        #[arg(long, value_name = "DIR", default_value = "config")]
        config: PathBuf,
        #[command(flatten)]
        control: Control,
    },
    /// Lists every token, without its secret
    List {
        #[command(flatten)]
        control: Control,
    },
    /// Ends a token now
    End {
        /// Its id, as `list` has it
        id: String,
        #[command(flatten)]
        control: Control,
    },
    /// Ends the sessions of the console that a person began at the identity provider: they have no token
    EndSessions {
        /// The person's name
        person: String,
        #[command(flatten)]
        control: Control,
    },
}

fn right(text: &str) -> Result<Right, String> {
    let known = Right::VARIANTS.into_iter();
    let mut named = known.filter(|right| right.as_str() == text);
    named
        .next()
        .ok_or_else(|| "it is look, decide or administer".to_owned())
}

impl Tokens {
    pub(crate) async fn answer(
        self,
        variables: &Environment,
        out: &mut dyn Write,
    ) -> Result<Answer, Failure> {
        let (What::Make { control, .. }
        | What::List { control }
        | What::End { control, .. }
        | What::EndSessions { control, .. }) = &self.what;
        if let What::Make { person, config, .. } = &self.what {
            named(person, config)?;
        }
        let aws = config(variables).await?;
        let table = ControlTable::new(Client::new(&aws), control.control_table.clone());
        let now = Timestamp::now();
        match self.what {
            What::Make {
                person, may, days, ..
            } => {
                let secret = secret()?;
                let by = caller(&aws, variables).await;
                let token = made(person, may, days, by, &secret, now);
                table.save_person_token(&token).await?;
                writeln!(out, "{}", written(&token.id, &secret))?;
                Ok(Answer::Yes)
            }
            What::List { .. } => {
                for token in table.person_tokens().await? {
                    writeln!(out, "{}", line(&token, now))?;
                }
                Ok(Answer::Yes)
            }
            What::End { id, .. } => {
                let Some(token) = table.person_token(&id).await? else {
                    writeln!(out, "there is no token {id}; `quell tokens list` has them")?;
                    return Ok(Answer::No);
                };
                if token.ended_at.is_some() {
                    writeln!(out, "{}", line(&token, now))?;
                    return Ok(Answer::Yes);
                }
                let ended = PersonToken {
                    ended_at: Some(now),
                    ended_by: Some(caller(&aws, variables).await),
                    ..token
                };
                table.save_person_token(&ended).await?;
                writeln!(out, "{}", line(&ended, now))?;
                Ok(Answer::Yes)
            }
            What::EndSessions { person, .. } => {
                let mut sessions = table.provider_sessions_of(&person).await?;
                sessions.retain(|session| session.admits(now).is_ok());
                let count = sessions.len();
                for session in sessions {
                    table.end_session(session, now).await?;
                }
                writeln!(out, "{count} sessions of {person} ended")?;
                Ok(Answer::Yes)
            }
        }
    }
}

/// Refuses a person whom `channels.json` does not name: their token would do nothing.
fn named(person: &str, config: &Path) -> Result<(), Failure> {
    let channels = channels_file::load(config)?;
    if channels.people.contains_key(person) {
        return Ok(());
    }
    let names = channels.people.keys().map(String::as_str);
    Err(Failure::wrong(format!(
        "{person} is not among the people of channels.json{}",
        suggestion(person, names)
    )))
}

/// A new token, of which only the digest of its secret is kept.
fn made(
    person: String,
    may: Vec<Right>,
    days: u16,
    made_by: String,
    secret: &str,
    now: Timestamp,
) -> PersonToken {
    PersonToken {
        // As unique, and in the order in which they were made.
        id: fresh_incident_id(now).to_string(),
        person,
        digest: hex::encode(Sha256::digest(secret.as_bytes())),
        may,
        made_by,
        made_at: now,
        expires_at: now + SignedDuration::from_hours(24 * i64::from(days)),
        ended_at: None,
        ended_by: None,
    }
}

/// A secret of 256 random bits, in hex.
fn secret() -> Result<String, Failure> {
    let mut bytes = [0; SECRET_BYTES];
    let filled = default_provider().secure_random.fill(&mut bytes);
    filled.map_err(|_| Failure::wrong("this machine gives no random numbers"))?;
    Ok(hex::encode(bytes))
}

fn line(token: &PersonToken, now: Timestamp) -> String {
    let may: Vec<&str> = token.may.iter().map(|right| right.as_str()).collect();
    let until = match (token.ended_at, &token.ended_by) {
        (Some(at), Some(by)) => format!("ended {at:.0} by {by}"),
        (Some(at), None) => format!("ended {at:.0}"),
        (None, _) if token.expires_at <= now => format!("expired {:.0}", token.expires_at),
        (None, _) => format!("until {:.0}", token.expires_at),
    };
    let (id, person, by, at) = (&token.id, &token.person, &token.made_by, token.made_at);
    format!(
        "{id} {person} may {}, {until}, made by {by} at {at:.0}",
        may.join(", ")
    )
}
