//! Broken playbooks: one file after the other, and faults of many files at once.

use super::Change::{Append, Replace, Write};
use super::{CHANNELS, Case, GUARDRAILS, PLAYBOOKS, REGISTRY, broken};

pub(super) const CASES: &[Case] = &[
    broken(
        "many faults of many files, all at once",
        &[
            (PLAYBOOKS, Replace("risk: low", "risk: lwo")),
            (PLAYBOOKS, Replace("timeout: 60s", "timeout: soon")),
            (PLAYBOOKS, Replace("'{unit}', restart", "'{unti}', restart")),
            (PLAYBOOKS, Replace("retries: 6", "retires: 6")),
            (
                PLAYBOOKS,
                Replace("fact: missing, exits: 0", "fact: mising, exits: 0"),
            ),
            (REGISTRY, Replace("level: auto", "level: autp")),
            (REGISTRY, Replace("port: 22", "port: 222222")),
            (
                REGISTRY,
                Replace("instance_id: i-0abc", "instance_id: 0abc"),
            ),
            (
                GUARDRAILS,
                Replace("min_confidence: 0.6", "min_confidence: 6"),
            ),
            (
                GUARDRAILS,
                Replace("attempts_per_hour: 3", "attempts_per_hour: three"),
            ),
            ("analyzer.yaml", Replace("past_incidents", "past_incident")),
            (
                "static-rules.yaml",
                Replace("responsibility: COLLAB", "responsibility: TEAM"),
            ),
            (
                "alert-tables.json",
                Replace("\"subject_labels\"", "\"subject_label\""),
            ),
            (
                "alert-rules.json",
                Replace("\"type\": \"ssl_expiry\"", "\"type\": \"ssl_expired\""),
            ),
        ],
    ),
    broken(
        "a command as one text",
        &[(
            PLAYBOOKS,
            Replace(
                "[docker, compose, -p, '{unit}', restart]",
                "docker compose -p {unit} restart",
            ),
        )],
    ),
    broken(
        "a parameter without quotes",
        &[(PLAYBOOKS, Replace("'{unit}', restart", "{unit}, restart"))],
    ),
    broken(
        "a parameter without quotes inside a word",
        &[(
            PLAYBOOKS,
            Replace("'{unit}', restart", "{unit}.service, restart"),
        )],
    ),
    broken(
        "names of alerts as one text",
        &[(
            PLAYBOOKS,
            Replace(
                "alertnames: [SentryDown]",
                "alertnames: SentryDown, SentrySlow",
            ),
        )],
    ),
    broken(
        "a length of time without a unit",
        &[(PLAYBOOKS, Replace("timeout: 10s", "timeout: 10"))],
    ),
    broken(
        "a length of time that is too long",
        &[(PLAYBOOKS, Replace("timeout: 60s", "timeout: 20m"))],
    ),
    broken(
        "a risk with a capital letter",
        &[(PLAYBOOKS, Replace("risk: low", "risk: Low"))],
    ),
    broken(
        "a field in the wrong place",
        &[(
            PLAYBOOKS,
            Replace("  risk: low", "  risk: low\n  timeout: 30s"),
        )],
    ),
    broken(
        "a field that does not exist",
        &[(
            PLAYBOOKS,
            Replace("  risk: low", "  risk: low\n  owner: ops"),
        )],
    ),
    broken(
        "a field that is missing",
        &[(
            PLAYBOOKS,
            Replace("  name: Restart a Docker Compose service\n", ""),
        )],
    ),
    broken(
        "a list without items",
        &[(PLAYBOOKS, Replace("rollback: []", "rollback:"))],
    ),
    broken(
        "a field twice",
        &[(
            PLAYBOOKS,
            Replace("  risk: low", "  risk: low\n  risk: high"),
        )],
    ),
    broken(
        "a tab",
        &[(PLAYBOOKS, Replace("  risk: low", "\trisk: low"))],
    ),
    broken(
        "a second document",
        &[(PLAYBOOKS, Append("---\n- id: another\n"))],
    ),
    broken(
        "a bracket that is not closed",
        &[(PLAYBOOKS, Replace("restart]\n", "restart\n"))],
    ),
    broken(
        "a quote that is not closed",
        &[(PLAYBOOKS, Replace("name: Restart a", "name: 'Restart a"))],
    ),
    broken(
        "a dash without a space",
        &[(
            PLAYBOOKS,
            Replace("- id: start-sentry-stack", "-id: start-sentry-stack"),
        )],
    ),
    broken(
        "a line that is indented too far",
        &[(PLAYBOOKS, Replace("  risk: low", "   risk: low"))],
    ),
    broken(
        "a file of prose",
        &[(PLAYBOOKS, Write("Restart Sentry when it is down.\n"))],
    ),
    broken(
        "values where fields have to be",
        &[
            (PLAYBOOKS, Write("- just text\n- 5\n- [a]\n-\n")),
            (
                CHANNELS,
                Write(
                    "{ \"channels\": [5, null], \"routes\": {}, \"people\": { \"ada\": \"7\" } }\n",
                ),
            ),
        ],
    ),
    broken(
        "a colon in a text",
        &[(
            PLAYBOOKS,
            Replace(
                "name: Restart a Docker Compose service",
                "name: Restart: a Docker Compose service",
            ),
        )],
    ),
    broken(
        "a list with a name around it",
        &[
            (
                GUARDRAILS,
                Replace(
                    "freezes: []",
                    "freezes: { from: 2026-12-20, to: 2027-01-02, why: x }",
                ),
            ),
            (
                PLAYBOOKS,
                Write(
                    "playbooks:\n  - id: a\n    name: A\n    match: { alertnames: [Down] }\n    risk: low\n    steps: [{ run: [reboot] }]\n",
                ),
            ),
        ],
    ),
    broken(
        "the id of a playbook twice",
        &[(
            PLAYBOOKS,
            Replace("id: start-sentry-stack", "id: restart-compose-service"),
        )],
    ),
    broken(
        "an alert type that does not exist",
        &[(
            PLAYBOOKS,
            Replace("alert_types: []", "alert_types: [high-cpu, disk]"),
        )],
    ),
    broken(
        "a playbook for no alert",
        &[(
            PLAYBOOKS,
            Replace("alertnames: [SentryDown]", "alertnames: []"),
        )],
    ),
    broken(
        "a parameter from nowhere",
        &[(
            PLAYBOOKS,
            Replace("from: service.unit", "from: services.unit"),
        )],
    ),
    broken(
        "a pattern that is none",
        &[(
            PLAYBOOKS,
            Replace("'^[a-z0-9][a-z0-9_.-]{0,62}$'", "'^[a-z0-9'"),
        )],
    ),
    broken(
        "a condition on nothing",
        &[(
            PLAYBOOKS,
            Replace("{ fact: health, exits: 0, not: true }", "{ fact: health }"),
        )],
    ),
    broken(
        "a yes that is none",
        &[(
            PLAYBOOKS,
            Replace("idempotent: true", "idempotent: sometimes"),
        )],
    ),
];
