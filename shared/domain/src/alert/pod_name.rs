//! Workload names from pod names: removes the generated suffixes.

use crate::alert::subject::SubjectKind;

/// The alphabet of Kubernetes' generated suffixes: no vowels and no look-alikes (`k8s.io/apimachinery`, `util/rand`).
const GENERATED: &str = "bcdfghjklmnpqrstvwxz2456789";
/// How long the suffix of a pod is (`k8s.io/apiserver`, `storage/names`).
const POD_SUFFIX: usize = 5;
/// How long a generated name is at most: what comes before the suffix is cut, its dash first (`k8s.io/apiserver`, `storage/names`).
const LONGEST_POD: usize = 63;
/// How long the minutes since 1970 are in the name of a CronJob's job (`k8s.io/kubernetes`, `pkg/controller/cronjob`).
const MINUTES: usize = 8;
/// A replica-set hash is up to ten characters; shorter than eight it could as well be a word of the name.
const HASH: std::ops::RangeInclusive<usize> = 8..=10;

/// The name without what changes from one generated object to the next of its owner.
pub fn normalise(kind: SubjectKind, name: &str) -> &str {
    match kind {
        SubjectKind::Pod => normalise_pod(name),
        SubjectKind::Job => normalise_job(name),
        _ => name,
    }
}

/// The name of the workload that a pod belongs to, so that all its pods have one fingerprint.
///
/// A Deployment's pod is `web-7d9c5b8f6d-x2x4z` (replica-set hash, suffix), a CronJob's `backup-29387520-x2x4z` (minutes
/// since 1970, suffix), a DaemonSet's or Job's `agent-x2x4z`, a StatefulSet's `db-0`. Where the name would be longer than 63
/// characters, the end of what comes before the suffix is missing. Any other name stays as it is.
pub fn normalise_pod(pod: &str) -> &str {
    if let Some(base) = cut_base(pod) {
        return without_hash(base, |hash| {
            HASH.contains(&hash.len()) || hash.bytes().any(|b| b.is_ascii_digit())
        });
    }
    let Some((owner, last)) = pod.rsplit_once('-') else {
        return pod;
    };
    if (1..=3).contains(&last.len()) && last.bytes().all(|b| b.is_ascii_digit()) {
        return owner;
    }
    if last.len() != POD_SUFFIX || !is_generated(last) {
        return pod;
    }
    without_hash(owner, |hash| HASH.contains(&hash.len()))
}

/// The name of the CronJob that a job belongs to; the job's own where none made it.
pub fn normalise_job(job: &str) -> &str {
    match job.rsplit_once('-') {
        Some((owner, minutes)) if minutes.len() == MINUTES && is_number(minutes) => owner,
        _ => job,
    }
}

/// What comes before the suffix of a name that was cut.
fn cut_base(pod: &str) -> Option<&str> {
    let at = (pod.len() == LONGEST_POD && pod.is_ascii()).then_some(LONGEST_POD - POD_SUFFIX)?;
    let (base, suffix) = pod.split_at(at);
    is_generated(suffix).then(|| base.trim_end_matches('-'))
}

/// A name without its replica-set hash, or a job's without its minutes.
fn without_hash(name: &str, is_hash: impl Fn(&str) -> bool) -> &str {
    match name.rsplit_once('-') {
        Some((owner, hash)) if (is_generated(hash) || is_number(hash)) && is_hash(hash) => owner,
        _ => name,
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
    use super::{normalise_job, normalise_pod};

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
    fn long_names_lose_what_kubernetes_did_not_cut() {
        let name = |characters: usize| {
            "a-service-that-checks-the-stock-of-every-warehouse-in-europe-".repeat(2)[..characters]
                .to_owned()
        };
        let deployment = "enterprise-schema-validator-service-for-europe-prod";
        for (pod, workload) in [
            // The dash goes first: name, dash and hash fill 58 characters.
            (
                format!("{}-6d4cf56db8x2x4z", &deployment[..47]),
                &deployment[..47],
            ),
            // A part of the hash is left.
            (format!("{deployment}-6d4cf5k9k8j"), deployment),
            // The hash is gone, and the end of the name too.
            (format!("{}bhn8f", name(58)), name(58).as_str()),
        ] {
            assert_eq!((pod.len(), normalise_pod(&pod)), (63, workload));
        }
        // 63 characters without a suffix are a name.
        assert_eq!(normalise_pod(&name(63)), name(63));
    }

    #[test]
    fn runs_of_a_cron_job_have_its_name() {
        assert_eq!(normalise_job("backup-29387520"), "backup");
        assert_eq!(normalise_job("report-2026"), "report-2026");
        assert_eq!(normalise_job("29387520"), "29387520");
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
