//! Prices of model calls in whole micro-dollars (10⁻⁶ USD): an upper bound before the call, the
//! exact price after it.

use serde::{Deserialize, Deserializer, Serialize};

/// Micro-dollars. Prices are rounded up: a budget is never overdrawn by rounding.
pub type MicroUsd = u64;

/// Tokens of one call, as its provider counted them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// Tokens that were sent.
    pub input: u64,
    /// Tokens that were answered, those of hidden reasoning included.
    pub output: u64,
}

impl Usage {
    pub fn total(self) -> u64 {
        self.input.saturating_add(self.output)
    }
}

/// Price of a model for a million tokens. Vendors quote dollars, and a dollar for a million tokens
/// is a micro-dollar for one: the numbers are thousandths of a micro-dollar for each token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Price {
    /// Thousandths of a micro-dollar for a token that is sent.
    pub input: u64,
    /// The same for a token that is answered.
    pub output: u64,
}

impl Price {
    /// The price of this many tokens, rounded up.
    pub fn of(self, usage: Usage) -> MicroUsd {
        let thousandths = usage
            .input
            .saturating_mul(self.input)
            .saturating_add(usage.output.saturating_mul(self.output));
        thousandths.div_ceil(1000)
    }
}

/// The most tokens that a text can be. A tokenizer that works on bytes never makes more tokens than there are bytes, so that this
/// holds for every model without its tokenizer; `overhead` is for the markers that a provider puts around the messages.
pub fn most_tokens(texts: &[&str], overhead: u64) -> u64 {
    texts
        .iter()
        .fold(overhead, |sum, text| sum.saturating_add(text.len() as u64))
}

/// Reads dollars, as an operator writes them, as micro-dollars.
pub(crate) fn usd<'de, D: Deserializer<'de>>(deserializer: D) -> Result<MicroUsd, D::Error> {
    let dollars = f64::deserialize(deserializer)?;
    if (0.0..=1e6).contains(&dollars) {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "it is between 0 and 10¹²"
        )]
        Ok((dollars * 1e6).round() as MicroUsd)
    } else {
        Err(serde::de::Error::custom(
            "it has to be dollars between 0 and a million",
        ))
    }
}

/// Micro-dollars as people read them: `$0.25`, `$0.000123`. Nothing is rounded away.
pub fn dollars(price: MicroUsd) -> String {
    let (whole, part) = (price / 1_000_000, format!("{:06}", price % 1_000_000));
    let shown = part.trim_end_matches('0').len().max(2);
    format!("${whole}.{}", &part[..shown])
}

#[cfg(test)]
mod tests {
    use super::{Price, Usage, dollars, most_tokens};

    #[test]
    fn a_price_is_rounded_up() {
        // 0.15 and 0.60 dollars for a million tokens.
        let price = Price {
            input: 150,
            output: 600,
        };
        let cases = [
            ((0, 0), 0),
            ((1, 0), 1),
            ((1_000_000, 0), 150_000),
            ((0, 1_000_000), 600_000),
            ((7, 3), 3),
            ((u64::MAX, 1), u64::MAX / 1000 + 1),
        ];
        for ((input, output), expected) in cases {
            assert_eq!(
                price.of(Usage { input, output }),
                expected,
                "{input} {output}"
            );
        }
        assert_eq!(
            Price {
                input: 0,
                output: 0
            }
            .of(Usage {
                input: 9,
                output: 9
            }),
            0
        );
    }

    #[test]
    fn no_text_has_more_tokens_than_bytes() {
        assert_eq!(most_tokens(&["abc", "警報"], 10), 19);
    }

    #[test]
    fn no_part_of_a_dollar_is_hidden() {
        for (price, shown) in [
            (0, "$0.00"),
            (1, "$0.000001"),
            (123_000, "$0.123"),
            (200_000, "$0.20"),
            (5_000_000, "$5.00"),
            (1_234_567_890, "$1234.56789"),
        ] {
            assert_eq!(dollars(price), shown);
        }
    }
}
