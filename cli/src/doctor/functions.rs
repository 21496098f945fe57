//! State, concurrency and recursion settings of the functions.

use std::collections::BTreeMap;

use aws_sdk_lambda::Client;
use aws_sdk_lambda::error::DisplayErrorContext;

use crate::doctor::finding::{Finding, or_ok};
use crate::doctor::stack::Deployed;

const CHECK: &str = "functions";
const CONCURRENCY: &str = "concurrency";
const RECURSION: &str = "recursion";
/// How many functions the event sources alone may run at once: the sum of the template's `MaximumConcurrency`, and a bridge for each
/// repair.
const RUN_AT_ONCE: i32 = 60;

/// What Lambda says of a function.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Function {
    /// Its name in the template, without `Function`.
    pub(crate) role: &'static str,
    pub(crate) name: String,
    pub(crate) state: String,
    pub(crate) state_reason: String,
    pub(crate) last_update: String,
    pub(crate) last_update_reason: String,
    pub(crate) architecture: String,
    pub(crate) variables: BTreeMap<String, String>,
    pub(crate) layers: Vec<String>,
    pub(crate) vpc: Option<Vpc>,
    /// How many of it may run at once, where that is reserved.
    pub(crate) reserved: Option<i32>,
    /// `Allow` or `Terminate`; none if it is not known.
    pub(crate) recursion: Option<String>,
}

/// Where a function runs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Vpc {
    pub(crate) id: String,
    pub(crate) subnets: Vec<String>,
}

impl Function {
    pub(crate) fn variable(&self, name: &str) -> Option<&str> {
        let value = self.variables.get(name).map(String::as_str);
        value.filter(|value| !value.is_empty())
    }
}

/// The functions of a stack, and what could not be found out about them.
pub(crate) async fn read(lambda: &Client, stack: &Deployed) -> (Vec<Function>, Vec<Finding>) {
    let (mut functions, mut findings) = (Vec::new(), Vec::new());
    for role in stack.functions() {
        let name = stack.output(&format!("{role}FunctionName"));
        if name.is_empty() {
            let text = format!("the stack has no output {role}FunctionName");
            findings.push(Finding::fault(
                CHECK,
                text,
                "deploy this version's template.yaml",
            ));
            continue;
        }
        match configuration(lambda, role, name).await {
            Ok(function) => functions.push(function),
            Err(finding) => findings.push(finding),
        }
    }
    (functions, findings)
}

async fn configuration(
    lambda: &Client,
    role: &'static str,
    name: &str,
) -> Result<Function, Finding> {
    let asked = lambda.get_function_configuration().function_name(name);
    let told = asked.send().await.map_err(|error| {
        if error
            .as_service_error()
            .is_some_and(|error| error.is_resource_not_found_exception())
        {
            let text = format!("{name} is in the stack's outputs, and does not exist");
            return Finding::fault(
                CHECK,
                text,
                "it was deleted by hand: deploy the stack again",
            );
        }
        let error = DisplayErrorContext(&error).to_string();
        Finding::unanswered(CHECK, "lambda:GetFunctionConfiguration", &error)
    })?;
    let variables = told.environment().and_then(|all| all.variables().cloned());
    let vpc = told.vpc_config().filter(|vpc| !vpc.subnet_ids().is_empty());
    let word = |text: Option<&str>| text.unwrap_or_default().to_owned();
    // Neither keeps the others from being judged.
    let reserved = lambda.get_function_concurrency().function_name(name);
    let reserved = reserved.send().await.ok();
    let recursion = lambda.get_function_recursion_config().function_name(name);
    let recursion = recursion.send().await.ok();
    Ok(Function {
        role,
        name: name.to_owned(),
        state: word(told.state().map(|state| state.as_str())),
        state_reason: word(told.state_reason()),
        last_update: word(told.last_update_status().map(|status| status.as_str())),
        last_update_reason: word(told.last_update_status_reason()),
        architecture: word(told.architectures().first().map(|one| one.as_str())),
        variables: variables.unwrap_or_default().into_iter().collect(),
        layers: told
            .layers()
            .iter()
            .filter_map(|layer| layer.arn().map(str::to_owned))
            .collect(),
        vpc: vpc.map(|vpc| Vpc {
            id: vpc.vpc_id().unwrap_or_default().to_owned(),
            subnets: vpc.subnet_ids().to_vec(),
        }),
        reserved: reserved.and_then(|told| told.reserved_concurrent_executions),
        recursion: recursion
            .and_then(|told| told.recursive_loop)
            .map(|set| set.as_str().to_owned()),
    })
}

/// How many functions the account may run at once, if it can be found out.
pub(crate) async fn account_limit(lambda: &Client) -> Result<i32, Finding> {
    let settings = lambda.get_account_settings().send().await;
    let settings = settings.map_err(|error| {
        let error = DisplayErrorContext(&error).to_string();
        Finding::unanswered(CONCURRENCY, "lambda:GetAccountSettings", &error)
    })?;
    let limit = settings.account_limit();
    Ok(limit.map_or(0, |limit| limit.concurrent_executions()))
}

/// Whether the functions can run
/// (<https://docs.aws.amazon.com/lambda/latest/dg/functions-states.html>).
pub(crate) fn judge(functions: &[Function]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for function in functions {
        let Function {
            name,
            state,
            state_reason,
            last_update,
            last_update_reason,
            ..
        } = function;
        match state.as_str() {
            "Active" => {}
            // Lambda takes the network interfaces of one that nobody called for weeks: the first call fails, and wakes it.
            "Inactive" => findings.push(Finding::warning(
                CHECK,
                format!("{name} is inactive: {state_reason}"),
                "invoke it once; a function in a VPC that is not called for 14 days becomes inactive",
            )),
            "Pending" => findings.push(Finding::warning(
                CHECK,
                format!("{name} is being made: {state_reason}"),
                "wait until it is active, and ask again",
            )),
            _ => findings.push(Finding::fault(
                CHECK,
                format!("{name} is {state}: {state_reason}"),
                "deploy it again after what the reason names is mended",
            )),
        }
        if last_update == "Failed" {
            findings.push(Finding::fault(
                CHECK,
                format!("{name} runs an older version: its update failed: {last_update_reason}"),
                "deploy it again after what the reason names is mended",
            ));
        }
    }
    let mut architectures: Vec<&str> = functions.iter().map(|one| &*one.architecture).collect();
    architectures.sort_unstable();
    architectures.dedup();
    if architectures.len() > 1 {
        findings.push(Finding::warning(
            CHECK,
            format!(
                "the functions run on different processors: {}",
                architectures.join(", ")
            ),
            "deploy all of them with one value of the parameter Architecture",
        ));
    }
    let text = format!(
        "{} are active, on {}",
        functions.len(),
        architectures.join(", ")
    );
    or_ok(findings, CHECK, text)
}

/// Whether they may run as often as they have to
/// (<https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>: an account begins with 1,000 at once, a new one with fewer).
pub(crate) fn judge_concurrency(functions: &[Function], limit: i32) -> Vec<Finding> {
    let off = functions.iter().filter(|one| one.reserved == Some(0));
    let mut findings: Vec<Finding> = off
        .map(|Function { name, .. }| {
            Finding::fault(
                CONCURRENCY,
                format!("{name} may not run at all: its reserved concurrency is 0"),
                format!("aws lambda delete-function-concurrency --function-name {name}"),
            )
        })
        .collect();
    if limit < RUN_AT_ONCE {
        findings.push(Finding::warning(
            CONCURRENCY,
            format!("the account may run {limit} functions at once, and the queues alone may start {RUN_AT_ONCE}: alerts of a storm are answered with 503"),
            "ask for 1,000 in Service Quotas, Lambda, Concurrent executions",
        ));
    }
    or_ok(
        findings,
        CONCURRENCY,
        format!("the account may run {limit} functions at once"),
    )
}

/// Whether AWS lets the notifier send to its own queue, and stops loops of all others
/// (<https://docs.aws.amazon.com/lambda/latest/dg/invocation-recursion.html>).
pub(crate) fn judge_recursion(functions: &[Function]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for Function {
        role,
        name,
        recursion,
        ..
    } in functions
    {
        let set = |to: &str| {
            format!(
                "aws lambda put-function-recursion-config --function-name {name} --recursive-loop {to}"
            )
        };
        match (*role, recursion.as_deref()) {
            (_, None) => findings.push(Finding::unanswered(
                RECURSION,
                "lambda:GetFunctionRecursionConfig",
                name,
            )),
            ("Notifier", Some("Terminate")) => findings.push(Finding::fault(
                RECURSION,
                format!("AWS stops {name} after sixteen looks: approvals are never expired, and a chat that is away is given up"),
                set("Allow"),
            )),
            ("Notifier", Some(_)) | (_, Some("Terminate")) => {}
            (_, Some(_)) => findings.push(Finding::warning(
                RECURSION,
                format!("{name} may loop without end, and has no reason to"),
                set("Terminate"),
            )),
        }
    }
    or_ok(
        findings,
        RECURSION,
        "the notifier may send to its own queue, and no other function",
    )
}
