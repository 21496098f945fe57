//! A scene for every playbook: the fault, its alert, and the commands that have to arrive at the
//! host.

/// A file of the host's state and its content.
pub(crate) type So = (&'static str, &'static str);

#[derive(Debug)]
pub(crate) struct Scene {
    pub(crate) playbook: &'static str,
    /// The alert that leads to it.
    pub(crate) alert: &'static str,
    /// Labels of it, which say what it is about.
    pub(crate) labels: &'static [(&'static str, &'static str)],
    /// The name of the service in the registry.
    pub(crate) service: &'static str,
    pub(crate) unit: &'static str,
    /// Its facts; HEALTH and HTTPS stand for the host's ports.
    pub(crate) facts: &'static [(&'static str, &'static str)],
    /// What is so on the host in the beginning.
    pub(crate) state: &'static [So],
    /// What has to be done there, in this order.
    pub(crate) done: &'static [&'static str],
    /// What is done to take it back where it did not help.
    pub(crate) undone: &'static [&'static str],
    /// A fact because of which less is done: what is so on the host then, and what is still done.
    pub(crate) spared: &'static [(&'static [So], &'static [&'static str])],
    /// What is so on a host that the playbook does not help.
    pub(crate) stubborn: So,
}

const STUBBORN: So = ("stubborn", "");
const CLUSTER: [(&str, &str); 2] = [("kube_context", "prod"), ("namespace", "shop")];
const NONE: Scene = Scene {
    playbook: "",
    alert: "",
    labels: &[],
    service: "shop-1",
    unit: "none",
    facts: &[],
    state: &[],
    done: &[],
    undone: &[],
    spared: &[],
    stubborn: STUBBORN,
};
/// A log of 150 MiB would take time to write: the file is as large, and holds nothing.
pub(crate) const LARGE_LOG: (&str, u64) = ("var/log/shop/app.log", 150 << 20);
const ROTATION: &str = "STATE/var/log/shop/app.log {\n  rotate 4\n  nocompress\n  create\n}\n";
/// It keeps the log as it is beside the copy: somebody's mistake.
const COPIES: &str = "STATE/var/log/shop/app.log {\n  rotate 4\n  nocompress\n  copy\n}\n";

pub(crate) const SCENES: [Scene; 14] = [
    Scene {
        playbook: "restart-compose-service",
        alert: "SentryDown",
        service: "sentry",
        unit: "sentry",
        done: &["docker compose -p sentry restart"],
        spared: &[(&[("well", "")], &[])],
        ..NONE
    },
    Scene {
        playbook: "start-sentry-stack",
        alert: "ContainerKilled",
        service: "sentry",
        facts: &[("compose_directory", "/opt/sentry-self-hosted")],
        done: &[
            "docker compose --project-directory /opt/sentry-self-hosted up --no-recreate --no-build --pull never --wait --wait-timeout 240",
        ],
        spared: &[(&[("complete", "")], &[]), (&[("no-daemon", "")], &[])],
        ..NONE
    },
    Scene {
        playbook: "restart-supervisor-program",
        alert: "TargetDown",
        unit: "web",
        facts: &[("health_url", "http://127.0.0.1:SUPERVISED/index.html")],
        done: &["supervisorctl restart web"],
        stubborn: ("page", "not-there.html"),
        ..NONE
    },
    Scene {
        playbook: "restart-systemd-unit",
        alert: "ServiceDown",
        unit: "app.service",
        state: &[("unit", "failed"), ("start-limit", "")],
        done: &[
            "systemctl reset-failed app.service",
            "systemctl restart app.service",
        ],
        spared: &[(
            &[("unit", "inactive"), ("start-limit", "GONE")],
            &["systemctl restart app.service"],
        )],
        ..NONE
    },
    Scene {
        playbook: "restart-stuck-container",
        alert: "ContainerUnhealthy",
        facts: &[
            ("container", "shop-web"),
            ("health_url", "http://127.0.0.1:HEALTH/"),
        ],
        state: &[("container", "running\n")],
        done: &["docker restart -t 30 shop-web"],
        spared: &[(&[("container", "paused\n")], &[])],
        ..NONE
    },
    Scene {
        playbook: "rollout-restart-deployment",
        alert: "KubePodCrashLooping",
        facts: &[CLUSTER[0], CLUSTER[1], ("deployment", "cart")],
        state: &[("progressing", "NewReplicaSetAvailable")],
        done: &["kubectl --context prod -n shop rollout restart deployment/cart"],
        spared: &[
            (&[("progressing", "ReplicaSetUpdated")], &[]),
            (&[("progressing", "DeploymentPaused")], &[]),
        ],
        ..NONE
    },
    Scene {
        playbook: "scale-out-deployment",
        alert: "CPUThrottlingHigh",
        facts: &[
            CLUSTER[0],
            CLUSTER[1],
            ("deployment", "cart"),
            ("replicas", "3"),
            ("most_replicas", "5"),
        ],
        state: &[("progressing", "NewReplicaSetAvailable"), ("replicas", "3")],
        done: &[
            "kubectl --context prod -n shop scale deployment/cart --current-replicas=3 --replicas=5",
        ],
        undone: &[
            "kubectl --context prod -n shop scale deployment/cart --current-replicas=5 --replicas=3",
        ],
        spared: &[(&[("progressing", "ReplicaSetUpdated")], &[])],
        ..NONE
    },
    Scene {
        playbook: "delete-stuck-pod",
        alert: "KubePodNotReady",
        facts: &[CLUSTER[0], CLUSTER[1], ("pod", "rabbitmq-0")],
        state: &[("owner", "StatefulSet"), ("ready", "False")],
        done: &["kubectl --context prod -n shop delete pod rabbitmq-0 --timeout=120s"],
        spared: &[(&[("owner", "")], &[]), (&[("ready", "True")], &[])],
        ..NONE
    },
    Scene {
        playbook: "free-disk-space",
        alert: "NodeFilesystemAlmostOutOfSpace",
        labels: &[("mountpoint", "/var")],
        state: &[("journal", ""), ("packages", "")],
        done: &["journalctl --rotate --vacuum-size=500M", "apt-get clean"],
        spared: &[
            (&[("journal", "GONE")], &["apt-get clean"]),
            (
                &[("packages", "GONE")],
                &["journalctl --rotate --vacuum-size=500M"],
            ),
            // What it frees is on another file system than the full one.
            (&[("mount", "/")], &[]),
        ],
        ..NONE
    },
    Scene {
        playbook: "rotate-log",
        alert: "LogFileTooLarge",
        facts: &[
            ("logrotate_config", "/etc/logrotate.d/shop"),
            ("log", "/var/log/shop/app.log"),
        ],
        state: &[("etc/logrotate.d/shop", ROTATION), (LARGE_LOG.0, "")],
        done: &["logrotate --force /etc/logrotate.d/shop"],
        stubborn: ("etc/logrotate.d/shop", COPIES),
        ..NONE
    },
    Scene {
        playbook: "renew-certificate",
        alert: "BlackboxSslCertificateWillExpireSoon",
        unit: "nginx.service",
        facts: &[
            ("certificate", "shop.example"),
            ("https_address", "127.0.0.1:HTTPS"),
        ],
        state: &[("unit", "active")],
        done: &[
            "certbot renew --cert-name shop.example --non-interactive --no-random-sleep-on-renew",
            "systemctl reload nginx.service",
        ],
        ..NONE
    },
    Scene {
        playbook: "reset-connection-pool",
        alert: "PgbouncerErrors",
        facts: &[("database", "shop")],
        done: &[
            "psql --no-psqlrc --no-password --host=/var/run/postgresql --port=6432 --username=pgbouncer --dbname=pgbouncer \
             --command=RECONNECT shop",
        ],
        spared: &[(&[("well", "")], &[])],
        ..NONE
    },
    Scene {
        playbook: "step-clock",
        alert: "NodeClockNotSynchronising",
        state: &[("unsynchronised", "")],
        done: &["chronyc burst 4/4", "chronyc makestep"],
        spared: &[(&[("unsynchronised", "GONE")], &["chronyc makestep"])],
        ..NONE
    },
    Scene {
        playbook: "restart-collector",
        alert: "OtelCollectorDown",
        state: &[("unit", "failed")],
        done: &["systemctl restart otelcol-contrib.service"],
        spared: &[(&[("well", "")], &[])],
        ..NONE
    },
];
