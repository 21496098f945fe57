//! Tests of charts below cards: once, without a sound, and never in the way of a card.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::analysis::Severity;
use domain::analysis::evidence::{Evidence, Found, Measurement, Series, Source};
use domain::incident::Status;
use domain::incident::operation_log::{Entry, Event};
use domain::primitives::id::IncidentId;
use jiff::{SignedDuration, Timestamp};
use resvg::tiny_skia::Pixmap;
use serde_json::{Value, json};
use tests::alert::unique;
use tests::opened::{alert, opened};
use tests::stack::Stack;

use super::dialogue::own::Own;

const TELEGRAM: &str = "chart-chat";
const SLACK: &str = "chart-channel";

/// A chat of Telegram in English and a channel of Slack in Chinese, both of the story's own.
struct Story<'a> {
    own: Own<'a>,
    chat: i64,
    channel: String,
}

impl<'a> Story<'a> {
    async fn with(stack: &'a Stack, charts: Option<bool>) -> Self {
        let random = ulid::Ulid::generate().random();
        let chat = i64::try_from(random % 1_000_000_000_000).expect("a small number") + 1;
        let channel = format!("C{chat}");
        stack.control("join", &json!({ "chat_id": chat })).await;
        stack.slack("join", &json!({ "channel": channel })).await;
        let slack = &stack.facts.slack;
        let telegram = json!({ "chat_id": chat, "api_url": stack.facts.telegram.base_url, "messages_per_minute": 600 });
        let in_slack = json!({ "channel_id": channel, "token_secret": slack.token_secret, "api_url": slack.base_url });
        let file = json!({
            "time_zone": "Asia/Taipei",
            "channels": [
                { "name": TELEGRAM, "charts": charts, "to": { "telegram": telegram } },
                { "name": SLACK, "language": "zh-TW", "charts": charts, "to": { "slack": in_slack } },
            ],
            "routes": [{ "channels": [TELEGRAM, SLACK] }],
        });
        Self {
            own: Own::with(stack, &file).await,
            chat,
            channel,
        }
    }

    fn stack(&self) -> &Stack {
        self.own.stack
    }

    /// An incident of an alert whose value was measured, which nobody is told of yet.
    async fn incident(&self) -> IncidentId {
        let mut change = opened(&alert(&unique("chart")), 0);
        change.incident.status = Status::NeedsHuman;
        change.incident.severity = Severity::P0;
        change.incident.evidence = vec![measured(Timestamp::now())];
        self.stack().store.save(change).await.expect("saved").id
    }

    async fn telegram(&self) -> Vec<Value> {
        let messages = self
            .stack()
            .control("messages", &json!({ "chat_id": self.chat }))
            .await;
        messages["messages"].as_array().expect("a list").clone()
    }

    async fn slack(&self) -> Vec<Value> {
        let messages = self
            .stack()
            .slack("messages", &json!({ "channel": self.channel }))
            .await;
        messages["messages"].as_array().expect("a list").clone()
    }

    /// How often the chat was sent a picture, whatever came of it.
    async fn tries(&self) -> usize {
        let calls = self.stack().control("calls", &json!({})).await;
        let here = |call: &&Value| {
            call["method"] == "sendPhoto"
                && call["parameters"]["chat_id"] == self.chat.to_string().as_str()
        };
        let calls = calls["calls"].as_array().expect("a list");
        calls.iter().filter(here).count()
    }

    /// The entries of an incident's log that tell of charts.
    async fn told(&self, id: &IncidentId) -> Vec<Entry> {
        let log = self.stack().store.log(id).await.expect("the log");
        let is_chart = |entry: &Entry| {
            matches!(
                entry.event,
                Event::TelegramChartSent | Event::SlackChartSent
            )
        };
        log.into_iter().filter(is_chart).collect()
    }

    async fn fail(&self, mut fault: Value) {
        fault["chat_id"] = json!(self.chat);
        fault["method"] = json!("sendPhoto");
        self.stack().control("fail", &fault).await;
    }

    /// Later both channels look at what is due.
    async fn later(&self, seconds: i64) {
        self.own.later(seconds, TELEGRAM).await;
        self.own.later(0, SLACK).await;
    }
}

/// What was measured of an alert's own value by this time.
fn measured(end: Timestamp) -> Evidence {
    let points: Vec<Option<f64>> = (0..73_u32)
        .map(|n| (n != 30).then(|| 20.0 + f64::from(n)))
        .collect();
    let measurement = Measurement {
        limit: Some("> 90".to_owned()),
        series: Series::of(end, 300, &points),
        ..Measurement::of("queue_depth{job=\"worker\"}", "%", &[92.0]).expect("a number")
    };
    Evidence {
        source: Source::Prometheus,
        asked: "queue_depth".into(),
        at: end,
        duration_ms: 1,
        found: Found::Measured {
            measurements: vec![measurement],
            link: None,
        },
    }
}

/// The sides of a picture that a stand-in has kept, in pixels.
fn size(file: &Value) -> (u32, u32) {
    let text = file["base64"].as_str().expect("the picture");
    let png = STANDARD.decode(text).expect("base64");
    assert!(png.len() < 60_000, "{} bytes", png.len());
    let picture = Pixmap::decode_png(&png).expect("a PNG");
    (picture.width(), picture.height())
}

#[tokio::test]
async fn a_chart_is_sent_once_below_the_card_without_a_sound() {
    let stack = Stack::start();
    let story = Story::with(&stack, None).await;
    let id = story.incident().await;
    story.own.changed(&id).await;

    let messages = story.telegram().await;
    let [card, chart] = messages.as_slice() else {
        panic!("a card and its chart: {messages:#?}")
    };
    assert_eq!(chart["reply_to_message_id"], card["message_id"]);
    assert_eq!(
        (
            &chart["disable_notification"],
            &card["disable_notification"]
        ),
        (&json!(true), &json!(false))
    );
    assert_eq!(size(&chart["photo"]), (1280, 600));
    assert_eq!(
        chart["text"],
        "📈 queue_depth{job=\"worker\"}: newest value 92 %, alerts at > 90; from 20 to 92 in 6 h"
    );

    let messages = story.slack().await;
    let [card, chart] = messages.as_slice() else {
        panic!("a card and its chart: {messages:#?}")
    };
    assert_eq!(chart["thread_ts"], card["ts"]);
    assert_eq!(size(&chart["files"][0]), (1280, 600));
    let caption =
        "queue_depth{job=\"worker\"}`：最新值 *92 %*，告警門檻 &gt; 90，6 小時內介於 20 至 92";
    let text = chart["text"].as_str().expect("a text");
    assert!(text.ends_with(caption), "{text}");
    let description = chart["files"][0]["alt_txt"].as_str().expect("a text");
    assert!(description.contains("最新值 92 %"), "{description}");

    let told = story.told(&id).await;
    assert_eq!(told.len(), 2, "{told:#?}");
    for entry in &told {
        assert_eq!(entry.context["picture"], true, "{entry:?}");
    }

    // Whatever else happens to it, the picture is there; and what is over needs none.
    story.own.changed(&id).await;
    let note =
        |change: &mut domain::incident::change::IncidentChange| change.incident.hit_count = 9;
    stack.store.change(&id, note).await.expect("changed");
    story.own.changed(&id).await;
    story.later(901).await;
    assert_eq!(
        (story.telegram().await.len(), story.slack().await.len()),
        (2, 2)
    );

    // It fires again, and is analysed anew: that is another picture.
    let again = |change: &mut domain::incident::change::IncidentChange| {
        change.incident.flaps = 1;
        change.incident.evidence = vec![measured(Timestamp::now() + SignedDuration::from_mins(5))];
    };
    stack.store.change(&id, again).await.expect("changed");
    story.own.changed(&id).await;
    story.later(31).await;
    assert_eq!(
        (story.telegram().await.len(), story.slack().await.len()),
        (3, 3)
    );
    assert_eq!((story.tries().await, story.told(&id).await.len()), (2, 4));
}

#[tokio::test]
async fn a_channel_without_charts_gets_none() {
    let stack = Stack::start();
    let story = Story::with(&stack, Some(false)).await;
    let id = story.incident().await;
    story.own.changed(&id).await;
    story.later(61).await;
    assert_eq!(
        (story.telegram().await.len(), story.slack().await.len()),
        (1, 1)
    );
    assert_eq!((story.tries().await, story.told(&id).await.len()), (0, 0));
}

#[tokio::test]
async fn a_refused_chart_is_a_text_and_holds_up_no_card() {
    let stack = Stack::start();
    let story = Story::with(&stack, None).await;
    let refusal = json!({ "error_code": 400, "description": "Bad Request: IMAGE_PROCESS_FAILED", "count": 1_000 });
    story.fail(refusal).await;
    stack
        .slack("scopes", &json!({ "scopes": ["chat:write"] }))
        .await;
    let ids = [story.incident().await, story.incident().await];
    for id in &ids {
        story.own.changed(id).await;
    }
    story.later(901).await;
    story.later(901).await;
    let scopes = json!({ "scopes": ["chat:write", "files:write"] });
    stack.slack("scopes", &scopes).await;
    story.later(901).await;

    let messages = story.telegram().await;
    assert_eq!(
        messages.len(),
        4,
        "two cards, and a text for each: {messages:#?}"
    );
    let texts = messages.iter().filter(|message| {
        message["text"]
            .as_str()
            .is_some_and(|text| text.contains("newest value 92 %"))
    });
    let texts: Vec<&Value> = texts.collect();
    assert_eq!(texts.len(), 2);
    for text in texts {
        assert!(
            text["photo"].is_null() && !text["reply_to_message_id"].is_null(),
            "{text}"
        );
        assert_eq!(text["disable_notification"], true);
    }
    assert_eq!(story.tries().await, 2, "each picture was tried once");
    let messages = story.slack().await;
    let texts = messages
        .iter()
        .filter(|message| !message["thread_ts"].is_null() && message["files"].is_null());
    assert_eq!((messages.len(), texts.count()), (4, 2), "{messages:#?}");
    for id in &ids {
        let told = story.told(id).await;
        let as_texts = told
            .iter()
            .filter(|entry| entry.context["picture"] == false);
        assert_eq!((told.len(), as_texts.count()), (2, 2), "{told:#?}");
    }
}

#[tokio::test]
async fn a_chart_whose_answer_is_lost_is_sent_once_more() {
    let stack = Stack::start();
    let story = Story::with(&stack, None).await;
    story
        .fail(json!({ "error_code": 502, "apply": true, "count": 1_000 }))
        .await;
    let first = story.incident().await;
    story.own.changed(&first).await;
    assert_eq!(story.telegram().await.len(), 2);
    // The chat goes on meanwhile.
    let second = story.incident().await;
    story.own.changed(&second).await;
    let cards = |messages: &[Value]| {
        let is_card = |message: &&Value| message["photo"].is_null();
        messages.iter().filter(is_card).count()
    };
    assert_eq!(cards(&story.telegram().await), 2);
    for _ in 0..4 {
        story.later(901).await;
    }
    let messages = story.telegram().await;
    assert_eq!(
        (messages.len(), cards(&messages)),
        (6, 2),
        "each chart twice at most"
    );
    assert_eq!(story.tries().await, 4);
    for id in [&first, &second] {
        let told = story.told(id).await;
        let [told] = told.as_slice() else {
            panic!("Slack's alone: {told:#?}")
        };
        assert_eq!(told.event, Event::SlackChartSent);
    }
}
