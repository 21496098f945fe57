//! Test of the commands that go through the API, against the deployed stack: a person lists, shows, approves and exports an incident with
//! a profile and their own token.

use domain::incident::Status;
use domain::incident::operation_log::Event;
use domain::primitives::time::utc_day;
use jiff::Timestamp;
use serde_json::Value;
use tempfile::TempDir;
use tests::alert::TestAlert;
use tests::quell::quell;
use tests::stack::{Stack, wait_for};

/// A person's machine: a profile with the stack's URL and the person's token, and nothing of AWS.
struct Machine {
    home: TempDir,
}

impl Machine {
    fn of(stack: &Stack) -> Self {
        let home = tempfile::tempdir().expect("a directory");
        let directory = home.path().join("quell");
        std::fs::create_dir(&directory).expect("a directory");
        std::fs::write(home.path().join("token"), &stack.facts.tokens["ada"]).expect("written");
        let url = &stack.facts.api_url;
        let profile = format!("[profiles.local]\nurl = {url:?}\ntoken_file = \"~/token\"\n");
        std::fs::write(directory.join("config.toml"), profile).expect("written");
        Self { home }
    }

    fn told(&self, arguments: &[&str]) -> (Option<i32>, String) {
        let done = quell(None)
            .args(arguments)
            .env("HOME", self.home.path())
            .env("XDG_CONFIG_HOME", self.home.path())
            .output()
            .expect("it runs");
        let text = [done.stdout, done.stderr].concat();
        (done.status.code(), String::from_utf8(text).expect("UTF-8"))
    }

    fn prints(&self, arguments: &[&str]) -> String {
        let (status, text) = self.told(arguments);
        assert_eq!(status, Some(0), "{arguments:?}: {text}");
        text
    }
}

#[tokio::test]
async fn a_person_lists_shows_approves_and_exports() {
    let stack = Stack::start();
    let alert = TestAlert::firing(&stack.facts.target.service);
    let incident = stack.awaiting_approval(&alert).await;
    let (id, machine) = (incident.id.as_str(), Machine::of(&stack));
    let plan = incident.plan.as_ref().expect("a plan");

    // All pages: other stories leave many incidents, and a page without any that fits has a next one. The console keeps what it has read
    // of them for some seconds.
    let filter = ["--open", "--all", "--namespace", &alert.namespace];
    let list = [&["incidents"], &filter[..]].concat();
    let listed = wait_for("the incident in the list", async || {
        Some(machine.prints(&list)).filter(|listed| listed.contains(id))
    })
    .await;
    assert!(listed.contains("awaiting_approval"), "{listed}");
    let shown = machine.prints(&["show", id]);
    for says in [
        plan.hash().as_str(),
        "supervisorctl restart web",
        "it waits since ",
        "ALERT_RECEIVED",
    ] {
        assert!(shown.contains(says), "{says} is not in\n{shown}");
    }
    let (status, refused) = machine.told(&["approve", id]);
    assert!(
        status == Some(2) && refused.contains("give --yes"),
        "{refused}"
    );
    assert_eq!(
        stack.read(&incident.id).await.status,
        Status::AwaitingApproval
    );

    let done = machine.prints(&["approve", id, "--yes"]);
    assert!(
        done.starts_with(&format!("done: {id} is ")) && done.contains("; decided by ada"),
        "{done}"
    );
    stack.status(id, Status::Repaired).await;
    let (status, again) = machine.told(&["reject", id, "--yes"]);
    assert!(
        status == Some(1) && again.contains("is approved already"),
        "{again}"
    );
    stack.log_with(id, Event::VerificationFinished).await;
    exported(&stack, &machine, id).await;
    // The console's lists are cached for some seconds: a report looks at what has been for longer.
    let week = utc_day(Timestamp::now()).iso_week_date();
    let week = format!("{}-W{:02}", week.year(), week.week());
    let report = machine.prints(&["report", "--week", &week, "--output", "json"]);
    let report: Value = serde_json::from_str(&report).expect("JSON");
    let verified = &report["repairs"][plan.playbook.as_str()]["verified"];
    assert!(verified.as_u64().is_some_and(|count| count > 0), "{report}");
}

/// The review has every entry of the log, and the JSON what the table has.
async fn exported(stack: &Stack, machine: &Machine, id: &str) {
    let review = machine.prints(&["export", "incident", id]);
    for says in [
        "## Timeline",
        "## Follow-ups",
        "(#entry-1)",
        "`verified`",
        "`APPROVAL_DECIDED`",
    ] {
        assert!(review.contains(says), "{says} is not in\n{review}");
    }
    let json = machine.prints(&["export", "incident", id, "--format", "json"]);
    let json: Value = serde_json::from_str(&json).expect("JSON");
    let incident = id.try_into().expect("an id");
    let log = stack.store.log(&incident).await.expect("the log");
    let entries = json["entries"].as_array().expect("entries");
    assert!(
        !entries.is_empty() && entries.len() <= log.len(),
        "{} of {}",
        entries.len(),
        log.len()
    );
    for (shown, kept) in entries.iter().zip(&log) {
        assert_eq!(shown["hash"], kept.hash.as_str());
    }
    // The log goes on between the two.
    let reviewed = review.matches("\n#### Entry ").count();
    assert!(
        (1..=entries.len()).contains(&reviewed),
        "{reviewed} of {}",
        entries.len()
    );
}
