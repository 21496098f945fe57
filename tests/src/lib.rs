//! The harness of the stories: what they run against.

pub mod alert;
pub mod alertmanager;
pub mod analysing;
pub mod answer;
pub mod bridging;
pub mod chats;
pub mod faulty_aws;
pub mod hostile;
pub mod http;
pub mod http_door;
pub mod in_process;
pub mod model_server;
pub mod namespace;
pub mod opened;
pub mod own_queue;
pub mod prometheus;
pub mod repairing;
pub mod runtime;
pub mod sam;
pub mod simulated;
pub mod slack;
pub mod ssm_boxes;
pub mod stack;
pub mod target_host;
pub mod webhook_receiver;
pub mod workshop;
