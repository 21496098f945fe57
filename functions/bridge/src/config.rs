//! Configuration of the bridge, read from its environment variables at a cold start.

use std::path::PathBuf;
use std::time::Duration;

use aws::AwsEnvironment;
use aws::decision_keys::CheckingKeyIds;
use aws::secrets::Secrets;
use aws_sdk_secretsmanager::Client;
use jiff::SignedDuration;
use playbook_files::operator_files::OperatorFiles;
use settings::startup::StartupError;
use settings::variables::{InvalidVariable, Variables};
use store::ControlTable;

use crate::App;
use crate::gate::Gate;
use crate::ssh::login_key::LoginKey;
use crate::ssm::RunCommand;

/// How long one try to read the key may take. Three tries, connecting and the step fit into what the repair function waits
/// (`PlannedStep::longest`).
const SECRET_ATTEMPT: Duration = Duration::from_secs(2);

/// How long one request to Run Command may take. A command whose answer is late may run, and counts as unknown. With the waits of
/// `ssm::Pace` a step ends before the repair function gives up on its answer (`PlannedStep::longest`).
const COMMAND_ATTEMPT: Duration = Duration::from_secs(5);

#[derive(Debug, PartialEq, Eq)]
pub struct Config {
    /// Where `playbooks.yaml` and `service-registry.yaml` are.
    pub config_dir: PathBuf,
    /// The secret that holds the SSH key.
    pub ssh_key_secret_id: String,
    /// The SSM document that runs a step.
    pub ssm_document_name: String,
    /// `SSM_ROLE_ARN`: the role that may have it run, which is assumed for each step.
    pub ssm_role_arn: String,
    /// `PEOPLE_BRIDGE_KEY_ID` and `GUARDRAILS_BRIDGE_KEY_ID`: with which decisions are checked.
    pub keys: CheckingKeyIds,
    /// `CONTROL_TABLE_NAME`: the table with the kill switch and the steps that ran.
    pub control_table: String,
    /// `APPROVAL_STARTS_WITHIN_SECONDS`: how long after its decision a plan may begin to run.
    pub starts_within: SignedDuration,
}

impl Config {
    /// Reads the configuration.
    ///
    /// # Errors
    /// If a variable is missing.
    pub fn from_variables<F: Fn(&str) -> Option<String>>(
        variables: &Variables<F>,
    ) -> Result<Self, InvalidVariable> {
        let starts_within: u32 =
            variables.parsed("APPROVAL_STARTS_WITHIN_SECONDS", "a number of seconds", 900)?;
        Ok(Self {
            config_dir: variables
                .required(
                    "CONFIG_DIR",
                    "the directory of playbooks.yaml and service-registry.yaml",
                )?
                .into(),
            ssh_key_secret_id: variables.required(
                "SSH_KEY_SECRET_ID",
                "the name or ARN of the secret with the SSH key",
            )?,
            ssm_document_name: variables.required(
                "SSM_DOCUMENT_NAME",
                "the name of the SSM document that runs a step",
            )?,
            ssm_role_arn: variables.required(
                "SSM_ROLE_ARN",
                "the ARN of the role that may send commands to hosts",
            )?,
            keys: CheckingKeyIds::from_variables(
                variables,
                ["PEOPLE_BRIDGE_KEY_ID", "GUARDRAILS_BRIDGE_KEY_ID"],
            )?,
            control_table: variables
                .required("CONTROL_TABLE_NAME", "the name of the control table")?,
            starts_within: SignedDuration::from_secs(i64::from(starts_within)),
        })
    }

    /// The bridge of this configuration.
    ///
    /// # Errors
    /// If the operator's files are broken or Lambda's own variables are missing.
    pub fn app<F: Fn(&str) -> Option<String>>(
        self,
        variables: &Variables<F>,
    ) -> Result<App, StartupError> {
        let files = OperatorFiles::load(&self.config_dir)?;
        let aws = AwsEnvironment::from_variables(variables)?;
        let client = Client::new(&aws.sdk_config(SECRET_ATTEMPT));
        let secrets = Secrets::new(client.clone());
        let dynamodb = aws_sdk_dynamodb::Client::new(&aws.sdk_config(SECRET_ATTEMPT));
        let gate = Gate {
            secrets: Secrets::new(client),
            keys: self.keys,
            control: ControlTable::new(dynamodb, self.control_table),
            starts_within: self.starts_within,
        };
        let run_command = RunCommand::new(&aws, COMMAND_ATTEMPT, self.ssm_document_name)
            .with_role(self.ssm_role_arn);
        Ok(App::for_operator(
            files,
            LoginKey::Stored {
                secrets: Box::new(secrets),
                id: self.ssh_key_secret_id,
            },
        )
        .with_run_command(run_command)
        .with_gate(gate))
    }
}

#[cfg(test)]
mod tests {
    use settings::variables::{InvalidVariable, Variables};

    use super::Config;

    #[test]
    fn a_missing_variable_is_named() {
        let variables =
            Variables::from_fn(|name| (name == "CONFIG_DIR").then(|| "/opt".to_owned()));
        let error = Config::from_variables(&variables).expect_err("SSH_KEY_SECRET_ID is missing");
        assert!(
            matches!(
                error,
                InvalidVariable::Missing {
                    name: "SSH_KEY_SECRET_ID",
                    ..
                }
            ),
            "{error}"
        );
    }
}
