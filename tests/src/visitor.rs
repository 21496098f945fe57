//! A person in a browser, without the browser: signs in with a form, keeps a cookie, and sends what a page would send.

use reqwest::redirect::Policy;
use reqwest::{Client, Method, Response, StatusCode};
use serde_json::Value;

use crate::stack::Stack;

/// The session's cookie.
const COOKIE: &str = "__Host-quell-session=";

/// A person with a session of the console.
#[derive(Debug, Clone)]
pub struct Visitor<'a> {
    stack: &'a Stack,
    http: Client,
    cookie: Option<String>,
    /// The cookie of a sign-in at the identity provider that is under way.
    pending: Option<String>,
}

impl<'a> Visitor<'a> {
    /// Somebody who has not signed in.
    ///
    /// # Panics
    /// If no client can be made.
    #[must_use]
    pub fn new(stack: &'a Stack) -> Self {
        let http = Client::builder().redirect(Policy::none()).build();
        Self {
            stack,
            http: http.expect("an HTTP client"),
            cookie: None,
            pending: None,
        }
    }

    /// The origin of the stack's own pages.
    #[must_use]
    pub fn origin(&self) -> String {
        let url = reqwest::Url::parse(&self.stack.facts.api_url).expect("a URL");
        url.origin().ascii_serialization()
    }

    /// Signs in with this token, and gives the answer.
    ///
    /// # Panics
    /// If there is no answer.
    pub async fn signs_in(&mut self, token: &str) -> Response {
        let form = [("token", token), ("next", "console/history")];
        let body = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(form)
            .finish();
        let answer = self
            .http
            .post(self.stack.url("sessions"))
            .header("origin", self.origin())
            .header("content-type", "application/x-www-form-urlencoded")
            .body(body)
            .send()
            .await
            .expect("an answer");
        let cookie = answer.headers().get("set-cookie");
        let cookie = cookie.and_then(|cookie| cookie.to_str().ok()?.split(';').next());
        self.cookie = cookie.map(str::to_owned);
        answer
    }

    /// Begins to sign in at the identity provider, for this page, and gives the address there.
    ///
    /// # Panics
    /// If it leads nowhere.
    pub async fn begins(&mut self, next: &str) -> String {
        let next: String = form_urlencoded::byte_serialize(next.as_bytes()).collect();
        let path = format!("console/sign-in/oidc?next={next}");
        let (to, mut cookies) = led(self.asks(Method::GET, &path)).await;
        self.pending = cookies.pop();
        assert!(self.pending.is_some(), "{to}: no cookie");
        to
    }

    /// Comes back from the identity provider with this query, and gives where that leads, with the cookies. A session is this visitor's.
    ///
    /// # Panics
    /// If it leads nowhere.
    pub async fn comes_back(&mut self, query: &str) -> (String, Vec<String>) {
        let path = format!("console/sign-in/oidc/callback?{query}");
        let mut request = self.asks(Method::GET, &path);
        if let Some(pending) = &self.pending {
            request = request.header("cookie", pending);
        }
        let (to, cookies) = led(request).await;
        let session = cookies.iter().find(|cookie| is_session(cookie));
        self.cookie = session.cloned().or(self.cookie.take());
        (to, cookies)
    }

    /// The cookie, if there is a session.
    #[must_use]
    pub fn cookie(&self) -> Option<&str> {
        self.cookie.as_deref()
    }

    /// A request with the cookie; the path is from the stack's root on.
    pub fn asks(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        let url = format!("{}/{path}", self.stack.facts.api_url);
        let request = self.http.request(method, url);
        match &self.cookie {
            Some(cookie) => request.header("cookie", cookie),
            None => request,
        }
    }

    /// What a page says; it has to be a 200.
    ///
    /// # Panics
    /// If it is not.
    pub async fn reads(&self, path: &str) -> String {
        let answer = self
            .asks(Method::GET, path)
            .send()
            .await
            .expect("an answer");
        assert_eq!(answer.status(), StatusCode::OK, "{path}");
        answer.text().await.expect("a text")
    }

    /// The one-time token of a page.
    ///
    /// # Panics
    /// If the page has none.
    pub async fn one_time(&self, path: &str) -> String {
        let page = self.reads(path).await;
        let (_, rest) = page
            .split_once("name=\"quell-one-time\" content=\"")
            .expect("a token");
        rest.split('"').next().expect("its end").to_owned()
    }

    /// Sends a form of a page, with the page's one-time token.
    ///
    /// # Panics
    /// If there is no answer.
    pub async fn acts(&self, path: &str, body: &Value, one_time: &str) -> (StatusCode, Value) {
        let request = self
            .asks(Method::POST, &format!("api/v1/{path}"))
            .header("origin", self.origin())
            .header("x-quell-one-time", one_time);
        let answer = request.json(body).send().await.expect("an answer");
        let status = answer.status();
        (status, answer.json().await.expect("JSON"))
    }
}

/// Where an answer leads, and the cookies that it sets, each with its name and value alone.
async fn led(request: reqwest::RequestBuilder) -> (String, Vec<String>) {
    let answer = request.send().await.expect("an answer");
    assert_eq!(answer.status(), StatusCode::SEE_OTHER);
    let to = answer.headers()["location"].to_str().expect("text");
    let cookies = answer.headers().get_all("set-cookie").iter();
    let cookies = cookies.map(|cookie| {
        let cookie = cookie.to_str().expect("text");
        cookie.split(';').next().unwrap_or_default().to_owned()
    });
    (to.to_owned(), cookies.collect())
}

/// True for a cookie that is one of a session.
#[must_use]
pub fn is_session(cookie: &str) -> bool {
    cookie
        .strip_prefix(COOKIE)
        .is_some_and(|value| !value.is_empty())
}
