//! Names of targets without what changes from one to the next.

/// The alphabet of Kubernetes' generated suffixes: no vowels and no look-alikes (`k8s.io/apimachinery`, `util/rand`).
const KUBERNETES_SUFFIX: &str = "bcdfghjklmnpqrstvwxz2456789";

/// The name of a pod without what changes from pod to pod: a Deployment's replica-set hash and pod suffix.
///
/// `web-7d9c5b8f6d-x2x4z` is `web`. A name that does not end that way stays as it is.
#[must_use]
pub fn normalise_pod(pod: &str) -> &str {
    let Some((replica_set, suffix)) = pod.rsplit_once('-') else { return pod };
    if suffix.len() != 5 || !is_generated(suffix) {
        return pod;
    }
    match replica_set.rsplit_once('-') {
        // A replica-set hash is up to ten characters; shorter than eight it could as well be a word of the name.
        Some((name, hash)) if (8..=10).contains(&hash.len()) && is_generated(hash) => name,
        _ => pod,
    }
}

fn is_generated(text: &str) -> bool {
    text.chars().all(|c| KUBERNETES_SUFFIX.contains(c))
}

#[cfg(test)]
mod tests {
    use super::normalise_pod;

    #[test]
    fn a_pod_of_a_deployment_is_its_deployment() {
        assert_eq!(normalise_pod("web-7d9c5b8f6d-x2x4z"), "web");
        assert_eq!(normalise_pod("web-api-7d9c5b8f6d-bbbbb"), "web-api");
    }

    #[test]
    fn names_without_a_generated_suffix_stay() {
        for name in ["web", "web-0", "payment-gateway", "my-deployment-name-extra", "web-7d9c5b8f6d", "a-b-x2x4z", "é-é"] {
            assert_eq!(normalise_pod(name), name);
        }
    }
}
