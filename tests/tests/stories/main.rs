//! Stories: tests of the functions together, on the local stack. One executable, because each would link every crate again.
//! A folder is named after the function whose decisions its stories are about.

mod ingress {
    mod approvals;
    mod bad_input;
    mod chat_commands;
    mod episodes;
    mod ha_pair;
    mod heartbeats;
    mod ingress_secrets;
    mod json_limits;
    mod large_deliveries;
    mod metrics;
    mod openapi;
    mod pagerduty_webhooks;
    mod pipelines;
    mod real_alertmanager;
    mod responders;
    mod signals;
    mod signed_json_limits;
    mod slack_and_links;
    mod who_gets_in;
}

mod console {
    mod acting;
    mod board;
    pub(crate) mod health;
    mod oidc;
    mod quality;
    mod reading;
    mod sessions;
}

mod analyzer {
    mod analysis;
    mod analysis_lease;
    mod bedrock;
    mod budget;
    mod history;
    mod memory;
    mod prometheus_evidence;
    mod reanalysis;
    mod recipes;
    mod storms;
}

mod notifier {
    mod cards_are_true;
    mod channels;
    mod charts;
    mod crowded_chat;
    mod dialogue;
    mod notices;
    mod pictures;
    mod rings;
    mod silences;
    mod telegram_stand_in;
    mod troubles;
    mod what_is_wrong;
}

mod repair {
    mod autonomy;
    mod chaos;
    mod confidence;
    mod interrupted_repairs;
    mod late_repairs;
    mod learning;
    mod long_steps;
    mod not_invoked;
    mod nothing_to_do;
    mod repair_silence;
    mod repairs;
    mod still_firing;
}

mod bridge {
    mod bridge_bastion;
    mod bridge_faults;
    mod bridge_over_ssh;
    mod bridge_over_ssm;
    mod command_injection;
    mod playbook_library;
    mod quell_guard;
}

/// The whole: what is deployed, what an operator runs, and the promises that no one function keeps.
mod system {
    mod aws_rules;
    mod backtest;
    mod broken_files;
    mod doctor;
    mod evidence;
    mod forged_decisions;
    mod main_job;
    mod misbehaving_role;
    mod quell_command;
    mod quell_command_api;
    mod redrive;
    mod retention;
    mod sam_local_invoke;
    mod secrets_stay;
    mod stolen_roles;
    mod storms_and_faults;
    mod template;
}
