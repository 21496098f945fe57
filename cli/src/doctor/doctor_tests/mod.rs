//! Tests of the doctor: a good set-up has no finding but `ok`, and each broken one is named with its cause and its mend.

mod api;
mod files;
mod functions;
mod hosts;
mod named;
mod network;
mod queues;
mod secrets;
mod telegram;

use std::collections::BTreeSet;

use self::api::an_api_that_is_none_or_another_version;
use self::files::{files_that_differ_from_the_deployed_ones, models_that_may_not_be_used};
use self::functions::{
    concurrency_that_keeps_alerts_out, functions_that_cannot_run,
    loops_that_aws_stops_or_nobody_stops,
};
use self::hosts::{hosts_that_run_command_does_not_reach, hosts_with_another_key};
use self::network::subnets_without_a_way_out;
use self::queues::{event_sources_that_deliver_nothing, messages_that_were_given_up_or_wait};
use self::secrets::{a_prefix_that_reaches_the_secrets_of_presses, secrets_without_a_value};
use self::telegram::a_bot_that_hears_nothing;

use super::alertmanager;

/// Broken set-ups by what is examined, each beside a good one in which nothing is found.
const GROUPS: [fn() -> Vec<String>; 14] = [
    functions_that_cannot_run,
    concurrency_that_keeps_alerts_out,
    loops_that_aws_stops_or_nobody_stops,
    event_sources_that_deliver_nothing,
    messages_that_were_given_up_or_wait,
    secrets_without_a_value,
    a_prefix_that_reaches_the_secrets_of_presses,
    an_api_that_is_none_or_another_version,
    a_bot_that_hears_nothing,
    hosts_that_run_command_does_not_reach,
    hosts_with_another_key,
    subnets_without_a_way_out,
    models_that_may_not_be_used,
    files_that_differ_from_the_deployed_ones,
];

#[test]
fn thirty_broken_set_ups_are_named_with_cause_and_mend() {
    let all: Vec<String> = GROUPS.iter().flat_map(|group| group()).collect();
    let different: BTreeSet<&String> = all.iter().collect();
    assert_eq!(different.len(), all.len(), "a name occurs twice: {all:#?}");
    assert!(all.len() >= 30, "{all:#?}");
}

#[test]
fn a_file_of_alertmanager_that_is_none_is_a_failure() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("alertmanager.yml");
    std::fs::write(&file, "route: [").expect("written");
    let failed = alertmanager::examine(&file, &alertmanager::Expected::default());
    assert!(failed.is_err_and(|error| error.to_string().contains("alertmanager.yml")));
}
