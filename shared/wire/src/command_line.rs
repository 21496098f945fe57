//! Command line of a step: as the one string that SSH and SSM carry and that `quell-guard` compares, and as people see it.

use std::fmt::Write as _;

use domain::notification::words::words;
use domain::phrase;
use domain::playbook::plan::PlannedStep;
use domain::primitives::language::Language;
use domain::primitives::phrase::Phrase;
use domain::primitives::safe_text;
use thiserror::Error;

/// An argument holds a NUL byte, which no program can be passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("{}", self.phrase())]
pub struct NulByte;

impl NulByte {
    /// The same for people.
    pub fn phrase(self) -> Phrase {
        phrase!("an argument holds a NUL byte, which no program can be passed")
    }
}

/// Quotes an argument vector for a POSIX shell.
///
/// SSH has no argument vectors on the wire: an exec request is one string (RFC 4254, section 6.5), and sshd hands it to
/// the login shell of the user. Quoting every argument is therefore how a vector arrives as it was: the shell takes it
/// apart again and finds nothing to interpret in it.
///
/// # Errors
/// If an argument holds a NUL byte, which no program can be passed.
pub fn line(argv: &[String]) -> Result<String, NulByte> {
    shlex::try_join(argv.iter().map(String::as_str)).map_err(|_| NulByte)
}

/// An argument vector as every place shows it to people who decide on it. An argument is quoted as in [`line()`]; one with
/// characters that cannot be seen is written as `$'…'` with escapes, which bash reads back as the same argument.
pub fn shown(argv: &[String]) -> String {
    let arguments: Vec<String> = argv.iter().map(|argument| visible(argument)).collect();
    arguments.join(" ")
}

/// A step as people see it, with the fact that it finds out and its condition behind it, in their language: a comment to a shell, in
/// case the line is pasted.
pub fn step(step: &PlannedStep, language: Language) -> String {
    step_in_part(step, language, usize::MAX).0
}

/// The same, and true if something of it was cut: a command of more than `most` characters, and notes of more than half of that, end
/// with `…`.
pub fn step_in_part(step: &PlannedStep, language: Language, most: usize) -> (String, bool) {
    let words = words(language);
    let note = |key, value: &str| words.fill("step_note", key, &[("what", value)]);
    let fact = step.fact.as_ref().map(|fact| note("fact", fact));
    let when = step.when.as_ref();
    let when = when.map(|when| note("when", &words.say(&when.phrase())));
    let notes: Vec<String> = fact.into_iter().chain(when).collect();
    let (command, cut) = shortened(shown(&step.argv), most);
    if notes.is_empty() {
        return (command, cut);
    }
    let notes = safe_text::line(&notes.join(", "), usize::MAX);
    let (notes, notes_cut) = shortened(notes, most / 2);
    (format!("{command}  # {notes}"), cut || notes_cut)
}

fn visible(argument: &str) -> String {
    let unseen = |c| c == '\n' || c == '\t' || safe_text::is_hidden(c);
    if !argument.contains(unseen)
        && let Ok(quoted) = shlex::try_quote(argument)
    {
        return quoted.into_owned();
    }
    let mut shown = String::from("$'");
    for c in argument.chars() {
        // Writing to a text cannot fail.
        let _ = match (c, u32::from(c)) {
            ('\'' | '\\', _) => write!(shown, "\\{c}"),
            ('\n', _) => shown.write_str("\\n"),
            ('\t', _) => shown.write_str("\\t"),
            // Bash takes four digits for `\u` and eight for `\U`: with all of them written, none behind is taken along.
            (c, code) if unseen(c) && code <= 0xffff => write!(shown, "\\u{code:04x}"),
            (c, code) if unseen(c) => write!(shown, "\\U{code:08x}"),
            (c, _) => shown.write_char(c),
        };
    }
    shown.push('\'');
    shown
}

fn shortened(text: String, most: usize) -> (String, bool) {
    match text.char_indices().nth(most) {
        Some((end, _)) => (format!("{}…", &text[..end]), true),
        None => (text, false),
    }
}

#[cfg(test)]
#[path = "command_line_tests.rs"]
mod tests;
