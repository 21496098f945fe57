//! Bounded capture of a command's output while the command still prints.

use std::collections::VecDeque;

use redaction::{REDACTED, redact};

/// How much of a stream is kept, the note about what was left out included.
pub(crate) const KEPT: usize = 16 * 1024;
/// The beginning says what the command set out to do, and its first complaint is often the cause of all others.
const HEAD: usize = 4 * 1024;
/// The end says why it gave up, so it gets the larger part.
const TAIL: usize = KEPT - HEAD - NOTE;
/// Room for the note between the two.
const NOTE: usize = 64;

/// One stream: its first and its last bytes. It never holds more, however much goes through it.
#[derive(Debug, Default)]
pub(crate) struct Output {
    head: Vec<u8>,
    tail: VecDeque<u8>,
    left_out: u64,
}

impl Output {
    /// Takes the next bytes.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        let (first, rest) = bytes.split_at(bytes.len().min(HEAD - self.head.len()));
        self.head.extend_from_slice(first);
        let (skipped, last) = rest.split_at(rest.len().saturating_sub(TAIL));
        let overflow = (self.tail.len() + last.len()).saturating_sub(TAIL);
        self.tail.drain(..overflow);
        self.tail.extend(last);
        self.left_out += (skipped.len() + overflow) as u64;
    }

    /// True if more went through than is kept.
    pub(crate) const fn truncated(&self) -> bool {
        self.left_out > 0
    }

    /// True if all of it is kept and is not UTF-8. Of what is left out nothing is known, which [`Output::truncated`] says.
    pub(crate) fn is_not_utf8(&self) -> bool {
        if self.truncated() {
            return false;
        }
        // A character may lie across the two parts.
        let whole: Vec<u8> = self.head.iter().chain(&self.tail).copied().collect();
        std::str::from_utf8(&whole).is_err()
    }

    /// What is kept, as text without secrets: everything else reads it from here, so that none of them gets into the table, a log or a
    /// chat. Where the middle was left out, the lines that were cut go too: half a secret has no form that anybody could know it by.
    pub(crate) fn text(mut self) -> String {
        if !self.truncated() {
            self.head.extend(&self.tail);
            return bounded(redact(&readable(&self.head)).into_owned());
        }
        let (head, tail) = (readable(&self.head), readable(self.tail.make_contiguous()));
        let shown_head = head.rfind('\n').map_or(head.as_str(), |end| &head[..end]);
        let shown_tail = tail
            .find('\n')
            .filter(|end| end + 1 < tail.len())
            .map_or(tail.as_str(), |end| &tail[end + 1..]);
        let left_out =
            self.left_out + (head.len() - shown_head.len() + tail.len() - shown_tail.len()) as u64;
        joined(&redact(shown_head), left_out, &redact_end(shown_tail))
    }
}

/// Both ends, which redaction may have made longer, within the bound.
fn joined(head: &str, left_out: u64, tail: &str) -> String {
    format!(
        "{}\n[... {left_out} bytes left out ...]\n{}",
        &head[..head.floor_char_boundary(HEAD)],
        last(tail, TAIL)
    )
}

fn bounded(text: String) -> String {
    if text.len() <= KEPT {
        return text;
    }
    let (head, tail) = (text.floor_char_boundary(HEAD), last(&text, TAIL));
    joined(&text[..head], (text.len() - head - tail.len()) as u64, tail)
}

/// At most so many bytes of the end.
fn last(text: &str, bytes: usize) -> &str {
    &text[text.ceil_char_boundary(text.len().saturating_sub(bytes))..]
}

/// The end of a text without its secrets. A private key whose beginning was left out is known by its end.
fn redact_end(text: &str) -> String {
    let ends = text.find("-----END ").filter(|end| {
        text[*end..]
            .lines()
            .next()
            .is_some_and(|line| line.contains("PRIVATE KEY"))
    });
    match ends.filter(|end| !text[..*end].contains("-----BEGIN ")) {
        Some(end) => format!("{REDACTED}\n{}", redact(&text[end..])),
        None => redact(text).into_owned(),
    }
}

/// Text of bytes that may be anything. What is not UTF-8 becomes a question mark and not U+FFFD, which takes three bytes
/// and would let a binary file grow past the bound.
fn readable(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        if !chunk.invalid().is_empty() {
            text.push('?');
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{HEAD, KEPT, Output, TAIL};

    fn taken(chunks: impl IntoIterator<Item = Vec<u8>>) -> Output {
        let mut output = Output::default();
        chunks.into_iter().for_each(|chunk| output.push(&chunk));
        output
    }

    #[test]
    fn what_fits_is_kept_whole() {
        for size in [0, 1, HEAD, HEAD + 1, HEAD + TAIL] {
            let printed: Vec<u8> = (0..size).map(|i| b'a' + (i % 26) as u8).collect();
            for chunk in [1, 7, HEAD, size.max(1)] {
                let output = taken(printed.chunks(chunk).map(<[u8]>::to_vec));
                assert!(!output.truncated());
                assert_eq!(
                    output.text().as_bytes(),
                    printed,
                    "{size} in chunks of {chunk}"
                );
            }
        }
    }

    #[test]
    fn long_output_keeps_both_ends_and_counts_the_rest() {
        let printed: Vec<u8> = (0..10_000)
            .flat_map(|i| format!("line {i}\n").into_bytes())
            .collect();
        for chunk in [1, 1000, 32 * 1024, printed.len()] {
            let output = taken(printed.chunks(chunk).map(<[u8]>::to_vec));
            assert!(output.truncated());
            let text = output.text();
            assert!(
                text.starts_with("line 0\nline 1\n") && text.ends_with("line 9998\nline 9999\n"),
                "chunks of {chunk}"
            );
            let (head, rest) = text.split_once("\n[... ").expect("the note");
            let (left_out, tail) = rest.split_once(" bytes left out ...]\n").expect("the note");
            let whole = |line: &str| {
                line.strip_prefix("line ")
                    .is_some_and(|number| number.parse::<u32>().is_ok())
            };
            assert!(
                head.lines().chain(tail.lines()).all(whole),
                "lines that were cut are left out: {text}"
            );
            let kept = head.len() + tail.len();
            assert_eq!(
                left_out.parse::<usize>().expect("a number") + kept,
                printed.len(),
                "chunks of {chunk}"
            );
            assert!(text.len() <= KEPT, "{}", text.len());
        }
    }

    #[test]
    fn output_that_is_not_utf8_is_reported_across_both_parts() {
        let across = ["x".repeat(HEAD - 1).into_bytes(), "é".as_bytes().to_vec()];
        assert!(
            !taken(across.clone()).is_not_utf8(),
            "a character across the parts is whole"
        );
        assert!(taken([across[0].clone(), vec![0xc3], vec![b'x']]).is_not_utf8());
        assert!(
            taken([b"disk \xff\n".to_vec()]).is_not_utf8()
                && !taken([b"disk ?\n".to_vec()]).is_not_utf8()
        );
    }

    #[test]
    fn no_secret_leaves_also_where_the_output_was_cut() {
        let text = taken([b"connecting\npassword=swordfish-9\nghp_0123456789abcdefghij0123456789abcd is refused\n".to_vec()]).text();
        assert_eq!(
            text,
            "connecting\npassword=[redacted]\n[redacted] is refused\n"
        );
        // A key of which only the end is in what was kept, and a token in whose middle the beginning ends.
        let key = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASC\n".repeat(900);
        let long = format!(
            "{}ghp_0123456789abcdefghij0123456789abcd\n{key}-----END PRIVATE KEY-----\nno space left\n",
            "x\n".repeat(HEAD / 2 - 5)
        );
        let text = taken([long.into_bytes()]).text();
        assert!(
            text.ends_with("\n[redacted]\n-----END PRIVATE KEY-----\nno space left\n"),
            "{text}"
        );
        assert!(!text.contains("ghp_") && !text.contains("MIIEvQ"), "{text}");
        let grown = taken([b"token=a\n".repeat(1_500)]).text();
        assert!(
            grown.len() <= KEPT && grown.ends_with("token=[redacted]\n"),
            "{}",
            grown.len()
        );
    }

    #[test]
    fn bytes_that_are_no_text_stay_bounded() {
        let text = taken(std::iter::repeat_n(vec![0xff; 1024], 1024)).text();
        assert!(text.len() <= KEPT, "{}", text.len());
        assert_eq!(
            taken([b"a\xc3".to_vec(), b"\xa9b\xff".to_vec()]).text(),
            "a\u{e9}b?"
        );
    }
}
