//! The reader that goes on behind a fault and the functions' own refuse the same files.

use std::path::Path;

use domain::alert::AlertType;
use settings::config_error::ConfigError;
use tempfile::TempDir;

use crate::check::files::{Files, NAMES};
use crate::check::strict_files;

/// Small files in which every field occurs; the static rules are made from one.
const FILES: [(&str, &str); 12] = [
    (
        "playbooks.yaml",
        "- id: restart-web
  name: Restart
  match:
    alertnames: [WebDown]
    alert_types: [service_404]
    services: [web]
  risk: low
  data_impact: NONE
  auto:
    max_severity: P2
    min_verified: 1
    earned: true
  cooldown: 30m
  parameters:
    unit:
      from: service.unit
      pattern: '^[a-z.]+$'
  facts:
    - id: down
      run: [systemctl, is-failed, '{unit}']
      timeout: 5s
  steps:
    - run: [systemctl, restart, '{unit}']
      timeout: 60s
      idempotent: true
      when:
        fact: down
        exits: 0
        prints: failed
        not: false
  verify:
    - run: [systemctl, is-active, '{unit}']
      retries: 3
      every: 5s
  rollback: []
",
    ),
    (
        "service-registry.yaml",
        "- name: web
  aliases: [shop]
  level: auto
  match:
    cluster: prod
    namespace: [a, b]
    labels:
      team: shop
  unit: web.service
  redundancy_group: web
  lock: host
  facts:
    port: '80'
  target:
    ssh:
      host: web.example
      port: 22
      user: quell
      host_key: ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFIqhfeamdbLvVkHEalqFKPavMnlnmOEyn+pVOuZUKhL
- name: fleet
  level: manual
  target:
    ssm:
      tag: Service=web
      max_concurrency: 25%
      max_errors: '0'
",
    ),
    (
        "guardrails.yaml",
        "min_confidence: 0.6
attempts_per_hour: 3
max_in_group: 1
groups:
  web:
    share: 0.5
  db:
    at_most: 1
autonomy:
  approve_from: 0.5
  auto_from: 0.8
  recurrence_window: 24h
freezes:
  - from: 2026-12-20T18:00:00+01:00
    to: 2027-01-02T06:00:00+01:00
    why: holidays
  - weekly:
      from: 'Fri 16:00'
      to: 'Mon 07:00'
      zone: Europe/Berlin
    why: weekend
",
    ),
    (
        "analyzer.yaml",
        "evidence:
  past_incidents: 5
  prometheus:
    url: https://prometheus.example
    token_secret: quell/prometheus
    timeout: 3s
    queries:
      high_cpu:
        - name: load
          query: node_load1
          unit: '1'
providers:
  - name: openai
    api: openai
    model: m
    timeout: 25s
    max_output_tokens: 4000
    answer_format: json_schema
budget:
  day_usd: 5.00
  incident_usd: 0.10
memory:
  mode: suggest
  incidents: 3
tracing:
  otlp_url: https://traces.example/v1/traces
",
    ),
    (
        "model-prices.yaml",
        "- model: m
  input_usd_per_million: 0.25
  output_usd_per_million: 2
  source: somewhere
  as_of: 2025-08
",
    ),
    (
        "causes.yaml",
        "- id: down
  class: target
  title: It is down
  translations:
    zh-TW: 中斷
- id: slow
  class: capacity
  title: It is slow
  translations:
    zh-TW: 緩慢
- id: gone
  class: observability
  title: It is gone
  translations:
    zh-TW: 消失
",
    ),
    (
        "recipes/web.yaml",
        "id: web
name: A web server
for:
  alertnames: [WebDown]
  alert_types: [service_404]
ask:
  - id: up
    query: up{$matchers(instance, job)}
    unit: '%'
causes:
  - id: down
    when: up == 0
    evidence: stated
    says: It is {up}.
    action: Start it.
    command: 'systemctl start {label.job}'
    responsibility: APP
    speaks_for: [restart-web]
    speaks_against: []
    translations:
      zh-TW:
        says: 目前為 {up}。
        action: 啟動它。
  - id: slow
    when: up.least < 3 and label.job == \"web\"
    evidence: measured
    says: It was {up.least}.
    action: Look.
    responsibility: INFRA
    translations:
      zh-TW: { says: '曾為 {up.least}。', action: 檢查。 }
  - id: gone
    when: up.empty
    evidence: inferred
    says: Nothing is known of it.
    action: Look.
    responsibility: HUMAN
    translations:
      zh-TW: { says: 沒有資料。, action: 檢查。 }
tests:
  - name: it is down
    answers:
      up: 0
    cause: down
  - name: it was slow
    labels:
      job: web
    answers:
      up: [1, 5, 7]
    cause: slow
  - name: it is not there
    answers:
      up: empty
    cause: gone
  - name: it is up
    annotations:
      summary: down
    answers:
      up: 100
    cause: none
",
    ),
    (
        "alert-tables.json",
        r#"{
  "alert_types": {
    "WebDown": "service_404"
  },
  "severities": {
    "page": "critical"
  },
  "subject_labels": ["component"],
  "cicd": {
    "alertnames": ["BuildFailed"],
    "patterns": ["CI_*"]
  }
}
"#,
    ),
    (
        "alert-rules.json",
        r#"{
  "heartbeats": ["Watchdog"],
  "noise": [],
  "rules": [
    {
      "about": "shop",
      "alerts": ["Shop*"],
      "type": "high_cpu",
      "subject": {
        "kind": "node",
        "name": ["node"],
        "apart": []
      }
    }
  ]
}
"#,
    ),
    (
        "channels.json",
        r#"{
  "language": "en",
  "time_zone": "UTC",
  "channels": [
    {
      "name": "ops",
      "language": "zh-TW",
      "time_zone": "Asia/Taipei",
      "charts": false,
      "to": {
        "telegram": {
          "chat_id": -100,
          "message_thread_id": 4,
          "messages_per_minute": 20
        }
      }
    }
  ],
  "routes": [
    {
      "severities": ["P0"],
      "labels": {
        "team": "shop"
      },
      "cicd": false,
      "tell_repaired": false,
      "team": "shop",
      "people": ["ada"],
      "continue": true,
      "channels": ["ops"]
    }
  ],
  "people": {
    "ada": {
      "telegram": 7,
      "pagerduty": "PLH1HKV",
      "email": "ada@example.com",
      "time_zone": "Asia/Taipei",
      "notify": ["repair_failed"],
      "quiet": {
        "zone": "Asia/Taipei",
        "from": "22:00",
        "until": "07:00",
        "except": ["P0"]
      },
      "api": true
    }
  },
  "approvals": [
    {
      "services": ["web*"],
      "risks": ["low"],
      "people": ["ada"],
      "then": ["ada"],
      "escalate_after_seconds": 600
    }
  ],
  "alertmanager": {
    "url": "https://alertmanager.example",
    "private": false
  }
}
"#,
    ),
    (
        "people.json",
        r#"{
  "teams": {
    "shop": {
      "levels": [
        {
          "rotation": {
            "zone": "Europe/Berlin",
            "hand_over": "Mon 09:00",
            "every": 1,
            "first": "2026-01-05",
            "members": ["ada"],
            "overrides": [
              {
                "from": "2026-07-15T18:00:00+02:00",
                "until": "2026-07-16T09:00:00+02:00",
                "person": "ada"
              }
            ],
            "holidays": [
              {
                "dates": ["2026-12-25"],
                "person": "ada"
              }
            ]
          },
          "wait_seconds": 600
        },
        {
          "people": ["ada"]
        }
      ]
    }
  }
}
"#,
    ),
    (
        "sign-in.json",
        r#"{
  "person_claim": "email",
  "groups_claim": "groups",
  "scopes": ["email"],
  "ends_with_id_token": true,
  "groups": {
    "sre": {
      "may": ["look", "decide"],
      "teams": ["shop"]
    }
  },
  "people": {
    "1": "ada"
  }
}
"#,
    ),
];

/// The values that take the place of each value in turn.
const VALUES: [&str; 14] = [
    "",
    "~",
    "x",
    "\"5\"",
    "5",
    "-1",
    "1.5",
    "99999999999",
    "true",
    "yes",
    "[]",
    "[x]",
    "{}",
    "{x: 1}",
];

/// A static rule for each type of alert.
fn static_rules() -> String {
    let subjects = AlertType::ALL.map(AlertType::as_str);
    let subjects = subjects.into_iter().chain(["storm"]);
    let rule = |subject: &str| {
        format!(
            "- {{ for: {subject}, title: t, root_cause: c, action: a, risk: low, speaks_for: [restart-web], data_at_stake: true, data_impact: NONE, downtime: 0s, responsibility: APP, suggestions: [s], suggestions_unless_annotations: [runbook_url] }}\n"
        )
    };
    subjects.map(rule).collect()
}

fn directory() -> TempDir {
    let directory = tempfile::tempdir().expect("a directory");
    std::fs::create_dir(directory.path().join("recipes")).expect("made");
    let write = |name: &str, text: &str| {
        std::fs::write(directory.path().join(name), text).expect("written");
    };
    for (name, text) in FILES {
        write(name, text);
    }
    write("static-rules.yaml", &static_rules());
    directory
}

/// Every text that differs from this one in a line.
fn changed(name: &str, text: &str) -> Vec<String> {
    let lines: Vec<&str> = text.lines().collect();
    let with = |at: usize, line: Option<String>| {
        let mut lines: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
        match line {
            Some(line) => lines[at] = line,
            None => drop(lines.remove(at)),
        }
        lines.join("\n") + "\n"
    };
    let mut all = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        all.push(with(at, None));
        all.push(with(at, Some(format!("{line}\n{line}"))));
        let Some((field, value)) = line.split_once(':') else {
            continue;
        };
        // In JSON the name's quote closes before the colon.
        let misspelt = match field.strip_suffix('"') {
            Some(field) => format!("{field}x\":{value}"),
            None => format!("{field}x:{value}"),
        };
        all.push(with(at, Some(misspelt)));
        let comma = if name.ends_with(".json") && value.ends_with(',') {
            ","
        } else {
            ""
        };
        let opens = value.ends_with(['{', '[']);
        // A fifth of the values for each line, and another fifth for the next: all fields meet most of them, in a few seconds.
        let values = VALUES.into_iter().enumerate();
        for (_, new) in values.filter(|(nth, _)| !opens && (nth + at) % 5 == 0) {
            all.push(with(at, Some(format!("{field}: {new}{comma}"))));
        }
    }
    all
}

/// True if the functions refuse the file, and if the other reader does.
fn refused(directory: &Path, name: &str) -> (bool, bool) {
    let of_file = |errors: Vec<ConfigError>| errors.iter().any(|error| error.file.ends_with(name));
    let functions = strict_files(directory).err().map(|errors| errors.0);
    let files = Files::read(directory).errors();
    (of_file(functions.unwrap_or_default()), of_file(files))
}

#[test]
fn both_readers_refuse_the_same_files() {
    let directory = directory();
    for name in NAMES {
        assert_eq!(refused(directory.path(), name), (false, false), "{name}");
    }
    let (mut tried, mut refusals, mut differ) = (0, 0, Vec::new());
    for (name, text) in FILES {
        let path = directory.path().join(name);
        for changed in changed(name, text) {
            std::fs::write(&path, &changed).expect("written");
            let (functions, other) = refused(directory.path(), name);
            tried += 1;
            refusals += usize::from(functions);
            if functions != other {
                let at = text
                    .lines()
                    .zip(changed.lines())
                    .find(|(old, new)| old != new);
                differ.push(format!(
                    "{name}: functions {functions}, other {other}: {at:?}"
                ));
            }
        }
        std::fs::write(&path, text).expect("written");
    }
    assert!(
        differ.is_empty(),
        "{} of {tried}:\n{}",
        differ.len(),
        differ.join("\n")
    );
    // Changes of which none is a fault would show nothing.
    assert!(
        refusals > tried / 3 && refusals < tried,
        "{refusals} of {tried}"
    );
}
