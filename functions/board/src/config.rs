//! Configuration of the board's function from its environment variables.

use std::path::PathBuf;

use settings::variables::{InvalidVariable, Variables};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// `TABLE_NAME`: the table with the incidents, and with the board.
    pub table: String,
    /// `CONFIG_DIR`: where channels.json is, whose routes give incidents to teams.
    pub config_dir: PathBuf,
}

impl Config {
    /// # Errors
    /// If one is missing.
    pub fn from_variables<F: Fn(&str) -> Option<String>>(
        variables: &Variables<F>,
    ) -> Result<Self, InvalidVariable> {
        Ok(Self {
            table: variables.required("TABLE_NAME", "the name of a table")?,
            config_dir: variables
                .required("CONFIG_DIR", "the directory with channels.json")?
                .into(),
        })
    }
}
