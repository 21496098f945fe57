//! `make bench`: starts ingress and its baselines many times under a small host of Lambda's runtime API, with answers of AWS
//! ready over TLS, and reports what a cold start, a warm alert and a million alerts cost. What is measured and how: docs/performance.md.

mod canned_aws;
mod event;
mod http;
mod measure;
mod prices;
mod process;
mod report;
mod runtime_api;
mod variant;

use std::error::Error;
use std::path::{Path, PathBuf};

use canned_aws::CannedAws;
use measure::{Place, Samples};
use report::{Measured, Report};
use runtime_api::RuntimeApi;

/// Why there are no figures.
type Failure = Box<dyn Error + Send + Sync>;

/// How often each program is started, where the arguments do not say.
const COLD_RUNS: usize = 15;
/// How many warm requests each program gets in all its starts.
const WARM_REQUESTS: usize = 300;
/// Deliveries of so many alerts.
const MANY: [usize; 3] = [100, 1_000, 10_000];

/// Arguments: how many cold runs, how many warm requests, where the binaries are.
fn main() -> Result<(), Failure> {
    let project = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize()?;
    let mut arguments = std::env::args().skip(1);
    let runs = arguments.next().map_or(Ok(COLD_RUNS), |text| text.parse())?.max(1);
    let warm = arguments.next().map_or(Ok(WARM_REQUESTS), |text| text.parse())?.div_ceil(runs);
    let binaries = arguments.next().map_or_else(|| project.join("target/release"), PathBuf::from);
    let directory = project.join("target/bench");
    std::fs::create_dir_all(&directory)?;

    let load = report::load();
    let (runtime_api, aws) = (RuntimeApi::start()?, CannedAws::start(&directory)?);
    let place = Place { runtime_api: &runtime_api, aws: &aws, directory: &directory };
    let sample = event::sample(&project)?;
    let event = sample.to_string();
    let variants = variant::all(&project, &binaries);

    // The first start of each fills the page cache and is not counted.
    for variant in &variants {
        place.measure(variant, &event, 1, &mut Samples::default())?;
    }
    let mut samples: Vec<Samples> = variants.iter().map(|_| Samples::default()).collect();
    // In turns, so that what else the machine does falls on all of them.
    for _ in 0..runs {
        for (variant, samples) in variants.iter().zip(&mut samples) {
            place.measure(variant, &event, warm, samples)?;
        }
    }
    let events = MANY.into_iter().map(|count| Ok((count, event::many(&sample, count)?))).collect::<Result<Vec<_>, Failure>>()?;
    let ingress = variants.iter().find(|variant| variant.name == "join").ok_or("ingress is measured")?;
    let deliveries = place.deliveries(ingress, &event, &events)?;

    let measured: Vec<Measured> = variants.into_iter().zip(samples).map(|(variant, samples)| Measured::new(&variant, &samples)).collect();
    let report = Report { runs, warm: warm * runs, load, measured, deliveries };
    report.print();
    report.write(&directory.join("report.json"))?;
    Ok(())
}
