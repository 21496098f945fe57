//! View models of the templates: plain fields, each of them bounded and safe to show.
//! `docs/notifications.md` lists them.

pub mod about;
pub mod chart;
pub mod details;
pub mod finding;
pub mod history;
pub mod incident;
pub mod notices;
pub mod pipeline_run;
pub mod plan;
pub mod response;
pub mod status;

use domain::analysis::{Analysis, FindingTexts, FoundCause};
use domain::incident::repair::end_of;
use domain::notification::channels::{Channels, Language};
use domain::notification::words::card_words;
use domain::primitives::local_time::Zone;
use domain::primitives::phrase::Phrase;
use domain::primitives::safe_text::{cut, line};
use jiff::Timestamp;

/// How much of each text from outside is shown, in characters.
pub(crate) const NAME_CHARACTERS: usize = 60;
pub(crate) const TEXT_CHARACTERS: usize = 300;
pub(crate) const STEP_CHARACTERS: usize = 120;

/// A text on one line, without what hides in it, and with `…` where it is longer than this. It could else write lines that look like
/// the card's own.
pub(crate) fn short(text: &str, characters: usize) -> String {
    // What can hide is looked through so far and no further: a text may be long.
    let seen = text
        .char_indices()
        .nth(characters * 16)
        .map_or(text, |(at, _)| &text[..at]);
    let mut shown = line(seen, characters + 1);
    if shown.chars().count() > characters || seen.len() < text.len() {
        shown = cut(&shown, characters);
        shown.push('…');
    }
    shown
}

/// How a channel names people and moments, and in which language it says what is stored as a phrase. The record knows people by what they came with, such as `telegram:7`.
#[derive(Debug, Clone, Copy, Default)]
pub struct Names<'a> {
    channels: Option<&'a Channels>,
    /// The zone of its readers; none is UTC.
    zone: Option<&'a Zone>,
    language: Language,
}

impl<'a> Names<'a> {
    /// Those of this file, for readers in this zone.
    pub fn of(channels: &'a Channels, zone: Option<&'a Zone>) -> Self {
        Self {
            channels: Some(channels),
            zone,
            language: Language::default(),
        }
    }

    /// The same for readers of this language.
    #[must_use]
    pub(crate) fn in_language(self, language: Language) -> Self {
        Self { language, ..self }
    }

    /// A sentence in the language of the readers, on one line.
    pub(crate) fn say(&self, phrase: &Phrase, characters: usize) -> String {
        short(&card_words(self.language).say(phrase), characters)
    }

    /// The texts of a finding in the language of the readers, if it has them.
    pub(crate) fn texts<'t>(&self, analysis: &'t Analysis) -> Option<&'t FindingTexts> {
        analysis.translations.get(&self.language)
    }

    /// A finding's description in the language of the readers, or as it is.
    pub(crate) fn description<'t>(&self, analysis: &'t Analysis) -> &'t str {
        let translated = analysis.descriptions.get(&self.language);
        translated.unwrap_or(&analysis.description)
    }

    /// The title of a cause in the language of the readers, or as it is.
    pub(crate) fn title<'t>(&self, cause: &'t FoundCause) -> &'t str {
        cause.title_in(self.language)
    }

    /// How long something lasted: `1 h 12 min`, `1 小時 12 分鐘`.
    pub(crate) fn duration(&self, from: Timestamp, until: Timestamp) -> String {
        card_words(self.language).duration(until.duration_since(from))
    }

    /// A moment for people: `2026-11-22 03:14 UTC`.
    pub(crate) fn moment(&self, at: Timestamp) -> String {
        match self.zone {
            Some(zone) => zone.moment(at),
            None => at.strftime("%Y-%m-%d %H:%M UTC").to_string(),
        }
    }

    /// The name of whoever came with this, if it is known.
    fn known(&self, by: &str) -> Option<&'a str> {
        self.channels
            .and_then(|channels| channels.person(&by.parse().ok()?))
    }

    /// The name of whoever came with this, or that itself.
    pub(crate) fn name(&self, by: &str) -> String {
        short(self.known(by).unwrap_or(by), NAME_CHARACTERS)
    }

    /// The same with what they came with behind it.
    pub(crate) fn name_and_id(&self, by: &str) -> String {
        match self.known(by) {
            Some(name) => short(&format!("{name} ({by})"), NAME_CHARACTERS),
            None => short(by, NAME_CHARACTERS),
        }
    }
}

/// The last lines of an output, at most so many, together with at most so many characters.
pub(crate) fn last_lines(text: &str, most: usize, characters: usize) -> Vec<String> {
    let end = end_of(text, characters);
    let lines: Vec<&str> = end.lines().filter(|line| !line.trim().is_empty()).collect();
    let shown: Vec<String> = lines[lines.len().saturating_sub(most)..]
        .iter()
        .map(|line| short(line, characters))
        .collect();
    shown.into_iter().filter(|line| !line.is_empty()).collect()
}

/// The first names of a list, and how many more there are.
pub(crate) fn listed(names: &[String], most: usize) -> String {
    let shown = names.iter().map(|name| short(name, NAME_CHARACTERS / 2));
    let (shown, more) = first(shown.collect(), most);
    if more > 0 {
        format!("{} +{more}", shown.join(", "))
    } else {
        shown.join(", ")
    }
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
