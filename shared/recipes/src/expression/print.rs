//! A condition as text: what it was read from, with no more parentheses than it needs.

use std::fmt;

use crate::expression::{Expression, NOT_BINDS};

impl fmt::Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(f, 0)
    }
}

impl Expression {
    /// Writes it where an operator that binds so strongly is beside it.
    fn write(&self, f: &mut fmt::Formatter<'_>, least: u8) -> fmt::Result {
        let binds = match self {
            Self::Not(_) => NOT_BINDS,
            Self::Binary(_, operator, _) => operator.binds(),
            _ => u8::MAX,
        };
        if binds < least {
            f.write_str("(")?;
            self.write(f, 0)?;
            return f.write_str(")");
        }
        match self {
            Self::Number(number) => write!(f, "{number}"),
            Self::Text(text) => {
                let text = text.replace('\\', "\\\\").replace('"', "\\\"");
                write!(f, "\"{text}\"")
            }
            Self::Truth(truth) => write!(f, "{truth}"),
            Self::Fact(fact) => write!(f, "{fact}"),
            Self::Not(inner) => {
                f.write_str("not ")?;
                inner.write(f, NOT_BINDS)
            }
            Self::Binary(left, operator, right) => {
                // Operators of one strength are read from the left; comparisons do not chain at all.
                let of_left = operator.binds() + u8::from(operator.is_comparison());
                left.write(f, of_left)?;
                write!(f, " {} ", operator.sign())?;
                right.write(f, operator.binds() + 1)
            }
        }
    }
}
