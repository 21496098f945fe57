//! Sessions of the console: a person shows a token of their own once, and is known by a cookie after that. They begin and end here,
//! because whoever can write one can decide in its person's name.

use access::{AccessError, is_same_origin, path_of, root};
use jiff::Timestamp;
use lambda_http::Request;
use tracing::info;

use crate::app::App;
use crate::rejection::Rejection;
use crate::reply::Reply;

/// A form with one token and a path has less.
const MOST_FORM_BYTES: usize = 4_096;

/// `POST /api/v1/sessions` with the form of the console: begins a session for the holder of a token that may look, and leads to the
/// page that they wanted.
///
/// # Errors
/// If the form comes from another site, or the table does not answer.
pub(crate) async fn begin(
    app: &App,
    request: &Request,
    now: Timestamp,
) -> Result<Reply, Rejection> {
    own_page(request)?;
    let body = request.body().as_ref();
    let form = if body.len() > MOST_FORM_BYTES {
        &[]
    } else {
        body
    };
    let (next, root) = (path_of(field(form, "next")), root(request.uri().path()));
    let given = field(form, "token").unwrap_or_default();
    match access::begin(&app.control, given.trim(), now).await {
        Ok(begun) => {
            let (person, session) = (begun.person, begun.session.id);
            info!(person, session, "a session has begun");
            Ok(Reply::LeadsTo(
                format!("{root}{next}"),
                Some(begun.set_cookie),
            ))
        }
        Err(AccessError::Store(error)) => Err(error.into()),
        Err(_) => {
            let next: String = form_urlencoded::byte_serialize(next.as_bytes()).collect();
            let form = format!("{root}console/sign-in?refused=true&next={next}");
            Ok(Reply::LeadsTo(form, None))
        }
    }
}

/// `POST /api/v1/sessions/end`: ends the session of the request's cookie.
///
/// # Errors
/// If the form comes from another site, or the table does not answer.
pub(crate) async fn end(app: &App, request: &Request, now: Timestamp) -> Result<Reply, Rejection> {
    own_page(request)?;
    if let Some(session) = access::session_of(&app.control, request.headers()).await? {
        info!(session = session.id, "a session was ended by its person");
        app.control.end_session(session, now).await?;
    }
    let form = format!("{}console/sign-in", root(request.uri().path()));
    Ok(Reply::LeadsTo(form, Some(access::end_cookie())))
}

fn own_page(request: &Request) -> Result<(), Rejection> {
    if is_same_origin(request.headers()) {
        Ok(())
    } else {
        Err(Rejection::Forged(
            "the form does not come from a page of this host",
        ))
    }
}

fn field(form: &[u8], wanted: &str) -> Option<String> {
    let mut fields = form_urlencoded::parse(form);
    let found = fields.find(|(name, _)| name == wanted);
    found.map(|(_, value)| value.into_owned())
}
