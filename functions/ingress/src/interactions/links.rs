//! Signed links. A link shows its decision and decides nothing, whoever opens it: the page asks for
//! the person's own token. So who can make links, or gets one that was forwarded, cannot decide in
//! anybody's name (decision 29).

use domain::primitives::time::expired;
use std::sync::OnceLock;

use domain::incident::Incident;
use domain::incident::approval::{ApprovalState, Refusal, Verdict};
use domain::notification::channels::Language;
use domain::notification::person_token::Right;
use domain::playbook::plan::Plan;
use domain::primitives::identity::{DecidedBy, Identity};
use domain::transition::decision::Pressed;
use jiff::Timestamp;
use lambda_http::Request;
use lambda_http::http::HeaderMap;
use lambda_http::http::header::ACCEPT_LANGUAGE;
use secrecy::SecretString;
use wire::approval_link::{Link, LinkError, verify};

use crate::app::App;
use crate::interactions;
use crate::interactions::api;
use crate::interactions::link_page::{self, Question, TOKEN_FIELD};
use crate::rejection::Rejection;

/// A form with one token has less.
const MOST_FORM_BYTES: usize = 4_096;

/// The page with what a link would decide.
///
/// # Errors
/// If the link is not ours, or cannot decide anything any more.
pub(crate) async fn show(
    app: &App,
    request: &Request,
    id: &str,
    now: Timestamp,
) -> Result<String, Rejection> {
    let link = admitted(app, request, id, now).await?;
    let incident = incident(app, &link).await?;
    let plan = undecided(&incident, &link, now)?;
    let question = Question {
        incident: &incident,
        plan,
        link: &link,
    };
    Ok(link_page::question(&question, language(request.headers())))
}

/// Decides, if the form holds the token of the link's person, and gives the page that says so.
///
/// # Errors
/// If the link is not ours or was used, if the token is not its person's, or if it cannot be decided on.
pub(crate) async fn decide(
    app: &App,
    request: &Request,
    id: &str,
    now: Timestamp,
) -> Result<String, Rejection> {
    let link = admitted(app, request, id, now).await?;
    signed_in(app, request, &link, now).await?;
    let used = used(&incident(app, &link).await?, &link);
    let language = language(request.headers());
    // Each use is a press of its own: one that was refused may count later, when the second list of people may decide.
    let press = format!("link:{} {now}", link.person);
    let pressed = Pressed {
        verdict: link.verdict,
        by: identity(&link),
        press: &press,
    };
    let answered = interactions::decide(app, &link.approval, &pressed, now).await;
    if used {
        // What follows from the first use may not have been sent: the press sent it again, and decided nothing.
        return Err(answered
            .err()
            .filter(|rejection| matches!(rejection, Rejection::Passing(_)))
            .unwrap_or(Rejection::LinkUsed));
    }
    let (incident, taken) = answered?;
    let reply = interactions::reply(&incident, taken, now);
    Ok(link_page::told(&reply.words(language), language))
}

/// The link of a request, if it is ours and for this approval, in time, and its person still on the list.
async fn admitted(
    app: &App,
    request: &Request,
    id: &str,
    now: Timestamp,
) -> Result<Link, Rejection> {
    let query = request.uri().query().unwrap_or_default();
    let mut tokens = form_urlencoded::parse(query.as_bytes())
        .filter(|(name, _)| name == "token")
        .map(|(_, token)| token);
    let (Some(token), None) = (tokens.next(), tokens.next()) else {
        return Err(Rejection::Unauthenticated(
            "the link has no token, or more than one",
        ));
    };
    let read = OnceLock::new();
    let check = |key: &SecretString| match verify(key, &token, now) {
        Err(error @ (LinkError::Unreadable | LinkError::Forged)) => Err(error),
        // One that expired is ours all the same: no other key has to be tried.
        ours => {
            read.get_or_init(|| ours);
            Ok(())
        }
    };
    let checked = app
        .secrets
        .check(&app.config.link_secret, now, check)
        .await?;
    let link = match checked.and_then(|()| read.into_inner().unwrap_or(Err(LinkError::Unreadable)))
    {
        Ok(link) if link.approval.as_str() == id => link,
        Ok(_) => {
            return Err(Rejection::Unauthenticated(
                "this link is for another decision",
            ));
        }
        Err(LinkError::Expired { at }) => return Err(Rejection::LinkExpired(at)),
        Err(LinkError::Forged) => {
            return Err(Rejection::Unauthenticated(
                "the signature of this link is wrong",
            ));
        }
        Err(LinkError::Unreadable) => {
            return Err(Rejection::Unauthenticated("the link is not whole"));
        }
    };
    match app.channels()?.person(&identity(&link)) {
        Some(_) => Ok(link),
        None => Err(Refusal::NotListed.into()),
    }
}

/// Checks that the form of the page holds a token of the link's person.
///
/// # Errors
/// If it is none, another person's, or has not the right to decide.
async fn signed_in(
    app: &App,
    request: &Request,
    link: &Link,
    now: Timestamp,
) -> Result<(), Rejection> {
    let body = request.body().as_ref();
    if body.len() > MOST_FORM_BYTES {
        return Err(Rejection::NotSignedIn);
    }
    let mut fields = form_urlencoded::parse(body);
    let given = fields.find(|(name, _)| name == TOKEN_FIELD);
    let given = given.map(|(_, token)| token).unwrap_or_default();
    match api::holder(app, given.trim(), Right::Decide, now).await {
        Ok(token) if token.person == link.person => Ok(()),
        Ok(_) | Err(Rejection::Unauthenticated(_)) => Err(Rejection::NotSignedIn),
        Err(other) => Err(other),
    }
}

async fn incident(app: &App, link: &Link) -> Result<Incident, Rejection> {
    app.intake
        .store
        .incident(&link.approval.incident())
        .await?
        .ok_or(Rejection::NoApproval)
}

/// The plan that waits for this person's decision.
fn undecided<'a>(
    incident: &'a Incident,
    link: &Link,
    now: Timestamp,
) -> Result<&'a Plan, Rejection> {
    if used(incident, link) {
        return Err(Rejection::LinkUsed);
    }
    let approval = incident
        .approval
        .as_ref()
        .filter(|approval| approval.id == link.approval)
        .ok_or(Refusal::NotThisPlan)?;
    match &approval.state {
        ApprovalState::Decided { verdict, by, .. } => Err(Refusal::Decided {
            verdict: *verdict,
            by: by.clone(),
        })?,
        ApprovalState::Void { why, .. } => Err(Refusal::Void { why: why.clone() })?,
        ApprovalState::Pending if expired(approval.expires_at, now) => Err(Refusal::Expired {
            at: approval.expires_at,
        })?,
        ApprovalState::Pending => {}
    }
    if link.verdict == Verdict::Approve && !approval.takes(&identity(link)) {
        Err(Refusal::NeedsPress)?;
    }
    let plan = incident
        .plan
        .as_ref()
        .filter(|plan| plan.hash() == approval.plan_hash);
    Ok(plan.ok_or(Refusal::NotThisPlan)?)
}

/// True if the link's person has decided with a link.
fn used(incident: &Incident, link: &Link) -> bool {
    let Some(approval) = incident
        .approval
        .as_ref()
        .filter(|approval| approval.id == link.approval)
    else {
        return false;
    };
    let person = identity(link);
    let voted = approval.votes.iter().any(|vote| vote.by == person);
    voted
        || matches!(&approval.state, ApprovalState::Decided { by: DecidedBy::Person(by), .. } if *by == person)
}

fn identity(link: &Link) -> Identity {
    Identity::Link(link.person.clone())
}

/// The language that a browser asks for (RFC 9110, 12.5.4), among those that pages have.
pub(crate) fn language(headers: &HeaderMap) -> Language {
    let wanted = headers
        .get(ACCEPT_LANGUAGE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let mut best = (0.0, Language::default());
    for range in wanted.split(',') {
        let (tag, weight) = range.split_once(';').unwrap_or((range, "q=1"));
        let weight: f32 = weight
            .trim()
            .strip_prefix("q=")
            .and_then(|weight| weight.parse().ok())
            .unwrap_or(0.0);
        let main = tag
            .trim()
            .split('-')
            .next()
            .unwrap_or_default()
            .to_ascii_lowercase();
        let language = match main.as_str() {
            "zh" => Language::TraditionalChinese,
            "en" => Language::English,
            _ => continue,
        };
        if weight > best.0 {
            best = (weight, language);
        }
    }
    best.1
}

#[cfg(test)]
mod tests {
    use domain::notification::channels::Language;
    use lambda_http::http::{HeaderMap, HeaderValue, header};

    use super::language;

    #[test]
    fn the_page_speaks_what_the_browser_asks_for() {
        let asked = |text: &str| {
            let value = HeaderValue::from_str(text).expect("a header");
            language(&HeaderMap::from_iter([(header::ACCEPT_LANGUAGE, value)]))
        };
        for text in [
            "zh-TW",
            "zh-TW,zh;q=0.9,en-US;q=0.8,en;q=0.7",
            "de, zh-Hant;q=0.5",
            "en;q=0.1,ZH-HK;q=0.2",
            "en;q=0, zh",
        ] {
            assert_eq!(asked(text), Language::TraditionalChinese, "{text}");
        }
        for text in [
            "",
            "en",
            "de-DE,fr",
            "en-GB,zh;q=0.9",
            "zh;q=0",
            "zh;q=x",
            "zhx",
            ",,;;q=,",
        ] {
            assert_eq!(asked(text), Language::English, "{text}");
        }
        assert_eq!(language(&HeaderMap::new()), Language::English);
    }
}
