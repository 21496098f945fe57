//! The calls of Run Command, in AWS's JSON protocol over the signed client. The SDK of SSM has 146
//! operations: compiling it took a seventh of the whole first build (decision 30).
//!
//! Fields are those of <https://docs.aws.amazon.com/systems-manager/latest/APIReference/>; of answers, those that are read.

use std::time::Duration;

use aws::AwsEnvironment;
use aws::signed::{CallError, SSM, SignedClient};
use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Serialize};
use serde_json::json;

/// Run Command of an account. Nothing is tried again here: a command that is sent twice may run
/// twice, and a question comes again anyway.
#[derive(Debug)]
pub(crate) struct Api(SignedClient);

/// `SendCommand`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct SendCommand<'a> {
    pub(crate) document_name: &'a str,
    pub(crate) document_version: &'a str,
    /// SHA-256, in hex.
    pub(crate) document_hash: String,
    pub(crate) document_hash_type: &'a str,
    /// How long an agent may take to begin.
    pub(crate) timeout_seconds: u64,
    pub(crate) parameters: Parameters,
    #[serde(flatten)]
    pub(crate) hosts: Hosts<'a>,
}

/// The parameters of our document.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Parameters {
    pub(crate) line_base64: [String; 1],
    pub(crate) execution_timeout: [String; 1],
}

/// Where a command runs.
#[derive(Debug, Serialize)]
#[serde(untagged, rename_all_fields = "PascalCase")]
pub(crate) enum Hosts<'a> {
    Instances {
        instance_ids: [&'a str; 1],
    },
    Tagged {
        targets: [Tagged<'a>; 1],
        max_concurrency: &'a str,
        max_errors: &'a str,
    },
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Tagged<'a> {
    /// `tag:` and the name of the tag.
    pub(crate) key: String,
    pub(crate) values: [&'a str; 1],
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Taken {
    command: Option<TakenCommand>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct TakenCommand {
    command_id: Option<String>,
}

/// `GetCommandInvocation`: a command on one host.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct HostInvocation {
    pub(crate) status: Option<String>,
    pub(crate) status_details: Option<String>,
    #[serde(default)]
    pub(crate) response_code: i32,
    /// Empty until it begins.
    pub(crate) execution_start_date_time: Option<String>,
    pub(crate) standard_output_content: Option<String>,
    pub(crate) standard_error_content: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Commands {
    #[serde(default)]
    commands: Vec<CommandState>,
}

/// A command as a whole, in `ListCommands`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct CommandState {
    pub(crate) status: Option<String>,
    pub(crate) status_details: Option<String>,
    #[serde(default)]
    pub(crate) target_count: usize,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Invocations {
    #[serde(default)]
    command_invocations: Vec<ListedInvocation>,
    next_token: Option<String>,
}

/// A command on one of its hosts, in `ListCommandInvocations`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ListedInvocation {
    pub(crate) instance_id: Option<String>,
    pub(crate) status: Option<String>,
    pub(crate) status_details: Option<String>,
    #[serde(default)]
    pub(crate) command_plugins: Vec<Plugin>,
}

/// What one step of the document did.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Plugin {
    #[serde(default)]
    pub(crate) response_code: i32,
    /// Seconds since 1970, once it has begun.
    pub(crate) response_start_date_time: Option<IgnoredAny>,
    pub(crate) output: Option<String>,
}

impl Api {
    /// `attempt` is how long one call may take.
    pub(crate) fn new(aws: &AwsEnvironment, attempt: Duration) -> Self {
        Self(SignedClient::new(aws, &SSM, attempt).without_retries())
    }

    /// Sends a command and gives its id, which is missing only if the answer is none that is documented.
    ///
    /// # Errors
    /// If it was refused, or there is no answer: then it may have been taken.
    pub(crate) async fn send_command(
        &self,
        command: &SendCommand<'_>,
    ) -> Result<Option<String>, CallError> {
        let taken: Taken = self.call("SendCommand", command).await?;
        Ok(taken.command.and_then(|command| command.command_id))
    }

    /// How far a command is on one host.
    ///
    /// # Errors
    /// If there is no answer, or the host is not known yet.
    pub(crate) async fn on_host(&self, id: &str, host: &str) -> Result<HostInvocation, CallError> {
        let question = json!({ "CommandId": id, "InstanceId": host });
        self.call("GetCommandInvocation", &question).await
    }

    /// How far a command is as a whole.
    ///
    /// # Errors
    /// If there is no answer.
    pub(crate) async fn command(&self, id: &str) -> Result<Option<CommandState>, CallError> {
        let question = json!({ "CommandId": id });
        let commands: Commands = self.call("ListCommands", &question).await?;
        Ok(commands.commands.into_iter().next())
    }

    /// How far a command is on each of its hosts.
    ///
    /// # Errors
    /// If there is no answer.
    pub(crate) async fn on_hosts(&self, id: &str) -> Result<Vec<ListedInvocation>, CallError> {
        let mut question = json!({ "CommandId": id, "Details": true });
        let mut all = Vec::new();
        loop {
            let page: Invocations = self.call("ListCommandInvocations", &question).await?;
            all.extend(page.command_invocations);
            match page.next_token.filter(|token| !token.is_empty()) {
                Some(token) => question["NextToken"] = token.into(),
                None => return Ok(all),
            }
        }
    }

    /// Asks for a command to be taken back.
    ///
    /// # Errors
    /// If there is no answer.
    pub(crate) async fn cancel(&self, id: &str) -> Result<(), CallError> {
        let question = json!({ "CommandId": id });
        self.call("CancelCommand", &question)
            .await
            .map(|_: IgnoredAny| ())
    }

    async fn call<T: DeserializeOwned>(
        &self,
        operation: &str,
        question: &impl Serialize,
    ) -> Result<T, CallError> {
        let question =
            serde_json::to_string(question).map_err(|error| CallError::Unsigned(error.into()))?;
        let answer = self.0.call(operation, &question).await?;
        serde_json::from_slice(&answer).map_err(|error| CallError::Unavailable(error.into()))
    }
}
