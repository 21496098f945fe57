//! Tests of `quell run`: it has to be dry, and says why nothing would run.

use super::{secret, told};

#[test]
fn run_without_dry_run_is_refused() {
    let arguments = [
        "run",
        "--playbook",
        "restart-compose-service",
        "--target",
        "sentry",
        "--local",
        "--key-file",
        "/dev/null",
    ];
    let (status, found, complaint) = told(&arguments, "");
    assert_eq!((status, found.as_str()), (Some(2), ""));
    assert!(
        complaint.contains("repairs run only through an approval"),
        "{complaint}"
    );
}

#[test]
fn a_dry_run_says_why_nothing_would_run() {
    let (_kept, key) = secret("no key at all");
    let dry_run = |playbook: &str, target: &str| {
        told(
            &[
                "run",
                "--dry-run",
                "--playbook",
                playbook,
                "--target",
                target,
                "--local",
                "--key-file",
                &key,
            ],
            "",
        )
    };
    for (playbook, target, status, says) in [
        (
            "restart-compose-service",
            "ledger-db",
            1,
            "Nothing would run: the service ledger-db is repaired by hand only (level manual).",
        ),
        (
            "restart-compose-service",
            "checkout-web",
            1,
            "the playbook restart-compose-service is not for the service checkout-web",
        ),
        (
            "restart-systemd-unit",
            "checkout-web",
            1,
            "the value of the parameter unit does not match its pattern",
        ),
        (
            "restart-compose-service",
            "sentry",
            1,
            "does not hold a private key",
        ),
        (
            "no-such-playbook",
            "sentry",
            2,
            "playbooks.yaml has no playbook no-such-playbook; it has ",
        ),
        (
            "restart-compose-service",
            "nowhere",
            2,
            "service-registry.yaml has no service nowhere; it has ",
        ),
    ] {
        let (code, found, complaint) = dry_run(playbook, target);
        assert!(
            code == Some(status) && format!("{found}{complaint}").contains(says),
            "{playbook} {target}: {found}{complaint}"
        );
    }
}
