//! What is measured: programs that do the job, or a part of it.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::canned_aws::Table;

/// A program and the scene in which it is measured.
#[derive(Debug, Clone)]
pub(crate) struct Variant {
    /// Its name in the table and the report.
    pub(crate) name: &'static str,
    /// The program and its arguments.
    pub(crate) command: Vec<PathBuf>,
    /// Variables beside those that all have.
    pub(crate) variables: &'static [(&'static str, &'static str)],
    /// What is in the table.
    pub(crate) table: Table,
    /// After which operations the connection ends, because the next one goes to another host of AWS.
    pub(crate) closing: &'static [&'static str],
    /// What the answer has to hold.
    pub(crate) proof: &'static str,
}

/// The variables of ingress as `template.yaml` sets them; the other programs take what they know.
const VARIABLES: [(&str, &str); 14] = [
    ("AWS_REGION", "us-east-1"),
    ("AWS_DEFAULT_REGION", "us-east-1"),
    ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"),
    ("AWS_SECRET_ACCESS_KEY", "example"),
    ("AWS_SESSION_TOKEN", "example"),
    ("ENVIRONMENT", "prod"),
    ("TABLE_NAME", "bench"),
    ("INCIDENTS_QUEUE_URL", "https://sqs.us-east-1.amazonaws.com/123456789012/incidents"),
    ("NOTIFICATIONS_QUEUE_URL", "https://sqs.us-east-1.amazonaws.com/123456789012/notifications"),
    ("REPAIRS_QUEUE_URL", "https://sqs.us-east-1.amazonaws.com/123456789012/repairs.fifo"),
    ("WEBHOOK_SECRET_ID", "arn:aws:secretsmanager:us-east-1:123456789012:secret:webhook"),
    ("ALERTMANAGER_SECRET_ID", "arn:aws:secretsmanager:us-east-1:123456789012:secret:alertmanager"),
    ("APPROVAL_SECRET_ID", "arn:aws:secretsmanager:us-east-1:123456789012:secret:approval"),
    ("TELEGRAM_WEBHOOK_SECRET_ID", "arn:aws:secretsmanager:us-east-1:123456789012:secret:telegram"),
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
        command.args(&self.command[1..]).env_clear().envs(VARIABLES).envs(OF_LAMBDA).envs(self.variables.iter().copied());
        command.env("AWS_LAMBDA_RUNTIME_API", runtime_api).env("AWS_ENDPOINT_URL", endpoint_url).env("AWS_CA_BUNDLE", roots);
        command.stdin(Stdio::null());
        command
    }
}

/// All of them. Python is left out where the virtual environment has no boto3.
pub(crate) fn all(project: &Path, binaries: &Path) -> Vec<Variant> {
    let variant = |name, program: &str, closing, proof| Variant {
        name,
        command: vec![binaries.join(program)],
        variables: &[],
        table: Table::Episode,
        closing,
        proof,
    };
    let mut variants = vec![
        variant("bare", "bare-hello", &[], "hello"),
        variant("door", "minimal-door", &["UpdateItem"], "counted"),
        variant("join", "ingress", &["GetSecretValue"], r#""outcome":"joined""#),
        Variant { variables: &[("INTERNAL_CIDRS", "203.0.113.0/24")], ..variant("join-internal", "ingress", &[], r#""outcome":"joined""#) },
        Variant { table: Table::Empty, ..variant("open", "ingress", &["GetSecretValue", "TransactWriteItems"], r#""outcome":"opened""#) },
    ];
    let python = project.join(".venv/bin/python");
    if Command::new(&python).args(["-c", "import boto3"]).stderr(Stdio::null()).status().is_ok_and(|status| status.success()) {
        // Its clients have connections of their own: nothing needs to be closed.
        let python_join = variant("python-join", "", &[], "joined");
        variants.push(Variant { command: vec![python, project.join("bench/python/door.py")], ..python_join });
    }
    variants
}
