//! Delivery of notices: separate messages below the card, because an edited card makes no sound.
//!
//! The log entry of a sent notice is its receipt: a worker that finds one for this channel does not
//! send the notice again. What was on its way when a worker died is known by its key
//! ([`ChannelWorker::reply`]).

use domain::incident::operation_log::{Entry, LogRecord};
use domain::notification::notice::{Notice, due as to_tell, unheard};
use domain::notification::outbox::{ChannelState, Due};
use domain::notification::told::told_in;
use domain::primitives::id::{IncidentId, PipelineRunId};
use serde_json::json;
use store::{CardOf, StoredCard};

use crate::app::Failure;
use crate::channel::Audience;
use crate::deliver::log::events;
use crate::deliver::worker::{ChannelWorker, Told};

impl ChannelWorker<'_> {
    /// Sends the notices of an incident, one at a time. The outbox item is done once all of them
    /// were sent.
    pub(crate) async fn notices(
        &self,
        state: &mut ChannelState,
        due: &mut Due,
        id: &IncidentId,
    ) -> Result<(), Failure> {
        let (of, name) = (CardOf::Incident(id), &self.channel.name);
        let mut stored = self.store.card(of, name).await?;
        // The log is read before the incident, so that the incident is no older than any of its
        // entries.
        let log = self.store.log(id).await?;
        let incident = self.store.known_incident(id).await?;
        let told = log
            .iter()
            .filter_map(|entry| self.receipt(entry))
            .max()
            .unwrap_or_default();
        let notices = to_tell(&log, stored.card.heard.max(told), &incident);
        let notices = told_in(notices, &incident, self.channel, self.channels);
        let (Some(notice), Some(card)) = (notices.first(), stored.card.message_id.clone()) else {
            // A card that is not there yet will be a new message itself, which makes a sound.
            let last = log.last().map_or(0, |entry| entry.sequence);
            if stored.card.message_id.is_some() && stored.card.heard < last {
                stored.card.heard = last;
                self.store
                    .save_card(of, name, &mut stored, (self.clock)())
                    .await?;
            }
            return Ok(self.store.told(name, due).await?);
        };
        let presented = self.presenter.notice(&incident, notice, (self.clock)());
        // The same for every try of this notice, so that a receiver can drop a repeated one.
        let key = self.key(&[presented.about, id.as_str(), &notice.sequence.to_string()]);
        let under = (Some(card.as_str()), Audience::Everybody);
        let post = (key, presented);
        let sent = self.reply(state, due, post, Some(&incident), under).await?;
        let Some(told) = sent else {
            return Ok(());
        };
        // The receipt first: if the worker dies before the card is saved, the log shows that it was sent.
        self.log_notice(id, notice, &told).await?;
        stored.card.heard = notice.sequence;
        self.store
            .save_card(of, name, &mut stored, (self.clock)())
            .await?;
        // With more than one, the item stays due for the rest.
        if notices.len() == 1 {
            self.store.told(name, due).await?;
        }
        Ok(())
    }

    /// Sends one notice of all failed stages of a pipeline run that have had none yet.
    pub(crate) async fn pipeline_run_notices(
        &self,
        state: &mut ChannelState,
        due: &mut Due,
        id: &PipelineRunId,
    ) -> Result<(), Failure> {
        let (of, name) = (CardOf::PipelineRun(id), &self.channel.name);
        let StoredCard { card, .. } = self.store.card(of, name).await?;
        let Some(run) = self
            .store
            .pipeline_run(id)
            .await?
            .filter(|_| card.message_id.is_some())
        else {
            return Ok(self.store.told(name, due).await?);
        };
        let failed = unheard(&run.failed(), &card.heard_failed);
        if failed.is_empty() {
            return Ok(self.store.told(name, due).await?);
        }
        let presented = self.presenter.pipeline_run_notice(&run, &failed);
        let reports: Vec<&str> = failed.iter().map(IncidentId::as_str).collect();
        let key = self.key(&[presented.about, id.as_str(), &reports.join(",")]);
        let under = (card.message_id.as_deref(), Audience::Everybody);
        let sent = self
            .reply(state, due, (key, presented), None, under)
            .await?;
        let Some(told) = sent else {
            return Ok(());
        };
        let mut stored = self.store.card(of, name).await?;
        // Stages that no longer fail are dropped: another failure is another report.
        stored.card.heard_failed = run.failed();
        self.store
            .save_card(of, name, &mut stored, (self.clock)())
            .await?;
        let context = json!({ "update": "pipeline_failed" });
        let context = self.of_message(&told, context);
        let news = LogRecord::new(
            events(&self.channel.to).notice,
            "notifier",
            "people were told that a stage has failed",
        );
        let news = news.with(context);
        self.store
            .change(&failed[0], |change| {
                change.record((self.clock)(), news.clone())
            })
            .await?;
        Ok(self.store.told(name, due).await?)
    }

    /// Sequence number up to which notices were sent in this channel, if this entry is a receipt.
    fn receipt(&self, entry: &Entry) -> Option<u64> {
        let events = events(&self.channel.to);
        let here = entry.event == events.result || entry.event == events.notice;
        (here && entry.context["channel"] == self.channel.name.as_str())
            .then(|| entry.context["of"].as_u64())
            .flatten()
    }

    async fn log_notice(
        &self,
        id: &IncidentId,
        notice: &Notice,
        told: &Told,
    ) -> Result<(), Failure> {
        let events = events(&self.channel.to);
        let (event, detail) = if notice.what.is_result() {
            (events.result, "people were told the result of the repair")
        } else {
            (events.notice, "people were told what they have to know")
        };
        let context = json!({ "update": notice.what.as_str(), "of": notice.sequence });
        let context = self.of_message(told, context);
        let news = LogRecord::new(
            event,
            "notifier",
            format!("{detail}: {}", notice.what.as_str()),
        )
        .with(context);
        self.store
            .change(id, |change| change.record((self.clock)(), news.clone()))
            .await?;
        Ok(())
    }
}
