//! Sessions of Run Command: each step has credentials of its own, good for its hosts and the one
//! document alone.
//!
//! The role of the bridge may send no command. It assumes the role that may, with a session policy that
//! AWS intersects with that role's own
//! (<https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies.html#policies_session>).

use std::time::Duration;

use aws::AwsEnvironment;
use aws_credential_types::Credentials;
use aws_sdk_sts::Client;
use aws_sdk_sts::error::{DisplayErrorContext, ProvideErrorMetadata as _};
use domain::incident::repair::StepOutcome;
use domain::phrase;
use domain::playbook::ssm_target::{SsmTarget, tag_parts};
use domain::primitives::phrase::Phrase;
use serde_json::{Value, json};

/// How long a session is good: the least that STS gives, and as long as an invocation of the bridge can last.
const SECONDS: i32 = 900;

/// A role that may send commands, assumed anew for each step.
#[derive(Debug)]
pub struct Sessions {
    sts: Client,
    role_arn: String,
}

impl Sessions {
    /// `attempt` is how long one call may take.
    pub fn new(aws: &AwsEnvironment, attempt: Duration, role_arn: String) -> Self {
        Self {
            sts: Client::new(&aws.sdk_config(attempt)),
            role_arn,
        }
    }

    /// The environment of a session for the hosts of one step.
    ///
    /// # Errors
    /// That nothing ran, and why.
    pub async fn open(
        &self,
        aws: &AwsEnvironment,
        name: &str,
        document: &str,
        target: &SsmTarget,
    ) -> Result<AwsEnvironment, (StepOutcome, Phrase)> {
        let policy = policy(&self.role_arn, aws.region(), document, target);
        let asked = self
            .sts
            .assume_role()
            .role_arn(&self.role_arn)
            .role_session_name(session_name(name))
            .policy(policy.to_string())
            .duration_seconds(SECONDS)
            .send()
            .await;
        let credentials = match asked {
            Ok(answer) => answer.credentials,
            Err(error) => {
                tracing::warn!(error = %DisplayErrorContext(&error), "no session for Run Command");
                return Err(no_session(name, error.code()));
            }
        };
        let Some(credentials) = credentials else {
            return Err(no_session(name, None));
        };
        Ok(aws.with_credentials(Credentials::new(
            credentials.access_key_id,
            credentials.secret_access_key,
            Some(credentials.session_token),
            None,
            "AssumeRole",
        )))
    }
}

/// What a step is told that has no session: no command was sent, which is certain.
fn no_session(name: &str, code: Option<&str>) -> (StepOutcome, Phrase) {
    match code {
        Some("AccessDenied") => {
            let detail = phrase!(
                "Nothing ran on {name}: the bridge may not assume the role of SSM_ROLE_ARN (AccessDenied); see docs/ssm.md.",
                name
            );
            (StepOutcome::Refused, detail)
        }
        code => {
            let detail = phrase!(
                "Nothing ran on {name}: AWS gave no session for its hosts ({code}). A bridge in subnets of yours needs a NAT gateway or the interface endpoint sts.",
                name,
                code => code.map_or_else(|| phrase!("no answer"), Phrase::from)
            );
            (StepOutcome::Unreachable, detail)
        }
    }
}

/// The name under which CloudTrail has the session. The name of a service fits but for its length.
fn session_name(name: &str) -> String {
    format!("quell-{name}").chars().take(64).collect()
}

/// What a session may do: send the document to these hosts, and follow what it sent.
fn policy(role_arn: &str, region: &str, document: &str, target: &SsmTarget) -> Value {
    let mut parts = role_arn.split(':');
    let partition = parts.nth(1).unwrap_or("aws");
    let account = parts.nth(2).unwrap_or_default();
    let arn = |service: &str, resource: &str| {
        format!("arn:{partition}:{service}:{region}:{account}:{resource}")
    };
    let mut hosts = json!({ "Effect": "Allow", "Action": "ssm:SendCommand" });
    match target {
        SsmTarget::Instance { id } if id.starts_with("mi-") => {
            hosts["Resource"] = json!([arn("ssm", &format!("managed-instance/{id}"))]);
        }
        SsmTarget::Instance { id } => {
            hosts["Resource"] = json!([arn("ec2", &format!("instance/{id}"))]);
        }
        SsmTarget::Tag { tag, .. } => {
            let (name, value) = tag_parts(tag).unwrap_or_default();
            hosts["Resource"] = json!([arn("ec2", "instance/*"), arn("ssm", "managed-instance/*")]);
            hosts["Condition"] =
                json!({ "StringEquals": { format!("ssm:resourceTag/{name}"): value } });
        }
    }
    json!({
        "Version": "2012-10-17",
        "Statement": [
            { "Effect": "Allow", "Action": "ssm:SendCommand", "Resource": arn("ssm", &format!("document/{document}")) },
            hosts,
            // AWS knows no resources for these.
            {
                "Effect": "Allow",
                "Action": ["ssm:GetCommandInvocation", "ssm:ListCommands", "ssm:ListCommandInvocations", "ssm:CancelCommand"],
                "Resource": "*",
            },
        ],
    })
}

#[cfg(test)]
mod tests {
    use domain::playbook::ssm_target::SsmTarget;
    use serde_json::{Value, from_value, json};

    use super::{policy, session_name};

    const ROLE: &str = "arn:aws-cn:iam::123456789012:role/quell-RunCommandRole-X";

    fn hosts(target: Value) -> Value {
        let target: SsmTarget = from_value(target).expect("a target");
        let policy = policy(ROLE, "cn-north-1", "Quell-RunStep", &target);
        assert!(policy.to_string().len() < 2_048, "AWS takes no more");
        assert_eq!(
            policy["Statement"][0]["Resource"],
            "arn:aws-cn:ssm:cn-north-1:123456789012:document/Quell-RunStep"
        );
        policy["Statement"][1].clone()
    }

    #[test]
    fn a_session_reaches_the_hosts_of_its_step_alone() {
        let send = |resources: Value| json!({ "Effect": "Allow", "Action": "ssm:SendCommand", "Resource": resources });
        assert_eq!(
            hosts(json!({ "instance_id": "i-0abcdef1234567890" })),
            send(json!([
                "arn:aws-cn:ec2:cn-north-1:123456789012:instance/i-0abcdef1234567890"
            ]))
        );
        assert_eq!(
            hosts(json!({ "instance_id": "mi-0abcdef1234567890" })),
            send(json!([
                "arn:aws-cn:ssm:cn-north-1:123456789012:managed-instance/mi-0abcdef1234567890"
            ]))
        );
        let mut tagged = send(json!([
            "arn:aws-cn:ec2:cn-north-1:123456789012:instance/*",
            "arn:aws-cn:ssm:cn-north-1:123456789012:managed-instance/*"
        ]));
        tagged["Condition"] = json!({ "StringEquals": { "ssm:resourceTag/Service": "sentry" } });
        let longest = format!("{}={}", "n".repeat(128), "v".repeat(256));
        assert_eq!(hosts(json!({ "tag": "Service=sentry" })), tagged);
        hosts(json!({ "tag": longest }));
    }

    #[test]
    fn a_session_has_a_name_that_sts_takes() {
        assert_eq!(session_name("web.1"), "quell-web.1");
        assert_eq!(session_name(&"x".repeat(100)).len(), 64);
    }
}
