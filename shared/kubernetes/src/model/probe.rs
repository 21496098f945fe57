//! Probes of containers.
//!
//! <https://kubernetes.io/docs/concepts/configuration/liveness-readiness-startup-probes/>

use serde_json::Value;

use super::json::{at, number, scalar};
use super::port::ContainerPort;

#[derive(Debug, Clone, Copy)]
pub(crate) struct Probe<'a>(pub(crate) &'a Value);

/// How a probe asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Handler {
    Http,
    Grpc,
    Tcp,
    Exec,
}

impl Probe<'_> {
    pub(crate) fn handler(self) -> Option<Handler> {
        [
            ("httpGet", Handler::Http),
            ("grpc", Handler::Grpc),
            ("tcpSocket", Handler::Tcp),
            ("exec", Handler::Exec),
        ]
        .into_iter()
        .find(|(field, _)| self.0.get(field).is_some())
        .map(|(_, handler)| handler)
    }

    fn port_as_written(self) -> String {
        ["/httpGet/port", "/grpc/port", "/tcpSocket/port"]
            .iter()
            .map(|pointer| scalar(at(self.0, pointer)))
            .find(|port| !port.is_empty())
            .unwrap_or_default()
    }

    /// The number of its port; a name is looked up among the container's ports.
    pub(crate) fn port(self, declared: &[ContainerPort<'_>]) -> Option<i64> {
        let written = self.port_as_written();
        match written.parse() {
            Ok(number) => Some(number),
            Err(_) => {
                let named = declared.iter().find(|port| port.name == written);
                named.map(|port| port.number)
            }
        }
    }

    /// Seconds from the container's start until it is killed, if every answer fails:
    /// `initialDelaySeconds + periodSeconds × failureThreshold`, with the documented defaults 0, 10 and 3.
    ///
    /// <https://kubernetes.io/docs/tasks/configure-pod-container/configure-liveness-readiness-startup-probes/#configure-probes>
    pub(crate) fn patience(self) -> i64 {
        let or = |field: &str, default| number(self.0, field).unwrap_or(default);
        or("/periodSeconds", 10)
            .saturating_mul(or("/failureThreshold", 3))
            .saturating_add(or("/initialDelaySeconds", 0))
    }

    /// The probe in one line, for a quote.
    pub(crate) fn written(self) -> String {
        self.0.to_string()
    }
}
