//! Conditions of causes: comparisons, arithmetic, patterns, and / or / not. There are no loops and no functions, so that each ends after as
//! many steps as it has operators.

mod evaluate;
mod kinds;
mod parse;
mod print;
mod value;

pub use self::kinds::Kind;
pub use self::parse::{Misread, parse};
pub use self::value::Value;

use crate::facts::Fact;

/// A condition, or a part of one.
#[derive(Debug, Clone, PartialEq)]
pub enum Expression {
    /// Always finite.
    Number(f64),
    Text(String),
    Truth(bool),
    /// Something that is asked, or that the alert says.
    Fact(Fact),
    Not(Box<Expression>),
    Binary(Box<Expression>, Operator, Box<Expression>),
}

/// An operator between two values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operator {
    Or,
    And,
    Less,
    AtMost,
    Greater,
    AtLeast,
    Equal,
    NotEqual,
    /// A text has a match of a pattern.
    Matches,
    Add,
    Subtract,
    Multiply,
    Divide,
}

/// How strongly `not` binds: less than a comparison, more than `and`.
const NOT_BINDS: u8 = 3;
/// How strongly a comparison binds.
const COMPARISON_BINDS: u8 = 4;

impl Operator {
    /// Every operator. Those whose sign begins with another one's are before it.
    const ALL: [Self; 13] = [
        Self::Or,
        Self::And,
        Self::AtMost,
        Self::AtLeast,
        Self::Less,
        Self::Greater,
        Self::Equal,
        Self::NotEqual,
        Self::Matches,
        Self::Add,
        Self::Subtract,
        Self::Multiply,
        Self::Divide,
    ];

    const fn sign(self) -> &'static str {
        match self {
            Self::Or => "or",
            Self::And => "and",
            Self::Less => "<",
            Self::AtMost => "<=",
            Self::Greater => ">",
            Self::AtLeast => ">=",
            Self::Equal => "==",
            Self::NotEqual => "!=",
            Self::Matches => "~",
            Self::Add => "+",
            Self::Subtract => "-",
            Self::Multiply => "*",
            Self::Divide => "/",
        }
    }

    /// How strongly it binds. Parser and printer have it from here alone.
    const fn binds(self) -> u8 {
        match self {
            Self::Or => 1,
            Self::And => 2,
            Self::Less
            | Self::AtMost
            | Self::Greater
            | Self::AtLeast
            | Self::Equal
            | Self::NotEqual
            | Self::Matches => COMPARISON_BINDS,
            Self::Add | Self::Subtract => 5,
            Self::Multiply | Self::Divide => 6,
        }
    }

    /// True for an operator that does not chain: `a < b < c` means nothing.
    const fn is_comparison(self) -> bool {
        self.binds() == COMPARISON_BINDS
    }
}

impl Expression {
    pub(crate) fn binary(left: Self, operator: Operator, right: Self) -> Self {
        Self::Binary(Box::new(left), operator, Box::new(right))
    }

    /// Every fact that it reads, in the order of the text.
    pub fn facts(&self) -> Vec<&Fact> {
        let mut facts = Vec::new();
        self.collect(&mut facts);
        facts
    }

    fn collect<'e>(&'e self, facts: &mut Vec<&'e Fact>) {
        match self {
            Self::Number(_) | Self::Text(_) | Self::Truth(_) => {}
            Self::Fact(fact) => facts.push(fact),
            Self::Not(inner) => inner.collect(facts),
            Self::Binary(left, _, right) => {
                left.collect(facts);
                right.collect(facts);
            }
        }
    }
}

#[cfg(test)]
mod property_tests;
