//! Tests of authentication by source address.

use serde_json::json;
use settings::variables::Variables;
use tests::alert::{TestAlert, unique};
use tests::stack::Stack;

use super::{answer, event};

#[tokio::test]
async fn ranges_of_sources_that_could_mean_two_things_stop_the_start() {
    let stack = Stack::start();
    let start = |ranges: &str| {
        let variables = Variables::from_fn(|name| {
            if name == "INTERNAL_CIDRS" {
                Some(ranges.to_owned())
            } else {
                stack.variable(name)
            }
        });
        ingress::config::Config::from_variables(&variables).map_err(|error| error.to_string())
    };
    for ranges in [
        "10.0.0.0",
        "10.0.0.0/33",
        "10.0.0/8",
        "010.0.0.0/8",
        "10.0.0.0/-8",
        "fe80::%eth0/10",
        "fe80::1%eth0/128",
        "fd00::/129",
        "10.0.0.0/8; 192.168.0.0/16",
        "10.0.0.0/8, internal",
        "localhost/32",
        "*",
        // A bit behind the mask: whoever wrote a host with its network's length meant one address, and would let in all.
        "10.1.2.3/8",
        "10.0.0.0/8, 192.168.1.7/24",
        "fd00::1/8",
    ] {
        let refused = start(ranges).expect_err(ranges);
        assert!(
            refused.contains("INTERNAL_CIDRS") && refused.contains("10.0.0.0/8"),
            "{ranges}: {refused}"
        );
    }
    for (ranges, number) in [
        ("", 0),
        (" , ", 0),
        ("10.0.0.0/8", 1),
        ("10.1.2.3/32, fd00::/8 ,::1/128", 3),
        ("0.0.0.0/0", 1),
    ] {
        assert_eq!(
            start(ranges).expect(ranges).internal.len(),
            number,
            "{ranges}"
        );
    }
    // The process says it too, and ends.
    let mut command = std::process::Command::new(
        std::env::current_exe()
            .expect("this test")
            .with_file_name("../ingress"),
    );
    command
        .env_clear()
        .env("INTERNAL_CIDRS", "10.1.2.3/8")
        .env("ENVIRONMENT", "prod");
    for name in [
        "TABLE_NAME",
        "INCIDENTS_QUEUE_URL",
        "NOTIFICATIONS_QUEUE_URL",
        "REPAIRS_QUEUE_URL",
        "SIGNALS_QUEUE_URL",
        "CONFIG_DIR",
        "CONTROL_TABLE_NAME",
        "PEOPLE_REPAIR_KEY_ID",
        "PEOPLE_BRIDGE_KEY_ID",
    ] {
        command.env(name, "x");
    }
    for name in [
        "WEBHOOK",
        "ALERTMANAGER",
        "TELEGRAM_WEBHOOK",
        "SLACK_SIGNING",
        "PAGERDUTY_WEBHOOK",
    ] {
        command.env(format!("{name}_SECRET_ID"), "x");
    }
    let done = command.output().expect("it runs");
    let said = String::from_utf8_lossy(&done.stdout);
    assert!(
        !done.status.success() && said.contains("INTERNAL_CIDRS is not"),
        "{said}"
    );
}

#[tokio::test]
async fn the_address_that_counts_is_the_one_that_api_gateway_saw() {
    let stack = Stack::start();
    let app = stack.ingress(&[("INTERNAL_CIDRS", "10.0.0.0/8, fd00::/8, fe80::/10")]);
    let alert = TestAlert::firing(unique("source"));
    let body = alert.delivery().to_string();
    let none = json!({ "content-type": "application/json" });
    let spoofed = json!({ "x-forwarded-for": "10.0.0.1", "x-real-ip": "10.0.0.1", "forwarded": "for=10.0.0.1" });
    for (source, headers, status) in [
        ("203.0.113.7", &none, 401),
        ("203.0.113.7", &spoofed, 401),
        ("not an address", &none, 401),
        ("", &none, 401),
        ("::ffff:203.0.113.7", &none, 401),
        // IPv4 in the old, compatible form is not mapped, and an address with anything around it is not an address: a zone
        // (which names an interface of whoever wrote it), a port, brackets, a number that could be octal.
        ("::10.1.2.3", &none, 401),
        ("fe80::1%eth0", &none, 401),
        ("fd00::7%1", &none, 401),
        ("[fd00::7]", &none, 401),
        ("10.1.2.3:443", &none, 401),
        ("10.1.2.3, 203.0.113.7", &none, 401),
        ("010.1.2.3", &none, 401),
        ("fe80::1", &none, 200),
        ("10.1.2.3", &none, 200),
        ("fd00::7", &none, 200),
        ("::ffff:10.1.2.3", &spoofed, 200),
    ] {
        assert_eq!(
            answer(&app, &event(&body, source, headers)).await.0,
            status,
            "{source} {headers}"
        );
        let written = stack
            .store
            .episode(&alert.fingerprint())
            .await
            .expect("the store answers")
            .is_some();
        assert_eq!(
            written,
            status == 200,
            "{source}: what is refused is not written"
        );
    }
    // Without a list nobody is internal.
    let strict = stack.ingress(&[]);
    assert_eq!(
        answer(&strict, &event(&body, "10.1.2.3", &none)).await.0,
        401
    );
}
