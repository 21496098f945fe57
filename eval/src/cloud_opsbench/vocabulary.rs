//! The benchmark's names for causes, classes and objects.

use kubernetes::cause::{Cause, Class};
use kubernetes::finding::ObjectRef;
use serde_json::Value;

/// The root cause of the benchmark that a cause is; its own name where the benchmark has none for it.
pub(crate) fn root_cause(cause: Cause) -> &'static str {
    match cause {
        Cause::ServiceAccountMissing => "missing_service_account",
        Cause::QuotaCpu => "namespace_cpu_quota_exceeded",
        Cause::QuotaMemory => "namespace_memory_quota_exceeded",
        Cause::QuotaPods => "namespace_pod_quota_exceeded",
        Cause::QuotaServices => "namespace_service_quota_exceeded",
        Cause::QuotaStorage => "namespace_storage_quota_exceeded",
        Cause::InsufficientCpu => "cpu_capacity_mismatch",
        Cause::InsufficientMemory => "memory_capacity_mismatch",
        Cause::NodeAffinity => "node_affinity_mismatch",
        Cause::NodeSelector => "node_selector_mismatch",
        Cause::NodesCordoned => "node_cordon_mismatch",
        Cause::PodAntiAffinity => "pod_anti_affinity_conflict",
        Cause::TaintNotTolerated => "taint_toleration_mismatch",
        Cause::VolumeTaken => "pv_binding_occupied",
        Cause::ClaimAccessMode => "pvc_access_mode_mismatch",
        Cause::ClaimCapacity => "pvc_capacity_mismatch",
        Cause::ClaimSelector => "pvc_selector_mismatch",
        Cause::ClaimStorageClass => "pvc_storage_class_mismatch",
        Cause::RegistryUnresolvable => "image_registry_dns_failure",
        Cause::ImageNotFound | Cause::ImageNameInvalid => "incorrect_image_reference",
        Cause::ImagePullUnauthorized => "missing_image_pull_secret",
        Cause::SecretMissing => "missing_secret_binding",
        Cause::VolumePermission => "volume_mount_permission_denied",
        Cause::LivenessPort => "liveness_probe_incorrect_port",
        Cause::LivenessProtocol => "liveness_probe_incorrect_protocol",
        Cause::LivenessTiming => "liveness_probe_incorrect_timing",
        Cause::ReadinessPort => "readiness_probe_incorrect_port",
        Cause::ReadinessProtocol => "readiness_probe_incorrect_protocol",
        Cause::OutOfMemory => "oom_killed",
        Cause::PortTaken => "service_sidecar_port_conflict",
        Cause::ScaledToZero => "deployment_zero_replicas",
        Cause::DatabaseConnections => "db_connection_exhaustion",
        Cause::DatabaseReadOnly => "db_read_only",
        Cause::DatabaseCredentials => "mysql_invalid_credentials",
        Cause::DatabasePort => "mysql_invalid_port",
        Cause::ServiceSelector => "service_selector_mismatch",
        Cause::ServicePort => "service_port_mapping_mismatch",
        Cause::ServiceProtocol => "service_protocol_mismatch",
        Cause::ServiceAddress => "service_env_var_address_mismatch",
        Cause::GatewayRoute => "gateway_misroute",
        Cause::PodDns => "service_dns_resolution_failure",
        Cause::CpuThrottled => "pod_cpu_overload",
        Cause::PodNetworkDelay => "pod_network_delay",
        Cause::Kubelet => "kubelet_unavailable",
        Cause::ContainerRuntime => "containerd_unavailable",
        Cause::KubeProxy => "kube_proxy_unavailable",
        Cause::Scheduler => "kube_scheduler_unavailable",
        Cause::NodeNetworkDelay => "node_network_delay",
        Cause::NodePacketLoss => "node_network_packet_loss",
        other => other.id(),
    }
}

pub(crate) fn taxonomy(class: Class) -> &'static str {
    match class {
        Class::Admission => "Admission_Fault",
        Class::Scheduling => "Scheduling_Fault",
        Class::Startup => "Startup_Fault",
        Class::Runtime => "Runtime_Fault",
        Class::Routing => "Service_Routing_Fault",
        Class::Performance => "Performance_Fault",
        Class::Infrastructure => "Infrastructure_Fault",
    }
}

/// `node/worker-1`, `namespace/shop`, or `app/cart` for a workload and for a Service of it.
pub(crate) fn object(of: &ObjectRef, objects: &[Value]) -> String {
    match of.kind.as_str() {
        "Node" => format!("node/{}", of.name),
        "Namespace" => format!("namespace/{}", of.name),
        "Service" => format!("app/{}", app(&of.name, objects)),
        _ => format!("app/{}", of.name),
    }
}

/// The application that a Service belongs to: the workload with the longest name that its own begins with.
fn app<'n>(service: &'n str, objects: &'n [Value]) -> &'n str {
    let workloads = objects
        .iter()
        .filter(|object| matches!(object["kind"].as_str(), Some("Deployment" | "StatefulSet")));
    workloads
        .filter_map(|workload| workload["metadata"]["name"].as_str())
        .filter(|name| service.starts_with(name))
        .max_by_key(|name| name.len())
        .unwrap_or(service)
}

/// The causes of a name: a root cause or a class of the benchmark, or a cause of ours.
pub(crate) fn causes(name: &str) -> Vec<Cause> {
    let is =
        |cause: &Cause| [root_cause(*cause), taxonomy(cause.class()), cause.id()].contains(&name);
    Cause::ALL.iter().copied().filter(is).collect()
}

#[cfg(test)]
mod tests {
    use kubernetes::cause::Cause;
    use kubernetes::finding::ObjectRef;
    use serde_json::json;

    use super::{causes, object};

    #[test]
    fn a_name_is_a_cause_or_a_class() {
        assert_eq!(causes("oom_killed"), [Cause::OutOfMemory]);
        assert_eq!(causes("out_of_memory"), [Cause::OutOfMemory]);
        assert!(causes("Admission_Fault").contains(&Cause::QuotaPods));
        assert_eq!(causes("something"), []);
    }

    #[test]
    fn a_service_belongs_to_the_workload_it_is_named_after() {
        let objects = [json!({ "kind": "Deployment", "metadata": { "name": "front" } })];
        let service = ObjectRef::new("Service", "shop", "front-external");
        assert_eq!(object(&service, &objects), "app/front");
        let node = ObjectRef::new("Node", "", "worker-1");
        assert_eq!(object(&node, &objects), "node/worker-1");
    }
}
