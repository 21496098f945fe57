//! Chaos test: two hundred repairs on ten targets while workers, bridge and hosts are killed. Never
//! two at once on a target, every step accounted for, every incident in a true state, every log
//! whole.
//!
//! A worker is killed by dropping it between any two of its awaits, as a process is killed between any two of its calls. The repair
//! function's clock runs ten times as fast as the wall's, so that leases of dead workers end within seconds. The ten minutes that another
//! repair waits besides, for clocks that differ, are skipped: here there is one clock for each target.

use std::collections::{HashMap, VecDeque};
use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::{Duration, Instant};

use bridge::ssh::login_key::LoginKey;
use domain::incident::operation_log::{Entry, Event, verify};
use domain::incident::repair::RepairOutcome;
use domain::incident::{Incident, Status};
use domain::playbook::plan::Phase;
use domain::policy::attempt_ledger::CLOCKS_APART;
use domain::primitives::id::IncidentId;
use futures_util::future::join_all;
use jiff::{SignedDuration, Timestamp};
use repair::Failure;
use repair::delivery::RepairDelivery;
use secrecy::SecretString;
use serde_json::{Value, json};
use tests::alert::unique;
use tests::repair_fixture::{InjectedFault, RepairFixture};
use tests::target_host::{TargetHost, kill};
use tokio::task_local;
use tokio::time::sleep;
use wire::message::Message;

const INCIDENTS: usize = 200;
const TARGETS: usize = 10;
const HOSTS: usize = 4;
/// How many workers fight for each target.
const WORKERS: usize = 2;
/// How much faster the repair function's clock runs.
const SPEED: u32 = 10;

static BEGAN: LazyLock<(Instant, Timestamp)> = LazyLock::new(|| (Instant::now(), Timestamp::now()));

task_local! {
    /// How many seconds of its target's time a worker has skipped.
    static SKIPPED: Arc<AtomicI64>;
}

fn fast_clock() -> Timestamp {
    let elapsed = SignedDuration::try_from(BEGAN.0.elapsed() * SPEED).expect("not for ever");
    BEGAN.1
        + elapsed
        + SignedDuration::from_secs(SKIPPED.with(|skipped| skipped.load(Ordering::SeqCst)))
}

/// Skips what is left of a hold that has ended by the only clock there is, if the repair that had it is over: nobody works behind it.
async fn skip(shop: &RepairFixture, skipped: &AtomicI64, before: i64, by: &str, until: Timestamp) {
    let id = IncidentId::try_from(by.to_owned()).expect("an incident");
    let holder = shop.stack.read(&id).await;
    let is_over = holder.repair.is_some_and(|repair| repair.outcome.is_some());
    if is_over && fast_clock() > until - CLOCKS_APART {
        // Of two workers that see the same hold, one skips it.
        let after = before + CLOCKS_APART.as_secs();
        let _ = skipped.compare_exchange(before, after, Ordering::SeqCst, Ordering::SeqCst);
    }
}

/// Numbers that look random and are the same in every run.
#[derive(Debug)]
struct Dice(AtomicU64);

impl Dice {
    fn roll(&self, sides: u64) -> u64 {
        let next = |seed: u64| {
            seed.wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407)
        };
        let before = self
            .0
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |seed| Some(next(seed)))
            .expect("always some");
        (next(before) >> 33) % sides
    }
}

/// A step that leaves a line when it has run, and a complaint where another one is at work on the same target.
fn step(name: &str) -> Value {
    // A lock of the kernel's: it goes with its process, also where that is killed.
    let script = format!(
        "exec 9> $0/busy; flock -n 9 || echo {name} >> $0/overlaps; sleep 0.05; echo {name} >> $0/did"
    );
    json!({ "run": ["sh", "-c", script, "{dir}"], "timeout": "5s" })
}

fn playbook() -> Value {
    let mut idempotent = step("two");
    idempotent["idempotent"] = json!(true);
    json!([{
        "id": "mend", "name": "Mend", "match": { "alertnames": ["TargetDown"] }, "risk": "low",
        "parameters": { "dir": { "from": "service.facts.dir", "pattern": "[A-Za-z0-9/._-]+" } },
        "steps": [step("one"), idempotent],
        "verify": [{ "run": ["test", "-e", "{dir}/did"], "timeout": "5s" }],
        "rollback": [step("undo")],
    }])
}

/// What was done to whom.
#[derive(Debug, Default)]
struct Damage {
    workers: AtomicU64,
    bridges: AtomicU64,
    connections: AtomicU64,
}

/// The messages for one target, and how much of its time was skipped.
#[derive(Debug, Default)]
struct Line {
    waiting: Mutex<VecDeque<Message>>,
    skipped: Arc<AtomicI64>,
}

/// Delivers the messages of one target until each has been handled, as a FIFO queue would, but to several workers at once.
async fn deliver(shop: &RepairFixture, line: &Line, dice: &Dice, damage: &Damage) {
    let Line { waiting, skipped } = line;
    loop {
        let Some(message) = waiting.lock().expect("nobody panics with it").pop_front() else {
            return;
        };
        loop {
            let before = skipped.load(Ordering::SeqCst);
            let ends = fast_clock() + SignedDuration::from_mins(15);
            let delivery = RepairDelivery {
                worker: unique("worker").into(),
                receipt: String::new(),
                receive_count: 1,
                ends,
            };
            let (app, of_worker) = (Arc::clone(&shop.app), message.clone());
            let mut worker = tokio::spawn(SKIPPED.scope(Arc::clone(skipped), async move {
                app.handle(&of_worker, &delivery, &fast_clock).await
            }));
            let lives = if dice.roll(8) == 0 {
                Duration::from_millis(dice.roll(900))
            } else {
                Duration::MAX
            };
            tokio::select! {
                handled = &mut worker => match handled.expect("it does not panic") {
                    Ok(()) => break,
                    Err(Failure::Held { by, until, .. }) => {
                        skip(shop, skipped, before, &by, until).await;
                        sleep(Duration::from_millis(300)).await;
                    }
                    Err(_) => sleep(Duration::from_millis(300)).await,
                },
                () = sleep(lives) => {
                    worker.abort();
                    // It may have ended in this very moment; its message comes again all the same.
                    let _ = worker.await;
                    damage.workers.fetch_add(1, Ordering::SeqCst);
                }
            }
        }
    }
}

/// Cuts connections to the hosts at random until it is told to stop.
async fn cut(hosts: &[TargetHost], dice: &Dice, damage: &Damage, done: &AtomicBool) {
    while !done.load(Ordering::SeqCst) {
        sleep(Duration::from_millis(800)).await;
        let host = &hosts[usize::try_from(dice.roll(HOSTS as u64)).expect("small")];
        let processes = host.processes();
        damage
            .connections
            .fetch_add(processes.len() as u64, Ordering::SeqCst);
        processes.into_iter().for_each(kill);
    }
}

fn count(log: &[Entry], event: Event) -> usize {
    log.iter().filter(|entry| entry.event == event).count()
}

/// Checks that an incident says what was done, and that its log is whole.
fn assert_true(incident: &Incident, log: &[Entry]) {
    verify(&incident.id, log, &incident.log_head)
        .unwrap_or_else(|broken| panic!("{broken}: {log:#?}"));
    let repair = incident
        .repair
        .as_ref()
        .unwrap_or_else(|| panic!("it ran: {incident:#?}"));
    let outcome = repair
        .outcome
        .unwrap_or_else(|| panic!("it ended: {incident:#?}"));
    let status = if outcome == RepairOutcome::Verified {
        Status::Repaired
    } else {
        Status::RepairFailed
    };
    assert_eq!(incident.status, status);
    assert_eq!(count(log, Event::ExecutionCompleted), 1, "{log:#?}");
    assert_eq!(
        count(log, Event::StepStarted),
        count(log, Event::StepFinished),
        "{log:#?}"
    );
    assert!(
        repair.steps.iter().all(|step| step.finished
            && (step.tries == 1 || step.phase == Phase::Verify || step.index == 1)),
        "{repair:#?}"
    );
    let place = |event| log.iter().position(|entry| entry.event == event);
    assert!(
        place(Event::ApprovalDecided) < place(Event::StepStarted),
        "the decision stands before the first step: {log:#?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_at_random_no_target_has_two_repairs_no_step_is_lost() {
    let dice = Arc::new(Dice(AtomicU64::new(20_261_125)));
    let damage = Arc::new(Damage::default());
    let Some(hosts) = (0..HOSTS)
        .map(|_| TargetHost::sshd("restrict"))
        .collect::<Option<Vec<_>>>()
    else {
        return;
    };
    // One key opens all of them.
    hosts.iter().skip(1).for_each(|host| {
        host.admit(
            "restrict",
            &tests::target_host::public_key(&hosts[0].path("login_key")),
        )
    });
    let names: Vec<String> = (0..TARGETS).map(|_| unique("web")).collect();
    let directories: Vec<PathBuf> = names
        .iter()
        .enumerate()
        .map(|(i, name)| hosts[i % HOSTS].path(name))
        .collect();
    directories
        .iter()
        .for_each(|directory| fs::create_dir(directory).expect("a directory"));
    let service = |(i, name): (usize, &String)| {
        let facts = json!({ "dir": directories[i].display().to_string() });
        json!({ "name": name, "level": "approval", "lock": "service", "facts": facts, "target": hosts[i % HOSTS].target() })
    };
    let services: Vec<Value> = names.iter().enumerate().map(service).collect();
    let fault = {
        let (dice, damage) = (Arc::clone(&dice), Arc::clone(&damage));
        move || {
            let fault = [InjectedFault::KilledBefore, InjectedFault::KilledAfter]
                .into_iter()
                .nth(usize::try_from(dice.roll(40)).expect("small"));
            damage
                .bridges
                .fetch_add(u64::from(fault.is_some()), Ordering::SeqCst);
            fault.unwrap_or(InjectedFault::Answered)
        }
    };
    let key = LoginKey::Given(SecretString::from(hosts[0].login_key()));
    // The clock runs too fast for people to be asked again: what they have approved is approved.
    let patient = [("APPROVAL_STARTS_WITHIN_SECONDS", "4000000000")];
    let bridge = |files| bridge::App::for_operator(files, key);
    let shop =
        RepairFixture::open_bridge(&playbook(), &json!(services), &patient, bridge, fault).await;

    let mut ids = Vec::new();
    let mut lines: HashMap<&String, Line> = HashMap::new();
    for i in 0..INCIDENTS {
        let name = &names[i % TARGETS];
        let (incident, message) = shop.approved(name, "mend").await;
        ids.push((incident.id, i % TARGETS));
        let waiting = lines
            .entry(name)
            .or_default()
            .waiting
            .get_mut()
            .expect("nobody panics with it");
        // Some come twice.
        waiting.extend(std::iter::repeat_n(
            message,
            if dice.roll(10) == 0 { 2 } else { 1 },
        ));
    }
    let done = AtomicBool::new(false);
    let workers = lines.values().flat_map(|line| {
        (0..WORKERS).map(|_| {
            SKIPPED.scope(
                Arc::clone(&line.skipped),
                deliver(&shop, line, &dice, &damage),
            )
        })
    });
    let all = async {
        join_all(workers).await;
        done.store(true, Ordering::SeqCst);
    };
    tokio::join!(all, cut(&hosts, &dice, &damage, &done));

    let (mut verified, mut lines) = (0, vec![HashMap::<Phase, [usize; 2]>::new(); TARGETS]);
    for (id, target) in &ids {
        let incident = shop.stack.read(id).await;
        let log = shop.stack.store.log(id).await.expect("a log");
        assert_true(&incident, &log);
        verified += usize::from(incident.status == Status::Repaired);
        for step in incident.repair.iter().flat_map(|repair| &repair.steps) {
            // What surely ran, and what may have.
            let [ran, may_have] = lines[*target].entry(step.phase).or_default();
            *ran += usize::from(step.succeeded);
            *may_have += usize::try_from(step.tries).expect("small");
        }
    }
    for (directory, lines) in directories.iter().zip(&lines) {
        assert!(
            !directory.join("overlaps").exists(),
            "two repairs at once: {}",
            directory.display()
        );
        let did = fs::read_to_string(directory.join("did")).expect("something was done");
        for (phase, is) in [
            (Phase::Steps, (|line| line != "undo") as fn(&str) -> bool),
            (Phase::Rollback, |line| line == "undo"),
        ] {
            let done = did.lines().filter(|line| is(line)).count();
            let [ran, may_have] = lines.get(&phase).copied().unwrap_or_default();
            assert!(
                (ran..=may_have).contains(&done),
                "{phase:?}: the host did {done}, the log says {ran} to {may_have}"
            );
        }
    }
    let Damage {
        workers,
        bridges,
        connections,
    } = &*damage;
    let killed = [workers, bridges, connections].map(|killed| killed.load(Ordering::SeqCst));
    assert!(
        killed.iter().all(|killed| *killed >= 5),
        "there was chaos: {killed:?}"
    );
    assert!(
        verified > INCIDENTS / 4 && verified < INCIDENTS,
        "some were cut off, and many were not: {verified}"
    );
    tell(verified, killed);
}

/// Says how it went, for who reads the test's output.
fn tell(verified: usize, [workers, bridges, connections]: [u64; 3]) {
    use std::io::Write as _;
    let summary = format!(
        "{INCIDENTS} repairs on {TARGETS} targets: {verified} verified; killed: {workers} workers, {bridges} bridges, {connections} processes on hosts"
    );
    writeln!(std::io::stdout(), "{summary}").expect("standard output");
}
