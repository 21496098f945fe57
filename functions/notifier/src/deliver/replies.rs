//! Delivery of replies: answers to presses, and the notice to the second list of people.

use domain::incident::approval::ApprovalState;
use domain::notification::button_action::More;
use domain::notification::outbox::{ChannelState, Due};
use domain::primitives::id::{ApprovalId, IncidentId};
use domain::transition::decision::quorum::rule_of;
use store::{CardOf, Receipt};

use crate::app::Failure;
use crate::channel::Audience;
use crate::deliver::worker::ChannelWorker;

/// Number of earlier incidents that are read for a history.
const PAST: u32 = 10;

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

    /// Notifies the second list of people that they may decide too, below the card and once: an
    /// edited card makes no sound.
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
            .is_some_and(|asked| asked.id == *approval && asked.state == ApprovalState::Pending);
        // Decided meanwhile, or already announced in this channel: nothing is sent.
        let Some(rule) = rule_of(self.channels, &incident)
            .filter(|_| waits && stored.card.escalated.as_ref() != Some(approval))
        else {
            return Ok(self.store.told(name, due).await?);
        };
        let presented = self.presenter.escalation(&incident, &rule.then);
        let key = self.key(&[presented.about, approval.as_str()]);
        let under = (stored.card.message_id.as_deref(), Audience::Everybody);
        let post = (key, presented);
        let sent = self.reply(state, due, post, Some(&incident), under).await?;
        if sent.is_some() {
            stored.card.escalated = Some(approval.clone());
            self.store
                .save_card(of, name, &mut stored, (self.clock)())
                .await?;
            self.store.told(name, due).await?;
        }
        Ok(())
    }
}
