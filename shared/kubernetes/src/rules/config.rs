//! Containers that are not created: Secrets, ConfigMaps, keys, volumes, security contexts, commands.

use crate::cause::Cause;
use crate::finding::{Finding, Support};
use crate::model::cluster::Cluster;
use crate::model::pod::Pod;
use crate::rules::Rule;

pub(crate) const RULES: &[Rule] = &[
    Rule {
        causes: &[Cause::SecretMissing],
        look: |cluster| not_created(cluster, Cause::SecretMissing, secret),
    },
    Rule {
        causes: &[Cause::ConfigMapMissing],
        look: |cluster| not_created(cluster, Cause::ConfigMapMissing, config_map),
    },
    Rule {
        causes: &[Cause::ConfigKeyMissing],
        look: |cluster| not_created(cluster, Cause::ConfigKeyMissing, key),
    },
    Rule {
        causes: &[Cause::SecurityContext],
        look: |cluster| not_created(cluster, Cause::SecurityContext, security_context),
    },
    Rule {
        causes: &[Cause::CommandNotFound],
        look: |cluster| not_created(cluster, Cause::CommandNotFound, command),
    },
    Rule {
        causes: &[Cause::VolumeMount],
        look: |cluster| not_created(cluster, Cause::VolumeMount, mount),
    },
];

/// The reasons of events, and of waiting containers, that say why a container is not created.
const REASONS: [&str; 3] = ["Failed", "FailedMount", "FailedAttachVolume"];
const WAITING: [&str; 4] = [
    "CreateContainerConfigError",
    "CreateContainerError",
    "RunContainerError",
    "StartError",
];

/// A container or a volume needs a Secret that is not there.
///
/// <https://kubernetes.io/docs/concepts/configuration/secret/#using-secrets-as-environment-variables>
fn secret(message: &str) -> bool {
    message.contains("secret \"") && message.contains("not found")
}

/// A container or a volume needs a ConfigMap that is not there.
///
/// <https://kubernetes.io/docs/concepts/configuration/configmap/#configmaps-and-pods>
fn config_map(message: &str) -> bool {
    message.contains("configmap \"") && message.contains("not found")
}

/// The Secret or ConfigMap is there, and lacks the key.
///
/// <https://kubernetes.io/docs/tasks/configure-pod-container/configure-pod-configmap/#restrictions>
fn key(message: &str) -> bool {
    message.contains("couldn't find key") || message.contains("references non-existent")
}

/// The image and the pod's security context do not agree.
///
/// <https://kubernetes.io/docs/tasks/configure-pod-container/security-context/>
fn security_context(message: &str) -> bool {
    message.contains("container has runAsNonRoot")
        || message.contains("runAsNonRoot and image has non-numeric user")
}

/// The container's command is not in its image, or may not be executed.
///
/// <https://kubernetes.io/docs/tasks/inject-data-application/define-command-argument-container/>
fn command(message: &str) -> bool {
    let exec =
        message.contains("exec: \"") || message.contains("unable to start container process: exec");
    let missing = [
        "executable file not found",
        "no such file or directory",
        "permission denied",
    ];
    exec && missing.iter().any(|part| message.contains(part))
}

/// A volume cannot be attached or mounted, for another reason than a Secret or ConfigMap that is missing.
///
/// <https://kubernetes.io/docs/concepts/storage/volumes/>
fn mount(message: &str) -> bool {
    let failed = message.contains("MountVolume") || message.contains("AttachVolume");
    failed && !secret(message) && !config_map(message) && !key(message)
}

/// Pods with a container that was never created, of which the latest word says why.
fn not_created(cluster: &Cluster<'_>, cause: Cause, says: fn(&str) -> bool) -> Vec<Finding> {
    cluster
        .pods()
        .into_iter()
        .filter(|pod| waits(pod))
        .filter_map(|pod| {
            let of = pod.0.reference();
            let waiting = pod.every_container().into_iter().find_map(|container| {
                let (reason, message) = container.waiting();
                let told = WAITING.contains(&reason) && !message.is_empty();
                told.then(|| (format!("{of} waiting {reason}"), message.to_owned()))
            });
            // A container without a word of its own is one whose volumes are not mounted yet.
            let (source, said) = waiting.or_else(|| {
                let latest = cluster
                    .events_of(&of, &REASONS)
                    .find(|event| !is_image(&event.message))?;
                Some((
                    format!("event {} of {of}", latest.reason),
                    latest.message.clone(),
                ))
            })?;
            says(&said).then(|| {
                Finding::new(cluster.owner(pod.0), cause, Support::Stated).seen(source, &said)
            })
        })
        .collect()
}

/// `Error: ErrImagePull` and such have rules of their own.
fn is_image(message: &str) -> bool {
    message.contains("ImagePull") || message.starts_with("Failed to pull image")
}

fn waits(pod: &Pod<'_>) -> bool {
    let creating = ["ContainerCreating", "PodInitializing"];
    !pod.is_going()
        && pod.every_container().iter().any(|container| {
            let (reason, _) = container.waiting();
            WAITING.contains(&reason) || creating.contains(&reason) || container.is_crashing()
        })
}
