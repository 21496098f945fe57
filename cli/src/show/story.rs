//! The timeline of an incident and its operation log, on a terminal.

use super::Page;
use crate::api::model::{Entry, LogEnd};
use crate::exit::Failure;
use crate::screen::{Style, safe};

impl Page<'_> {
    /// The turns of the story, each with the number of its entry.
    pub(super) fn timeline(&mut self, entries: &[Entry]) -> Result<(), Failure> {
        self.section("Timeline")?;
        for entry in entries.iter().filter(|entry| entry.is_turn()) {
            let at = entry.at.strftime("%H:%M:%S");
            let says = safe(&sentence(entry));
            let says = match entry.success {
                true => says,
                false => self.screen.paint(Style::Red, &says),
            };
            writeln!(self.out, "  {at}  {says}  #{}", entry.sequence)?;
        }
        Ok(())
    }

    /// Every entry, with what commands printed.
    pub(super) fn log(&mut self, entries: &[Entry], end: &LogEnd) -> Result<(), Failure> {
        self.section("Operation log")?;
        for entry in entries {
            let at = entry.at.strftime("%Y-%m-%dT%H:%M:%S%.3fZ");
            let (event, actor) = (safe(&entry.event), safe(&entry.actor));
            let detail = safe(&sentence(entry));
            let erased = if entry.erased {
                " (something was erased)"
            } else {
                ""
            };
            writeln!(
                self.out,
                "  {:>4}  {at}  {event:<21}  {actor:<15}  {detail}{erased}",
                entry.sequence
            )?;
            for (stream, text) in entry.printed() {
                self.printed(stream, text)?;
            }
        }
        let (count, hash) = (end.entries, safe(&end.hash));
        writeln!(
            self.out,
            "  {count} entries, and the chain ends with {hash}"
        )?;
        Ok(())
    }
}

/// What an entry says: its sentence, and why it went wrong if it did.
pub(crate) fn sentence(entry: &Entry) -> String {
    match &entry.error {
        Some(error) if !entry.detail.contains(error.as_str()) => {
            format!("{}: {error}", entry.detail)
        }
        _ => entry.detail.clone(),
    }
}
