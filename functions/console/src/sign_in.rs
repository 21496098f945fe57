//! The form with which people sign in, and the way to it. Ingress takes the form, and `signin` whom the identity provider knows: the
//! console writes nothing.

use access::FormNote;
use lambda_http::http::StatusCode;
use lambda_http::{Body, Request, Response};

use crate::pages;
use crate::reply::{HTML, see_other, with};
use crate::say::Say;

/// `GET /console/sign-in`. Ingress leads back to it from a token that it does not take, and `signin` from an account.
pub(crate) fn show(request: &Request, has_provider: bool) -> Response<Body> {
    let query = request.uri().query().unwrap_or_default();
    let field = |wanted: &str| {
        let mut fields = form_urlencoded::parse(query.as_bytes());
        let found = fields.find(|(name, _)| name == wanted);
        found.map(|(_, value)| value.into_owned())
    };
    let next = access::path_of(field("next"));
    let note = field("refused").and_then(|code| FormNote::of_code(&code));
    let form = pages::SignInForm {
        next: &next,
        note,
        has_provider,
    };
    let page = pages::sign_in(request.uri().path(), form, Say::of(request.headers()));
    with(StatusCode::OK, page, HTML)
}

/// Leads whoever is not signed in to the form.
///
/// A browser sends a cookie that is `SameSite=Strict` with no link of another site, such as one in a chat: whoever follows one
/// may be signed in all the same. Such a request is answered with a page that asks for its own address again, this time from
/// this site.
pub(crate) fn ask(request: &Request) -> Response<Body> {
    let site = request.headers().get("sec-fetch-site");
    let from_elsewhere = site.is_some_and(|site| site == "cross-site" || site == "same-site");
    let has_cookie = access::cookie_of(request.headers()).is_some();
    if from_elsewhere && !has_cookie {
        let page = pages::again(Say::of(request.headers()));
        return with(StatusCode::OK, page, HTML);
    }
    let path = request.uri().path();
    let query = request.uri().query();
    let asked = query.map_or(path.to_owned(), |query| format!("{path}?{query}"));
    let next = access::path_of(Some(asked.trim_start_matches('/').to_owned()));
    let next: String = form_urlencoded::byte_serialize(next.as_bytes()).collect();
    // Who comes with a cookie was signed in, and is told why they are not any more.
    let why = if has_cookie {
        format!("refused={}&", FormNote::Ended.code())
    } else {
        String::new()
    };
    see_other(&format!(
        "{}console/sign-in?{why}next={next}",
        access::root(path)
    ))
}
