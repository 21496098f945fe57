//! Slack's buttons (<https://docs.slack.dev/reference/interaction-payloads/block_actions-payload>), and commands.
//! Slack waits three seconds for an empty answer; the notifier sends the result of a press to the
//! person as an ephemeral message.

use domain::notification::button_action::ButtonAction;
use domain::notification::button_reply::ButtonReply;
use domain::notification::channels::{Identity, Language};
use domain::primitives::digest::Digest;
use domain::primitives::safe_text::cut;
use jiff::Timestamp;
use lambda_http::http::HeaderMap;
use secrecy::SecretString;
use serde::Deserialize;
use wire::message::Message;

use crate::app::App;
use crate::authentication::{Covered, SLACK, SignedRequest, signature};
use crate::body::{self, Object};
use crate::interactions::{self, Press, commands};
use crate::rejection::Rejection;

/// Longest text for a person.
const WORDS_CHARACTERS: usize = 200;
/// The longest id of a member.
const MEMBER_BYTES: usize = 32;

#[derive(Deserialize)]
struct Kind {
    #[serde(rename = "type")]
    kind: String,
}

#[derive(Deserialize)]
struct BlockActions {
    user: Object<Named>,
    channel: Object<Named>,
    trigger_id: String,
    actions: Vec<Object<Action>>,
}

#[derive(Deserialize)]
struct Named {
    id: String,
}

#[derive(Deserialize)]
struct Action {
    action_ts: String,
    /// What stands in the button; a menu has none.
    value: Option<String>,
}

#[derive(Debug, PartialEq, Eq)]
struct Pressed {
    /// The member id of who pressed.
    user: String,
    /// The id of the channel.
    channel: String,
    /// What stands in the button.
    data: String,
    /// The press, as a repetition has it too.
    id: String,
}

/// Handles one interaction. The decision is stored before the answer; other interactions than a
/// press are accepted and ignored.
///
/// # Errors
/// If the request does not come from Slack or from a channel that is not known, is no interaction, or the decision or what the person
/// is told could not be stored and sent.
pub(crate) async fn interaction(
    app: &App,
    headers: &HeaderMap,
    bytes: &[u8],
    now: Timestamp,
) -> Result<(), Rejection> {
    let signed = SignedRequest::new(headers, "", bytes);
    let required = Covered {
        time: true,
        route: false,
    };
    let check = |secret: &SecretString| signature(SLACK, secret, signed, now, required);
    body::bounded(bytes, body::MOST_SIGNED_BYTES)?;
    app.admit(&app.config.slack_secret, now, check).await?;
    if let Some(written) = written(bytes)? {
        return command(app, &written, now).await;
    }
    let Some(pressed) = read(bytes)? else {
        return Ok(());
    };
    let channels = app.channels()?;
    let Some(channel) = channels.of_slack(&pressed.channel).next() else {
        if let Some(ask) = ButtonAction::read(&pressed.data) {
            let press = Press {
                ask,
                by: Identity::Slack(pressed.user.clone()),
                channel: None,
                id: pressed.id.clone(),
            };
            interactions::from_elsewhere(app, &press, now).await?;
        }
        return Err(Rejection::UnknownChannel);
    };
    let words = words(
        app,
        &pressed,
        &channel.name,
        channels.language_of(channel),
        now,
    )
    .await?;
    tell(app, &channel.name, pressed.user, &words).await
}

/// Tells a person what came of it, and nobody else.
async fn tell(app: &App, channel: &str, user: String, words: &str) -> Result<(), Rejection> {
    let told = Message::PressAnswered {
        channel: channel.to_owned(),
        user,
        words: cut(words, WORDS_CHARACTERS),
    };
    app.intake.notifications.send(&told).await?;
    Ok(())
}

/// Does what a slash command says.
async fn command(app: &App, written: &SlashCommand, now: Timestamp) -> Result<(), Rejection> {
    let channels = app.channels()?;
    let Some(channel) = channels.of_slack(&written.channel).next() else {
        return Err(Rejection::UnknownChannel);
    };
    let given = commands::Written {
        text: &written.text,
        by: Identity::Slack(written.user.clone()),
        // A slash command answers no message: Slack has none in threads.
        about: None,
        id: written.id.clone(),
    };
    let answer = commands::command(app, given, now).await?;
    let words = answer.words(channels.language_of(channel));
    tell(app, &channel.name, written.user.clone(), &words).await
}

/// A slash command (<https://docs.slack.dev/interactivity/implementing-slash-commands>).
#[derive(Debug, PartialEq, Eq)]
struct SlashCommand {
    user: String,
    channel: String,
    text: String,
    /// The same for a repetition.
    id: String,
}

/// The slash command in a body; none in an interaction, which has a payload.
fn written(bytes: &[u8]) -> Result<Option<SlashCommand>, Rejection> {
    let field = |name: &str| {
        let mut values = form_urlencoded::parse(bytes).filter(|(field, _)| field == name);
        values.next().map(|(_, value)| value.into_owned())
    };
    if field("payload").is_some() || field("command").is_none() {
        return Ok(None);
    }
    let needed = |name: &'static str| {
        field(name)
            .ok_or_else(|| Rejection::malformed(name, "has to be there, as a field of a form"))
    };
    let (user, channel) = (needed("user_id")?, needed("channel_id")?);
    is_member("user_id", &user)?;
    let who = Digest::new().field("slack").field(&user).field(&channel);
    let id = who.field(needed("trigger_id")?).field("command").hex();
    let text = field("text").unwrap_or_default();
    Ok(Some(SlashCommand {
        user,
        channel,
        text,
        id: cut(&id, 32),
    }))
}

fn is_member(field: &'static str, id: &str) -> Result<(), Rejection> {
    let is_upper = |b: u8| b.is_ascii_uppercase() || b.is_ascii_digit();
    if (1..=MEMBER_BYTES).contains(&id.len()) && id.bytes().all(is_upper) {
        Ok(())
    } else {
        Err(Rejection::malformed(
            field,
            "has to be the id of a member, such as U0123456789",
        ))
    }
}

/// Result of a press, for the person who pressed.
async fn words(
    app: &App,
    pressed: &Pressed,
    channel: &str,
    language: Language,
    now: Timestamp,
) -> Result<String, Rejection> {
    let Some(ask) = ButtonAction::read(&pressed.data) else {
        return Ok(ButtonReply::UnknownButton.words(language));
    };
    let asked = Press {
        ask,
        by: Identity::Slack(pressed.user.clone()),
        channel: Some(channel),
        id: pressed.id.clone(),
    };
    Ok(interactions::press(app, asked, now).await?.words(language))
}

/// The press in a body; none in an interaction of another kind.
fn read(bytes: &[u8]) -> Result<Option<Pressed>, Rejection> {
    let payload = payload(bytes)?;
    let Kind { kind } = body::json(&payload)?;
    if kind != "block_actions" {
        return Ok(None);
    }
    let BlockActions {
        user: Object(user),
        channel: Object(channel),
        trigger_id,
        actions,
    } = body::json(&payload)?;
    let mut actions = actions.into_iter();
    let (Some(Object(action)), None) = (actions.next(), actions.next()) else {
        return Err(Rejection::malformed(
            "actions",
            "has to hold exactly one action",
        ));
    };
    is_member("user.id", &user.id)?;
    // A digest, because what Slack sends has no bound of its own.
    let who = Digest::new()
        .field("slack")
        .field(&user.id)
        .field(&channel.id);
    let id = who.field(trigger_id).field(action.action_ts).hex();
    let data = action.value.unwrap_or_default();
    Ok(Some(Pressed {
        user: user.id,
        channel: channel.id,
        data,
        id: cut(&id, 32),
    }))
}

/// The JSON in the form's one field.
fn payload(bytes: &[u8]) -> Result<Vec<u8>, Rejection> {
    let mut fields = form_urlencoded::parse(bytes)
        .filter(|(name, _)| name == "payload")
        .map(|(_, value)| value);
    match (fields.next(), fields.next()) {
        (Some(payload), None) => Ok(payload.into_owned().into_bytes()),
        _ => Err(Rejection::malformed(
            "payload",
            "has to be there once, as a field of a form",
        )),
    }
}

#[cfg(test)]
#[path = "slack_tests.rs"]
mod tests;
