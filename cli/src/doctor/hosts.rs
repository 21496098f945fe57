//! Hosts over SSH: compares each one's host key with the key that the registry pins, without logging in.

use bridge::ssh::probe::{Shown, host_key};
use domain::playbook::service::Service;
use domain::playbook::target::Target;
use futures_util::future::join_all;

use crate::doctor::finding::{Finding, or_ok};

const CHECK: &str = "hosts";

/// Looks at every host that is reached over SSH, all at once; of one behind a bastion at the bastion.
pub(crate) async fn examine(services: &[Service]) -> Vec<Finding> {
    let hosts = services.iter().filter_map(|service| match &service.target {
        Target::Ssh(target) => Some((service.name.as_str(), target)),
        Target::Ssm(_) => None,
    });
    let looks = hosts.map(|(service, target)| async move {
        judge(
            service,
            target.bastion.is_some(),
            &host_key(service, target).await,
        )
    });
    let findings: Vec<Finding> = join_all(looks).await.into_iter().flatten().collect();
    or_ok(
        findings,
        CHECK,
        "every host that is reached over SSH shows its pinned key",
    )
}

pub(crate) fn judge(service: &str, by_bastion: bool, shown: &Shown) -> Option<Finding> {
    let field = if by_bastion {
        "target.ssh.bastion.host_key"
    } else {
        "target.ssh.host_key"
    };
    match shown {
        Shown::Pinned => None,
        Shown::Other(why) => Some(Finding::fault(
            CHECK,
            why.clone(),
            format!(
                "if the host was set up anew, put its new key as {field} of {service}; if not, the connection may be intercepted"
            ),
        )),
        Shown::Unusable(why) => Some(Finding::fault(
            CHECK,
            why.clone(),
            format!(
                "put what `ssh-keyscan` shows as {field}, after you have compared it on the host"
            ),
        )),
        // The bridge may be in a VPC that this machine is not in.
        Shown::Unreachable(why) => Some(Finding::unknown(
            CHECK,
            format!("{why} (from this machine)"),
            "ask again from the bridge's network",
        )),
    }
}
