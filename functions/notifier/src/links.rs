//! The links to a decision that a webhook carries: its receiver has no buttons of ours.

use serde_json::{Value, json};
use shared::approval_link::sign;
use shared::domain::approval::{Standing, Verdict};
use shared::domain::channels::{Channel, Channels, Place};
use shared::domain::decision::rule_of;
use shared::domain::incident::{Incident, Status};

use crate::channel::{ChannelError, Outside};

/// For each person whose links the channel gets, and who may decide now, a link for each way: `[{person, approve, reject}]`. Empty where
/// nothing is to be decided.
///
/// # Errors
/// If the key cannot be read.
pub(crate) async fn links(
    outside: &Outside,
    channels: &Channels,
    channel: &Channel,
    incident: &Incident,
) -> Result<Vec<Value>, ChannelError> {
    let Place::Webhook(webhook) = &channel.to else { return Ok(Vec::new()) };
    let waits = incident.approval.as_ref().filter(|approval| approval.standing == Standing::Pending);
    let Some(approval) = waits.filter(|_| incident.status == Status::AwaitingApproval) else { return Ok(Vec::new()) };
    let rule = rule_of(channels, incident);
    let may = |person: &&String| rule.is_some_and(|rule| rule.may(person, approval.escalated_at.is_some()));
    let people: Vec<&String> = webhook.links_for.iter().filter(may).collect();
    if people.is_empty() {
        return Ok(Vec::new());
    }
    let key = outside.secrets.get(&outside.link_secret).await?;
    let link = |person: &str, verdict| {
        let token = sign(&key, &approval.id, verdict, person, approval.expires_at);
        format!("{}/api/v1/approvals/{}/link?token={token}", outside.api_url, approval.id)
    };
    let links = people
        .into_iter()
        .map(|person| json!({ "person": person, "approve": link(person, Verdict::Approve), "reject": link(person, Verdict::Reject) }));
    Ok(links.collect())
}
