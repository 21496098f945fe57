//! `quell doctor`: reads what is deployed, and names what does not work, or will not, with its mend.
//!
//! It changes nothing. Each check has a file; what it asks AWS, and what it concludes, are apart, so that every conclusion has a test.

mod alertmanager;
mod api;
pub(crate) mod configuration;
mod deep;
mod finding;
pub(crate) mod functions;
mod hosts;
mod models;
mod network;
mod queues;
mod run_command;
mod secrets;
mod sign_in;
pub(crate) mod stack;
mod telegram;
mod xml;

#[cfg(test)]
#[path = "doctor_tests/mod.rs"]
mod tests;

use std::io::Write;
use std::path::PathBuf;

use aws::secrets::Secrets;
use aws::signed::SSM;
use clap::Args;
use domain::notification::channels::Channels;
use domain::notification::sign_in::SignIn;
use domain::playbook::target::Target;
use outbound::client;
use playbook_files::analyzer_files::AnalyzerFiles;
use playbook_files::operator_files::OperatorFiles;
use settings::sign_in_file;
use store::Store;

use crate::aws::Environment;
use crate::doctor::alertmanager::Expected;
use crate::doctor::deep::Deep;
use crate::doctor::finding::{Finding, Verdict, print};
use crate::doctor::functions::Function;
use crate::doctor::secrets::Naming;
use crate::doctor::stack::{Account, Deployed};
use crate::exit::{Answer, Failure};
use crate::fire::pair;
use crate::secret;

#[derive(Debug, Args)]
pub(crate) struct Doctor {
    /// The name of the stack
    #[arg(long, value_name = "NAME", default_value = "quell")]
    stack: String,
    /// The API's base URL, if senders use another than the stack's output ApiUrl: a domain of your own
    #[arg(long, value_name = "URL")]
    api_url: Option<String>,
    /// The directory with the operator's files
    #[arg(long, value_name = "DIR", default_value = "config")]
    config: PathBuf,
    /// A file of Alertmanager that sends to this stack (repeatable)
    #[arg(long = "alertmanager", value_name = "FILE")]
    alertmanagers: Vec<PathBuf>,
    /// Print JSON: a list of findings, each with `check`, `verdict`, `text` and `mend`
    #[arg(long)]
    json: bool,
    /// Also send a test alert through to a step on a host that waits ten seconds, and time each hop
    #[arg(long, requires = "service")]
    deep: bool,
    /// The service on whose host the step runs
    #[arg(long, value_name = "NAME", requires = "deep")]
    service: Option<String>,
    /// A label of the test alert, for where the service lives, such as cluster=prod (repeatable)
    #[arg(long = "label", value_name = "NAME=VALUE", value_parser = pair, requires = "deep")]
    labels: Vec<(String, String)>,
    /// The file with your own token, to approve the test's plan
    #[arg(long, value_name = "FILE", requires = "deep")]
    token_file: Option<PathBuf>,
}

/// The operator's files, as the functions read them.
struct Configured {
    files: OperatorFiles,
    analyzer: AnalyzerFiles,
    channels: Channels,
    sign_in: SignIn,
}

impl Doctor {
    pub(crate) async fn answer(
        self,
        variables: &Environment,
        out: &mut dyn Write,
    ) -> Result<Answer, Failure> {
        let (sign_in, channels) = sign_in_file::load(&self.config)?;
        let configured = Configured {
            files: OperatorFiles::load(&self.config)?,
            analyzer: AnalyzerFiles::load(&self.config)?,
            channels,
            sign_in,
        };
        let account = Account::new(variables).await?;
        let mut stack = Deployed::read(&account, &self.stack).await?;
        if let Some(url) = &self.api_url {
            stack.is_called_at(url);
        }
        let mut findings = self.examine(&account, &stack, &configured).await?;
        if self.deep {
            findings.extend(self.go_deep(&account, &stack, &configured).await?);
        }
        if self.json {
            let text = serde_json::to_string_pretty(&findings);
            let text = text.map_err(|error| Failure::wrong(error.to_string()))?;
            writeln!(out, "{text}")?;
        } else {
            print(&findings, out)?;
        }
        let faults = findings.iter().any(|one| one.verdict == Verdict::Fault);
        Ok(Answer::of(!faults))
    }

    async fn examine(
        &self,
        account: &Account,
        stack: &Deployed,
        configured: &Configured,
    ) -> Result<Vec<Finding>, Failure> {
        let lambda = aws_sdk_lambda::Client::new(&account.sdk);
        let http = client()?;
        let services = &configured.files.services;
        let mut findings = vec![stack.judge()];
        findings.extend(api::examine(&http, stack.output("ApiUrl")).await);
        let (functions, unread) = functions::read(&lambda, stack).await;
        findings.extend(unread);
        findings.extend(functions::judge(&functions));
        findings.extend(match functions::account_limit(&lambda).await {
            Ok(limit) => functions::judge_concurrency(&functions, limit),
            Err(finding) => vec![finding],
        });
        findings.extend(functions::judge_recursion(&functions));
        findings.extend(examine_queues(account, &lambda, stack, &functions).await);
        findings.extend(configuration::examine(&lambda, &http, &functions, &self.config).await?);
        findings.extend(examine_secrets(account, &http, stack, &functions, configured).await);
        findings.extend(sign_in::examine(&http, stack, &configured.sign_in).await);
        let document = stack.named("SsmDocumentName", "-RunStep");
        let (tag, ssm) = (stack.named("SsmTargetTag", ""), account.client(&SSM));
        findings.extend(run_command::examine(&ssm, services, &document, &tag).await);
        findings.extend(hosts::examine(services).await);
        findings.extend(network::examine(&account.client(&network::EC2), &functions).await);
        let settings = &configured.analyzer.settings;
        findings.extend(models::examine(&account.client(&models::BEDROCK), settings, stack).await);
        let expected = Expected {
            url: stack.output("AlertmanagerWebhookUrl"),
            trusts_sources: !stack.parameter("InternalCidrs").is_empty(),
            stale_seconds: stack.seconds("EpisodeStaleSeconds").unwrap_or(i64::MAX),
            resolve_within_seconds: stack.seconds("ResolveWithinSeconds").unwrap_or(0),
            asks: configured.channels.alertmanager.is_some(),
        };
        for file in &self.alertmanagers {
            findings.extend(alertmanager::examine(file, &expected)?);
        }
        Ok(findings)
    }

    async fn go_deep(
        &self,
        account: &Account,
        stack: &Deployed,
        configured: &Configured,
    ) -> Result<Vec<Finding>, Failure> {
        let token = self
            .token_file
            .as_deref()
            .map(secret::in_file)
            .transpose()?;
        let dynamodb = aws_sdk_dynamodb::Client::new(&account.sdk);
        let store = Store::new(dynamodb, stack.output("TableName").to_owned());
        let deep = Deep {
            stack,
            files: &configured.files,
            store: &store,
            secrets: &Secrets::new(aws_sdk_secretsmanager::Client::new(&account.sdk)),
            http: &client()?,
            service: self.service.as_deref().unwrap_or_default(),
            labels: &self.labels,
            token: token.as_ref(),
        };
        deep.run(&self.config).await
    }
}

async fn examine_queues(
    account: &Account,
    lambda: &aws_sdk_lambda::Client,
    stack: &Deployed,
    functions: &[Function],
) -> Vec<Finding> {
    let sqs = aws_sdk_sqs::Client::new(&account.sdk);
    let (queues, mut findings) = queues::read(&sqs, stack).await;
    findings.extend(match queues::sources(lambda, functions).await {
        Ok(sources) => queues::judge_sources(&queues, &sources),
        Err(finding) => vec![finding],
    });
    findings.extend(queues::judge_dead_letters(&queues));
    findings.extend(queues::judge_backlog(&queues));
    findings
}

async fn examine_secrets(
    account: &Account,
    http: &reqwest::Client,
    stack: &Deployed,
    functions: &[Function],
    configured: &Configured,
) -> Vec<Finding> {
    let client = aws_sdk_secretsmanager::Client::new(&account.sdk);
    let over_ssh =
        |service: &domain::playbook::service::Service| matches!(service.target, Target::Ssh(_));
    let naming = Naming {
        channels: &configured.channels,
        analyzer: &configured.analyzer.settings,
        needs_ssh: configured.files.services.iter().any(over_ssh),
    };
    let needed = secrets::needed(functions, naming);
    let mut findings = secrets::examine(&client, &needed).await;
    findings.extend(secrets::inbound_apart(stack));
    let notifier = functions.iter().find(|one| one.role == "Notifier");
    let token = notifier.and_then(|one| one.variable("TELEGRAM_BOT_TOKEN_SECRET_ID"));
    let url = stack.output("TelegramWebhookUrl");
    let readable = Secrets::new(client);
    findings.extend(telegram::examine(http, &readable, &configured.channels, token, url).await);
    findings
}
