//! Boxes that SSM Run Command reaches: containers of a real Docker engine behind the emulator, with
//! `quell-guard` in them.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write as _};
use std::process::Command;

use serde::Deserialize;
use tempfile::TempDir;

use crate::stack::{Stack, project};

/// Some boxes of one image. They are gone when the test is.
#[derive(Debug, Deserialize)]
pub struct Boxes {
    image: String,
    pub instances: Vec<String>,
}

/// True if there is a Docker engine. If not, the test says on standard error what to install; in CI it fails instead.
///
/// # Panics
/// If there is none and `CI` is set.
#[must_use]
pub fn engine() -> bool {
    let answers = Command::new("docker")
        .arg("version")
        .output()
        .is_ok_and(|done| done.status.success());
    if !answers {
        let note = "no Docker engine answers: install docker.io and start dockerd to run steps through SSM in real boxes";
        assert!(std::env::var_os("CI").is_none(), "{note}");
        let _ = writeln!(io::stderr(), "skipped: {note}");
    }
    answers
}

impl Boxes {
    /// Starts boxes with these tags, whose guard allows these lines.
    ///
    /// # Panics
    /// If they do not start.
    #[must_use]
    pub fn start(stack: &Stack, tags: &BTreeMap<&str, &str>, lines: &str, count: usize) -> Self {
        let directory = TempDir::new().expect("a directory");
        let allowed = directory.path().join("allowed");
        fs::write(&allowed, lines).expect("written");
        let mut command = Command::new(project().join(".venv/bin/python"));
        command
            .args([
                "-m",
                "infra.local",
                "ssm-boxes",
                "--endpoint",
                &stack.facts.endpoint_url,
                "--allow",
            ])
            .arg(allowed);
        command.args(["--count", &count.to_string()]).args(
            tags.iter()
                .map(|(name, value)| format!("--tag={name}={value}")),
        );
        let made = command
            .current_dir(project())
            .output()
            .expect("python starts");
        assert!(
            made.status.success(),
            "{}",
            String::from_utf8_lossy(&made.stderr)
        );
        serde_json::from_slice(&made.stdout).expect("the line that it prints")
    }

    /// Takes the power from a box.
    ///
    /// # Panics
    /// If there is no such box.
    pub fn switch_off(&self, instance: &str) {
        let containers = containers(&format!("label=instance_id={instance}"));
        assert_eq!(containers.len(), 1, "{instance}: {containers:?}");
        remove(&containers);
    }
}

impl Drop for Boxes {
    fn drop(&mut self) {
        remove(&containers(&format!("ancestor={}", self.image)));
        let _ = Command::new("docker").args(["rmi", &self.image]).output();
    }
}

fn containers(filter: &str) -> Vec<String> {
    let listed = Command::new("docker")
        .args(["ps", "--all", "--quiet", "--filter", filter])
        .output();
    listed
        .map(|done| {
            String::from_utf8_lossy(&done.stdout)
                .lines()
                .map(str::to_owned)
                .collect()
        })
        .unwrap_or_default()
}

fn remove(containers: &[String]) {
    if !containers.is_empty() {
        let _ = Command::new("docker")
            .args(["rm", "--force"])
            .args(containers)
            .output();
    }
}
