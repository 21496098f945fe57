//! Pods and their containers.

use serde_json::Value;

use super::json::{at, list, number, scalar, text, texts};
use super::labels::Labels;
use super::object::Object;
use super::port::{ContainerPort, declared};
use super::probe::Probe;

#[derive(Debug, Clone, Copy)]
pub(crate) struct Pod<'a>(pub(crate) Object<'a>);

/// Conditions and phases: <https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/>
impl<'a> Pod<'a> {
    pub(crate) fn spec(&self) -> &'a Value {
        at(self.0.value, "/spec")
    }

    pub(crate) fn phase(&self) -> &'a str {
        text(self.0.value, "/status/phase")
    }

    pub(crate) fn node(&self) -> &'a str {
        text(self.spec(), "/nodeName")
    }

    pub(crate) fn labels(&self) -> Labels<'a> {
        self.0.labels()
    }

    pub(crate) fn namespace(&self) -> &'a str {
        self.0.namespace()
    }

    pub(crate) fn is_going(&self) -> bool {
        !text(self.0.value, "/metadata/deletionTimestamp").is_empty()
    }

    /// A pod that no node was found for.
    pub(crate) fn is_unscheduled(&self) -> bool {
        self.phase() == "Pending" && self.node().is_empty() && !self.is_going()
    }

    /// The message of a condition that is not true.
    pub(crate) fn condition(&self, of: &str) -> Option<&'a str> {
        let conditions = list(self.0.value, "/status/conditions");
        conditions
            .iter()
            .find(|condition| {
                text(condition, "/type") == of && text(condition, "/status") != "True"
            })
            .map(|condition| text(condition, "/message"))
    }

    /// A pod that should run its containers, and does not run all of them so that they are ready.
    pub(crate) fn is_broken(&self) -> bool {
        let ended = matches!(self.phase(), "Succeeded") || self.is_going();
        !ended && (self.phase() == "Failed" || !self.is_ready())
    }

    fn is_ready(&self) -> bool {
        let containers = self.containers();
        !containers.is_empty() && containers.iter().all(Container::is_ready)
    }

    /// The containers with what is known of their state, without the init containers.
    pub(crate) fn containers(&self) -> Vec<Container<'a>> {
        self.listed("containers", "containerStatuses")
    }

    pub(crate) fn init_containers(&self) -> Vec<Container<'a>> {
        self.listed("initContainers", "initContainerStatuses")
    }

    pub(crate) fn every_container(&self) -> Vec<Container<'a>> {
        let mut all = self.init_containers();
        all.extend(self.containers());
        all
    }

    fn listed(&self, of: &str, statuses: &str) -> Vec<Container<'a>> {
        let statuses = list(self.0.value, &format!("/status/{statuses}"));
        list(self.spec(), &format!("/{of}"))
            .iter()
            .map(|spec| {
                let name = text(spec, "/name");
                let status = statuses.iter().find(|status| text(status, "/name") == name);
                let status = status.unwrap_or(&Value::Null);
                Container { name, spec, status }
            })
            .collect()
    }

    /// The name of what a volume of the pod mounts, for volumes of one type: `/persistentVolumeClaim/claimName` and such.
    pub(crate) fn volumes(&self, pointer: &str) -> Vec<&'a str> {
        list(self.spec(), "/volumes")
            .iter()
            .map(|volume| text(volume, pointer))
            .filter(|name| !name.is_empty())
            .collect()
    }
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Container<'a> {
    pub(crate) name: &'a str,
    pub(crate) spec: &'a Value,
    pub(crate) status: &'a Value,
}

impl<'a> Container<'a> {
    pub(crate) fn is_ready(&self) -> bool {
        at(self.status, "/ready").as_bool() == Some(true)
    }

    pub(crate) fn restarts(&self) -> i64 {
        number(self.status, "/restartCount").unwrap_or(0)
    }

    /// Why it waits: reason and message.
    pub(crate) fn waiting(&self) -> (&'a str, &'a str) {
        let waiting = at(self.status, "/state/waiting");
        (text(waiting, "/reason"), text(waiting, "/message"))
    }

    /// How it ended, now or before it was started again.
    pub(crate) fn ended(&self) -> Option<&'a Value> {
        ["/state/terminated", "/lastState/terminated"]
            .iter()
            .map(|pointer| at(self.status, pointer))
            .find(|ended| ended.is_object())
    }

    /// Whether it ended with an error and is started again, or waits for that.
    pub(crate) fn is_crashing(&self) -> bool {
        let failed = self
            .ended()
            .is_some_and(|ended| number(ended, "/exitCode").unwrap_or(1) != 0);
        failed && !self.is_ready() || self.waiting().0 == "CrashLoopBackOff"
    }

    pub(crate) fn ports(&self) -> Vec<ContainerPort<'a>> {
        declared(self.spec)
    }

    pub(crate) fn probe(&self, kind: &str) -> Option<Probe<'a>> {
        let probe = at(self.spec, &format!("/{kind}Probe"));
        probe.is_object().then_some(Probe(probe))
    }

    /// The environment variables that are written in the pod: name and value.
    pub(crate) fn environment(&self) -> Vec<(&'a str, &'a str)> {
        list(self.spec, "/env")
            .iter()
            .map(|variable| (text(variable, "/name"), text(variable, "/value")))
            .filter(|(_, value)| !value.is_empty())
            .collect()
    }

    /// The Secrets, or ConfigMaps, whose every key is a variable (`secretRef`, `configMapRef`).
    pub(crate) fn environment_from(&self, of: &str) -> Vec<&'a str> {
        list(self.spec, "/envFrom")
            .iter()
            .map(|source| text(source, &format!("/{of}/name")))
            .filter(|name| !name.is_empty())
            .collect()
    }

    /// The volumes that it mounts, without the token that Kubernetes adds.
    pub(crate) fn mounts(&self) -> Vec<&'a str> {
        list(self.spec, "/volumeMounts")
            .iter()
            .filter(|mount| {
                !text(mount, "/mountPath").starts_with("/var/run/secrets/kubernetes.io")
            })
            .map(|mount| text(mount, "/name"))
            .collect()
    }

    /// A limit of `/resources/limits`, as it is written.
    pub(crate) fn limit(&self, resource: &str) -> String {
        scalar(at(self.spec, &format!("/resources/limits/{resource}")))
    }

    pub(crate) fn image(&self) -> &'a str {
        text(self.spec, "/image")
    }
}

/// The values of a Secret or a ConfigMap whose key ends with one of the endings. Of a Secret this decodes nothing else.
///
/// <https://kubernetes.io/docs/concepts/configuration/secret/#restriction-names-data>
pub(crate) fn settings(object: Object<'_>, endings: &[&str]) -> Vec<(String, String)> {
    use base64::Engine as _;
    let wanted = |key: &str| {
        let key = key.to_ascii_uppercase();
        endings.iter().any(|ending| key.ends_with(ending))
    };
    let plain = |pointer| {
        texts(object.value, pointer)
            .filter(|(key, _)| wanted(key))
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
    };
    if object.kind != "Secret" {
        return plain("/data").collect();
    }
    let decoded = texts(object.value, "/data")
        .filter(|(key, _)| wanted(key))
        .filter_map(|(key, value)| {
            let bytes = base64::engine::general_purpose::STANDARD
                .decode(value)
                .ok()?;
            Some((key.to_owned(), String::from_utf8(bytes).ok()?))
        });
    plain("/stringData").chain(decoded).collect()
}
