//! Copies of the programs, which are what is measured.

use std::fs;
use std::path::{Path, PathBuf};

use crate::Failure;

/// The programs that are measured, as cargo names them.
const PROGRAMS: [&str; 6] = [
    "bare-hello",
    "bare-http",
    "minimal-door",
    "ingress",
    "analyzer",
    "bridge",
];

/// Copies those programs that are there into a directory of their own, and gives the directory.
///
/// # Errors
/// If one cannot be copied.
pub(crate) fn copied(binaries: &Path, directory: PathBuf) -> Result<PathBuf, Failure> {
    // Without those of another build.
    if directory.exists() {
        fs::remove_dir_all(&directory)?;
    }
    fs::create_dir_all(&directory)?;
    for program in PROGRAMS {
        let built = binaries.join(program);
        if built.exists() {
            copy(&built, &directory.join(program))?;
        }
    }
    Ok(directory)
}

/// Copies a program, and gives the copy.
///
/// What the linker has just written lies in the page cache in smaller pieces than what was copied, or read from a disk. A start from there has more
/// page faults and takes 8 % longer: of two builds, one would be measured with that and the other without.
///
/// # Errors
/// If it cannot be copied.
pub(crate) fn copy(built: &Path, copy: &Path) -> Result<PathBuf, Failure> {
    fs::copy(built, copy)
        .map_err(|error| format!("{} cannot be copied: {error}", built.display()))?;
    Ok(copy.to_owned())
}
