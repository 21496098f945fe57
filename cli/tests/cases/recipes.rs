//! Broken recipes and causes.

use super::Change::{Replace, Write};
use super::{Case, broken};

pub(super) const CASES: &[Case] = &[
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
