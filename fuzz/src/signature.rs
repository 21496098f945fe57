//! Properties of signatures: accepted exactly if HMAC-SHA256, computed here by its definition,
//! agrees.

use ingress::authentication::{GRAFANA, SIGNED, SLACK, SignatureForm, signature};
use lambda_http::http::{HeaderMap, HeaderName, HeaderValue};
use secrecy::SecretString;
use sha2::{Digest as _, Sha256};

use crate::request::{MARK, Request, one, replaced};
use crate::{NOW, now, refusal};

/// A form as `docs/security.md` describes it.
struct Form {
    form: SignatureForm,
    headers: &'static [&'static str],
    prefix: &'static str,
    timestamp: &'static str,
    version: &'static [u8],
    separator: &'static [u8],
}

const FORMS: [Form; 3] = [
    Form {
        form: SIGNED,
        headers: &["x-signature-256", "x-hub-signature-256"],
        prefix: "sha256=",
        timestamp: "x-signature-timestamp",
        version: b"",
        separator: b".",
    },
    Form {
        form: GRAFANA,
        headers: &["x-grafana-alerting-signature"],
        prefix: "",
        timestamp: "x-grafana-alerting-timestamp",
        version: b"",
        separator: b":",
    },
    Form {
        form: SLACK,
        headers: &["x-slack-signature"],
        prefix: "v0=",
        timestamp: "x-slack-request-timestamp",
        version: b"v0:",
        separator: b":",
    },
];

/// Headers of a signature. In a value, `{signature}` stands for the right one and `{SIGNATURE}` for it in upper case.
pub(crate) fn check(bytes: &[u8]) {
    let request = Request::of(bytes);
    for form in &FORMS {
        let right = form.sign(&request.secret, request.first(form.timestamp), request.body);
        let headers = request.headers(|name, value| {
            let value = replaced(value, "{signature}", right.as_bytes());
            (
                name,
                replaced(&value, "{SIGNATURE}", right.to_uppercase().as_bytes()),
            )
        });
        assert_eq!(
            form.form.is_claimed(&headers),
            form.headers.iter().any(|name| headers.contains_key(*name))
        );
        for require_timestamp in [false, true] {
            let expected = form
                .accepts(&request.secret, &headers, request.body, require_timestamp)
                .unwrap_or(false);
            let accepted = form.ask(&request.secret, &headers, request.body, require_timestamp);
            assert_eq!(
                accepted, expected,
                "{headers:?}, a timestamp required: {require_timestamp}"
            );
        }
        form.made_here(
            form.headers[bytes.len() % form.headers.len()],
            &request.secret,
            request.body,
            bytes.len(),
        );
    }
}

impl Form {
    fn sign(&self, secret: &str, timestamp: Option<&[u8]>, body: &[u8]) -> String {
        match timestamp {
            Some(timestamp) => hmac(
                secret.as_bytes(),
                &[self.version, timestamp, self.separator, body].concat(),
            ),
            None => hmac(secret.as_bytes(), body),
        }
    }

    /// What ingress says. A refusal shows neither the secret nor what would have been right.
    fn ask(&self, secret: &str, headers: &HeaderMap, body: &[u8], require_timestamp: bool) -> bool {
        let known = SecretString::from(secret);
        let Err(rejection) = signature(self.form, &known, headers, body, now(), require_timestamp)
        else {
            return true;
        };
        let timestamp = headers.get(self.timestamp).map(HeaderValue::as_bytes);
        refusal::of_caller(
            rejection,
            &[
                MARK,
                &self.sign(secret, timestamp, body),
                &self.sign(secret, None, body),
            ],
        );
        false
    }

    /// What the book says; nothing where a header is missing or not readable.
    fn accepts(
        &self,
        secret: &str,
        headers: &HeaderMap,
        body: &[u8],
        require_timestamp: bool,
    ) -> Option<bool> {
        let mut given = Vec::new();
        for name in self.headers {
            given.extend(one(headers, name).ok()?);
        }
        let digits = given.first()?.strip_prefix(self.prefix)?;
        let timestamp = one(headers, self.timestamp).ok()?;
        let in_time = match timestamp {
            Some(text) => NOW.abs_diff(text.parse::<i64>().ok()?) <= 300,
            None => !require_timestamp,
        };
        Some(
            in_time
                && digits.eq_ignore_ascii_case(&self.sign(
                    secret,
                    timestamp.map(str::as_bytes),
                    body,
                )),
        )
    }

    /// A signature that is made here is accepted, and nothing near it is. `choice` says where it is changed.
    fn made_here(&self, name: &'static str, secret: &str, body: &[u8], choice: usize) {
        let ask = |pairs: &[(&'static str, &str)], body: &[u8]| {
            self.ask(secret, &headers(pairs), body, true)
        };
        let age = i64::try_from(choice % 601).expect("a small number") - 300;
        let time = (NOW + age).to_string();
        let right = format!(
            "{}{}",
            self.prefix,
            self.sign(secret, Some(time.as_bytes()), body)
        );
        let with = |signature: &str, time: &str, body: &[u8]| {
            ask(&[(name, signature), (self.timestamp, time)], body)
        };
        assert!(with(&right, &time, body), "a right signature is accepted");
        let upper = format!(
            "{}{}",
            self.prefix,
            right[self.prefix.len()..].to_uppercase()
        );
        assert!(with(&upper, &time, body), "upper-case hex is accepted");
        assert!(
            !with(&right, &(NOW + age - 1).to_string(), body),
            "another time is refused"
        );
        assert!(
            !with(&right, &format!("0{time}"), body),
            "the same time in another spelling was not signed"
        );
        let mut flipped = body.to_vec();
        match flipped.len() {
            0 => flipped.push(b' '),
            length => flipped[choice % length] ^= 1 << (choice % 8),
        }
        assert!(!with(&right, &time, &flipped), "another body is refused");
        let at = self.prefix.len() + choice % 64;
        let other = if right.as_bytes()[at] == b'0' {
            "1"
        } else {
            "0"
        };
        let mut wrong = right.clone();
        wrong.replace_range(at..=at, other);
        assert!(!with(&wrong, &time, body), "another signature is refused");
        for cut in [
            &right[..right.len() - 1],
            &right[..right.len() - 2],
            &right[..self.prefix.len()],
            &right[1..],
            "",
        ] {
            assert!(!with(cut, &time, body), "a cut signature is refused");
        }
        let twice = [
            (name, right.as_str()),
            (name, &right),
            (self.timestamp, &time),
        ];
        assert!(
            !ask(&twice, body) && !ask(&twice[1..2], body),
            "a header twice, or no timestamp"
        );
        assert!(
            !ask(&[twice[0], twice[2], twice[2]], body),
            "the timestamp twice"
        );
        for old in [NOW - 301, NOW + 301] {
            let old = old.to_string();
            let signed = format!(
                "{}{}",
                self.prefix,
                self.sign(secret, Some(old.as_bytes()), body)
            );
            assert!(
                !with(&signed, &old, body),
                "a replay outside of the window is refused"
            );
        }
    }
}

fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
    let pair = |(name, value): &(&'static str, &str)| {
        (
            HeaderName::from_static(name),
            HeaderValue::from_str(value).expect("ASCII"),
        )
    };
    let mut headers = HeaderMap::new();
    for (name, value) in pairs.iter().map(pair) {
        headers.append(name, value);
    }
    headers
}

/// HMAC-SHA256 as RFC 2104 defines it, in lower-case hex.
fn hmac(key: &[u8], text: &[u8]) -> String {
    let mut block = [0_u8; 64];
    if key.len() > 64 {
        block[..32].copy_from_slice(&Sha256::digest(key));
    } else {
        block[..key.len()].copy_from_slice(key);
    }
    let inner = Sha256::new()
        .chain_update(block.map(|byte| byte ^ 0x36))
        .chain_update(text)
        .finalize();
    hex::encode(
        Sha256::new()
            .chain_update(block.map(|byte| byte ^ 0x5c))
            .chain_update(inner)
            .finalize(),
    )
}

#[cfg(test)]
mod tests {
    /// RFC 4231, test cases 2 and 6: the second one has a key that is longer than a block.
    #[test]
    fn our_hmac_is_the_one_of_the_rfc() {
        let short = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        assert_eq!(super::hmac(b"Jefe", b"what do ya want for nothing?"), short);
        let long = "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54";
        assert_eq!(
            super::hmac(
                &[0xaa; 131],
                b"Test Using Larger Than Block-Size Key - Hash Key First"
            ),
            long
        );
    }
}
