//! Pages: HTML that is whole without a script. Templates escape every value; what stands around a page's main part, such as its
//! one-time token, changes with each answer and is no part of its tag.

mod board;
mod health;
mod incident;
mod lists;
mod quality;

use access::{AccessError, FormNote, Reader, one_time};
use askama::Template;
use domain::notification::channels::Identity;
use domain::notification::person_token::Right;
use jiff::Timestamp;
use lambda_http::http::HeaderMap;
use lambda_http::{Body, Request, Response};

use crate::app::App;
use crate::assets::VERSION;
use crate::refusal::Refusal;
use crate::reply::{HTML, Tagged};
use crate::routes::Page;
use crate::say::{Moment, Say};

/// What every page is made with.
#[derive(Debug)]
pub(crate) struct Frame {
    pub(crate) say: Say,
    /// What leads from the page's own address to the root of the site: the console may be served below a path.
    pub(crate) root: String,
    pub(crate) person: String,
    /// True if the reader has a session and may decide.
    pub(crate) may_decide: bool,
    page: Page,
    now: Timestamp,
    /// Empty for a tool that reads with a token: nothing can be changed through such a page.
    one_time: String,
}

impl Frame {
    pub(crate) fn new(
        request: &Request,
        reader: &Reader,
        page: Page,
        now: Timestamp,
    ) -> Result<Self, Refusal> {
        let session = reader.session.as_ref();
        let issued = session.map(|own| one_time::issue(&own.secret));
        let one_time = match issued {
            None => String::new(),
            Some(token) => token.ok_or_else(|| Refusal::Passing("no random numbers".into()))?,
        };
        Ok(Self {
            say: Say::of(request.headers()),
            root: access::root(request.uri().path()),
            person: reader.who.person.clone(),
            may_decide: session.is_some() && reader.who.may.contains(&Right::Decide),
            page,
            now,
            one_time,
        })
    }
}

/// The main part of a page.
#[derive(Debug)]
pub(crate) struct Main {
    title: String,
    html: String,
    /// True while something is under way, so that the page asks for news more often.
    moves: bool,
}

impl Main {
    fn of(
        title: impl Into<String>,
        template: &impl Template,
        moves: bool,
    ) -> Result<Self, Refusal> {
        Ok(Self {
            title: title.into(),
            html: rendered(template)?,
            moves,
        })
    }
}

#[derive(Template)]
#[template(path = "frame.html")]
struct FramePage<'a> {
    say: Say,
    frame: &'a Frame,
    main: &'a Main,
    version: &'a str,
    as_of: Moment,
}

impl FramePage<'_> {
    /// `page` for the link of the page that is shown.
    fn current(&self, page: &str) -> &'static str {
        let shown = match self.frame.page {
            Page::Board | Page::Incident | Page::Storm => "board",
            Page::Wall => "wall",
            Page::History => "history",
            Page::Repairs => "repairs",
            Page::Playbooks => "playbooks",
            Page::Quality => "quality",
            Page::Health => "health",
        };
        if page == shown { "page" } else { "false" }
    }

    fn is_wall(&self) -> bool {
        self.frame.page == Page::Wall
    }
}

/// Answers a page; `id` is the incident's, where its path has one.
///
/// # Errors
/// If there is no such incident, or something cannot be read.
pub(crate) async fn answer(
    app: &App,
    page: Page,
    (id, query): (&str, &str),
    frame: Frame,
    asked: &HeaderMap,
) -> Result<Response<Body>, Refusal> {
    let now = frame.now;
    let main = match page {
        Page::Board => board::board(app, &frame, now).await?,
        Page::Wall => board::wall(app, &frame, now).await?,
        Page::Incident => incident::incident(app, &frame, id).await?,
        Page::Storm => incident::storm(app, &frame, id).await?,
        Page::History => lists::history(app, &frame, query, now).await?,
        Page::Repairs => lists::repairs(app, &frame, now).await?,
        Page::Playbooks => lists::playbooks(app, &frame).await?,
        Page::Quality => quality::quality(app, &frame, query, now).await?,
        Page::Health => health::health(app, &frame, now).await?,
    };
    let shown = FramePage {
        say: frame.say,
        frame: &frame,
        main: &main,
        version: &VERSION,
        as_of: Moment(now),
    };
    let (version, language) = (VERSION.as_str(), frame.say.tag());
    let tagged = format!(
        "{version} {language} {} {} {}",
        frame.person, main.moves, main.html
    );
    let tagged = Tagged {
        kind: HTML,
        body: rendered(&shown)?,
        tagged: Some(tagged),
    };
    Ok(tagged.into_response(asked))
}

impl App {
    /// True if the person may act at all: whether on one service and plan, ingress decides.
    fn knows(&self, person: &str) -> Result<bool, Refusal> {
        let identity = Identity::Api(person.to_owned());
        Ok(self.channels()?.person(&identity).is_some())
    }
}

#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignInPage<'a> {
    say: Say,
    root: String,
    version: &'a str,
    form: SignInForm<'a>,
}

/// What the form shows that asks for a token.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SignInForm<'a> {
    /// The page that the person wanted.
    pub(crate) next: &'a str,
    /// Why the form is shown again.
    pub(crate) note: Option<FormNote>,
    /// Whether people may sign in at an identity provider too.
    pub(crate) has_provider: bool,
}

impl SignInForm<'_> {
    /// True if the token was refused, and not an account.
    fn refuses_token(self) -> bool {
        self.note == Some(FormNote::Token)
    }

    /// The page that the person wanted, as a parameter.
    fn next_parameter(self) -> String {
        form_urlencoded::byte_serialize(self.next.as_bytes()).collect()
    }
}

/// The form that asks for a token. It says nothing of what there is to see.
pub(crate) fn sign_in(path: &str, form: SignInForm<'_>, say: Say) -> String {
    let page = SignInPage {
        say,
        root: access::root(path),
        version: &VERSION,
        form,
    };
    rendered(&page).unwrap_or_default()
}

#[derive(Template)]
#[template(path = "again.html")]
struct AgainPage {
    say: Say,
}

/// A page that asks for its own address again.
pub(crate) fn again(say: Say) -> String {
    rendered(&AgainPage { say }).unwrap_or_default()
}

#[derive(Template)]
#[template(path = "refused.html")]
struct RefusedPage<'a> {
    say: Say,
    root: String,
    version: &'a str,
    title: &'a str,
    detail: String,
}

/// The page of a refusal.
pub(crate) fn refused(refusal: &Refusal, path: &str, say: Say) -> String {
    let page = RefusedPage {
        say,
        root: access::root(path),
        version: &VERSION,
        title: say.page("refused"),
        detail: why_refused(refusal, say),
    };
    rendered(&page).unwrap_or_default()
}

fn why_refused(refusal: &Refusal, say: Say) -> String {
    let why = match refusal {
        Refusal::NoIncident => say.page("refused_no_incident"),
        Refusal::NoRoute(_) | Refusal::WrongMethod { .. } => say.page("refused_no_page"),
        Refusal::Passing(_) | Refusal::Access(AccessError::Store(_)) => {
            say.page("refused_try_again")
        }
        Refusal::Access(_) => say.page("refused_access"),
        // The API's own words for what is wrong with a parameter.
        Refusal::Malformed { at, why } => {
            return format!("{} {at}: {why}", say.page("refused_malformed"));
        }
    };
    why.to_owned()
}

fn rendered(template: &impl Template) -> Result<String, Refusal> {
    template
        .render()
        .map_err(|error| Refusal::Passing(Box::new(error)))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use domain::primitives::language::Language;

    use access::FormNote;

    use super::{Refusal, Say, SignInForm, refused, sign_in};

    #[test]
    fn a_refusal_is_a_page_in_the_readers_language() {
        let fault = || Refusal::Passing("table quell-prod is away".into());
        for (language, title, why, try_again) in [
            (
                Language::English,
                "This page cannot be shown",
                "There is no incident with this id.",
                "It could not be read right now.",
            ),
            (
                Language::TraditionalChinese,
                "無法顯示此頁面",
                "找不到這個事件。",
                "目前無法讀取",
            ),
        ] {
            let say = Say { language };
            let page = refused(&Refusal::NoIncident, "/console/incidents/x", say);
            assert!(page.contains(title) && page.contains(why), "{page}");
            let page = refused(&fault(), "/console", say);
            assert!(
                page.contains(try_again) && !page.contains("quell-prod"),
                "{page}"
            );
        }
    }

    #[test]
    fn the_form_says_why_in_both_languages_and_repeats_nothing() {
        for language in Language::ALL {
            let say = Say { language };
            for note in FormNote::ALL {
                let word = say.page(note.word());
                assert_ne!(word, note.word(), "{language:?} lacks {note:?}");
                let form = SignInForm {
                    next: "console/history?text=a%26b",
                    note: Some(note),
                    has_provider: true,
                };
                let page = sign_in("/console/sign-in", form, say);
                let said = page.matches("role=\"alert\"").count();
                assert_eq!(said, 1, "{note:?}: {page}");
                let link = "../console/sign-in/oidc?next=console%2Fhistory%3Ftext%3Da%2526b";
                assert!(page.contains(link), "{page}");
            }
            let plain = SignInForm {
                next: "console",
                note: None,
                has_provider: false,
            };
            let page = sign_in("/console/sign-in", plain, say);
            assert!(!page.contains("oidc") && !page.contains("alert"), "{page}");
        }
    }

    #[test]
    fn only_the_frame_takes_markup_as_it_is() {
        let templates = Path::new(env!("CARGO_MANIFEST_DIR")).join("templates");
        for entry in fs::read_dir(templates).expect("the templates") {
            let path = entry.expect("an entry").path();
            let text = fs::read_to_string(&path).expect("a text");
            let unescaped = text.matches("|safe").count();
            let expected = usize::from(path.ends_with("frame.html"));
            assert_eq!(unescaped, expected, "{}", path.display());
            // The policy would keep them from running; they are none of ours.
            for inline in ["style=", " onclick", " onload", "javascript:", "<style"] {
                assert!(!text.contains(inline), "{} has {inline}", path.display());
            }
        }
    }
}
