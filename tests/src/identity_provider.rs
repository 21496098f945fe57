//! A real OpenID Connect provider on loopback, and a person in a browser who signs in there.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use reqwest::redirect::Policy;
use reqwest::{Client, Method, Response, StatusCode, Url};
use serde_json::{Value, json};

use crate::skip::skipped;
use crate::stack::{project, wait_for};

/// Where people are sent back to, as the stack has it and the provider knows it. The name resolves nowhere: a test asks the stack instead.
pub const REDIRECT_URI: &str = "https://quell.example/console/sign-in/oidc/callback";
pub const CLIENT_ID: &str = "quell";

fn directory() -> PathBuf {
    project().join("infra/local/oidc")
}

/// A running provider. It ends with its standard input.
#[derive(Debug)]
pub struct IdentityProvider {
    process: Child,
}

impl Drop for IdentityProvider {
    /// Nothing may panic here, since a story that failed ends here too.
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl IdentityProvider {
    /// True if Node.js and the provider are installed. Where they are not, the test is skipped by name on standard error; in CI it fails.
    ///
    /// # Panics
    /// If something is missing and `CI` is set.
    #[must_use]
    pub fn is_installed(test: &str) -> bool {
        let node = Command::new("node").arg("--version").output();
        let has_node = node.is_ok_and(|node| node.status.success());
        if has_node && directory().join("node_modules/oidc-provider").exists() {
            return true;
        }
        skipped(&format!(
            "{test}: no identity provider: install Node.js, and run `npm --prefix infra/local/oidc ci`"
        ));
        false
    }

    /// A port on which it can be started: its issuer has to be known before the stack is there, and its client's secret is the stack's.
    #[must_use]
    pub fn issuer() -> String {
        format!("http://{}", loopback::closed())
    }

    /// Starts it at this issuer, with these accounts: what their ID tokens say, by `sub`.
    ///
    /// # Panics
    /// If it does not answer.
    pub async fn start(issuer: &str, client_secret: &str, accounts: &Value) -> Self {
        let port: u16 = issuer
            .rsplit_once(':')
            .and_then(|(_, port)| port.parse().ok())
            .expect("a port");
        let given = json!({
            "port": port,
            "client": { "client_id": CLIENT_ID, "client_secret": client_secret, "redirect_uris": [REDIRECT_URI] },
            "accounts": accounts,
        });
        let mut process = Command::new("node")
            .arg("provider.mjs")
            .current_dir(directory())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .expect("node starts");
        let stdin = process.stdin.as_mut().expect("a pipe");
        writeln!(stdin, "{given}").expect("written");
        let started = Self { process };
        let url = format!("{issuer}/.well-known/openid-configuration");
        let http = Client::new();
        wait_for("the identity provider answers", async || {
            http.get(&url)
                .send()
                .await
                .ok()
                .filter(|answer| answer.status().is_success())
        })
        .await;
        started
    }
}

/// A person's browser at the provider, with its cookies there.
#[derive(Debug)]
pub struct AtProvider {
    http: Client,
    cookies: BTreeMap<String, String>,
}

impl Default for AtProvider {
    fn default() -> Self {
        let http = Client::builder().redirect(Policy::none()).build();
        Self {
            http: http.expect("an HTTP client"),
            cookies: BTreeMap::new(),
        }
    }
}

impl AtProvider {
    /// Signs in with an account, and gives the query with which the browser is sent back.
    ///
    /// # Panics
    /// If the provider does anything else.
    pub async fn signs_in(&mut self, authorization: &str, account: &str) -> String {
        let form = self.form(authorization).await;
        let body = format!("prompt=login&login={account}");
        let answer = self.asks(Method::POST, &form, Some(body)).await;
        let resumed = next(&form, &answer);
        let answer = self.asks(Method::GET, &resumed, None).await;
        query(&next(&resumed, &answer))
    }

    /// Goes away from the form, and gives the query with which the browser is sent back.
    ///
    /// # Panics
    /// If the provider does anything else.
    pub async fn goes_away(&mut self, authorization: &str) -> String {
        let form = self.form(authorization).await;
        let abort = format!("{form}/abort");
        let answer = self.asks(Method::GET, &abort, None).await;
        let resumed = next(&abort, &answer);
        let answer = self.asks(Method::GET, &resumed, None).await;
        query(&next(&resumed, &answer))
    }

    /// The address of the form to which a request for a code leads.
    async fn form(&mut self, authorization: &str) -> String {
        let answer = self.asks(Method::GET, authorization, None).await;
        next(authorization, &answer)
    }

    async fn asks(&mut self, method: Method, url: &str, form: Option<String>) -> Response {
        let cookies: Vec<String> = self
            .cookies
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let mut request = self
            .http
            .request(method, url)
            .header("cookie", cookies.join("; "));
        if let Some(form) = form {
            request = request
                .header("content-type", "application/x-www-form-urlencoded")
                .body(form);
        }
        let answer = request.send().await.expect("an answer of the provider");
        for cookie in answer.headers().get_all("set-cookie") {
            let cookie = cookie.to_str().expect("text");
            let (name, rest) = cookie.split_once('=').expect("a cookie");
            let value = rest.split(';').next().unwrap_or_default();
            self.cookies.insert(name.to_owned(), value.to_owned());
        }
        answer
    }
}

/// Where an answer leads.
fn next(asked: &str, answer: &Response) -> String {
    let status = answer.status();
    let to = answer.headers().get("location");
    let to = to.unwrap_or_else(|| panic!("{asked} leads nowhere: {status}"));
    assert!(
        [StatusCode::SEE_OTHER, StatusCode::FOUND].contains(&status),
        "{status}"
    );
    let asked = Url::parse(asked).expect("a URL");
    let to = asked.join(to.to_str().expect("text")).expect("a URL");
    to.into()
}

/// The query of the address to which people are sent back.
fn query(back: &str) -> String {
    let query = back.strip_prefix(REDIRECT_URI);
    let query = query.and_then(|rest| rest.strip_prefix('?'));
    query.unwrap_or_else(|| panic!("sent to {back}")).to_owned()
}
