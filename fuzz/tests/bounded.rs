//! Bounded fuzzing in every test run: all seeds, then mutations of them until a number or the time
//! is reached. It begins with the same number every time, so that a failing run stays failing;
//! `make fuzz` is the one that explores.

use std::io::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::{Duration, Instant};

use fuzz::mutate::{Random, mutated};
use fuzz::{TARGETS, Target};

const MOST_INPUTS: usize = 20_000;
const MOST_TIME: Duration = Duration::from_secs(4);
/// However slow the machine: fewer would not be a run.
const LEAST_INPUTS: usize = 200;

fn run(name: &str) {
    let target = Target::named(name).expect("a target");
    let mut seeds = Vec::new();
    for entry in target.seeds().read_dir().expect("the seeds' directory") {
        let path = entry.expect("a seed").path();
        let bytes = std::fs::read(&path).expect("a seed");
        assert!(
            bytes.len() < 4_096,
            "{} is too large for a seed",
            path.display()
        );
        seeds.push((path, bytes));
    }
    // Directories have no order, runs have.
    seeds.sort();
    assert!(seeds.len() >= 10, "the seeds of {name} are missing");
    for (path, bytes) in &seeds {
        check(target, bytes, &path.display().to_string());
    }
    let large = (target.large)();
    for (i, bytes) in large.iter().enumerate() {
        check(target, bytes, &format!("the large input {i}"));
    }
    let mut random = Random::new(1);
    let begin = Instant::now();
    let mut inputs = 0;
    while inputs < MOST_INPUTS && (inputs < LEAST_INPUTS || begin.elapsed() < MOST_TIME) {
        let (seed, other) = (
            &seeds[random.below(seeds.len())],
            &seeds[random.below(seeds.len())],
        );
        let bytes = mutated(&mut random, &seed.1, &other.1, target.most_bytes);
        check(
            target,
            &bytes,
            &format!("mutation {inputs} of {}", seed.0.display()),
        );
        inputs += 1;
    }
    let line = format!(
        "{name}: {} seeds, {} large inputs, {inputs} mutations, {:.1?}\n",
        seeds.len(),
        large.len(),
        begin.elapsed()
    );
    // Past the capture of `cargo test`, so that the number shows.
    std::io::stderr()
        .write_all(line.as_bytes())
        .expect("a line");
}

/// Checks one input; one that breaks a promise is kept as a file.
fn check(target: &Target, bytes: &[u8], what: &str) {
    if catch_unwind(AssertUnwindSafe(|| (target.check)(bytes))).is_err() {
        let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("fuzz-{}", target.name));
        std::fs::write(&file, bytes).expect("the input is kept");
        panic!(
            "{what} breaks a promise; look at it with: cargo run -p fuzz -- {} {}",
            target.name,
            file.display()
        );
    }
}

#[test]
fn every_target_has_a_test_and_every_directory_a_target() {
    let here = include_str!("bounded.rs");
    for target in &TARGETS {
        assert!(
            here.contains(&format!("run(\"{}\")", target.name)),
            "{} is not run",
            target.name
        );
    }
    let directories = TARGETS[0]
        .seeds()
        .parent()
        .expect("seeds")
        .read_dir()
        .expect("seeds")
        .count();
    assert_eq!(directories, TARGETS.len());
}

#[test]
fn delivery() {
    run("delivery");
}

#[test]
fn signed_alert() {
    run("signed-alert");
}

#[test]
fn signal() {
    run("signal");
}

#[test]
fn signature() {
    run("signature");
}

#[test]
fn credential() {
    run("credential");
}

#[test]
fn ranges() {
    run("ranges");
}

#[test]
fn starts_at() {
    run("starts-at");
}
