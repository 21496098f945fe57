//! Deployment packages: programs and their zips. Python's `zipfile` makes the zip, because the SAM
//! CLI makes packages with it: its bytes are those that Lambda gets, and the bench needs no crate
//! for it.

use std::path::Path;
use std::process::{Command, Stdio};

/// A file that Lambda gets in a package of its own.
#[derive(Debug)]
pub(crate) struct Package {
    /// Its name: that of the function.
    pub(crate) name: String,
    /// Its size, in KiB.
    pub(crate) kib: f64,
    /// The size of its zip, in KiB; not a number where there is no virtual environment to make it.
    pub(crate) zip_kib: f64,
}

impl Package {
    /// Measures a file; none when it is not there.
    pub(crate) fn of(name: &str, file: &Path, project: &Path) -> Option<Self> {
        let kib = std::fs::metadata(file).ok()?.len() as f64 / 1024.0;
        let zip_kib = zipped(file, project).map_or(f64::NAN, |bytes| bytes / 1024.0);
        Some(Self {
            name: name.to_owned(),
            kib,
            zip_kib,
        })
    }
}

/// The functions of the project whose binaries are there, by name.
pub(crate) fn functions(project: &Path, binaries: &Path) -> Vec<Package> {
    let entries = std::fs::read_dir(project.join("functions"))
        .into_iter()
        .flatten()
        .flatten();
    let mut names: Vec<String> = entries
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect();
    names.sort();
    names
        .iter()
        .filter_map(|name| Package::of(name, &binaries.join(name), project))
        .collect()
}

fn zipped(file: &Path, project: &Path) -> Option<f64> {
    let mut command = Command::new(project.join(".venv/bin/python"));
    command
        .arg(project.join("bench/python/package_size.py"))
        .arg(file)
        .stderr(Stdio::null());
    String::from_utf8(command.output().ok()?.stdout)
        .ok()?
        .trim()
        .parse()
        .ok()
}
