//! Tests of an `alertmanager.yml`: a good one, and each fault named with its mend.

use super::{Expected, File, judge};
use crate::doctor::finding::Verdict;

const URL: &str = "https://abc.execute-api.eu-central-1.amazonaws.com/api/v1/webhooks/alertmanager";

fn expected() -> Expected<'static> {
    Expected {
        url: URL,
        trusts_sources: false,
        stale_seconds: 18_000,
        resolve_within_seconds: 900,
        asks: false,
    }
}

/// The file of the repository, with this stack's URL.
fn example() -> String {
    let example = include_str!("../../../../infra/alertmanager.example.yml");
    let url =
        "https://abcde12345.execute-api.eu-central-1.amazonaws.com/api/v1/webhooks/alertmanager";
    assert!(example.contains(url));
    example.replace(url, URL)
}

fn found(text: &str, expected: &Expected<'_>) -> Vec<(Verdict, String)> {
    let file: File = serde_saphyr::from_str(text).expect("a file");
    let findings = judge(&file, expected).into_iter();
    findings
        .map(|one| {
            (
                one.verdict,
                format!("{} -> {}", one.text, one.mend.unwrap_or_default()),
            )
        })
        .collect()
}

#[test]
fn the_example_has_no_faults() {
    let faults: Vec<_> = found(&example(), &expected())
        .into_iter()
        .filter(|(verdict, _)| *verdict != Verdict::Ok)
        .collect();
    assert_eq!(faults, []);
}

#[test]
fn each_broken_file_is_named_with_its_mend() {
    let example = example();
    let without_auth = example
        .split("        http_config:")
        .next()
        .unwrap_or_default();
    let send = |changed: &str, with: &str| {
        assert!(example.contains(changed), "{changed}");
        example.replace(changed, with)
    };
    for (text, verdict, says) in [
        (
            send(URL, "https://hooks.example.com/x"),
            Verdict::Fault,
            ["no receiver is Quell", "add one"],
        ),
        (
            send("https://abc.", "https://other."),
            Verdict::Fault,
            ["is not this stack's", "write url"],
        ),
        (
            send("https://abc.", "http://abc."),
            Verdict::Fault,
            ["no TLS", "write url: https://"],
        ),
        (
            without_auth.to_owned(),
            Verdict::Fault,
            ["no credentials", "credentials_file"],
        ),
        (
            send("type: Bearer", "type: Digest"),
            Verdict::Fault,
            ["another type than Bearer", "Bearer"],
        ),
        (
            send("credentials_file: /etc/alertmanager/quell-token", "{}")
                .replace("            {}\n", ""),
            Verdict::Fault,
            ["no credentials", "credentials_file"],
        ),
        (
            format!("{without_auth}        http_config:\n          oauth2: {{ client_id: a }}\n"),
            Verdict::Fault,
            ["OAuth 2.0", "Bearer"],
        ),
        (
            send("send_resolved: true", "send_resolved: false"),
            Verdict::Fault,
            ["no incident ends", "send_resolved: true"],
        ),
        (
            send("max_alerts: 2000", "max_alerts: 0"),
            Verdict::Warning,
            ["413", "max_alerts: 2000"],
        ),
        (
            send("max_alerts: 2000", "max_alerts: 50000"),
            Verdict::Warning,
            ["50000 alerts", "max_alerts: 2000"],
        ),
        (
            send("max_alerts: 2000", "max_alerts: 2000\n        timeout: 5s"),
            Verdict::Warning,
            ["gives up after 5 s", "timeout: 30s"],
        ),
        (
            send(
                "authorization:",
                "tls_config: { insecure_skip_verify: true }\n          authorization:",
            ),
            Verdict::Warning,
            ["insecure_skip_verify", "leave"],
        ),
        (
            send("repeat_interval: 4h", "repeat_interval: 12h"),
            Verdict::Fault,
            ["43200 s", "EpisodeStaleSeconds"],
        ),
        (
            send("group_interval: 5m", "group_interval: 20m"),
            Verdict::Fault,
            ["1200 s late", "ResolveWithinSeconds"],
        ),
        (
            send(
                "group_wait: 10s",
                "group_wait: 10s\n  mute_time_intervals: [nights]",
            ),
            Verdict::Warning,
            ["muted at times", "let every alert come"],
        ),
        (
            send(
                "  routes:\n",
                "  routes:\n    - matchers: [team = \"web\"]\n      receiver: mail\n",
            ),
            Verdict::Warning,
            ["the route to mail (team = \"web\")", "continue: true"],
        ),
    ] {
        let found = found(&text, &expected());
        let named = found
            .iter()
            .any(|(found, told)| *found == verdict && says.iter().all(|says| told.contains(says)));
        assert!(named, "{says:?} is not in {found:#?}\n{text}");
    }
}

#[test]
fn what_makes_a_doubt_needless_silences_it() {
    let long = example().replace("repeat_interval: 4h", "repeat_interval: 12h");
    let asks = Expected {
        asks: true,
        ..expected()
    };
    let example = example();
    let without_auth = example
        .split("        http_config:")
        .next()
        .unwrap_or_default();
    let trusts = Expected {
        trusts_sources: true,
        ..expected()
    };
    for (text, expected) in [(long.as_str(), asks), (without_auth, trusts)] {
        let found = found(text, &expected);
        assert!(
            found.iter().all(|(verdict, _)| *verdict == Verdict::Ok),
            "{found:#?}"
        );
    }
}

#[test]
fn alerts_that_end_elsewhere_are_found() {
    let file = |routes: &str, root: &str| {
        format!(
            "route:\n  receiver: {root}\n  routes: {routes}\nreceivers:\n  - name: quell\n    webhook_configs: [{{ url: \"{URL}\", max_alerts: 2000, http_config: {{ basic_auth: {{}} }} }}]\n  - name: mail\n"
        )
    };
    let all = |receiver: &str, more: &str| format!("{{ receiver: {receiver}{more} }}");
    let some = |receiver: &str, more: &str| {
        format!("{{ receiver: {receiver}, matchers: ['team = \"a\"']{more} }}")
    };
    let on = ", continue: true";
    for (routes, root, leaks) in [
        // As most people begin: a route that takes all and goes on, before the others.
        (
            format!("[{}, {}]", all("quell", on), some("mail", "")),
            "mail",
            0,
        ),
        (
            format!("[{}, {}]", some("mail", on), all("quell", "")),
            "mail",
            0,
        ),
        (format!("[{}]", all("quell", "")), "mail", 0),
        ("[]".to_owned(), "quell", 0),
        // The route itself, for what fits no child.
        ("[]".to_owned(), "mail", 1),
        (format!("[{}]", some("quell", "")), "mail", 1),
        // A child that takes some of them away.
        (format!("[{}]", some("mail", "")), "quell", 1),
        (
            format!("[{}, {}]", some("mail", ""), all("quell", "")),
            "mail",
            1,
        ),
        (
            format!("[{}, {}]", some("mail", on), some("quell", "")),
            "quell",
            0,
        ),
        (
            format!(
                "[{}, {}]",
                some("mail", on),
                all("quell", ", matchers: [x = y]")
            ),
            "quell",
            1,
        ),
        // Children of a child, which inherit its receiver.
        (
            format!("[{}]", some("quell", ", routes: [{ receiver: mail }]")),
            "quell",
            1,
        ),
        (
            format!("[{}]", some("mail", ", routes: [{ receiver: quell }]")),
            "quell",
            0,
        ),
    ] {
        let text = file(&routes, root);
        let found = found(&text, &expected());
        let told = found
            .iter()
            .filter(|(_, told)| told.contains("do not come to Quell"));
        assert_eq!(told.count(), leaks, "{text}\n{found:#?}");
    }
}
