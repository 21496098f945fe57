//! Hostile texts for labels, names and values: attempts to make Quell run a foreign command.

use std::path::Path;

/// What people could put into a playbook or a registry, and what a shell would make something else of.
pub const ARGUMENTS: [&str; 14] = [
    "a b",
    "'",
    "\"",
    "it's \"quoted\"",
    "\\",
    "$(touch x)",
    "`touch x`",
    "; touch x",
    "&& touch x",
    "| sh",
    "$HOME",
    "*",
    "größer ☃ 𝄞",
    "{}",
];
/// Texts in which `{mark}` stands for a file: whatever runs any of them makes that file, or another one beside it.
const TEMPLATES: [&str; 132] = [
    // Substitutions, in every quoting that could be around them.
    "$(touch {mark})",
    "`touch {mark}`",
    "${IFS}$(touch${IFS}{mark})",
    "$((`touch {mark}`))",
    "$[`touch {mark}`]",
    "\"$(touch {mark})\"",
    "'$(touch {mark})'",
    "'; touch {mark}; '",
    "\"; touch {mark}; \"",
    "'\"; touch {mark}; \"'",
    "'\\''; touch {mark}; '\\''",
    "\\'; touch {mark}; \\'",
    "\\\"; touch {mark}; \\\"",
    "$'\\x27; touch {mark}'",
    "$\"; touch {mark}\"",
    "a'b\"c`touch {mark}`",
    "<(touch {mark})",
    ">(touch {mark})",
    "=(touch {mark})",
    "$(<{mark})",
    "${x:=`touch {mark}`}",
    "${x@P}",
    "${!x*}",
    "$$",
    "$0",
    "$@",
    "$HOME",
    "$\u{200b}(touch {mark})",
    "web$(touch {mark})",
    "$(touch {mark})web",
    // Separators, pipes and redirections.
    "; touch {mark}",
    ";touch {mark};",
    ";; touch {mark}",
    "& touch {mark}",
    "&& touch {mark}",
    "|| touch {mark}",
    "| touch {mark}",
    "|& touch {mark}",
    "|sh -c 'touch {mark}'",
    "web; touch {mark} #",
    "web && touch {mark} && true",
    "> {mark}",
    ">> {mark}",
    "1>{mark}",
    "2>&1 >{mark}",
    "&>{mark}",
    ">|{mark}",
    "<>{mark}",
    "< /etc/passwd > {mark}",
    "<< x\ntouch {mark}\nx",
    "<<< $(touch {mark})",
    "(touch {mark})",
    "{ touch {mark}; }",
    "! touch {mark}",
    "time touch {mark}",
    "exec touch {mark}",
    "eval touch {mark}",
    ". {mark}",
    "if true; then touch {mark}; fi",
    "function f { touch {mark}; }; f",
    "f(){ touch {mark};};f",
    "coproc touch {mark}",
    // Control characters.
    "web\ntouch {mark}",
    "web\r\ntouch {mark}",
    "web\rtouch {mark}",
    "\ntouch {mark}\n",
    "\n",
    "web\n",
    "web\0touch {mark}",
    "\0",
    "web\0",
    "web\ttouch {mark}",
    "web\u{b}touch {mark}",
    "web\u{c}touch {mark}",
    "\u{1b}[2J\u{1b}]0;touch {mark}\u{7}",
    "\u{1b}]52;c;dG91Y2g=\u{7}",
    "\u{8}\u{8}\u{8}touch {mark}",
    "\u{7f}touch {mark}",
    "\u{85}touch {mark}",
    "\u{9b}31mtouch {mark}",
    "\u{3}touch {mark}",
    "\u{4}",
    "\u{1a}touch {mark}",
    // What looks like an option, a variable or a file.
    "-rf",
    "--now",
    "-",
    "--",
    "-o ProxyCommand=touch {mark}",
    "--help",
    "-c touch {mark}",
    "-e touch {mark}",
    "PATH=. touch",
    "LD_PRELOAD={mark} true",
    "BASH_ENV={mark} bash -c true",
    "IFS=/",
    "x=1 touch {mark}",
    "*",
    "?",
    "[a-z]*",
    "/*/../*",
    "{a,b}",
    "{1..99999}",
    "~",
    "~root",
    "!!",
    "!-1",
    "^web^touch",
    "#",
    "web # comment",
    "../../../../bin/sh",
    "/dev/tcp/127.0.0.1/9",
    // Other languages: of templates, formats and this project's own placeholders.
    "{value}",
    "{{value}}",
    "{",
    "}",
    "{unit}",
    "{{7*7}}",
    "${{ touch }}",
    "<%= `touch {mark}` %>",
    "#{`touch {mark}`}",
    "${jndi:ldap://127.0.0.1:9/a}",
    "%n%n%n%s%s%s",
    "%x %p %1$n",
    "%(touch {mark})s",
    // What looks like something else.
    "\u{ff04}\u{ff08}touch {mark}\u{ff09}",
    "\u{ff1b}touch {mark}",
    "web\u{37e}touch {mark}",
    "\u{2018};touch {mark};\u{2019}",
    "\u{202e}{mark} hcuot\u{202c}",
    "\u{2066}web\u{2069}; touch {mark}",
    "w\u{435}b",
    "web\u{a0};\u{2028}touch {mark}\u{2029}",
];

/// All of them, with what cannot be written down: long ones, and every byte that a shell could take for its own.
#[must_use]
pub fn values(mark: &Path) -> Vec<String> {
    let mark = mark.display().to_string();
    let mut values: Vec<String> = TEMPLATES
        .iter()
        .map(|template| template.replace("{mark}", &mark))
        .collect();
    values.push("a".repeat(64 * 1024));
    values.push(format!("{}$(touch {mark})", " ".repeat(64 * 1024)));
    values.push(format!("$(touch {mark});").repeat(2000));
    values.push("'".repeat(4000));
    values.push("(".repeat(4000));
    values.push("\u{feff}web".to_owned());
    values.extend(
        ('!'..='/')
            .chain(':'..='@')
            .chain('['..='`')
            .chain('{'..='~')
            .map(|sign| format!("{sign}touch {mark}{sign}")),
    );
    values
}
