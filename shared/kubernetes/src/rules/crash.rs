//! Containers that end by themselves, and what their logs say of it.
//!
//! <https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#restart-policy>

use crate::cause::Cause;
use crate::finding::{Finding, Support};
use crate::model::cluster::Cluster;
use crate::model::json::{number, text};
use crate::model::pod::{Container, Pod};
use crate::rules::Rule;
use crate::snapshot::Log;

pub(crate) const RULES: &[Rule] = &[
    Rule {
        causes: &[Cause::PortTaken],
        look: port_taken,
    },
    Rule {
        causes: &[Cause::VolumePermission],
        look: volume_permission,
    },
    Rule {
        causes: &[Cause::RbacDenied],
        look: rbac,
    },
    Rule {
        causes: &[Cause::CrashLoop],
        look: crash_loop,
    },
];

/// A container that ends with errors, in a pod that is broken by it.
struct Crashing<'a> {
    pod: Pod<'a>,
    container: Container<'a>,
    logs: Vec<&'a Log>,
}

fn crashing<'a>(cluster: &Cluster<'a>) -> Vec<Crashing<'a>> {
    cluster
        .pods()
        .into_iter()
        .filter(|pod| pod.is_broken())
        .flat_map(|pod| {
            let logs: Vec<_> = cluster.logs_of(&cluster.owner(pod.0)).collect();
            let containers = pod.every_container().into_iter();
            containers
                .filter(Container::is_crashing)
                .map(move |container| Crashing {
                    pod,
                    container,
                    logs: logs.clone(),
                })
        })
        .collect()
}

fn line<'a>(of: &Crashing<'a>, says: fn(&str) -> bool) -> Option<&'a str> {
    let lines = of.logs.iter().flat_map(|log| &log.lines);
    lines.map(String::as_str).find(|line| says(line))
}

fn logged(
    cluster: &Cluster<'_>,
    cause: Cause,
    is: fn(&Crashing<'_>) -> bool,
    says: fn(&str) -> bool,
) -> Vec<Finding> {
    crashing(cluster)
        .iter()
        .filter(|of| is(of))
        .filter_map(|of| {
            let words = line(of, says)?;
            let source = format!(
                "log of {} container {}",
                of.pod.0.reference(),
                of.container.name
            );
            let finding = Finding::new(cluster.owner(of.pod.0), cause, Support::Logged);
            Some(finding.seen(source, words))
        })
        .collect()
}

/// The container's port is taken. The containers of a pod share one network, and so a sidecar can have it.
///
/// <https://kubernetes.io/docs/concepts/workloads/pods/#pod-networking>
fn port_taken(cluster: &Cluster<'_>) -> Vec<Finding> {
    logged(
        cluster,
        Cause::PortTaken,
        |_| true,
        |line| {
            let line = line.to_lowercase();
            line.contains("address already in use")
                || line.contains("eaddrinuse")
                || line.contains("port") && line.contains("already in use")
        },
    )
}

/// The container may not read or write the volume that it mounts: owner, group and mode of the files do not fit its user.
///
/// <https://kubernetes.io/docs/tasks/configure-pod-container/security-context/#set-the-security-context-for-a-pod>
fn volume_permission(cluster: &Cluster<'_>) -> Vec<Finding> {
    logged(
        cluster,
        Cause::VolumePermission,
        |of| !of.container.mounts().is_empty(),
        |line| {
            let line = line.to_lowercase();
            let refused = [
                "permission denied",
                "eacces",
                "read-only file system",
                "operation not permitted",
            ];
            refused.iter().any(|part| line.contains(part))
        },
    )
}

/// The program asks the API server for what its service account may not have.
///
/// <https://kubernetes.io/docs/reference/access-authn-authz/rbac/>
fn rbac(cluster: &Cluster<'_>) -> Vec<Finding> {
    logged(
        cluster,
        Cause::RbacDenied,
        |_| true,
        |line| line.contains("is forbidden: User \"system:serviceaccount:"),
    )
}

/// The container ends again and again. It is a symptom: why, it does not say.
///
/// <https://kubernetes.io/docs/tasks/debug/debug-application/debug-pods/#my-pod-is-crashing-or-otherwise-unhealthy>
fn crash_loop(cluster: &Cluster<'_>) -> Vec<Finding> {
    crashing(cluster)
        .iter()
        .map(|of| {
            let ended = of.container.ended().unwrap_or(&serde_json::Value::Null);
            let code = number(ended, "/exitCode").map_or_else(String::new, |code| code.to_string());
            let quote = format!(
                "{} restarts, ended with {} {code}",
                of.container.restarts(),
                text(ended, "/reason")
            );
            Finding::new(cluster.owner(of.pod.0), Cause::CrashLoop, Support::Symptom).seen(
                format!("{} container {}", of.pod.0.reference(), of.container.name),
                quote,
            )
        })
        .collect()
}
