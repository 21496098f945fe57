//! The page of a decision, for channels without buttons. Its address proves nothing: the page shows
//! nothing until somebody has given a token of their own, and that person decides (decision 29).

use access::AccessError;
use domain::incident::Incident;
use domain::incident::approval::{Approval, ApprovalState, Refusal, Verdict};
use domain::notification::person_token::Right;
use domain::playbook::plan::Plan;
use domain::primitives::id::ApprovalId;
use domain::primitives::identity::Identity;
use domain::primitives::time::expired;
use domain::transition::decision::Pressed;
use jiff::Timestamp;
use lambda_http::Request;

use crate::app::App;
use crate::interactions;
use crate::interactions::link_page::{self, Question, TOKEN_FIELD, VERDICT_FIELD};
use crate::rejection::Rejection;

/// A form with one token and one verdict has less.
const MOST_FORM_BYTES: usize = 4_096;

/// What somebody has sent with the form of the page.
struct Form {
    /// Their token, as it was given. It goes back to them alone, as the hidden field of the next form.
    token: String,
    /// Missing in the first form, which only asks to see the plan.
    verdict: Option<Verdict>,
}

/// The page that asks for a token: the same for every address, so that nobody learns from it which
/// approvals there are.
pub(crate) fn show(request: &Request) -> String {
    link_page::sign_in(access::language(request.headers()))
}

/// Shows the plan to whoever has given a token that may decide, and with a verdict decides in their name.
///
/// # Errors
/// If the token is none, if there is no such approval, or if it cannot be decided on by this person.
pub(crate) async fn decide(
    app: &App,
    request: &Request,
    id: &str,
    now: Timestamp,
) -> Result<String, Rejection> {
    let form = form(request.body())?;
    let person = signed_in(app, &form, now).await?;
    let id = ApprovalId::try_from(id).map_err(|_| Rejection::NoApproval)?;
    let language = access::language(request.headers());
    let Some(verdict) = form.verdict else {
        let store = &app.intake.store;
        let found = store.incident(&id.incident()).await?;
        let incident = found.ok_or(Rejection::NoApproval)?;
        let (approval, plan) = undecided(&incident, &id, now)?;
        let question = Question {
            incident: &incident,
            plan,
            approval,
            person: &person,
            token: &form.token,
        };
        return Ok(link_page::question(&question, language));
    };
    // Each use is a press of its own: one that was refused may count later, when the second list of people may decide.
    let press = format!("link:{person} {now}");
    let pressed = Pressed {
        verdict,
        by: Identity::Link(person),
        press: &press,
    };
    let (incident, taken) = interactions::decide(app, &id, &pressed, now).await?;
    let reply = interactions::reply(&incident, taken, now);
    Ok(link_page::told(&reply.words(language), language))
}

/// # Errors
/// If it is no form of the page.
fn form(body: &[u8]) -> Result<Form, Rejection> {
    if body.len() > MOST_FORM_BYTES {
        return Err(Rejection::NotSignedIn);
    }
    let field = |wanted: &str| {
        let mut fields = form_urlencoded::parse(body);
        let found = fields.find(|(name, _)| name == wanted);
        found.map(|(_, value)| value.trim().to_owned())
    };
    let verdict = match field(VERDICT_FIELD).as_deref() {
        None | Some("") => None,
        Some("approve") => Some(Verdict::Approve),
        Some("reject") => Some(Verdict::Reject),
        Some(_) => {
            return Err(Rejection::malformed(
                VERDICT_FIELD,
                "has to be approve or reject",
            ));
        }
    };
    Ok(Form {
        token: field(TOKEN_FIELD).unwrap_or_default(),
        verdict,
    })
}

/// The person whose token the form holds.
///
/// # Errors
/// If it is no token, has not the right to decide, or its person is not in `channels.json` any more.
async fn signed_in(app: &App, form: &Form, now: Timestamp) -> Result<String, Rejection> {
    let token = match access::holder(&app.control, &form.token, Right::Decide, now).await {
        Err(AccessError::Unauthenticated(_)) => return Err(Rejection::NotSignedIn),
        answered => answered?,
    };
    match app
        .channels()?
        .person(&Identity::Link(token.person.clone()))
    {
        Some(_) => Ok(token.person),
        None => Err(Refusal::NotListed.into()),
    }
}

/// What waits for a decision under this id.
fn undecided<'a>(
    incident: &'a Incident,
    id: &ApprovalId,
    now: Timestamp,
) -> Result<(&'a Approval, &'a Plan), Rejection> {
    let approval = incident
        .approval
        .as_ref()
        .filter(|approval| approval.id == *id)
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
    let plan = incident
        .plan
        .as_ref()
        .filter(|plan| plan.hash() == approval.plan_hash);
    Ok((approval, plan.ok_or(Refusal::NotThisPlan)?))
}
