//! `cargo run --release -p protocol-models -- --bound large`: the models within larger bounds.

use std::process::ExitCode;
use std::time::Instant;

use protocol_models::approval::ApprovalModel;
use protocol_models::channel::ChannelModel;
use protocol_models::check::{Bound, Protocol, explore, row};
use protocol_models::claim::ClaimModel;
use protocol_models::episode::EpisodeModel;
use protocol_models::follow_up::FollowUpModel;
use protocol_models::repair::RepairModel;

#[expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "this is where people look for the result"
)]
fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let (bound, only) = match arguments.as_slice() {
        [] => (Bound::Small, None),
        ["--bound", "small", only @ ..] if only.len() < 2 => (Bound::Small, only.first()),
        ["--bound", "large", only @ ..] if only.len() < 2 => (Bound::Large, only.first()),
        _ => {
            eprintln!("usage: models [--bound small|large [MODEL]]");
            return ExitCode::FAILURE;
        }
    };
    println!("| model | states | depth |\n|---|---|---|");
    let all: [(&str, Report); 6] = [
        (EpisodeModel::NAME, report::<EpisodeModel>),
        (ApprovalModel::NAME, report::<ApprovalModel>),
        (ClaimModel::NAME, report::<ClaimModel>),
        (RepairModel::NAME, report::<RepairModel>),
        (ChannelModel::NAME, report::<ChannelModel>),
        (FollowUpModel::NAME, report::<FollowUpModel>),
    ];
    let mut holds = true;
    for (_, report) in all
        .iter()
        .filter(|(name, _)| only.is_none_or(|only| only == name))
    {
        let (text, held) = report(bound);
        println!("{text}");
        holds &= held;
    }
    if holds {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// Explores a model: its row, and whether it holds.
type Report = fn(Bound) -> (String, bool);

/// The row of a model, with the time that it took and what is broken.
fn report<M: Protocol>(bound: Bound) -> (String, bool) {
    let began = Instant::now();
    let explored = explore(M::new(bound));
    let seconds = began.elapsed().as_secs();
    let held = explored.broken.is_empty();
    let broken = if held {
        String::new()
    } else {
        format!("\n{:#?}", explored.broken)
    };
    (format!("{} {seconds} s{broken}", row::<M>(&explored)), held)
}
