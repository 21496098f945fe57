//! `quell erase`: takes a person's data, or what commands printed, out of incidents that have ended and
//! out of their logs. The chains still hold, and each log says what was erased, by whom and why.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use domain::incident::Incident;
use domain::incident::erasure::{ErasedEntry, Erasure};
use domain::incident::operation_log::Entry;
use domain::notification::channels::Identity;
use domain::primitives::id::IncidentId;
use jiff::{SignedDuration, Timestamp};
use settings::channels_file;
use store::{ControlTable, ErasedBy, Exported, Store};

use crate::aws::{Environment, Table, caller, config};
use crate::exit::{Answer, Failure};

#[derive(Debug, Args)]
pub(crate) struct Erase {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// A person: their name, and what Telegram, Slack, PagerDuty and tokens know them by
    Person {
        /// The person's name
        name: String,
        /// The directory whose channels.json names the person
        #[arg(long, value_name = "DIR", default_value = "config")]
        config: PathBuf,
        /// What else they are known by, such as telegram:7 (repeatable): for somebody whom channels.json no longer names
        #[arg(long = "identity", value_name = "IDENTITY")]
        identities: Vec<Identity>,
        /// The table with their tokens, which are deleted: the stack's output ControlTableName
        #[arg(long, value_name = "NAME")]
        control_table: Option<String>,
        #[command(flatten)]
        options: Options,
    },
    /// What commands printed
    Output {
        /// Only of incidents of which the last entry is older than this many days
        #[arg(long, value_name = "N")]
        older_than_days: u16,
        #[command(flatten)]
        options: Options,
    },
}

#[derive(Debug, Args)]
struct Options {
    /// Why; it stands in each log
    #[arg(long, value_name = "TEXT")]
    why: String,
    /// Say what would be erased, and erase nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    table: Table,
}

impl Erase {
    pub(crate) async fn answer(
        self,
        variables: &Environment,
        out: &mut dyn Write,
    ) -> Result<Answer, Failure> {
        let aws = config(variables).await?;
        let dynamodb = aws_sdk_dynamodb::Client::new(&aws);
        let now = Timestamp::now();
        let (erasure, options, before) = match self.what {
            What::Person {
                name,
                config,
                identities,
                control_table,
                options,
            } => {
                // Before anything is deleted: the person may be misspelled, or the file unreadable.
                let erasure = person(name.clone(), &config, identities)?;
                if let Some(table) = control_table.filter(|_| !options.dry_run) {
                    let control = ControlTable::new(dynamodb.clone(), table);
                    let deleted = control.delete_tokens_of(&name).await?;
                    writeln!(out, "{deleted} tokens deleted")?;
                    let sessions = control.delete_provider_sessions_of(&name).await?;
                    if sessions > 0 {
                        writeln!(out, "{sessions} sessions deleted")?;
                    }
                }
                (erasure, options, now)
            }
            What::Output {
                older_than_days,
                options,
            } => {
                let age = SignedDuration::from_hours(i64::from(older_than_days) * 24);
                (Erasure::Output, options, now - age)
            }
        };
        let found = Erasing {
            store: Store::new(dynamodb, options.table.table.clone()),
            erasure,
            before,
            dry_run: options.dry_run,
            by: &caller(&aws, variables).await,
            why: &options.why,
            now,
        }
        .run(out)
        .await?;
        found.say(options.dry_run, out)?;
        Ok(Answer::of(found.open == 0 && found.unreadable == 0))
    }
}

/// What is erased, from where, and for whom.
struct Erasing<'a> {
    store: Store,
    erasure: Erasure,
    /// Only from incidents whose last entry is no younger.
    before: Timestamp,
    dry_run: bool,
    by: &'a str,
    why: &'a str,
    now: Timestamp,
}

impl Erasing<'_> {
    /// Goes through all incidents of the table, with a line for each that holds something.
    async fn run(&self, out: &mut dyn Write) -> Result<Found, Failure> {
        let mut found = Found::default();
        let mut ids = Vec::new();
        let mut logs: BTreeMap<IncidentId, Vec<Entry>> = BTreeMap::new();
        for item in self.store.export().await? {
            match item {
                Exported::Head(id, _) => ids.push(id),
                Exported::Entry(id, entry) => logs.entry(id).or_default().push(*entry),
                Exported::Unreadable(error) => {
                    found.unreadable += 1;
                    writeln!(out, "{error}: may hold what is to be erased")?;
                }
            }
        }
        for id in ids {
            let log = logs.remove(&id).unwrap_or_default();
            self.incident(&id, &log, &mut found, out).await?;
        }
        Ok(found)
    }

    async fn incident(
        &self,
        id: &IncidentId,
        log: &[Entry],
        found: &mut Found,
        out: &mut dyn Write,
    ) -> Result<(), Failure> {
        let incident = self.store.known_incident(id).await?;
        if log.last().is_some_and(|last| last.at > self.before) {
            return Ok(());
        }
        let entries: Vec<ErasedEntry> = log.iter().filter_map(|e| self.erasure.entry(e)).collect();
        if entries.is_empty() && !in_document(&self.erasure, &incident)? {
            return Ok(());
        }
        if incident.is_open() {
            found.open += 1;
            writeln!(out, "{id}: is open, and left as it is")?;
            return Ok(());
        }
        let sequences: Vec<String> = entries
            .iter()
            .map(|erased| erased.after.sequence.to_string())
            .collect();
        writeln!(out, "{id}: entries {}", sequences.join(", "))?;
        if !self.dry_run {
            let by = ErasedBy {
                by: self.by,
                why: self.why,
                at: self.now,
            };
            self.store.erase(id, &self.erasure, &entries, by).await?;
        }
        found.incidents += 1;
        found.entries += entries.len();
        Ok(())
    }
}

#[derive(Debug, Default)]
struct Found {
    incidents: usize,
    entries: usize,
    open: usize,
    unreadable: usize,
}

impl Found {
    fn say(&self, dry_run: bool, out: &mut dyn Write) -> Result<(), Failure> {
        let Self {
            incidents,
            entries,
            open,
            unreadable,
        } = self;
        let done = match dry_run {
            true => "would be erased",
            false => "erased",
        };
        writeln!(
            out,
            "{done} from {entries} entries of {incidents} incidents; {open} are open: once they have ended, erase again"
        )?;
        if *unreadable > 0 {
            writeln!(
                out,
                "{unreadable} items cannot be read, and are left as they are"
            )?;
        }
        Ok(())
    }
}

/// A person, with what the operator's file knows them by.
fn person(
    name: String,
    config: &std::path::Path,
    mut identities: Vec<Identity>,
) -> Result<Erasure, Failure> {
    let channels = channels_file::load(config)?;
    match channels.people.get(&name) {
        Some(known) => {
            identities.extend(known.telegram.map(Identity::Telegram));
            identities.extend(known.slack.clone().map(Identity::Slack));
            identities.extend(known.pagerduty.clone().map(Identity::PagerDuty));
        }
        None if identities.is_empty() => {
            return Err(Failure::wrong(format!(
                "channels.json names nobody {name}: say what they were known by, such as --identity telegram:7"
            )));
        }
        None => {}
    }
    identities.push(Identity::Api(name.clone()));
    identities.push(Identity::Link(name.clone()));
    identities.push(Identity::Oidc(name.clone()));
    Ok(Erasure::Person { name, identities })
}

fn in_document(erasure: &Erasure, incident: &Incident) -> Result<bool, Failure> {
    let erased = erasure.incident(incident);
    Ok(erased
        .map_err(|error| Failure::wrong(format!("{}: {error}", incident.id)))?
        .is_some())
}
