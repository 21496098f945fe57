//! An hour of silence, made in Alertmanager, for the one alert that an incident was opened with.
//!
//! `POST` and `GET /api/v2/silences`, <https://github.com/prometheus/alertmanager/blob/main/api/v2/openapi.yaml>

use std::time::Duration;

use jiff::Timestamp;
use reqwest::header::{ACCEPT, CONTENT_TYPE};
use reqwest::{Client, Method, RequestBuilder, StatusCode, Url};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use shared::domain::channels::AlertmanagerServer;
use shared::domain::id::IncidentId;
use shared::domain::incident::Incident;
use shared::domain::silence::{ALERTNAME, LASTS, Refusal, Silence, TRIED_FOR, labels, unanswered};
use shared::domain::visible::line;
use shared::message::Message;
use shared::outbound::{NotPublic, PublicClient, Reach, body, reason, refusal};
use shared::secrets::SecretError;
use thiserror::Error;

use crate::{App, Clock, Failure};

/// How long one call may take: two of them fit into the function's time.
const PATIENCE: Duration = Duration::from_secs(8);
/// How much of an answer is read, in bytes: some thousand silences of one alert's name.
const MOST_BYTES: usize = 2 << 20;
/// How much of its words is shown, in characters.
const WORDS: usize = 200;

/// Why there is no silence. No text of it holds a token (`secrets-stay`).
#[derive(Debug, Error)]
pub enum SilenceError {
    /// The operator has not said where it is.
    #[error("channels.json names no Alertmanager")]
    NotConfigured,
    /// It is over, it is not one alert, or Alertmanager has not sent it.
    #[error(transparent)]
    Impossible(#[from] Refusal),
    /// Its token cannot be read.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// It is on an address of its own, and channels.json does not say that it may be.
    #[error(transparent)]
    NotPublic(#[from] NotPublic),
    /// It is down, or what answers is not it: it is tried again.
    #[error("Alertmanager did not answer: {0}")]
    Unreachable(String),
    /// It does not want to, and will not.
    #[error("Alertmanager refuses ({status}): {why}")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// Its words, bounded.
        why: String,
    },
}

impl SilenceError {
    /// True if it may be otherwise in some minutes.
    fn may_pass(&self) -> bool {
        matches!(self, Self::Unreachable(_) | Self::Secret(_))
    }
}

/// The operator's Alertmanager.
#[derive(Debug)]
pub(crate) struct Alertmanager {
    reach: Reach,
    settings: AlertmanagerServer,
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
}

#[derive(Deserialize)]
struct State {
    state: String,
}

impl Alertmanager {
    /// The server of the settings. Neither client follows redirects: the token goes to nobody else.
    pub(crate) fn new(settings: AlertmanagerServer, anywhere: &Client, public: &PublicClient) -> Self {
        Self { reach: Reach::of(settings.private, anywhere, public), settings }
    }

    /// The silence of this incident, if it has one that is not over: a worker may have made it, and died before that was stored.
    async fn find(
        &self,
        token: Option<&SecretString>,
        incident: &IncidentId,
        labels: &[(&str, &str)],
    ) -> Result<Option<Silence>, SilenceError> {
        let mut url = self.url()?;
        for (name, value) in labels.iter().filter(|(name, _)| *name == ALERTNAME) {
            let value = value.replace('\\', r"\\").replace('"', r#"\""#).replace('\n', r"\n");
            url.query_pairs_mut().append_pair("filter", &format!("{name}=\"{value}\""));
        }
        let silences: Vec<Known> = answer(self.request(Method::GET, &url, token)?).await?;
        let own = silences.into_iter().find(|silence| silence.status.state != "expired" && silence.comment.contains(incident.as_str()));
        Ok(own.map(|Known { id, ends_at, created_by, .. }| Silence { id, until: ends_at, by: created_by }))
    }

    async fn create(
        &self,
        token: Option<&SecretString>,
        incident: &IncidentId,
        labels: &[(&str, &str)],
        by: &str,
        now: Timestamp,
    ) -> Result<Silence, SilenceError> {
        let matcher = |(name, value): &(&str, &str)| json!({ "name": name, "value": value, "isRegex": false, "isEqual": true });
        let until = now + LASTS;
        let silence = json!({
            "matchers": labels.iter().map(matcher).collect::<Vec<Value>>(),
            "startsAt": now, "endsAt": until, "createdBy": by, "comment": format!("Quell, incident {incident}"),
        });
        let request = self.request(Method::POST, &self.url()?, token)?;
        let Created { id } = answer(request.header(CONTENT_TYPE, "application/json").body(silence.to_string())).await?;
        Ok(Silence { id, until, by: by.to_owned() })
    }

    fn url(&self) -> Result<Url, SilenceError> {
        let url = format!("{}/api/v2/silences", self.settings.url);
        Url::parse(&url).map_err(|_| SilenceError::Unreachable("its URL in channels.json is none".to_owned()))
    }

    fn request(&self, method: Method, url: &Url, token: Option<&SecretString>) -> Result<RequestBuilder, SilenceError> {
        let request = self.reach.request(method, url)?.timeout(PATIENCE).header(ACCEPT, "application/json");
        Ok(match token {
            Some(token) => request.bearer_auth(token.expose_secret()),
            None => request,
        })
    }
}

/// What it answers. A refusal that may pass is as good as no answer.
async fn answer<T: DeserializeOwned>(request: RequestBuilder) -> Result<T, SilenceError> {
    let response = request.send().await.map_err(|error| match refusal(&error) {
        Some(refusal) => SilenceError::NotPublic(refusal),
        None => SilenceError::Unreachable(reason(error)),
    })?;
    let status = response.status();
    let bytes = body(response, MOST_BYTES).await.map_err(|error| SilenceError::Unreachable(error.to_string()))?;
    if status.is_success() {
        return serde_json::from_slice(&bytes)
            .map_err(|error| SilenceError::Unreachable(format!("its answer is none of its own: {error}")));
    }
    let why = line(&String::from_utf8_lossy(&bytes), WORDS);
    let passes = status.is_server_error() || [StatusCode::REQUEST_TIMEOUT, StatusCode::TOO_MANY_REQUESTS].contains(&status);
    Err(if passes {
        SilenceError::Unreachable(format!("it says {}: {why}", status.as_u16()))
    } else {
        SilenceError::Refused { status: status.as_u16(), why }
    })
}

impl App {
    /// Makes the silence that was asked for last, once. What became of it stands in the log, and on the card.
    pub(crate) async fn silence_asked(&self, id: &IncidentId, clock: Clock<'_>) -> Result<(), Failure> {
        let incident = self.store.known_incident(id).await?;
        let (log, now) = (self.store.log(id).await?, clock());
        if let Some(asked) = unanswered(&log)
            && incident.silenced_until(now).is_none()
        {
            match self.silence(&incident, &asked.actor, now).await {
                Ok(silence) => self.store.change(id, |draft| draft.silenced(silence.clone(), clock())).await?,
                Err(error) if error.may_pass() && now < asked.at + TRIED_FOR => return Err(error.into()),
                Err(error) => self.store.change(id, |draft| draft.not_silenced(&error.to_string(), clock())).await?,
            };
        }
        self.notifications.send(&Message::IncidentChanged { incident_id: id.clone() }).await?;
        Ok(())
    }

    async fn silence(&self, incident: &Incident, by: &str, now: Timestamp) -> Result<Silence, SilenceError> {
        let alertmanager = self.alertmanager.as_ref().ok_or(SilenceError::NotConfigured)?;
        let labels = labels(&incident.alert).filter(|_| incident.can_be_silenced()).ok_or(Refusal::Impossible)?;
        let token = match &alertmanager.settings.token_secret {
            Some(secret) => Some(self.outside.secrets.get(secret).await?),
            None => None,
        };
        if let Some(silence) = alertmanager.find(token.as_ref(), &incident.id, &labels).await? {
            return Ok(silence);
        }
        alertmanager.create(token.as_ref(), &incident.id, &labels, by, now).await
    }
}
