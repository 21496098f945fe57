//! A started function process, and the kernel's figures about it. Linux only, as Lambda is.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::Instant;

use crate::Failure;

/// A running function; it ends with this value.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    log: PathBuf,
    /// When it was started.
    pub(crate) started: Instant,
}

impl Process {
    /// Starts a function whose output goes to a file, as Lambda takes it away without making the function wait.
    pub(crate) fn start(mut command: Command, log: &Path) -> Result<Self, Failure> {
        let output = File::create(log)?;
        command.stdout(output.try_clone()?).stderr(output);
        let started = Instant::now();
        let child = command.spawn().map_err(|error| {
            format!(
                "{} cannot be started: {error}",
                command.get_program().display()
            )
        })?;
        Ok(Self {
            child,
            log: log.to_owned(),
            started,
        })
    }

    /// The CPU time of its threads so far, in nanoseconds: the first number of each `schedstat`.
    pub(crate) fn cpu_ns(&self) -> Result<u64, Failure> {
        let mut total = 0;
        for thread in fs::read_dir(format!("/proc/{}/task", self.child.id()))? {
            let text = fs::read_to_string(thread?.path().join("schedstat"))?;
            total += text.split(' ').next().unwrap_or_default().parse::<u64>()?;
        }
        Ok(total)
    }

    /// The most memory that it had, in KiB: `VmHWM`.
    pub(crate) fn peak_kib(&self) -> Result<u64, Failure> {
        let text = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix("VmHWM:"))
            .ok_or("no VmHWM")?;
        Ok(line.trim().trim_end_matches(" kB").parse()?)
    }

    /// How many bytes it has logged.
    pub(crate) fn logged(&self) -> Result<u64, Failure> {
        Ok(fs::metadata(&self.log)?.len())
    }

    /// The end of its log, for an error.
    pub(crate) fn last_words(&self) -> String {
        let text = fs::read_to_string(&self.log).unwrap_or_default();
        text.lines().rev().take(5).collect::<Vec<_>>().join("\n")
    }
}

/// The CPU time of the children of a process that have ended and been waited for, with theirs, in milliseconds; by its id, or `self`.
/// The kernel tells it in hundredths of a second, so that only the sum of many is exact.
pub(crate) fn reaped_cpu_ms(process: &str) -> Result<f64, Failure> {
    let text = fs::read_to_string(format!("/proc/{process}/stat"))?;
    // The name in the second field can hold blanks and brackets; `cutime` and `cstime` are the fields 16 and 17.
    let (_, after_name) = text.rsplit_once(')').ok_or("no name in stat")?;
    let ticks: Vec<u64> = after_name
        .split_whitespace()
        .skip(13)
        .take(2)
        .map(str::parse)
        .collect::<Result<_, _>>()?;
    Ok(ticks.iter().sum::<u64>() as f64 * 10.0)
}

/// Keeps this program, and what it starts from now on, on one core: what a request costs depends on whether it wakes another core, and
/// two programs are only comparable where both do or neither does. False where `taskset` (util-linux) is not there.
pub(crate) fn stay_on_one_core() -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let allowed = status
        .lines()
        .find_map(|line| line.strip_prefix("Cpus_allowed_list:"))
        .unwrap_or_default();
    let first: String = allowed
        .trim()
        .chars()
        .take_while(char::is_ascii_digit)
        .collect();
    let mut command = Command::new("taskset");
    command.args([
        "--all-tasks",
        "--cpu-list",
        "--pid",
        &first,
        &std::process::id().to_string(),
    ]);
    command.output().is_ok_and(|output| output.status.success())
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
