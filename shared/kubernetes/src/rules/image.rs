//! Images that cannot be pulled, or cannot run on the node.
//!
//! <https://kubernetes.io/docs/concepts/containers/images/>

use crate::cause::Cause;
use crate::finding::{Finding, Support};
use crate::model::cluster::Cluster;
use crate::model::json::list;
use crate::model::pod::{Container, Pod};
use crate::rules::Rule;

pub(crate) const RULES: &[Rule] = &[
    Rule {
        causes: &[Cause::RegistryUnresolvable],
        look: |cluster| not_pulled(cluster, Cause::RegistryUnresolvable, is_unresolvable),
    },
    Rule {
        causes: &[Cause::RegistryUnreachable],
        look: |cluster| not_pulled(cluster, Cause::RegistryUnreachable, is_unreachable),
    },
    Rule {
        causes: &[Cause::ImagePullUnauthorized],
        look: |cluster| not_pulled(cluster, Cause::ImagePullUnauthorized, is_unauthorized),
    },
    Rule {
        causes: &[Cause::ImageNotFound],
        look: |cluster| not_pulled(cluster, Cause::ImageNotFound, is_not_found),
    },
    Rule {
        causes: &[Cause::ImageNameInvalid],
        look: name_invalid,
    },
    Rule {
        causes: &[Cause::ImageArchitecture],
        look: architecture,
    },
];

/// The reasons for which a container waits for its image.
///
/// <https://kubernetes.io/docs/concepts/containers/images/#imagepullbackoff>
const WAITING: [&str; 4] = [
    "ErrImagePull",
    "ImagePullBackOff",
    "RegistryUnavailable",
    "ErrImageNeverPull",
];

/// What the runtime said about the pull, in lower case, and whether the pod names pull secrets.
struct Pull {
    said: String,
    has_secrets: bool,
}

/// The registry's name leads to no address.
///
/// <https://kubernetes.io/docs/concepts/containers/images/#image-names>
fn is_unresolvable(pull: &Pull) -> bool {
    ["no such host", "server misbehaving", "name resolution"]
        .iter()
        .any(|part| pull.said.contains(part))
        || pull.said.contains("lookup ") && pull.said.contains("i/o timeout")
}

/// The registry has an address, and does not answer there, or not with a certificate that is trusted.
///
/// <https://kubernetes.io/docs/concepts/containers/images/#using-a-private-registry>
fn is_unreachable(pull: &Pull) -> bool {
    let network = [
        "connection refused",
        "i/o timeout",
        "no route to host",
        "deadline exceeded",
        "x509:",
        "tls:",
        "tls handshake",
        "connection reset",
    ];
    !is_unresolvable(pull) && network.iter().any(|part| pull.said.contains(part))
}

/// The registry wants credentials, and the pod has none or wrong ones.
///
/// <https://kubernetes.io/docs/tasks/configure-pod-container/pull-image-private-registry/>
fn is_unauthorized(pull: &Pull) -> bool {
    let refused = [
        "401 unauthorized",
        "403 forbidden",
        "unauthorized",
        "failed to authorize",
        "authentication required",
        "authorization failed",
        "no basic auth credentials",
        "access denied",
        "denied:",
    ];
    !is_unresolvable(pull)
        && refused.iter().any(|part| pull.said.contains(part))
        && !may_be_missing(pull)
}

/// The registry has no such repository, tag or digest.
///
/// <https://kubernetes.io/docs/concepts/containers/images/#image-names>
fn is_not_found(pull: &Pull) -> bool {
    let missing = [
        "not found",
        "notfound",
        "manifest unknown",
        "name unknown",
        "no match for platform",
    ];
    let named = missing.iter().any(|part| pull.said.contains(part));
    (named && !is_unresolvable(pull) || may_be_missing(pull))
        && !pull.said.contains("failed to authorize: failed to fetch")
}

/// Docker Hub says of what is not there and of what is private the same: a pod that brings no credentials most likely misspells a
/// public name.
///
/// <https://distribution.github.io/distribution/spec/auth/token/>
fn may_be_missing(pull: &Pull) -> bool {
    pull.said
        .contains("repository does not exist or may require")
        && !pull.has_secrets
}

fn not_pulled(cluster: &Cluster<'_>, cause: Cause, says: fn(&Pull) -> bool) -> Vec<Finding> {
    waiting(cluster)
        .into_iter()
        .filter_map(|(pod, container)| {
            let of = pod.0.reference();
            let event = cluster
                .events_of(&of, &["Failed"])
                .map(|event| event.message.as_str())
                .find(|message| {
                    message.starts_with("Failed to pull image")
                        && message.contains(container.image())
                });
            let said = event.unwrap_or(container.waiting().1);
            let pull = Pull {
                said: said.to_lowercase(),
                has_secrets: !list(pod.spec(), "/imagePullSecrets").is_empty(),
            };
            says(&pull).then(|| {
                Finding::new(cluster.owner(pod.0), cause, Support::Stated)
                    .seen(format!("event Failed of {of}"), said)
            })
        })
        .collect()
}

fn waiting<'a>(cluster: &Cluster<'a>) -> Vec<(Pod<'a>, Container<'a>)> {
    let pods = cluster.pods().into_iter().filter(|pod| !pod.is_going());
    pods.flat_map(|pod| {
        let waits = |container: &Container<'_>| WAITING.contains(&container.waiting().0);
        pod.every_container()
            .into_iter()
            .filter(waits)
            .map(move |container| (pod, container))
    })
    .collect()
}

/// The image's name does not have the form of one.
///
/// <https://kubernetes.io/docs/concepts/containers/images/#image-names>
fn name_invalid(cluster: &Cluster<'_>) -> Vec<Finding> {
    cluster
        .pods()
        .iter()
        .flat_map(|pod| {
            let all = pod.every_container().into_iter();
            all.filter(|container| container.waiting().0 == "InvalidImageName")
                .map(|container| {
                    Finding::new(
                        cluster.owner(pod.0),
                        Cause::ImageNameInvalid,
                        Support::Stated,
                    )
                    .seen(
                        format!("{} image of {}", pod.0.reference(), container.name),
                        container.image(),
                    )
                })
        })
        .collect()
}

/// The image is for another architecture than the node's: the kernel cannot execute its program.
///
/// <https://kubernetes.io/docs/concepts/containers/images/#multi-architecture-images-with-image-indexes>
fn architecture(cluster: &Cluster<'_>) -> Vec<Finding> {
    cluster
        .workloads()
        .filter(|workload| cluster.is_broken(&workload.reference()))
        .filter_map(|workload| {
            let of = workload.reference();
            let line = cluster
                .logs_of(&of)
                .flat_map(|log| &log.lines)
                .find(|line| line.contains("exec format error"))?;
            Some(
                Finding::new(of, Cause::ImageArchitecture, Support::Logged)
                    .seen(format!("log of {}", workload.name()), line),
            )
        })
        .collect()
}
