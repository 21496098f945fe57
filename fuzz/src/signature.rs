//! Properties of signatures: accepted exactly if HMAC-SHA256, computed here by its definition,
//! agrees.

use ingress::authentication::{
    Covered, GRAFANA, SIGNED, SLACK, SignatureForm, SignedRequest, signature,
};
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
    /// True if its signatures may cover the route: `v2=` over `v2:<ts>:<path>:<body>`.
    bound: bool,
}

/// The route on which the signatures are given, and what stands before and behind it in what is signed.
const PATH: &str = "/api/v1/webhooks/alerts";
const BEFORE: &[u8] = b"v2:";
const AROUND: &[u8] = b":";

const FORMS: [Form; 3] = [
    Form {
        form: SIGNED,
        headers: &["x-signature-256", "x-hub-signature-256"],
        prefix: "sha256=",
        timestamp: "x-signature-timestamp",
        version: b"",
        separator: b".",
        bound: true,
    },
    Form {
        form: GRAFANA,
        headers: &["x-grafana-alerting-signature"],
        prefix: "",
        timestamp: "x-grafana-alerting-timestamp",
        version: b"",
        separator: b":",
        bound: false,
    },
    Form {
        form: SLACK,
        headers: &["x-slack-signature"],
        prefix: "v0=",
        timestamp: "x-slack-request-timestamp",
        version: b"v0:",
        separator: b":",
        bound: false,
    },
];

/// Headers of a signature. In a value, `{signature}` stands for the right one, `{SIGNATURE}` for it in upper case, and `{bound}` for the one
/// that covers the route.
pub(crate) fn check(bytes: &[u8]) {
    let request = Request::of(bytes);
    for form in &FORMS {
        let right = form.sign(&request.secret, request.first(form.timestamp), request.body);
        let timestamp = request.first(form.timestamp).unwrap_or_default();
        let bound = Form::sign_bound(&request.secret, timestamp, PATH, request.body);
        let headers = request.headers(|name, value| {
            let value = replaced(value, "{signature}", right.as_bytes());
            let value = replaced(&value, "{bound}", bound.as_bytes());
            (
                name,
                replaced(&value, "{SIGNATURE}", right.to_uppercase().as_bytes()),
            )
        });
        assert_eq!(
            form.form.is_claimed(&headers),
            form.headers.iter().any(|name| headers.contains_key(*name))
        );
        for required in [(false, false), (true, false), (true, true)]
            .map(|(time, route)| Covered { time, route })
        {
            let expected = form
                .accepts(&request.secret, &headers, request.body, required)
                .unwrap_or(false);
            let accepted = form.ask(&request.secret, &headers, request.body, required);
            assert_eq!(accepted, expected, "{headers:?}, {required:?}");
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

    fn sign_bound(secret: &str, timestamp: &[u8], path: &str, body: &[u8]) -> String {
        let parts = [BEFORE, timestamp, AROUND, path.as_bytes(), AROUND, body];
        hmac(secret.as_bytes(), &parts.concat())
    }

    /// What ingress says. A refusal shows neither the secret nor what would have been right.
    fn ask(&self, secret: &str, headers: &HeaderMap, body: &[u8], required: Covered) -> bool {
        let known = SecretString::from(secret);
        let request = SignedRequest::new(headers, PATH, body);
        let Err(rejection) = signature(self.form, &known, request, now(), required) else {
            return true;
        };
        let timestamp = headers.get(self.timestamp).map(HeaderValue::as_bytes);
        refusal::of_caller(
            rejection,
            &[
                MARK,
                &self.sign(secret, timestamp, body),
                &self.sign(secret, None, body),
                &Self::sign_bound(secret, timestamp.unwrap_or_default(), PATH, body),
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
        required: Covered,
    ) -> Option<bool> {
        let mut given = Vec::new();
        for name in self.headers {
            given.extend(one(headers, name).ok()?);
        }
        let given = *given.first()?;
        let timestamp = one(headers, self.timestamp).ok()?;
        let in_time = match timestamp {
            Some(text) => NOW.abs_diff(text.parse::<i64>().ok()?) <= 300,
            None => !required.time,
        };
        if let Some(digits) = given.strip_prefix("v2=").filter(|_| self.bound) {
            let right = Self::sign_bound(secret, timestamp?.as_bytes(), PATH, body);
            return Some(in_time && digits.eq_ignore_ascii_case(&right));
        }
        let digits = given.strip_prefix(self.prefix)?;
        let right = self.sign(secret, timestamp.map(str::as_bytes), body);
        let covers = !(required.route && self.bound);
        Some(covers && in_time && digits.eq_ignore_ascii_case(&right))
    }

    /// A signature that is made here is accepted, and nothing near it is. `choice` says where it is changed.
    fn made_here(&self, name: &'static str, secret: &str, body: &[u8], choice: usize) {
        let ask = |pairs: &[(&'static str, &str)], body: &[u8]| {
            let required = Covered {
                time: true,
                route: false,
            };
            self.ask(secret, &headers(pairs), body, required)
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
        for (path, accepted) in [(PATH, self.bound), ("/api/v1/webhooks/signals", false)] {
            let bound = Self::sign_bound(secret, time.as_bytes(), path, body);
            assert_eq!(
                with(&format!("v2={bound}"), &time, body),
                accepted,
                "{path}"
            );
        }
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
