//! Delivery of replies: answers to presses, and the notice to those who are asked because the first have not decided.

use domain::incident::approval::{Approval, ApprovalState, Reach};
use domain::incident::operation_log::{Entry, LogRecord};
use domain::notification::button_action::More;
use domain::notification::channels::{ApprovalRule, Channels};
use domain::notification::outbox::{ChannelState, Due};
use domain::primitives::id::{ApprovalId, IncidentId};
use domain::transition::decision::expiry::level_of;
use domain::transition::decision::quorum::rule_of;
use jiff::Timestamp;
use serde::Deserialize as _;
use serde_json::json;
use store::{CardOf, Receipt};

use crate::app::Failure;
use crate::channel::Audience;
use crate::deliver::log::events;
use crate::deliver::worker::{ChannelWorker, Told};

/// Number of earlier incidents that are read for a history.
const PAST: u32 = 10;
/// What the log calls the message to those who are asked later.
const ESCALATION: &str = "escalation";

impl ChannelWorker<'_> {
    /// Answers a person, below the card, and once: channels deliver a press again whose answer they did not see.
    pub(crate) async fn more(
        &self,
        state: &mut ChannelState,
        due: &mut Due,
        what: More,
        id: &IncidentId,
        press: &str,
    ) -> Result<(), Failure> {
        let incident = self.store.known_incident(id).await?;
        let presented = match what {
            More::Details => self
                .presenter
                .details(&incident, &self.store.log(id).await?),
            More::History => {
                let past = self.store.past(&incident.fingerprint, id, PAST).await?;
                self.presenter.history(&incident, &past.incidents)
            }
        };
        let card = self
            .store
            .card(CardOf::Incident(id), &self.channel.name)
            .await?
            .card;
        let key = self.key(&[presented.about, id.as_str(), press]);
        if self.store.receipt(&key).await? == Receipt::Closed {
            return Ok(self.store.told(&self.channel.name, due).await?);
        }
        let under = (card.message_id.as_deref(), Audience::Asker);
        let post = (key.clone(), presented);
        let sent = self.reply(state, due, post, Some(&incident), under).await?;
        if sent.is_some() {
            self.store.close_receipt(&key, (self.clock)()).await?;
            self.store.told(&self.channel.name, due).await?;
        }
        Ok(())
    }

    /// Notifies the second list of people, or the next level of a team, that they may decide too,
    /// below the card and once: an edited card makes no sound.
    pub(crate) async fn escalation(
        &self,
        state: &mut ChannelState,
        due: &mut Due,
        approval: &ApprovalId,
    ) -> Result<(), Failure> {
        let (id, name) = (approval.incident(), &self.channel.name);
        let of = CardOf::Incident(&id);
        let incident = self.store.known_incident(&id).await?;
        let mut stored = self.store.card(of, name).await?;
        let waits = incident
            .approval
            .as_ref()
            .filter(|asked| asked.id == *approval && asked.state == ApprovalState::Pending);
        let told = match stored.card.escalated.as_ref() {
            Some(before) if before == approval => stored.card.escalated_to,
            _ => Reach::default(),
        };
        // The log's entry is the receipt: a worker may have died after it wrote that, and before it saved the card.
        let log = self.store.log(&id).await?;
        let receipts = log
            .iter()
            .filter_map(|entry| self.escalation_receipt(entry, approval));
        let told = receipts.fold(told, Reach::max);
        let reach = waits.map_or(told, Approval::reach);
        let people = rule_of(self.channels, &incident)
            .map(|rule| asked_since(rule, told, reach, self.channels, (self.clock)()))
            .unwrap_or_default();
        // Decided meanwhile, or already announced in this channel: nothing is sent.
        if people.is_empty() {
            return Ok(self.store.told(name, due).await?);
        }
        let presented = self.presenter.escalation(&incident, &people);
        let (second, level) = (u8::from(reach.second_list), reach.level);
        let place = format!("{second}.{level}");
        let key = self.key(&[presented.about, approval.as_str(), &place]);
        let under = (stored.card.message_id.as_deref(), Audience::Everybody);
        let post = (key, presented);
        let sent = self.reply(state, due, post, Some(&incident), under).await?;
        if let Some(message) = sent {
            self.log_escalation(approval, reach, &people, &message)
                .await?;
            stored.card.escalated = Some(approval.clone());
            stored.card.escalated_to = reach;
            self.store
                .save_card(of, name, &mut stored, (self.clock)())
                .await?;
            self.store.told(name, due).await?;
        }
        Ok(())
    }
}

impl ChannelWorker<'_> {
    /// How far the people were told here, if this entry is a receipt of it.
    fn escalation_receipt(&self, entry: &Entry, approval: &ApprovalId) -> Option<Reach> {
        let context = &entry.context;
        let here = entry.event == events(&self.channel.to).notice
            && context["channel"] == self.channel.name.as_str()
            && context["update"] == ESCALATION
            && context["approval_id"] == approval.as_str();
        here.then(|| Reach::deserialize(&context["reach"]).ok())
            .flatten()
    }

    /// Records that more people were told that they may decide.
    async fn log_escalation(
        &self,
        approval: &ApprovalId,
        reach: Reach,
        people: &[String],
        message: &Told,
    ) -> Result<(), Failure> {
        let context = json!({
            "update": ESCALATION, "approval_id": approval, "reach": reach, "people": people,
        });
        let context = self.of_message(message, context);
        let news = LogRecord::new(
            events(&self.channel.to).notice,
            "notifier",
            "people were told that they may decide as well",
        )
        .with(context);
        self.store
            .change(&approval.incident(), |change| {
                change.record((self.clock)(), news.clone())
            })
            .await?;
        Ok(())
    }
}

/// Who is asked since people were told last: the second list, and who is on duty on the levels behind.
fn asked_since(
    rule: &ApprovalRule,
    told: Reach,
    reach: Reach,
    channels: &Channels,
    now: Timestamp,
) -> Vec<String> {
    let second = reach.second_list && !told.second_list;
    let list = rule.then.iter().filter(|_| second).cloned();
    let levels = told.level.saturating_add(1)..=reach.level;
    let team = rule.team.as_deref().unwrap_or_default();
    let on_duty = levels.flat_map(|level| level_of(channels, team, level, now));
    let mut people = Vec::new();
    for name in list.chain(on_duty) {
        if !people.contains(&name) {
            people.push(name);
        }
    }
    people
}

#[cfg(test)]
mod tests {
    use domain::incident::approval::Reach;
    use domain::notification::channels::{ApprovalRule, Channels};
    use jiff::Timestamp;
    use serde_json::json;

    use super::asked_since;

    #[test]
    fn only_those_who_were_not_told_are_asked() {
        let level = |person| json!({ "people": [person], "wait_seconds": 60 });
        let duty = json!({ "teams": { "web": { "levels": [level("ada"), level("bob"), level("carol")] } } });
        let mut channels = Channels::default();
        channels.duty = serde_json::from_value(duty).expect("the shape of people.json");
        let rule = ApprovalRule {
            team: Some("web".to_owned()),
            then: vec!["bob".to_owned(), "dora".to_owned()],
            ..ApprovalRule::default()
        };
        let reach = |second_list, level| Reach { second_list, level };
        for (told, now, people) in [
            (reach(false, 0), reach(false, 0), vec![]),
            (reach(false, 0), reach(false, 1), vec!["bob"]),
            (reach(false, 0), reach(false, 2), vec!["bob", "carol"]),
            (
                reach(false, 1),
                reach(true, 2),
                vec!["bob", "dora", "carol"],
            ),
            (reach(true, 1), reach(true, 1), vec![]),
            (reach(true, 2), reach(true, 1), vec![]),
        ] {
            let asked = asked_since(&rule, told, now, &channels, Timestamp::UNIX_EPOCH);
            assert_eq!(asked, people, "{told:?} {now:?}");
        }
    }
}
