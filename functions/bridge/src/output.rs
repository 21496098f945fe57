//! What a command printed, bounded while it is still printing.

use std::collections::VecDeque;

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

    /// What is kept, as text.
    pub(crate) fn text(mut self) -> String {
        if !self.truncated() {
            self.head.extend(&self.tail);
            return readable(&self.head);
        }
        let tail = readable(self.tail.make_contiguous());
        format!("{}\n[... {} bytes left out ...]\n{tail}", readable(&self.head), self.left_out)
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
                assert_eq!(output.text().as_bytes(), printed, "{size} in chunks of {chunk}");
            }
        }
    }

    #[test]
    fn of_more_the_beginning_and_the_end_are_kept_and_the_rest_is_counted() {
        let printed: Vec<u8> = (0..10_000).flat_map(|i| format!("line {i}\n").into_bytes()).collect();
        for chunk in [1, 1000, 32 * 1024, printed.len()] {
            let output = taken(printed.chunks(chunk).map(<[u8]>::to_vec));
            assert!(output.truncated());
            let text = output.text();
            let left_out = printed.len() - HEAD - TAIL;
            assert!(text.starts_with("line 0\nline 1\n") && text.ends_with("line 9998\nline 9999\n"), "chunks of {chunk}");
            assert!(text.contains(&format!("\n[... {left_out} bytes left out ...]\n")), "chunks of {chunk}");
            assert!(text.len() <= KEPT, "{}", text.len());
        }
    }

    #[test]
    fn output_that_is_not_utf8_is_reported_also_across_its_two_parts() {
        let across = ["x".repeat(HEAD - 1).into_bytes(), "é".as_bytes().to_vec()];
        assert!(!taken(across.clone()).is_not_utf8(), "a character across the parts is whole");
        assert!(taken([across[0].clone(), vec![0xc3], vec![b'x']]).is_not_utf8());
        assert!(taken([b"disk \xff\n".to_vec()]).is_not_utf8() && !taken([b"disk ?\n".to_vec()]).is_not_utf8());
    }

    #[test]
    fn bytes_that_are_no_text_stay_bounded() {
        let text = taken(std::iter::repeat_n(vec![0xff; 1024], 1024)).text();
        assert!(text.len() <= KEPT, "{}", text.len());
        assert_eq!(taken([b"a\xc3".to_vec(), b"\xa9b\xff".to_vec()]).text(), "a\u{e9}b?");
    }
}
