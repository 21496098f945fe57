//! `make bench`: starts ingress and its baselines many times under a small host of Lambda's runtime
//! API, with canned answers of AWS over TLS, and reports the cost of a cold start, a warm alert and
//! a million alerts. docs/performance.md describes the method.

mod analyzer_scene;
mod arguments;
mod baseline;
mod canned_aws;
mod event;
mod growth;
mod http;
mod machine;
mod measure;
mod package;
mod prices;
mod process;
mod programs;
mod quantile;
mod ratio;
mod report;
mod runtime_api;
mod servers;
mod ssh_host;
mod ssh_step;
mod variant;

use std::error::Error;
use std::path::Path;
use std::process::ExitCode;

use analyzer_scene::AnalyzerScene;
use arguments::Arguments;
use canned_aws::CannedAws;
use clap::Parser as _;
use measure::{Place, Samples};
use prices::PriceList;
use report::{Measured, Report};
use runtime_api::RuntimeApi;
use variant::Variant;

/// Why there are no figures.
type Failure = Box<dyn Error + Send + Sync>;

/// Deliveries of so many alerts.
const MANY: [usize; 3] = [100, 1_000, 10_000];

#[expect(
    clippy::print_stderr,
    reason = "this is where people look for what went wrong"
)]
fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Failure> {
    let project = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("..")
        .canonicalize()?;
    let program = std::env::current_exe()?;
    let built = program.parent().ok_or("the bench is in no directory")?;
    let arguments = Arguments::parse();
    let (starts, binaries) = (
        arguments.starts.get(),
        arguments.binaries.as_deref().unwrap_or(built),
    );
    // Before minutes are spent.
    let prices = PriceList::read(&arguments.prices)?;
    let directory = built
        .parent()
        .ok_or("the bench is in no target directory")?
        .join("bench");
    std::fs::create_dir_all(&directory)?;

    let (load, cores) = (machine::load(), machine::cores());
    let (runtime_api, aws) = (RuntimeApi::start()?, CannedAws::start(&directory)?);
    let place = Place {
        runtime_api: &runtime_api,
        aws: &aws,
        directory: &directory,
    };
    let sample = event::sample(&project)?;
    let event = sample.to_string();
    let programs = programs::copied(binaries, directory.join("programs"))?;
    let analyzer = AnalyzerScene::make(&project, &directory, &aws.url, &aws.roots)?;
    aws.holds(analyzer.item.clone());
    let mut variants = variant::all(
        &project,
        &programs,
        &directory.join("node/door.js"),
        &analyzer,
        &event::strange(&sample)?,
    );
    if let Some(baseline) = &arguments.baseline {
        let program = baseline::program(baseline, &directory)?;
        baseline::add(&mut variants, &program);
    }
    let event_of = |variant: &Variant| variant.event.clone().unwrap_or_else(|| event.clone());

    // The first start of each fills the page cache and is not counted.
    for variant in &variants {
        place.measure(variant, &event_of(variant), 1, &mut Samples::default())?;
    }
    let warm = arguments.warm.get().div_ceil(starts);
    let mut samples: Vec<Samples> = variants.iter().map(|_| Samples::default()).collect();
    // In turns, so that what else the machine does falls on all of them; every other time in the opposite order.
    for turn in 0..starts {
        for at in order(variants.len(), turn) {
            let variant = &variants[at];
            place.measure(variant, &event_of(variant), 0, &mut samples[at])?;
        }
    }
    let events = MANY
        .into_iter()
        .map(|count| Ok((count, event::many(&sample, 0..count)?)))
        .collect::<Result<Vec<_>, Failure>>()?;
    let named = |name| {
        variants
            .iter()
            .find(|variant: &&Variant| variant.name == name)
            .ok_or("ingress is measured")
    };
    let (join, open) = (named("join")?, named("open")?);
    let deliveries = place.deliveries(join, &event, &events)?;
    // On all cores, because a client and its host are two machines. A step takes longer than an alert by far: a tenth of them will do.
    let ssh_steps = match ssh_host::missing() {
        Some(package) => Err(package),
        None => Ok(place.ssh_steps(&programs, starts, arguments.warm.get().div_ceil(10))?),
    };
    // From here on there is no way back.
    let one_core = process::stay_on_one_core();
    for turn in 0..starts {
        for at in order(variants.len(), turn) {
            let variant = &variants[at];
            let mut on_one_core = Samples::default();
            place.measure(variant, &event_of(variant), warm, &mut on_one_core)?;
            samples[at].take_warm(on_one_core);
        }
    }
    let growth = place.growth(join, open, &sample)?;

    let each: Vec<_> = variants.iter().zip(&samples).collect();
    let paired = baseline::ratios(&each);
    let functions = package::functions(&project, binaries);
    let measured = variants
        .iter()
        .zip(samples)
        .map(|(variant, samples)| Measured::new(variant, &samples, &project))
        .collect();
    let report = Report {
        starts,
        warm: warm * starts,
        load,
        cores,
        measured,
        paired,
        deliveries,
        growth,
        ssh_steps,
        one_core,
        functions,
        prices,
    };
    report.print();
    report.write(&directory.join("report.json"))?;
    Ok(())
}

/// The order of a turn, so that nothing is always measured right after the same program.
fn order(count: usize, turn: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..count).collect();
    if turn % 2 == 1 {
        order.reverse();
    }
    order
}
