//! Sentences about how a step ended that every way to a host says in the same words.

use domain::phrase;
use domain::primitives::phrase::Phrase;

/// The sentence of a command that ended by itself.
pub(crate) fn exited(program: &str, name: &str, status: u32) -> Phrase {
    phrase!(
        "{program} on {name} ended with exit status {status}.",
        program,
        name,
        status
    )
}

/// The sentence of a step that certainly did not run.
pub(crate) fn nothing_ran(why: Phrase) -> Phrase {
    phrase!("Nothing ran: {why}.", why => why)
}
