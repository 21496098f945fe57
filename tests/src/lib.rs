//! Test harness: fixtures, stand-ins and the local stack.

pub mod alert;
pub mod alertmanager;
pub mod analysing;
pub mod answer;
pub mod bridging;
pub mod chats;
pub mod faulty_aws;
pub mod hostile;
pub mod http_door;
pub mod in_process;
pub mod isolated_ingress;
pub mod late_ssm;
pub mod model_server;
pub mod namespace;
pub mod opened;
pub mod own_queue;
pub mod pagerduty;
pub mod prometheus;
pub mod repair_fixture;
pub mod repairing;
pub mod roles;
pub mod runtime;
pub mod sam;
/// The notifier's own sample incidents.
#[path = "../../functions/notifier/tests/samples/mod.rs"]
pub mod samples;
pub mod secrets;
pub mod simulated;
pub mod skip;
pub mod slack;
pub mod ssm_boxes;
pub mod stack;
pub mod table;
pub mod target_host;
pub mod teams;
pub mod webhook_receiver;
