//! Uploads of pictures to Slack: an address is asked for, the bytes go there, and the file is shared
//! in the channel (<https://docs.slack.dev/messaging/working-with-files>).

use domain::primitives::safe_text::cut;
use reqwest::header::CONTENT_TYPE;
use reqwest::{StatusCode, Url};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};
use tokio::time::timeout;

use super::{Answer, CALL_TIMEOUT, LONGEST_FALLBACK, Slack, answer};
use crate::channel::ChannelError;
use crate::render::content::{Picture, Post};

/// The most characters of a picture's description (<https://docs.slack.dev/reference/methods/files.getUploadURLExternal>).
const LONGEST_DESCRIPTION: usize = 1000;

impl Slack {
    /// Shares a picture in the thread of a message, with the post's text beside it; the id of its file. It needs the scope `files:write`.
    ///
    /// # Errors
    /// If Slack did not take it. After [`ChannelError::Unreachable`] it may be there all the same.
    pub async fn picture(
        &self,
        token: &SecretString,
        under: Option<&str>,
        picture: &Picture,
        post: &Post,
    ) -> Result<String, ChannelError> {
        // A worker has time for one call: the three take no longer together.
        timeout(CALL_TIMEOUT, self.upload(token, under, picture, post))
            .await
            .unwrap_or_else(|_| {
                Err(ChannelError::Unreachable(format!(
                    "a picture was not uploaded within {CALL_TIMEOUT:?}"
                )))
            })
    }

    async fn upload(
        &self,
        token: &SecretString,
        under: Option<&str>,
        picture: &Picture,
        post: &Post,
    ) -> Result<String, ChannelError> {
        let description = cut(&post.content.text.plain(), LONGEST_DESCRIPTION);
        let length = picture.png.len().to_string();
        // As a form: this method reads no JSON in every documented version.
        let form = form_urlencoded::Serializer::new(String::new())
            .append_pair("filename", &picture.name)
            .append_pair("length", &length)
            .append_pair("alt_txt", &description)
            .finish();
        let call = self
            .client
            .post(format!("{}/files.getUploadURLExternal", self.base_url))
            .bearer_auth(token.expose_secret())
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(form);
        let Answer {
            upload_url: Some(address),
            file_id: Some(file),
            ..
        } = answer(call).await?
        else {
            return Err(ChannelError::Unreachable(
                "Slack's answer to files.getUploadURLExternal has no upload_url".to_owned(),
            ));
        };
        self.put(&address, picture).await?;
        let mut body = json!({
            "files": [{ "id": file, "title": picture.name }],
            "channel_id": self.channel,
            "initial_comment": cut(&post.content.text.mrkdwn(), LONGEST_FALLBACK),
        });
        if let Some(ts) = under {
            body["thread_ts"] = Value::from(ts);
        }
        self.call(token, "files.completeUploadExternal", &body)
            .await?;
        Ok(file)
    }

    /// Sends the bytes to the address that Slack named. The address itself says who may: no token goes there.
    async fn put(&self, address: &str, picture: &Picture) -> Result<(), ChannelError> {
        let url = upload_url(&self.base_url, address).ok_or_else(|| ChannelError::Refused {
            status: 0,
            why:
                "the upload address that it named is not one of Slack's own: nothing is sent there"
                    .to_owned(),
        })?;
        let call = self
            .client
            .post(url)
            .timeout(CALL_TIMEOUT)
            .header(CONTENT_TYPE, "image/png")
            .body(picture.png.clone());
        let response = call
            .send()
            .await
            .map_err(|error| ChannelError::Unreachable(outbound::reason(error)))?;
        match response.status() {
            StatusCode::OK => Ok(()),
            status if status.is_client_error() => Err(ChannelError::Refused {
                status: status.as_u16(),
                why: "the upload of a picture".to_owned(),
            }),
            status => Err(ChannelError::Unreachable(format!(
                "status {} of an upload",
                status.as_u16()
            ))),
        }
    }
}

/// The address of an upload, if it is one of the Web API's own: its very origin, or TLS to a host below its host, such as
/// `files.slack.com` below `slack.com`.
fn upload_url(api: &str, address: &str) -> Option<Url> {
    let (api, url) = (Url::parse(api).ok()?, Url::parse(address).ok()?);
    let plain = url.username().is_empty() && url.password().is_none();
    let below = format!(".{}", api.host_str()?);
    let is_below = url.scheme() == "https"
        && url.port().is_none()
        && url.domain().is_some_and(|host| host.ends_with(&below));
    (plain && (url.origin() == api.origin() || is_below)).then_some(url)
}

#[cfg(test)]
#[path = "files_tests.rs"]
mod tests;
