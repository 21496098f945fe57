//! Predicates that tell whether a value looks like a secret, by its characters alone.

/// How many bits a character of a random value carries at least. detect-secrets asks for 4.5 and 3.0; 32 characters, which is
/// where keys begin, cannot have more than 5 and often have less than 4.5 although they are random.
const RANDOM_BITS: f64 = 3.5;
const RANDOM_HEX_BITS: f64 = 3.0;

/// Words that follow `password:` or `token=` in messages of programs, and describe the secret
/// without being it.
const STATES: &str = "and auth cannot changed could denied empty expired failed false forbidden has incorrect invalid is mismatch \
    missing must nil no none not null or rejected required revoked rotated true unauthorized undefined unexpected \
    unknown unset was without wrong yes";

pub(super) fn always(_: &str) -> bool {
    true
}

/// True for anything but a word that only tells the secret's state, as in `token: expired`.
pub(super) fn is_no_state(value: &str) -> bool {
    !STATES.split(' ').any(|state| {
        value
            .trim_end_matches(['.', ':', '!'])
            .eq_ignore_ascii_case(state)
    })
}

/// True for what does not look like a word: it has a digit, padding, or capitals behind small letters.
pub(super) fn is_no_word(value: &str) -> bool {
    let camel = value
        .as_bytes()
        .windows(2)
        .any(|pair| pair[0].is_ascii_lowercase() && pair[1].is_ascii_uppercase());
    camel
        || value
            .bytes()
            .any(|b| b.is_ascii_digit() || b"=$%^*".contains(&b))
}

/// True for random hexadecimal or base64, but neither for a UUID nor for a name made of words.
pub(super) fn is_random(value: &str) -> bool {
    if value.bytes().all(|b| b.is_ascii_hexdigit()) {
        return bits_per_character(value) >= RANDOM_HEX_BITS;
    }
    let kinds: [fn(&u8) -> bool; 3] = [
        u8::is_ascii_lowercase,
        u8::is_ascii_uppercase,
        u8::is_ascii_digit,
    ];
    kinds.iter().all(|kind| value.as_bytes().iter().any(kind))
        && bits_per_character(value) >= RANDOM_BITS
}

/// Shannon's entropy of the bytes.
#[expect(
    clippy::cast_precision_loss,
    reason = "a text has far fewer than 2⁵³ bytes"
)]
pub(super) fn bits_per_character(value: &str) -> f64 {
    let mut counts = [0_usize; 256];
    for byte in value.bytes() {
        counts[usize::from(byte)] += 1;
    }
    let length = value.len() as f64;
    counts
        .iter()
        .filter(|count| **count > 0)
        .map(|count| *count as f64 / length)
        .map(|share| -share * share.log2())
        .sum()
}
