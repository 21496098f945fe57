//! Reader of environment variables, with errors that name the variable and the expected value.

use std::str::FromStr;

use jiff::SignedDuration;
use thiserror::Error;

use domain::episode::Windows;

/// Why a function does not start.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum InvalidVariable {
    /// It is not set.
    #[error("the environment variable {name} is not set; it has to be {expected}")]
    Missing {
        name: &'static str,
        /// What it should be.
        expected: &'static str,
    },
    /// It is set to something else. The value is not repeated: it could be a secret in the wrong place.
    #[error("the environment variable {name} is not {expected}")]
    Unfit {
        name: &'static str,
        /// What it should be.
        expected: &'static str,
    },
}

/// The variables of the process, or of a test.
#[derive(Debug)]
pub struct Variables<F>(F);

impl Variables<fn(&str) -> Option<String>> {
    /// The variables of this process. Only `main.rs` files call this.
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the one place that reads the environment"
    )]
    pub fn of_process() -> Self {
        Self(|name| std::env::var(name).ok())
    }
}

impl<F: Fn(&str) -> Option<String>> Variables<F> {
    /// Variables out of a function, for tests.
    pub fn from_fn(read: F) -> Self {
        Self(read)
    }

    /// A variable that has to be there, not empty.
    ///
    /// # Errors
    /// If it is not.
    pub fn required(
        &self,
        name: &'static str,
        expected: &'static str,
    ) -> Result<String, InvalidVariable> {
        self.optional(name)
            .ok_or(InvalidVariable::Missing { name, expected })
    }

    /// A variable that may be missing; empty counts as missing, because a template cannot leave one out.
    pub fn optional(&self, name: &'static str) -> Option<String> {
        (self.0)(name).filter(|value| !value.is_empty())
    }

    /// A variable of another type than text, with a default.
    ///
    /// # Errors
    /// If it is set and is not of that type.
    pub fn parsed<T: FromStr>(
        &self,
        name: &'static str,
        expected: &'static str,
        default: T,
    ) -> Result<T, InvalidVariable> {
        self.optional(name).map_or(Ok(default), |value| {
            value
                .trim()
                .parse()
                .map_err(|_| InvalidVariable::Unfit { name, expected })
        })
    }

    /// A list of values with commas between them; missing is empty.
    ///
    /// # Errors
    /// If one of them is not of its type.
    pub fn list<T: FromStr>(
        &self,
        name: &'static str,
        expected: &'static str,
    ) -> Result<Vec<T>, InvalidVariable> {
        let text = self.optional(name).unwrap_or_default();
        let values = text
            .split(',')
            .map(str::trim)
            .filter(|value| !value.is_empty());
        values
            .map(|value| {
                value
                    .parse()
                    .map_err(|_| InvalidVariable::Unfit { name, expected })
            })
            .collect()
    }

    /// Reads `DEBOUNCE_SECONDS` and `EPISODE_STALE_SECONDS`.
    ///
    /// # Errors
    /// If one of them is not a number of seconds.
    pub fn windows(&self) -> Result<Windows, InvalidVariable> {
        Ok(Windows {
            debounce: self.seconds("DEBOUNCE_SECONDS", 300)?,
            stale: self.stale()?,
        })
    }

    /// Reads `EPISODE_STALE_SECONDS` alone.
    ///
    /// # Errors
    /// If it is not a number of seconds.
    pub fn stale(&self) -> Result<SignedDuration, InvalidVariable> {
        self.seconds("EPISODE_STALE_SECONDS", 18_000)
    }

    fn seconds(&self, name: &'static str, default: u32) -> Result<SignedDuration, InvalidVariable> {
        let value = self.parsed(name, "a number of seconds", default)?;
        Ok(SignedDuration::from_secs(i64::from(value)))
    }
}

#[cfg(test)]
mod tests {
    use super::{InvalidVariable, Variables};

    #[test]
    fn errors_name_the_variable_and_what_it_expects() {
        let variables = Variables::from_fn(|name| match name {
            "EMPTY" => Some(String::new()),
            "NUMBER" => Some("twelve".into()),
            "LIST" => Some("1, 2,,3 ".into()),
            _ => None,
        });
        for name in ["MISSING", "EMPTY"] {
            let error = variables
                .required(name, "a table's name")
                .expect_err("not there");
            assert_eq!(
                error.to_string(),
                format!("the environment variable {name} is not set; it has to be a table's name")
            );
        }
        assert_eq!(variables.parsed("MISSING", "seconds", 300), Ok(300));
        assert_eq!(
            variables.parsed("NUMBER", "seconds", 300),
            Err(InvalidVariable::Unfit {
                name: "NUMBER",
                expected: "seconds"
            })
        );
        assert_eq!(variables.list::<u32>("LIST", "numbers"), Ok(vec![1, 2, 3]));
    }
}
