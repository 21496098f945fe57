//! Renders a message as Slack's Block Kit, within its limits for any text
//! (<https://docs.slack.dev/reference/block-kit/blocks/>).

use domain::incident::approval::Verdict;
use domain::notification::button_action::ButtonAction;
use serde_json::{Value, json};

use crate::render::content::{Button, Content, Link};
use crate::render::markup::Markup;

/// The most characters in the text of a section, less than Slack's 3000 by what closes and opens a block of code that was cut.
const SECTION: usize = 2990;
/// The most sections. Slack takes fifty blocks, but refuses more than about 13000 characters in all of them together
/// (<https://github.com/slackapi/bolt-js/issues/2509>).
const MOST_SECTIONS: usize = 4;
/// The most blocks of a message.
const MOST_BLOCKS: usize = 50;
/// The most buttons in a block.
const MOST_IN_ROW: usize = 25;
/// The most characters on a button.
const LABEL: usize = 75;
/// What begins and ends code.
const FENCE: &str = "```";

/// The blocks of a message: its text, its buttons by rows, and its pages.
pub(super) fn of(content: &Content, links: &[Link]) -> Vec<Value> {
    let mut blocks = sections(&content.text);
    let pages = pages(links);
    let rows = content
        .buttons
        .iter()
        .flat_map(|row| row.chunks(MOST_IN_ROW));
    let mut number = 0;
    for row in rows.take(MOST_BLOCKS - blocks.len() - pages.iter().len()) {
        let elements: Vec<Value> = row
            .iter()
            .map(|button| {
                number += 1;
                element(button, number)
            })
            .collect();
        blocks.push(json!({ "type": "actions", "elements": elements }));
    }
    blocks.extend(pages);
    blocks
}

/// Links in a line of their own. A button with a URL would also send a payload to the request URL, which has nothing to do with it
/// (<https://docs.slack.dev/reference/block-kit/block-elements/button-element>).
fn pages(links: &[Link]) -> Option<Value> {
    let link = |link: &Link| format!("<{}|{}>", escaped(&link.url), escaped(&link.label));
    let line: Vec<String> = links.iter().map(link).collect();
    (!line.is_empty()).then(|| {
        json!({ "type": "context", "elements": [{ "type": "mrkdwn", "text": line.join(" · "), "verbatim": true }] })
    })
}

/// A text without markup is sent as such, so that Slack looks for none in it.
fn sections(text: &Markup) -> Vec<Value> {
    let (mrkdwn, plain) = (text.mrkdwn(), text.plain());
    if mrkdwn == escaped(&plain) {
        let pieces = pieces(&plain, false);
        return pieces
            .iter()
            .map(|piece| json!({ "type": "section", "text": { "type": "plain_text", "text": piece, "emoji": false } }))
            .collect();
    }
    let pieces = pieces(&mrkdwn, true);
    pieces.iter().map(|piece| json!({ "type": "section", "text": { "type": "mrkdwn", "text": piece, "verbatim": true } })).collect()
}

fn element(button: &Button, number: usize) -> Value {
    let value = button.ask.to_string();
    let label = button.label.trim();
    let label = &label[..fitting(label, LABEL)];
    let label = if label.is_empty() {
        value.split(':').next().unwrap_or_default()
    } else {
        label
    };
    let mut element = json!({
        "type": "button",
        "text": { "type": "plain_text", "text": label, "emoji": true },
        "value": value,
        // Unique within the message.
        "action_id": format!("quell-{number}"),
    });
    match button.ask {
        ButtonAction::Decide(Verdict::Approve, _) => element["style"] = Value::from("primary"),
        ButtonAction::Decide(Verdict::Reject, _) | ButtonAction::Stop(_) => {
            element["style"] = Value::from("danger")
        }
        _ => {}
    }
    element
}

/// A text in which nothing is markup (<https://docs.slack.dev/messaging/formatting-message-text#escaping>).
pub(super) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

/// A text in pieces that fit into a section, cut at the ends of lines where there are any.
fn pieces(text: &str, marked: bool) -> Vec<String> {
    let mut pieces: Vec<String> = Vec::new();
    let (mut rest, mut in_code) = (text, false);
    while !rest.trim().is_empty() && pieces.len() < MOST_SECTIONS {
        let (piece, behind) = rest.split_at(end_of_piece(rest, marked));
        let was_in_code = in_code;
        in_code ^= marked && piece.matches(FENCE).count() % 2 == 1;
        let piece = piece.trim_matches('\n');
        if !piece.trim().is_empty() {
            let (before, after) = (
                if was_in_code { "```\n" } else { "" },
                if in_code { "\n```" } else { "" },
            );
            pieces.push(format!("{before}{piece}{after}"));
        }
        rest = behind;
    }
    if let Some(last) = pieces.last_mut().filter(|_| !rest.trim().is_empty()) {
        last.push_str("\n…");
    }
    pieces
}

/// Where a piece ends that fits.
fn end_of_piece(text: &str, marked: bool) -> usize {
    let fits = fitting(text, SECTION);
    if fits == text.len() {
        return fits;
    }
    let head = &text[..fits];
    if let Some(end) = head.rfind('\n').filter(|end| *end > 0) {
        return end + 1;
    }
    // A link or an escaped character that is cut is none any more.
    let unclosed = |open: char, close: char| {
        head.rfind(open)
            .filter(|at| *at > 0 && !head[*at..].contains(close))
    };
    let begun = if marked {
        unclosed('<', '>')
            .into_iter()
            .chain(unclosed('&', ';'))
            .min()
    } else {
        None
    };
    begun.unwrap_or(fits)
}

/// How many bytes of a text have at most this many UTF-16 units, which are never fewer than its characters.
fn fitting(text: &str, units: usize) -> usize {
    let mut counted = 0;
    let beyond = text.char_indices().find(|(_, c)| {
        counted += c.len_utf16();
        counted > units
    });
    beyond.map_or(text.len(), |(at, _)| at)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use domain::incident::approval::Verdict;
    use domain::notification::button_action::ButtonAction;
    use domain::primitives::id::{ApprovalId, IncidentId};
    use proptest::prelude::{
        ProptestConfig, Strategy, any, prop, prop_assert, prop_oneof, proptest,
    };
    use serde_json::Value;

    use super::{of, pieces};
    use crate::render::content::{Button, Content, Link};
    use crate::render::markup::Markup;

    fn asks() -> Vec<ButtonAction> {
        let id = IncidentId::try_from("01ARZ3NDEKTSV4RRFFQ69G5FAV").expect("an id");
        let approval = ApprovalId::for_plan(&id, &"a1".repeat(32).into());
        vec![
            ButtonAction::Decide(Verdict::Approve, approval.clone()),
            ButtonAction::Decide(Verdict::Reject, approval),
            ButtonAction::Details(id),
        ]
    }

    fn links() -> Vec<Link> {
        let link = |label: &str, url: &str| Link {
            label: label.to_owned(),
            url: url.to_owned(),
        };
        vec![
            link("Decide & run", "https://api.test/a?b=1&c=2"),
            link("Open", "https://api.test/p"),
        ]
    }

    fn units(value: &Value) -> usize {
        value.as_str().expect("a text").encode_utf16().count()
    }

    /// What is wrong with a message's blocks, from the reference of each.
    fn error(blocks: &[Value]) -> Option<String> {
        let mut ids = BTreeSet::new();
        for block in blocks {
            match block["type"].as_str() {
                Some("section") if (1..=3000).contains(&units(&block["text"]["text"])) => {}
                // https://docs.slack.dev/reference/block-kit/blocks/context-block/
                Some("context") if (1..=3000).contains(&units(&block["elements"][0]["text"])) => {}
                Some("actions") => {
                    let elements = block["elements"].as_array().expect("elements");
                    let fits = |element: &Value| {
                        (1..=75).contains(&units(&element["text"]["text"]))
                            && units(&element["value"]) <= 2000
                    };
                    if !(1..=25).contains(&elements.len()) || !elements.iter().all(fits) {
                        return Some(block.to_string());
                    }
                    if !elements
                        .iter()
                        .all(|element| ids.insert(element["action_id"].to_string()))
                    {
                        return Some("an action_id twice".to_owned());
                    }
                }
                _ => return Some(block.to_string()),
            }
        }
        (blocks.len() > 50).then(|| "too many blocks".to_owned())
    }

    fn texts() -> impl Strategy<Value = String> {
        let words = prop_oneof![
            any::<String>(),
            "[a-z&<>;\n`|]{0,40}",
            prop::sample::select(vec!["```", "\n", "🔥", "<https://a.test|x>"])
                .prop_map(str::to_owned)
        ];
        (prop::collection::vec(words, 0..6), 0_usize..150)
            .prop_map(|(words, times)| words.concat().repeat(times))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn the_blocks_of_any_text_are_within_the_limits(
            text in texts(), labels in prop::collection::vec(prop::collection::vec("\\PC{0,90}", 0..3), 0..60)
        ) {
            let asks = asks();
            let button = |(place, label): (usize, String)| Button { label, ask: asks[place % asks.len()].clone() };
            let buttons = labels.into_iter().map(|row| row.into_iter().enumerate().map(button).collect()).collect();
            let content = Content { text: Markup::parse(&text).unwrap_or_else(|_| Markup::text(&text)), buttons };
            let blocks = of(&content, &links());
            prop_assert!(error(&blocks).is_none(), "{:?}", error(&blocks));
        }

        #[test]
        fn what_fits_is_not_cut(lines in prop::collection::vec("[a-z &;]{0,80}", 0..100)) {
            let text = lines.join("\n");
            let all = pieces(&text, false).concat();
            prop_assert!(all.split_whitespace().collect::<String>() == text.split_whitespace().collect::<String>());
        }
    }

    #[test]
    fn a_long_text_is_cut_at_ends_of_lines_and_code_stays_code() {
        let text = format!("before\n```{}```\nafter", "a line of code\n".repeat(300));
        let pieces = pieces(&text, true);
        assert_eq!(pieces.len(), 2);
        assert!(
            pieces[0].ends_with("a line of code\n```")
                && pieces[1].starts_with("```\na line of code\n"),
            "{pieces:?}"
        );
        assert!(
            pieces
                .iter()
                .all(|piece| piece.matches("```").count() % 2 == 0),
            "{pieces:?}"
        );
    }

    #[test]
    fn a_link_and_an_escaped_character_are_never_cut() {
        for end in ["<https://a.test/x?a=1&amp;b=2|a place>", "&amp;"] {
            for before in 2970..2992 {
                let text = format!("{}{end}", "x".repeat(before));
                let pieces = pieces(&text, true);
                assert!(
                    pieces.iter().any(|piece| piece.contains(end)),
                    "{before} {end}: {pieces:?}"
                );
            }
        }
    }

    #[test]
    fn many_buttons_take_more_rows_and_no_more_than_there_may_be() {
        let row = |length| {
            asks()
                .into_iter()
                .cycle()
                .take(length)
                .map(|ask| Button {
                    label: "do".into(),
                    ask,
                })
                .collect::<Vec<_>>()
        };
        let of = |rows: Vec<usize>, links: &[Link]| {
            let content = Content {
                text: Markup::parse("text").expect("markup"),
                buttons: rows.into_iter().map(row).collect(),
            };
            of(&content, links)
        };
        let lengths: Vec<usize> = of(vec![60], &[])
            .iter()
            .skip(1)
            .map(|block| block["elements"].as_array().map_or(0, Vec::len))
            .collect();
        assert_eq!(lengths, [25, 25, 10]);
        assert_eq!(
            (of(vec![1; 80], &[]).len(), of(vec![0, 1], &[]).len()),
            (50, 2)
        );
        let with_links = of(vec![30; 30], &links());
        assert_eq!(error(&with_links), None);
        assert_eq!(with_links.last().expect("blocks")["type"], "context");
    }

    #[test]
    fn pages_are_links_in_the_last_line() {
        let content = Content {
            text: Markup::text("text"),
            buttons: vec![],
        };
        let blocks = of(&content, &links());
        assert_eq!(
            blocks[1]["elements"][0]["text"],
            "<https://api.test/a?b=1&amp;c=2|Decide &amp; run> · <https://api.test/p|Open>"
        );
        assert_eq!(of(&content, &[]).len(), 1);
    }

    #[test]
    fn what_is_left_out_is_said() {
        let pieces = pieces(&"a line\n".repeat(5000), true);
        assert_eq!(pieces.len(), 4);
        assert!(pieces[3].ends_with("\n…"));
    }

    #[test]
    fn nothing_in_a_text_of_others_calls_a_whole_channel() {
        for html in [
            "<b>web-1</b> &lt;!channel&gt; &lt;@U1&gt;",
            "&lt;!channel&gt; &lt;@U1&gt;",
        ] {
            let content = Content {
                text: Markup::parse(html).expect("markup"),
                buttons: vec![],
            };
            let blocks = of(&content, &[]);
            let text = &blocks[0]["text"];
            let words = text["text"].as_str().expect("a text");
            assert!(
                text["type"] == "plain_text" || !words.contains("<!") && !words.contains("<@"),
                "{text}"
            );
        }
    }

    #[test]
    fn buttons_say_what_they_ask_for() {
        let buttons = vec![
            asks()
                .into_iter()
                .map(|ask| Button {
                    label: "do".into(),
                    ask,
                })
                .collect(),
        ];
        let content = Content {
            text: Markup::parse("text").expect("markup"),
            buttons,
        };
        let blocks = of(&content, &[]);
        let elements = blocks[1]["elements"].as_array().expect("buttons");
        let styles: Vec<&str> = elements
            .iter()
            .map(|element| element["style"].as_str().unwrap_or("none"))
            .collect();
        assert_eq!(styles, ["primary", "danger", "none"]);
        let values: Vec<Option<ButtonAction>> = elements
            .iter()
            .map(|element| element["value"].as_str().and_then(ButtonAction::read))
            .collect();
        assert_eq!(values, asks().into_iter().map(Some).collect::<Vec<_>>());
    }
}
