//! Tests of every markup format, and that text from outside is never markup in any of them.

use proptest::prelude::{Strategy, any, prop, prop_oneof, proptest};
use proptest::prop_assert_eq;

use super::{Markup, MarkupFault, Span, escape};

fn read(html: &str) -> Markup {
    Markup::parse(html).expect("markup that is allowed")
}

#[test]
fn each_format_writes_the_same_text_in_its_own_way() {
    let html = "<b>P1</b> a &lt; b &amp; c\n<i>why</i> <code>rm *_`x`</code> <a href=\"https://a.test/?a=1&amp;b=2\">trace</a> &#x27;q&#39;";
    let text = read(html);
    assert_eq!(
        text.telegram(),
        html.replace("&#x27;", "'").replace("&#39;", "'")
    );
    assert_eq!(
        text.mrkdwn(),
        "*P1* a &lt; b &amp; c\n_why_ `rm *_ˋxˋ` <https://a.test/?a=1&amp;b=2|trace> 'q'"
    );
    assert_eq!(
        text.plain(),
        "P1 a < b & c\nwhy rm *_`x` trace (https://a.test/?a=1&b=2) 'q'"
    );
}

#[test]
fn an_email_has_only_tags_that_every_mail_program_shows() {
    let text = read(
        "<b>P1</b> &lt;img src=x&gt;\n<i>why</i> <code>a\nb &amp;&amp; c</code> <a href=\"https://a.test/?a=1&amp;b=2\">trace</a>",
    );
    assert_eq!(
        text.html(),
        "<b>P1</b> &lt;img src=x&gt;<br>\n<i>why</i> <code>a<br>\nb &amp;&amp; c</code> <a href=\"https://a.test/?a=1&amp;b=2\">trace</a>"
    );
}

#[test]
fn what_slack_would_take_for_markup_only_looks_like_it() {
    let cases = [
        ("*bold* _it_ ~gone~ `code`", "∗bold∗ ˍitˍ ∼gone∼ ˋcodeˋ"),
        ("restart_count of my_app", "restart_count of my_app"),
        ("> quoted\n> too, 5 > 4", "› quoted\n› too, 5 &gt; 4"),
        (
            "<!channel> <@U1> <https://a.test|b>",
            "&lt;!channel&gt; &lt;@U1&gt; &lt;https://a.test|b&gt;",
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(Markup::text(text).mrkdwn(), expected);
    }
    assert_eq!(
        read("<b></b>x").mrkdwn(),
        "x",
        "an empty part would show its marks"
    );
}

#[test]
fn nothing_but_the_few_tags_is_taken() {
    type Fits = fn(&MarkupFault) -> bool;
    let cases: [(&str, Fits); 16] = [
        ("<u>x</u>", |fault| matches!(fault, MarkupFault::Tag(_))),
        ("<B>x</B>", |fault| matches!(fault, MarkupFault::Tag(_))),
        ("<b class=\"x\">x</b>", |fault| {
            matches!(fault, MarkupFault::Tag(_))
        }),
        ("<a href='https://a.test'>x</a>", |fault| {
            matches!(fault, MarkupFault::Tag(_))
        }),
        ("<a href=\"https://a.test\" x=\"y\">x</a>", |fault| {
            matches!(fault, MarkupFault::Tag(_))
        }),
        ("<a href=\"javascript:x\">x</a>", |fault| {
            matches!(fault, MarkupFault::Link(_))
        }),
        ("<a href=\"https://a.test/\n\">x</a>", |fault| {
            matches!(fault, MarkupFault::Link(_))
        }),
        ("a < b", |fault| matches!(fault, MarkupFault::Bracket('<'))),
        ("a > b", |fault| matches!(fault, MarkupFault::Bracket('>'))),
        ("a & b", |fault| matches!(fault, MarkupFault::Entity(_))),
        ("&bogus;", |fault| matches!(fault, MarkupFault::Entity(_))),
        ("&#xd800;", |fault| matches!(fault, MarkupFault::Entity(_))),
        ("<b>x", |fault| matches!(fault, MarkupFault::Unclosed("b"))),
        ("x</b>", |fault| matches!(fault, MarkupFault::Unopened(_))),
        ("<b><i>x</b></i>", |fault| {
            matches!(fault, MarkupFault::Unopened(_))
        }),
        ("<code><b>x</b></code>", |fault| {
            matches!(fault, MarkupFault::Nested(_, "code"))
        }),
    ];
    for (html, fits) in cases {
        let error = Markup::parse(html).expect_err(html);
        assert!(fits(&error.kind), "{html}: {error:?}");
    }
}

#[test]
fn a_cut_splits_no_character_and_no_tag() {
    let text = read("<b>ab🔥</b><code>&lt;&lt;</code>\n<i>end</i>");
    // 🔥 is two code units.
    assert_eq!(text.units(), 10);
    let cuts = [
        "",
        "…",
        "<b>a</b>…",
        "<b>ab</b>…",
        "<b>ab</b>…",
        "<b>ab🔥</b>…",
        "<b>ab🔥</b><code>&lt;</code>…",
    ];
    for (most, expected) in cuts.into_iter().enumerate() {
        assert_eq!(text.clone().cut(most).telegram(), expected, "{most}");
    }
    assert_eq!(text.clone().cut(10), text);
}

/// Texts as they come from outside: with markup of every format, or of any characters.
fn outside() -> impl Strategy<Value = String> {
    const PIECES: [&str; 22] = [
        "<b>",
        "</b>",
        "<a href=\"https://evil.test\">",
        "</a>",
        "&lt;",
        "&",
        "*",
        "_",
        "~",
        "`",
        "<!here>",
        "|",
        "\n",
        "> ",
        "🔥",
        "\u{202e}",
        "word",
        " ",
        "]]>",
        "{{ id }}",
        "{% raw %}",
        "\u{5d0}",
    ];
    let piece = prop_oneof![
        prop::sample::select(&PIECES[..]).prop_map(str::to_owned),
        any::<char>().prop_map(String::from)
    ];
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

/// How many parts of each kind there are: bold, italic, code, link.
fn parts(spans: &[Span]) -> [usize; 4] {
    let mut counts = [0; 4];
    for span in spans {
        let (kind, inner): (_, &[Span]) = match span {
            Span::Bold(inner) => (0, inner),
            Span::Italic(inner) => (1, inner),
            Span::Code(_) => (2, &[]),
            Span::Link { spans, .. } => (3, spans),
            Span::Text(_) | Span::Break | Span::Mention(_) => continue,
        };
        counts[kind] += 1;
        parts(inner)
            .iter()
            .zip(&mut counts)
            .for_each(|(more, count)| *count += more);
    }
    counts
}

proptest! {
    #[test]
    fn a_text_from_outside_is_never_markup(one in outside(), two in outside(), most in 0_usize..200) {
        let (mut first, mut second) = (String::new(), String::new());
        escape(&one, &mut first);
        escape(&two, &mut second);
        let html = format!("<b>x{first}</b> <i>{second}y</i> <code>z{first}</code> <a href=\"https://a.test\">w{second}</a> {first}");
        let text = Markup::parse(&html).expect("escaped");
        prop_assert_eq!(parts(&text.spans), [1, 1, 1, 1]);
        prop_assert_eq!(text.plain(), format!("x{one} {two}y z{one} w{two} (https://a.test) {one}"));
        // What Telegram gets is what was meant, and reading it again changes nothing.
        prop_assert_eq!(&Markup::parse(&text.telegram()).expect("valid").plain(), &text.plain());
        prop_assert_eq!(text.telegram().matches('<').count(), 8);
        // What Slack gets has its own marks, and no others: `_` may stand inside a word.
        let slack = text.mrkdwn();
        prop_assert_eq!(slack.matches('`').count(), 2);
        prop_assert_eq!(slack.matches('<').count(), 1);
        let (before, rest) = slack.split_once('`').expect("code");
        let (_, after) = rest.split_once('`').expect("code");
        prop_assert_eq!([before, after].map(|text| text.matches('*').count()), [2, 0]);
        let edge: Vec<char> = format!(" {before} ").chars().collect();
        let edges = edge.windows(3).filter(|of| of[1] == '_' && !(of[0].is_alphanumeric() && of[2].is_alphanumeric())).count();
        prop_assert_eq!(edges, 2);
        let cut = text.clone().cut(most);
        proptest::prop_assert!(cut.units() <= most);
        let again = Markup::parse(&cut.telegram()).expect("valid");
        prop_assert_eq!(again.plain(), cut.plain());
    }
}
