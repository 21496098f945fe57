//! An event of a calendar, and why a calendar has none.

use domain::primitives::safe_text;
use jiff::Timestamp;
use thiserror::Error;

use super::recurrence::RecurrenceError;

/// How much of a title is shown, in characters.
const TITLE_CHARACTERS: usize = 80;

/// An event, or one time of one that recurs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Event {
    /// SUMMARY. It was written by others, like everything in a calendar.
    pub(super) title: String,
    /// The addresses of ATTENDEE, without those who have declined.
    pub(super) attendees: Vec<String>,
    pub(super) from: Timestamp,
    pub(super) until: Timestamp,
    pub(super) all_day: bool,
}

impl Event {
    /// The title for people.
    pub(super) fn shown(&self) -> String {
        shown(&self.title)
    }
}

pub(super) fn shown(title: &str) -> String {
    safe_text::line(title, TITLE_CHARACTERS)
}

/// Why a calendar cannot be read. Each says which event it is about.
#[derive(Debug, Error)]
pub(super) enum CalendarError {
    #[error(
        "it is no iCalendar file: it has to begin with BEGIN:VCALENDAR. A page to log in, or the address of a web page in place of that of its iCal feed, looks like this"
    )]
    NoCalendar,
    #[error("it is cut off, or damaged: {0} has no end")]
    Damaged(String),
    #[error("\"{event}\": {field} is missing or is no time")]
    NoTime { event: String, field: &'static str },
    #[error(
        "\"{event}\": the time zone {zone} is not known: name it as the IANA database does, such as Europe/Berlin"
    )]
    UnknownZone { event: String, zone: String },
    #[error("\"{event}\": it ends before it begins")]
    Backwards { event: String },
    #[error("\"{event}\": {why}")]
    Recurrence { event: String, why: RecurrenceError },
}

/// The span of time of which the events are wanted.
#[derive(Debug, Clone, Copy)]
pub(super) struct Window {
    pub(super) from: Timestamp,
    pub(super) until: Timestamp,
}
