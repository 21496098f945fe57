//! Causes of errors: kept as errors, and printed where an error is logged.

use std::error::Error;
use std::fmt;

/// The error that another one is about.
pub type Cause = Box<dyn Error + Send + Sync>;

/// An error with all of its causes, as a log line shows it.
pub struct Chain<'a>(pub &'a (dyn Error + 'static));

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut words = self.0.to_string();
        let mut cause = self.0.source();
        while let Some(error) = cause {
            // Some errors quote their cause themselves.
            let next = error.to_string();
            if !words.ends_with(&next) {
                words = format!("{words}: {next}");
            }
            cause = error.source();
        }
        f.write_str(&words)
    }
}

#[cfg(test)]
mod tests {
    use super::{Cause, Chain};

    #[derive(Debug, thiserror::Error)]
    #[error("the table did not answer")]
    struct Outer(#[source] Cause);

    #[derive(Debug, thiserror::Error)]
    #[error("not counted: {0}")]
    struct Quoting(#[source] Outer);

    #[test]
    fn chain_prints_each_cause_once() {
        let outer = || Outer("no route to host".into());
        assert_eq!(
            Chain(&outer()).to_string(),
            "the table did not answer: no route to host"
        );
        assert_eq!(
            Chain(&Quoting(outer())).to_string(),
            "not counted: the table did not answer: no route to host"
        );
    }
}
