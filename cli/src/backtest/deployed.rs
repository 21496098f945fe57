//! The configuration of a deployed stack: its parameters, and the operator's files that its functions read.

use std::path::Path;

use aws_sdk_lambda::Client as Lambda;
use tempfile::TempDir;

use super::configuration::{NAMES, Parameters};
use crate::aws::Environment;
use crate::doctor::configuration::files_of;
use crate::doctor::functions;
use crate::doctor::stack::{Account, Deployed};
use crate::exit::Failure;

/// What is deployed.
#[derive(Debug)]
pub(crate) struct Deployment {
    pub(crate) parameters: Parameters,
    directory: TempDir,
}

impl Deployment {
    /// Reads the stack of this name, and unpacks its files.
    ///
    /// # Errors
    /// If AWS does not answer, or a file cannot be read or written.
    pub(crate) async fn read(variables: &Environment, name: &str) -> Result<Self, Failure> {
        let account = Account::new(variables).await?;
        let stack = Deployed::read(&account, name).await?;
        let mut parameters = Parameters::default();
        for name in NAMES {
            match stack.parameter(name) {
                "" => {}
                value => parameters.set(name, value)?,
            }
        }
        let lambda = Lambda::new(&account.sdk);
        let (functions, _) = functions::read(&lambda, &stack).await;
        let files = files_of(&lambda, &outbound::client()?, &functions).await?;
        let directory = tempfile::tempdir().map_err(|error| unwritten(&error))?;
        for (name, content) in files {
            let file = directory.path().join(&name);
            let folder = file.parent().unwrap_or(directory.path());
            std::fs::create_dir_all(folder).map_err(|error| unwritten(&error))?;
            std::fs::write(&file, content).map_err(|error| unwritten(&error))?;
        }
        Ok(Self {
            parameters,
            directory,
        })
    }

    /// Where the files are.
    pub(crate) fn directory(&self) -> &Path {
        self.directory.path()
    }
}

fn unwritten(error: &std::io::Error) -> Failure {
    Failure::wrong(format!(
        "the deployed files cannot be written to the temporary directory: {error}"
    ))
}
