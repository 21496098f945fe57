//! Command lines whose arguments are certain: a POSIX shell would run one program with exactly these words.
//!
//! The grammar of a shell has the rest
//! (<https://pubs.opengroup.org/onlinepubs/9799919799/utilities/V3_chap02.html>): quoting, expansions, redirections, pipes and lists.

/// Words that a shell takes for itself.
const SHELLS_OWN: [&str; 31] = [
    ".", "alias", "bg", "break", "case", "cd", "command", "continue", "do", "done", "elif", "else",
    "eval", "exec", "exit", "export", "fg", "fi", "for", "function", "if", "read", "return", "set",
    "shift", "source", "then", "trap", "ulimit", "umask", "while",
];
/// Programs that wait for a person, or never end by themselves.
const WAITS: [&str; 14] = [
    "vi", "vim", "nano", "emacs", "less", "more", "top", "htop", "watch", "ssh", "mosh", "screen",
    "tmux", "su",
];
/// Beginnings of lines that only say how a script fails.
const STRICT: [&str; 8] = [
    "set -e",
    "set -eu",
    "set -ex",
    "set -eux",
    "set -euo pipefail",
    "set -euxo pipefail",
    "set -eo pipefail",
    "set -o errexit",
];

/// True for a line of a script that makes it stop at the first failure, as a repair does anyway.
pub(super) fn is_strict_mode(line: &str) -> bool {
    STRICT.contains(&line)
}

/// The arguments of a command line.
///
/// # Errors
/// Why they are not certain, in a sentence.
pub(super) fn simple(line: &str) -> Result<Vec<String>, String> {
    if let Some(template) = template(line) {
        return Err(template);
    }
    if let Some(why) = expanded(line) {
        return Err(why.to_owned());
    }
    let words = shlex::split(line).ok_or("a quote does not end")?;
    program(words)
}

/// Arguments that no shell has seen, such as those of Ansible's `command`.
///
/// # Errors
/// Why they are not certain.
pub(super) fn unshelled(words: Vec<String>) -> Result<Vec<String>, String> {
    for word in &words {
        if let Some(template) = template(word) {
            return Err(template);
        }
        if word.contains('$') || word.starts_with('~') {
            return Err(format!(
                "`{word}` is replaced by what the host's environment has"
            ));
        }
    }
    program(words)
}

/// The same command as root, without a question.
pub(super) fn as_root(argv: Vec<String>) -> Vec<String> {
    if argv.first().is_some_and(|program| program == "sudo") {
        return argv;
    }
    let sudo = ["sudo", "-n"].map(str::to_owned);
    sudo.into_iter().chain(argv).collect()
}

/// That a text has a part which something else fills in.
fn template(text: &str) -> Option<String> {
    if text.contains("{{") || text.contains("{%") {
        return Some("it has a template, whose value is not known: write a parameter of the playbook in its place".to_owned());
    }
    if text.contains("${") || text.contains("@option.") {
        return Some("it has a variable, whose value is not known: write a parameter of the playbook in its place".to_owned());
    }
    let placeholder = text.split('<').skip(1).find_map(|rest| {
        let (name, _) = rest.split_once('>')?;
        let is_name = !name.is_empty()
            && name
                .chars()
                .all(|c| c.is_alphanumeric() || " _-".contains(c));
        is_name.then(|| name.to_owned())
    });
    placeholder.map(|name| {
        format!(
            "<{name}> is for a person to fill in: write a parameter of the playbook in its place"
        )
    })
}

/// What a shell would do with a line beyond taking it apart, if anything.
fn expanded(line: &str) -> Option<&'static str> {
    let mut quote = None;
    let mut before = ' ';
    let mut escaped = false;
    for c in line.chars() {
        let found = match (quote, c) {
            _ if escaped => None,
            (Some('\''), _) => None,
            (_, '$') => Some("it has a variable or a substitution, whose value is not known"),
            (_, '`') => Some("it runs another command inside"),
            (Some(_), _) => None,
            (None, '|') => Some("it is a pipe of several programs"),
            (None, '&' | ';') => Some("it is more than one command"),
            (None, '<' | '>') => Some("it has a redirection, which takes a shell"),
            (None, '(' | ')') => Some("it runs in a shell of its own"),
            (None, '*' | '?' | '[') => {
                Some("it has a pattern that a shell replaces by names of files")
            }
            (None, '{' | '}') => Some("it has braces that a shell replaces"),
            (None, '~') if before.is_whitespace() => {
                Some("it has a home directory that a shell puts in")
            }
            (None, '!') if before.is_whitespace() => {
                Some("it turns its exit status round, which takes a shell")
            }
            (None, '#') if before.is_whitespace() => Some("it has a comment inside"),
            _ => None,
        };
        if found.is_some() {
            return found;
        }
        escaped = c == '\\' && !escaped && quote != Some('\'');
        if !escaped && (c == '\'' || c == '"') {
            quote = match quote {
                None => Some(c),
                Some(open) if open == c => None,
                open => open,
            };
        }
        before = c;
    }
    None
}

/// Looks at the program, and at how it is run as another user.
fn program(mut words: Vec<String>) -> Result<Vec<String>, String> {
    let Some(first) = words.first().cloned() else {
        return Err("there is no command".to_owned());
    };
    if words.iter().any(|word| word.contains(char::is_control)) {
        return Err("an argument has a control character".to_owned());
    }
    if first.contains('=') {
        return Err("it sets a variable, which takes a shell".to_owned());
    }
    if SHELLS_OWN.contains(&first.as_str()) {
        return Err(format!("`{first}` is a word of the shell, and no program"));
    }
    if first == "sudo" {
        if !words.iter().any(|word| word == "-n") {
            // Nobody is there to type a password.
            words.insert(1, "-n".to_owned());
        }
        if words
            .iter()
            .any(|word| ["-i", "-s", "su"].contains(&word.as_str()))
        {
            return Err("it opens a shell as another user".to_owned());
        }
    }
    let programs = words
        .iter()
        .filter(|word| !["sudo", "-n"].contains(&word.as_str()));
    let name = programs
        .clone()
        .next()
        .map_or("", |word| word.rsplit('/').next().unwrap_or(word));
    let follows = |flags: &[&str]| words.iter().any(|word| flags.contains(&word.as_str()));
    let interactive = match name {
        "tail" | "journalctl" => follows(&["-f", "-F", "--follow"]),
        "kubectl" => {
            follows(&["edit", "-it", "-ti", "-w", "--watch", "-f", "--follow"])
                && !follows(&["apply", "delete"])
        }
        "docker" => follows(&["-it", "-ti", "-f", "--follow"]) && !follows(&["rm", "prune"]),
        name => WAITS.contains(&name),
    };
    if interactive {
        return Err("it waits for a person, or never ends by itself".to_owned());
    }
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::{simple, unshelled};

    #[test]
    fn words_of_a_simple_command_are_certain() {
        for (line, words) in [
            (
                "systemctl restart nginx",
                vec!["systemctl", "restart", "nginx"],
            ),
            (
                "sudo systemctl restart nginx",
                vec!["sudo", "-n", "systemctl", "restart", "nginx"],
            ),
            (
                "sudo -n -u web touch /srv/x",
                vec!["sudo", "-n", "-u", "web", "touch", "/srv/x"],
            ),
            (
                "psql -c 'SELECT 1; SELECT $2'",
                vec!["psql", "-c", "SELECT 1; SELECT $2"],
            ),
            ("echo \"a  b\" c\\ d", vec!["echo", "a  b", "c d"]),
            (
                "curl -fsS http://127.0.0.1:9000/x#top",
                vec!["curl", "-fsS", "http://127.0.0.1:9000/x#top"],
            ),
            (
                "kubectl delete -f job.yaml",
                vec!["kubectl", "delete", "-f", "job.yaml"],
            ),
        ] {
            assert_eq!(
                simple(line).as_deref(),
                Ok(&words
                    .iter()
                    .map(|&word| word.to_owned())
                    .collect::<Vec<_>>()[..]),
                "{line}"
            );
        }
    }

    #[test]
    fn whatever_takes_a_shell_is_refused() {
        for (line, says) in [
            ("ps aux | grep nginx", "pipe"),
            ("make && make install", "more than one"),
            ("sleep 5 &", "more than one"),
            ("echo x > /etc/motd", "redirection"),
            ("cat < /etc/motd", "redirection"),
            ("rm -rf /var/cache/*", "pattern"),
            ("ls /srv/?", "pattern"),
            ("echo $HOME", "variable"),
            ("echo \"$HOME\"", "variable"),
            ("kill `cat pid`", "another command"),
            ("kill $(cat pid)", "variable or a substitution"),
            ("(cd /srv)", "shell of its own"),
            ("cp {a,b} /srv", "braces"),
            ("ls ~/x", "home"),
            ("! true", "turns its exit status"),
            ("FOO=bar env", "sets a variable"),
            ("cd /srv", "word of the shell"),
            ("export A", "word of the shell"),
            ("if true", "word of the shell"),
            ("systemctl restart {{ unit }}", "template"),
            ("systemctl restart ${unit}", "variable"),
            (
                "kubectl delete pod <pod name>",
                "<pod name> is for a person",
            ),
            ("sudo -i", "opens a shell"),
            ("sudo su - postgres", "opens a shell"),
            ("sudo vim /etc/hosts", "waits for a person"),
            ("journalctl -f -u nginx", "waits for a person"),
            ("kubectl edit deployment web", "waits for a person"),
            ("kubectl exec -it web -- sh", "waits for a person"),
            ("echo 'a", "a quote does not end"),
            ("ls # all", "comment"),
            ("", "no command"),
        ] {
            let refused = simple(line).expect_err(line);
            assert!(refused.contains(says), "{line}: {refused}");
        }
    }

    #[test]
    fn words_that_no_shell_sees_may_have_its_signs() {
        let words = |words: &[&str]| {
            words
                .iter()
                .map(|&word| word.to_owned())
                .collect::<Vec<_>>()
        };
        assert_eq!(
            unshelled(words(&["find", "/srv", "-name", "*.log;"])),
            Ok(words(&["find", "/srv", "-name", "*.log;"]))
        );
        for refused in [
            &["echo", "$HOME"][..],
            &["ls", "~/x"],
            &["ls", "{{ x }}"],
            &["vi"],
            &[],
        ] {
            assert!(unshelled(words(refused)).is_err(), "{refused:?}");
        }
    }
}
