//! Broken service registries, guardrails and files of the analyzer.

use super::Change::{Remove, Replace, Write};
use super::{Case, GUARDRAILS, REGISTRY, broken};

pub(super) const CASES: &[Case] = &[
    broken(
        "a service without a place",
        &[(
            REGISTRY,
            Replace("  match: { cluster: prod, namespace: tools }\n", ""),
        )],
    ),
    broken(
        "two ways to a host",
        &[(
            REGISTRY,
            Replace(
                "    ssh:\n      host: sentry",
                "    ssm: { instance_id: i-0abcdef1234567890 }\n    ssh:\n      host: sentry",
            ),
        )],
    ),
    broken(
        "an instance and a tag",
        &[(
            REGISTRY,
            Replace(
                "instance_id: i-0abcdef1234567890",
                "instance_id: i-0abcdef1234567890\n      tag: a=b",
            ),
        )],
    ),
    broken(
        "a host key of RSA",
        &[(REGISTRY, Replace("ssh-ed25519 AAAA", "ssh-rsa AAAA"))],
    ),
    broken(
        "the name of a service twice",
        &[(REGISTRY, Replace("name: checkout-web", "name: sentry"))],
    ),
    broken(
        "a cluster that is a number",
        &[(REGISTRY, Replace("cluster: prod", "cluster: 5"))],
    ),
    broken(
        "fields where a text has to be",
        &[(REGISTRY, Replace("unit: sentry", "unit: { name: sentry }"))],
    ),
    broken(
        "a limit of nothing",
        &[(
            GUARDRAILS,
            Replace("attempts_per_hour: 3", "attempts_per_hour: 0"),
        )],
    ),
    broken(
        "a limit that is missing",
        &[(GUARDRAILS, Replace("max_in_group: 1\n", ""))],
    ),
    broken(
        "a limit of half",
        &[(
            GUARDRAILS,
            Replace("max_in_group: 1\n", "max_in_group: 1.5\n"),
        )],
    ),
    broken(
        "a freeze with a date and no time",
        &[(
            GUARDRAILS,
            Replace(
                "freezes: []",
                "freezes:\n  - { from: 2026-12-20, to: 2027-01-02, why: holidays }\n  - { weekly: { from: Friday, to: 'Mon 07:00', zone: Europe/Berln }, why: weekend }",
            ),
        )],
    ),
    broken(
        "levels in the wrong order",
        &[(
            GUARDRAILS,
            Replace(
                "approve_from: 0.5, auto_from: 0.8",
                "approve_from: 0.9, auto_from: 0.8",
            ),
        )],
    ),
    broken(
        "services that need what is not there, and each other",
        &[
            (
                REGISTRY,
                Replace("depends_on: [ledger-db]", "depends_on: [ledger-bd]"),
            ),
            (
                REGISTRY,
                Replace(
                    "criticality: high",
                    "criticality: hihg\n  depends_on: [storefront]",
                ),
            ),
        ],
    ),
    broken(
        "services that need each other",
        &[(
            REGISTRY,
            Replace(
                "criticality: high",
                "criticality: high\n  depends_on: [storefront]",
            ),
        )],
    ),
    broken(
        "a share of a group above one",
        &[(
            GUARDRAILS,
            Replace(
                "groups: {}",
                "groups: { web: { share: 25 }, db: { atmost: 1 } }",
            ),
        )],
    ),
    broken(
        "an empty file of limits",
        &[(GUARDRAILS, Write("# nothing\n"))],
    ),
    broken("a file that is not there", &[(GUARDRAILS, Remove)]),
    broken(
        "a model without a price",
        &[(
            "analyzer.yaml",
            Replace(
                "providers: []",
                "providers:\n  - { name: openai, api: opneai, model: gpt5-mini, timeout: 5 }",
            ),
        )],
    ),
    broken(
        "queries for a type that does not exist",
        &[(
            "analyzer.yaml",
            Replace(
                "evidence:\n",
                "evidence:\n  prometheus:\n    url: prometheus.ops.example\n    queries: { high_cpo: [{ name: load, query: up }] }\n",
            ),
        )],
    ),
    broken(
        "a price in words",
        &[(
            "model-prices.yaml",
            Replace(
                "input_usd_per_million: 0.25",
                "input_usd_per_million: cheap",
            ),
        )],
    ),
    broken(
        "a type without a static rule",
        &[(
            "static-rules.yaml",
            Replace("for: high_cpu", "for: high_memory"),
        )],
    ),
];
