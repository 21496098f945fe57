//! Text from outside that is safe to show: it cannot hide, reorder or disguise the text beside it.

/// A text without invisible characters, without spaces around it, and with at most this many
/// characters.
pub fn sanitize(text: &str, characters: usize) -> String {
    cut(without_hidden(text).trim(), characters)
        .trim_end()
        .to_owned()
}

/// A text without invisible characters.
pub fn without_hidden(text: &str) -> String {
    text.chars().filter(|c| !is_hidden(*c)).collect()
}

/// A text as [`sanitize`] gives it, on one line: as an item of a list it cannot begin an item of
/// its own.
pub fn line(text: &str, characters: usize) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    sanitize(&words.join(" "), characters)
}

/// Control characters (but for line feeds and tabs), and what Unicode calls default ignorable or bidirectional formatting
/// (<https://www.unicode.org/reports/tr36/>, <https://www.unicode.org/Public/UCD/latest/ucd/DerivedCoreProperties.txt>).
pub fn is_hidden(c: char) -> bool {
    // Most texts are: none of the others has to be looked for then.
    if c.is_ascii() {
        return c.is_ascii_control() && c != '\n' && c != '\t';
    }
    let formatting = matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}'
        // Zero-width spaces and joiners, marks of direction, separators of lines, embeddings, overrides, isolates.
        | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}'
        | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
        // Tags and variation selectors, in which whole hidden sentences fit.
        | '\u{e0000}'..='\u{e0fff}');
    formatting || c.is_control()
}

/// True for a text that means nothing but itself in a query, whatever the query's language: letters, digits and `_ . : / -`.
pub fn is_plain(text: &str) -> bool {
    text.bytes()
        .all(|b| b.is_ascii_alphanumeric() || b"_.:/-".contains(&b))
}

/// True for a text that is one word to a shell too, and no option of a command.
pub fn is_plain_word(text: &str) -> bool {
    !text.is_empty() && !text.starts_with('-') && is_plain(text)
}

/// The first `characters` characters of a text, never in the middle of one.
pub fn cut(text: &str, characters: usize) -> String {
    text.chars().take(characters).collect()
}

#[cfg(test)]
mod tests {
    use super::{is_plain, is_plain_word, line, sanitize};

    #[test]
    fn what_nobody_sees_is_taken_out() {
        let cases = [
            ("plain 警報 ünïcode 🔥", "plain 警報 ünïcode 🔥"),
            ("two\nlines\tand a tab", "two\nlines\tand a tab"),
            ("a\u{0}\u{7}\u{1b}[31m\r\u{7f}\u{9b}b", "a[31mb"),
            (
                "restart \u{202e}esabatad eht porD\u{202c}",
                "restart esabatad eht porD",
            ),
            ("\u{2066}iso\u{2069}\u{200e}late\u{61c}", "isolate"),
            ("z\u{200b}e\u{200d}r\u{feff}o\u{2060}", "zero"),
            ("tags\u{e0041}\u{e0042}\u{e007f}\u{e0101}", "tags"),
            ("  around \n", "around"),
            ("\u{200b} \u{200b}", ""),
        ];
        for (text, expected) in cases {
            assert_eq!(sanitize(text, 100), expected, "{text:?}");
        }
        assert_eq!(sanitize("\u{200b}12345 7", 6), "12345");
    }

    #[test]
    fn a_line_has_no_end_in_it() {
        assert_eq!(
            line(" one\r\n\ttwo\u{2028}three\u{85}\u{202e}four ", 100),
            "one two three four"
        );
        assert_eq!(line("one\ntwo", 5), "one t");
    }

    #[test]
    fn plain_text_has_no_signs_of_a_query() {
        for plain in ["", "web-1", "10.0.0.1:9100", "a/b_c", "HTTP"] {
            assert!(is_plain(plain), "{plain}");
        }
        for signs in [
            "a b", "\"", "'", "\\", "a\n", "{", "}", "$x", "a=b", "ä", "\u{202e}", "a,b", "#", "(",
            "*", "|",
        ] {
            assert!(!is_plain(signs), "{signs:?}");
        }
        for (text, word) in [("a-b", true), ("-rf", false), ("", false), ("a b", false)] {
            assert_eq!(is_plain_word(text), word, "{text}");
        }
    }
}
