//! Log entries for new messages: which event a channel's kind has, and one entry for each message.

use domain::incident::Incident;
use domain::incident::operation_log::{Entry, Event, LogRecord};
use domain::notification::channels::Place;
use domain::notification::outbox::LiveCard;
use domain::notification::progress::Progress;
use serde_json::{Value, json};
use store::{CardOf, StoredCard};

use crate::app::Failure;
use crate::channel::pagerduty::actions;
use crate::deliver::worker::{ChannelWorker, Told};

impl ChannelWorker<'_> {
    /// Records new messages of the card in the operation log, once each: the first one, and one
    /// that showed a repair's result when it came.
    pub(super) async fn log(
        &self,
        of: CardOf<'_>,
        stored: &mut StoredCard,
        before: &LiveCard,
        incident: &Incident,
    ) -> Result<(), Failure> {
        let (sent, result) = (!stored.card.told_sent, stored.card.new_result);
        if !sent && !result {
            return Ok(());
        }
        // A worker may have died after it wrote the entry and before it saved the card.
        let log = if before.message_id.is_some() {
            self.store.log(&incident.id).await?
        } else {
            Vec::new()
        };
        let Events {
            card: card_sent,
            result: result_sent,
            ..
        } = events(&self.channel.to);
        let mut context = json!({
            "channel": self.channel.name, "message_id": stored.card.message_id,
            "hit_count": incident.hit_count, "severity": incident.severity, "of": stored.card.heard,
        });
        if stored.card.again {
            context["again"] = json!(true);
        }
        let owed = [
            (sent, card_sent, "the card was sent"),
            (
                result,
                result_sent,
                "a new card shows the result of the repair",
            ),
        ];
        for (_, event, detail) in owed.into_iter().filter(|(owed, ..)| *owed) {
            // A channel has one entry for its first card, and one for each position of the log with
            // a result.
            let same = |entry: &&Entry| {
                entry.context["channel"] == context["channel"]
                    && (event == card_sent || entry.context["of"] == context["of"])
            };
            if !log
                .iter()
                .filter(|entry| entry.event == event)
                .any(|entry| same(&entry))
            {
                let news = LogRecord::new(event, "notifier", detail).with(context.clone());
                self.store
                    .change(&incident.id, |change| {
                        change.record((self.clock)(), news.clone())
                    })
                    .await?;
            }
        }
        stored.card.told_sent |= sent;
        stored.card.new_result = false;
        self.save(of, stored).await
    }
}

impl ChannelWorker<'_> {
    /// What the log says of a message that was sent, beside what it is about.
    pub(super) fn of_message(&self, told: &Told, mut context: Value) -> Value {
        context["channel"] = json!(self.channel.name);
        context["message_id"] = json!(told.message_id);
        if told.again {
            context["again"] = json!(true);
        }
        context
    }

    /// Records what PagerDuty was told of a card that it has. A worker that dies before this leaves
    /// the events to the next one, which sends and records them again.
    pub(super) async fn log_progress(
        &self,
        incident: &Incident,
        known: Option<Progress>,
        now: Option<Progress>,
    ) -> Result<(), Failure> {
        let told: Vec<&str> = actions(known, now)
            .iter()
            .map(|action| action.as_str())
            .collect();
        let context = json!({ "channel": self.channel.name, "event_actions": told });
        let news = LogRecord::new(
            events(&self.channel.to).notice,
            "notifier",
            format!("PagerDuty was told: {}", told.join(", ")),
        )
        .with(context);
        self.store
            .change(&incident.id, |change| {
                change.record((self.clock)(), news.clone())
            })
            .await?;
        Ok(())
    }
}

/// Log events for new messages in one kind of channel.
pub(crate) struct Events {
    pub(crate) card: Event,
    /// A message with the result of a repair.
    pub(crate) result: Event,
    /// Any other notice.
    pub(crate) notice: Event,
}

/// The event of a chart in a kind of channel that takes pictures.
pub(crate) fn chart_event(place: &Place) -> Option<Event> {
    match place {
        Place::Telegram(_) => Some(Event::TelegramChartSent),
        Place::Slack(_) => Some(Event::SlackChartSent),
        Place::Webhook(_) | Place::PagerDuty(_) | Place::Teams(_) | Place::Email(_) => None,
    }
}

/// The events of a kind of channel.
pub(crate) fn events(place: &Place) -> Events {
    let (card, result, notice) = match place {
        Place::Telegram(_) => (
            Event::TelegramSent,
            Event::TelegramResultSent,
            Event::TelegramNoticeSent,
        ),
        Place::Slack(_) => (
            Event::SlackSent,
            Event::SlackResultSent,
            Event::SlackNoticeSent,
        ),
        Place::Webhook(_) => (
            Event::WebhookSent,
            Event::WebhookResultSent,
            Event::WebhookNoticeSent,
        ),
        Place::PagerDuty(_) => (
            Event::PagerDutySent,
            Event::PagerDutyUpdated,
            Event::PagerDutyUpdated,
        ),
        Place::Teams(_) => (
            Event::TeamsSent,
            Event::TeamsResultSent,
            Event::TeamsNoticeSent,
        ),
        Place::Email(_) => (
            Event::EmailSent,
            Event::EmailResultSent,
            Event::EmailNoticeSent,
        ),
    };
    Events {
        card,
        result,
        notice,
    }
}
