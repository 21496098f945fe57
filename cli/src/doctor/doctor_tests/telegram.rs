//! A bot that hears nothing, and chats that it cannot write to.

use domain::notification::place::TelegramChat;
use serde_json::json;

use super::named::names;
use crate::doctor::finding::Verdict;
use crate::doctor::telegram::{self, Refused};

const URL: &str = "https://api.test/api/v1/webhooks/telegram";

pub(super) fn a_bot_that_hears_nothing() -> Vec<String> {
    let mut broken = Vec::new();
    let info = |url: &str| json!({ "url": url, "pending_update_count": 0, "allowed_updates": ["callback_query", "message"] });
    let judge = |told| telegram::judge_webhook("on-call", told, URL);
    assert_eq!(judge(Ok(info(URL))), []);
    names(
        &mut broken,
        "a bot without a webhook",
        &judge(Ok(info(""))),
        Verdict::Fault,
        &["no webhook", "setWebhook with url=https://api.test"],
    );
    names(
        &mut broken,
        "a webhook of another stack",
        &judge(Ok(info("https://other.test"))),
        Verdict::Fault,
        &["presses go to https://other.test", "setWebhook"],
    );
    let mut deaf = info(URL);
    deaf["allowed_updates"] = json!(["message"]);
    names(
        &mut broken,
        "a webhook without presses",
        &judge(Ok(deaf)),
        Verdict::Fault,
        &["presses are not sent", "callback_query"],
    );
    let mut failing = info(URL);
    failing["last_error_message"] = json!("Wrong response from the webhook: 401 Unauthorized");
    failing["pending_update_count"] = json!(4);
    names(
        &mut broken,
        "a webhook that refuses",
        &judge(Ok(failing.clone())),
        Verdict::Fault,
        &["401 Unauthorized", "4 wait", "secret_token"],
    );
    failing["pending_update_count"] = json!(0);
    names(
        &mut broken,
        "a webhook that has refused",
        &judge(Ok(failing)),
        Verdict::Warning,
        &["401 Unauthorized"],
    );
    let refused = Err(Refused::Answer(401, "Unauthorized".into()));
    names(
        &mut broken,
        "a token that is refused",
        &judge(refused),
        Verdict::Fault,
        &["token of the channel on-call is refused", "@BotFather"],
    );
    names(
        &mut broken,
        "a chat service that does not answer",
        &judge(Err(Refused::NoAnswer("timed out".into()))),
        Verdict::Unknown,
        &["timed out"],
    );
    let chat = |topic| TelegramChat {
        chat_id: -100,
        message_thread_id: topic,
        bot_username: None,
        token_secret: None,
        api_url: None,
        messages_per_minute: None,
    };
    let missing = Refused::Answer(400, "Bad Request: chat not found".into());
    let missing = telegram::judge_chat("on-call", &chat(None), Err(missing));
    names(
        &mut broken,
        "a chat without the bot",
        &[missing.expect("a finding")],
        Verdict::Fault,
        &["chat -100", "chat not found", "add the bot"],
    );
    let flat = telegram::judge_chat(
        "on-call",
        &chat(Some(7)),
        Ok(json!({ "type": "supergroup" })),
    );
    names(
        &mut broken,
        "a topic of a chat without topics",
        &[flat.expect("a finding")],
        Verdict::Fault,
        &["names a topic", "message_thread_id"],
    );
    let forum = json!({ "type": "supergroup", "is_forum": true });
    assert_eq!(
        telegram::judge_chat("on-call", &chat(Some(7)), Ok(forum)),
        None
    );
    broken
}
