//! `quell guard-lines`: the lines that quell-guard on a service's host has to let through.

use std::io::Write;
use std::path::PathBuf;

use clap::Args;
use domain::playbook::service;
use playbook_files::guard_lines::GuardLines;
use playbook_files::operator_files::{OperatorFiles, SERVICE_REGISTRY};

use crate::exit::{Answer, Failure};

#[derive(Debug, Args)]
pub(crate) struct Lines {
    /// The service's name in service-registry.yaml
    service: String,
    /// The directory with the operator's files
    #[arg(long, value_name = "DIR", default_value = "config")]
    config: PathBuf,
}

impl Lines {
    pub(crate) fn answer(self, out: &mut dyn Write) -> Result<Answer, Failure> {
        let files = OperatorFiles::load(&self.config)?;
        let service = service::named(&files.services, &self.service)
            .ok_or_else(|| no_service(&files, &self.service))?;
        let lines =
            GuardLines::of(&files, service).map_err(|why| Failure::wrong(why.to_string()))?;
        write!(out, "{lines}")?;
        Ok(Answer::Yes)
    }
}

/// Says which services there are.
pub(crate) fn no_service(files: &OperatorFiles, name: &str) -> Failure {
    let known = names(files.services.iter().map(|service| &*service.name));
    Failure::wrong(format!(
        "{SERVICE_REGISTRY} has no service {name}; it has {known}"
    ))
}

/// Names in a row.
pub(crate) fn names<'a>(names: impl Iterator<Item = &'a str>) -> String {
    names.collect::<Vec<_>>().join(", ")
}
