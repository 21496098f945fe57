//! Targets of SSM Run Command: one host by its id, or all hosts that carry a tag.

use serde::Deserialize;

/// Hosts that are reached through SSM Run Command.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Written")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum SsmTarget {
    Instance {
        /// Its id, such as `i-0abcdef1234567890`.
        id: String,
    },
    /// All managed nodes that carry a tag.
    Tag {
        /// The tag, `Name=Value`.
        tag: String,
        /// On how many of them a command runs at a time: a number, or a share such as `25%`.
        max_concurrency: String,
        /// After how many failures it is not begun on further ones: a number, or a share.
        max_errors: String,
    },
}

/// A target as written in the file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(extend("oneOf" = [
        { "required": ["instance_id"], "properties": { "tag": false, "max_concurrency": false, "max_errors": false } },
        { "required": ["tag"], "properties": { "instance_id": false } }
    ])))]
struct Written {
    /// The id of an instance (i-…) or of a managed node (mi-…).
    #[cfg_attr(feature = "schema", schemars(extend("pattern" = "^m?i-[0-9a-f]{8,17}$")))]
    instance_id: Option<String>,
    /// The tag that they carry: Name=Value.
    #[cfg_attr(feature = "schema", schemars(extend("pattern" = "^[A-Za-z0-9 _.:/+@-]{1,128}=[A-Za-z0-9 _.:/+@-]{1,256}$")))]
    tag: Option<String>,
    /// On how many of them a command runs at a time, 1 by default: a number, or a share such as 25%.
    #[cfg_attr(feature = "schema", schemars(extend("pattern" = "^[1-9][0-9]*%?$")))]
    max_concurrency: Option<String>,
    /// After how many failures it is not begun on further ones, 0 by default: a number, or a share.
    #[cfg_attr(feature = "schema", schemars(extend("pattern" = "^[0-9]+%?$")))]
    max_errors: Option<String>,
}

impl TryFrom<Written> for SsmTarget {
    type Error = &'static str;

    fn try_from(written: Written) -> Result<Self, Self::Error> {
        let Written {
            instance_id,
            tag,
            max_concurrency,
            max_errors,
        } = written;
        match (instance_id, tag) {
            (Some(id), None) if max_concurrency.is_none() && max_errors.is_none() => {
                Ok(Self::Instance { id })
            }
            (Some(_), None) => {
                Err("max_concurrency and max_errors are for a tag: an instance_id names one host")
            }
            // One host after the other, and no further one after the first failure.
            (None, Some(tag)) => Ok(Self::Tag {
                tag,
                max_concurrency: max_concurrency.unwrap_or_else(|| "1".to_owned()),
                max_errors: max_errors.unwrap_or_else(|| "0".to_owned()),
            }),
            (None, None) | (Some(_), Some(_)) => Err("give either instance_id or tag"),
        }
    }
}

impl SsmTarget {
    /// Everything that identifies the place, in one line.
    pub fn address(&self) -> String {
        match self {
            Self::Instance { id } => format!("ssm instance {id}"),
            Self::Tag {
                tag,
                max_concurrency,
                max_errors,
            } => {
                format!("ssm tag {tag} max_concurrency {max_concurrency} max_errors {max_errors}")
            }
        }
    }

    /// What is wrong with it: each a field and a sentence. The forms are those of the API
    /// (<https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_SendCommand.html>).
    pub(crate) fn errors(&self) -> Vec<(&'static str, &'static str)> {
        let checks = match self {
            Self::Instance { id } => {
                vec![(
                    is_node(id),
                    "instance_id",
                    "has to be the id of an instance (i-…) or of a managed node (mi-…)",
                )]
            }
            Self::Tag {
                tag,
                max_concurrency,
                max_errors,
            } => vec![
                (
                    tag_parts(tag).is_some(),
                    "tag",
                    "has to be Name=Value, made of letters, digits, spaces and _ . : / + - @",
                ),
                (
                    is_share(max_concurrency, 1),
                    "max_concurrency",
                    "has to be a number from 1 or a share such as 25%",
                ),
                (
                    is_share(max_errors, 0),
                    "max_errors",
                    "has to be a number from 0 or a share such as 25%",
                ),
            ],
        };
        checks
            .into_iter()
            .filter(|(fits, ..)| !fits)
            .map(|(_, field, error)| (field, error))
            .collect()
    }
}

/// The name and the value of a tag that is written `Name=Value`; none if it is not.
pub fn tag_parts(tag: &str) -> Option<(&str, &str)> {
    let (name, value) = tag.split_once('=')?;
    let fits = |text: &str, most: usize| {
        (1..=most).contains(&text.len())
            && text
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b" _.:/+-@".contains(&b))
    };
    (fits(name, 128) && fits(value, 256)).then_some((name, value))
}

fn is_node(id: &str) -> bool {
    let hex = |text: &str, lengths: &[usize]| {
        lengths.contains(&text.len())
            && text
                .bytes()
                .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
    };
    id.strip_prefix("i-").is_some_and(|id| hex(id, &[8, 17]))
        || id.strip_prefix("mi-").is_some_and(|id| hex(id, &[17]))
}

/// True for a number without leading zeros, or a share from 0 to 100 %, that is at least this.
fn is_share(text: &str, least: u32) -> bool {
    let (number, most) = text
        .strip_suffix('%')
        .map_or((text, 999_999), |share| (share, 100));
    let plain =
        number.bytes().all(|b| b.is_ascii_digit()) && (number == "0" || !number.starts_with('0'));
    plain
        && number
            .parse()
            .is_ok_and(|number: u32| (least..=most).contains(&number))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{SsmTarget, tag_parts};

    fn read(written: Value) -> Result<SsmTarget, String> {
        serde_json::from_value(written).map_err(|error| error.to_string())
    }

    #[test]
    fn a_target_is_one_node_or_a_tag_and_its_address_says_all_of_it() {
        let good = [
            (
                json!({ "instance_id": "i-0abcdef1234567890" }),
                "ssm instance i-0abcdef1234567890",
            ),
            (
                json!({ "instance_id": "i-01234567" }),
                "ssm instance i-01234567",
            ),
            (
                json!({ "instance_id": "mi-0abcdef1234567890" }),
                "ssm instance mi-0abcdef1234567890",
            ),
            (
                json!({ "tag": "Service=sentry" }),
                "ssm tag Service=sentry max_concurrency 1 max_errors 0",
            ),
            (
                json!({ "tag": "a:b/c=d e@f", "max_concurrency": "25%", "max_errors": "0%" }),
                "ssm tag a:b/c=d e@f max_concurrency 25% max_errors 0%",
            ),
            (
                json!({ "tag": "a=b", "max_concurrency": "100%", "max_errors": "999999" }),
                "ssm tag a=b max_concurrency 100% max_errors 999999",
            ),
        ];
        for (written, address) in good {
            let target = read(written).expect("a target");
            assert_eq!(
                (target.address().as_str(), target.errors()),
                (address, vec![])
            );
        }
    }

    #[test]
    fn what_is_neither_is_said_so() {
        let cases = [
            (json!({}), "give either instance_id or tag"),
            (
                json!({ "instance_id": "i-01234567", "tag": "a=b" }),
                "give either instance_id or tag",
            ),
            (
                json!({ "instance_id": "i-01234567", "max_errors": "0" }),
                "max_concurrency and max_errors are for a tag",
            ),
            (
                json!({ "tag": "a=b", "document": "AWS-RunShellScript" }),
                "unknown field `document`",
            ),
        ];
        for (written, why) in cases {
            let error = read(written).expect_err("refused");
            assert!(error.contains(why), "{error}");
        }
    }

    #[test]
    fn a_wrong_field_is_named() {
        for id in [
            "",
            "i-",
            "i-0123",
            "i-0ABCDEF1234567890",
            "i-0abcdef123456789",
            "mi-01234567",
            "i-0123456g",
            "web-1",
        ] {
            let errors = read(json!({ "instance_id": id })).expect("read").errors();
            assert_eq!(
                errors.iter().map(|(field, _)| *field).collect::<Vec<_>>(),
                ["instance_id"],
                "{id}"
            );
        }
        for tag in [
            "",
            "a",
            "a=",
            "=b",
            "a,b=c",
            "a=b*",
            "a=b=c",
            &format!("{}=b", "a".repeat(129)),
            &format!("a={}", "b".repeat(257)),
        ] {
            let errors = read(json!({ "tag": tag })).expect("read").errors();
            assert_eq!(
                errors.iter().map(|(field, _)| *field).collect::<Vec<_>>(),
                ["tag"],
                "{tag}"
            );
            assert!(tag_parts(tag).is_none());
        }
        for share in [
            "", "%", "-1", "+1", "01", "0x1", "101%", "1000000", "1.5", "1 %", "5%%", "00",
        ] {
            let errors =
                read(json!({ "tag": "a=b", "max_concurrency": share, "max_errors": share }))
                    .expect("read")
                    .errors();
            assert_eq!(
                errors.iter().map(|(field, _)| *field).collect::<Vec<_>>(),
                ["max_concurrency", "max_errors"],
                "{share}"
            );
        }
        // Nothing would ever run.
        for none in ["0", "0%"] {
            assert_eq!(
                read(json!({ "tag": "a=b", "max_concurrency": none }))
                    .expect("read")
                    .errors()
                    .len(),
                1,
                "{none}"
            );
        }
    }
}
