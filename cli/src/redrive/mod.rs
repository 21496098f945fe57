//! `quell redrive`: shows dead letters, and moves back or deletes those that a person means.

mod letter;
mod queue;

use std::io::{BufRead, IsTerminal as _, Write, stdin};

use clap::Args;

use self::letter::{DeadLetters, HELD_SECONDS, Letter, Order};
use self::queue::Queue;
use crate::aws::Environment;
use crate::doctor::stack::{Account, Deployed};
use crate::exit::{Answer, Failure};
use crate::screen::{self, Cell, Column, Output, Screen, Style, safe};
use crate::show::time;

#[derive(Debug, Args)]
pub(crate) struct Redrive {
    /// Of which queue; of all of them without it
    #[arg(value_name = "QUEUE", value_enum)]
    queue: Option<Queue>,
    /// The name of the stack
    #[arg(long, value_name = "NAME", default_value = "quell")]
    stack: String,
    /// Move them back to the queue that they came from
    #[arg(long = "move", requires = "queue")]
    move_back: bool,
    /// Delete them
    #[arg(long, requires = "only", conflicts_with = "move_back")]
    delete: bool,
    /// Only this message: its id, or how that begins (repeatable)
    #[arg(long, value_name = "ID", requires = "queue")]
    only: Vec<String>,
    /// How many of a queue are looked at, at most
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u16).range(1..=1000))]
    most: u16,
    /// Do it without asking
    #[arg(long)]
    yes: bool,
    /// How the answer is written
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t)]
    output: Output,
}

impl Redrive {
    pub(crate) async fn answer(
        self,
        variables: &Environment,
        out: &mut dyn Write,
    ) -> Result<Answer, Failure> {
        let order = self.order()?;
        if order.is_some() && !self.yes && !stdin().is_terminal() {
            return Err(Failure::wrong(
                "`quell redrive` shows the messages and asks, which takes a terminal: give --yes to do it without",
            ));
        }
        let account = Account::new(variables).await?;
        let stack = Deployed::read(&account, &self.stack).await?;
        let sqs = aws_sdk_sqs::Client::new(&account.sdk);
        let screen = Screen::of(variables);
        let queues = self.queue.map_or(Queue::ALL.to_vec(), |queue| vec![queue]);
        let mut found = Vec::new();
        let mut opened = Vec::new();
        for queue in queues {
            let letters = DeadLetters::of(&sqs, &stack, queue)?;
            found.extend(letters.receive(self.most).await?);
            opened.push(letters);
        }
        let answered = self.deal(order, &opened, &mut found, screen, out).await;
        // Whatever became of the order: what is still held would be missing from the next look.
        for letters in &opened {
            letters.release(&found).await;
        }
        answered
    }

    /// What is to be done with the messages; nothing but showing them where none is given.
    fn order(&self) -> Result<Option<Order>, Failure> {
        if self.move_back && self.queue == Some(Queue::Repairs) && self.only.is_empty() {
            return Err(Failure::wrong(
                "a message of repairs runs a plan: name each that is to run with --only, after a look at its incident (`quell show`)",
            ));
        }
        Ok(match (self.move_back, self.delete) {
            (true, _) => Some(Order::Move),
            (_, true) => Some(Order::Delete),
            _ => None,
        })
    }

    async fn deal(
        &self,
        order: Option<Order>,
        opened: &[DeadLetters],
        found: &mut Vec<Letter>,
        screen: Screen,
        out: &mut dyn Write,
    ) -> Result<Answer, Failure> {
        let meant = named(found, &self.only)?;
        if self.output == Output::Table {
            write(found, &meant, screen, out)?;
        }
        let Some(order) = order else {
            if self.output == Output::Json {
                writeln!(out, "{}", screen::json(&found)?)?;
            }
            return Ok(Answer::of(found.is_empty()));
        };
        if meant.is_empty() || !(self.yes || self.confirm(order, meant.len(), out)?) {
            writeln!(out, "nothing was {}", order.done())?;
            return Ok(Answer::of(meant.is_empty()));
        }
        let mut failed = 0;
        for at in meant {
            let Some(letters) = opened.iter().find(|one| one.queue == found[at].queue) else {
                continue;
            };
            let done = letters.carry_out(order, &found[at]).await;
            failed += usize::from(done.is_err());
            found[at].became = Some(done.map(|()| order.done()));
        }
        self.report(order, found, out)?;
        Ok(Answer::of(failed == 0))
    }

    fn confirm(&self, order: Order, count: usize, out: &mut dyn Write) -> Result<bool, Failure> {
        ask(order, count, self.queue, out, &mut stdin().lock())
    }

    fn report(&self, order: Order, found: &[Letter], out: &mut dyn Write) -> Result<(), Failure> {
        if self.output == Output::Json {
            writeln!(out, "{}", screen::json(&found)?)?;
            return Ok(());
        }
        let mut count = 0;
        for letter in found {
            match &letter.became {
                Some(Ok(_)) => count += 1,
                Some(Err(why)) => writeln!(out, "{}: {}", safe(&letter.id), safe(why))?,
                None => {}
            }
        }
        writeln!(out, "{count} {}", order.done())?;
        Ok(())
    }
}

/// Shows what would be done to how many messages, and asks the person.
fn ask(
    order: Order,
    count: usize,
    queue: Option<Queue>,
    out: &mut dyn Write,
    person: &mut dyn BufRead,
) -> Result<bool, Failure> {
    if let (Order::Move, Some(warning)) = (order, queue.and_then(Queue::warning)) {
        writeln!(out, "\n{warning}")?;
    }
    write!(
        out,
        "\nTo {} {count} within {} minutes, type `yes`: ",
        order.verb(),
        HELD_SECONDS / 60
    )?;
    out.flush()?;
    let mut typed = String::new();
    let read = person.read_line(&mut typed);
    read.map_err(|error| Failure::wrong(format!("the terminal cannot be read: {error}")))?;
    Ok(typed.trim().eq_ignore_ascii_case("yes"))
}

/// The places of the messages that are meant: all, or those whose ids begin so.
///
/// # Errors
/// If no message is meant by a beginning, or more than one.
fn named(found: &[Letter], only: &[String]) -> Result<Vec<usize>, Failure> {
    if only.is_empty() {
        return Ok((0..found.len()).collect());
    }
    let mut meant = Vec::new();
    for begins in only {
        let fitting = found
            .iter()
            .enumerate()
            .filter(|(_, letter)| letter.id.starts_with(begins.as_str()));
        let fitting: Vec<usize> = fitting.map(|(at, _)| at).collect();
        match fitting[..] {
            [at] if !meant.contains(&at) => meant.push(at),
            [_] => {}
            [] => {
                return Err(Failure::wrong(format!(
                    "no dead letter has an id that begins with {}: `quell redrive` lists them",
                    safe(begins)
                )));
            }
            _ => {
                return Err(Failure::wrong(format!(
                    "{} dead letters have ids that begin with {}: write more of the id",
                    fitting.len(),
                    safe(begins)
                )));
            }
        }
    }
    meant.sort_unstable();
    Ok(meant)
}

const COLUMNS: [Column; 4] = [
    Column::whole("QUEUE"),
    Column::whole("MESSAGE"),
    Column::whole("SENT"),
    Column::text("WHAT", 20),
];

fn write(
    found: &[Letter],
    meant: &[usize],
    screen: Screen,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    if found.is_empty() {
        writeln!(out, "no dead letters")?;
        return Ok(());
    }
    let rows: Vec<Vec<Cell>> = meant
        .iter()
        .map(|at| {
            let letter = &found[*at];
            let style = if letter.is_readable() {
                Style::Plain
            } else {
                Style::Yellow
            };
            vec![
                (letter.queue.as_str().to_owned(), Style::Plain),
                (letter.id.clone(), Style::Plain),
                (letter.sent_at.map(time).unwrap_or_default(), Style::Plain),
                (letter.what.clone(), style),
            ]
        })
        .collect();
    for line in screen::table(&COLUMNS, &rows, screen) {
        writeln!(out, "{line}")?;
    }
    Ok(())
}

#[cfg(test)]
#[path = "redrive_tests.rs"]
mod tests;
