//! The broken configurations: the shipped files with one or a few changes each.

/// A configuration.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    /// False if the changes are only doubtful.
    pub(crate) is_error: bool,
    pub(crate) changes: &'static [(&'static str, Change)],
}

/// A change of a file.
pub(crate) enum Change {
    /// The first text becomes the second.
    Replace(&'static str, &'static str),
    Append(&'static str),
    Write(&'static str),
    Remove,
}

use Change::{Append, Remove, Replace, Write};

const PLAYBOOKS: &str = "playbooks.yaml";
const REGISTRY: &str = "service-registry.yaml";
const GUARDRAILS: &str = "guardrails.yaml";
const CHANNELS: &str = "channels.json";
const PEOPLE: &str = "people.json";
const TEMPLATE: &str = "templates/en/incident.html";

const fn broken(name: &'static str, changes: &'static [(&'static str, Change)]) -> Case {
    Case {
        name,
        is_error: true,
        changes,
    }
}

const fn doubtful(name: &'static str, changes: &'static [(&'static str, Change)]) -> Case {
    Case {
        name,
        is_error: false,
        changes,
    }
}

/// Channels, people and rules that are right.
const TEAM: &str = r#"{
  "channels": [
    { "name": "ops", "to": { "telegram": { "chat_id": -100123 } } },
    { "name": "team", "to": { "slack": { "channel_id": "C0123456789", "token_secret": "quell/slack" } } }
  ],
  "routes": [
    { "severities": ["P0", "P1"], "channels": ["ops", "team"] },
    { "channels": ["ops"] }
  ],
  "people": {
    "ada": { "telegram": 7 },
    "bob": { "slack": "U0123456789" }
  },
  "approvals": [
    { "risks": ["low"], "people": ["ada", "bob"] },
    { "people": ["ada"], "then": ["bob"], "escalate_after_seconds": 600 }
  ]
}
"#;

/// Who of the team is on duty, right as well.
const DUTY: &str = r#"{
  "teams": {
    "web": {
      "levels": [
        {
          "rotation": {
            "zone": "Europe/Berlin",
            "hand_over": "09:00",
            "first": "2026-01-05",
            "members": ["ada", "bob"],
            "overrides": [
              { "from": "2026-07-15T18:00:00+02:00", "until": "2026-07-16T09:00:00+02:00", "person": "bob" }
            ]
          },
          "wait_seconds": 600
        },
        { "people": ["bob"] }
      ]
    }
  }
}
"#;

pub(crate) const CASES: &[Case] = &[
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
    broken(
        "a comma too many",
        &[(CHANNELS, Replace("\"approvals\": []", "\"approvals\": [],"))],
    ),
    broken(
        "a comment in JSON",
        &[(
            CHANNELS,
            Replace("  \"language\"", "  // the language of all\n  \"language\""),
        )],
    ),
    broken(
        "a byte order mark",
        &[(CHANNELS, Write("\u{feff}{ \"language\": \"en\" }\n"))],
    ),
    broken(
        "a comma that is missing",
        &[(CHANNELS, Replace("\"en\",", "\"en\""))],
    ),
    broken(
        "charts where no picture can be sent",
        &[(
            CHANNELS,
            Write(
                "{ \"channels\": [{ \"name\": \"team\", \"charts\": true, \"to\": { \"teams\": { \"url_secret\": \"s\" } } }], \"routes\": [{ \"channels\": [\"team\"] }] }\n",
            ),
        )],
    ),
    broken(
        "names of people and channels that are not there",
        &[
            (CHANNELS, Write(TEAM)),
            (
                CHANNELS,
                Replace(
                    "\"channels\": [\"ops\", \"team\"]",
                    "\"channels\": [\"opps\", \"team\"]",
                ),
            ),
            (
                CHANNELS,
                Replace("\"then\": [\"bob\"]", "\"then\": [\"bbo\"]"),
            ),
            (
                CHANNELS,
                Replace(
                    "\"people\": [\"ada\", \"bob\"]",
                    "\"people\": [\"ada\", \"eve\"]",
                ),
            ),
            (CHANNELS, Replace("\"P0\", \"P1\"", "\"P0\", \"P5\"")),
        ],
    ),
    broken(
        "numbers in quotes and names as one text",
        &[
            (CHANNELS, Write(TEAM)),
            (CHANNELS, Replace("-100123", "\"-100123\"")),
            (CHANNELS, Replace("600", "\"600\"")),
            (CHANNELS, Replace("[\"low\"]", "\"low\"")),
            (CHANNELS, Replace("\"U0123456789\"", "123")),
        ],
    ),
    broken(
        "numbers, flags and lists where texts belong, in channels.json",
        &[
            (CHANNELS, Write(TEAM)),
            (
                CHANNELS,
                Replace(
                    "{\n  \"channels\"",
                    "{\n  \"time_zone\": 8,\n  \"language\": true,\n  \"channels\"",
                ),
            ),
            (CHANNELS, Replace("\"name\": \"ops\"", "\"name\": 5")),
            (
                CHANNELS,
                Replace(
                    "\"chat_id\": -100123",
                    "\"chat_id\": [-100123], \"bot_username\": 7, \"api_url\": false",
                ),
            ),
            (CHANNELS, Replace("\"C0123456789\"", "[\"C0123456789\"]")),
            (CHANNELS, Replace("\"quell/slack\"", "true")),
            (
                CHANNELS,
                Replace(
                    "{ \"telegram\": 7 }",
                    "{ \"telegram\": [7], \"email\": 7, \"pagerduty\": 7, \"quiet\": { \"zone\": [1, 2], \"from\": 22, \"until\": [7] } }",
                ),
            ),
            (
                CHANNELS,
                Replace(
                    "\"bob\": { \"slack\": \"U0123456789\" }",
                    "\"bob\": { \"slack\": [] }",
                ),
            ),
            (
                CHANNELS,
                Replace("\"then\": [\"bob\"]", "\"then\": [5, true]"),
            ),
        ],
    ),
    broken(
        "an address in place of an id of PagerDuty",
        &[
            (CHANNELS, Write(TEAM)),
            (
                CHANNELS,
                Replace("\"telegram\": 7", "\"pagerduty\": \"ada@example.com\""),
            ),
        ],
    ),
    broken(
        "a wait of a month",
        &[
            (CHANNELS, Write(TEAM)),
            (CHANNELS, Replace("600", "2592000")),
        ],
    ),
    broken(
        "a channel of an unknown kind",
        &[
            (CHANNELS, Write(TEAM)),
            (CHANNELS, Replace("\"telegram\": {", "\"telegramm\": {")),
            (
                CHANNELS,
                Replace(
                    "\"slack\": { \"channel_id\"",
                    "\"discord\": { \"channel_id\"",
                ),
            ),
        ],
    ),
    broken(
        "patterns that take every alert",
        &[
            ("alert-tables.json", Replace("\"CI_*\"", "\"*\"")),
            ("alert-rules.json", Replace("\"KubeNodePressure\"", "\"*\"")),
        ],
    ),
    doubtful(
        "a misnamed file",
        &[
            ("playbook.yaml", Write("[]\n")),
            ("channels.yml", Write("{}\n")),
            ("notes.txt", Write("to do\n")),
        ],
    ),
    doubtful("a list where fields belong", &[(CHANNELS, Write("[]\n"))]),
    doubtful(
        "empty files",
        &[
            ("analyzer.yaml", Write("# later\n")),
            ("model-prices.yaml", Write("")),
        ],
    ),
    broken(
        "people on duty who are not there",
        &[
            (CHANNELS, Write(TEAM)),
            (PEOPLE, Write(DUTY)),
            (PEOPLE, Replace("[\"ada\", \"bob\"]", "[\"ada\", \"bobb\"]")),
            (
                PEOPLE,
                Replace("\"person\": \"bob\"", "\"person\": \"carol\""),
            ),
            (
                PEOPLE,
                Replace("\"people\": [\"bob\"]", "\"people\": [\"Bob\"]"),
            ),
        ],
    ),
    broken(
        "a rotation in a zone that does not exist",
        &[
            (CHANNELS, Write(TEAM)),
            (PEOPLE, Write(DUTY)),
            (PEOPLE, Replace("Europe/Berlin", "Europe/Berln")),
        ],
    ),
    broken(
        "overrides of one rotation that overlap",
        &[
            (CHANNELS, Write(TEAM)),
            (PEOPLE, Write(DUTY)),
            (
                PEOPLE,
                Replace(
                    "\"person\": \"bob\" }\n",
                    "\"person\": \"bob\" },\n              { \"from\": \"2026-07-16T08:00:00+02:00\", \"until\": \"2026-07-17T09:00:00+02:00\", \"person\": \"ada\" }\n",
                ),
            ),
        ],
    ),
    broken(
        "a hand-over as a number",
        &[
            (CHANNELS, Write(TEAM)),
            (PEOPLE, Write(DUTY)),
            (PEOPLE, Replace("\"09:00\"", "9")),
        ],
    ),
    broken(
        "numbers, flags and lists where texts belong, in people.json",
        &[
            (CHANNELS, Write(TEAM)),
            (PEOPLE, Write(DUTY)),
            (PEOPLE, Replace("\"Europe/Berlin\"", "1")),
            (
                PEOPLE,
                Replace("\"09:00\"", "[\"Mon 09:00\", \"Fri 09:00\"]"),
            ),
            (PEOPLE, Replace("\"2026-01-05\"", "20260105")),
            (
                PEOPLE,
                Replace("[\"ada\", \"bob\"]", "[\"ada\", 5, [\"bob\"]]"),
            ),
            (PEOPLE, Replace("\"2026-07-15T18:00:00+02:00\"", "true")),
            (PEOPLE, Replace("\"person\": \"bob\"", "\"person\": [1, 2]")),
        ],
    ),
    broken(
        "lists and numbers where texts belong, in YAML",
        &[
            (
                PLAYBOOKS,
                Replace(
                    "name: Restart a Docker Compose service",
                    "name: [Restart, Compose]",
                ),
            ),
            (PLAYBOOKS, Replace("risk: low", "risk: 1")),
            (PLAYBOOKS, Replace("cooldown: 30m", "cooldown: [30m]")),
            (
                PLAYBOOKS,
                Replace("from: service.unit", "from: [service.unit, service.name]"),
            ),
            (REGISTRY, Replace("unit: sentry", "unit: [sentry]")),
            (
                REGISTRY,
                Replace("host: sentry.ops.example", "host: [a.example, b.example]"),
            ),
            (REGISTRY, Replace("user: quell", "user: [quell]")),
            (
                GUARDRAILS,
                Replace(
                    "freezes: []",
                    "freezes:\n  - { weekly: { from: [Fri, Sat], to: 9, zone: [UTC, UTC] }, why: [1, 2] }",
                ),
            ),
        ],
    ),
    broken(
        "people as YAML",
        &[
            (CHANNELS, Write(TEAM)),
            ("people.yaml", Write("teams: {}\n")),
        ],
    ),
    broken(
        "a route and a rule with a team and people that are not there",
        &[
            (CHANNELS, Write(TEAM)),
            (PEOPLE, Write(DUTY)),
            (
                CHANNELS,
                Replace(
                    "{ \"channels\": [\"ops\"] }",
                    "{ \"channels\": [\"ops\"], \"people\": [\"ada\", \"bobby\"], \"team\": \"wep\" }",
                ),
            ),
            (
                CHANNELS,
                Replace(
                    "\"people\": [\"ada\"], \"then\"",
                    "\"team\": \"shop\", \"people\": [\"ada\"], \"then\"",
                ),
            ),
        ],
    ),
    broken(
        "quiet hours without a zone",
        &[
            (CHANNELS, Write(TEAM)),
            (
                CHANNELS,
                Replace(
                    "\"telegram\": 7 }",
                    "\"telegram\": 7, \"quiet\": { \"from\": \"22:00\", \"until\": \"07:00\" } }",
                ),
            ),
        ],
    ),
    broken(
        "an own template with a variable that does not exist",
        &[(
            TEMPLATE,
            Write("<b>{{ severity }}</b> {{ name }}\n{{ mesage }}\n"),
        )],
    ),
    broken(
        "an own template with a block that is not closed",
        &[(
            TEMPLATE,
            Write("<b>{{ severity }}</b>\n{% if analysed %}\n{{ cause }}\n"),
        )],
    ),
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
        "limits that stop everything",
        &[
            (
                GUARDRAILS,
                Replace("min_confidence: 0.6", "min_confidence: 0.9"),
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
    broken(
        "a recipe with many faults",
        &[(CAUSES, Write(VOCABULARY)), (RECIPE, Write(FAULTY_RECIPE))],
    ),
    broken(
        "a recipe whose test leads to another cause",
        &[
            (CAUSES, Write(VOCABULARY)),
            (RECIPE, Write(SOUND_RECIPE)),
            (RECIPE, Replace("up: 0", "up: 1")),
        ],
    ),
    broken(
        "two recipes for one alert",
        &[
            (CAUSES, Write(VOCABULARY)),
            (RECIPE, Write(SOUND_RECIPE)),
            ("recipes/other.yaml", Write(SOUND_RECIPE)),
            ("recipes/other.yaml", Replace("id: web", "id: other")),
        ],
    ),
    broken(
        "a cause without a translation, and one twice",
        &[(
            CAUSES,
            Write(
                "- { id: down, class: target, title: Down }\n- { id: down, class: tarket, title: Down, translations: { zh-TW: 中斷 } }\n",
            ),
        )],
    ),
];

const CAUSES: &str = "causes.yaml";
const RECIPE: &str = "recipes/web.yaml";

const VOCABULARY: &str =
    "- { id: server_down, class: target, title: It is down, translations: { zh-TW: 中斷 } }
- { id: server_slow, class: capacity, title: It is slow, translations: { zh-TW: 緩慢 } }
- { id: server_gone, class: observability, title: It is gone, translations: { zh-TW: 消失 } }
";

const FAULTY_RECIPE: &str = "id: wob
name: A web server
for: {}
ask:
  - { id: up, query: 'up{$matchers(in-stance, job)}', unit: percent }
  - { id: not, query: up }
causes:
  - id: server_dwon
    when: up == 0 and upp > 3
    evidence: mesured
    says: It is {label.a.b}.
    action: Start it.
    responsibility: APP
    speaks_for: [restart-systemd-units]
    translations: { zh-TW: { says: 中斷。, action: 啟動它。 } }
  - id: server_slow
    when: up < \"3\"
    evidence: measured
    says: It is slow.
    action: Look.
    responsibility: APP
tests:
  - { name: it is down, answers: { up: 0 }, cause: server_down }
";

const SOUND_RECIPE: &str = "id: web
name: A web server
for: { alertnames: [WebDown] }
ask:
  - { id: up, query: 'up{$matchers(instance, job)}' }
causes:
  - id: server_down
    when: up == 0
    evidence: stated
    says: It is {up}.
    action: Start it.
    responsibility: APP
    translations: { zh-TW: { says: 中斷。, action: 啟動它。 } }
  - id: server_slow
    when: up.least < 1
    evidence: measured
    says: It was slow.
    action: Look.
    responsibility: APP
    translations: { zh-TW: { says: 緩慢。, action: 檢查。 } }
  - id: server_gone
    when: up.empty
    evidence: inferred
    says: Nothing is known.
    action: Look.
    responsibility: APP
    translations: { zh-TW: { says: 沒有資料。, action: 檢查。 } }
tests:
  - { name: it is down, answers: { up: 0 }, cause: server_down }
  - { name: it was slow, answers: { up: [0, 1] }, cause: server_slow }
  - { name: it is not there, answers: { up: empty }, cause: server_gone }
  - { name: it is up, answers: { up: 1 }, cause: none }
";
