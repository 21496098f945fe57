//! Every answer that is not a 2xx: a problem document (RFC 9457) with the fault, its place and a
//! remedy.

use access::AccessError;
use aws::metrics::MetricsLine;
use aws::queue::QueueError;
use aws::secrets::SecretError;
use domain::incident::approval::Refusal;
use domain::notification::button_reply::ButtonReply;
use domain::notification::words::words;
use domain::primitives::language::Language;
use domain::transition::response::ResponseRefusal;
use intake::IntakeError;
use lambda_http::http::{HeaderMap, HeaderValue, StatusCode, header};
use lambda_http::{Body, Response};
use store::StoreError;
use thiserror::Error;
use wire::problem;

/// Why a request is not answered with a 2xx. `durable-ack` decides the status: a 4xx where the caller has to change
/// something, a 503 where trying again helps. Senders retry only the latter.
#[derive(Debug, Error)]
pub enum Rejection {
    /// No credential, or a wrong one.
    #[error("{0}")]
    Unauthenticated(&'static str),
    /// A change in a session of the console that may come from another site's page.
    #[error("{0}")]
    Forged(&'static str),
    /// The form of a decision holds no token that may decide.
    #[error("the form does not hold a token that may decide")]
    NotSignedIn,
    /// No secret is configured, so no request can be let in.
    #[error(
        "the secret for this route has no value, so that every request is refused; put one there, see docs/security.md"
    )]
    NoSecret,
    /// There is nothing at this path.
    #[error("there is nothing at {0}")]
    NoRoute(String),
    /// There is, but not with this method.
    #[error("{path} takes {allowed} only")]
    WrongMethod { path: String, allowed: String },
    /// The body, or what is made of it, is too large.
    #[error("{what} has {bytes} bytes; {most} is the most")]
    TooLarge {
        what: &'static str,
        /// How large it is.
        bytes: usize,
        /// How large it may be.
        most: usize,
    },
    /// The body is not what the route takes.
    #[error("{}{why}", at.as_ref().map(|at| format!("{at}: ")).unwrap_or_default())]
    Malformed {
        /// The place in the body, such as `alerts[3].labels.pod`.
        at: Option<String>,
        /// What is wrong with it.
        why: String,
    },
    /// There is no such approval.
    #[error("there is no approval with this id")]
    NoApproval,
    /// There is no such incident.
    #[error("there is no incident with this id")]
    NoIncident,
    /// A responder's action is not possible, or not for this person.
    #[error(transparent)]
    NotPossible(ResponseRefusal),
    /// The person may not switch repairs off.
    #[error(
        "you may not switch repairs off: kill_switch of a person in channels.json says who may"
    )]
    MayNotStopRepairs,
    /// The approval cannot be decided on, or not by this person.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The press comes from a channel of Slack that channels.json does not name.
    #[error("this channel of Slack is none of channels.json")]
    UnknownChannel,
    /// The time of the request ran out before every alert of a delivery was counted.
    #[error(
        "the time ran out after {counted} of {fingerprints} fingerprints were counted; send the delivery again: the next try gets further"
    )]
    OutOfTime {
        /// How many were counted.
        counted: usize,
        /// How many there are.
        fingerprints: usize,
    },
    /// The time of the request ran out before every incident of a storm or an alert group was changed.
    #[error(
        "the time ran out after {done} of {of} incidents; send it again: the next try gets further"
    )]
    Unfinished {
        /// How many were changed, or need no change.
        done: usize,
        /// How many there are.
        of: usize,
    },
    /// A passing fault. What is inside is logged and not shown.
    #[error("the alert could not be stored and queued right now; send it again")]
    Passing(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl From<StoreError> for Rejection {
    fn from(error: StoreError) -> Self {
        Self::Passing(Box::new(error))
    }
}

impl From<AccessError> for Rejection {
    fn from(error: AccessError) -> Self {
        match error {
            AccessError::Unauthenticated(why) => Self::Unauthenticated(why),
            AccessError::MayNot => Self::Refused(Refusal::NotAllowed),
            AccessError::Forged(why) => Self::Forged(why),
            AccessError::Store(error) => error.into(),
        }
    }
}

impl From<QueueError> for Rejection {
    fn from(error: QueueError) -> Self {
        Self::Passing(Box::new(error))
    }
}

impl From<IntakeError> for Rejection {
    fn from(error: IntakeError) -> Self {
        match error {
            IntakeError::OutOfTime {
                counted,
                fingerprints,
            } => Self::OutOfTime {
                counted,
                fingerprints,
            },
            other => Self::Passing(Box::new(other)),
        }
    }
}

impl From<SecretError> for Rejection {
    fn from(error: SecretError) -> Self {
        match error {
            SecretError::NoValue { .. } => Self::NoSecret,
            SecretError::Unavailable { .. } => Self::Passing(Box::new(error)),
        }
    }
}

impl Rejection {
    /// A fault at a place in the body.
    pub(crate) fn malformed(at: &str, why: impl Into<String>) -> Self {
        Self::Malformed {
            at: Some(at.to_owned()),
            why: why.into(),
        }
    }

    /// The status, and the last part of the problem's `type`. Both are stable.
    pub fn kind(&self) -> (StatusCode, &'static str) {
        match self {
            Self::Unauthenticated(_) | Self::NotSignedIn => {
                (StatusCode::UNAUTHORIZED, "unauthenticated")
            }
            Self::Forged(_) | Self::MayNotStopRepairs => (StatusCode::FORBIDDEN, "not-allowed"),
            // The sender did nothing wrong, and what it keeps trying to deliver gets in once the operator has put the secret.
            Self::NoSecret => (StatusCode::SERVICE_UNAVAILABLE, "no-secret"),
            Self::NoRoute(_) => (StatusCode::NOT_FOUND, "no-route"),
            Self::WrongMethod { .. } => (StatusCode::METHOD_NOT_ALLOWED, "wrong-method"),
            Self::TooLarge { .. } => (StatusCode::PAYLOAD_TOO_LARGE, "too-large"),
            Self::Malformed { .. } => (StatusCode::BAD_REQUEST, "malformed"),
            Self::NoApproval => (StatusCode::NOT_FOUND, "no-approval"),
            Self::NoIncident => (StatusCode::NOT_FOUND, "no-incident"),
            Self::NotPossible(ResponseRefusal::NotListed) => (StatusCode::FORBIDDEN, "not-allowed"),
            Self::NotPossible(_) => (StatusCode::CONFLICT, "not-possible"),
            Self::Refused(Refusal::Decided { .. }) => (StatusCode::CONFLICT, "already-decided"),
            Self::Refused(Refusal::Expired { .. }) => (StatusCode::CONFLICT, "expired"),
            Self::Refused(
                Refusal::NotListed | Refusal::NotAllowed | Refusal::OtherChat | Refusal::NeedsPress,
            ) => (StatusCode::FORBIDDEN, "not-allowed"),
            Self::Refused(Refusal::Void { .. } | Refusal::NotThisPlan) => {
                (StatusCode::CONFLICT, "void")
            }
            Self::UnknownChannel => (StatusCode::FORBIDDEN, "unknown-channel"),
            Self::OutOfTime { .. } | Self::Unfinished { .. } => {
                (StatusCode::SERVICE_UNAVAILABLE, "out-of-time")
            }
            Self::Passing(_) => (StatusCode::SERVICE_UNAVAILABLE, "unavailable"),
        }
    }

    /// What the request's line in the log tells of it. Never the body, a part of which is in some
    /// of the sentences.
    pub(crate) fn tell(&self, line: &mut MetricsLine) {
        let (status, kind) = self.kind();
        line.metric(
            if status.is_server_error() {
                "failed"
            } else {
                "refused"
            },
            1,
            "Count",
        );
        line.field("problem", kind);
        match self {
            Self::Unauthenticated(why) | Self::Forged(why) => line.field("why", *why),
            Self::OutOfTime { .. } | Self::TooLarge { .. } | Self::NoSecret => {
                line.field("why", self.to_string())
            }
            _ => {}
        }
    }

    /// The sentence for a person who reads this language.
    pub(crate) fn said(&self, language: Language) -> String {
        let page = |key: &str| words(language).text("page", key).to_owned();
        let fill = |key: &str, fields: &[(&str, &str)]| words(language).fill("page", key, fields);
        match self {
            Self::NotSignedIn => page("not_signed_in"),
            Self::Unauthenticated(_) | Self::Forged(_) => page("reload"),
            Self::NoApproval => ButtonReply::NoApproval.words(language),
            Self::NoIncident => ButtonReply::NoIncident.words(language),
            Self::MayNotStopRepairs => ButtonReply::MayNotStopRepairs.words(language),
            Self::Refused(refusal) => ButtonReply::from(refusal.clone()).words(language),
            Self::NotPossible(refusal) => words(language).say(&refusal.phrase()),
            Self::NoSecret => page("no_key"),
            Self::Passing(_) => page("try_again"),
            Self::Unfinished { done, of } => {
                let (done, of) = (done.to_string(), of.to_string());
                fill("unfinished", &[("done", &done), ("of", &of)])
            }
            Self::NoRoute(_) | Self::WrongMethod { .. } => page("no_route"),
            Self::UnknownChannel => page("unknown_channel"),
            Self::TooLarge { bytes, most, .. } => {
                let (bytes, most) = (bytes.to_string(), most.to_string());
                fill("too_large", &[("bytes", &bytes), ("most", &most)])
            }
            // The fault itself is in the terms of JSON.
            Self::Malformed { .. } => fill("malformed", &[("fault", &self.to_string())]),
            // Of deliveries, which programs send.
            Self::OutOfTime { .. } => self.to_string(),
        }
    }

    /// A problem document. Who asks for another language, as the console does for its reader, gets its detail in that; programs, which
    /// ask for none, in English.
    pub fn into_response(self, language: Language) -> Response<Body> {
        let (status, kind) = self.kind();
        let detail = match language {
            Language::English => self.to_string(),
            other => self.said(other),
        };
        let at = match &self {
            Self::Malformed { at, .. } => at.as_deref(),
            _ => None,
        };
        let title = status.canonical_reason().unwrap_or_default();
        let document = problem::document(kind, (status.as_u16(), title), &detail, at);
        let mut response = Response::new(Body::from(document));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static(problem::MEDIA_TYPE),
        );
        match &self {
            Self::Unauthenticated(_) => drop(headers.insert(
                header::WWW_AUTHENTICATE,
                HeaderValue::from_static("Bearer, Basic"),
            )),
            Self::WrongMethod { allowed, .. } => drop(
                HeaderValue::from_str(allowed)
                    .map(|allowed| headers.insert(header::ALLOW, allowed)),
            ),
            _ => {}
        }
        self.invite(headers);
        response
    }

    /// Says when to come again, where that helps.
    pub(crate) fn invite(&self, headers: &mut HeaderMap) {
        if self.kind().0 == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("2"));
        }
    }
}

#[cfg(test)]
mod tests {
    use domain::incident::approval::Refusal;
    use domain::phrase;
    use domain::primitives::language::Language;
    use domain::transition::response::ResponseRefusal;
    use lambda_http::Body;

    use super::Rejection;

    fn detail(rejection: Rejection, language: Language) -> String {
        let response = rejection.into_response(language);
        let Body::Text(text) = response.into_body() else {
            panic!("a document")
        };
        let document: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        document["detail"].as_str().expect("a detail").to_owned()
    }

    #[test]
    fn a_refusal_is_said_in_the_language_that_is_asked_for() {
        let over = || ResponseRefusal::NotPossible(phrase!("it is over"));
        type Case<'a> = (fn() -> Rejection, &'a str, &'a str);
        let cases: [Case<'_>; 7] = [
            (
                || Rejection::NotPossible(ResponseRefusal::NotListed),
                "you are not on the list of people who may decide",
                "您不在可決定人員的名單中",
            ),
            (
                || Rejection::Refused(Refusal::NotAllowed),
                "the rules do not let you decide on this plan",
                "依目前規則，您無權決定這項計畫。",
            ),
            (
                || Rejection::NoIncident,
                "there is no incident with this id",
                "找不到這個事件。",
            ),
            (
                || Rejection::Passing("table quell-prod is away".into()),
                "the alert could not be stored and queued right now; send it again",
                "目前無法處理，請再試一次。",
            ),
            (
                || Rejection::malformed("note", "invalid type: integer `3`, expected a string"),
                "note: invalid type: integer `3`, expected a string",
                "請求的內容有誤：note: invalid type: integer `3`, expected a string",
            ),
            (
                || Rejection::TooLarge {
                    what: "the body",
                    bytes: 600_000,
                    most: 524_288,
                },
                "the body has 600000 bytes; 524288 is the most",
                "內容有 600000 位元組，上限為 524288 位元組。",
            ),
            (
                || Rejection::Unfinished { done: 3, of: 7 },
                "the time ran out after 3 of 7 incidents; send it again: the next try gets further",
                "時間用盡：7 起事件中已處理 3 起，請再操作一次以完成其餘事件。",
            ),
        ];
        for (rejection, english, chinese) in cases {
            assert_eq!(detail(rejection(), Language::English), english);
            assert_eq!(detail(rejection(), Language::TraditionalChinese), chinese);
        }
        let over = detail(Rejection::NotPossible(over()), Language::TraditionalChinese);
        assert_eq!(over, "事件已結束");
    }
}
