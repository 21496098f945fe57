//! Pages behind a signed link: self-contained, without script, and readable on a phone.

use crate::reply::page;
use domain::incident::Incident;
use domain::incident::approval::Verdict;
use domain::notification::button_reply::ButtonReply;
use domain::notification::channels::Language;
use domain::playbook::plan::Plan;
use domain::primitives::safe_text::line;
use lambda_http::http::{HeaderValue, StatusCode, header};
use lambda_http::{Body, Response};
use wire::approval_link::Link;
use wire::command_line;

use crate::rejection::Rejection;

/// How much of a name and of a reason is shown.
const NAME_CHARACTERS: usize = 200;

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;max-width:40em;margin:0 auto;padding:1em;color:#1c1c1c;background:#fff}\
    h1{font-size:1.3em}dt{color:#555;margin-top:.6em}dd{margin:0;overflow-wrap:anywhere}\
    code{display:block;background:#f2f2f2;padding:.4em;margin:.2em 0;white-space:pre-wrap;overflow-wrap:anywhere}\
    button{font:inherit;font-weight:bold;width:100%;padding:.8em;margin-top:1.2em;border:0;border-radius:.4em;color:#fff;background:#0b6b3a}\
    button.reject{background:#a12622}";

/// What a link would decide.
#[derive(Debug)]
pub(crate) struct Question<'a> {
    pub(crate) incident: &'a Incident,
    pub(crate) plan: &'a Plan,
    /// Who, which way, until when.
    pub(crate) link: &'a Link,
}

/// The words of the question.
struct Words {
    title: [&'static str; 2],
    target: &'static str,
    person: &'static str,
    until: &'static str,
    phases: [&'static str; 4],
    button: [&'static str; 2],
}

const ENGLISH: Words = Words {
    title: ["Approve this repair?", "Reject this repair?"],
    target: "Where",
    person: "You decide as",
    until: "Until",
    phases: [
        "What is looked at first",
        "What would run",
        "How it is checked",
        "How it would be undone",
    ],
    button: ["Approve: run it now", "Reject: run nothing"],
};

const CHINESE: Words = Words {
    title: ["要核准這項修復嗎？", "要駁回這項修復嗎？"],
    target: "對象",
    person: "決定者",
    until: "期限",
    phases: ["先查看的項目", "將執行的步驟", "檢查方式", "還原方式"],
    button: ["核准：立即執行", "駁回：不執行"],
};

/// The page that asks, with the one button that decides.
pub(crate) fn question(question: &Question<'_>, language: Language) -> String {
    let words = match language {
        Language::English => ENGLISH,
        Language::TraditionalChinese => CHINESE,
    };
    let Question {
        incident,
        plan,
        link,
    } = question;
    let (which, class) = match link.verdict {
        Verdict::Approve => (0, "approve"),
        Verdict::Reject => (1, "reject"),
    };
    let expires_at = incident
        .approval
        .as_ref()
        .map_or(link.expires_at, |approval| {
            approval.expires_at.min(link.expires_at)
        });
    let shown = |text: &str| escaped(&line(text, NAME_CHARACTERS));
    let mut body = format!(
        "<h1>{}</h1><p>{}</p><dl>",
        words.title[which],
        shown(&incident.alert.name)
    );
    let facts = [
        (words.target, shown(&plan.target)),
        (words.person, shown(&link.person)),
        (
            words.until,
            format!("{} UTC", expires_at.strftime("%Y-%m-%d %H:%M")),
        ),
    ];
    for (name, value) in facts {
        body.push_str(&format!("<dt>{name}</dt><dd>{value}</dd>"));
    }
    for (name, steps) in
        words
            .phases
            .iter()
            .zip([&plan.facts, &plan.steps, &plan.verify, &plan.rollback])
    {
        if !steps.is_empty() {
            let steps: String = steps
                .iter()
                .map(|step| {
                    format!(
                        "<code>{}</code>",
                        escaped(&command_line::step(step, usize::MAX))
                    )
                })
                .collect();
            body.push_str(&format!("<dt>{name}</dt><dd>{steps}</dd>"));
        }
    }
    // Without an action the form goes to the page's own URL, token and all.
    body.push_str(&format!(
        "</dl><form method=\"post\"><button class=\"{class}\">{}</button></form>",
        words.button[which]
    ));
    document(words.title[which], &body, language)
}

/// The page after a decision.
pub(crate) fn told(words: &str, language: Language) -> String {
    document("Quell", &format!("<h1>{}</h1>", escaped(words)), language)
}

/// The page of a refusal.
pub(crate) fn refused(rejection: &Rejection, language: Language) -> String {
    let sentence = match language {
        Language::English => match rejection {
            Rejection::Passing(_) => {
                "This could not be done right now. Please try again.".to_owned()
            }
            other => other.to_string(),
        },
        Language::TraditionalChinese => in_chinese(rejection),
    };
    told(&line(&sentence, NAME_CHARACTERS), language)
}

fn in_chinese(rejection: &Rejection) -> String {
    match rejection {
        Rejection::Unauthenticated(_) => {
            "這個連結無效：它不完整、被更動過，或屬於另一個決定。".to_owned()
        }
        Rejection::LinkExpired(at) => {
            format!("這個連結已於 {} UTC 過期。", at.strftime("%Y-%m-%d %H:%M"))
        }
        Rejection::LinkUsed => "這個連結已經使用過：每個連結只能使用一次。".to_owned(),
        Rejection::NoApproval => "找不到這項核准要求。".to_owned(),
        Rejection::Refused(refusal) => {
            ButtonReply::from(refusal.clone()).words(Language::TraditionalChinese)
        }
        Rejection::NoSecret => "尚未設定連結的金鑰，因此無法接受任何連結。".to_owned(),
        _ => "目前無法處理，請再試一次。".to_owned(),
    }
}

fn document(title: &str, body: &str, language: Language) -> String {
    format!(
        "<!doctype html><html lang=\"{}\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <meta name=\"robots\" content=\"noindex\"><title>{title}</title><style>{STYLE}</style></head><body>{body}</body></html>\n",
        language.tag()
    )
}

/// Text in a page, also inside of quotes.
fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            c => safe.push(c),
        }
    }
    safe
}

impl Rejection {
    /// The same as a page: what a person reads who has followed a link.
    pub(crate) fn into_page(self, language: Language) -> Response<Body> {
        let (status, _) = self.kind();
        let mut response = page(refused(&self, language));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        if status == StatusCode::UNAUTHORIZED {
            // A scheme that browsers do not ask a password for.
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Link"));
        }
        self.invite(headers);
        response
    }
}

#[cfg(test)]
mod tests {
    use domain::incident::approval::{Refusal, Verdict};
    use domain::notification::channels::Language;
    use jiff::Timestamp;

    use super::{refused, told};
    use crate::rejection::Rejection;

    #[test]
    fn nothing_from_outside_is_markup() {
        let page = told("<script>alert('x')</script>&\"", Language::English);
        assert!(
            page.contains("&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;&amp;&quot;")
                && !page.contains("<script"),
            "{page}"
        );
        let by = "api:<b>eve</b>".to_owned();
        for language in Language::ALL {
            let rejection = Rejection::Refused(Refusal::Decided {
                verdict: Verdict::Reject,
                by: by.clone(),
            });
            let page = refused(&rejection, language);
            assert!(
                page.contains("&lt;b&gt;eve")
                    && page.contains(&format!("lang=\"{}\"", language.tag())),
                "{page}"
            );
        }
    }

    #[test]
    fn a_refusal_has_words_in_each_language_and_no_inner_fault() {
        let inner = || Rejection::Passing("table quell-prod-Table is out of order".into());
        for language in Language::ALL {
            assert!(
                !refused(&inner(), language).contains("quell-prod"),
                "{language:?}"
            );
        }
        let expired = refused(
            &Rejection::LinkExpired(Timestamp::UNIX_EPOCH),
            Language::TraditionalChinese,
        );
        assert!(expired.contains("1970-01-01 00:00 UTC"), "{expired}");
    }
}
