//! Tests of `quell doctor` against a deployed stack: a good one has no fault, each thing that is broken is named, and a test alert goes
//! through to a host.

use std::path::Path;

use aws_sdk_lambda::Client as Lambda;
use serde_json::{Value, json};
use tempfile::TempDir;
use tests::quell::quell;
use tests::stack::{Stack, project};
use tokio::process::Command;

/// An operator's machine, with the files that are deployed.
struct Operator<'a> {
    stack: &'a Stack,
    directory: TempDir,
}

impl Operator<'_> {
    fn config(&self) -> String {
        self.path("config")
    }

    fn path(&self, name: &str) -> String {
        self.directory.path().join(name).display().to_string()
    }

    /// What the doctor finds: the exit status, and the findings.
    async fn doctor(&self, arguments: &[&str]) -> (Option<i32>, Vec<Value>) {
        let config = self.config();
        let output = Command::from(quell(Some(self.stack)))
            .args(["doctor", "--stack", "quell", "--json", "--config", &config])
            .args(["--api-url", &self.stack.facts.api_url])
            .args(arguments)
            .output()
            .await
            .expect("it runs");
        let complaint = String::from_utf8_lossy(&output.stderr);
        let findings = serde_json::from_slice(&output.stdout);
        (
            output.status.code(),
            findings.unwrap_or_else(|_| panic!("findings: {complaint}")),
        )
    }

    /// The fault that a run finds; there is one.
    async fn fault(&self) -> String {
        let (status, findings) = self.doctor(&[]).await;
        let faults: Vec<String> = of_verdict(&findings, "fault");
        assert_eq!((status, faults.len()), (Some(1), 1), "{findings:#?}");
        faults.concat()
    }
}

fn of_verdict(findings: &[Value], verdict: &str) -> Vec<String> {
    let of = findings.iter().filter(|one| one["verdict"] == verdict);
    of.map(|one| {
        let text = |name: &str| one[name].as_str().unwrap_or_default().to_owned();
        format!("{}: {} -> {}", text("check"), text("text"), text("mend"))
    })
    .collect()
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a directory");
    for entry in std::fs::read_dir(from).expect("a directory") {
        let path = entry.expect("an entry").path();
        let target = to.join(path.file_name().expect("a name"));
        if path.is_dir() {
            copy(&path, &target);
        } else {
            std::fs::copy(&path, &target).expect("copied");
        }
    }
}

#[tokio::test]
async fn what_is_broken_in_a_stack_is_named_and_mended() {
    // Of its own: it is taken apart.
    let stack = Stack::start_with(&[]);
    let operator = Operator {
        stack: &stack,
        directory: tempfile::tempdir().expect("a directory"),
    };
    let deployed = stack.variable("CONFIG_DIR").expect("a directory");
    copy(Path::new(&deployed), Path::new(&operator.config()));

    let example = std::fs::read_to_string(project().join("infra/alertmanager.example.yml"));
    let example = example.expect("the example").replace(
        "https://abcde12345.execute-api.eu-central-1.amazonaws.com/api/v1/webhooks/alertmanager",
        &stack.url("webhooks/alertmanager"),
    );
    std::fs::write(operator.path("alertmanager.yml"), example).expect("written");
    let (status, findings) = operator
        .doctor(&["--alertmanager", &operator.path("alertmanager.yml")])
        .await;
    assert_eq!(status, Some(0), "{findings:#?}");
    let checks: Vec<&str> = findings
        .iter()
        .filter_map(|one| one["check"].as_str())
        .collect();
    for check in [
        "stack",
        "api",
        "clock",
        "functions",
        "concurrency",
        "recursion",
        "event-sources",
        "dead-letters",
        "backlog",
        "configuration",
        "secrets",
        "telegram",
        "run-command",
        "hosts",
        "network",
        "models",
        "alertmanager",
    ] {
        assert!(checks.contains(&check), "{check} is not in {checks:?}");
    }

    a_source_that_is_off(&operator).await;
    a_message_that_was_given_up(&operator).await;
    a_function_that_may_not_run(&operator).await;
    a_webhook_of_another_stack(&operator).await;
    a_secret_that_is_gone(&operator).await;
    files_that_differ(&operator).await;
    a_host_with_another_key(&operator).await;
    a_test_alert_goes_through(&operator).await;
}

async fn a_source_that_is_off(operator: &Operator<'_>) {
    let stack = operator.stack;
    let lambda = Lambda::new(&stack.aws());
    let name = &stack.facts.outputs["RepairFunctionName"];
    let sources = lambda.list_event_source_mappings().function_name(name);
    let sources = sources
        .send()
        .await
        .expect("an answer")
        .event_source_mappings
        .unwrap_or_default();
    let uuid = sources[0].uuid().expect("an id");
    let switch = async |on| {
        let update = lambda.update_event_source_mapping().uuid(uuid).enabled(on);
        update.send().await.expect("switched");
    };
    switch(false).await;
    let fault = operator.fault().await;
    assert!(
        fault.contains("RepairFunction takes nothing") && fault.contains(uuid),
        "{fault}"
    );
    switch(true).await;
}

async fn a_message_that_was_given_up(operator: &Operator<'_>) {
    let stack = operator.stack;
    let sqs = aws_sdk_sqs::Client::new(&stack.aws());
    let url = &stack.facts.outputs["NotificationsDeadLetterQueueUrl"];
    sqs.send_message()
        .queue_url(url)
        .message_body("{}")
        .send()
        .await
        .expect("sent");
    let fault = operator.fault().await;
    assert!(
        fault.contains("1 message of the queue Notifications"),
        "{fault}"
    );
    sqs.purge_queue()
        .queue_url(url)
        .send()
        .await
        .expect("purged");
}

async fn a_function_that_may_not_run(operator: &Operator<'_>) {
    let stack = operator.stack;
    let lambda = Lambda::new(&stack.aws());
    let name = &stack.facts.outputs["BridgeFunctionName"];
    let set = lambda.put_function_concurrency().function_name(name);
    set.reserved_concurrent_executions(0)
        .send()
        .await
        .expect("set");
    let fault = operator.fault().await;
    assert!(
        fault.contains(name.as_str()) && fault.contains("may not run at all"),
        "{fault}"
    );
    let unset = lambda.delete_function_concurrency().function_name(name);
    unset.send().await.expect("deleted");
}

async fn a_webhook_of_another_stack(operator: &Operator<'_>) {
    let stack = operator.stack;
    let telegram = &stack.facts.telegram;
    let set = async |url: &str| {
        let method = format!("{}/bot{}/setWebhook", telegram.base_url, telegram.token);
        let parameters =
            json!({ "url": url, "secret_token": stack.facts.secrets["telegram_webhook"] });
        let set = stack.http.post(method).json(&parameters).send().await;
        assert_eq!(set.expect("an answer").status(), 200);
    };
    set("https://other.test/hook").await;
    let fault = operator.fault().await;
    assert!(
        fault.contains("presses go to https://other.test/hook"),
        "{fault}"
    );
    set(&stack.url("webhooks/telegram")).await;
}

async fn a_secret_that_is_gone(operator: &Operator<'_>) {
    let stack = operator.stack;
    let secrets = aws_sdk_secretsmanager::Client::new(&stack.aws());
    let id = &stack.facts.outputs["WebhookSecretArn"];
    secrets
        .delete_secret()
        .secret_id(id)
        .send()
        .await
        .expect("deleted");
    let fault = operator.fault().await;
    assert!(
        fault.contains("is to be deleted") && fault.contains("restore-secret"),
        "{fault}"
    );
    secrets
        .restore_secret()
        .secret_id(id)
        .send()
        .await
        .expect("restored");
}

async fn files_that_differ(operator: &Operator<'_>) {
    let file = format!("{}/guardrails.yaml", operator.config());
    let before = std::fs::read_to_string(&file).expect("the file");
    std::fs::write(&file, format!("{before}\n# another\n")).expect("written");
    let (status, findings) = operator.doctor(&[]).await;
    let warnings = of_verdict(&findings, "warning").concat();
    assert_eq!(status, Some(0), "{findings:#?}");
    assert!(
        warnings.contains("guardrails.yaml is deployed with another content"),
        "{warnings}"
    );
    std::fs::write(&file, before).expect("written");
}

async fn a_host_with_another_key(operator: &Operator<'_>) {
    let file = format!("{}/service-registry.yaml", operator.config());
    let before = std::fs::read_to_string(&file).expect("the file");
    let pinned = before
        .lines()
        .find_map(|line| line.trim().strip_prefix("host_key: "));
    let pinned = pinned.expect("a host key");
    let other = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFIqhfeamdbLvVkHEalqFKPavMnlnmOEyn+pVOuZUKhL";
    std::fs::write(&file, before.replace(pinned, other)).expect("written");
    let (status, findings) = operator.doctor(&[]).await;
    let faults = of_verdict(&findings, "fault");
    assert_eq!(status, Some(1), "{findings:#?}");
    // The host carries two services.
    assert!(
        faults.len() == 2
            && faults
                .iter()
                .all(|one| one.contains("the host key of demo-")),
        "{faults:#?}"
    );
    std::fs::write(&file, before).expect("written");
}

async fn a_test_alert_goes_through(operator: &Operator<'_>) {
    let token = operator.path("token");
    std::fs::write(&token, &operator.stack.facts.tokens["ada"]).expect("written");
    let arguments = ["--deep", "--service", "demo-web", "--token-file", &token];
    let (status, findings) = operator.doctor(&arguments).await;
    let deep: Vec<&str> = findings
        .iter()
        .filter(|one| one["check"] == "deep")
        .filter_map(|one| one["text"].as_str())
        .collect();
    assert_eq!((status, deep.len()), (Some(0), 7), "{findings:#?}");
    let hops = [
        "counted",
        "analysed",
        "decided",
        "step begun",
        "step of ten seconds done",
        "checked",
    ];
    for (hop, text) in hops.iter().zip(&deep) {
        assert!(text.starts_with(hop), "{hop}: {text}");
    }
    let seconds = deep[4]
        .split(' ')
        .rev()
        .nth(1)
        .and_then(|number| number.parse::<f64>().ok());
    assert!(
        seconds.is_some_and(|seconds| seconds >= 10.0),
        "{}",
        deep[4]
    );
}
