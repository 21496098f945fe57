//! Parser of conditions: words by combinators, operators by precedence climbing.

use thiserror::Error;
use winnow::ascii::{digit1, multispace0};
use winnow::combinator::{alt, cut_err, eof, not, opt, preceded, repeat, terminated};
use winnow::error::{ContextError, ErrMode, StrContext, StrContextValue};
use winnow::stream::Stream as _;
use winnow::token::{none_of, one_of, take_while};
use winnow::{ModalResult, Parser, Stateful};

use crate::expression::{Expression, NOT_BINDS, Operator};
use crate::facts::Fact;

/// The longest condition, in characters.
const MOST_CHARACTERS: usize = 1000;
/// How many parentheses and `not`s may be open at once.
const DEPTH: usize = 16;

const VALUE: &str = "a number, a text in double quotes, true, false, (, not, or a name such as x, x.least, label.job or alert.severity";
const OPERATOR: &str = "and, or, a comparison, + - * / or the end";
const UNIT: &str = "no letters behind a number but s, m, h, d, Ki, Mi, Gi or Ti";
const FLATTER: &str = "less nesting: at most 16 parentheses and nots inside of each other";

/// The text, with how many parentheses and `not`s are open.
type Input<'t> = Stateful<&'t str, usize>;

/// Why a text is no condition.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Misread {
    #[error("is longer than 1000 characters: make it two causes")]
    TooLong,
    #[error("cannot be read at column {column}, where {found} is: expected {expected}")]
    At {
        /// From 1, in characters.
        column: usize,
        /// The character in quotes, or `the end`.
        found: String,
        expected: String,
    },
}

/// Reads a condition.
///
/// # Errors
/// Where it cannot be read, and what was expected there.
pub fn parse(text: &str) -> Result<Expression, Misread> {
    if text.chars().nth(MOST_CHARACTERS).is_some() {
        return Err(Misread::TooLong);
    }
    let input = Stateful {
        input: text,
        state: 0,
    };
    whole
        .parse(input)
        .map_err(|error| misread(text, error.offset(), error.inner()))
}

fn whole(input: &mut Input<'_>) -> ModalResult<Expression> {
    let expression = climb(input, 0)?;
    read(input, multispace0)?;
    read(input, eof.context(expected(OPERATOR)))?;
    Ok(expression)
}

/// What a parser reads here. It says of what type the error is, which a bare `parse_next` leaves open.
fn read<'t, T>(
    input: &mut Input<'t>,
    mut parser: impl Parser<Input<'t>, T, ErrMode<ContextError>>,
) -> ModalResult<T> {
    parser.parse_next(input)
}

fn misread(text: &str, offset: usize, error: &ContextError) -> Misread {
    let behind = text.get(offset..).unwrap_or_default();
    let blank = behind.len() - behind.trim_start().len();
    let column = text.get(..offset + blank).unwrap_or(text).chars().count() + 1;
    let found = behind.trim_start().chars().next();
    // The innermost is first, and the most exact.
    let expected = error.context().find_map(|context| match context {
        StrContext::Expected(value) => Some(value.to_string()),
        _ => None,
    });
    Misread::At {
        column,
        found: found.map_or_else(|| "the end".to_owned(), |c| format!("`{c}`")),
        expected: expected.unwrap_or_else(|| VALUE.to_owned()),
    }
}

fn expected(what: &'static str) -> StrContext {
    StrContext::Expected(StrContextValue::Description(what))
}

/// An error that no alternative is tried after.
fn refused<T>(what: &'static str) -> ModalResult<T> {
    let mut error = ContextError::new();
    error.push(expected(what));
    Err(ErrMode::Cut(error))
}

/// Operands, joined by operators that bind at least so strongly.
fn climb(input: &mut Input<'_>, least: u8) -> ModalResult<Expression> {
    // What binds more strongly than the operator before is a part of that one's right side; a comparison is followed by no other one.
    let (mut left, mut most) = unary(input)?;
    loop {
        let before = input.checkpoint();
        let Some(next) = read(input, opt(operator))? else {
            return Ok(left);
        };
        if next.binds() < least || next.binds() > most {
            input.reset(&before);
            return Ok(left);
        }
        let right = climb(input, next.binds() + 1).map_err(ErrMode::cut)?;
        most = next.binds() - u8::from(next.is_comparison());
        left = Expression::binary(left, next, right);
    }
}

fn operator(input: &mut Input<'_>) -> ModalResult<Operator> {
    read(input, multispace0)?;
    for candidate in Operator::ALL {
        let sign = candidate.sign();
        let found = match candidate {
            Operator::And | Operator::Or => read(input, opt(keyword(sign)))?,
            _ => read(input, opt(sign))?,
        };
        if found.is_some() {
            return Ok(candidate);
        }
    }
    Err(ErrMode::Backtrack(ContextError::new()))
}

/// A word that does not go on behind it.
fn keyword<'t>(word: &'static str) -> impl Parser<Input<'t>, &'t str, ErrMode<ContextError>> {
    terminated(word, not(one_of(goes_on)))
}

/// True for what a name may go on with.
fn goes_on(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == '.'
}

/// `not` with what it is about, or a single value; and how strongly an operator behind it may bind.
fn unary(input: &mut Input<'_>) -> ModalResult<(Expression, u8)> {
    read(input, multispace0)?;
    if read(input, opt(keyword("not")))?.is_some() {
        let inner = deeper(input, NOT_BINDS)?;
        return Ok((Expression::Not(Box::new(inner)), NOT_BINDS));
    }
    if read(input, opt('('))?.is_some() {
        let inner = deeper(input, 0)?;
        let close = preceded(multispace0, ')').context(expected("an operator or )"));
        read(input, cut_err(close))?;
        return Ok((inner, u8::MAX));
    }
    let value = alt((
        number.map(Expression::Number),
        text.map(Expression::Text),
        name,
    ));
    let value = read(input, value.context(expected(VALUE)))?;
    Ok((value, u8::MAX))
}

fn deeper(input: &mut Input<'_>, least: u8) -> ModalResult<Expression> {
    input.state += 1;
    if input.state > DEPTH {
        return refused(FLATTER);
    }
    let inner = climb(input, least).map_err(ErrMode::cut)?;
    input.state -= 1;
    Ok(inner)
}

/// A number, negative too, with a unit of time or of memory directly behind it.
fn number(input: &mut Input<'_>) -> ModalResult<f64> {
    let exponent = ('e', opt(one_of(['+', '-'])), digit1);
    let digits = (opt('-'), digit1, opt(('.', digit1)), opt(exponent)).take();
    let (digits, unit) = read(input, (digits, take_while(0.., goes_on)))?;
    let factor = match unit {
        "" | "s" => 1.0,
        "m" => 60.0,
        "h" => 3_600.0,
        "d" => 86_400.0,
        "Ki" => 1_024.0,
        "Mi" => 1_048_576.0,
        "Gi" => 1_073_741_824.0,
        "Ti" => 1_099_511_627_776.0,
        _ => return refused(UNIT),
    };
    match digits.parse::<f64>() {
        Ok(number) if (number * factor).is_finite() => Ok(number * factor),
        _ => refused("a smaller number"),
    }
}

/// A text in double quotes. Before a quote or a backslash a backslash takes their meaning away; before anything else it is one, as in `\d`.
fn text(input: &mut Input<'_>) -> ModalResult<String> {
    read(input, '"')?;
    let character = alt(("\\\"".value('"'), "\\\\".value('\\'), none_of('"')));
    let characters = repeat(0.., character).fold(String::new, |mut text: String, c: char| {
        text.push(c);
        text
    });
    let end = '"'.context(expected("a double quote that ends the text"));
    read(input, cut_err(terminated(characters, end)))
}

/// `true`, `false`, or the name of a fact.
fn name(input: &mut Input<'_>) -> ModalResult<Expression> {
    let before = input.checkpoint();
    let word = read(input, (one_of(begins), take_while(0.., goes_on)).take())?;
    let read = match word {
        "true" => Some(Expression::Truth(true)),
        "false" => Some(Expression::Truth(false)),
        "and" | "or" | "not" => None,
        word => Fact::read(word).map(Expression::Fact),
    };
    match read {
        Some(expression) => Ok(expression),
        None => {
            input.reset(&before);
            refused(VALUE)
        }
    }
}

fn begins(c: char) -> bool {
    c.is_ascii_alphabetic() || c == '_'
}

#[cfg(test)]
mod tests {
    use super::{Misread, parse};

    #[test]
    fn operators_bind_as_people_expect() {
        let cases = [
            ("a or b and c", "a or b and c"),
            ("(a or b) and c", "(a or b) and c"),
            ("not a < 1 and b", "not a < 1 and b"),
            ("not (a and b)", "not (a and b)"),
            ("1 + 2 * 3 - 4", "1 + 2 * 3 - 4"),
            ("(1 + 2) * 3", "(1 + 2) * 3"),
            ("1 - (2 - 3)", "1 - (2 - 3)"),
            ("((a))", "a"),
            ("a-5<0", "a - 5 < 0"),
            ("a - -5 < 0", "a - -5 < 0"),
            ("a == (not b)", "a == (not b)"),
            ("android and order", "android and order"),
            ("90m > 1h", "5400 > 3600"),
            ("4Ki == 0.5Mi", "4096 == 524288"),
            ("a > 1.5e3 or a > 2e-1", "a > 1500 or a > 0.2"),
            (r#"label.a ~ "^\d+\\\"$""#, r#"label.a ~ "^\\d+\\\"$""#),
        ];
        for (text, printed) in cases {
            let read = parse(text).expect(text);
            assert_eq!(read.to_string(), printed);
            assert_eq!(parse(printed), Ok(read), "{printed}");
        }
    }

    #[test]
    fn an_error_says_the_column_and_what_was_expected() {
        let cases = [
            ("", 1, "the end", "a number"),
            ("a <", 4, "the end", "a number"),
            ("a < 3 b", 7, "`b`", "and, or"),
            ("a < b < c", 7, "`<`", "and, or"),
            ("not a == b == c", 12, "`=`", "and, or"),
            ("a and b == c == d", 14, "`=`", "and, or"),
            ("(a < 3", 7, "the end", "an operator or )"),
            ("a == \"x", 8, "the end", "a double quote"),
            ("a > 5x", 7, "the end", "no letters behind a number"),
            ("alert.sevrity == \"critical\"", 1, "`a`", "a number"),
            ("a and x.newest > 1", 7, "`x`", "a number"),
            ("a = 3", 3, "`=`", "and, or"),
            ("ä > 1", 1, "`ä`", "a number"),
            ("a > 1 ä", 7, "`ä`", "and, or"),
        ];
        for (text, at, what, wanted) in cases {
            let Err(Misread::At {
                column,
                found,
                expected,
            }) = parse(text)
            else {
                panic!("{text} is read")
            };
            assert_eq!((column, found.as_str()), (at, what), "{text}: {expected}");
            assert!(expected.starts_with(wanted), "{text}: {expected}");
        }
    }

    #[test]
    fn what_is_too_long_or_too_deep_is_refused() {
        assert_eq!(parse(&"1".repeat(1001)), Err(Misread::TooLong));
        let nested = |depth: usize| format!("{}a{}", "(".repeat(depth), ")".repeat(depth));
        assert!(parse(&nested(16)).is_ok());
        for deep in [nested(17), nested(400), format!("{}a", "not ".repeat(240))] {
            let error = parse(&deep).expect_err("too deep").to_string();
            assert!(error.contains("less nesting"), "{error}");
        }
        // As many behind each other as there is room for.
        assert!(parse(&vec!["(a)"; 150].join(" + ")).is_ok());
        assert!(parse(&"9".repeat(400)).is_err(), "it is no finite number");
    }
}
