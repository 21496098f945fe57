//! Broken channels and alert tables, and files with a wrong name or nothing in them.

use super::Change::{Replace, Write};
use super::{CHANNELS, Case, TEAM, broken, doubtful};

pub(super) const CASES: &[Case] = &[
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
];
