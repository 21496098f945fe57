//! Delivery of charts: a picture of the alert's own value below the card, without a sound, once for each episode.
//!
//! A chart is worth less than any card: it comes after everything else that is due, and what goes wrong with it holds up nothing. The card's
//! receipt ([`ChartReceipt`]) says how far it is. A picture whose fate is unknown, because its worker died or the answer was lost, is sent
//! once more and no third time. A picture that is refused is not sent again: its caption goes out in its place.

use std::time::Duration;

use domain::analysis::evidence::charted;
use domain::incident::Incident;
use domain::incident::operation_log::{Entry, LogRecord};
use domain::notification::outbox::{ChannelState, ChartProgress, ChartReceipt, Due, Rank, Subject};
use domain::primitives::id::IncidentId;
use jiff::SignedDuration;
use serde_json::json;
use store::{CardOf, StoredCard};
use tracing::{error, warn};

use crate::app::Failure;
use crate::channel::{Audience, ChannelError};
use crate::deliver::chart_policy::{AfterPicture, after, is_final};
use crate::deliver::log::chart_event;
use crate::deliver::rate_limit::answered;
use crate::deliver::worker::{ChannelWorker, taken};
use crate::render::content::Picture;
use crate::render::picture;
use crate::render::presenter::Presented;

/// The name of the picture's file.
const FILE: &str = "chart.png";

impl ChannelWorker<'_> {
    /// Puts the chart of an incident into the outbox, once its card is there and if it was not begun yet.
    pub(super) async fn arrange_chart(
        &self,
        incident: &Incident,
        stored: &StoredCard,
    ) -> Result<(), Failure> {
        let Some((_, series)) = charted(&incident.evidence).filter(|_| self.is_wanted(incident))
        else {
            return Ok(());
        };
        let begun = stored.card.chart_progress(incident.flaps, series.end);
        if stored.card.message_id.is_none() || begun.is_some() {
            return Ok(());
        }
        let (channel, subject) = (&self.channel.name, Subject::Chart(incident.id.clone()));
        Ok(self
            .store
            .put_due(channel, Rank::CHART, &subject, (self.clock)())
            .await?)
    }

    /// True if a chart of it is of use to the readers of this channel. What is over needs none any more.
    fn is_wanted(&self, incident: &Incident) -> bool {
        self.channel.has_charts() && incident.is_open()
    }

    /// Sends the chart of an incident below its card. The outbox item is done once the receipt says so.
    pub(crate) async fn chart(
        &self,
        state: &mut ChannelState,
        due: &mut Due,
        id: &IncidentId,
    ) -> Result<(), Failure> {
        let (of, name) = (CardOf::Incident(id), &self.channel.name);
        let mut stored = self.store.card(of, name).await?;
        let incident = self.store.known_incident(id).await?;
        let end = charted(&incident.evidence).map(|(_, series)| series.end);
        let presented = self.presenter.chart(&incident);
        let (Some(end), Some(presented), Some(_), true) = (
            end,
            presented,
            &stored.card.message_id,
            self.is_wanted(&incident),
        ) else {
            return Ok(self.store.told(name, due).await?);
        };
        let before = stored.card.chart_progress(incident.flaps, end);
        let flaps = incident.flaps;
        let receipt = |progress| ChartReceipt {
            flaps,
            end,
            progress,
        };
        let is_sent = match before {
            None => false,
            Some(ChartProgress::Done) => true,
            // A worker may have died after it wrote the entry and before it saved the card.
            Some(_) => {
                let log = self.store.log(id).await?;
                log.iter()
                    .any(|entry| self.is_receipt(entry, &receipt(ChartProgress::Done)))
            }
        };
        let next = match before {
            _ if is_sent => ChartProgress::Done,
            None => ChartProgress::Sending,
            Some(ChartProgress::Sending) => ChartProgress::SendingAgain,
            Some(ChartProgress::AsText) => ChartProgress::AsText,
            Some(ChartProgress::SendingAgain | ChartProgress::Done) => {
                warn!(channel = name, incident_id = %id, "it is unknown whether the chart arrived: it is not sent a third time");
                ChartProgress::Done
            }
        };
        if next == ChartProgress::Done {
            self.note_chart(of, &mut stored, receipt(next)).await?;
            return Ok(self.store.told(name, due).await?);
        }
        let sent = match next {
            ChartProgress::AsText => {
                self.caption(state, due, &stored, presented, &incident)
                    .await?
            }
            _ => {
                let trying = (receipt(next), before.map(receipt));
                self.picture(state, due, &mut stored, presented, &incident, trying)
                    .await?
            }
        };
        let Some(message_id) = sent else {
            return Ok(());
        };
        // The receipt first: if the worker dies before the card is saved, the log shows that it was sent.
        let as_text = next == ChartProgress::AsText;
        self.log_chart(id, &receipt(next), &message_id, as_text)
            .await?;
        self.note_chart(of, &mut stored, receipt(ChartProgress::Done))
            .await?;
        Ok(self.store.told(name, due).await?)
    }

    /// Sends the picture: its id, or nothing while the item stays due.
    async fn picture(
        &self,
        state: &mut ChannelState,
        due: &mut Due,
        stored: &mut StoredCard,
        presented: Presented,
        incident: &Incident,
        (trying, before): (ChartReceipt, Option<ChartReceipt>),
    ) -> Result<Option<String>, Failure> {
        let (of, name) = (CardOf::Incident(&incident.id), &self.channel.name);
        let drawn = picture::svg(incident, self.presenter.zone).map(|svg| picture::png(&svg));
        let png = match drawn {
            Some(Ok(png)) => png,
            failed => {
                let why = failed.and_then(Result::err).map(|error| error.to_string());
                error!(channel = name, incident_id = %incident.id, why, "the chart cannot be drawn: its caption is sent as a text");
                let progress = ChartProgress::AsText;
                self.note_chart(of, stored, ChartReceipt { progress, ..trying })
                    .await?;
                return Ok(None);
            }
        };
        if !self.allowed(state).await? {
            return Ok(None);
        }
        // Saved before the call: if this worker dies after it, the next one knows that there may be a picture.
        self.note_chart(of, stored, trying).await?;
        let picture = Picture {
            name: FILE.to_owned(),
            png,
        };
        let post = self.post(
            self.chart_key(&trying, incident),
            presented,
            due,
            Some(incident),
        );
        let under = stored.card.message_id.clone();
        let sent = self
            .sender(state)
            .picture(under.as_deref(), &picture, &post)
            .await;
        let error = match sent {
            Ok(message_id) => {
                taken(state, (self.clock)());
                return Ok(Some(message_id));
            }
            Err(error) => error.of_a_new_message(),
        };
        answered(&mut state.sent_at, (self.clock)());
        self.not_sent(state, due, stored, incident, (trying, before), error)
            .await?;
        Ok(None)
    }

    /// What follows from a picture that was not sent, or of which it is unknown whether it was.
    async fn not_sent(
        &self,
        state: &mut ChannelState,
        due: &mut Due,
        stored: &mut StoredCard,
        incident: &Incident,
        (trying, before): (ChartReceipt, Option<ChartReceipt>),
        error: ChannelError,
    ) -> Result<(), Failure> {
        let (of, name) = (CardOf::Incident(&incident.id), &self.channel.name);
        let is_second = trying.progress == ChartProgress::SendingAgain;
        let wait = match after(&error, is_second, &self.channel.to) {
            AfterPicture::Channel => {
                stored.card.chart = before;
                self.save(of, stored).await?;
                self.channel_error(state, due, error).await?;
                return Ok(());
            }
            AfterPicture::Later(wait) => {
                stored.card.chart = before;
                self.save(of, stored).await?;
                wait
            }
            AfterPicture::Again(wait) => {
                warn!(channel = name, incident_id = %incident.id, "it is unknown whether the chart arrived: {error}");
                wait
            }
            // The next round finds that it was sent twice, and says so.
            AfterPicture::GiveUp => Duration::ZERO,
            AfterPicture::AsText => {
                error!(channel = name, incident_id = %incident.id, "the channel refuses a chart, its caption is sent as a text: {error}");
                let progress = ChartProgress::AsText;
                self.note_chart(of, stored, ChartReceipt { progress, ..trying })
                    .await?;
                Duration::ZERO
            }
        };
        if !wait.is_zero() {
            let wait = SignedDuration::try_from(wait).unwrap_or(SignedDuration::from_hours(1));
            due.not_before = Some((self.clock)() + wait);
            self.store.note_due(name, due).await?;
        }
        Ok(())
    }

    /// Sends the caption in place of a picture that was refused: its id, or nothing while the item stays due. Where that is refused too,
    /// nothing is sent: the card has the value with its limit.
    async fn caption(
        &self,
        state: &mut ChannelState,
        due: &mut Due,
        stored: &StoredCard,
        presented: Presented,
        incident: &Incident,
    ) -> Result<Option<String>, Failure> {
        if !self.allowed(state).await? {
            return Ok(None);
        }
        let id = &incident.id;
        let key = self.key(&[presented.about, id.as_str(), "text"]);
        let post = self.post(key, presented, due, Some(incident));
        let under = stored.card.message_id.as_deref();
        let sent = self
            .sender(state)
            .reply(under, &post, Audience::Quiet)
            .await;
        match sent.map_err(ChannelError::of_a_new_message) {
            Ok(message_id) => {
                taken(state, (self.clock)());
                Ok(Some(message_id))
            }
            Err(error) if is_final(&error, due) => {
                answered(&mut state.sent_at, (self.clock)());
                warn!(channel = self.channel.name, incident_id = %id, "the caption of a chart is refused too: it is not sent");
                let mut stored = stored.clone();
                if let Some(receipt) = stored.card.chart {
                    let progress = ChartProgress::Done;
                    let done = ChartReceipt {
                        progress,
                        ..receipt
                    };
                    self.note_chart(CardOf::Incident(id), &mut stored, done)
                        .await?;
                }
                self.store.told(&self.channel.name, due).await?;
                Ok(None)
            }
            Err(error) => self.channel_error(state, due, error).await.map(|()| None),
        }
    }

    fn chart_key(&self, receipt: &ChartReceipt, incident: &Incident) -> String {
        self.key(&["chart", incident.id.as_str(), &receipt.flaps.to_string()])
    }

    async fn note_chart(
        &self,
        of: CardOf<'_>,
        stored: &mut StoredCard,
        receipt: ChartReceipt,
    ) -> Result<(), Failure> {
        stored.card.chart = Some(receipt);
        self.save(of, stored).await
    }

    /// True if an entry of the log says that this chart was sent in this channel.
    fn is_receipt(&self, entry: &Entry, receipt: &ChartReceipt) -> bool {
        Some(entry.event) == chart_event(&self.channel.to)
            && entry.context["channel"] == self.channel.name.as_str()
            && entry.context["until"] == json!(receipt.end)
    }

    async fn log_chart(
        &self,
        id: &IncidentId,
        receipt: &ChartReceipt,
        message_id: &str,
        as_text: bool,
    ) -> Result<(), Failure> {
        let Some(event) = chart_event(&self.channel.to) else {
            return Ok(());
        };
        let detail = if as_text {
            "the channel refused the chart, and got its caption as a text"
        } else {
            "a chart of the alert's value was sent"
        };
        let context = json!({
            "channel": self.channel.name, "message_id": message_id, "until": receipt.end, "picture": !as_text,
        });
        let news = LogRecord::new(event, "notifier", detail).with(context);
        self.store
            .change(id, |change| change.record((self.clock)(), news.clone()))
            .await?;
        Ok(())
    }
}
