//! Tests of steps through SSM Run Command, in real boxes: the emulator runs the project's own
//! document in them, and the guard decides.

use std::collections::BTreeMap;
use std::fs;

use aws::signed::{CallError, SSM, SignedClient};
use bridge::App;
use bridge::ssh::login_key::LoginKey;
use bridge::ssm::session::Sessions;
use domain::incident::Status;
use domain::incident::operation_log::Event;
use domain::incident::repair::StepOutcome;
use domain::playbook::plan::Phase;
use domain::playbook::service::named;
use domain::playbook::ssm_target::SsmTarget;
use domain::primitives::id::IncidentId;
use jiff::SignedDuration;
use playbook_files::guard_lines::GuardLines;
use playbook_files::operator_files::{OperatorFiles, PLAYBOOKS, SERVICE_REGISTRY};
use repair::bridge_client::Bridge;
use secrecy::SecretString;
use serde_json::{Value, json};
use tests::alert::TestAlert;
use tests::bridging::{DOCUMENT, assert_exited, run_command_of, run_command_role, run_on};
use tests::roles::ATTEMPT;
use tests::ssm_boxes::{Boxes, engine};
use tests::stack::Stack;
use wire::bridge::{BRIDGE_VERSION, BridgeRequest};

/// What a shell would interpret; the guard's file has it as one line, and the program as three arguments.
const HOSTILE: [&str; 3] = ["a  b", "$(touch /tmp/x)", "'; touch /tmp/x"];

fn playbooks() -> Value {
    json!([
        {
            "id": "repair", "name": "Repair", "match": { "alertnames": ["Down"] }, "risk": "low",
            "parameters": { "value": { "from": "service.facts.value", "pattern": "[a-z]*" } },
            "steps": [
                { "run": ["sh", "-c", "echo out; echo err >&2"] },
                { "run": ["sh", "-c", "echo begun; exit 3"] },
                { "run": ["touch", "/tmp/forbidden"] },
                { "run": ["sh", "-c", "echo $$ > /tmp/late; exec sleep 60"], "timeout": "2s" },
                { "run": ["echo", HOSTILE[0], HOSTILE[1], HOSTILE[2]] },
                // Is it still there, and did anything else come into being?
                { "run": ["sh", "-c", "test ! -e /tmp/x && test ! -e /tmp/forbidden && ! kill -0 $(cat /tmp/late) 2>/dev/null"] },
            ],
        },
        {
            "id": "touch", "name": "Touch a file", "match": { "alertnames": ["TargetDown"], "services": ["web", "fleet"] }, "risk": "low",
            "steps": [{ "run": ["touch", "/tmp/repaired"] }],
            "verify": [{ "run": ["cat", "/tmp/repaired"] }],
        },
        {
            "id": "look", "name": "Look", "match": { "alertnames": ["Down"], "services": ["stranger"] }, "risk": "low",
            "steps": [{ "run": ["true"] }], "verify": [{ "run": ["true"] }],
        },
    ])
}

/// What an operator writes, once the instances are known.
fn registry(web: &str, stranger: &str) -> Value {
    let service = |name: &str, ssm: Value| json!({ "name": name, "level": "approval", "facts": { "value": "" }, "target": { "ssm": ssm } });
    json!([
        service("web", json!({ "instance_id": web })),
        service("stranger", json!({ "instance_id": stranger })),
        service(
            "fleet",
            json!({ "tag": "Service=fleet", "max_concurrency": "100%" })
        ),
        // One after the other, whatever becomes of the first.
        service("row", json!({ "tag": "Service=fleet", "max_errors": "1" })),
        service("nobody", json!({ "tag": "Service=nobody" })),
    ])
}

/// The boxes of a stack, and its files with them.
struct Place {
    stack: Stack,
    web: Boxes,
    fleet: Boxes,
    _stranger: Boxes,
    files: OperatorFiles,
}

impl Place {
    fn start() -> Self {
        let stack = Stack::start_with(&[]);
        let directory = stack.facts.target.config_dir.clone();
        let write = |registry: Value| {
            // JSON is YAML.
            fs::write(directory.join(PLAYBOOKS), playbooks().to_string()).expect("playbooks");
            fs::write(directory.join(SERVICE_REGISTRY), registry.to_string()).expect("services");
            OperatorFiles::load(&directory).expect("the files are right")
        };
        let files = write(registry("i-00000000", "i-00000000"));
        let lines = GuardLines::of(&files, named(&files.services, "web").expect("a service"))
            .expect("lines")
            .to_string();
        let allowed: String = lines
            .lines()
            .filter(|line| !line.contains("touch /tmp/forbidden"))
            .map(|line| format!("{line}\n"))
            .collect();
        assert!(
            allowed.len() < lines.len() && allowed.contains("/tmp/repaired"),
            "{lines}"
        );
        let boxes = |tags: &[(&str, &str)], count| {
            Boxes::start(
                &stack,
                &BTreeMap::from_iter(tags.iter().copied()),
                &allowed,
                count,
            )
        };
        let web = boxes(&[("Quell", "quell")], 1);
        let fleet = boxes(&[("Quell", "quell"), ("Service", "fleet")], 2);
        let stranger = boxes(&[], 1);
        let files = write(registry(&web.instances[0], &stranger.instances[0]));
        Self {
            stack,
            web,
            fleet,
            _stranger: stranger,
            files,
        }
    }

    async fn bridge(&self) -> App {
        let unused = LoginKey::Given(SecretString::from(String::new()));
        App::for_operator(self.files.clone(), unused)
            .with_run_command(run_command_of(&self.stack).await)
    }
}

#[tokio::test]
async fn steps_run_in_real_boxes_through_the_document_and_the_guard() {
    if !engine() {
        return;
    }
    let place = Place::start();
    one_box(&place).await;
    a_fleet(&place).await;
    a_repair_through_the_deployed_functions(&place).await;
    a_host_that_the_role_does_not_cover(&place).await;
    a_session_reaches_its_host_alone(&place).await;
    boxes_that_are_gone(&place).await;
}

/// The credentials of a step, in other hands.
async fn a_session_reaches_its_host_alone(place: &Place) {
    let bridge = place.stack.stolen("Bridge").await;
    let role = run_command_role(&place.stack).await;
    let sessions = Sessions::new(&bridge, ATTEMPT, role);
    let (web, other) = (&place.web.instances[0], &place.fleet.instances[0]);
    let host = SsmTarget::Instance { id: web.clone() };
    let session = sessions.open(&bridge, "web", DOCUMENT, &host).await;
    let client = SignedClient::new(&session.expect("a session"), &SSM, ATTEMPT);
    for (document, host, may) in [
        (DOCUMENT, web, true),
        (DOCUMENT, other, false),
        ("AWS-RunShellScript", web, false),
    ] {
        let command = json!({
            "DocumentName": document, "InstanceIds": [host], "Parameters": { "lineBase64": ["dHJ1ZQ=="], "executionTimeout": ["10"] },
        });
        let asked = client.call("SendCommand", &command.to_string()).await;
        let denied =
            matches!(&asked, Err(CallError::Refused { code, .. }) if code.contains("AccessDenied"));
        assert_eq!(denied, !may, "{document} on {host}: {asked:?}");
    }
}

async fn one_box(place: &Place) {
    let app = place.bridge().await;
    let reply = run_on(&app, "web", 0, "").await;
    assert_exited(&reply, 0);
    assert_eq!(
        (reply.result.stdout.as_str(), reply.result.stderr.as_str()),
        ("out\n", "err\n")
    );

    let reply = run_on(&app, "web", 1, "").await;
    assert_exited(&reply, 3);
    assert_eq!(reply.result.stdout, "begun\n");

    let reply = run_on(&app, "web", 2, "").await;
    assert_exited(&reply, 126);
    assert!(
        reply
            .result
            .stderr
            .contains("not one of those in /etc/quell/allowed"),
        "{reply:?}"
    );

    let reply = run_on(&app, "web", 3, "").await;
    assert_eq!(reply.result.outcome, StepOutcome::TimedOut, "{reply:?}");
    assert!(
        (2_000..15_000).contains(&reply.result.duration_ms),
        "{reply:?}"
    );

    let reply = run_on(&app, "web", 4, "").await;
    assert_exited(&reply, 0);
    assert_eq!(reply.result.stdout, format!("{}\n", HOSTILE.join(" ")));

    assert_exited(&run_on(&app, "web", 5, "").await, 0);
}

async fn a_fleet(place: &Place) {
    let app = place.bridge().await;
    let reply = run_on(&app, "fleet", 0, "").await;
    assert_exited(&reply, 0);
    assert!(
        reply
            .result
            .detail
            .to_string()
            .contains("all 2 hosts of fleet"),
        "{reply:?}"
    );
    assert_eq!(reply.result.stdout.matches("out\n").count(), 2, "{reply:?}");

    let reply = run_on(&app, "fleet", 1, "").await;
    assert_exited(&reply, 3);
    assert!(
        reply
            .result
            .detail
            .to_string()
            .starts_with("0 of 2 hosts succeeded.")
            && reply.result.stdout == "begun\n",
        "{reply:?}"
    );

    // The agent of the first host ends the step in time; by then the step's time is up, and the bridge cancels it on the second.
    let reply = run_on(&app, "row", 3, "").await;
    assert_eq!(reply.result.outcome, StepOutcome::TimedOut, "{reply:?}");
    assert!(
        reply
            .result
            .detail
            .to_string()
            .starts_with("0 of 2 hosts succeeded.")
            && reply.result.duration_ms < 15_000,
        "{reply:?}"
    );
    assert_exited(&run_on(&app, "row", 5, "").await, 0);

    let reply = run_on(&app, "nobody", 0, "").await;
    assert_eq!(reply.result.outcome, StepOutcome::Unreachable, "{reply:?}");
    assert!(
        reply
            .result
            .detail
            .to_string()
            .contains("No host with the tag Service=nobody"),
        "{reply:?}"
    );
}

/// From the alert to the verified repair, with the roles of the template.
async fn a_repair_through_the_deployed_functions(place: &Place) {
    let stack = &place.stack;
    for service in ["web", "fleet"] {
        let incident = stack.awaiting_approval(&TestAlert::firing(service)).await;
        stack.approve(&incident).await;
        stack.status(incident.id.as_str(), Status::Repaired).await;
        let log = stack
            .log_with(incident.id.as_str(), Event::VerificationFinished)
            .await;
        assert!(
            log.iter()
                .any(|entry| entry.event == Event::StepFinished && entry.success),
            "{log:#?}"
        );
    }
}

/// The template lets the bridge send commands to hosts with the tag `Quell` only.
async fn a_host_that_the_role_does_not_cover(place: &Place) {
    let function = place.stack.facts.outputs["BridgeFunctionName"].clone();
    let request = BridgeRequest {
        v: BRIDGE_VERSION,
        incident_id: IncidentId::try_from("01JH2V5C8Z4N6QW9X3T7RB0KDM").expect("a ULID"),
        playbook: "look".into(),
        // A check, which nobody has to decide on.
        phase: Phase::Verify,
        step: 0,
        parameters: BTreeMap::new(),
        target: "stranger".into(),
        round: 0,
        number: 1,
        decision: None,
    };
    let result = Bridge::new(&place.stack.aws(), function)
        .run(&request, SignedDuration::from_mins(1))
        .await;
    assert_eq!(result.outcome, StepOutcome::Refused, "{result:?}");
    assert!(
        result.detail.to_string().contains("AccessDenied")
            && result.detail.to_string().contains("SsmTargetTag"),
        "{result:?}"
    );
}

/// What AWS says of a host without an agent.
async fn boxes_that_are_gone(place: &Place) {
    let app = place.bridge().await;
    place.web.switch_off(&place.web.instances[0]);
    let reply = run_on(&app, "web", 0, "").await;
    assert_eq!(reply.result.outcome, StepOutcome::Unreachable, "{reply:?}");
    assert!(
        reply
            .result
            .detail
            .to_string()
            .contains("its SSM agent is connected")
            && reply.argv.is_empty(),
        "{reply:?}"
    );

    place.fleet.switch_off(&place.fleet.instances[0]);
    let reply = run_on(&app, "fleet", 0, "").await;
    assert_exited(&reply, 0);
}
