//! Requests to Alertmanager's `/api/v2`,
//! <https://github.com/prometheus/alertmanager/blob/main/api/v2/openapi.yaml>.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use aws::secrets::{SecretError, Secrets};
use domain::alert::silence_matchers::{ALERTNAME, ActiveAlert, Matchers, Others};
use domain::incident::parts::Silence;
use domain::notification::channels::AlertmanagerServer;
use domain::phrase;
use domain::primitives::phrase::Phrase;
use domain::primitives::safe_text::line;
use jiff::{SignedDuration, Timestamp};
use reqwest::header::{ACCEPT, CONTENT_TYPE};
use reqwest::{Client, Method, RequestBuilder, StatusCode, Url};
use secrecy::ExposeSecret as _;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use thiserror::Error;

use crate::{NotPublic, PublicClient, Reach, body, reason, refusal};

/// How long one call may take: the six of a silence fit into the notifier's time and into the lease of a repair that begins.
const PATIENCE: Duration = Duration::from_secs(4);
/// How much of an answer is read, in bytes: some thousand silences of one alert's name, or as many alerts.
const MOST_BYTES: usize = 2 << 20;
/// How much of its words is shown, in characters.
const WORDS: usize = 200;
/// How long a URL may become by filters; what they leave out is compared here.
const URL_BYTES: usize = 4_000;
/// Time after its start until its senders have repeated all alerts: Prometheus does so each minute.
const KNOWS_ALL_AFTER: SignedDuration = SignedDuration::from_mins(5);

/// The labels that tell an alert from all others.
pub type Labels<'a> = [(&'a str, &'a str)];

/// Why Alertmanager did not do what was asked. No text of it holds a token (`secrets-stay`).
#[derive(Debug, Error)]
pub enum AlertmanagerError {
    /// Its token cannot be read.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// It is on an address of its own, and channels.json does not say that it may be.
    #[error(transparent)]
    NotPublic(#[from] NotPublic),
    /// It is down, or what answers is not it.
    #[error("{}", self.phrase())]
    Unreachable(Phrase),
    /// It has just been started, and cannot know yet what fires.
    #[error("{}", self.phrase())]
    JustStarted,
    /// There is nothing to silence.
    #[error("{}", self.phrase())]
    NotActive,
    /// A silence would hide alerts that it is not meant for.
    #[error("{}", self.phrase())]
    HidesOthers(Others),
    /// It does not want to, and will not.
    #[error("{}", self.phrase())]
    Refused { status: u16, why: String },
}

impl AlertmanagerError {
    /// The same for people.
    pub fn phrase(&self) -> Phrase {
        match self {
            Self::Secret(error) => error.phrase(),
            Self::NotPublic(refusal) => refusal.phrase(),
            Self::Unreachable(why) => {
                phrase!("Alertmanager did not answer: {why}", why => why.clone())
            }
            Self::JustStarted => {
                phrase!("Alertmanager has just been started, and may not know all alerts yet")
            }
            Self::NotActive => phrase!(
                "Alertmanager does not have the alert as active: it has resolved, or was sent by another Alertmanager"
            ),
            Self::HidesOthers(others) => phrase!(
                "a silence of this alert would also hide {others}",
                others => others.phrase()
            ),
            Self::Refused { status, why } => {
                phrase!("Alertmanager refuses ({status}): {why}", status, why)
            }
        }
    }

    /// True if it may be otherwise in some minutes.
    pub fn may_pass(&self) -> bool {
        matches!(
            self,
            Self::Unreachable(_) | Self::JustStarted | Self::Secret(_)
        )
    }
}

/// A silence that is wanted.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    pub labels: &'a Labels<'a>,
    /// The fingerprints of alerts that may be hidden with it, because they belong to the same incident.
    pub members: &'a BTreeSet<String>,
    pub until: Timestamp,
    pub by: &'a str,
    /// The comment that identifies it.
    pub comment: &'a str,
}

#[derive(Debug)]
pub struct Alertmanager {
    reach: Reach,
    settings: AlertmanagerServer,
    secrets: Secrets,
}

#[derive(Deserialize)]
struct Created {
    #[serde(rename = "silenceID")]
    id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Known {
    id: String,
    #[serde(default)]
    comment: String,
    created_by: String,
    ends_at: Timestamp,
    status: State,
    matchers: Vec<Matcher>,
}

#[derive(Deserialize)]
struct State {
    state: String,
}

#[derive(Deserialize)]
struct Matcher {
    name: String,
    value: String,
}

#[derive(Deserialize)]
struct Alert {
    fingerprint: String,
    labels: BTreeMap<String, String>,
    status: AlertState,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AlertState {
    silenced_by: Vec<String>,
}

#[derive(Deserialize)]
struct Status {
    /// Since when it runs.
    uptime: Timestamp,
}

impl Alertmanager {
    /// The server of the settings. Neither client follows redirects: the token goes to no other
    /// server.
    pub fn new(
        settings: AlertmanagerServer,
        anywhere: &Client,
        public: &PublicClient,
        secrets: Secrets,
    ) -> Self {
        Self {
            reach: Reach::of(settings.private, anywhere, public),
            settings,
            secrets,
        }
    }

    /// The active alerts with all of these labels, silenced or inhibited or not, each with the ids of its silences. All states are in the
    /// answer by default.
    pub(super) async fn alerts(
        &self,
        labels: &Labels<'_>,
    ) -> Result<Vec<(ActiveAlert, Vec<String>)>, AlertmanagerError> {
        let url = filtered(self.url("alerts")?, labels);
        let alerts: Vec<Alert> = read(self.request(Method::GET, &url).await?).await?;
        let active = |mut alert: Alert| {
            alert.labels.retain(|_, value| !value.is_empty());
            let known = ActiveAlert {
                fingerprint: alert.fingerprint,
                labels: alert.labels,
            };
            (known, alert.status.silenced_by)
        };
        Ok(alerts.into_iter().map(active).collect())
    }

    /// Fails until what it does not know does not fire.
    pub(super) async fn knows_all(&self, now: Timestamp) -> Result<(), AlertmanagerError> {
        let url = self.url("status")?;
        let status: Status = read(self.request(Method::GET, &url).await?).await?;
        if now < status.uptime + KNOWS_ALL_AFTER {
            Err(AlertmanagerError::JustStarted)
        } else {
            Ok(())
        }
    }

    /// The silence with the comment that identifies it, if it was made and has not expired.
    pub(super) async fn find(
        &self,
        wanted: Wanted<'_>,
    ) -> Result<Option<(Silence, Matchers)>, AlertmanagerError> {
        let labels = wanted.labels.iter().copied();
        let named: Vec<(&str, &str)> = labels.filter(|(name, _)| *name == ALERTNAME).collect();
        let url = filtered(self.url("silences")?, &named);
        let silences: Vec<Known> = read(self.request(Method::GET, &url).await?).await?;
        let own = silences
            .into_iter()
            .find(|silence| silence.status.state != "expired" && silence.comment == wanted.comment);
        Ok(own.map(|known| {
            let matchers = known.matchers.into_iter();
            let matchers = matchers.map(|matcher| (matcher.name, matcher.value));
            let silence = Silence {
                id: known.id,
                until: known.ends_at,
                by: known.created_by,
            };
            (silence, matchers.collect())
        }))
    }

    pub(super) async fn create(
        &self,
        wanted: Wanted<'_>,
        matchers: &Matchers,
        now: Timestamp,
    ) -> Result<Silence, AlertmanagerError> {
        let Wanted {
            until, by, comment, ..
        } = wanted;
        let matcher = |(name, value): (&str, &str)| json!({ "name": name, "value": value, "isRegex": false, "isEqual": true });
        let silence = json!({
            "matchers": matchers.iter().map(matcher).collect::<Vec<Value>>(),
            "startsAt": now, "endsAt": until, "createdBy": by, "comment": comment,
        });
        let request = self.request(Method::POST, &self.url("silences")?).await?;
        let request = request.header(CONTENT_TYPE, "application/json");
        let Created { id } = read(request.body(silence.to_string())).await?;
        let by = by.to_owned();
        Ok(Silence { id, until, by })
    }

    /// Ends a silence. One that has ended stays so.
    ///
    /// # Errors
    /// If it may still hold.
    pub async fn expire(&self, id: &str) -> Result<(), AlertmanagerError> {
        let mut url = self.url("silence")?;
        if let Ok(mut path) = url.path_segments_mut() {
            path.push(id);
        }
        let request = self.request(Method::DELETE, &url).await?;
        answer(request).await.map(drop)
    }

    fn url(&self, of: &str) -> Result<Url, AlertmanagerError> {
        let url = format!("{}/api/v2/{of}", self.settings.url);
        Url::parse(&url).map_err(|_| {
            AlertmanagerError::Unreachable(phrase!("its URL in channels.json is none"))
        })
    }

    async fn request(
        &self,
        method: Method,
        url: &Url,
    ) -> Result<RequestBuilder, AlertmanagerError> {
        let request = self
            .reach
            .request(method, url)?
            .timeout(PATIENCE)
            .header(ACCEPT, "application/json");
        let Some(secret) = &self.settings.token_secret else {
            return Ok(request);
        };
        let token = self.secrets.get(secret).await?;
        Ok(request.bearer_auth(token.expose_secret()))
    }
}

/// A URL that filters by as many of these labels as it has room for. The values are quoted, so that
/// each is a value and not an expression.
fn filtered(mut url: Url, labels: &Labels<'_>) -> Url {
    let plain = |name: &str| name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    for (name, value) in labels.iter().filter(|(name, _)| plain(name)) {
        let before = url.clone();
        let value = value
            .replace('\\', r"\\")
            .replace('"', r#"\""#)
            .replace('\n', r"\n");
        url.query_pairs_mut()
            .append_pair("filter", &format!("{name}=\"{value}\""));
        if url.as_str().len() > URL_BYTES {
            url = before;
        }
    }
    url
}

async fn read<T: DeserializeOwned>(request: RequestBuilder) -> Result<T, AlertmanagerError> {
    serde_json::from_slice(&answer(request).await?).map_err(|error| {
        AlertmanagerError::Unreachable(phrase!("its answer is none of its own: {error}", error))
    })
}

/// The body of its answer. A transient refusal is treated like no answer.
async fn answer(request: RequestBuilder) -> Result<Vec<u8>, AlertmanagerError> {
    let response = request
        .send()
        .await
        .map_err(|error| match refusal(&error) {
            Some(refusal) => AlertmanagerError::NotPublic(refusal),
            None => AlertmanagerError::Unreachable(reason(error).into()),
        })?;
    let status = response.status();
    let bytes = body(response, MOST_BYTES)
        .await
        .map_err(|error| AlertmanagerError::Unreachable(error.phrase()))?;
    if status.is_success() {
        return Ok(bytes);
    }
    let why = line(&String::from_utf8_lossy(&bytes), WORDS);
    let passes = status.is_server_error()
        || [StatusCode::REQUEST_TIMEOUT, StatusCode::TOO_MANY_REQUESTS].contains(&status);
    Err(if passes {
        let status = status.as_u16();
        AlertmanagerError::Unreachable(phrase!("it says {status}: {why}", status, why))
    } else {
        AlertmanagerError::Refused {
            status: status.as_u16(),
            why,
        }
    })
}

#[cfg(test)]
mod tests {
    use reqwest::Url;

    use super::{URL_BYTES, filtered};

    #[test]
    fn a_label_is_a_quoted_value_and_a_url_has_its_length() {
        let url = || Url::parse("http://a.test/api/v2/alerts").expect("a URL");
        let asked = filtered(
            url(),
            &[
                ("alertname", "Down"),
                ("path", "C:\\logs \"x\"\n&filter=a=~\".*\""),
            ],
        );
        let filters: Vec<String> = asked
            .query_pairs()
            .map(|(_, value)| value.into_owned())
            .collect();
        assert_eq!(
            filters,
            [
                r#"alertname="Down""#,
                r#"path="C:\\logs \"x\"\n&filter=a=~\".*\"""#
            ]
        );
        let long = "x".repeat(URL_BYTES);
        let asked = filtered(url(), &[("a", &long), ("b", "1")]);
        assert_eq!(
            asked
                .query_pairs()
                .map(|(_, value)| value.into_owned())
                .collect::<Vec<_>>(),
            [r#"b="1""#]
        );
    }
}
