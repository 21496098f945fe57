//! Writes the picture of the sample's chart for `infra.local.pictures`: its only argument is the file.

use notifier::render::picture;

#[path = "../tests/samples/mod.rs"]
mod samples;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let file = std::env::args().nth(1).ok_or("name the file")?;
    let svg = picture::svg(&samples::charted().incident, None).ok_or("the sample has no chart")?;
    Ok(std::fs::write(file, picture::png(&svg)?)?)
}
