//! Recipes for tests: three kinds of alerts, in the form of the operator's files.

use crate::file::Recipe;
use crate::vocabulary::KnownCause;

/// Playbooks that there are.
pub(crate) const PLAYBOOKS: [&str; 3] = ["free-disk-space", "rotate-log", "restart-worker"];

pub(crate) const FILE_SYSTEM: &str = r#"id: file-system
name: A file system is running full
for:
  alertnames: [NodeFilesystemAlmostOutOfSpace]
  alert_types: [disk_full]
ask:
  - id: space_free
    query: 100 * node_filesystem_avail_bytes{$matchers(instance, mountpoint)} / node_filesystem_size_bytes{$matchers(instance, mountpoint)}
    unit: '%'
  - id: inodes_free
    query: 100 * node_filesystem_files_free{$matchers(instance, mountpoint)} / node_filesystem_files{$matchers(instance, mountpoint)}
    unit: '%'
causes:
  - id: inodes_used_up
    when: inodes_free < 3 and space_free > 10
    evidence: measured
    says: 'Only {inodes_free} of the inodes of {label.mountpoint} are free, while {space_free} of its space is.'
    action: Find the directory with the most files.
    command: 'df -i {label.mountpoint}'
    responsibility: INFRA
    speaks_against: [free-disk-space]
    translations:
      zh-TW: { says: '{label.mountpoint} 的 inode 只剩 {inodes_free}，但空間仍有 {space_free}。', action: 找出檔案數最多的目錄。 }
  - id: volume_full
    when: space_free < 3 and label.mountpoint ~ "^/var/lib/"
    evidence: inferred
    says: '{label.mountpoint} holds data, and {space_free} of it is free.'
    action: Grow the volume.
    responsibility: DATABASE
    translations:
      zh-TW: { says: '{label.mountpoint} 存放資料，只剩 {space_free}。', action: 擴充磁碟區。 }
  - id: fills_fast
    when: space_free.oldest - space_free > 10 and space_free.falling
    evidence: measured
    says: 'It had {space_free.oldest} an hour ago, and has {space_free} now.'
    action: Find the file that grows.
    responsibility: APP
    speaks_for: [rotate-log]
    translations:
      zh-TW: { says: '一小時前還有 {space_free.oldest}，現在只剩 {space_free}。', action: 找出持續成長的檔案。 }
tests:
  - name: inodes are used up
    labels: { mountpoint: /var }
    answers: { space_free: 40, inodes_free: 0.5 }
    cause: inodes_used_up
  - name: a volume with data
    labels: { mountpoint: /var/lib/mysql }
    answers: { space_free: 1, inodes_free: 90 }
    cause: volume_full
  - name: a log grows
    labels: { mountpoint: / }
    answers: { space_free: [40, 38, 20, 10, 4, 3], inodes_free: 90 }
    cause: fills_fast
  - name: nothing is wrong any more
    labels: { mountpoint: / }
    answers: { space_free: 40, inodes_free: 60 }
    cause: none
  - name: the free space is not known
    answers: { inodes_free: 0.5, space_free: empty }
    cause: none
"#;

const QUEUE: &str = r#"id: queue
name: A queue grows
for: { alertnames: [QueueGrows] }
ask:
  - { id: workers, query: 'sum(worker_up{$matchers(queue)}) or vector(0)' }
  - { id: put, query: 'sum(rate(queue_put_total{queue="$queue"}[5m]))', unit: 1/s }
  - { id: done, query: 'sum(rate(queue_done_total{queue="$queue"}[5m]))', unit: 1/s }
causes:
  - id: no_worker
    when: workers == 0
    evidence: stated
    says: 'No worker takes from {label.queue}.'
    action: Start one.
    responsibility: APP
    speaks_for: [restart-worker]
    translations: { zh-TW: { says: '沒有 worker 處理 {label.queue}。', action: 啟動一個。 } }
  - id: more_is_put
    when: put > 2 * done and put.rising
    evidence: measured
    says: '{put} are put, and {done} are done.'
    action: Find the sender.
    responsibility: APP
    translations: { zh-TW: { says: '每秒進入 {put}，完成 {done}。', action: 找出來源。 } }
  - id: worker_stuck
    when: workers > 0 and done == 0 and not put.empty
    evidence: inferred
    says: '{workers} workers are up, and nothing is done.'
    action: Look at what they wait for.
    responsibility: APP
    translations: { zh-TW: { says: '有 {workers} 個 worker，但沒有完成任何工作。', action: 檢查它們在等待什麼。 } }
tests:
  - { name: nobody works, labels: { queue: a }, answers: { workers: 0 }, cause: no_worker }
  - { name: a flood, answers: { workers: 1, put: [1, 1, 1, 9, 9, 9], done: 1 }, cause: more_is_put }
  - { name: they wait, answers: { workers: 2, put: 1, done: 0 }, cause: worker_stuck }
  - { name: all is well, answers: { workers: 2, put: 1, done: 1 }, cause: none }
"#;

const TARGET: &str = r#"id: target
name: A target does not answer
for: { alertnames: [TargetDown] }
ask:
  - { id: up, query: 'max(up{$matchers(job, instance)})' }
  - { id: others_down, query: 'count(up == 0)' }
  - { id: scraped, query: 'count(up)' }
causes:
  - id: many_down
    when: others_down / scraped > 0.5 and scraped >= 4
    evidence: measured
    says: '{others_down} of {scraped} targets do not answer.'
    action: Look at what they share.
    responsibility: INFRA
    translations: { zh-TW: { says: '{scraped} 個目標中有 {others_down} 個沒有回應。', action: 檢查共同點。 } }
  - id: target_gone
    when: up.empty and open.count == 0
    evidence: inferred
    says: Prometheus no longer knows the target.
    action: Look at service discovery.
    responsibility: INFRA
    translations: { zh-TW: { says: Prometheus 已不再認得此目標。, action: 檢查 service discovery。 } }
  - id: single_down
    when: up == 0 and others_down == 1
    evidence: measured
    says: It is the only one.
    action: Look at its process.
    responsibility: APP
    translations: { zh-TW: { says: 只有它沒有回應。, action: 檢查其程序。 } }
tests:
  - { name: many, answers: { up: 0, others_down: 3, scraped: 4 }, cause: many_down }
  - { name: gone, answers: { up: empty, others_down: 0, scraped: 9, open.count: 0 }, cause: target_gone }
  - { name: one, answers: { up: 0, others_down: 1, scraped: 9 }, cause: single_down }
  - { name: it is back, answers: { up: 1, others_down: 1, scraped: 9 }, cause: none }
"#;

const CAUSES: &str = "
- { id: inodes_used_up, class: storage, title: Inodes are used up, translations: { zh-TW: inode 已用盡 } }
- { id: volume_full, class: storage, title: A volume is full, translations: { zh-TW: 磁碟區已滿 } }
- { id: fills_fast, class: storage, title: A file grows fast, translations: { zh-TW: 檔案快速成長 } }
- { id: no_worker, class: queue, title: No worker runs, translations: { zh-TW: 沒有 worker 在執行 } }
- { id: more_is_put, class: queue, title: More is put than is done, translations: { zh-TW: 進入多於完成 } }
- { id: worker_stuck, class: application, title: The workers are stuck, translations: { zh-TW: worker 卡住 } }
- { id: many_down, class: network, title: Many targets are down, translations: { zh-TW: 多個目標同時中斷 } }
- { id: target_gone, class: observability, title: The target is gone, translations: { zh-TW: 目標已消失 } }
- { id: single_down, class: target, title: One target is down, translations: { zh-TW: 單一目標中斷 } }
";

/// All recipes.
pub(crate) fn recipes() -> Vec<Recipe> {
    [FILE_SYSTEM, QUEUE, TARGET]
        .map(|text| serde_saphyr::from_str(text).expect("a recipe"))
        .into()
}

/// The recipe with this id.
pub(crate) fn recipe(id: &str) -> Recipe {
    let mut recipes = recipes().into_iter();
    recipes.find(|recipe| recipe.id == id).expect("it is there")
}

/// The vocabulary.
pub(crate) fn causes() -> Vec<KnownCause> {
    serde_saphyr::from_str(CAUSES).expect("causes")
}
