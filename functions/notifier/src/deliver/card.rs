//! Delivery of cards: brings the card of an incident, a pipeline run or a day's budget up to date
//! in one channel.

use domain::incident::Incident;
use domain::notification::channels::Updates;
use domain::notification::notice::{may_be_heard, unheard};
use domain::notification::outbox::{ChannelState, Due, Rank, Sending, Shown, Subject};
use domain::primitives::id::{IncidentId, PipelineRunId};
use store::{CardOf, StoredCard};

use crate::app::Failure;
use crate::channel::ChannelError;
use crate::deliver::policy::{DeliveryStep, is_told, known_if_lost, step};
use crate::deliver::worker::{ChannelWorker, taken};
use crate::render::presenter::Presented;

impl ChannelWorker<'_> {
    /// Brings the card of an incident up to date.
    pub(crate) async fn incident(
        &self,
        state: &mut ChannelState,
        due: &mut Due,
        id: &IncidentId,
    ) -> Result<(), Failure> {
        let incident = self.store.known_incident(id).await?;
        let presented = self.presenter.incident(&incident, (self.clock)());
        self.card(state, due, CardOf::Incident(id), presented, Some(&incident))
            .await
    }

    /// Brings the card of a pipeline run up to date. The log entry of the first card goes to the
    /// report that is the newest by then.
    pub(crate) async fn pipeline_run(
        &self,
        state: &mut ChannelState,
        due: &mut Due,
        id: &PipelineRunId,
    ) -> Result<(), Failure> {
        let Some(run) = self.store.pipeline_run(id).await? else {
            // Its reports are kept no longer: there is nothing to show.
            return Ok(self.store.told(&self.channel.name, due).await?);
        };
        let newest = self.store.known_incident(&run.newest).await?;
        self.card(
            state,
            due,
            CardOf::PipelineRun(id),
            self.presenter.pipeline_run(&run),
            Some(&newest),
        )
        .await
    }

    /// Brings a card up to date. The outbox item is done once the card shows the state and the log
    /// records it.
    pub(crate) async fn card(
        &self,
        state: &mut ChannelState,
        due: &mut Due,
        of: CardOf<'_>,
        presented: Presented,
        incident: Option<&Incident>,
    ) -> Result<(), Failure> {
        let now = (self.clock)();
        let mut stored = self.store.card(of, &self.channel.name).await?;
        Box::pin(self.arrange_notices(of, &presented.shown, incident, &mut stored)).await?;
        let before = stored.card.clone();
        let is_told = is_told(self.channel.to.updates(), &before, &presented.shown);
        let shows_it = match step(&before, &presented.shown, now) {
            DeliveryStep::Nothing => true,
            DeliveryStep::Later(at) => {
                due.not_before = Some(at);
                return Ok(self.store.note_due(&self.channel.name, due).await?);
            }
            DeliveryStep::Find(sending) => match self.sender(state).find(&sending.key).await {
                // Found: the item stays due, and the next round compares the message with the
                // newest state.
                Ok(Some(message_id)) => {
                    stored
                        .card
                        .arrived(message_id, sending.shown.clone(), sending.at);
                    return self.save(of, &mut stored).await;
                }
                Ok(None) => {
                    stored.card.again = self.repeats(state, due);
                    self.send(state, due, of, presented, incident, &mut stored)
                        .await?
                }
                Err(error) => return self.channel_error(state, due, error).await,
            },
            // Nothing is to be told there: what it shows later may be.
            DeliveryStep::Send if !is_told => {
                return Ok(self.store.told(&self.channel.name, due).await?);
            }
            DeliveryStep::Send => {
                self.send(state, due, of, presented, incident, &mut stored)
                    .await?
            }
            DeliveryStep::Edit if !is_told => {
                stored.card.shown = Some(presented.shown);
                stored.card.shown_at = Some(now);
                self.save(of, &mut stored).await?;
                true
            }
            DeliveryStep::Edit => {
                self.edit(state, due, of, presented, incident, &mut stored)
                    .await?
            }
        };
        if !shows_it {
            return Ok(());
        }
        if let Some(incident) = incident {
            Box::pin(self.log(of, &mut stored, &before, incident)).await?;
            if matches!(of, CardOf::Incident(_)) {
                self.arrange_chart(incident, &stored).await?;
            }
        }
        Ok(self.store.told(&self.channel.name, due).await?)
    }

    /// Sends a new card; false if the item stays due.
    async fn send(
        &self,
        state: &mut ChannelState,
        due: &mut Due,
        of: CardOf<'_>,
        presented: Presented,
        incident: Option<&Incident>,
        stored: &mut StoredCard,
    ) -> Result<bool, Failure> {
        if !self.allowed(state).await? {
            return Ok(false);
        }
        let (shown, generation) = (presented.shown.clone(), stored.card.generation.to_string());
        let key = self.key(&[&due.subject.to_string(), &generation, &shown.whole]);
        let lost = stored.card.sending.as_ref();
        let known = lost.and_then(|lost| known_if_lost(lost.shown.progress?, shown.progress?));
        // Saved before the call: if this worker dies after it, the next one knows that there may be
        // a message.
        stored.card.sending = Some(Sending {
            key: key.clone(),
            shown: shown.clone(),
            at: (self.clock)(),
        });
        self.save(of, stored).await?;
        let mut post = self.post(key, presented, due, incident);
        post.envelope.known = known;
        match self.sender(state).send(&post).await {
            Ok(message_id) => {
                taken(state, (self.clock)());
                stored.card.arrived(message_id, shown, (self.clock)());
                self.save(of, stored).await?;
                Ok(true)
            }
            Err(error) => {
                let error = error.of_a_new_message();
                // A refused message was not sent. One without an answer may have been, so that its
                // mark stays.
                if !matches!(error, ChannelError::Unreachable(_)) {
                    stored.card.sending = None;
                    stored.card.again = false;
                    self.save(of, stored).await?;
                }
                self.channel_error(state, due, error).await?;
                Ok(false)
            }
        }
    }

    /// Edits a card; false if the item stays due.
    async fn edit(
        &self,
        state: &mut ChannelState,
        due: &mut Due,
        of: CardOf<'_>,
        presented: Presented,
        incident: Option<&Incident>,
        stored: &mut StoredCard,
    ) -> Result<bool, Failure> {
        let Some(message_id) = stored.card.message_id.clone() else {
            return Ok(false);
        };
        if !self.allowed(state).await? {
            return Ok(false);
        }
        let shown = presented.shown.clone();
        let key = self.key(&[&due.subject.to_string(), &message_id, &shown.whole]);
        let mut post = self.post(key, presented, due, incident);
        let known = stored.card.shown.as_ref().and_then(|shown| shown.progress);
        post.envelope.known = known;
        match self.sender(state).edit(&message_id, &post).await {
            Ok(message_id) => {
                taken(state, (self.clock)());
                if let Some(incident) =
                    incident.filter(|_| self.channel.to.updates() == Updates::Progress)
                {
                    self.log_progress(incident, known, shown.progress).await?;
                }
                stored.card.shows(message_id, shown, (self.clock)());
                self.save(of, stored).await?;
                Ok(true)
            }
            Err(error) => {
                if matches!(error, ChannelError::Gone) {
                    stored.card.message_id = None;
                    // Another generation gives the new card another key, so that it does not pass
                    // for a repetition.
                    stored.card.generation += 1;
                    self.save(of, stored).await?;
                }
                self.channel_error(state, due, error).await?;
                Ok(false)
            }
        }
    }

    /// Puts the notices that this channel has not had yet into the outbox. A card that is not there
    /// yet shows the news when it comes, and is then a new message itself.
    async fn arrange_notices(
        &self,
        of: CardOf<'_>,
        shown: &Shown,
        incident: Option<&Incident>,
        stored: &mut StoredCard,
    ) -> Result<(), Failure> {
        let (Some(incident), Some(_)) = (incident, &stored.card.message_id) else {
            return Ok(());
        };
        if self.channel.to.updates() == Updates::Progress {
            return Ok(());
        }
        let subject = match of {
            CardOf::Incident(id) => {
                let news = self.store.log_after(id, stored.card.heard).await?;
                if !news.iter().any(may_be_heard) {
                    // Saved with the next save of the card, so that these entries are not read
                    // again.
                    stored.card.heard = news
                        .last()
                        .map_or(stored.card.heard, |entry| entry.sequence);
                    return Ok(());
                }
                Subject::Notice(id.clone())
            }
            CardOf::PipelineRun(id)
                if !unheard(&shown.failed, &stored.card.heard_failed).is_empty() =>
            {
                Subject::PipelineRunNotice(id.clone())
            }
            CardOf::PipelineRun(_) | CardOf::Budget(_) => return Ok(()),
        };
        Ok(self
            .store
            .put_due(
                &self.channel.name,
                Rank::heard(incident.severity),
                &subject,
                (self.clock)(),
            )
            .await?)
    }

    pub(super) async fn save(
        &self,
        of: CardOf<'_>,
        stored: &mut StoredCard,
    ) -> Result<(), Failure> {
        Ok(self
            .store
            .save_card(of, &self.channel.name, stored, (self.clock)())
            .await?)
    }
}
