//! Fingerprints: two alerts with the same fingerprint are about the same problem.

use crate::alert::labels::said;
use crate::alert::{Alert, AlertType};
use crate::primitives::digest::Digest;
use crate::primitives::id::Fingerprint;

/// The fingerprint of an alert: SHA-256 over cluster, namespace, kind and normalised name of the subject, and type (the alert's name
/// where the type is custom), each with its length; then over the labels that tell the subject apart, and each of `identity_labels` with
/// its name. What a delivery pipeline reports is told apart by its stage, commit and severity too: each of
/// them is news of its own.
pub fn fingerprint(alert: &Alert, identity_labels: &[String]) -> Fingerprint {
    let kind = match alert.alert_type {
        AlertType::Custom => alert.name.as_str(),
        known => known.as_str(),
    };
    let subject = &alert.subject;
    let digest = Digest::new()
        .field(subject.cluster.as_deref().unwrap_or_default())
        .field(&alert.namespace)
        .field(subject.kind.as_str())
        .field(&alert.normalised_target)
        .field(kind);
    let digest = match &subject.apart_digest {
        Some(apart) => digest.field("apart").field(apart),
        None => digest,
    };
    let of_pipeline: &[&str] = if alert.cicd {
        &["stage", "commit", "severity"]
    } else {
        &[]
    };
    let labels = identity_labels.iter().map(String::as_str);
    labels
        .chain(of_pipeline.iter().copied())
        .fold(digest, |digest, name| {
            let value = said(&alert.labels, name).unwrap_or_default();
            digest.field(name).field(value)
        })
        .into()
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::fingerprint;
    use crate::alert::classification::AlertTables;
    use crate::alert::{Alert, AlertStatus, Texts};
    use crate::primitives::id::{InvalidId, MemberId};

    fn alert(labels: &[(&str, &str)]) -> Result<Alert, InvalidId> {
        let labels: Texts = labels
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
            .collect();
        Ok(AlertTables::default().alert(
            AlertStatus::Firing,
            "test",
            labels,
            Texts::new(),
            Timestamp::UNIX_EPOCH,
            MemberId::try_from("m")?,
        ))
    }

    #[test]
    fn pods_of_one_deployment_converge() -> Result<(), InvalidId> {
        let one = alert(&[
            ("alertname", "KubePodCrashLooping"),
            ("pod", "web-7d9c5b8f6d-x2x4z"),
        ])?;
        let two = alert(&[
            ("alertname", "KubePodNotReady"),
            ("pod", "web-7d9c5b8f6d-bbbbb"),
        ])?;
        assert_eq!(fingerprint(&one, &[]), fingerprint(&two, &[]));
        Ok(())
    }

    #[test]
    fn every_part_of_the_identity_counts() -> Result<(), InvalidId> {
        let base = fingerprint(
            &alert(&[("alertname", "A"), ("component", "c"), ("team", "x")])?,
            &[],
        );
        for other in [
            &[("alertname", "B"), ("component", "c"), ("team", "x")][..],
            &[("alertname", "A"), ("component", "d"), ("team", "x")],
            &[("alertname", "A"), ("component", "c"), ("namespace", "n")],
        ] {
            assert_ne!(base, fingerprint(&alert(other)?, &[]));
        }
        let labels = ["team".to_owned()];
        let x = fingerprint(
            &alert(&[("alertname", "A"), ("component", "c"), ("team", "x")])?,
            &labels,
        );
        let y = fingerprint(
            &alert(&[("alertname", "A"), ("component", "c"), ("team", "y")])?,
            &labels,
        );
        assert_ne!(x, y);
        assert_eq!(
            base,
            fingerprint(
                &alert(&[("alertname", "A"), ("component", "c"), ("severity", "info")])?,
                &[]
            )
        );
        Ok(())
    }

    #[test]
    fn the_fingerprint_is_stable() -> Result<(), InvalidId> {
        let alert = alert(&[
            ("alertname", "TargetDown"),
            ("component", "sentry"),
            ("namespace", "prod"),
        ])?;
        // printf '\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\4prod\0\0\0\0\0\0\0\11component\0\0\0\0\0\0\0\6sentry\0\0\0\0\0\0\0\13service_404' | sha256sum
        insta::assert_snapshot!(fingerprint(&alert, &[]), @"e37af44ba4c33ef3f06c2da60fde35e9c01b4c600c385d3e1940cacaf2bf3abc");
        Ok(())
    }
}
