//! A finding of `quell doctor`: what was looked at, what was found, and what to do about it.

use std::io::{Error, Write};

use serde::Serialize;

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Verdict {
    Ok,
    /// It could not be found out, or not from here.
    Unknown,
    /// It works, and will not under some circumstances.
    Warning,
    /// Something does not work.
    Fault,
}

impl Verdict {
    fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Unknown => "unknown",
            Self::Warning => "warning",
            Self::Fault => "FAULT",
        }
    }
}

/// What one check found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Finding {
    /// The check's name, as `--only` takes it.
    pub(crate) check: &'static str,
    pub(crate) verdict: Verdict,
    /// The cause, with the names of what is concerned.
    pub(crate) text: String,
    /// What to do about it.
    pub(crate) mend: Option<String>,
}

impl Finding {
    pub(crate) fn ok(check: &'static str, text: impl Into<String>) -> Self {
        Self {
            check,
            verdict: Verdict::Ok,
            text: text.into(),
            mend: None,
        }
    }

    pub(crate) fn fault(
        check: &'static str,
        text: impl Into<String>,
        mend: impl Into<String>,
    ) -> Self {
        Self::with(check, Verdict::Fault, text, mend)
    }

    pub(crate) fn warning(
        check: &'static str,
        text: impl Into<String>,
        mend: impl Into<String>,
    ) -> Self {
        Self::with(check, Verdict::Warning, text, mend)
    }

    pub(crate) fn unknown(
        check: &'static str,
        text: impl Into<String>,
        mend: impl Into<String>,
    ) -> Self {
        Self::with(check, Verdict::Unknown, text, mend)
    }

    /// A question that AWS did not answer.
    pub(crate) fn unanswered(check: &'static str, permission: &str, error: &str) -> Self {
        Self::unknown(
            check,
            format!("{permission} was not answered: {error}"),
            format!(
                "run it with a role that has {permission}, and see whether the service answers"
            ),
        )
    }

    fn with(
        check: &'static str,
        verdict: Verdict,
        text: impl Into<String>,
        mend: impl Into<String>,
    ) -> Self {
        Self {
            check,
            verdict,
            text: text.into(),
            mend: Some(mend.into()),
        }
    }
}

/// All is well: one line in place of none.
pub(crate) fn or_ok(
    findings: Vec<Finding>,
    check: &'static str,
    text: impl Into<String>,
) -> Vec<Finding> {
    if findings.is_empty() {
        vec![Finding::ok(check, text)]
    } else {
        findings
    }
}

/// The findings for people, and how many of each kind there are.
pub(crate) fn print(findings: &[Finding], out: &mut dyn Write) -> Result<(), Error> {
    for finding in findings {
        let Finding {
            check,
            verdict,
            text,
            mend,
        } = finding;
        writeln!(out, "{:<8} {check:<14} {text}", verdict.word())?;
        if let Some(mend) = mend {
            writeln!(out, "{:<23} -> {mend}", "")?;
        }
    }
    let count = |verdict, noun| {
        let of = findings.iter().filter(|one| one.verdict == verdict);
        counted(u64::try_from(of.count()).unwrap_or(u64::MAX), noun)
    };
    writeln!(
        out,
        "{}, {}, {} unknown, {} ok",
        count(Verdict::Fault, "fault"),
        count(Verdict::Warning, "warning"),
        findings
            .iter()
            .filter(|one| one.verdict == Verdict::Unknown)
            .count(),
        findings
            .iter()
            .filter(|one| one.verdict == Verdict::Ok)
            .count(),
    )
}

/// So many of something, in words.
pub(crate) fn counted(count: u64, noun: &str) -> String {
    match count {
        1 => format!("1 {noun}"),
        count => format!("{count} {noun}s"),
    }
}
