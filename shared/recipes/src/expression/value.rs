//! Values that are known.

/// A value that is known.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Always finite.
    Number(f64),
    Text(String),
    Truth(bool),
}

impl Value {
    /// A number, if it is finite: nothing can be concluded from any other.
    pub(crate) fn number(number: f64) -> Option<Self> {
        number.is_finite().then_some(Self::Number(number))
    }
}
