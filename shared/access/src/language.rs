//! Language that the reader of a page asks for.

use domain::primitives::language::Language;
use http::HeaderMap;
use http::header::ACCEPT_LANGUAGE;

/// The language that a browser asks for (RFC 9110, 12.5.4), among those that pages have.
pub fn language(headers: &HeaderMap) -> Language {
    let wanted = headers
        .get(ACCEPT_LANGUAGE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let mut best = (0.0, Language::default());
    for range in wanted.split(',') {
        let (tag, weight) = range.split_once(';').unwrap_or((range, "q=1"));
        let weight: f32 = weight
            .trim()
            .strip_prefix("q=")
            .and_then(|weight| weight.parse().ok())
            .unwrap_or(0.0);
        let main = tag
            .trim()
            .split('-')
            .next()
            .unwrap_or_default()
            .to_ascii_lowercase();
        let language = match main.as_str() {
            "zh" => Language::TraditionalChinese,
            "en" => Language::English,
            _ => continue,
        };
        if weight > best.0 {
            best = (weight, language);
        }
    }
    best.1
}

#[cfg(test)]
mod tests {
    use domain::primitives::language::Language;
    use http::{HeaderMap, HeaderValue, header};

    use super::language;

    #[test]
    fn the_page_speaks_what_the_browser_asks_for() {
        let asked = |text: &str| {
            let value = HeaderValue::from_str(text).expect("a header");
            language(&HeaderMap::from_iter([(header::ACCEPT_LANGUAGE, value)]))
        };
        for text in [
            "zh-TW",
            "zh-TW,zh;q=0.9,en-US;q=0.8,en;q=0.7",
            "de, zh-Hant;q=0.5",
            "en;q=0.1,ZH-HK;q=0.2",
            "en;q=0, zh",
        ] {
            assert_eq!(asked(text), Language::TraditionalChinese, "{text}");
        }
        for text in [
            "",
            "en",
            "de-DE,fr",
            "en-GB,zh;q=0.9",
            "zh;q=0",
            "zh;q=x",
            "zhx",
            ",,;;q=,",
        ] {
            assert_eq!(asked(text), Language::English, "{text}");
        }
        assert_eq!(language(&HeaderMap::new()), Language::English);
    }
}
