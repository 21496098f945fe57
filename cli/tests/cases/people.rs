//! Broken people and rotations, and own templates that cannot be rendered.

use super::Change::{Replace, Write};
use super::{CHANNELS, Case, GUARDRAILS, PEOPLE, PLAYBOOKS, REGISTRY, TEAM, TEMPLATE, broken};

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

pub(super) const CASES: &[Case] = &[
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
];
