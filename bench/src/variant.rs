//! Variants that are measured: programs that do the job, or a part of it.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::analyzer_scene::AnalyzerScene;
use crate::canned_aws::Table;
use crate::event::Strange;

/// A program and the scene in which it is measured.
#[derive(Debug, Clone)]
pub(crate) struct Variant {
    /// Its name in the table and the report.
    pub(crate) name: &'static str,
    /// The program and its arguments.
    pub(crate) command: Vec<PathBuf>,
    /// The file that Lambda gets, where it gets one.
    pub(crate) package: Option<PathBuf>,
    /// Variables beside those that all have.
    pub(crate) variables: Vec<(&'static str, String)>,
    /// What is in the table.
    pub(crate) table: Table,
    /// After which operations the connection ends, because the next one goes to another host of AWS.
    pub(crate) closing: &'static [&'static str],
    /// What the answer has to hold.
    pub(crate) proof: Proof,
    /// Its event, where that is not the sample of a delivery.
    pub(crate) event: Option<String>,
}

/// How an answer shows that the job was done.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Proof {
    /// It is a 200 with this in its body.
    Body(&'static str),
    /// It is a 401.
    Refused,
    /// No message of the batch comes back.
    NothingComesBack,
    /// It says that a step's command ended with status 0.
    StepSucceeded,
}

/// The outcome of an alert that joins an open episode.
const JOINED: &str = r#""outcome":"joined""#;

/// The variables of ingress as `template.yaml` sets them; the other programs take what they know.
const VARIABLES: [(&str, &str); 23] = [
    ("AWS_REGION", "us-east-1"),
    ("AWS_DEFAULT_REGION", "us-east-1"),
    ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"),
    ("AWS_SECRET_ACCESS_KEY", "example"),
    ("AWS_SESSION_TOKEN", "example"),
    ("ENVIRONMENT", "prod"),
    ("TABLE_NAME", "bench"),
    (
        "INCIDENTS_QUEUE_URL",
        "https://sqs.us-east-1.amazonaws.com/123456789012/incidents",
    ),
    (
        "NOTIFICATIONS_QUEUE_URL",
        "https://sqs.us-east-1.amazonaws.com/123456789012/notifications",
    ),
    (
        "SIGNALS_QUEUE_URL",
        "https://sqs.us-east-1.amazonaws.com/123456789012/signals",
    ),
    (
        "REPAIRS_QUEUE_URL",
        "https://sqs.us-east-1.amazonaws.com/123456789012/repairs.fifo",
    ),
    (
        "WEBHOOK_SECRET_ID",
        "arn:aws:secretsmanager:us-east-1:123456789012:secret:webhook",
    ),
    (
        "ALERTMANAGER_SECRET_ID",
        "arn:aws:secretsmanager:us-east-1:123456789012:secret:alertmanager",
    ),
    ("CONTROL_TABLE_NAME", "bench-control"),
    // Of builds before people had tokens of their own.
    (
        "APPROVAL_SECRET_ID",
        "arn:aws:secretsmanager:us-east-1:123456789012:secret:approval",
    ),
    (
        "TELEGRAM_WEBHOOK_SECRET_ID",
        "arn:aws:secretsmanager:us-east-1:123456789012:secret:telegram",
    ),
    (
        "SLACK_SIGNING_SECRET_ID",
        "quell/inbound/slack-signing-secret",
    ),
    (
        "PAGERDUTY_WEBHOOK_SECRET_ID",
        "quell/inbound/pagerduty-webhook-secret",
    ),
    (
        "PEOPLE_REPAIR_KEY_ID",
        "arn:aws:secretsmanager:us-east-1:123456789012:secret:people-repair",
    ),
    (
        "PEOPLE_BRIDGE_KEY_ID",
        "arn:aws:secretsmanager:us-east-1:123456789012:secret:people-bridge",
    ),
    (
        "GUARDRAILS_REPAIR_KEY_ID",
        "arn:aws:secretsmanager:us-east-1:123456789012:secret:guardrails-repair",
    ),
    (
        "GUARDRAILS_BRIDGE_KEY_ID",
        "arn:aws:secretsmanager:us-east-1:123456789012:secret:guardrails-bridge",
    ),
    (
        "CONFIG_DIR",
        concat!(env!("CARGO_MANIFEST_DIR"), "/../config"),
    ),
];

/// What Lambda sets for its own runtime.
const OF_LAMBDA: [(&str, &str); 6] = [
    ("AWS_LAMBDA_FUNCTION_NAME", "bench"),
    ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
    ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256"),
    ("AWS_LAMBDA_LOG_GROUP_NAME", "bench"),
    ("AWS_LAMBDA_LOG_STREAM_NAME", "bench"),
    ("PATH", "/usr/bin:/bin"),
];

impl Variant {
    /// The command that starts it, with an environment that holds nothing of this process's own.
    pub(crate) fn start(&self, runtime_api: &str, endpoint_url: &str, roots: &Path) -> Command {
        let mut command = Command::new(&self.command[0]);
        command
            .args(&self.command[1..])
            .env_clear()
            .envs(VARIABLES)
            .envs(OF_LAMBDA)
            .envs(self.variables.iter().map(|(name, value)| (name, value)));
        command
            .env("AWS_LAMBDA_RUNTIME_API", runtime_api)
            .env("AWS_ENDPOINT_URL", endpoint_url)
            .env("AWS_CA_BUNDLE", roots);
        // Node.js knows no `AWS_CA_BUNDLE`.
        command.env("NODE_EXTRA_CA_CERTS", roots);
        command.stdin(Stdio::null());
        command
    }
}

/// All of them. Rivals are left out where what they need is not there.
pub(crate) fn all(
    project: &Path,
    binaries: &Path,
    node_door: &Path,
    analyzer: &AnalyzerScene,
    strange: &Strange,
) -> Vec<Variant> {
    let variant = |name, command: &[PathBuf], package: Option<&Path>, closing, proof| Variant {
        name,
        command: command.to_vec(),
        package: package.map(Path::to_owned),
        variables: Vec::new(),
        table: Table::Episode,
        closing,
        proof: Proof::Body(proof),
        event: None,
    };
    let binary = |name, program: &str, closing, proof| {
        let file = binaries.join(program);
        variant(
            name,
            std::slice::from_ref(&file),
            Some(&file),
            closing,
            proof,
        )
    };
    let forged = |name, event: &String| Variant {
        proof: Proof::Refused,
        event: Some(event.clone()),
        variables: ["REQUIRE_SIGNATURE_TIMESTAMP", "REQUIRE_SIGNED_ROUTE"]
            .map(|name| (name, "false".to_owned()))
            .into(),
        ..binary(name, "ingress", &["GetSecretValue"], "")
    };
    let mut variants = vec![
        binary("bare", "bare-hello", &[], "hello"),
        Variant {
            event: Some(strange.signed_5mb.clone()),
            ..binary("bare-5mb", "bare-hello", &[], "hello")
        },
        Variant {
            event: Some(strange.signed_5mb.clone()),
            ..binary("bare-http-5mb", "bare-http", &[], "hello")
        },
        binary("door", "minimal-door", &["UpdateItem"], "counted"),
        binary("join", "ingress", &["GetSecretValue"], JOINED),
        Variant {
            variables: vec![("INTERNAL_CIDRS", "203.0.113.0/24".to_owned())],
            ..binary("join-internal", "ingress", &[], JOINED)
        },
        Variant {
            table: Table::Empty,
            ..binary(
                "open",
                "ingress",
                &["GetSecretValue", "TransactWriteItems"],
                r#""outcome":"opened""#,
            )
        },
        Variant {
            proof: Proof::Refused,
            event: Some(strange.token.clone()),
            ..binary("refuse", "ingress", &["GetSecretValue"], "")
        },
        forged("refuse-signed", &strange.signed),
        forged("refuse-256kb-alert", &strange.signed_256kb),
        forged("refuse-5mb", &strange.signed_5mb),
        forged("refuse-5mb-alert", &strange.alert_5mb),
        Variant {
            table: Table::Incident,
            variables: analyzer.variables(),
            event: Some(analyzer.event.clone()),
            proof: Proof::NothingComesBack,
            ..binary("analyse", "analyzer", &[], "")
        },
    ];
    // The clients of the rivals have connections of their own: nothing needs to be closed. What Python needs is in Lambda or in a layer,
    // so that it has no package of its own worth telling.
    let python = project.join(".venv/bin/python");
    for (name, module, script) in [
        ("python-join", "boto3", "door.py"),
        (
            "powertools-join",
            "aws_lambda_powertools",
            "powertools_door.py",
        ),
    ] {
        if said(Command::new(&python).args(["-c", &format!("import {module}")])).is_some() {
            variants.push(variant(
                name,
                &[python.clone(), project.join("bench/python").join(script)],
                None,
                &[],
                "joined",
            ));
        }
    }
    if let Some(node) = said(Command::new("node").args(["--print", "process.execPath"]))
        .filter(|_| node_door.exists())
    {
        variants.push(variant(
            "node-join",
            &[PathBuf::from(node), node_door.to_owned()],
            Some(node_door),
            &[],
            "joined",
        ));
    }
    variants
}

/// What a command says, if it can be run and succeeds.
fn said(command: &mut Command) -> Option<String> {
    let output = command
        .stderr(Stdio::null())
        .output()
        .ok()
        .filter(|output| output.status.success())?;
    Some(String::from_utf8(output.stdout).ok()?.trim().to_owned())
}
