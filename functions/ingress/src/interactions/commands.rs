//! Commands that people write in a chat, the same for every kind of chat.

use domain::notification::button_reply::ButtonReply;
use domain::notification::channels::Identity;
use domain::notification::chat_command::ChatCommand;
use domain::policy::kill_switch::SwitchedOff;
use domain::primitives::id::IncidentId;
use jiff::Timestamp;
use tracing::warn;

use crate::app::App;
use crate::interactions::responses;
use crate::rejection::Rejection;

/// A command in one of the channels.
#[derive(Debug, Clone)]
pub(crate) struct Written<'a> {
    /// What stands behind `/quell`.
    pub(crate) text: &'a str,
    pub(crate) by: Identity,
    /// The incident whose card is answered.
    pub(crate) about: Option<IncidentId>,
    /// Its id: the same when it is delivered again.
    pub(crate) id: String,
}

/// Does what a person writes, and says what they are told. Whatever it comes to is an answer; only a passing fault is an error.
///
/// # Errors
/// If something could not be stored or sent.
pub(crate) async fn command(
    app: &App,
    written: Written<'_>,
    now: Timestamp,
) -> Result<ButtonReply, Rejection> {
    // Strangers are not told what there is.
    if app.channels()?.person(&written.by).is_none() {
        return Ok(ButtonReply::NotListed);
    }
    let (incident, action, of_group) = match ChatCommand::read(written.text) {
        Err(why) => return Ok(ButtonReply::CommandRefused { why }),
        Ok(ChatCommand::Help) => return Ok(ButtonReply::Help),
        Ok(ChatCommand::StopRepairs { why }) => {
            return stop_repairs(app, &written.by, why.as_deref(), now).await;
        }
        Ok(ChatCommand::Respond {
            incident,
            action,
            of_group,
        }) => (incident.or(written.about), action, of_group),
    };
    let Some(id) = incident else {
        return Ok(ButtonReply::WhichIncident);
    };
    let by = (&written.by, written.id.as_str());
    responses::reply(if of_group {
        let answer = responses::respond_to_group(app, &id, &action, by, now).await;
        answer.map(|(_, many)| ButtonReply::RespondedToGroup {
            changed: many.changed.len(),
            refused: many.refused,
            action,
        })
    } else {
        let answer = responses::respond(app, &id, &action, by, now).await;
        answer.map(|_| ButtonReply::Responded(action))
    })
}

async fn stop_repairs(
    app: &App,
    by: &Identity,
    why: Option<&str>,
    now: Timestamp,
) -> Result<ButtonReply, Rejection> {
    Ok(match switch_repairs_off(app, by, why, now).await? {
        Some(_) => ButtonReply::RepairsStopped,
        None => ButtonReply::MayNotStopRepairs,
    })
}

/// Switches all repairs off, in the name of a person who may (`kill_switch` in `channels.json`); nothing for anyone else. Ingress
/// switches nothing on again: that takes the rights of an operator in the AWS account (`quell kill-switch off`), so that the switch
/// holds against whoever takes over ingress.
///
/// # Errors
/// If the table does not answer.
pub(crate) async fn switch_repairs_off(
    app: &App,
    by: &Identity,
    why: Option<&str>,
    now: Timestamp,
) -> Result<Option<SwitchedOff>, Rejection> {
    let channels = app.channels()?;
    let person = channels
        .person(by)
        .and_then(|name| channels.people.get_key_value(name));
    let Some((name, _)) = person.filter(|(_, person)| person.kill_switch) else {
        return Ok(None);
    };
    let off = SwitchedOff::now(&format!("{name} ({by})"), why, now);
    app.control.switch_repairs(Some(&off)).await?;
    warn!(%by, why, "all repairs were switched off");
    Ok(Some(off))
}
