//! Signed decision links in a webhook: its receiver has none of our buttons.

use domain::incident::approval::{Approval, ApprovalState, Verdict};
use domain::incident::{Incident, Status};
use domain::notification::channels::{ApprovalRule, Channel, Channels, Identity, Place, Webhook};
use domain::transition::decision::quorum::rule_of;
use serde_json::{Value, json};
use wire::approval_link::sign;

use crate::channel::{ChannelDeps, ChannelError};

/// For each person whose links the channel gets, and who may decide now, a link for each way: `[{person, approve, reject}]`. Where two
/// people have to approve there is none to approve with, since no link proves who holds it. Empty where nothing is to be decided.
///
/// # Errors
/// If the key cannot be read.
pub(crate) async fn links(
    outside: &ChannelDeps,
    channels: &Channels,
    channel: &Channel,
    incident: &Incident,
) -> Result<Vec<Value>, ChannelError> {
    let Place::Webhook(webhook) = &channel.to else {
        return Ok(Vec::new());
    };
    let waits = incident
        .approval
        .as_ref()
        .filter(|approval| approval.state == ApprovalState::Pending);
    let Some(approval) = waits.filter(|_| incident.status == Status::AwaitingApproval) else {
        return Ok(Vec::new());
    };
    let people = people(webhook, approval, rule_of(channels, incident));
    if people.is_empty() {
        return Ok(Vec::new());
    }
    let key = outside.secrets.get(&outside.link_secret).await?;
    let link = |person: &str, verdict| {
        let token = sign(&key, &approval.id, verdict, person, approval.expires_at);
        format!(
            "{}/api/v1/approvals/{}/link?token={token}",
            outside.api_url, approval.id
        )
    };
    let links = people.into_iter().map(|person| {
        let mut links = json!({ "person": person });
        for (name, verdict) in verdicts(approval, person) {
            links[name] = link(person, verdict).into();
        }
        links
    });
    Ok(links.collect())
}

/// What a person can decide with a link, each with the name of its field.
fn verdicts(approval: &Approval, person: &str) -> impl Iterator<Item = (&'static str, Verdict)> {
    let both = approval.takes(&Identity::Link(person.to_owned()));
    [("approve", Verdict::Approve), ("reject", Verdict::Reject)]
        .into_iter()
        .filter(move |(_, verdict)| both || *verdict == Verdict::Reject)
}

/// Whose links a channel gets.
fn people<'a>(
    webhook: &'a Webhook,
    approval: &Approval,
    rule: Option<&ApprovalRule>,
) -> Vec<&'a String> {
    let may = |person: &&String| {
        rule.is_some_and(|rule| rule.may(person, approval.escalated_at.is_some()))
    };
    webhook.links_for.iter().filter(may).collect()
}

#[cfg(test)]
mod tests {
    use domain::notification::channels::{ApprovalRule, Webhook};

    use super::{people, verdicts};
    use crate::samples;

    #[test]
    fn where_two_people_have_to_approve_no_link_approves() {
        let webhook = |people: &[&str]| Webhook {
            url: "https://hooks.test".to_owned(),
            key_secret: "k".to_owned(),
            private: false,
            links_for: people.iter().map(|name| (*name).to_owned()).collect(),
        };
        let rule = ApprovalRule {
            people: vec!["ada".to_owned(), "bob".to_owned()],
            ..ApprovalRule::default()
        };
        for (change, needed, names) in [
            (samples::waiting(), 1, vec!["approve", "reject"]),
            (samples::half_approved(), 2, vec!["reject"]),
        ] {
            let approval = change.incident.approval.expect("it waits");
            assert_eq!(approval.needed, needed);
            assert_eq!(
                people(&webhook(&["ada", "bob"]), &approval, Some(&rule)),
                ["ada", "bob"]
            );
            assert_eq!(
                verdicts(&approval, "ada")
                    .map(|(name, _)| name)
                    .collect::<Vec<_>>(),
                names
            );
            assert_eq!(people(&webhook(&["ada"]), &approval, Some(&rule)), ["ada"]);
            assert!(
                people(&webhook(&["eve"]), &approval, Some(&rule)).is_empty()
                    && people(&webhook(&["ada"]), &approval, None).is_empty()
            );
        }
    }
}
