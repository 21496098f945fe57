//! Command line of a step: an argument vector as the one string that SSH and SSM carry, and that
//! `quell-guard` compares.

use thiserror::Error;

/// An argument holds a NUL byte, which no program can be passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("an argument holds a NUL byte, which no program can be passed")]
pub struct NulByte;

/// Quotes an argument vector for a POSIX shell.
///
/// SSH has no argument vectors on the wire: an exec request is one string (RFC 4254, section 6.5), and sshd hands it to
/// the login shell of the user. Quoting every argument is therefore how a vector arrives as it was: the shell takes it
/// apart again and finds nothing to interpret in it.
///
/// # Errors
/// If an argument holds a NUL byte, which no program can be passed.
pub fn line(argv: &[String]) -> Result<String, NulByte> {
    shlex::try_join(argv.iter().map(String::as_str)).map_err(|_| NulByte)
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::{NulByte, line};

    #[test]
    fn a_shell_finds_the_same_arguments_and_nothing_to_run() {
        let hostile = [
            "",
            " ",
            "a b",
            "'",
            "\"",
            "'\\''",
            "\\",
            "$(touch x)",
            "`touch x`",
            "; touch x",
            "&& touch x",
            "| sh",
            "$HOME",
            "~",
            "*",
            "{a,b}",
            "!!",
            "#",
            "=",
            "^",
            "line\nbreak",
            "\t",
            "\r",
            "größer ☃ 𝄞",
            "\u{a0}",
            "-rf",
            "--",
            "if",
            "%s",
        ];
        let argv: Vec<String> = ["printf", "%s\\0"]
            .into_iter()
            .chain(hostile)
            .map(str::to_owned)
            .collect();
        let directory = tempfile::tempdir().expect("a directory");
        let output = Command::new("sh")
            .arg("-c")
            .arg(line(&argv).expect("a line"))
            .current_dir(&directory)
            .output();
        let seen = String::from_utf8(output.expect("there is a shell").stdout).expect("UTF-8");
        assert_eq!(seen.split_terminator('\0').collect::<Vec<_>>(), hostile);
        assert_eq!(
            std::fs::read_dir(&directory)
                .expect("the directory")
                .count(),
            0,
            "something was run"
        );
    }

    #[test]
    fn a_nul_byte_is_refused() {
        assert_eq!(
            line(&["printf".to_owned(), "a\0b".to_owned()]),
            Err(NulByte)
        );
    }
}
