//! Probes that ask a healthy container the wrong question: port, protocol, path, or too early.
//!
//! <https://kubernetes.io/docs/tasks/configure-pod-container/configure-liveness-readiness-startup-probes/>

use crate::cause::Cause;
use crate::finding::{Finding, Support};
use crate::model::cluster::Cluster;
use crate::model::json::{number, text};
use crate::model::pod::{Container, Pod};
use crate::model::probe::{Handler, Probe};
use crate::rules::Rule;
use crate::snapshot::Event;

pub(crate) const RULES: &[Rule] = &[
    Rule {
        causes: &[Cause::LivenessPort, Cause::ReadinessPort],
        look: |cluster| {
            find(
                cluster,
                [Cause::LivenessPort, Cause::ReadinessPort],
                wrong_port,
            )
        },
    },
    Rule {
        causes: &[Cause::LivenessProtocol, Cause::ReadinessProtocol],
        look: |cluster| {
            let causes = [Cause::LivenessProtocol, Cause::ReadinessProtocol];
            find(cluster, causes, wrong_protocol)
        },
    },
    Rule {
        causes: &[Cause::LivenessPath, Cause::ReadinessPath],
        look: |cluster| {
            find(
                cluster,
                [Cause::LivenessPath, Cause::ReadinessPath],
                wrong_path,
            )
        },
    },
    Rule {
        causes: &[Cause::LivenessTiming],
        look: |cluster| {
            let causes = [Cause::LivenessTiming, Cause::LivenessTiming];
            find(cluster, causes, too_early)
        },
    },
    Rule {
        causes: &[Cause::ReadinessTiming],
        look: too_late,
    },
    Rule {
        causes: &[Cause::StartupProbe],
        look: never_started,
    },
];

/// A probe that fails now, and what it does: the container is killed again and again, or it gets no requests.
struct Failing<'a, 'e> {
    pod: Pod<'a>,
    container: Container<'a>,
    is_liveness: bool,
    probe: Probe<'a>,
    event: &'e Event,
}

/// Events of failed probes whose effect is still there. A probe that failed once while the container started is no fault.
///
/// <https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#probe-outcome>
fn failing<'a, 'e>(cluster: &'e Cluster<'a>) -> Vec<Failing<'a, 'e>> {
    let mut found = Vec::new();
    for pod in cluster.pods() {
        for container in pod.containers() {
            for (kind, is_liveness) in [("liveness", true), ("readiness", false)] {
                let effective = if is_liveness {
                    container.restarts() > 0 && was_killed(&container)
                } else {
                    !container.is_ready() && !container.is_crashing()
                };
                let Some(probe) = container.probe(kind).filter(|_| effective) else {
                    continue;
                };
                let event = cluster
                    .events_of(&pod.0.reference(), &["Unhealthy", "ProbeWarning"])
                    .find(|event| is_about(event, kind, &pod, &container));
                if let Some(event) = event {
                    found.push(Failing {
                        pod,
                        container,
                        is_liveness,
                        probe,
                        event,
                    });
                }
            }
        }
    }
    found
}

/// `Liveness probe failed: …`. The event does not name the container: of several with such a probe the one that is not ready is meant.
fn is_about(event: &Event, kind: &str, pod: &Pod<'_>, container: &Container<'_>) -> bool {
    let begins = event
        .message
        .to_lowercase()
        .starts_with(&format!("{kind} probe"));
    let others = pod
        .containers()
        .iter()
        .filter(|other| other.name != container.name && other.probe(kind).is_some())
        .any(|other| !other.is_ready());
    begins && (!others || !container.is_ready())
}

/// The kubelet ends a container with SIGTERM (143), and with SIGKILL (137) if it does not obey in time. One that handles the signal
/// ends with a status of its own.
///
/// <https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#pod-termination>
fn was_killed(container: &Container<'_>) -> bool {
    container.ended().is_some_and(|ended| {
        let code = number(ended, "/exitCode").unwrap_or(0);
        matches!(code, 0 | 137 | 143) && text(ended, "/reason") != "OOMKilled"
    })
}

fn find(
    cluster: &Cluster<'_>,
    [liveness, readiness]: [Cause; 2],
    is: fn(&Failing<'_, '_>) -> bool,
) -> Vec<Finding> {
    failing(cluster)
        .iter()
        .filter(|failing| is(failing))
        .map(|failing| {
            let (cause, kind) = if failing.is_liveness {
                (liveness, "livenessProbe")
            } else {
                (readiness, "readinessProbe")
            };
            let of = failing.pod.0.reference();
            Finding::new(cluster.owner(failing.pod.0), cause, Support::Stated)
                .seen(format!("event Unhealthy of {of}"), &failing.event.message)
                .seen(
                    format!("{of} container {} {kind}", failing.container.name),
                    failing.probe.written(),
                )
        })
        .collect()
}

/// The probe asks at a port that the container does not have: one that it does not declare, while the container's other probe or its
/// declaration names another.
///
/// <https://kubernetes.io/docs/tasks/configure-pod-container/configure-liveness-readiness-startup-probes/#define-a-tcp-liveness-probe>
fn wrong_port(failing: &Failing<'_, '_>) -> bool {
    let declared = failing.container.ports();
    match failing.probe.port(&declared) {
        Some(port) => !declared.is_empty() && declared.iter().all(|one| one.number != port),
        // A name that no port of the container has.
        None => !matches!(failing.probe.handler(), None | Some(Handler::Exec)),
    }
}

/// The port answers in another protocol than the probe's.
///
/// <https://kubernetes.io/docs/tasks/configure-pod-container/configure-liveness-readiness-startup-probes/#define-a-grpc-liveness-probe>
fn wrong_protocol(failing: &Failing<'_, '_>) -> bool {
    let said = failing.event.message.to_lowercase();
    let told = [
        "malformed http",
        "http response to https client",
        "first record does not look like a tls handshake",
        "server preface",
        "frame too large",
        "unexpected http/1",
        "does not implement the grpc health",
        "unimplemented",
        "unexpected content-type",
    ];
    !wrong_port(failing)
        && (told.iter().any(|part| said.contains(part)) || other_probe_agrees(failing))
}

/// The container's other probe asks at the same port in another protocol, and gets its answer.
fn other_probe_agrees(failing: &Failing<'_, '_>) -> bool {
    let other = if failing.is_liveness {
        "readiness"
    } else {
        "liveness"
    };
    let Some(other) = failing.container.probe(other) else {
        return false;
    };
    let passes = if failing.is_liveness {
        failing.container.is_ready()
    } else {
        failing.container.restarts() == 0
    };
    let spoken = |probe: Probe<'_>| {
        probe
            .handler()
            .filter(|handler| matches!(handler, Handler::Http | Handler::Grpc))
    };
    let (asked, answered) = (spoken(failing.probe), spoken(other));
    let declared = failing.container.ports();
    let same_port = failing.probe.port(&declared) == other.port(&declared);
    passes && same_port && asked.is_some() && answered.is_some() && asked != answered
}

/// The path is not there.
///
/// <https://kubernetes.io/docs/tasks/configure-pod-container/configure-liveness-readiness-startup-probes/#define-a-liveness-http-request>
fn wrong_path(failing: &Failing<'_, '_>) -> bool {
    ["statuscode: 404", "statuscode: 405"]
        .iter()
        .any(|part| failing.event.message.contains(part))
}

/// Seconds that the documented defaults give a container before it is killed (10 × 3).
const DEFAULT_PATIENCE: i64 = 30;

/// The liveness probe is right, but kills the container sooner after its start than the defaults would.
///
/// <https://kubernetes.io/docs/tasks/configure-pod-container/configure-liveness-readiness-startup-probes/#define-startup-probes>
fn too_early(failing: &Failing<'_, '_>) -> bool {
    failing.is_liveness
        && failing.probe.patience() < DEFAULT_PATIENCE
        && failing.container.probe("startup").is_none()
        && !wrong_port(failing)
        && !wrong_protocol(failing)
        && !wrong_path(failing)
}

/// A pod is not ready, no probe failed, and the readiness probe has not begun: its initial delay is longer than any start.
///
/// <https://kubernetes.io/docs/tasks/configure-pod-container/configure-liveness-readiness-startup-probes/#configure-probes>
fn too_late(cluster: &Cluster<'_>) -> Vec<Finding> {
    // Five minutes: pods that need longer have a startup probe.
    const LONG: i64 = 300;
    cluster
        .pods()
        .iter()
        .flat_map(|pod| {
            pod.containers().into_iter().filter_map(|container| {
                let probe = container.probe("readiness")?;
                let delay = number(probe.0, "/initialDelaySeconds").unwrap_or(0);
                let failed = cluster
                    .events_of(&pod.0.reference(), &["Unhealthy"])
                    .next()
                    .is_some();
                let running = container.status.pointer("/state/running").is_some();
                (delay >= LONG && running && !container.is_ready() && !failed).then(|| {
                    let source = format!("{} container {}", pod.0.reference(), container.name);
                    Finding::new(
                        cluster.owner(pod.0),
                        Cause::ReadinessTiming,
                        Support::Compared,
                    )
                    .seen(format!("{source} readinessProbe"), probe.written())
                })
            })
        })
        .collect()
}

/// The startup probe gave up on a container again and again.
///
/// <https://kubernetes.io/docs/concepts/configuration/liveness-readiness-startup-probes/#startup-probe>
fn never_started(cluster: &Cluster<'_>) -> Vec<Finding> {
    cluster
        .pods()
        .iter()
        .flat_map(|pod| {
            pod.containers().into_iter().filter_map(|container| {
                let probe = container.probe("startup")?;
                let given_up =
                    container.restarts() > 0 && was_killed(&container) && !container.is_ready();
                let of = pod.0.reference();
                let event = cluster
                    .events_of(&of, &["Unhealthy"])
                    .find(|event| event.message.starts_with("Startup probe"))
                    .filter(|_| given_up)?;
                Some(
                    Finding::new(cluster.owner(pod.0), Cause::StartupProbe, Support::Compared)
                        .seen(format!("event Unhealthy of {of}"), &event.message)
                        .seen(format!("{of} startupProbe"), probe.written()),
                )
            })
        })
        .collect()
}
