//! The deployed stack, as CloudFormation describes it, and the clients that ask about its parts.

use std::collections::BTreeMap;
use std::time::Duration;

use aws::AwsEnvironment;
use aws::signed::{CallError, Service, SignedClient};
use aws_config::SdkConfig;

use crate::aws::{Environment, config_in, signing};
use crate::doctor::finding::Finding;
use crate::doctor::xml::{all, pairs, query, text};
use crate::exit::Failure;

/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DescribeStacks.html>
const CLOUDFORMATION: Service = Service::query("cloudformation");
/// How long one try of a question may take.
const ATTEMPT: Duration = Duration::from_secs(10);
const CHECK: &str = "stack";

/// The functions, as the outputs and the template name them.
pub(crate) const FUNCTIONS: [&str; 9] = [
    "Ingress", "Signals", "Analyzer", "Notifier", "Repair", "Bridge", "Witness", "Console", "Board",
];
/// The function that is there only with an identity provider.
pub(crate) const SIGNIN: &str = "Signin";

/// Clients of the account.
#[derive(Debug)]
pub(crate) struct Account {
    pub(crate) sdk: SdkConfig,
    signing: AwsEnvironment,
}

impl Account {
    pub(crate) async fn new(variables: &Environment) -> Result<Self, Failure> {
        Self::in_region(variables, None).await
    }

    /// The account in this region; without one, in that which every AWS tool finds.
    pub(crate) async fn in_region(
        variables: &Environment,
        region: Option<&str>,
    ) -> Result<Self, Failure> {
        let sdk = config_in(variables, region).await?;
        let signing = signing(&sdk, variables).await?;
        Ok(Self { sdk, signing })
    }

    /// A client of a service that is asked without an SDK of its own.
    pub(crate) fn client(&self, service: &'static Service) -> SignedClient {
        SignedClient::new(&self.signing, service, ATTEMPT)
    }

    pub(crate) fn region(&self) -> &str {
        self.signing.region()
    }
}

/// What is deployed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Deployed {
    pub(crate) name: String,
    pub(crate) status: String,
    pub(crate) reason: String,
    pub(crate) outputs: BTreeMap<String, String>,
    pub(crate) parameters: BTreeMap<String, String>,
}

impl Deployed {
    /// Reads the stack of this name.
    ///
    /// # Errors
    /// If there is none, or CloudFormation does not answer.
    pub(crate) async fn read(account: &Account, name: &str) -> Result<Self, Failure> {
        let client = account.client(&CLOUDFORMATION);
        let fields = [
            ("Action", "DescribeStacks"),
            ("Version", "2010-05-15"),
            ("StackName", name),
        ];
        let described = query(&client, &fields, |document| {
            let stack = all(document.root(), "Stacks").next()?;
            let stack = stack.children().find(roxmltree::Node::is_element)?;
            Some(Self {
                name: name.to_owned(),
                status: text(stack, "StackStatus").unwrap_or_default().to_owned(),
                reason: text(stack, "StackStatusReason")
                    .unwrap_or_default()
                    .to_owned(),
                outputs: pairs(stack, "Outputs", ["OutputKey", "OutputValue"]),
                parameters: pairs(stack, "Parameters", ["ParameterKey", "ParameterValue"]),
            })
        });
        let missing = || {
            Failure::wrong(format!(
                "there is no stack {name} in {}: check --stack, and the account and region of your profile",
                account.region()
            ))
        };
        match described.await {
            Ok(stack) => stack.ok_or_else(missing),
            // "Stack with id … does not exist" is a ValidationError.
            Err(CallError::Refused { code, .. }) if code == "ValidationError" => Err(missing()),
            Err(error) => Err(Failure::wrong(format!(
                "cloudformation:DescribeStacks was not answered: {}",
                aws::Chain(&error)
            ))),
        }
    }

    /// The URLs of the outputs below another base: the gateway answers at each domain that is mapped to it.
    pub(crate) fn is_called_at(&mut self, url: &str) {
        let (before, after) = (self.output("ApiUrl").to_owned(), url.trim_end_matches('/'));
        for value in self.outputs.values_mut() {
            if let Some(path) = value.strip_prefix(&before).filter(|_| !before.is_empty()) {
                *value = format!("{after}{path}");
            }
        }
    }

    pub(crate) fn output(&self, name: &str) -> &str {
        self.outputs.get(name).map_or("", String::as_str)
    }

    pub(crate) fn parameter(&self, name: &str) -> &str {
        self.parameters.get(name).map_or("", String::as_str)
    }

    /// The functions that the stack should have.
    pub(crate) fn functions(&self) -> impl Iterator<Item = &'static str> {
        let has_provider = !self.parameter("OidcIssuer").is_empty();
        FUNCTIONS.into_iter().chain(has_provider.then_some(SIGNIN))
    }

    /// A parameter that is a name; without one the stack's name does, with `suffix` behind it.
    pub(crate) fn named(&self, parameter: &str, suffix: &str) -> String {
        match self.parameter(parameter) {
            "" => format!("{}{suffix}", self.name),
            given => given.to_owned(),
        }
    }

    /// A parameter that is a number of seconds.
    pub(crate) fn seconds(&self, name: &str) -> Option<i64> {
        self.parameter(name).parse().ok()
    }

    /// Whether the last deployment went well.
    pub(crate) fn judge(&self) -> Finding {
        let Self {
            name,
            status,
            reason,
            ..
        } = self;
        let events =
            format!("look why: aws cloudformation describe-stack-events --stack-name {name}");
        if status.ends_with("_IN_PROGRESS") {
            let text = format!("{name} is being changed ({status})");
            return Finding::warning(CHECK, text, "wait for the deployment, and ask again");
        }
        match status.as_str() {
            "CREATE_COMPLETE" | "UPDATE_COMPLETE" | "IMPORT_COMPLETE" => {
                Finding::ok(CHECK, format!("{name}: {status}"))
            }
            "UPDATE_ROLLBACK_COMPLETE" | "IMPORT_ROLLBACK_COMPLETE" => Finding::warning(
                CHECK,
                format!(
                    "{name} runs what was deployed before: the last update was rolled back ({reason})"
                ),
                events,
            ),
            _ => Finding::fault(CHECK, format!("{name} is {status} ({reason})"), events),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Deployed;
    use crate::doctor::finding::Verdict;

    #[test]
    fn a_deployment_that_failed_is_a_fault() {
        for (status, verdict) in [
            ("CREATE_COMPLETE", Verdict::Ok),
            ("UPDATE_COMPLETE", Verdict::Ok),
            ("UPDATE_IN_PROGRESS", Verdict::Warning),
            ("UPDATE_ROLLBACK_COMPLETE", Verdict::Warning),
            ("UPDATE_ROLLBACK_FAILED", Verdict::Fault),
            ("ROLLBACK_COMPLETE", Verdict::Fault),
            ("DELETE_FAILED", Verdict::Fault),
        ] {
            let stack = Deployed {
                status: status.to_owned(),
                ..Deployed::default()
            };
            assert_eq!(stack.judge().verdict, verdict, "{status}");
        }
    }
}
