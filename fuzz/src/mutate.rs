//! Mutations of inputs that keep most of their shape: random bytes would never get past the first
//! bracket.

use serde_json::{Map, Value, json};

/// Words that parsers and tables stumble over.
const WORDS: &[&str] = &[
    r"\ud800",
    r"\udc00\ud800",
    r"\u0000",
    "\0",
    r"\u202e",
    "\u{202e}",
    "ж",
    "😀",
    "\u{feff}",
    "\r\n",
    "\n",
    " ",
    "\t",
    ",",
    ":",
    ".",
    "-",
    "%",
    "{",
    "}",
    "[",
    "]",
    "\"",
    "\\",
    "null",
    "true",
    "{}",
    "[]",
    "\"\"",
    "0",
    "-1",
    "1e400",
    "-0.0",
    "18446744073709551616",
    "9223372036854775807",
    "firing",
    "resolved",
    "critical",
    r#""status":"firing","#,
    r#""labels":{},"#,
    r#""alerts":[],"#,
    r#""alertname":"KubePodCrashLooping","#,
    r#""pod":"web-7d9c5b8f6d-x2x4z","#,
    r#""pod":"-0","#,
    r#""namespace":"","#,
    r#""fingerprint":"a b","#,
    r#""startsAt":"0001-01-01T00:00:00Z","#,
    r#""truncatedAlerts":1,"#,
    "0001-01-01T00:00:00Z",
    "9999-12-30T22:00:00.999999999Z",
    "9999-12-31T23:59:59Z",
    "-009999-01-02T01:59:59Z",
    "+010000-01-01T00:00:00Z",
    "10000-01-01T00:00:00Z",
    "T24:00:00Z",
    ":60Z",
    "+23:59",
    "-23:59",
    "+25:59:59",
    "-00:00",
    "[Europe/Berlin]",
    ".999999999",
    "2024-02-29",
    "1900-02-29",
    "sha256=",
    "v2=",
    "SHA256=",
    "{signature}",
    "{SIGNATURE}",
    "{secret}",
    "Bearer ",
    "Basic ",
    "authorization:",
    "x-basic:",
    "x-signature-256:",
    "x-hub-signature-256:",
    "x-signature-timestamp:",
    "x-grafana-alerting-signature:",
    "x-grafana-alerting-timestamp:",
    "1800000000",
    "1799999700",
    "1800000301",
    "+1800000000",
    "10.0.0.0/8",
    "0.0.0.0/0",
    "::/0",
    "::ffff:",
    "::ffff:10.0.0.0/104",
    "fe80::1%eth0",
    "/33",
    "/128",
    "/+8",
    "/08",
    "010.0.0.1",
    "localhost",
    "\u{80}",
];

/// A sequence of random numbers that is the same whenever it begins with the same one (SplitMix64).
#[derive(Debug)]
pub struct Random(u64);

impl Random {
    /// The sequence of this number.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`; 0 if that is 0.
    pub fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % (end as u64).max(1)).unwrap_or_default()
    }
}

/// One to four changes to an input; `other` is another one, to take parts from. The result is at most `most_bytes` long.
#[must_use]
pub fn mutated(random: &mut Random, input: &[u8], other: &[u8], most_bytes: usize) -> Vec<u8> {
    let mut bytes = input.to_vec();
    for _ in 0..=random.below(4) {
        bytes = match random.below(2) {
            0 => json_changed(random, &bytes, other)
                .unwrap_or_else(|| bytes_changed(random, bytes, other)),
            _ => bytes_changed(random, bytes, other),
        };
        bytes.truncate(most_bytes);
    }
    bytes
}

fn bytes_changed(random: &mut Random, mut bytes: Vec<u8>, other: &[u8]) -> Vec<u8> {
    let at = random.below(bytes.len() + 1);
    let end = at + random.below((bytes.len() - at).min(32) + 1);
    match random.below(8) {
        0 if at < bytes.len() => bytes[at] ^= 1 << random.below(8),
        1 if at < bytes.len() => bytes[at] = u8::try_from(random.below(256)).unwrap_or_default(),
        2 => drop(bytes.drain(at..end)),
        3 => {
            let from = random.below(other.len() + 1);
            let to = from + random.below((other.len() - from).min(64) + 1);
            drop(bytes.splice(at..end, other[from..to].iter().copied()));
        }
        4 => {
            // Bounds are only met by what is long.
            let times = [2, 3, 70, 300, 5_000][random.below(5)];
            let part: Vec<u8> = bytes[at..end].repeat(times);
            drop(bytes.splice(at..end, part));
        }
        5 => {
            // Where a line begins or a value of JSON does, a word means most.
            let begins = |(i, byte): (usize, &u8)| b"\n\":,[{".contains(byte).then_some(i + 1);
            let places: Vec<usize> = bytes.iter().enumerate().filter_map(begins).collect();
            let at = places
                .get(random.below(places.len()))
                .copied()
                .unwrap_or(at);
            drop(bytes.splice(at..at, word(random).bytes()));
        }
        6 => drop(bytes.splice(at..end, word(random).bytes())),
        _ => drop(bytes.splice(at..at, word(random).bytes())),
    }
    bytes
}

fn word(random: &mut Random) -> &'static str {
    WORDS[random.below(WORDS.len())]
}

/// The input with one node of its JSON changed; nothing if it is not JSON.
fn json_changed(random: &mut Random, bytes: &[u8], other: &[u8]) -> Option<Vec<u8>> {
    let mut root: Value = serde_json::from_slice(bytes).ok()?;
    let donor: Value = if random.below(2) == 0 {
        serde_json::from_slice(other).unwrap_or_default()
    } else {
        root.clone()
    };
    let at = random.below(size(&donor));
    let part = nth(&donor, &mut { at }).cloned().unwrap_or_default();
    let at = random.below(size(&root));
    let node = nth_mut(&mut root, &mut { at })?;
    match (random.below(3), &mut *node) {
        (0, Value::Object(fields)) => change_fields(random, fields, part),
        (0, Value::Array(items)) => change_items(random, items, part),
        (0, Value::String(text)) => {
            let place = text
                .char_indices()
                .nth(random.below(text.chars().count()))
                .map_or(0, |(place, _)| place);
            text.insert_str(
                place,
                &word(random).repeat([1, 1, 1, 60, 600][random.below(5)]),
            );
        }
        (1, _) => *node = part,
        _ => *node = strange(random),
    }
    Some(root.to_string().into_bytes())
}

fn change_fields(random: &mut Random, fields: &mut Map<String, Value>, part: Value) {
    let name = fields
        .keys()
        .nth(random.below(fields.len()))
        .cloned()
        .unwrap_or_default();
    match random.below(4) {
        0 => drop(fields.remove(&name)),
        1 => drop(fields.insert(name, part)),
        2 => drop(fields.insert(word(random).to_owned(), part)),
        _ => {
            // More than are kept.
            let text = word(random).repeat([1, 100, 600][random.below(3)]);
            fields.extend((0..random.below(100)).map(|i| (format!("l{i}"), json!(text))));
        }
    }
}

fn change_items(random: &mut Random, items: &mut Vec<Value>, part: Value) {
    let at = random.below(items.len() + 1);
    if random.below(2) == 0 && at < items.len() {
        items.remove(at);
    } else {
        items.insert(at, part);
    }
}

fn strange(random: &mut Random) -> Value {
    match random.below(10) {
        0 => Value::Null,
        1 => json!(random.below(2) == 0),
        2 => json!(u64::MAX),
        3 => json!(i64::MIN),
        4 => json!(-1.5e300),
        5 => json!([]),
        6 => json!({}),
        7 => (0..random.below(120)).fold(json!(1), |inner, _| json!([inner])),
        8 => json!(word(random).repeat(random.below(2_000))),
        _ => json!(word(random)),
    }
}

fn size(value: &Value) -> usize {
    1 + match value {
        Value::Array(items) => items.iter().map(size).sum(),
        Value::Object(fields) => fields.values().map(size).sum(),
        _ => 0,
    }
}

/// The node with this number, counted from the root down.
fn nth<'a>(value: &'a Value, number: &mut usize) -> Option<&'a Value> {
    if *number == 0 {
        return Some(value);
    }
    *number -= 1;
    match value {
        Value::Array(items) => items.iter().find_map(|item| nth(item, number)),
        Value::Object(fields) => fields.values().find_map(|field| nth(field, number)),
        _ => None,
    }
}

fn nth_mut<'a>(value: &'a mut Value, number: &mut usize) -> Option<&'a mut Value> {
    if *number == 0 {
        return Some(value);
    }
    *number -= 1;
    match value {
        Value::Array(items) => items.iter_mut().find_map(|item| nth_mut(item, number)),
        Value::Object(fields) => fields.values_mut().find_map(|field| nth_mut(field, number)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{Random, mutated};

    #[test]
    fn mutations_repeat_and_differ() {
        let seed =
            br#"{"status":"firing","alerts":[{"status":"firing","labels":{"pod":"web-0"}}]}"#;
        let run = |number| -> Vec<Vec<u8>> {
            let mut random = Random::new(number);
            (0..1_000)
                .map(|_| mutated(&mut random, seed, b"[1]", 65_536))
                .collect()
        };
        assert_eq!(run(7), run(7));
        assert_ne!(run(7), run(8));
        let json = run(7)
            .iter()
            .filter(|bytes| serde_json::from_slice::<serde_json::Value>(bytes).is_ok())
            .count();
        assert!((200..900).contains(&json), "{json} of 1,000 are still JSON");
    }
}
