//! Pages of a decision: self-contained, without script, and readable on a phone.

use crate::reply::page;
use domain::incident::Incident;
use domain::incident::approval::{Approval, Verdict};
use domain::notification::channels::Language;
use domain::notification::words::words;
use domain::playbook::plan::Plan;
use domain::primitives::identity::Identity;
use domain::primitives::safe_text::line;
use jiff::Timestamp;
use lambda_http::http::{HeaderValue, StatusCode, header};
use lambda_http::{Body, Response};
use wire::command_line;

use crate::rejection::Rejection;

/// How much of a name and of a reason is shown.
const NAME_CHARACTERS: usize = 200;

/// The fields of the form: the person's token, and what they decide.
pub(crate) const TOKEN_FIELD: &str = "token";
pub(crate) const VERDICT_FIELD: &str = "verdict";

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;max-width:40em;margin:0 auto;padding:1em;color:#1c1c1c;background:#fff}\
    h1{font-size:1.3em}dt{color:#555;margin-top:.6em}dd{margin:0;overflow-wrap:anywhere}\
    code{display:block;background:#f2f2f2;padding:.4em;margin:.2em 0;white-space:pre-wrap;overflow-wrap:anywhere}\
    label{display:block;margin-top:1.2em}input{font:inherit;width:100%;box-sizing:border-box;padding:.6em}\
    button{font:inherit;font-weight:bold;width:100%;padding:.8em;margin-top:1.2em;border:0;border-radius:.4em;color:#fff;background:#0b6b3a}\
    button.reject{background:#a12622}";

/// A plan that waits, and who looks at it.
#[derive(Debug)]
pub(crate) struct Question<'a> {
    pub(crate) incident: &'a Incident,
    pub(crate) plan: &'a Plan,
    pub(crate) approval: &'a Approval,
    pub(crate) person: &'a str,
    /// Their token, for the next form.
    pub(crate) token: &'a str,
}

/// The page that asks for a token. Without an action its form goes to the page's own URL.
pub(crate) fn sign_in(language: Language) -> String {
    let text = |key| words(language).text("page", key);
    let (title, button) = (text("decision"), text("show_plan"));
    let body = format!(
        "<h1>{title}</h1><form method=\"post\"><label>{}<input type=\"password\" name=\"{TOKEN_FIELD}\" \
         autocomplete=\"current-password\" required></label><button>{button}</button></form>",
        text("your_token")
    );
    document(title, &body, language)
}

/// The page with the plan and the buttons that decide. Where two people have to approve there is none
/// to approve with, since a token does not prove who has it.
pub(crate) fn question(question: &Question<'_>, language: Language) -> String {
    let text = |key| words(language).text("page", key);
    let Question {
        incident,
        plan,
        approval,
        person,
        token,
    } = question;
    let title = text("question");
    let shown = |text: &str| escaped(&line(text, NAME_CHARACTERS));
    let mut body = format!("<h1>{title}</h1><p>{}</p><dl>", shown(&incident.alert.name));
    let facts = [
        (text("target"), shown(&plan.target)),
        (text("person"), shown(person)),
        (text("until"), minute(approval.expires_at)),
    ];
    for (name, value) in facts {
        body.push_str(&format!("<dt>{name}</dt><dd>{value}</dd>"));
    }
    if plan.unscoped {
        let warning = origin(incident, plan, language);
        body.push_str(&format!("<dd><b>{}</b></dd>", escaped(&warning)));
    }
    let phases = [
        ("facts", &plan.facts),
        ("steps", &plan.steps),
        ("verify", &plan.verify),
        ("rollback", &plan.rollback),
    ];
    for (name, steps) in phases {
        if !steps.is_empty() {
            let steps: String = steps
                .iter()
                .map(|step| {
                    format!(
                        "<code>{}</code>",
                        escaped(&command_line::step(step, language))
                    )
                })
                .collect();
            body.push_str(&format!("<dt>{}</dt><dd>{steps}</dd>", text(name)));
        }
    }
    let mut buttons = String::new();
    if approval.takes(&Identity::Link((*person).to_owned())) {
        buttons.push_str(&button(Verdict::Approve, text("approve_now")));
    } else {
        buttons.push_str(&format!("<p>{}</p>", text("needs_press")));
    }
    buttons.push_str(&button(Verdict::Reject, text("reject_now")));
    body.push_str(&format!(
        "</dl><form method=\"post\"><input type=\"hidden\" name=\"{TOKEN_FIELD}\" value=\"{}\">{buttons}</form>",
        escaped(token)
    ));
    document(title, &body, language)
}

fn button(verdict: Verdict, words: &str) -> String {
    let value = match verdict {
        Verdict::Approve => "approve",
        Verdict::Reject => "reject",
    };
    format!("<button class=\"{value}\" name=\"{VERDICT_FIELD}\" value=\"{value}\">{words}</button>")
}

/// Where the alert comes from, if the registry does not say where the plan's service lives: as on the
/// card, whoever decides has to compare the two.
fn origin(incident: &Incident, plan: &Plan, language: Language) -> String {
    let say = |key, name: &str, value: &str| {
        let value = line(value, NAME_CHARACTERS);
        words(language).fill("say", key, &[(name, &value)])
    };
    let from = |named: Option<&str>, name: &str, key, unnamed| match named {
        Some(value) => say(key, name, value),
        None => say(unnamed, "", ""),
    };
    let alert = &incident.alert;
    let cluster = alert.subject.cluster.as_deref();
    let namespace = alert.namespace_of_subject();
    format!(
        "{}{}{}{}",
        say("unscoped", "plan_target", &plan.target),
        from(cluster, "alert_cluster", "from_cluster", "from_no_cluster"),
        words(language).table()["comma"].as_str().unwrap_or(", "),
        from(
            namespace,
            "alert_namespace",
            "from_namespace",
            "from_no_namespace"
        ),
    )
}

/// The page after a decision.
pub(crate) fn told(words: &str, language: Language) -> String {
    document("Quell", &format!("<h1>{}</h1>", escaped(words)), language)
}

/// The page of a refusal.
pub(crate) fn refused(rejection: &Rejection, language: Language) -> String {
    told(&line(&rejection.said(language), NAME_CHARACTERS), language)
}

/// A time as people read it, to the minute.
fn minute(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M UTC").to_string()
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
    /// The same as a page, for a person.
    pub(crate) fn into_page(self, language: Language) -> Response<Body> {
        let (status, _) = self.kind();
        let mut response = page(refused(&self, language));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        if status == StatusCode::UNAUTHORIZED {
            // A scheme that browsers do not ask a password for.
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Token"));
        }
        self.invite(headers);
        response
    }
}

#[cfg(test)]
mod tests {
    use domain::incident::approval::{Refusal, Verdict};
    use domain::notification::channels::Language;
    use domain::primitives::identity::{DecidedBy, Identity};

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
        let by = DecidedBy::Person(Identity::Api("<b>eve</b>".into()));
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
    }
}
