//! Containers that the kernel kills for their memory, pods that the kubelet evicts, disks that are full.

use crate::cause::Cause;
use crate::finding::{Finding, Support};
use crate::model::cluster::Cluster;
use crate::model::json::text;
use crate::model::pod::Pod;
use crate::rules::Rule;

pub(crate) const RULES: &[Rule] = &[
    Rule {
        causes: &[Cause::OutOfMemory],
        look: killed,
    },
    Rule {
        causes: &[Cause::OutOfMemory],
        look: killed_at_once,
    },
    Rule {
        causes: &[Cause::Evicted],
        look: evicted,
    },
    Rule {
        causes: &[Cause::DiskFull],
        look: disk_full,
    },
];

/// A container ended because it exceeded its memory limit: reason `OOMKilled`. In a pod that is ready again it is past, and may have
/// nothing to do with what is wrong now.
///
/// <https://kubernetes.io/docs/tasks/configure-pod-container/assign-memory-resource/#exceed-a-container-s-memory-limit>
fn killed(cluster: &Cluster<'_>) -> Vec<Finding> {
    cluster
        .pods()
        .iter()
        .flat_map(|pod| {
            let containers = pod.every_container().into_iter();
            containers
                .filter(|container| {
                    container
                        .ended()
                        .is_some_and(|ended| text(ended, "/reason") == "OOMKilled")
                })
                .map(|container| {
                    let support = if pod.is_broken() {
                        Support::Stated
                    } else {
                        Support::Inferred
                    };
                    let source = format!(
                        "{} container {} terminated",
                        pod.0.reference(),
                        container.name
                    );
                    let limit = format!("OOMKilled at its limit of {}", container.limit("memory"));
                    Finding::new(cluster.owner(pod.0), Cause::OutOfMemory, support)
                        .seen(source, limit)
                })
        })
        .collect()
}

/// The limit is so low that the container's first process does not fit: the runtime reports it while it makes the container.
///
/// <https://kubernetes.io/docs/concepts/configuration/manage-resources-containers/#how-pods-with-resource-limits-are-run>
fn killed_at_once(cluster: &Cluster<'_>) -> Vec<Finding> {
    let reasons = ["FailedCreatePodSandBox", "Failed", "BackOff"];
    cluster
        .pods()
        .iter()
        .filter(|pod| pod.is_broken())
        .filter_map(|pod| {
            let of = pod.0.reference();
            let waiting = pod
                .every_container()
                .into_iter()
                .map(|container| container.waiting().1);
            let events = cluster
                .events_of(&of, &reasons)
                .map(|event| event.message.as_str());
            let said = events.chain(waiting).find(|said| {
                said.contains("OOM-killed") || said.contains("memory limit too low")
            })?;
            Some(
                Finding::new(cluster.owner(pod.0), Cause::OutOfMemory, Support::Stated)
                    .seen(format!("event of {of}"), said),
            )
        })
        .collect()
}

/// The kubelet took the pod from a node that ran out of something.
///
/// <https://kubernetes.io/docs/concepts/scheduling-eviction/node-pressure-eviction/>
fn evicted(cluster: &Cluster<'_>) -> Vec<Finding> {
    cluster
        .pods()
        .iter()
        .filter(|pod| pod.phase() == "Failed" && text(pod.0.value, "/status/reason") == "Evicted")
        .filter(|pod| cluster.is_broken(&cluster.owner(pod.0)))
        .map(|pod| {
            Finding::new(cluster.owner(pod.0), Cause::Evicted, Support::Stated).seen(
                format!("{} status", pod.0.reference()),
                text(pod.0.value, "/status/message"),
            )
        })
        .collect()
}

/// A program that is not ready reports that its disk has no room.
///
/// <https://man7.org/linux/man-pages/man3/errno.3.html>
fn disk_full(cluster: &Cluster<'_>) -> Vec<Finding> {
    let broken: Vec<Pod<'_>> = cluster.pods().into_iter().filter(Pod::is_broken).collect();
    broken
        .iter()
        .filter_map(|pod| {
            let of = pod.0.reference();
            let workload = cluster.owner(pod.0);
            let line = cluster
                .logs_of(&workload)
                .flat_map(|log| &log.lines)
                .find(|line| line.contains("No space left on device") || line.contains("ENOSPC"))?;
            Some(
                Finding::new(workload, Cause::DiskFull, Support::Logged)
                    .seen(format!("log of {of}"), line),
            )
        })
        .collect()
}
