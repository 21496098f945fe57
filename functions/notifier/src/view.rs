//! What templates are given: plain fields, each of them bounded and safe to show. `docs/notifications.md` lists them.

pub mod details;
pub mod finding;
pub mod flow;
pub mod history;
pub mod incident;
pub mod notices;
pub mod plan;
pub mod standing;

use jiff::Timestamp;
use shared::domain::alert::cut;
use shared::domain::visible::{line, without_hidden};

/// How much of each text from outside is shown, in characters.
pub(crate) const NAME_CHARACTERS: usize = 60;
pub(crate) const TEXT_CHARACTERS: usize = 300;
pub(crate) const STEP_CHARACTERS: usize = 120;

/// A text on one line, without what hides in it, and with `…` where it is longer than this. It could else write lines that look like
/// the card's own.
pub(crate) fn short(text: &str, characters: usize) -> String {
    // What can hide is looked through so far and no further: a text may be long.
    let seen = text.char_indices().nth(characters * 16).map_or(text, |(at, _)| &text[..at]);
    let mut shown = line(seen, characters + 1);
    if shown.chars().count() > characters || seen.len() < text.len() {
        shown = cut(&shown, characters);
        shown.push('…');
    }
    shown
}

/// A command as it stands, but for what hides in it and for ends of lines. Its spaces may matter.
pub(crate) fn command(argv: &[String], characters: usize) -> String {
    let whole = argv.join(" ");
    let seen = cut(&whole, characters * 16);
    let text = without_hidden(&seen).replace(['\n', '\t'], " ");
    let mut shown = cut(&text, characters);
    if shown.len() < text.len() || seen.len() < whole.len() {
        shown.push('…');
    }
    shown
}

/// A moment for people: `2026-11-22 03:14 UTC`.
pub(crate) fn moment(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

/// The first of them, and how many are left out.
pub(crate) fn first<T>(mut all: Vec<T>, most: usize) -> (Vec<T>, usize) {
    let more = all.len().saturating_sub(most);
    all.truncate(most);
    (all, more)
}

/// The last of them, and how many are left out before.
pub(crate) fn last<T>(mut all: Vec<T>, most: usize) -> (Vec<T>, usize) {
    let more = all.len().saturating_sub(most);
    (all.split_off(more), more)
}
