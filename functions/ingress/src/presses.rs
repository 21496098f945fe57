//! What a person asks for with a button or a link.

use jiff::Timestamp;
use shared::domain::answer::Answer;
use shared::domain::ask::Ask;
use shared::domain::channels::Known;
use tracing::warn;

use crate::App;
use crate::approvals;
use crate::rejection::Rejection;

/// One press.
#[derive(Debug)]
pub(crate) struct Press<'a> {
    /// What is asked for.
    pub(crate) ask: Ask,
    /// Who asks.
    pub(crate) by: Known<'a>,
    /// Where: the channel's name.
    pub(crate) channel: Option<&'a str>,
    /// Its id, which a repetition has too.
    pub(crate) id: String,
}

/// Does what is asked for, if the person may.
///
/// # Errors
/// If it cannot be decided on, or the decision could not be stored and sent.
pub(crate) async fn press(app: &App, press: Press<'_>, now: Timestamp) -> Result<Answer, Rejection> {
    if app.channels()?.person(press.by).is_none() {
        warn!(channel = press.channel, press = press.id, "a button was pressed by someone who is not on the list");
        return Ok(Answer::NotListed);
    }
    let Ask::Decide(verdict, id) = press.ask else { return Ok(Answer::Unknown) };
    let by = match press.by {
        Known::Telegram(id) => format!("telegram:{id}"),
        Known::Slack(id) => format!("slack:{id}"),
        Known::Api(name) => format!("api:{name}"),
        Known::Link(name) => format!("link:{name}"),
    };
    approvals::decide(app, &id, verdict, &by, now).await?;
    Ok(Answer::Decided(verdict))
}
