//! Handles one message: puts what is due into the outboxes, and delivers it.

use domain::primitives::time::Clock;
use std::time::Instant;

use aws::Chain;
use aws::queue::STORM_LOOKS_EVERY;
use domain::incident::Incident;
use domain::incident::change::IncidentChange;
use domain::incident::parts::Storm;
use domain::notification::button_action::ButtonAction;
use domain::notification::button_action::More;
use domain::notification::channels::Channel;
use domain::notification::outbox::{Rank, Subject};
use domain::notification::pipeline_run::run_id_of;
use domain::primitives::id::{ApprovalId, IncidentId};
use futures_util::future::join_all;
use store::CardOf;
use tracing::error;
use wire::message::Message;

use crate::channel::Sender;
use crate::deliver::worker::ChannelWorker;
use crate::render::presenter::Presenter;

use crate::app::{AGAIN_AFTER, App, Failure};

impl App {
    /// Handles one message: `holder` is the same only for one try of one worker. Nothing new is begun after `until`.
    ///
    /// # Errors
    /// If the message has to come again.
    pub async fn handle(
        &self,
        message: &Message,
        holder: &str,
        clock: Clock<'_>,
        until: Instant,
    ) -> Result<(), Failure> {
        let concerned = match message {
            Message::BudgetUsedUp { day } => {
                let channels = self.channels.for_notices();
                self.put(&channels, Rank::NOTICE, &Subject::Budget(*day), clock)
                    .await?;
                channels
            }
            Message::AlertsConverged {
                incident_id,
                hit_count,
            } => {
                self.store
                    .change(incident_id, |change| change.converged(*hit_count, clock()))
                    .await?;
                self.incident_changed(incident_id, clock).await?
            }
            Message::IncidentOpened { incident_id }
            | Message::IncidentChanged { incident_id }
            | Message::RepairApproved { incident_id, .. } => {
                self.incident_changed(incident_id, clock).await?
            }
            Message::MoreAsked {
                incident_id,
                what,
                channel,
                press,
                by,
            } => {
                self.record_more_asked(incident_id, *what, press, by, clock)
                    .await?;
                let subject = Subject::More {
                    what: *what,
                    incident_id: incident_id.clone(),
                    press: press.clone(),
                };
                let channels = self.named(channel);
                self.put(&channels, Rank::ANSWER, &subject, clock).await?;
                channels
            }
            Message::ChannelTimer { channel } => self.named(channel),
            Message::PressAnswered {
                channel,
                user,
                words,
            } => return self.whisper(channel, user, words, clock).await,
            Message::DecisionTimer { approval_id } => {
                self.decision_timer(approval_id, clock).await?
            }
            Message::ResolutionTimer { approval_id } => {
                return self.resolution_due(approval_id, clock).await;
            }
            Message::EpisodeTimer { incident_id } => {
                return self.episode_due(incident_id, clock).await;
            }
            Message::AttentionTimer { incident_id } => {
                return self.attention_due(incident_id, clock).await;
            }
            Message::HeartbeatTimer { heartbeat_id } => {
                return self.heartbeat_due(heartbeat_id, clock).await;
            }
            Message::OutputRetentionTimer {} => {
                return self.output_retention_due(clock, until).await;
            }
            Message::SilenceAsked { incident_id } => {
                return self.silence_asked(incident_id, clock).await;
            }
            Message::AnalysisAsked { .. } => return Err(Failure::Misdirected),
        };
        self.deliver(&concerned, holder, clock, until).await
    }

    async fn record_more_asked(
        &self,
        incident_id: &IncidentId,
        what: More,
        press: &str,
        by: &str,
        clock: Clock<'_>,
    ) -> Result<(), Failure> {
        let ask = match what {
            More::Details => ButtonAction::Details(incident_id.clone()),
            More::History => ButtonAction::History(incident_id.clone()),
        };
        let record = |change: &mut IncidentChange| change.more_asked(&ask, press, by, clock());
        self.store.change(incident_id, record).await?;
        Ok(())
    }

    /// Puts the escalation of an approval into the outboxes, if it is due: the channels that have to deliver it.
    async fn decision_timer(
        &self,
        approval_id: &ApprovalId,
        clock: Clock<'_>,
    ) -> Result<Vec<&Channel>, Failure> {
        let Some(incident) = self.decision_due(approval_id, clock).await? else {
            return Ok(Vec::new());
        };
        let channels = self
            .concerned(&incident, CardOf::Incident(&incident.id))
            .await?;
        let subject = Subject::Escalation(approval_id.clone());
        self.put(&channels, Rank::heard(incident.severity), &subject, clock)
            .await?;
        Ok(channels)
    }

    /// Delivers what is due in these channels. A channel that fails is tried again by itself.
    async fn deliver(
        &self,
        channels: &[&Channel],
        holder: &str,
        clock: Clock<'_>,
        until: Instant,
    ) -> Result<(), Failure> {
        for (channel, ran) in self.run_channels(channels, holder, clock, until).await {
            let Err(error) = ran else { continue };
            // What is due is in the outbox: the others have done their part, and need not do it again.
            error!(channel = channel.name, error = %Chain(&error), "what is due in a channel was not told: it is tried again");
            let again = Message::ChannelTimer {
                channel: channel.name.clone(),
            };
            self.notifications.send_later(&again, AGAIN_AFTER).await?;
        }
        Ok(())
    }

    /// Sends a person the result of their press, which no one else has to see. It is worth
    /// something at once or not at all, and so it is in no outbox, and what Slack refuses, such as
    /// a member who has left, is not tried again.
    pub(crate) async fn whisper(
        &self,
        channel: &str,
        user: &str,
        words: &str,
        clock: Clock<'_>,
    ) -> Result<(), Failure> {
        for channel in self.named(channel) {
            match Sender::of(channel, &self.outside, None, clock())
                .whisper(user, words)
                .await
            {
                Err(error) if !error.may_pass() => {
                    error!(channel = channel.name, error = %Chain(&error), "could not answer a button press")
                }
                told => told?,
            }
        }
        Ok(())
    }

    /// Tells what is due in these channels, in all of them at once: none waits for another.
    pub(crate) async fn run_channels<'a>(
        &'a self,
        channels: &[&'a Channel],
        holder: &str,
        clock: Clock<'_>,
        until: Instant,
    ) -> Vec<(&'a Channel, Result<(), Failure>)> {
        let (store, notifications, outside) = (&self.store, &self.notifications, &self.outside);
        let ran = channels.iter().map(|channel| async move {
            let (channels, language) = (&self.channels, self.channels.language_of(channel));
            let zone = self.channels.zone_of(channel);
            let presenter = Presenter {
                templates: &self.templates,
                language,
                zone,
                silences: self.alertmanager.is_some(),
                channels,
            };
            let worker = ChannelWorker {
                store,
                notifications,
                outside,
                channels,
                channel,
                presenter,
                holder,
                clock,
                until,
            };
            (*channel, Box::pin(worker.run()).await)
        });
        join_all(ran).await
    }

    /// Puts the newest state of an incident into the outboxes of those whom it concerns.
    pub(crate) async fn incident_changed(
        &self,
        id: &IncidentId,
        clock: Clock<'_>,
    ) -> Result<Vec<&Channel>, Failure> {
        let mut incident = self.store.known_incident(id).await?;
        self.watch_episode(&incident, clock()).await?;
        if let Some(storm) = incident.storm_id().cloned() {
            // The storm's card shows it, together with what else changes in the next seconds.
            if self.store.mark_storm(&storm, clock()).await? {
                self.notifications
                    .send_later(
                        &Message::IncidentChanged { incident_id: storm },
                        STORM_LOOKS_EVERY,
                    )
                    .await?;
            }
            return Ok(Vec::new());
        }
        if incident.storm().is_some() {
            self.store.unmark_storm(id).await?;
            let acted = incident.response.taken.clone();
            let found = Storm::summarise(&self.store.storm_members(id).await?);
            (incident, ()) = self
                .store
                .change(id, |change| {
                    // Whoever acted on all of its incidents since the list was read has sent a look of their own.
                    if change.incident.response.taken == acted {
                        change.storm_is(found.clone(), clock());
                    }
                })
                .await?;
        }
        if too_early(&incident) {
            return Ok(Vec::new());
        }
        self.watch(&incident, clock()).await?;
        self.watch_resolution(&incident, clock()).await?;
        self.watch_attention(&incident, clock()).await?;
        let run = run_id_of(&incident.alert);
        let card = run
            .as_ref()
            .map_or(CardOf::Incident(id), CardOf::PipelineRun);
        let warned = self.without_approver(&incident, clock).await?;
        let mut channels = self.concerned(&incident, card).await?;
        if channels.is_empty() {
            channels = self.without_route(&incident, clock).await?;
            add(&mut channels, warned);
            return Ok(channels);
        }
        let subject = run
            .clone()
            .map_or_else(|| Subject::Incident(id.clone()), Subject::PipelineRun);
        self.put(
            &channels,
            Rank::for_card(incident.severity),
            &subject,
            clock,
        )
        .await?;
        add(&mut channels, warned);
        Ok(channels)
    }
}

/// Adds the channels that are not there yet.
fn add<'a>(channels: &mut Vec<&'a Channel>, more: Vec<&'a Channel>) {
    for channel in more {
        if !channels.iter().any(|known| known.name == channel.name) {
            channels.push(channel);
        }
    }
}

/// True until the analyzer has looked at an incident: it may turn out to be a part of a storm, which has the card. The analyzer says
/// when it is done.
pub(crate) fn too_early(incident: &Incident) -> bool {
    incident.awaits_first_analysis()
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::too_early;
    use crate::samples;
    use domain::incident::Status;

    #[test]
    fn there_is_no_card_before_the_analyzer_has_looked() {
        let mut change = samples::waiting();
        assert!(!too_early(&change.incident));
        change.incident.analysis = None;
        change.incident.status = Status::Open;
        assert!(too_early(&change.incident), "it may be a part of a storm");
        change.resolved(1, Timestamp::UNIX_EPOCH);
        assert!(
            !too_early(&change.incident),
            "what is over is not a part of anything any more"
        );
        assert!(
            !too_early(&samples::pipeline().incident),
            "nobody analyses a report of a pipeline"
        );
    }
}
