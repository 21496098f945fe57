//! The closed vocabulary of causes, and the classes that they belong to.

use serde::{Deserialize, Serialize};

/// Where in the life of a workload the fault is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// The API server refuses to create an object.
    Admission,
    /// A pod finds no node.
    Scheduling,
    /// A container does not start.
    Startup,
    /// A container starts and does not stay up, or is of no use.
    Runtime,
    /// Requests do not reach the right pods.
    Routing,
    /// Requests arrive, and take too long.
    Performance,
    /// A node or the control plane.
    Infrastructure,
}

/// Defines the vocabulary from one table: variant, name and class.
macro_rules! causes {
    ($($(#[$meta:meta])* $variant:ident = $name:literal in $class:ident,)+) => {
        /// Why something does not work. The names are stored: they never change, and new ones are only added.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum Cause {
            $($(#[$meta])* #[serde(rename = $name)] $variant,)+
        }

        impl Cause {
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            #[must_use]
            pub const fn id(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                }
            }

            #[must_use]
            pub const fn class(self) -> Class {
                match self {
                    $(Self::$variant => Class::$class,)+
                }
            }
        }
    };
}

causes! {
    ServiceAccountMissing = "service_account_missing" in Admission,
    QuotaCpu = "quota_cpu" in Admission,
    QuotaMemory = "quota_memory" in Admission,
    QuotaPods = "quota_pods" in Admission,
    QuotaServices = "quota_services" in Admission,
    QuotaStorage = "quota_storage" in Admission,
    QuotaObjects = "quota_objects" in Admission,
    /// The quota wants requests or limits that the pod does not have.
    QuotaNeedsResources = "quota_needs_resources" in Admission,
    LimitRange = "limit_range" in Admission,
    PodSecurity = "pod_security" in Admission,
    AdmissionWebhook = "admission_webhook" in Admission,

    InsufficientCpu = "insufficient_cpu" in Scheduling,
    InsufficientMemory = "insufficient_memory" in Scheduling,
    /// Devices, ephemeral storage, or the number of pods on a node.
    InsufficientOther = "insufficient_other" in Scheduling,
    NodeSelector = "node_selector" in Scheduling,
    NodeAffinity = "node_affinity" in Scheduling,
    NodesCordoned = "nodes_cordoned" in Scheduling,
    TaintNotTolerated = "taint_not_tolerated" in Scheduling,
    PodAntiAffinity = "pod_anti_affinity" in Scheduling,
    PodAffinity = "pod_affinity" in Scheduling,
    TopologySpread = "topology_spread" in Scheduling,
    HostPortTaken = "host_port_taken" in Scheduling,
    VolumeZone = "volume_zone" in Scheduling,
    ClaimMissing = "claim_missing" in Scheduling,
    ClaimAccessMode = "claim_access_mode" in Scheduling,
    ClaimCapacity = "claim_capacity" in Scheduling,
    ClaimSelector = "claim_selector" in Scheduling,
    ClaimStorageClass = "claim_storage_class" in Scheduling,
    VolumeTaken = "volume_taken" in Scheduling,
    /// The claim is bound to no volume, and more than one thing or nothing known speaks against each.
    ClaimUnbound = "claim_unbound" in Scheduling,

    ImageNotFound = "image_not_found" in Startup,
    ImageNameInvalid = "image_name_invalid" in Startup,
    ImagePullUnauthorized = "image_pull_unauthorized" in Startup,
    RegistryUnresolvable = "registry_unresolvable" in Startup,
    RegistryUnreachable = "registry_unreachable" in Startup,
    ImageArchitecture = "image_architecture" in Startup,
    SecretMissing = "secret_missing" in Startup,
    ConfigMapMissing = "config_map_missing" in Startup,
    ConfigKeyMissing = "config_key_missing" in Startup,
    VolumeMount = "volume_mount" in Startup,
    VolumePermission = "volume_permission" in Startup,
    SecurityContext = "security_context" in Startup,
    CommandNotFound = "command_not_found" in Startup,

    LivenessPort = "liveness_port" in Runtime,
    LivenessProtocol = "liveness_protocol" in Runtime,
    LivenessPath = "liveness_path" in Runtime,
    LivenessTiming = "liveness_timing" in Runtime,
    ReadinessPort = "readiness_port" in Runtime,
    ReadinessProtocol = "readiness_protocol" in Runtime,
    ReadinessPath = "readiness_path" in Runtime,
    ReadinessTiming = "readiness_timing" in Runtime,
    StartupProbe = "startup_probe" in Runtime,
    OutOfMemory = "out_of_memory" in Runtime,
    DiskFull = "disk_full" in Runtime,
    Evicted = "evicted" in Runtime,
    PortTaken = "port_taken" in Runtime,
    ScaledToZero = "scaled_to_zero" in Runtime,
    RbacDenied = "rbac_denied" in Runtime,
    DatabaseConnections = "database_connections" in Runtime,
    DatabaseReadOnly = "database_read_only" in Runtime,
    DatabaseCredentials = "database_credentials" in Runtime,
    DatabaseAddress = "database_address" in Runtime,
    DatabasePort = "database_port" in Runtime,
    /// A container ends again and again, and nothing says why.
    CrashLoop = "crash_loop" in Runtime,

    ServiceSelector = "service_selector" in Routing,
    ServicePort = "service_port" in Routing,
    ServiceProtocol = "service_protocol" in Routing,
    ServiceMissing = "service_missing" in Routing,
    /// A workload calls another under an address that no Service has.
    ServiceAddress = "service_address" in Routing,
    GatewayRoute = "gateway_route" in Routing,
    IngressBackend = "ingress_backend" in Routing,
    NetworkPolicy = "network_policy" in Routing,
    /// The pod asks a name server that is not the cluster's.
    PodDns = "pod_dns" in Routing,
    ClusterDns = "cluster_dns" in Routing,

    CpuThrottled = "cpu_throttled" in Performance,
    PodNetworkDelay = "pod_network_delay" in Performance,
    PodPacketLoss = "pod_packet_loss" in Performance,

    Kubelet = "kubelet" in Infrastructure,
    ContainerRuntime = "container_runtime" in Infrastructure,
    KubeProxy = "kube_proxy" in Infrastructure,
    Scheduler = "scheduler" in Infrastructure,
    ControllerManager = "controller_manager" in Infrastructure,
    ApiServer = "api_server" in Infrastructure,
    Etcd = "etcd" in Infrastructure,
    NodeNetworkPlugin = "node_network_plugin" in Infrastructure,
    NodeNetworkDelay = "node_network_delay" in Infrastructure,
    NodePacketLoss = "node_packet_loss" in Infrastructure,
    NodeMemoryPressure = "node_memory_pressure" in Infrastructure,
    NodeDiskPressure = "node_disk_pressure" in Infrastructure,
    NodePidPressure = "node_pid_pressure" in Infrastructure,
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::Cause;

    #[test]
    fn every_cause_has_a_name_of_its_own_in_json_too() {
        let names: BTreeSet<_> = Cause::ALL.iter().map(|cause| cause.id()).collect();
        assert_eq!(names.len(), Cause::ALL.len());
        for cause in Cause::ALL {
            let json = serde_json::to_value(cause).expect("a name");
            assert_eq!(json, cause.id());
        }
    }
}
