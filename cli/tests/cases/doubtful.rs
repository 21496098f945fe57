//! Files that are valid and hardly meant so.

use super::Change::{Append, Replace, Write};
use super::{CHANNELS, Case, GUARDRAILS, PLAYBOOKS, REGISTRY, TEAM, doubtful};

pub(super) const CASES: &[Case] = &[
    doubtful(
        "a service that does not say where it lives",
        &[(REGISTRY, Replace("  match: { namespace: shop }\n", ""))],
    ),
    doubtful(
        "an auto at a risk that always asks",
        &[(PLAYBOOKS, Replace("risk: low", "risk: medium"))],
    ),
    doubtful(
        "an auto for services that ask",
        &[(
            PLAYBOOKS,
            Replace("    services: [sentry]", "    services: [checkout-web]"),
        )],
    ),
    doubtful(
        "an auto without checks",
        &[(
            PLAYBOOKS,
            Replace(
                "  verify:\n    - run: [curl, -fsS, --max-time, '5', 'http://127.0.0.1:9000/_health/']\n      timeout: 10s\n      retries: 6\n      every: 5s\n  rollback: []",
                "  rollback: []",
            ),
        )],
    ),
    doubtful(
        "a service that no automatic playbook fits",
        &[
            (
                REGISTRY,
                Replace(
                    "- name: ledger-db\n  level: manual",
                    "- name: ledger-db\n  match: { cluster: prod }\n  level: auto",
                ),
            ),
            (PLAYBOOKS, Write("[]\n")),
        ],
    ),
    doubtful(
        "a playbook for services that are not there",
        &[(
            PLAYBOOKS,
            Replace("    services: [sentry]", "    services: [sentri]"),
        )],
    ),
    doubtful(
        "a playbook for a fact that no service has",
        &[(
            PLAYBOOKS,
            Replace(
                "service.facts.compose_directory",
                "service.facts.compose_dir",
            ),
        )],
    ),
    doubtful(
        "a playbook for a heartbeat",
        &[
            (
                PLAYBOOKS,
                Replace("[SentryDown]", "[SentryDown, Watchdog, CI_Build]"),
            ),
            ("alert-rules.json", Append("\n")),
        ],
    ),
    doubtful(
        "a static rule for a playbook that is not there",
        &[(
            "static-rules.yaml",
            Replace(
                "speaks_for: [renew-certificate]",
                "speaks_for: [renew-certificates]",
            ),
        )],
    ),
    doubtful(
        "an automatic service on which every plan is risky",
        &[(
            REGISTRY,
            Replace(
                "level: auto\n  match: { cluster: prod, namespace: tools }",
                "level: auto\n  criticality: critical\n  match: { cluster: prod, namespace: tools }",
            ),
        )],
    ),
    doubtful(
        "limits that stop everything",
        &[
            (
                GUARDRAILS,
                Replace("min_confidence: 0.6", "min_confidence: 1"),
            ),
            (GUARDRAILS, Replace("auto_from: 0.8", "auto_from: 1")),
            (
                PLAYBOOKS,
                Write(
                    "- id: restart\n  name: Restart\n  match: { alert_types: [high_memory] }\n  risk: low\n  auto: { max_severity: P2, earned: true }\n  steps: [{ run: [systemctl, restart, web] }]\n  verify: [{ run: [systemctl, is-active, web] }]\n",
                ),
            ),
        ],
    ),
    doubtful(
        "a group that no service is in",
        &[(
            GUARDRAILS,
            Replace("groups: {}", "groups: { monitorin: { at_most: 2 } }"),
        )],
    ),
    doubtful(
        "an alert rule behind a wider one",
        &[(
            "alert-rules.json",
            Replace(
                "  \"rules\": [\n",
                "  \"rules\": [\n    { \"alerts\": [\"Shop*\"], \"type\": \"high_cpu\" },\n    { \"alerts\": [\"ShopDown\"], \"type\": \"service_404\" },\n",
            ),
        )],
    ),
    doubtful(
        "routes and rules that nothing reaches",
        &[
            (CHANNELS, Write(TEAM)),
            (
                CHANNELS,
                Replace(
                    "{ \"channels\": [\"ops\"] }",
                    "{ \"severities\": [\"P1\"], \"channels\": [\"ops\"] }, { \"channels\": [\"ops\"] }",
                ),
            ),
            (
                CHANNELS,
                Replace(
                    "{ \"risks\": [\"low\"], \"people\": [\"ada\", \"bob\"] }",
                    "{ \"people\": [\"ada\"] }",
                ),
            ),
        ],
    ),
    doubtful(
        "channels, people and services that nothing names",
        &[
            (CHANNELS, Write(TEAM)),
            (CHANNELS, Replace("[\"ops\", \"team\"]", "[\"ops\"]")),
            (
                CHANNELS,
                Replace(
                    "\"ada\": {",
                    "\"carol\": { \"api\": true },\n    \"ada\": {",
                ),
            ),
            (
                CHANNELS,
                Replace("\"risks\": [\"low\"]", "\"services\": [\"sentri*\"]"),
            ),
        ],
    ),
    doubtful(
        "incidents that go nowhere, and services without an approver",
        &[
            (CHANNELS, Write(TEAM)),
            (
                CHANNELS,
                Replace(
                    "{ \"channels\": [\"ops\"] }",
                    "{ \"severities\": [\"P2\"], \"channels\": [\"ops\"] }",
                ),
            ),
            (
                CHANNELS,
                Replace(
                    "{ \"people\": [\"ada\"], \"then\"",
                    "{ \"services\": [\"s*\", \"c*\", \"i*\", \"queue-*\"], \"people\": [\"ada\"], \"then\"",
                ),
            ),
        ],
    ),
    doubtful(
        "no channel, and no approver",
        &[(CHANNELS, Write("{ \"channels\": [], \"approvals\": [] }\n"))],
    ),
    doubtful(
        "a person twice",
        &[
            (CHANNELS, Write(TEAM)),
            (
                CHANNELS,
                Replace(
                    "\"ada\": {",
                    "\"bob\": { \"telegram\": 9 },\n    \"ada\": {",
                ),
            ),
        ],
    ),
];
