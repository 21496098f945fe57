//! Workload names from pod names: removes the generated suffixes.

/// The alphabet of Kubernetes' generated suffixes: no vowels and no look-alikes (`k8s.io/apimachinery`, `util/rand`).
const GENERATED: &str = "bcdfghjklmnpqrstvwxz2456789";
/// How long the suffix of a pod is (`k8s.io/apiserver`, `storage/names`).
const POD_SUFFIX: usize = 5;

/// The name of the workload that a pod belongs to, so that all its pods have one fingerprint.
///
/// A Deployment's pod is `web-7d9c5b8f6d-x2x4z` (replica-set hash, suffix), a CronJob's `backup-29387520-x2x4z` (minutes
/// since 1970, suffix), a DaemonSet's or Job's `agent-x2x4z`, a StatefulSet's `db-0`. Any other name stays as it is.
pub fn normalise_pod(pod: &str) -> &str {
    let Some((owner, last)) = pod.rsplit_once('-') else {
        return pod;
    };
    if (1..=3).contains(&last.len()) && last.bytes().all(|b| b.is_ascii_digit()) {
        return owner;
    }
    if last.len() != POD_SUFFIX || !is_generated(last) {
        return pod;
    }
    match owner.rsplit_once('-') {
        // A replica-set hash is up to ten characters; shorter than eight it could as well be a word of the name.
        Some((name, hash))
            if (8..=10).contains(&hash.len()) && (is_generated(hash) || is_number(hash)) =>
        {
            name
        }
        _ => owner,
    }
}

fn is_generated(text: &str) -> bool {
    text.chars().all(|c| GENERATED.contains(c))
}

fn is_number(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::normalise_pod;

    #[test]
    fn a_pod_has_the_name_of_its_workload() {
        for (pod, workload) in [
            ("web-7d9c5b8f6d-x2x4z", "web"),
            ("web-api-7d9c5b8f6d-bbbbb", "web-api"),
            ("backup-29387520-x2x4z", "backup"),
            ("node-exporter-x2x4z", "node-exporter"),
            ("postgres-0", "postgres"),
            ("kafka-broker-12", "kafka-broker"),
        ] {
            assert_eq!(normalise_pod(pod), workload);
        }
    }

    #[test]
    fn other_names_stay() {
        for name in [
            "web",
            "payment-gateway",
            "my-deployment-name-extra",
            "web-7d9c5b8f6d",
            "ip-10-0-3-2024",
            "é-é",
            "-",
            "",
        ] {
            assert_eq!(normalise_pod(name), name);
        }
    }
}
