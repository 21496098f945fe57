//! The two files of an operator, `playbooks.yaml` and `service-registry.yaml`: read strictly, refused with file, line and field.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde_saphyr::Spanned;

use crate::domain::playbook::Playbook;
use crate::domain::service::Service;
use crate::fault::{Fault, Faults};
use crate::yaml;

/// The name of the file with the playbooks.
pub const PLAYBOOKS: &str = "playbooks.yaml";
/// The name of the file with the services.
pub const SERVICE_REGISTRY: &str = "service-registry.yaml";

/// What the two files say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OperatorFiles {
    /// The playbooks.
    pub playbooks: Vec<Playbook>,
    /// The services.
    pub services: Vec<Service>,
}

impl OperatorFiles {
    /// Reads both files from a directory.
    ///
    /// # Errors
    /// Everything that is wrong with either of them.
    pub fn load(directory: &Path) -> Result<Self, Faults> {
        let playbooks = read(directory.join(PLAYBOOKS), |playbook: &Playbook| (playbook.id.clone(), vec![], playbook.faults()));
        let services =
            read(directory.join(SERVICE_REGISTRY), |service: &Service| (service.name.clone(), service.aliases.clone(), service.faults()));
        match (playbooks, services) {
            (Ok(playbooks), Ok(services)) => Ok(Self { playbooks, services }),
            (playbooks, services) => {
                Err(Faults([playbooks.err(), services.err()].into_iter().flatten().flat_map(|faults| faults.0).collect()))
            }
        }
    }
}

/// A name, the other names, and what is wrong: each a field and a sentence.
type Checked = (String, Vec<String>, Vec<(String, String)>);

fn read<T: DeserializeOwned>(file: PathBuf, check: impl Fn(&T) -> Checked) -> Result<Vec<T>, Faults> {
    let items: Vec<Spanned<T>> = yaml::read(&file, "[]")?;
    let mut faults = Vec::new();
    let mut names: BTreeMap<String, u64> = BTreeMap::new();
    for (index, item) in items.iter().enumerate() {
        let line = item.referenced.line();
        let (name, others, wrong) = check(&item.value);
        let mut fault = |text: String| faults.push(Fault { file: file.clone(), line: Some(line), text });
        for (field, sentence) in wrong {
            fault(format!("[{index}] {name}: {field} {sentence}"));
        }
        for name in std::iter::once(&name).chain(&others) {
            if let Some(first) = names.insert(name.clone(), line) {
                fault(format!("[{index}] the name {name} stands in line {first} already"));
            }
        }
    }
    if faults.is_empty() { Ok(items.into_iter().map(|item| item.value).collect()) } else { Err(Faults(faults)) }
}

#[cfg(test)]
#[path = "operator_files_tests.rs"]
mod tests;
