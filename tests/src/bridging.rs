//! Bridge in this process, and its hosts: shared by the tests of steps over SSH.

use std::fs;
use std::path::Path;
use std::time::Duration;

use aws::AwsEnvironment;
use bridge::App;
use bridge::ssh::login_key::LoginKey;
use bridge::ssm::RunCommand;
use domain::incident::repair::StepOutcome;
use playbook_files::operator_files::{OperatorFiles, PLAYBOOKS, SERVICE_REGISTRY};
use secrecy::SecretString;
use serde_json::{Value, json};
use settings::variables::Variables;
use tokio::time::sleep;
use wire::bridge::BridgeReply;

use crate::roles::ATTEMPT;
use crate::stack::Stack;
use crate::target_host::TargetHost;

/// The document of a deployed stack that runs a step.
pub const DOCUMENT: &str = "quell-RunStep";

/// What an sshd in the field runs instead of the command that it was asked for, to choose the directory and the path.
pub const FORCED: &str = r#"exec /bin/sh -c "$SSH_ORIGINAL_COMMAND""#;

/// A bridge for the files as an operator would write them, which lie on the host: one playbook with these steps, whose parameter
/// takes anything and is empty in the registry, and the service `web` at this target.
///
/// # Panics
/// If the files are wrong.
#[must_use]
pub fn bridge(host: &TargetHost, target: &Value, login_key: String, steps: &Value) -> App {
    bridge_with(
        host,
        &[("web", target.clone())],
        LoginKey::Given(SecretString::from(login_key)),
        "(?s).*",
        steps,
    )
}

/// The same with this value of the parameter in the registry, which can be one that no YAML file can hold.
///
/// # Panics
/// If the playbook or the service is wrong.
#[must_use]
pub fn bridge_valued(host: &TargetHost, pattern: &str, steps: &Value, value: &str) -> App {
    let files = OperatorFiles {
        playbooks: serde_json::from_value(json!([playbook(pattern, steps)])).expect("a playbook"),
        services: serde_json::from_value(json!([service("web", &host.target(), value)]))
            .expect("a service"),
    };
    App::for_operator(files, LoginKey::Given(SecretString::from(host.login_key())))
}

fn playbook(pattern: &str, steps: &Value) -> Value {
    json!({
        "id": "repair", "name": "Repair", "match": { "alertnames": ["Down"] }, "risk": "low",
        "parameters": { "value": { "from": "service.facts.value", "pattern": pattern } },
        "steps": steps,
    })
}

fn service(name: &str, target: &Value, value: &str) -> Value {
    json!({ "name": name, "level": "approval", "facts": { "value": value }, "target": target })
}

/// The same with any services, any source of the key and any pattern of the parameter `value`.
///
/// # Panics
/// If the files are wrong.
#[must_use]
pub fn bridge_with(
    host: &TargetHost,
    targets: &[(&str, Value)],
    key: LoginKey,
    pattern: &str,
    steps: &Value,
) -> App {
    let playbooks = json!([playbook(pattern, steps)]);
    let services: Vec<Value> = targets
        .iter()
        .map(|(name, target)| service(name, target, ""))
        .collect();
    // JSON is YAML.
    fs::write(host.path(PLAYBOOKS), playbooks.to_string()).expect("playbooks");
    fs::write(host.path(SERVICE_REGISTRY), json!(services).to_string()).expect("services");
    let files = OperatorFiles::load(host.path(PLAYBOOKS).parent().expect("a directory"))
        .expect("the files are right");
    App::for_operator(files, key)
}

/// Run Command of a stack, as the bridge has it: with its role, and a session for each step.
///
/// # Panics
/// If the bridge is not deployed.
pub async fn run_command_of(stack: &Stack) -> RunCommand {
    let role = run_command_role(stack).await;
    let bridge = stack.stolen("Bridge").await;
    RunCommand::new(&bridge, ATTEMPT, DOCUMENT.to_owned()).with_role(role)
}

/// The role that the bridge assumes to send a command.
///
/// # Panics
/// If the bridge is not deployed.
pub async fn run_command_role(stack: &Stack) -> String {
    let name = &stack.facts.outputs["BridgeFunctionName"];
    let lambda = aws_sdk_lambda::Client::new(&stack.aws());
    let asked = lambda.get_function_configuration().function_name(name);
    let deployed = asked.send().await.expect("it is deployed");
    let variables = deployed.environment.and_then(|found| found.variables);
    variables.expect("variables")["SSM_ROLE_ARN"].clone()
}

/// Run Command at an endpoint.
///
/// # Panics
/// Never: everything that is needed is given.
#[must_use]
pub fn run_command(endpoint_url: &str) -> RunCommand {
    let variables = Variables::from_fn(|name| match name {
        "AWS_ENDPOINT_URL" => Some(endpoint_url.to_owned()),
        "AWS_REGION" => Some("us-east-1".to_owned()),
        // The emulator's root user, who may do everything.
        "AWS_ACCESS_KEY_ID" | "AWS_SECRET_ACCESS_KEY" => Some("test".to_owned()),
        _ => None,
    });
    let aws = AwsEnvironment::from_variables(&variables).expect("a region and credentials");
    RunCommand::new(&aws, Duration::from_secs(10), "quell-RunStep".to_owned())
}

/// Runs a step on `web`.
pub async fn run(app: &App, step: usize, value: &str) -> BridgeReply {
    run_on(app, "web", step, value).await
}

/// Runs a step on a service.
pub async fn run_on(app: &App, service: &str, step: usize, value: &str) -> BridgeReply {
    let request = json!({
        "v": 2, "incident_id": "01JH2V5C8Z4N6QW9X3T7RB0KDM", "playbook": "repair", "phase": "steps", "step": step,
        "parameters": { "value": value }, "target": service,
    });
    app.answer(request).await
}

/// Says "begun", and sleeps until it is killed. The file `mark` tells that it is there, and later than its word: SSH has no
/// receipt for output, and what stops a connection or a bastion must not overtake it.
pub const SLEEPER: &str = "echo begun; sleep 2; echo $$ > $0; exec sleep 60";

/// Runs a script as a step's only command, with `$0` being the path of `mark` on the host.
pub async fn run_script(host: &TargetHost, script: &str, timeout: &str) -> BridgeReply {
    run_script_at(host, &host.target(), script, timeout).await
}

/// The same where the host is reached in this way.
pub async fn run_script_at(
    host: &TargetHost,
    target: &Value,
    script: &str,
    timeout: &str,
) -> BridgeReply {
    let steps = json!([{ "run": ["sh", "-c", script, host.path("mark")], "timeout": timeout }]);
    run(&bridge(host, target, host.login_key(), &steps), 0, "").await
}

/// The number in a file that a command on the host writes.
///
/// # Panics
/// If none is written within five seconds.
pub async fn written(file: &Path) -> u32 {
    for _ in 0..500 {
        if let Some(number) = fs::read_to_string(file)
            .ok()
            .and_then(|text| text.trim().parse().ok())
        {
            return number;
        }
        sleep(Duration::from_millis(10)).await;
    }
    panic!("{} was not written", file.display());
}

/// Waits until the host has no process left, as it is once a connection is closed on both ends.
///
/// # Panics
/// If that takes longer than five seconds.
pub async fn quiet(host: &TargetHost) {
    for _ in 0..500 {
        if host.processes().is_empty() {
            return;
        }
        sleep(Duration::from_millis(10)).await;
    }
    panic!("still running: {:?}\n{}", host.processes(), host.log());
}

/// Checks that the command ran and ended with this status.
///
/// # Panics
/// If it did not.
pub fn assert_exited(reply: &BridgeReply, status: u32) {
    assert_eq!(
        (reply.result.outcome, reply.result.exit_status),
        (StepOutcome::Exited, Some(status)),
        "{reply:?}"
    );
    assert_eq!(reply.result.succeeded(), status == 0);
}

/// Checks that no command was sent, and that people are told why.
///
/// # Panics
/// If one was, or they are not.
pub fn assert_nothing_ran(reply: &BridgeReply, outcome: StepOutcome, told: &str) {
    assert_eq!(reply.result.outcome, outcome, "{reply:?}");
    assert!(
        reply.result.detail.to_string().starts_with("Nothing ran: ")
            && reply.result.detail.to_string().contains(told),
        "{told}: {reply:?}"
    );
    assert!(
        reply.argv.is_empty() && reply.result.exit_status.is_none() && !reply.result.succeeded(),
        "{reply:?}"
    );
}

/// The most memory that this process ever held, in KiB. nextest gives every test a process of its own.
///
/// # Panics
/// Without Linux.
#[must_use]
pub fn peak_memory() -> u64 {
    let status = fs::read_to_string("/proc/self/status").expect("/proc");
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .expect("VmHWM");
    line.trim()
        .trim_end_matches(" kB")
        .parse()
        .expect("a number")
}
