//! Configuration errors with file, line and field.

use std::fmt;
use std::path::PathBuf;

use thiserror::Error;

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    pub file: PathBuf,
    /// In which line, where that is known.
    pub line: Option<u64>,
    /// In which field, where that is known.
    pub field: Option<String>,
    /// What is wrong, as people read it: it begins with the field where there is one.
    pub text: String,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        write!(f, ": {}", self.text)
    }
}

/// Everything that is wrong with the files.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
pub struct ConfigErrors(pub Vec<ConfigError>);

/// Both of two files, or everything that is wrong with either.
///
/// # Errors
/// The errors of both.
pub fn both<A, B>(
    a: Result<A, ConfigErrors>,
    b: Result<B, ConfigErrors>,
) -> Result<(A, B), ConfigErrors> {
    match (a, b) {
        (Ok(a), Ok(b)) => Ok((a, b)),
        (a, b) => Err(ConfigErrors(
            [a.err(), b.err()]
                .into_iter()
                .flatten()
                .flat_map(|errors| errors.0)
                .collect(),
        )),
    }
}
