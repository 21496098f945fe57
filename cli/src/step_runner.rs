//! Runners of reading steps for the dry run: the deployed bridge function, or the bridge in this
//! process.

use std::path::PathBuf;

use bridge::App;
use bridge::ssh::login_key::LoginKey;
use clap::Args;
use domain::incident::repair::StepResult;
use domain::playbook::plan::PlannedStep;
use playbook_files::operator_files::OperatorFiles;
use repair::bridge_client::Bridge;
use wire::bridge::BridgeRequest;

use crate::aws::{self, Environment};
use crate::exit::Failure;
use crate::secret;

#[derive(Debug, Args)]
pub(crate) struct Through {
    /// The deployed bridge function: the stack's output BridgeFunctionName. It renders from the files that it was deployed with
    #[arg(
        long,
        value_name = "NAME",
        conflicts_with = "local",
        required_unless_present = "local"
    )]
    function: Option<String>,
    /// The bridge in this process, from this machine
    #[arg(long, requires = "key_file")]
    local: bool,
    /// The private key with which the bridge in this process logs in
    #[arg(long, value_name = "FILE", requires = "local")]
    key_file: Option<PathBuf>,
}

/// The bridge that runs the steps.
pub(crate) enum StepRunner {
    Deployed(Bridge),
    Local(Box<App>),
}

impl Through {
    /// The bridge of this choice.
    pub(crate) async fn runner(
        &self,
        files: &OperatorFiles,
        variables: &Environment,
    ) -> Result<StepRunner, Failure> {
        match (&self.function, &self.key_file) {
            (Some(function), _) => Ok(StepRunner::Deployed(Bridge::new(
                &aws::config(variables).await?,
                function.clone(),
            ))),
            (None, Some(file)) => Ok(StepRunner::Local(Box::new(App::for_operator(
                files.clone(),
                LoginKey::Given(secret::in_file(file)?),
            )))),
            (None, None) => Err(Failure::wrong(
                "No bridge given: pass --function NAME, or --local with --key-file FILE.",
            )),
        }
    }
}

impl StepRunner {
    /// Runs one step.
    pub(crate) async fn run(&self, request: &BridgeRequest, step: &PlannedStep) -> StepResult {
        match self {
            Self::Deployed(bridge) => bridge.run(request, step.longest()).await,
            Self::Local(app) => app.handle(request).await.result,
        }
    }
}
